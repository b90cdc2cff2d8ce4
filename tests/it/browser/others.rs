//! Delegation in a real browser: a teacher with slips, a helpdesk with a code, the caller who redeems it. axe checks each page.

use super::*;
use crate::{environment::unique, others::Town, people::Person};

/// A browser whose session has a provider login of this person.
async fn acting(town: &Town, person: &Person, width: u32) -> Browser {
    let browser = Browser::open(true, width).await;
    browser.log_in(&town.service, &person.sam, PASSWORD).await;
    browser.says("Sidst skiftet").await;
    browser.begin(&town.service, &town.login(person)).await;
    browser
}

async fn text_of(browser: &Browser, css: &str) -> String {
    browser.client.wait().for_element(Locator::Css(css)).await.unwrap_or_else(|_| panic!("{css}")).text().await.expect("text")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_teacher_sets_one_password_and_prints_slips_for_a_class() {
    let mut admin = Admin::new().await;
    let town = Town::new("").await;
    let (teachers, pupils) =
        (admin.group(&format!("Lærere {} 2c", town.name)).await, admin.group(&format!("Elever {} 2c", town.name)).await);
    let teacher = town.person(&[&teachers]).await;
    let mut class = Vec::new();
    for given in ["Åse", "Børge", "Cæcilie"] {
        let pupil = admin.person_named(&unique("e"), given, "Ærøskøbing-Søndergaard").await;
        admin.add_to_group(&pupils, &pupil.dn).await;
        class.push(pupil);
    }
    let browser = acting(&town, &teacher, 390).await;
    browser.go(&town.service, "/delegation").await;
    browser.look("others-390").await;
    browser.press("main a.button").await;
    browser.says("Her er 3.").await;
    browser.look("class-390").await;
    browser.fill("#q", "Børg").await; // the search runs without a button
    browser.says("1 fundet.").await;
    assert_eq!(browser.script("return location.search").await, json!(""), "in no address");
    browser.press("#results[aria-busy=false] .people a").await;
    browser.says("Derfor kan du hjælpe").await;
    browser.look("pupil-390").await;
    browser.press("main .actions a.button").await;
    browser.press("main p a.button").await; // a passphrase suggestion
    browser.says("Forslag til ny adgangskode").await;
    browser.look("proposal-390").await;
    let proposal = browser.client.find(Locator::Css("#new")).await.expect("a field").prop("value").await.expect("read").expect("text");
    browser.press("main button[type=submit]").await;
    browser.says("Adgangskoden er sat").await;
    browser.look("set-for-another-390").await;
    let mut set = 0;
    for pupil in &class {
        set += usize::from(bind(&pupil.dn, &proposal).await == Err("773".to_owned()));
    }
    assert_eq!(set, 1, "one has it, and has to change it");
    browser.go(&town.service, "/delegation").await;
    browser.press("main a.button").await;
    browser.says("Her er 3.").await;
    browser.press("main form p.actions button[name=all]").await; // ticks all accounts
    let ticked = browser.client.wait().for_element(Locator::Css("input[name=account][checked]")).await; // only the new page has these
    ticked.expect("all are ticked");
    browser.press("main form p.actions button:not([name])").await;
    browser.says("Sæt ny adgangskode for 3 personer?").await;
    browser.look("slips-confirm-390").await;
    browser.press("main button[type=submit]").await;
    browser.says("Udskriv siden").await;
    browser.look("slips-390").await;
    for _ in &class {
        assert!(text_of(&browser, ".slip-password").await.contains('-'));
    }
    assert_eq!(browser.script("return document.querySelectorAll('.slip').length").await, json!(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_helpdesk_reads_a_code_aloud_and_the_caller_chooses_a_password() {
    let town = Town::new("[codes]\nenabled = true\n").await;
    let mut admin = Admin::new().await;
    let helper = town.person(&[&town.desk]).await;
    let caller = admin.person_named(&unique("r"), "Ringe", "Ringsen").await;
    crate::environment::environment().age(&caller.sam, 10);
    let browser = acting(&town, &helper, 1280).await;
    browser.go(&town.service, "/delegation/desk/desk").await;
    browser.fill("#q", &caller.sam).await;
    browser.press("main form button[type=submit]").await;
    browser.says("1 fundet.").await;
    browser.look("search-1280").await;
    browser.press(".people a").await;
    browser.says("Kan bruges").await;
    browser.look("caller-1280").await;
    browser.press("main .actions a[href$='/code']").await;
    browser.says("Det skal du kontrollere først").await;
    browser.look("give-code-1280").await;
    browser.press("#checked").await;
    browser.fill("#reason", "Ringede fra sit eget nummer").await;
    browser.press("main button[type=submit]").await;
    browser.says("Læs koden op").await;
    browser.look("code-shown-1280").await;
    let code = text_of(&browser, ".code-shown").await;
    // The caller, on a phone.
    let phone = Browser::open(true, 390).await;
    phone.go(&town.service, "/").await;
    phone.press("a[href='/code']").await;
    phone.fill("#name", &caller.sam).await;
    phone.fill("#code", &code.to_lowercase()).await;
    phone.look("code-390").await;
    phone.press("main button[type=submit]").await;
    phone.fill("#new", NEW).await;
    phone.fill("#repeat", NEW).await;
    phone.press("main button[type=submit]").await;
    phone.says("Din adgangskode er skiftet").await;
    assert_eq!(bind(&caller.dn, NEW).await, Ok(()));
    browser.go(&town.service, "/delegation/desk/desk").await;
    browser.fill("#q", &caller.sam).await;
    browser.press("main form button[type=submit]").await;
    browser.press(".people a").await;
    browser.says("gav en engangskode").await;
    browser.look("history-of-another-1280").await;
}
