//! Parents and their children's accounts, with a family service under the test's control.

use os2nykode::model::{audit::EventKind, authorization::Denial, identity::claim::ClaimKind, refusal::Refusal};
use serde_json::{Value, json};

use super::*;
use crate::{
    oidc::liar::Says,
    provider_reset::{claim, login},
    registers::peer::{Peer, trusted},
};

/// Unique CPR numbers of children born in 2015. Serial numbers from 4000 up are unassigned there.
pub fn child_cpr() -> String {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let n = std::process::id().wrapping_mul(7).wrapping_add(NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    format!("{:02}{:02}15{}", n % 28 + 1, n / 28 % 12 + 1, 4000 + n / 336 % 1000)
}

struct Household {
    town: Town,
    peer: Peer,
    parent: Identity,
    child: Person,
    cpr: String,
}

async fn household() -> Household {
    household_with("").await
}

/// A household with additional keys of `[parents]`.
async fn household_with(keys: &str) -> Household {
    let peer = Peer::start();
    let more = format!("[parents]\nurl = \"{}\"\n{}{keys}", peer.url("/children"), trusted());
    let town = Town::new(&more).await;
    let parent = login(&town.service, "mitid", claim(ClaimKind::Cpr, "3112805999"), AssuranceLevel::Substantial);
    let child = town.person(&[]).await;
    let cpr = child_cpr();
    Admin::new().await.replace(&child.dn, "employeeNumber", &cpr).await;
    peer.says(Says::Json(200, json!([told("Emma <b>", &cpr)])));
    Household { town, peer, parent, child, cpr }
}

pub fn told(name: &str, cpr: &str) -> Value {
    json!({ "name": name, "cpr": cpr })
}

fn denied(denial: Denial) -> SetOutcome {
    SetOutcome::Refused(Refusal::Denied(denial))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_sets_a_childs_password() {
    let home = household().await;
    let target = guid(&home.child).await;
    let browser = visitor(&home.town.service, &home.parent).await;
    let page = browser.get("/account").await;
    assert_eq!(page.path, "/delegation", "a parent has no account of their own");
    page.says("Emma <b>");
    page.says(&home.child.sam);
    set_for(&browser, target, NEW, false).await.says("Adgangskoden er sat");
    assert_eq!(bind(&home.child.dn, NEW).await, Ok(()));
    let entries = history(&home.town.service, target).await;
    let reset = entries.iter().find(|event| event.kind == EventKind::ResetOutcome).expect("logged");
    assert_eq!(reset.authority.as_deref(), Some("parent"));
    let actor = reset.actor.as_ref().expect("somebody");
    assert!(actor.account_name.is_empty() && actor.name == "Testa Prøvesen" && actor.guid != target, "{actor:?}");
    for file in ["os2nykode.db", "os2nykode.db-wal"] {
        let bytes = std::fs::read(home.town.service.dir.path().join(file)).unwrap_or_default();
        for secret in ["3112805999", home.cpr.as_str(), NEW] {
            assert!(!bytes.windows(secret.len()).any(|w| w == secret.as_bytes()), "{secret} is not in {file}");
        }
    }
    assert!(
        home.peer.asked().iter().all(|question| question.method == "POST" && question.address == "/children"),
        "no number in an address"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_of_the_child_between_the_page_and_the_form_counts() {
    let home = household().await;
    let target = guid(&home.child).await;
    let mut admin = Admin::new().await;
    let adult = "0101804321";
    for said in [
        Says::Json(200, json!([])),                               // another person has custody now
        Says::Json(200, json!([told("Voksen", adult)])),          // of age
        Says::Json(200, json!([told("Sig selv", "3112805999")])), // the parent's own number
        Says::Json(200, json!([told("Et andet", &child_cpr())])), // another child
    ] {
        home.peer.says(said);
        assert_eq!(home.town.set(&home.parent, target, NEW).await, denied(Denial::NoRelation));
        let page = visitor(&home.town.service, &home.parent).await.get(&format!("/delegation/accounts/{target}")).await;
        assert_eq!(page.status, 404);
    }
    // An account with an adult's number is out of reach although the family service lists the number.
    let grown = home.town.person(&[]).await;
    admin.replace(&grown.dn, "employeeNumber", adult).await;
    home.peer.says(Says::Json(200, json!([told("Voksen", adult)])));
    assert_eq!(home.town.set(&home.parent, guid(&grown).await, NEW).await, denied(Denial::NoRelation));
    home.peer.says(Says::Json(200, json!([told("Emma", &home.cpr), told("Emma", &home.cpr)])));
    admin.replace(&home.child.dn, "userAccountControl", "514").await;
    assert_eq!(home.town.set(&home.parent, target, NEW).await, denied(Denial::NotUsable));
    visitor(&home.town.service, &home.parent).await.get("/delegation").await.says("ingen konto her, som kan bruges");
    admin.replace(&home.child.dn, "userAccountControl", "512").await;
    for (group, denial) in [
        (&home.town.closed, Denial::ClosedToOthers),
        (&home.town.barred, Denial::ClosedToOthers),
        (&home.town.protected, Denial::Protected),
        (&home.town.masters, Denial::MasterAdmin),
    ] {
        admin.add_to_group(group, &home.child.dn).await;
        assert_eq!(home.town.set(&home.parent, target, NEW).await, denied(denial));
        admin.remove(group, "member", &home.child.dn).await;
    }
    assert_eq!(bind(&home.child.dn, PASSWORD).await, Ok(()));
    assert_eq!(home.town.set(&home.parent, target, NEW).await, SetOutcome::Done, "and with everything as it was it works");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_family_service_that_fails_lets_nobody_act_and_a_weak_login_is_not_even_asked_for() {
    let home = household().await;
    let target = guid(&home.child).await;
    let weak = login(&home.town.service, "mitid", claim(ClaimKind::Cpr, "3112805999"), AssuranceLevel::Low);
    home.peer.asked();
    let browser = visitor(&home.town.service, &weak).await;
    browser.get("/delegation").await.says("en mere sikker måde");
    assert_eq!(home.town.set(&weak, target, NEW).await, denied(Denial::NoRelation));
    let named = login(&home.town.service, "os2faktor", claim(ClaimKind::AccountName, "3112805999"), AssuranceLevel::High);
    assert_eq!(home.town.set(&named, target, NEW).await, denied(Denial::NoRelation), "a name is no CPR number");
    assert!(home.peer.asked().is_empty());
    for said in [Says::Status(500), Says::Json(200, json!({ "x": 1 })), Says::Json(200, json!([{ "name": "Emma", "cpr": "x" }]))] {
        home.peer.says(said);
        let browser = visitor(&home.town.service, &home.parent).await;
        browser.get("/delegation").await.says("Vi kan ikke slå dine børn op lige nu");
        assert_eq!(browser.get(&format!("/delegation/accounts/{target}")).await.status, 503);
    }
    assert_eq!(bind(&home.child.dn, PASSWORD).await, Ok(()));
}

/// A pupil of 17 may have a second account as an employee of the municipality.
#[tokio::test(flavor = "multi_thread")]
async fn only_the_units_and_groups_of_parents_are_their_matter() {
    let mut admin = Admin::new().await;
    let (unit, name) = (admin.unit(&unique("Skole")).await, unique("Elever"));
    let pupils = admin.group(&name).await;
    let home = household_with(&format!("units = [\"{unit}\"]\ngroups = [\"{name}\", \"{name}-findes-ikke\"]\n")).await;
    let (town, child) = (&home.town, &home.child);
    let (target, browser) = (guid(child).await, visitor(&home.town.service, &home.parent).await);
    let open = async || browser.get(&format!("/delegation/accounts/{target}")).await.status.as_u16();
    browser.get("/delegation").await.says("ingen konto her, som kan bruges");
    assert_eq!((town.set(&home.parent, target, NEW).await, open().await), (denied(Denial::NoRelation), 404));
    admin.add_to_group(&pupils, &child.dn).await;
    browser.get("/delegation").await.says(&child.sam);
    assert_eq!((town.set(&home.parent, target, NEW).await, open().await), (SetOutcome::Done, 200));
    admin.remove(&pupils, "member", &child.dn).await;
    assert_eq!((town.set(&home.parent, target, OTHER).await, open().await), (denied(Denial::NoRelation), 404));
    admin.rename(&child.dn, &town.name, Some(&unit)).await;
    browser.get("/delegation").await.says(&child.sam);
    assert_eq!((town.set(&home.parent, target, OTHER).await, open().await), (SetOutcome::Done, 200));
}
