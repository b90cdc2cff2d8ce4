//! `/api/v1/…` over TLS, as a SIEM uses it.

use jiff::{SignedDuration, Timestamp};
use os2nykode::{
    audit::export::feed::{Feed, What},
    model::{
        audit::{AuditOutcome, EventKind, signing::Signer},
        credential::api_token::TokenScope,
    },
};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::{EVIL, checkpoint, entries, event, place, seal, token, unguard, write};
use crate::{
    service::{Service, Setup},
    store::place::each_store,
};

const EVENTS: &str = "/api/v1/audit/events";
const HEAD: &str = "/api/v1/audit/head";

/// Sends a request. Returns status, headers and JSON.
async fn ask(service: &Service, path: &str, token: Option<&str>) -> (StatusCode, reqwest::header::HeaderMap, Value) {
    let request = service.visitor().request(Method::GET, path);
    let request = if let Some(token) = token { request.bearer_auth(token) } else { request };
    let answer = request.send().await.expect("an answer");
    let (status, headers) = (answer.status(), answer.headers().clone());
    let text = answer.text().await.expect("text");
    let json: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}"));
    if !status.is_success() {
        assert_eq!(headers["content-type"], "application/problem+json", "{text}");
        assert_eq!(json["status"], status.as_u16());
        assert!(json["code"].is_string() && json["detail"].is_string() && json["title"].is_string(), "{text}");
    }
    assert!(!headers.contains_key("set-cookie"), "programs have no session");
    assert_eq!(headers["cache-control"], "no-store");
    (status, headers, json)
}

fn later(service: &Service) -> Timestamp {
    use os2nykode::clock::Clock;
    service.clock.now() + SignedDuration::from_hours(1)
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_read_in_order_page_by_page_and_that_it_was_read_is_in_the_log_first() {
    let service = Service::start().await;
    let siem = token(&service.app, "siem", TokenScope::AuditRead, later(&service)).await;
    let mut evil = event(&*service.clock, EventKind::ResetOutcome, AuditOutcome::Succeeded, Some(1), Some(2));
    for text in [&mut evil.note, &mut evil.ticket, &mut evil.user_agent, &mut evil.authority, &mut evil.controller, &mut evil.assertion] {
        *text = Some(EVIL.to_owned());
    }
    evil.user_agent = Some(EVIL.repeat(30_000)); // over a megabyte
    service.app.audit.append(&evil).await.expect("written");
    assert_eq!(write(&service, 249).await, 250);
    let (status, _, first) = ask(&service, &format!("{EVENTS}?limit=200"), Some(&siem)).await;
    assert_eq!(status, 200);
    assert_eq!((&first["next"], &first["head"], &first["more"]), (&200.into(), &250.into(), &true.into()));
    let event = &first["events"][0];
    assert_eq!(
        (&event["number"], &event["authentic"], &event["kind"], &event["cut"]),
        (&1.into(), &true.into(), &"reset_outcome".into(), &false.into())
    );
    assert_eq!(
        event["target"],
        serde_json::json!({ "guid": "00000000-0000-0000-0000-000000000002", "account": "bruger2", "name": "Bruger 2" })
    );
    assert!(event["note"].as_str().expect("a note").starts_with("=cmd|' /C calc'!A0\u{FFFD}\u{FFFD}<0>1"), "{event}");
    assert_eq!(event["user_agent"].as_str().expect("a text").chars().count(), 1000);
    let text = first.to_string();
    assert!(!text.contains("\"mac\"") && !text.contains("_cpr"), "{text}");
    // The request has an entry of its own, which is sealed after the entries it has read.
    assert_eq!(seal(&service.app.audit).await, 251);
    let (_, _, second) = ask(&service, &format!("{EVENTS}?after=200"), Some(&siem)).await;
    let numbers: Vec<_> =
        second["events"].as_array().expect("a list").iter().map(|event| event["number"].as_i64().expect("a number")).collect();
    assert_eq!(numbers, (201..=251).collect::<Vec<_>>());
    assert_eq!(second["more"], false);
    let read = &second["events"][50];
    assert_eq!((&read["kind"], &read["reason"], &read["note"]), (&"log_exported".into(), &"api".into(), &"token=siem after=0".into()));
    assert_eq!(read["client"], "127.0.0.1");
    seal(&service.app.audit).await;
    assert_eq!(entries(&service.app.store, EventKind::LogExported).await.len(), 1, "once an hour");
    service.clock.shift_to(3600 - 60);
    ask(&service, EVENTS, Some(&siem)).await;
    service.clock.shift_to(3600 - 59);
    ask(&service, EVENTS, Some(&siem)).await;
    seal(&service.app.audit).await;
    assert!((1..=2).contains(&(entries(&service.app.store, EventKind::LogExported).await.len() - 1)), "and in the next");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_told_where_the_log_can_not_be_written() {
    let service = Service::start().await;
    let siem = token(&service.app, "siem", TokenScope::AuditRead, later(&service)).await;
    write(&service, 3).await;
    service.app.store.refuse_to_grow().await.expect("full");
    // Fills the last page too, with entries smaller than the one about the request.
    let small = event(&*service.clock, EventKind::SignOut, AuditOutcome::Refused, None, None);
    let mut room = 0;
    while service.app.audit.append(&small).await.is_ok() {
        room += 1;
        assert!(room < 5000, "the disk is full some time");
    }
    let (status, _, json) = ask(&service, EVENTS, Some(&siem)).await;
    assert!(json["code"] == "unavailable" && json.get("events").is_none(), "{json}");
    assert_eq!(status, 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_are_wrong_expired_revoked_or_of_another_scope_are_refused_and_told_of() {
    let service = Service::start().await;
    let (good, end) = (token(&service.app, "good", TokenScope::AuditRead, later(&service)).await, later(&service));
    let head_only = token(&service.app, "head-only", TokenScope::AuditHead, end).await;
    let revoked = token(&service.app, "revoked", TokenScope::AuditRead, end).await;
    let name = os2nykode::model::credential::api_token::TokenName::parse("revoked").expect("a name");
    assert!(service.app.tokens.revoke(&name, end).await.expect("revoked"));
    let brief = token(&service.app, "brief", TokenScope::AuditRead, end - SignedDuration::from_mins(59)).await;
    write(&service, 1).await;
    service.clock.shift_to(120);
    let other_secret = format!("{}{}", &good[..good.len() - 6], if good.ends_with("AAAAAA") { "BBBBBB" } else { "AAAAAA" });
    assert_eq!(ask(&service, EVENTS, Some(&good)).await.0, 200);
    assert_eq!(ask(&service, HEAD, Some(&head_only)).await.0, 200);
    for (shown, status, code) in [
        (None, 401, "token_unknown"),
        (Some(other_secret.as_str()), 401, "token_unknown"),
        (Some(brief.as_str()), 401, "token_expired"),
        (Some(revoked.as_str()), 401, "token_revoked"),
        (Some(head_only.as_str()), 403, "token_scope"),
    ] {
        let (told, headers, json) = ask(&service, EVENTS, shown).await;
        assert_eq!((told.as_u16(), json["code"].as_str()), (status, Some(code)), "{shown:?}");
        assert!(headers["www-authenticate"].to_str().expect("text").starts_with("Bearer realm="));
    }
    // The limit for this address is reached, but valid tokens still work.
    let (status, headers, json) = ask(&service, EVENTS, Some("os2nykode_x")).await;
    assert_eq!((status.as_u16(), &json["code"]), (429, &"too_many".into()));
    assert!((1..=10).contains(&headers["retry-after"].to_str().expect("text").parse::<u32>().expect("seconds")));
    assert_eq!(ask(&service, EVENTS, Some(&good)).await.0, 200);
    seal(&service.app.audit).await;
    let told = entries(&service.app.store, EventKind::LogExported).await;
    let refused: Vec<_> = told.iter().filter(|entry| entry.outcome == AuditOutcome::Refused).collect();
    let reasons: Vec<_> = refused.iter().map(|entry| entry.reason.as_str()).collect();
    assert_eq!(reasons, ["token_unknown", "token_unknown", "token_expired", "token_revoked", "token_scope"]);
    assert_eq!(refused[2].note.as_deref(), Some("api token=brief"));
    let whole = format!("{told:?}");
    for secret in [&good, &brief, &head_only] {
        assert!(!whole.contains(&secret[27..]), "no secret in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_an_address_is_refused_though_it_is_good_and_other_nonsense_too() {
    let service = Service::start().await;
    let good = token(&service.app, "good", TokenScope::AuditRead, later(&service)).await;
    for (query, code) in [
        (format!("token={good}"), "token_in_address"),
        (format!("access_token={good}"), "token_in_address"),
        (format!("after={good}"), "token_in_address"),
        (good.clone(), "token_in_address"),
        ("after=-1".to_owned(), "bad_parameter"),
        ("limit=1001".to_owned(), "bad_parameter"),
        ("limit=5&limit=6".to_owned(), "bad_parameter"),
        ("cursor=5".to_owned(), "bad_parameter"),
    ] {
        let (status, _, json) = ask(&service, &format!("{EVENTS}?{query}"), Some(&good)).await;
        assert_eq!((status.as_u16(), json["code"].as_str()), (400, Some(code)), "{query}");
        assert!(!json.to_string().contains(&good), "not told back");
    }
    assert_eq!(ask(&service, &format!("{EVENTS}?token={good}"), None).await.2["code"], "token_in_address");
    assert_eq!(ask(&service, "/api/v1/nothing", Some(&good)).await.2["code"], "not_found");
    let answer = service.visitor().request(Method::POST, EVENTS).bearer_auth(&good).send().await.expect("an answer");
    assert_eq!((answer.status().as_u16(), &answer.headers()["allow"]), (405, &"GET,HEAD".parse().expect("a header")));
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let two = service.visitor().request(Method::GET, EVENTS).bearer_auth(&good).bearer_auth("other").send().await.expect("an answer");
    assert_eq!(two.status(), 401, "which of the two?");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_asks_too_often_waits_and_no_other() {
    let service = Service::start().await;
    let (eager, calm) = (
        token(&service.app, "eager", TokenScope::AuditHead, later(&service)).await,
        token(&service.app, "calm", TokenScope::AuditHead, later(&service)).await,
    );
    let mut statuses = std::collections::BTreeMap::<u16, u32>::new();
    let visitor = service.visitor();
    for _ in 0..400 {
        let answer = visitor.request(Method::GET, HEAD).bearer_auth(&eager).send().await.expect("an answer");
        *statuses.entry(answer.status().as_u16()).or_default() += 1;
        if answer.status() == 429 {
            assert_eq!(answer.headers()["retry-after"], "1");
        }
    }
    assert!(statuses.get(&200).is_some_and(|good| *good >= 60) && statuses.contains_key(&429) && statuses.len() == 2, "{statuses:?}");
    assert_eq!(ask(&service, HEAD, Some(&calm)).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_head_is_told_with_the_latest_checkpoint() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("audit.key");
    let private = Signer::generate(&ring::rand::SystemRandom::new()).expect("random");
    crate::service::write_private(&key, private.as_bytes()).expect("written");
    let more = format!("[audit]\nsigning_key_file = \"{}\"\n", key.display());
    let service = Setup { more: more.leak(), ..Setup::default() }.start().await;
    let monitor = token(&service.app, "monitor", TokenScope::AuditHead, later(&service)).await;
    let (_, _, json) = ask(&service, HEAD, Some(&monitor)).await;
    assert_eq!(json, serde_json::json!({ "head": 0, "checkpoint": null }));
    write(&service, 3).await;
    // One that the service has not signed is not given out.
    checkpoint(&place(&service), 2).await;
    let (_, _, json) = ask(&service, HEAD, Some(&monitor)).await;
    assert_eq!(json, serde_json::json!({ "head": 3, "checkpoint": null }));
    os2nykode::jobs::seal::last_word(&service.app).await;
    let (_, _, json) = ask(&service, HEAD, Some(&monitor)).await;
    assert_eq!((&json["head"], &json["checkpoint"]["number"]), (&3.into(), &3.into()));
    let signer = service.app.config.audit.signer.as_ref().expect("a key");
    assert_eq!(json["checkpoint"]["key_id"], signer.id());
    let (status, _, description) = ask(&service, "/api/v1/openapi.json", None).await;
    assert_eq!((status.as_u16(), &description["openapi"]), (200, &"3.1.0".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_has_a_largest_size_and_goes_on_where_it_ended() {
    let service = Setup::default().start().await;
    let siem = token(&service.app, "siem", TokenScope::AuditRead, later(&service)).await;
    let mut big = event(&*service.clock, EventKind::SignIn, AuditOutcome::Succeeded, Some(1), Some(1));
    for text in [&mut big.note, &mut big.ticket, &mut big.user_agent, &mut big.authority, &mut big.controller, &mut big.assertion] {
        *text = Some("🎈".repeat(1000));
    }
    for _ in 0..200 {
        service.app.audit.append(&big).await.expect("written");
    }
    let head = seal(&service.app.audit).await;
    let (mut after, mut seen) = (0, Vec::new());
    while after < head {
        let answer = service.visitor().request(Method::GET, &format!("{EVENTS}?limit=1000&after={after}")).bearer_auth(&siem).send().await;
        let text = answer.expect("an answer").text().await.expect("text");
        assert!(text.len() < 4 * 1024 * 1024 + 64 * 1024, "{}", text.len());
        let json: Value = serde_json::from_str(&text).expect("JSON");
        seen.extend(json["events"].as_array().expect("a list").iter().map(|event| event["number"].as_i64().expect("a number")));
        assert_eq!(json["more"], json["next"].as_i64().expect("a number") < json["head"].as_i64().expect("a number"));
        after = json["next"].as_i64().expect("a number");
    }
    assert_eq!(seen[..200], (1..=200).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_feed_passes_over_what_retention_deleted_and_says_what_somebody_else_did() {
    each_store(async |store, place| {
        let log = super::super::store::audit_log(&store);
        let clock = os2nykode::clock::SystemClock;
        for _ in 0..10 {
            log.append(&event(&clock, EventKind::SignIn, AuditOutcome::Succeeded, Some(1), Some(1))).await.expect("written");
        }
        place
            .run("INSERT INTO audit (at, visit, kind, outcome, reason) VALUES (9223372036854775807, 'x', 'forged', '', '=1')")
            .await
            .expect("an intruder");
        assert_eq!(seal(&log).await, 11);
        unguard(place).await;
        place.run("DELETE FROM audit WHERE seq IN (SELECT seq FROM audit_seals WHERE number IN (2, 3, 5))").await.expect("deleted");
        place.run("UPDATE audit_seals SET class = 'logins' WHERE number IN (2, 3)").await.expect("purged");
        let feed = Feed::new(&store);
        assert_eq!(feed.head().await.expect("a head"), 11);
        let all = feed.after(0, 100).await.expect("read");
        assert_eq!(all.iter().map(|sealed| sealed.number).collect::<Vec<_>>(), (1..=11).collect::<Vec<_>>());
        let there: Vec<_> = all.iter().filter(|sealed| sealed.entry().is_some()).map(|sealed| sealed.number).collect();
        assert_eq!(there, [1, 4, 6, 7, 8, 9, 10, 11]);
        assert_eq!((&all[1].what, &all[4].what), (&What::Purged, &What::Missing));
        assert!(all[9].authentic && !all[10].authentic && all[10].event().is_none());
        let forged = os2nykode::audit::export::public_entry::PublicEvent::of(&all[10]).expect("told");
        assert_eq!((forged.kind.as_str(), forged.class, forged.authentic), ("forged", None, false));
        let backwards = feed.up_to(6, 3).await.expect("read");
        assert_eq!(backwards.iter().map(|sealed| sealed.number).collect::<Vec<_>>(), [6, 5, 4]);
        assert_eq!(feed.after(11, 5).await.expect("read"), []);
        place.run("DELETE FROM audit_seals WHERE number < 4").await.expect("purged");
        assert_eq!(feed.after(0, 1).await.expect("read")[0].number, 4);
    })
    .await;
}

#[tokio::test]
async fn a_time_is_found_in_the_log_by_halving() {
    each_store(async |store, _| {
        let log = super::super::store::audit_log(&store);
        let clock = os2nykode::clock::SystemClock;
        let at = |n: i64| Timestamp::from_second(1_800_000_000 + n).expect("in range");
        for n in 1..=100 {
            let entry = event(&clock, EventKind::SignIn, AuditOutcome::Succeeded, Some(1), Some(1));
            log.append(&os2nykode::model::audit::AuditEvent { at: at(n), ..entry }).await.expect("written");
        }
        seal(&log).await;
        let feed = Feed::new(&store);
        for n in [0, 1, 2, 50, 99, 100, 101] {
            assert_eq!(feed.before(at(n)).await.expect("found"), (n - 1).clamp(0, 100), "{n}");
        }
        assert_eq!(feed.before(Timestamp::MAX).await.expect("found"), 100);
    })
    .await;
}
