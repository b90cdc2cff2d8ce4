//! Log forwarding over HTTPS with a client certificate, and its faults.

use data_encoding::HEXLOWER;
use jiff::SignedDuration;
use os2nykode::{
    forward::DeliveryError,
    jobs::forward::{Round, Sender},
    model::audit::{
        AuditEvent,
        AuditOutcome::{self, Refused, Started, Succeeded},
        EventKind,
    },
};
use ring::hmac;
use serde_json::Value;

use super::{event, place, seal, with};
use crate::{
    oidc::liar::Says,
    registers::peer::{Peer, Question, trusted},
    service::Service,
};

const KEY: &str = "0123456789abcdef0123456789abcdef";

fn hook(peer: &Peer, more: &str) -> String {
    format!(
        "[[audit.forward]]\nid = \"besked\"\nkind = \"hook\"\nurl = \"{}\"\ntoken = \"sesam\"\nsigning_key = \"{KEY}\"\ntimeout_seconds = 2\n{}{more}\n",
        peer.url("/told"),
        trusted()
    )
}

/// The received messages. Asserts that each is signed over its exact bytes.
fn told(peer: &Peer) -> Vec<(Question, Value)> {
    let check = |question: Question| {
        let header = |name: &str| question.headers[name].to_str().expect("text").to_owned();
        assert_eq!((question.method.as_str(), question.address.as_str()), ("POST", "/told"));
        assert_eq!(question.authorization.as_deref(), Some("Bearer sesam"));
        assert_eq!(question.kind.as_deref(), Some("application/json"));
        let signature = header("os2nykode-signature");
        let (time, tag) = signature.strip_prefix("t=").and_then(|rest| rest.split_once(",v1=")).expect("a signature");
        let key = hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes());
        hmac::verify(&key, format!("{time}.{}", question.body).as_bytes(), &HEXLOWER.decode(tag.as_bytes()).expect("hexadecimal"))
            .expect("signed");
        let body: Value = serde_json::from_str(&question.body).expect("JSON");
        assert_eq!(body["id"].to_string(), header("idempotency-key"));
        assert_eq!(body["id"], body["event"]["number"]);
        (question, body)
    };
    peer.asked().into_iter().map(check).collect()
}

fn ids(told: &[(Question, Value)]) -> Vec<i64> {
    told.iter().map(|(_, body)| body["id"].as_i64().expect("a number")).collect()
}

async fn append(service: &Service, kind: EventKind, outcome: AuditOutcome, actor: u128, target: u128) {
    service.app.audit.append(&event(&*service.clock, kind, outcome, Some(actor), Some(target))).await.expect("written");
}

async fn round(service: &Service, sender: &mut Sender) -> Round {
    sender.round(&service.app, &service.app.forward_targets[0]).await.expect("no fault of ours")
}

#[tokio::test(flavor = "multi_thread")]
async fn people_whose_password_another_changed_are_told_of_and_nothing_from_before() {
    let peer = Peer::start();
    peer.says(Says::Status(204));
    let service = with(hook(&peer, "")).await;
    append(&service, EventKind::ResetOutcome, AuditOutcome::Succeeded, 1, 2).await;
    let before = seal(&service.app.audit).await;
    let mut sender = Sender::new(&service.app);
    assert!(matches!(round(&service, &mut sender).await, Round::Done));
    assert_eq!(told(&peer).len(), 0, "from before it was there");
    for (kind, outcome, actor, target) in [
        (EventKind::ResetAttempt, Started, 1, 2),
        (EventKind::ResetOutcome, Succeeded, 1, 2), // forwarded: 2
        (EventKind::ResetOutcome, Refused, 1, 2),
        (EventKind::ResetOutcome, Succeeded, 2, 2),
        (EventKind::ResetReconciled, Succeeded, 1, 3), // 5
        (EventKind::CodeIssued, Succeeded, 1, 2),      // 6
        (EventKind::CodeIssued, Refused, 1, 2),
        (EventKind::UnlockOutcome, Succeeded, 1, 2), // 8
        (EventKind::SignIn, Succeeded, 2, 2),
        (EventKind::AlertRaised, Succeeded, 2, 2), // 10
    ] {
        append(&service, kind, outcome, actor, target).await;
    }
    let forged = "INSERT INTO audit (at, visit, kind, outcome, reason, actor_guid, target_guid) VALUES (1800000000000000,
        '00000000-0000-0000-0000-000000000007', 'reset_outcome', 'succeeded', '', '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000002')";
    place(&service).run(forged).await.expect("an intruder");
    seal(&service.app.audit).await;
    assert!(matches!(round(&service, &mut sender).await, Round::Done));
    let told = told(&peer);
    assert_eq!(ids(&told), [2, 5, 6, 8, 10].map(|n| before + n));
    let notices: Vec<_> = told.iter().map(|(_, body)| body["notice"].as_str().expect("a word")).collect();
    assert_eq!(notices, ["reset_by_another", "reset_by_another", "code_issued", "unlocked_by_another", "alert"]);
    assert_eq!(told[0].1["event"]["target"]["account"], "bruger2");
    assert!(matches!(round(&service, &mut sender).await, Round::Done));
    assert_eq!(peer.asked().len(), 0, "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_taken_is_told_again_with_the_same_id_and_nothing_overtakes_it() {
    let peer = Peer::start();
    let service = with(hook(&peer, "")).await;
    let mut sender = Sender::new(&service.app);
    assert!(matches!(round(&service, &mut sender).await, Round::Done));
    for target in 2..5 {
        append(&service, EventKind::ResetOutcome, AuditOutcome::Succeeded, 1, target).await;
    }
    let head = seal(&service.app.audit).await;
    let all: Vec<_> = (head - 2..=head).collect();
    for (says, expected) in [
        (Says::Status(500), DeliveryError::Status(500)),
        (Says::Status(503), DeliveryError::Status(503)),
        (Says::Status(401), DeliveryError::Status(401)),
        (Says::Redirect("https://localhost/elsewhere".to_owned()), DeliveryError::Status(303)),
        (Says::Nothing, DeliveryError::TimedOut),
        (Says::Much(1 << 20), DeliveryError::Unreachable("its answer is too large".to_owned())),
    ] {
        peer.says(says.clone());
        match round(&service, &mut sender).await {
            Round::Failed(trouble) => {
                let same = trouble == expected
                    || matches!((&trouble, &expected), (DeliveryError::Status(300..=399), DeliveryError::Status(300..=399)));
                assert!(same, "{says:?}: {trouble}");
            }
            other @ (Round::NotOurs | Round::Done | Round::More) => panic!("{says:?}: {other:?}"),
        }
        assert_eq!(ids(&told(&peer)), [all[0]], "{says:?}: the first and no other");
    }
    peer.says(Says::Status(200));
    assert!(matches!(round(&service, &mut sender).await, Round::Done));
    assert_eq!(ids(&told(&peer)), all);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_never_taken_is_left_out_after_five_tries_and_what_is_old_is_not_told() {
    let peer = Peer::start();
    let service = with(hook(&peer, "max_age_hours = 1\n")).await;
    let mut sender = Sender::new(&service.app);
    assert!(matches!(round(&service, &mut sender).await, Round::Done));
    for target in 2..4 {
        append(&service, EventKind::ResetOutcome, AuditOutcome::Succeeded, 1, target).await;
    }
    let head = seal(&service.app.audit).await;
    peer.says(Says::Status(422));
    for _ in 0..4 {
        assert!(matches!(round(&service, &mut sender).await, Round::Failed(DeliveryError::Refused(422))));
    }
    assert!(matches!(round(&service, &mut sender).await, Round::More), "left out");
    assert_eq!(ids(&told(&peer)), [head - 1; 5]);
    peer.says(Says::Status(200));
    assert!(matches!(round(&service, &mut sender).await, Round::Done));
    assert_eq!(ids(&told(&peer)), [head]);
    let old = event(&*service.clock, EventKind::ResetOutcome, AuditOutcome::Succeeded, Some(1), Some(2));
    service.app.audit.append(&AuditEvent { at: old.at - SignedDuration::from_mins(61), ..old }).await.expect("written");
    append(&service, EventKind::CodeIssued, AuditOutcome::Succeeded, 1, 2).await;
    let head = seal(&service.app.audit).await;
    assert!(matches!(round(&service, &mut sender).await, Round::Done));
    assert_eq!(ids(&told(&peer)), [head]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_is_told_of_the_kinds_that_it_asks_for() {
    let peer = Peer::start();
    peer.says(Says::Status(200));
    let service = with(hook(&peer, "notices = [\"cpr_revealed\", \"alert\"]\n")).await;
    let mut sender = Sender::new(&service.app);
    round(&service, &mut sender).await;
    for kind in [EventKind::ResetOutcome, EventKind::CprRevealed, EventKind::CodeIssued] {
        append(&service, kind, AuditOutcome::Succeeded, 1, 2).await;
    }
    let head = seal(&service.app.audit).await;
    assert!(matches!(round(&service, &mut sender).await, Round::Done));
    assert_eq!(ids(&told(&peer)), [head - 1]);
}
