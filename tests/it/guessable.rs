//! A guessable password is refused in every flow. The page gives the reason, the log has codes only, and neither repeats the password.

use os2nykode::model::{
    ad::guid::ObjectGuid,
    audit::{AuditEvent, AuditOutcome},
    identity::level::AssuranceLevel,
};

use crate::{
    others::{
        Town,
        codes::{CODES, code_for, type_in},
        set_for,
    },
    people::{Admin, PASSWORD, bind},
    provider_reset::{guid, history, os2faktor, setup, unchanged, visitor},
    service::{Service, Setup},
};

const WEAK: &str = "Leverpostej2026!";
const SAYS: &str = "Adgangskoden er et almindeligt ord (»leverpostej«) med et årstal";
const CODES_IN_LOG: &str = "guessable+common_word+date";

/// Asserts that the log has one refusal of a password, with codes only.
async fn refused_in_the_log(service: &Service, target: ObjectGuid) {
    let events: Vec<AuditEvent> = history(service, target).await;
    let refused: Vec<_> = events.iter().filter(|event| event.outcome == AuditOutcome::Refused).collect();
    assert_eq!(refused.len(), 1, "{events:?}");
    assert_eq!(refused[0].reason, CODES_IN_LOG);
    let all = format!("{events:?}").to_lowercase();
    assert!(!all.contains("leverpostej"), "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_to_a_weak_password_is_refused_with_its_reason() {
    let service = Service::start().await;
    let person = Admin::new().await.person().await;
    let browser = service.visitor();
    let account = browser.logged_in(&person.sam, PASSWORD).await;
    browser.get(&format!("{}/password", account.account_path())).await.says("Svær at gætte");
    let page = browser.change(&account, PASSWORD, WEAK).await;
    page.says(SAYS);
    page.says("Brug fire tilfældige ord");
    page.does_not_hold(WEAK);
    unchanged(&person).await;
    refused_in_the_log(&service, guid(&person).await).await;
    // The old password with the next number.
    browser.change(&account, PASSWORD, "Grønne-Cykler-89").await.says("ligner din gamle");
    browser.change(&account, PASSWORD, &format!("{}-Xkv7!Q", person.sam)).await.says("navn eller brugernavn");
    unchanged(&person).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_after_a_login_at_a_provider_is_refused_too() {
    let service = setup("").start().await;
    let person = Admin::new().await.person().await;
    let target = guid(&person).await;
    let browser = visitor(&service, &os2faktor(&service, &person, AssuranceLevel::High)).await;
    let page = browser.reset(&format!("/accounts/{target}"), WEAK).await;
    page.says(SAYS);
    page.does_not_hold(WEAK);
    unchanged(&person).await;
    refused_in_the_log(&service, target).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_helper_sees_the_reason_too() {
    let town = Town::new("").await;
    let (helper, person) = (town.person(&[&town.desk]).await, town.person(&[]).await);
    let target = guid(&person).await;
    let browser = visitor(&town.service, &town.login(&helper)).await;
    let page = set_for(&browser, target, WEAK, true).await;
    page.says(SAYS);
    unchanged(&person).await;
    refused_in_the_log(&town.service, target).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_by_a_code_is_refused_too_and_the_code_stays_good() {
    let town = Town::new(CODES).await;
    let (helper, person) = (town.person(&[&town.desk]).await, town.person(&[]).await);
    let target = guid(&person).await;
    let code = code_for(&visitor(&town.service, &town.login(&helper)).await, target).await;
    let browser = town.service.visitor();
    type_in(&browser, &person.sam, &code).await.says("Vælg");
    let page = browser.reset(&format!("/accounts/{target}"), WEAK).await;
    page.says(SAYS);
    unchanged(&person).await;
    refused_in_the_log(&town.service, target).await;
    browser.reset(&format!("/accounts/{target}"), "Rolig-Cykel-Havre-472").await;
    assert_eq!(bind(&person.dn, "Rolig-Cykel-Havre-472").await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_nought_judges_nothing() {
    let more = "[rate_limit.name]\nattempts_before_delay = 100\n[rate_limit.address]\nattempts_before_delay = 1000\n\
        [login.ad_password]\nanswer_after_ms = 0\n[policy.default]\nmin_guesses = 0\n";
    let service = Setup { more, ..Setup::default() }.start().await;
    let person = Admin::new().await.person().await;
    let browser = service.visitor();
    let account = browser.logged_in(&person.sam, PASSWORD).await;
    browser.change(&account, PASSWORD, WEAK).await.says("Din adgangskode er skiftet");
}
