//! Parents, who log in with MitID through NemLog-in and whose children are in the family service.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::*;
use crate::provider_reset::cpr;

/// Configuration of the environment's family service.
pub fn section() -> String {
    let fact = |name| environment().fact(name);
    format!(
        "[parents]\nurl = \"{}\"\nca_file = \"{}\"\nclient_certificate_file = \"{}\"\nclient_key_file = \"{}\"\n",
        fact("FAMILY_URL"),
        fact("CA_FILE"),
        fact("FAMILY_CLIENT_CERT"),
        fact("FAMILY_CLIENT_KEY"),
    )
}

/// An unassigned CPR number of a child born in 2025: the serial number is not in use.
pub fn child_cpr() -> String {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let n = std::process::id().wrapping_mul(11).wrapping_add(NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    format!("{:02}{:02}25{}", n % 28 + 1, n / 28 % 12 + 1, 6000 + n / 336 % 1000)
}

/// Writes a parent's children for the family service. The write is atomic, because the service reads the file at every request.
pub async fn register(parent: &str, children: &[(&str, &str)]) {
    static WRITING: Mutex<()> = Mutex::const_new(());
    let _alone = WRITING.lock().await;
    let path = PathBuf::from(environment().fact("FAMILY_DIR")).join("children.json");
    let mut all: Value = serde_json::from_slice(&fs::read(&path).expect("read")).expect("JSON");
    all[parent] = children.iter().map(|(name, cpr)| json!({ "name": name, "cpr": cpr })).collect();
    let beside = path.with_extension("new");
    fs::write(&beside, all.to_string()).expect("written");
    fs::rename(beside, path).expect("placed");
}

/// A parent of the test's own at NemLog-in with this level: user name and CPR number.
fn parent(service: &Service, level: &str) -> (String, String) {
    let (user, cpr) = (unique("mor"), cpr());
    let uuid = uuid::Uuid::from_bytes(service.app.keys.random().expect("random"));
    Idp::Nemlogin.person(
        &user,
        &[
            ("NameID", &format!("https://data.gov.dk/model/core/eid/person/uuid/{uuid}")),
            ("https://data.gov.dk/model/core/eid/cprUuid", &uuid.to_string()),
            ("https://data.gov.dk/model/core/eid/fullName", "Mor Prøvesen"),
            ("https://data.gov.dk/model/core/specVersion", "OIO-SAML-3.0"),
            ("https://data.gov.dk/concept/core/nsis/loa", level),
            ("https://data.gov.dk/concept/core/nsis/ial", level),
            ("https://data.gov.dk/concept/core/nsis/aal", level),
            ("https://data.gov.dk/model/core/eid/cprNumber", &cpr),
        ],
    );
    (user, cpr)
}

/// An account with this CPR number.
pub async fn numbered(number: &str) -> Person {
    let person = member(&["Elever 3A"]).await;
    Admin::new().await.replace(&person.dn, "employeeNumber", number).await;
    person
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_helps_a_child_and_neither_a_grown_one_nor_anothers() {
    let service = service().await;
    let (young, grown, anothers) = (child_cpr(), cpr(), child_cpr());
    let (child, adult, stranger) = (numbered(&young).await, numbered(&grown).await, numbered(&anothers).await);
    let (user, own) = parent(&service, "Substantial");
    register(&own, &[("Barn Prøvesen", &young), ("Voksen Prøvesen", &grown)]).await;
    let (browser, others) = others_of(&service, Idp::Nemlogin, &user).await;
    others.says("Barn Prøvesen");
    assert!(!others.text.contains("Voksen Prøvesen") && !others.text.contains(&adult.sam), "{}", others.text);
    let target = guid(&child).await;
    let account = browser.get(&link(&others, &child.sam)).await;
    account.says("Dit barn");
    set_for(&browser, target, NEW, false).await.says("Adgangskoden er sat");
    proven(&child, NEW, false).await;
    refused(&service, &browser, &adult, NOT_THEIRS).await;
    refused(&service, &browser, &stranger, NOT_THEIRS).await;
    // Without the relation, a form of a page opened before is refused.
    register(&own, &[]).await;
    sent_anyway(&service, &browser, target).await.says(NOT_THEIRS);
    assert_eq!(bind(&child.dn, NEW).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_with_a_login_of_too_low_a_level_sees_no_child() {
    let service = service().await;
    let young = child_cpr();
    let child = numbered(&young).await;
    let (user, own) = parent(&service, "Low");
    register(&own, &[("Barn Prøvesen", &young)]).await;
    let browser = service.visitor();
    let told = browser.log_in_at(Idp::Nemlogin, &user).await;
    assert_eq!(told.status, 403);
    told.says("Har du børn, hvis adgangskode du vil ændre, så log ind på en mere sikker måde");
    let others = browser.get("/delegation").await;
    assert_eq!(others.path, "/?login", "there is no session");
    assert_eq!(sent_anyway(&service, &browser, guid(&child).await).await.path, "/?login");
    assert_eq!(bind(&child.dn, PASSWORD).await, Ok(()));
}

/// The environment's own family: two children with accounts, one with a disabled account, one without an account.
#[tokio::test(flavor = "multi_thread")]
async fn karen_sees_her_four_children_each_as_they_are() {
    let service = service().await;
    let (_, others) = others_of(&service, Idp::Nemlogin, "karen").await;
    for (name, account) in [("Alma Kold", "alma"), ("Anton Kold", "anton")] {
        others.says(name);
        assert!(link(&others, account).starts_with("/delegation/accounts/"), "{name}");
    }
    for name in ["Kasper Kold", "Konrad Kold"] {
        others.says(name);
    }
    assert_eq!(others.text.matches("ingen konto her, som kan bruges").count(), 2, "{}", others.text);
}
