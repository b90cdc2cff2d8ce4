//! Slow registers and family services delay only the request that needs them.

use std::time::Duration;

use futures_util::future::join_all;
use os2nykode::model::audit::{AuditOutcome, EventKind};
use serde_json::json;

use super::{
    parents::{child_cpr, told},
    *,
};
use crate::{
    oidc::liar::Says,
    provider_reset::{claim, login},
    registers::peer::{Peer, trusted},
};
use os2nykode::model::identity::claim::ClaimKind;

/// A town with one connection to the controller, and a family service with a long timeout.
async fn town(peer: &Peer, more: &str) -> Town {
    let more = format!("[parents]\nurl = \"{}\"\ntimeout_seconds = 10\n{}{more}", peer.url("/children"), trusted());
    Town::with(&more, Setup { directory: "pool_size = 1", ..Setup::default() }).await
}

async fn asked(peer: &Peer) {
    for _ in 0..200 {
        if !peer.asked().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("nobody asks");
}

/// Regression: eight page views of one parent prevented all logins.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_family_service_holds_no_connection_to_a_controller() {
    let peer = Peer::start();
    let town = town(&peer, "").await;
    let (parent, person) =
        (login(&town.service, "mitid", claim(ClaimKind::Cpr, "3112805999"), AssuranceLevel::Substantial), town.person(&[]).await);
    let target = guid(&town.person(&[]).await).await;
    peer.says(Says::Nothing);
    let browser = visitor(&town.service, &parent).await;
    let form = format!("/delegation/accounts/{target}/password");
    let pages = [format!("/delegation/accounts/{target}"), form, "/delegation".to_owned(), format!("/delegation/accounts/{target}/code")];
    let waiting: Vec<_> = pages
        .into_iter()
        .map(|path| {
            let browser = browser.clone();
            tokio::spawn(async move { browser.get(&path).await.status })
        })
        .collect();
    asked(&peer).await;
    let started = std::time::Instant::now();
    town.service.visitor().logged_in(&person.sam, PASSWORD).await;
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_a_parent_is_logged_and_has_its_limit() {
    let peer = Peer::start();
    let town = town(&peer, "").await;
    let parent = login(&town.service, "mitid", claim(ClaimKind::Cpr, "3112805999"), AssuranceLevel::Substantial);
    let (child, number) = (town.person(&[]).await, child_cpr());
    Admin::new().await.replace(&child.dn, "employeeNumber", &number).await;
    peer.says(Says::Json(200, json!([told("Emma", &number)])));
    let browser = visitor(&town.service, &parent).await;
    browser.get("/delegation").await.says("Emma");
    let pool = sqlx::AnyPool::connect(&format!("sqlite://{}/os2nykode.db", town.service.dir.path().display())).await.expect("open");
    let logged: Vec<(String, String, Option<String>)> =
        sqlx::query_as("SELECT kind, outcome, authority FROM audit WHERE kind = 'list_viewed'").fetch_all(&pool).await.expect("read");
    assert_eq!(logged, [("list_viewed".to_owned(), "succeeded".to_owned(), Some("parent".to_owned()))]);
    // The child's page and the list share a limit on questions to the family service.
    let path = format!("/delegation/accounts/{}", guid(&child).await);
    peer.asked();
    let mut statuses = Vec::new();
    for _ in 0..30 {
        statuses.extend(join_all([browser.get(&path), browser.get("/delegation")]).await.into_iter().map(|page| page.status.as_u16()));
    }
    assert!(statuses.contains(&200) && statuses.contains(&429), "{statuses:?}");
    assert!(peer.asked().len() <= 40, "forty in a short while are enough");
    browser.get("/delegation").await.says("mange gange på kort tid");
    // The limit is per parent.
    let other = login(&town.service, "mitid", claim(ClaimKind::Cpr, "3112805998"), AssuranceLevel::Substantial);
    visitor(&town.service, &other).await.get("/delegation").await.says("Emma");
    pool.close().await;
}

/// In another site's frame the page asks no family service, writes no audit entry and counts for no limit.
#[tokio::test(flavor = "multi_thread")]
async fn another_site_makes_nobody_ask_for_their_children() {
    let peer = Peer::start();
    let town = town(&peer, "").await;
    let parent = login(&town.service, "mitid", claim(ClaimKind::Cpr, "3112805999"), AssuranceLevel::Substantial);
    peer.says(Says::Json(200, json!([])));
    let browser = visitor(&town.service, &parent).await;
    for site in ["cross-site", "same-site"] {
        let answer = browser.request(reqwest::Method::GET, "/delegation").header("sec-fetch-site", site).send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        assert!(answer.text().await.expect("a page").contains("Vis mine børn"), "{site}");
    }
    assert!(peer.asked().is_empty());
    let page = browser.get("/delegation").await;
    assert!(!page.text.contains("Vis mine børn") && peer.asked().len() == 1, "{}", page.text);
}

/// A helper whose desk only issues codes may set the password of an own child, as any parent may.
#[tokio::test(flavor = "multi_thread")]
async fn a_helper_is_a_parent_to_the_own_child() {
    let peer = Peer::start();
    let desk = "[codes]\nenabled = true\n[[delegation.helpdesk]]\nid = \"koder\"\nname = { da = \"Koder\", en = \"Codes\" }\ngroup = \"Koder GRUPPE\"\neverybody = true\n";
    let group = crate::environment::unique("kg");
    let dn = Admin::new().await.group(&format!("Koder {group}")).await;
    let town = town(&peer, &desk.replace("GRUPPE", &group)).await;
    let mut admin = Admin::new().await;
    let (helper, number) = (town.person(&[&dn]).await, crate::provider_reset::cpr());
    admin.replace(&helper.dn, "employeeNumber", &number).await;
    let (child, child_number, stranger) = (town.person(&[]).await, child_cpr(), town.person(&[]).await);
    admin.replace(&child.dn, "employeeNumber", &child_number).await;
    peer.says(Says::Json(200, json!([told("Emma", &child_number)])));
    let acting = login(&town.service, "mitid", claim(ClaimKind::Cpr, &number), AssuranceLevel::Substantial);
    let denied = |denial| SetOutcome::Refused(os2nykode::model::refusal::Refusal::Denied(denial));
    assert_eq!(town.set(&acting, guid(&stranger).await, NEW).await, denied(os2nykode::model::authorization::Denial::NotThisAction));
    assert_eq!(town.set(&acting, guid(&child).await, NEW).await, SetOutcome::Done);
    let reset = history(&town.service, guid(&child).await).await;
    let reset = reset.iter().find(|event| event.kind == EventKind::ResetOutcome).expect("logged");
    assert_eq!((reset.outcome, reset.authority.as_deref()), (AuditOutcome::Succeeded, Some("parent")));
    // Without the family service, the helper's own delegation still works.
    peer.says(Says::Status(500));
    let page = visitor(&town.service, &acting).await.get(&format!("/delegation/accounts/{}", guid(&stranger).await)).await;
    assert!(page.html.contains("/code\""), "{}", page.text);
}

/// The form may name any account. Accounts outside the class are denied and logged.
#[tokio::test(flavor = "multi_thread")]
async fn forged_targets_of_slips_are_denied_and_logged() {
    let town = Town::new("").await;
    let mut admin = Admin::new().await;
    let (teachers, pupils) =
        (admin.group(&format!("Lærere {} 3a", town.name)).await, admin.group(&format!("Elever {} 3a", town.name)).await);
    let (teacher, pupil) = (town.person(&[&teachers, &town.desk]).await, town.person(&[&pupils]).await);
    let (stranger, nobody) = (town.person(&[]).await, "11111111-2222-4333-8444-555555555555");
    let browser = town.browser(&teacher).await;
    let page = browser.get("/delegation").await;
    let list = page.html.split("href=\"").filter_map(|rest| rest.split('"').next()).find(|path| path.starts_with("/delegation/group/"));
    let list = browser.get(list.expect("a class")).await;
    let (token, attempt, forged) = (list.token(), list.attempt(), guid(&stranger).await.to_string());
    let fields = [("csrf", token.as_str()), ("attempt", &attempt), ("account", &forged), ("account", nobody), ("confirmed", "1")];
    let slips = browser.post(&format!("{}/slips", list.path), &fields).await;
    assert_eq!(slips.html.matches("class=\"slip\"").count(), 0, "{}", slips.text);
    assert_eq!(bind(&stranger.dn, PASSWORD).await, Ok(()), "the helpdesk's right is not the class's");
    assert_eq!(bind(&pupil.dn, PASSWORD).await, Ok(()));
    let pool = sqlx::AnyPool::connect(&format!("sqlite://{}/os2nykode.db", town.service.dir.path().display())).await.expect("open");
    let statement = "SELECT reason, target_guid FROM audit WHERE kind = 'slips_made' AND outcome = 'refused' ORDER BY target_guid";
    let logged: Vec<(String, Option<String>)> = sqlx::query_as(statement).fetch_all(&pool).await.expect("read");
    pool.close().await;
    assert_eq!(logged, [("no_relation".to_owned(), None), ("no_relation".to_owned(), Some(forged))]);
}
