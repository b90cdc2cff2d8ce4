//! Password resets by provider login through the pages, on a real controller.

use jiff::Timestamp;
use os2nykode::model::{
    audit::{AuditEvent, AuditOutcome, EventKind},
    identity::{level::AssuranceLevel, provider::ProviderId},
};

use crate::{
    environment::{environment, unique},
    idp::{Idp, Introduced, Wishes, introduced, pupil},
    people::{Admin, PASSWORD, Person, bind},
    visitor::{Page, Visitor},
};

const NEW: &str = "Blå-Sejlbåd-4711";
const NSIS: &str = "https://data.gov.dk/concept/core/nsis/loa";

/// An account, and its person at OS2faktor with a level.
async fn employee(admin: &mut Admin, level: &str) -> Person {
    let person = admin.person().await;
    Idp::Os2faktor.person(&person.sam, &[("NameID", &person.sam), ("sAMAccountName", &person.sam), ("name", "Testa"), (NSIS, level)]);
    person
}

async fn logged_in(introduced: &Introduced, idp: Idp, user: &str) -> (Visitor, Page) {
    let visitor = introduced.service.visitor();
    let page = visitor.log_in_at(idp, user).await;
    assert!(page.path.starts_with("/accounts/"), "{user}: {} {}", page.path, page.text);
    (visitor, page)
}

async fn history(introduced: &Introduced, admin: &mut Admin, person: &Person) -> Vec<AuditEvent> {
    let guid = admin.guid(&person.sam).await;
    let entries = introduced.service.app.audit.history_of(guid, 50, Timestamp::MIN).await.expect("read");
    entries.into_iter().map(|entry| entry.event).collect()
}

async fn still_the_old_one(person: &Person) {
    assert_eq!(bind(&person.dn, PASSWORD).await, Ok(()), "nothing was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_is_proven_by_a_bind_and_the_old_password_is_dead() {
    let introduced = introduced(Wishes::USUAL).await;
    let mut admin = Admin::new().await;
    let person = employee(&mut admin, "Substantial").await;
    let (visitor, account) = logged_in(&introduced, Idp::Os2faktor, &person.sam).await;
    visitor.reset(&account.account_path(), NEW).await.says("Din adgangskode er skiftet");
    assert_eq!(bind(&person.dn, NEW).await, Ok(()));
    assert_eq!(bind(&person.dn, PASSWORD).await, Err("52e".to_owned()));
    let all = history(&introduced, &mut admin, &person).await;
    let reset = all.iter().find(|event| event.kind == EventKind::ResetOutcome).expect("logged");
    assert_eq!(reset.outcome, AuditOutcome::Succeeded);
    for event in &all {
        assert_eq!(event.provider.as_ref().map(ProviderId::as_str), Some("os2faktor"), "{event:?}");
        assert_eq!(event.level, Some(AssuranceLevel::Substantial));
        assert!(event.assertion.as_ref().is_some_and(|id| id.starts_with('_')));
    }
    visitor.get(&account.path).await.says("Ny adgangskode sat (OS2faktor)");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_below_the_rule_sees_the_account_and_what_would_do_and_resets_nothing() {
    let introduced = introduced(Wishes::USUAL).await;
    let mut admin = Admin::new().await;
    let person = employee(&mut admin, "Low").await;
    let (visitor, account) = logged_in(&introduced, Idp::Os2faktor, &person.sam).await;
    account.says("niveauet Betydelig");
    account.says("Log ind med MitID");
    assert!(!account.html.contains(&format!("{}/password", account.path)), "no way to a form that can't succeed");
    // A form from an earlier, stronger login or a forged one.
    let attempt = "00000000000040008000000000000001";
    let token = crate::page_check::attribute(&account.html, "input[name=csrf]", "value").expect("the logout form's token");
    for current in [None, Some(PASSWORD)] {
        let mut fields = vec![("csrf", token.as_str()), ("attempt", attempt), ("new", NEW), ("repeat", NEW)];
        fields.extend(current.map(|current| ("current", current)));
        let page = visitor.post(&format!("{}/password", account.path), &fields).await;
        page.says("niveauet Betydelig");
    }
    still_the_old_one(&person).await;
    let all = history(&introduced, &mut admin, &person).await;
    assert!(all.iter().any(|event| event.kind == EventKind::ResetOutcome && event.reason == "too_weak"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_without_a_level_or_with_an_unknown_one_resets_nothing() {
    let introduced = introduced(Wishes::USUAL).await;
    let mut admin = Admin::new().await;
    for level in ["", "substantial", "4", "https://data.gov.dk/concept/core/nsis/Substantial"] {
        let person = employee(&mut admin, level).await;
        let (_, account) = logged_in(&introduced, Idp::Os2faktor, &person.sam).await;
        account.says("niveauet Betydelig");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pupils_group_takes_uni_login_and_no_other_group_does() {
    let introduced = introduced(Wishes::USUAL).await;
    let mut admin = Admin::new().await;
    for in_group in [true, false] {
        let (person, uniid) = pupil(&mut admin, in_group).await;
        let (visitor, account) = logged_in(&introduced, Idp::Unilogin, &uniid).await;
        if in_group {
            visitor.reset(&account.account_path(), NEW).await.says("Din adgangskode er skiftet");
            assert_eq!(bind(&person.dn, NEW).await, Ok(()));
        } else {
            account.says("niveauet Betydelig");
            still_the_old_one(&person).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_older_than_the_limit_goes_back_to_the_provider() {
    let introduced = introduced(Wishes::USUAL).await;
    let mut admin = Admin::new().await;
    let person = employee(&mut admin, "Substantial").await;
    let (visitor, account) = logged_in(&introduced, Idp::Os2faktor, &person.sam).await;
    let form = visitor.get(&format!("{}/password", account.path)).await;
    // Sessions end after ten minutes without a request, so this one needs a request in between.
    introduced.service.clock.shift_to(8 * 60);
    visitor.get(&account.path).await.says("Vælg");
    introduced.service.clock.shift_to(16 * 60);
    let fields = [("csrf", form.token()), ("attempt", form.attempt()), ("new", NEW.to_owned()), ("repeat", NEW.to_owned())];
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let page = visitor.post(&format!("{}/password", account.path), &fields).await;
    page.says("for længe siden");
    assert!(page.html.contains("/login/os2faktor?again"), "{}", page.html);
    still_the_old_one(&person).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_provider_proves_is_never_matched_by_anothers_rule() {
    let introduced = introduced(Wishes::USUAL).await;
    let mut admin = Admin::new().await;
    let (victim, attacker) = (admin.person().await, admin.person().await);
    let uniid = unique("uni");
    admin.replace(&attacker.dn, "employeeID", &uniid).await;
    // At Uni-Login the attacker has the victim's account name in every attribute that another provider would match by.
    Idp::Unilogin.person(
        &uniid,
        &[
            ("NameID", &victim.sam),
            ("sAMAccountName", &victim.sam),
            ("dk:unilogin:uniid", &uniid),
            ("dk:unilogin:aktoergruppe", "Elev"),
            (NSIS, "High"),
        ],
    );
    let (visitor, account) = logged_in(&introduced, Idp::Unilogin, &uniid).await;
    account.says(&attacker.sam);
    let guid = admin.guid(&victim.sam).await;
    assert_eq!(visitor.get(&format!("/accounts/{guid}")).await.status, 404);
    let path = format!("/accounts/{guid}/password");
    let token = crate::page_check::attribute(&account.html, "input[name=csrf]", "value").expect("a token");
    let attempt = "00000000000040008000000000000002";
    let page = visitor.post(&path, &[("csrf", &token), ("attempt", attempt), ("new", NEW), ("repeat", NEW)]).await;
    assert_eq!(page.status, 404);
    still_the_old_one(&victim).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accent_more_or_less_is_another_person() {
    let introduced = introduced(Wishes::USUAL).await;
    let mut admin = Admin::new().await;
    let person = admin.person().await;
    let accented = person.sam.replacen('p', "p\u{301}", 1);
    let wide: String = person.sam.replacen('p', "\u{ff50}", 1);
    for (number, name) in [accented, wide, format!("{}\u{200b}", person.sam)].into_iter().enumerate() {
        let user = format!("{}-{number}", person.sam);
        Idp::Os2faktor.person(&user, &[("NameID", &user), ("sAMAccountName", &name), (NSIS, "High")]);
        let visitor = introduced.service.visitor();
        visitor.log_in_at(Idp::Os2faktor, &user).await;
        assert!(visitor.get("/account").await.path.starts_with("/?"), "{name:?} opens nothing");
    }
    let upper = format!("{}-upper", person.sam);
    Idp::Os2faktor.person(&upper, &[("NameID", &upper), ("sAMAccountName", &person.sam.to_uppercase()), (NSIS, "High")]);
    logged_in(&introduced, Idp::Os2faktor, &upper).await.1.says(&person.sam);
    // Blanks around a value are layout of the provider.
    let blank = format!("{}-blank", person.sam);
    Idp::Os2faktor.person(&blank, &[("NameID", &blank), ("sAMAccountName", &format!(" {} ", person.sam)), (NSIS, "High")]);
    logged_in(&introduced, Idp::Os2faktor, &blank).await.1.says(&person.sam);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cpr_number_matches_with_and_without_dash_and_is_kept_nowhere() {
    let introduced = introduced(Wishes::USUAL).await;
    let mut admin = Admin::new().await;
    // CPR numbers of people born in the 1880s, so of no living person.
    let serial = 5000 + std::process::id() % 900;
    for (stored, sent) in [(format!("030383{serial}"), format!("030383{serial}")), (format!("040483-{serial}"), format!("040483{serial}"))]
    {
        let person = admin.person().await;
        admin.replace(&person.dn, "employeeNumber", &stored).await;
        Idp::Nemlogin.person(
            &person.sam,
            &[
                ("NameID", &format!("https://data.gov.dk/model/core/eid/person/uuid/{}", person.sam)),
                ("https://data.gov.dk/model/core/eid/cprNumber", &sent),
                ("https://data.gov.dk/model/core/specVersion", "OIO-SAML-3.0"),
                (NSIS, "Substantial"),
            ],
        );
        let (visitor, account) = logged_in(&introduced, Idp::Nemlogin, &person.sam).await;
        visitor.reset(&account.account_path(), NEW).await.says("Din adgangskode er skiftet");
        let log = format!("{:?}", history(&introduced, &mut admin, &person).await);
        assert!(log.contains("nemlogin"));
        for file in std::fs::read_dir(introduced.service.dir.path()).expect("a folder").map(|file| file.expect("a file").path()) {
            let content = std::fs::read(&file).unwrap_or_default();
            for number in [&stored, &sent] {
                let found = content.windows(number.len()).any(|window| window == number.as_bytes());
                assert!(!found, "a CPR number in {}", file.display());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rest_of_the_policy_holds_for_a_reset_too() {
    let introduced = introduced(Wishes::USUAL).await;
    let mut admin = Admin::new().await;
    let person = employee(&mut admin, "Substantial").await;
    let (visitor, account) = logged_in(&introduced, Idp::Os2faktor, &person.sam).await;
    visitor.reset(&account.account_path(), "kort").await.says("12 tegn");
    visitor.reset(&account.account_path(), NEW).await.says("Din adgangskode er skiftet");
    visitor.reset(&account.account_path(), "Grøn-Sejlbåd-4712").await.says("igen"); // the minimum age, which a plain reset bypasses
    assert_eq!(bind(&person.dn, NEW).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protected_account_is_told_that_we_lack_the_right() {
    let introduced = introduced(Wishes::USUAL).await;
    let user = unique("beate");
    Idp::Os2faktor.person(&user, &[("NameID", &user), ("sAMAccountName", "beate"), (NSIS, "High")]);
    let (visitor, account) = logged_in(&introduced, Idp::Os2faktor, &user).await;
    visitor.reset(&account.account_path(), NEW).await.says("servicedesken");
    assert_eq!(bind(&Admin::new().await.dn("beate").await, environment().fact("PEOPLE_PASSWORD")).await, Ok(()));
}
