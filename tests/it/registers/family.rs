//! Children of a parent: valid and invalid answers of a family service.

use jiff::civil::{Date, date};
use os2nykode::registers::{Child, Family, RegisterError, RegisterErrorCause};
use serde_json::{Value, json};

use super::{
    ANNA, cpr, parents,
    peer::{Peer, trusted},
    tells_nothing, trouble,
};
use crate::oidc::liar::Says;

const TODAY: Date = date(2026, 11, 23);
/// Born in 2015 and 2012.
const EMMA: &str = "0101154000";
const OSKAR: &str = "2902124000";

fn family(peer: &Peer, more: &str) -> Family {
    Family::new(&parents(&format!("[parents]\nurl = \"{}\"\n{}{more}\n", peer.url("/children"), trusted()))).expect("prepared")
}

async fn told(family: &Family) -> Vec<(String, String)> {
    shown(family.children_of(&cpr(ANNA), TODAY).await)
}

fn shown(children: Result<Vec<Child>, RegisterError>) -> Vec<(String, String)> {
    let children = children.unwrap_or_else(|fault| panic!("{fault}"));
    children.into_iter().map(|child| (child.name.clone(), child.cpr.digits().to_owned())).collect()
}

fn child(name: &str, cpr: &str) -> Value {
    json!({ "name": name, "cpr": cpr })
}

#[tokio::test]
async fn the_children_are_told_in_the_order_of_the_service() {
    let peer = Peer::start();
    peer.says(Says::Json(200, json!([child("Emma Elkjær", EMMA), child("Oskar", "290212-4000")])));
    let family = family(&peer, "");
    let both = [("Emma Elkjær".to_owned(), EMMA.to_owned()), ("Oskar".to_owned(), OSKAR.to_owned())];
    assert_eq!(told(&family).await, both);
    assert_eq!(peer.asked()[0].body, format!("{{\"cpr\":\"{ANNA}\"}}"));
    peer.says(Says::Json(200, json!([])));
    assert_eq!(told(&family).await, []);
}

#[tokio::test]
async fn fields_places_and_the_age_are_as_configured() {
    let peer = Peer::start();
    peer.says(Says::Json(200, json!({ "data": [{ "n": { "first": "Emma" }, "personnummer": EMMA, "cpr": OSKAR }] })));
    let family_with = family(&peer, "accounts_at = \"data\"\nname_field = \"/n/first\"\ncpr_field = \"personnummer\"\nage_limit = 12");
    assert_eq!(told(&family_with).await, [("Emma".to_owned(), EMMA.to_owned())]);
    for (today, known) in [(date(2026, 12, 31), true), (date(2027, 1, 1), false), (date(2014, 12, 31), false), (date(2015, 1, 1), true)] {
        assert_eq!(shown(family_with.children_of(&cpr(ANNA), today).await).len(), usize::from(known), "{today}");
    }
    peer.says(Says::Status(404));
    assert_eq!(told(&family(&peer, "not_found_statuses = [404]")).await, []);
    let get = format!("method = \"get\"\ncpr_in_address = true\n{}", trusted());
    let get = Family::new(&parents(&format!("[parents]\nurl = \"{}\"\n{get}", peer.url("/children/{cpr}")))).expect("prepared");
    peer.says(Says::Json(200, json!([child("Emma", EMMA)])));
    peer.asked();
    assert_eq!(told(&get).await.len(), 1);
    assert_eq!(peer.asked()[0].address, format!("/children/{ANNA}"));
}

#[tokio::test]
async fn of_a_service_that_lies_only_what_can_be_true_is_believed() {
    let peer = Peer::start();
    let family = family(&peer, "");
    let list = [
        child("Emma", EMMA),
        child("Emma again", "010115-4000"),
        child("The parent", ANNA),
        child("The parent again", "010280-5100"),
        child("An adult", "0101804000"),
        child("Of age today", "2311084000"),
        child("Of age tomorrow", "2411084000"),
        child("Not born yet", "2411264000"),
        child("From another century", "0101150000"),
    ];
    peer.says(Says::Json(200, json!(list)));
    let names: Vec<_> = told(&family).await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["Emma", "Of age tomorrow"]);
}

#[tokio::test]
async fn a_name_is_one_line_that_can_be_shown() {
    let peer = Peer::start();
    let family = family(&peer, "");
    for (said, shown) in [
        ("Emma\r\n\tElkjær\u{0}", "Emma Elkjær"),
        ("  Emma  ", "Emma"),
        ("\u{202E}ammE\u{200B}", "ammE"),
        ("<b>Emma</b>", "<b>Emma</b>"),
        ("", ""),
        (&"æ".repeat(300), &"æ".repeat(200)),
    ] {
        peer.says(Says::Json(200, json!([child(said, EMMA)])));
        assert_eq!(told(&family).await, [(shown.to_owned(), EMMA.to_owned())], "{said:?}");
    }
}

#[tokio::test]
async fn what_is_no_list_of_children_is_a_fault() {
    let peer = Peer::start();
    let family = family(&peer, "timeout_seconds = 0.5");
    let nearly = |changed: Value| json!([child("Emma", EMMA), changed]);
    for answer in [
        json!(null),
        json!({}),
        child("Emma", EMMA),
        json!("Emma"),
        nearly(json!("Emma")),
        nearly(json!(null)),
        nearly(json!([["Emma", EMMA]])),
        nearly(json!({ "name": "Oskar" })),
        nearly(json!({ "cpr": OSKAR })),
        nearly(json!({ "name": "Oskar", "cpr": null })),
        nearly(json!({ "name": null, "cpr": OSKAR })),
        nearly(json!({ "name": "Oskar", "cpr": 2_902_124_000_u32 })),
        nearly(json!({ "name": 7, "cpr": OSKAR })),
        nearly(child("Oskar", "")),
        nearly(child("Oskar", "2902134000")),
        nearly(child("Oskar", "6101154000")),
        nearly(child("Oskar", "010115 4000")),
        nearly(child("Oskar", "٠١٠١١٥٤٠٠٠")),
    ] {
        peer.says(Says::Json(200, answer.clone()));
        let wrong = trouble(family.children_of(&cpr(ANNA), TODAY).await, "parents");
        assert!(matches!(wrong, RegisterErrorCause::NotAsConfigured(_)), "{answer}: {wrong:?}");
        let text = wrong.to_string();
        assert!(!text.contains("Emma") && !text.contains("4000"), "{text}");
    }
    let thirty: Vec<_> = (1..=30).map(|n| child("X", &format!("01011540{n:02}"))).collect();
    peer.says(Says::Json(200, json!(thirty)));
    assert_eq!(told(&family).await.len(), 30);
    let more = [thirty, vec![child("X", EMMA)]].concat();
    peer.says(Says::Json(200, json!(more)));
    assert_eq!(trouble(family.children_of(&cpr(ANNA), TODAY).await, "parents"), RegisterErrorCause::TooMany(30));
    for (says, right) in [
        (Says::Text("text/html", "<html>".into()), RegisterErrorCause::NotAsConfigured("it is not JSON by its Content-Type".into())),
        (Says::Redirect(peer.url("/other")), RegisterErrorCause::Status(302)),
        (Says::Much(10 << 20), RegisterErrorCause::TooLarge("the answer is larger than 256 KiB".into())),
        (Says::Nothing, RegisterErrorCause::TimedOut),
        (Says::Status(404), RegisterErrorCause::Status(404)),
        (Says::Status(401), RegisterErrorCause::NotLetIn("401".into())),
    ] {
        peer.says(says);
        assert_eq!(trouble(family.children_of(&cpr(ANNA), TODAY).await, "parents"), right);
    }
    peer.stop();
    let wrong = trouble(family.children_of(&cpr(ANNA), TODAY).await, "parents");
    assert!(matches!(wrong, RegisterErrorCause::Unreachable(_)), "{wrong:?}");
}

#[tokio::test]
async fn nothing_of_a_person_is_logged() {
    let peer = Peer::start();
    let family = family(&peer, "token = \"s3cret\"");
    let said = super::peer::Said::default();
    for answer in [json!([child("Emma", EMMA), child("Me", ANNA)]), json!([child("Emma", "x")])] {
        peer.says(Says::Json(200, answer));
        let _listening = said.listen();
        let told = family.children_of(&cpr(ANNA), TODAY).await;
        assert!(!format!("{told:?}").contains("Emma"));
    }
    let text = said.text();
    assert!(text.contains("names a parent as their own child"), "{text}");
    tells_nothing(&text);
    assert!(!text.contains("Emma") && !text.contains(EMMA));
}
