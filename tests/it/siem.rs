//! Ways of the audit log out of the service: API, log forwarding, alerts, exports.
//!
//! Tested with rsyslog, with schemathesis, and with receivers that misbehave.

mod alerts;
mod api;
mod check;
mod export;
mod fair;
mod hook;
mod program;
mod push;
mod rsyslog;
mod two;

use std::time::{Duration, Instant};

use jiff::Timestamp;
use os2nykode::{
    app::App,
    audit::{AuditLog, chain::sealer::ChainMemory},
    clock::Clock,
    model::{
        audit::{AuditEvent, AuditOutcome, EventKind, Party},
        credential::api_token::{Presented, TokenName, TokenScope},
    },
    store::Store,
};
use uuid::Uuid;

use crate::{
    service::{Service, Setup},
    store::place::Place,
};

/// A text that breaks lines, frames, cells and JSON unless it is escaped.
pub const EVIL: &str = "=cmd|' /C calc'!A0\r\n<0>1 - - - - - - \u{1b}[2J\0\",;'\u{2028}Ærø 🎈";

/// The text in the form that the log stores, with control characters and line separators replaced.
pub fn kept(text: &str) -> String {
    let visible = |c: char| !c.is_control() && c != '\u{2028}';
    text.chars().map(|c| if visible(c) { c } else { '\u{FFFD}' }).collect()
}

/// An ordinary entry.
pub fn event(clock: &dyn Clock, kind: EventKind, outcome: AuditOutcome, actor: Option<u128>, target: Option<u128>) -> AuditEvent {
    let party = |n: u128| Party { guid: Uuid::from_u128(n).into(), account_name: format!("bruger{n}"), name: format!("Bruger {n}") };
    AuditEvent {
        at: clock.now(),
        visit: Uuid::from_u128(7),
        kind,
        outcome,
        reason: String::new(),
        actor: actor.map(party),
        unknown_name: None,
        method: None,
        provider: None,
        level: None,
        assertion: None,
        actor_cpr: None,
        client: Some("192.0.2.1".parse().expect("an address")),
        user_agent: None,
        target: target.map(party),
        target_cpr: None,
        controller: None,
        attempt: None,
        authority: None,
        note: None,
        ticket: None,
        password_set_before: None,
    }
}

/// The database of a service.
pub fn place(service: &Service) -> Place {
    let url = secrecy::ExposeSecret::expose_secret(&service.app.config.store.url).to_owned();
    Place { sqlite: url.starts_with("sqlite"), url }
}

/// Writes and seals so many ordinary entries. Returns the last sequence number.
pub async fn write(service: &Service, count: u32) -> i64 {
    for _ in 0..count {
        let entry = event(&*service.clock, EventKind::SignIn, AuditOutcome::Succeeded, Some(1), Some(1));
        service.app.audit.append(&entry).await.expect("written");
    }
    seal(&service.app.audit).await
}

/// Seals all waiting entries. Returns the last sequence number.
pub async fn seal(log: &AuditLog) -> i64 {
    let memory = ChainMemory::default();
    while log.seal(&memory).await.expect("sealed").entries > 0 {}
    log.head().await.expect("a head").number
}

/// Inserts a checkpoint up to this sequence number.
pub async fn checkpoint(place: &Place, number: i64) {
    let mut connection = place.intruder().await;
    let insert = "INSERT INTO audit_checkpoints (number, at, chain, key_id, signature) VALUES ($1, 1800000000000001, $2, 'k1', $3)";
    sqlx::query(insert).bind(number).bind(vec![7_u8; 32]).bind(vec![9_u8; 64]).execute(&mut connection).await.expect("signed");
}

/// Removes the triggers that keep the database's owner from changing the log.
pub async fn unguard(place: &Place) {
    let statements: &[&str] = if place.sqlite {
        &["DROP TRIGGER audit_no_delete", "DROP TRIGGER audit_seals_no_update", "DROP TRIGGER audit_seals_no_delete"]
    } else {
        &["ALTER TABLE audit DISABLE TRIGGER audit_no_delete", "ALTER TABLE audit_seals DISABLE TRIGGER audit_seals_no_change"]
    };
    for statement in statements {
        place.run(statement).await.expect("an intruder");
    }
}

/// Creates a token with this scope. Returns its text.
pub async fn token(app: &App, name: &str, scope: TokenScope, expires: Timestamp) -> String {
    let token = Presented::from_random(app.keys.random().expect("random"), app.keys.random().expect("random"));
    let name = TokenName::parse(name).expect("a name");
    assert!(app.tokens.add(&token, &name, scope, app.clock.now(), expires).await.expect("made"));
    token.written().to_string()
}

/// Waits until the condition holds. `what` describes it in the failure.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !is_so().await {
        assert!(started.elapsed() < Duration::from_secs(20), "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A service with this additional configuration.
pub async fn with(more: String) -> Service {
    Setup { more: more.leak(), ..Setup::default() }.start().await
}

/// The entries of a kind, oldest first.
pub async fn entries(store: &Store, kind: EventKind) -> Vec<AuditEvent> {
    let feed = os2nykode::audit::export::feed::Feed::new(store);
    let all = feed.after(0, 10_000).await.expect("read");
    all.iter().filter_map(os2nykode::audit::export::feed::SealedEntry::event).filter(|event| event.kind == kind).collect()
}
