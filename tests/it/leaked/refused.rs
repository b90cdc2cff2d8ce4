//! A leaked password is refused in every flow. The page has its count, the audit log a code, and neither has the password.

use std::{fs, process::Command};

use os2nykode::{
    leaked::HashKind,
    model::{audit::AuditOutcome, identity::level::AssuranceLevel},
};

use super::{
    download::{Workshop, entries, lines},
    range_api::{Behaviour, RangeApi},
};
use crate::{
    others::{
        Town,
        codes::{code_for, type_in},
        set_for,
    },
    people::{Admin, PASSWORD, bind},
    process::{Running, free_address, start, write_config},
    provider_reset::{guid, history, os2faktor, unchanged, visitor},
    service::{Service, Setup},
    visitor::Visitor,
};

/// One of the vectors. Its guessability would refuse it too, so that limit is off here.
const LEAKED: &str = "Velkommen1234";
const SAYS: &str = "Adgangskoden er set i 2.210 lækager";
const NEW: &str = "Rolig-Cykel-Havre-472";
const CALM: &str = "[rate_limit.name]\nattempts_before_delay = 100\n[rate_limit.address]\nattempts_before_delay = 1000\n\
    [login.ad_password]\nanswer_after_ms = 0\n";

fn setup(keys: &str) -> Setup {
    Setup { more: format!("{CALM}[policy.default]\nmin_guesses = 0\n[policy.leaked]\n{keys}\n").leak(), ..Setup::default() }
}

fn list() -> Workshop {
    let workshop = Workshop::new();
    workshop.import(&workshop.write("download", lines(&entries(HashKind::Sha1, 3000), "\n").as_bytes())).expect("imported");
    workshop
}

async fn run(dir: &tempfile::TempDir, setup: &Setup) -> (Running, Visitor) {
    let address = free_address();
    write_config(dir.path(), setup, address);
    (start(dir.path(), address).await, Visitor::new(address))
}

fn log(dir: &tempfile::TempDir) -> String {
    fs::read_to_string(dir.path().join("log")).expect("a log")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_refuses_what_its_list_holds_and_opens_a_new_list_at_sighup() {
    let (workshop, dir) = (list(), tempfile::tempdir().expect("a folder"));
    let (running, browser) = run(&dir, &setup(&format!("file = \"{}\"", workshop.target().display()))).await;
    let person = Admin::new().await.person().await;
    let account = browser.logged_in(&person.sam, PASSWORD).await;
    browser.get(&format!("{}/password", account.account_path())).await.says("Ikke kendt fra lækager");
    let page = browser.change(&account, PASSWORD, LEAKED).await;
    page.says(SAYS);
    page.does_not_hold(LEAKED);
    unchanged(&person).await;
    let mut more = entries(HashKind::Sha1, 10);
    more.insert(sha1(NEW), 1);
    workshop.import(&workshop.write("next", lines(&more, "\n").as_bytes())).expect("imported");
    let sent = Command::new("kill").args(["-HUP", &running.child.id().to_string()]).status().expect("kill");
    assert!(sent.success());
    for _ in 0..200 {
        if log(&dir).contains("configuration reloaded") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    browser.change(&account, PASSWORD, NEW).await.says("Adgangskoden er set i en lækage");
    unchanged(&person).await;
    browser.change(&account, PASSWORD, "Grønne-Cykler-89").await.says("Din adgangskode er skiftet");
    assert!(!log(&dir).contains(LEAKED) && !log(&dir).contains(NEW));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_asks_the_range_api_with_five_digits_and_accepts_what_cannot_be_looked_up() {
    let (api, dir) = (RangeApi::start().await, tempfile::tempdir().expect("a folder"));
    let (_running, browser) = run(&dir, &setup(&format!("online = true\naddress = {:?}", api.address()))).await;
    let person = Admin::new().await.person().await;
    let account = browser.logged_in(&person.sam, PASSWORD).await;
    browser.change(&account, PASSWORD, LEAKED).await.says(SAYS);
    unchanged(&person).await;
    assert_eq!(api.asked().iter().map(|asked| asked.uri.as_str()).collect::<Vec<_>>(), ["/range/BE59B"]);
    api.behave(Behaviour::Status(500));
    browser.change(&account, PASSWORD, NEW).await.says("Din adgangskode er skiftet");
    assert_eq!(bind(&person.dn, NEW).await, Ok(()));
    let log = log(&dir);
    assert!(log.contains("leaked passwords can't be looked up"), "{log}");
    assert!(!log.contains("/range/") && !log.contains("BE59B") && !log.contains(NEW), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_unchecked_passwords_are_refused_nothing_is_set_while_nothing_can_be_asked() {
    let keys = "file = \"/none/at/all.list\"\nwhen_unavailable = \"refuse\"";
    let service: Service = setup(keys).start().await;
    let person = Admin::new().await.person().await;
    let target = guid(&person).await;
    let browser = service.visitor();
    let account = browser.logged_in(&person.sam, PASSWORD).await;
    browser.change(&account, PASSWORD, NEW).await.says("kan ikke slås op blandt lækkede adgangskoder");
    unchanged(&person).await;
    let events = history(&service, target).await;
    assert!(events.iter().any(|event| event.outcome == AuditOutcome::Refused && event.reason == "leak_unchecked"), "{events:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_helper_and_a_one_time_code_are_told_of_a_leak_too() {
    let workshop = list();
    let more = format!(
        "[codes]\nenabled = true\n[policy.default]\nmin_guesses = 0\n[policy.leaked]\nfile = \"{}\"\nmin_count = 2210\n",
        workshop.target().display()
    );
    let town = Town::new(more.leak()).await;
    let (helper, person) = (town.person(&[&town.desk]).await, town.person(&[]).await);
    let target = guid(&person).await;
    let desk = visitor(&town.service, &town.login(&helper)).await;
    set_for(&desk, target, LEAKED, true).await.says(SAYS);
    let code = code_for(&desk, target).await;
    let browser = town.service.visitor();
    type_in(&browser, &person.sam, &code).await.says("Vælg");
    let page = browser.reset(&format!("/accounts/{target}"), LEAKED).await;
    page.says(SAYS);
    page.does_not_hold(LEAKED);
    let owner = visitor(&town.service, &os2faktor(&town.service, &person, AssuranceLevel::High)).await;
    owner.reset(&format!("/accounts/{target}"), LEAKED).await.says(SAYS);
    unchanged(&person).await;
    let events = history(&town.service, target).await;
    let refused: Vec<_> = events.iter().filter(|event| event.outcome == AuditOutcome::Refused).map(|event| event.reason.as_str()).collect();
    assert_eq!(refused, ["leaked", "leaked", "leaked"], "{events:?}");
    assert!(!format!("{events:?}").to_lowercase().contains("velkommen1234"));
}

fn sha1(text: &str) -> String {
    let bytes = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
    data_encoding::HEXUPPER.encode(bytes.as_ref())
}
