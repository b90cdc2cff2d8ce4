//! The audit log in a real browser: search, an entry, a visit, the overview, a saved search. axe checks each page.

use super::*;
use crate::{log_pages::Archive, people::Person};

async fn auditor(archive: &Archive, width: u32) -> Browser {
    let person: Person = archive.town.person(&[&archive.auditors]).await;
    let browser = Browser::open(true, width).await;
    browser.log_in(&archive.town.service, &person.sam, PASSWORD).await;
    browser.says("Sidst skiftet").await;
    browser.begin(&archive.town.service, &archive.town.login(&person)).await;
    browser
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_finds_an_entry_follows_the_visit_and_keeps_the_search() {
    let archive = Archive::new().await;
    let (admin, member) = archive.reset().await;
    let service = &archive.town.service;
    for width in [390, 1280] {
        let browser = auditor(&archive, width).await;
        browser.go(service, "/delegation").await;
        browser.press("main a[href='/audit']").await;
        browser.says("bliver selv skrevet i loggen").await;
        browser.look(&format!("log-{width}")).await;
        browser.fill("#about", &member.sam).await;
        browser.press("#kind option[value=reset_outcome]").await;
        browser.press("form[role=search] button[type=submit]").await;
        browser.says("Nulstilling af adgangskode").await;
        browser.says(&admin.sam).await;
        assert_eq!(browser.script("return location.pathname + location.search").await, json!("/audit"), "in no address");
        browser.look(&format!("log-found-{width}")).await;
        browser.fill("#keep-name", "Nulstillinger").await;
        browser.press(".log-keep button").await;
        browser.says("Nulstillinger").await;
        browser.look(&format!("log-kept-{width}")).await;
        browser.press(".kept form[action='/audit'] button").await;
        browser.says("Nulstilling af adgangskode").await;
        browser.says("Søgt efter: Konto eller navn, det handler om:").await;
        browser.says("Hændelse: Nulstilling af adgangskode").await;
        browser.press(".entries a").await;
        browser.says("Hele besøget").await;
        browser.look(&format!("log-entry-{width}")).await;
        browser.press("main a[href^='/audit/visits/']").await;
        browser.says("Nulstilling begyndt").await;
        browser.look(&format!("log-visit-{width}")).await;
        browser.go(service, "/audit/overview").await;
        browser.says("Adgangskoder sat").await;
        browser.look(&format!("log-overview-{width}")).await;
    }
}
