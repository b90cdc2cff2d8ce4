//! The store, on SQLite and on PostgreSQL.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use os2nykode::{
    audit::{Begun, Log},
    clock::{Clock, ShiftedClock},
    config,
    model::{
        attempt::AttemptId,
        audit::{AuditEvent, AuditOutcome, EventKind, Party},
        guid::ObjectGuid,
        identity::LoginMethod,
        throttle::Limits,
    },
    store::{
        Keys, Store,
        leases::Leases,
        sessions::Sessions,
        throttle::{Charge, ThrottleKey, Throttles},
    },
};
use sqlx::Executor;
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
};
use uuid::Uuid;

use crate::environment::{environment, unique};

/// A new, empty PostgreSQL database.
pub async fn postgres_database() -> String {
    sqlx::any::install_default_drivers();
    let url = environment().fact("PG_URL");
    let name = unique("t");
    let pool = sqlx::AnyPool::connect(url).await.expect("PostgreSQL");
    pool.execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.expect("created");
    pool.close().await;
    let (server, _) = url.rsplit_once('/').expect("a database in the URL");
    format!("{server}/{name}")
}

/// Runs a test on both databases; the second store is another instance on the same one.
async fn on_both(test: impl AsyncFn(Store, Store, &str)) {
    let dir = tempfile::tempdir().expect("a folder");
    for url in [format!("sqlite://{}/s.db", dir.path().display()), postgres_database().await] {
        let (one, two) = tokio::join!(Store::open(&url), Store::open(&url));
        let (one, two) = (one.expect("opened"), two.expect("opened at once with another"));
        test(one.clone(), two.clone(), &url).await;
        one.close().await;
        two.close().await;
    }
}

fn now() -> Timestamp {
    "2026-11-23T08:10:00.123456Z".parse().expect("a time")
}

fn guid(n: u8) -> ObjectGuid {
    ObjectGuid::from_ad(&[n; 16]).expect("16 bytes")
}

fn event(kind: EventKind, outcome: AuditOutcome, attempt: u8) -> AuditEvent {
    let party = |n| Some(Party { guid: guid(n), account_name: "anna".into(), name: "Anna Ærø".into() });
    AuditEvent {
        at: now(),
        visit: Uuid::from_u128(7),
        kind,
        outcome,
        reason: "too_short+no_digit".into(),
        actor: party(1),
        unknown_name: Some("00ff".into()),
        method: Some(LoginMethod::AdPassword),
        client: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        target: party(1),
        controller: Some("dc1.kommune.test".into()),
        attempt: Some(AttemptId::from_random([attempt; 16])),
        password_set_before: Some(i64::MAX),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_survives_being_stored() {
    on_both(async |store, _, _| {
        let log = Log::new(&store);
        let mut expected = Vec::new();
        for kind in EventKind::ALL {
            for outcome in AuditOutcome::ALL {
                let mut event = event(*kind, *outcome, 0);
                event.attempt = None;
                expected.push(event);
            }
        }
        let mut bare = event(EventKind::SignIn, AuditOutcome::Refused, 0);
        bare = AuditEvent {
            unknown_name: None,
            method: None,
            client: None,
            controller: None,
            attempt: None,
            password_set_before: None,
            actor: None,
            ..bare
        };
        expected.push(bare);
        let mut last = 0;
        for event in &expected {
            let sequence = log.append(event).await.expect("stored");
            assert!(sequence > last);
            last = sequence;
        }
        let read = log.history_of(guid(1), 100, now() - SignedDuration::from_secs(1)).await.expect("read");
        let read: Vec<_> = read.into_iter().rev().map(|entry| entry.event).collect();
        assert_eq!(read, expected);
        assert!(log.history_of(guid(2), 100, Timestamp::UNIX_EPOCH).await.expect("read").is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_name_keeps_an_entry_out_of_the_log() {
    on_both(async |store, _, _| {
        let log = Log::new(&store);
        let mut event = event(EventKind::SignIn, AuditOutcome::Refused, 0);
        event.reason = "nul \0 newline \n esc \u{1b}[31m".into();
        event.target.as_mut().expect("a target").name = "x".repeat(1_000_000);
        log.append(&event).await.expect("stored");
        let read = &log.history_of(guid(1), 1, Timestamp::UNIX_EPOCH).await.expect("read")[0].event;
        assert!(!read.reason.contains(char::is_control));
        assert_eq!(read.target.as_ref().expect("a target").name.len(), 1000);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_can_neither_be_changed_nor_shortened() {
    on_both(async |store, _, url| {
        Log::new(&store).append(&event(EventKind::SignIn, AuditOutcome::Succeeded, 0)).await.expect("stored");
        let pool = sqlx::AnyPool::connect(url).await.expect("open");
        for statement in ["UPDATE audit SET reason = 'x'", "DELETE FROM audit"] {
            let refused = pool.execute(statement).await.expect_err("refused").to_string();
            assert!(refused.contains("append-only"), "{refused}");
        }
        pool.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_sent_many_times_at_once_is_one_attempt() {
    on_both(async |store, other, _| {
        let (one, two) = (Log::new(&store), Log::new(&other));
        let attempt = event(EventKind::ChangeAttempt, AuditOutcome::Started, 1);
        let begun =
            futures_util::future::join_all((0..20).map(|i| if i % 2 == 0 { one.begin(&attempt) } else { two.begin(&attempt) })).await;
        let new = begun.into_iter().filter(|b| *b.as_ref().expect("stored") == Begun::New).count();
        assert_eq!(new, 1);
        let mut somebody_elses = attempt.clone();
        somebody_elses.actor.as_mut().expect("an actor").guid = guid(2);
        assert_eq!(one.begin(&somebody_elses).await.expect("stored"), Begun::New);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lone_and_unknown_attempts_are_found_and_settled_once() {
    on_both(async |store, other, _| {
        let log = Log::new(&store);
        for n in 1..=4 {
            log.begin(&event(EventKind::ChangeAttempt, AuditOutcome::Started, n)).await.expect("stored");
        }
        log.append(&event(EventKind::ChangeOutcome, AuditOutcome::Succeeded, 1)).await.expect("stored");
        log.append(&event(EventKind::ChangeOutcome, AuditOutcome::Refused, 2)).await.expect("stored");
        log.append(&event(EventKind::ChangeOutcome, AuditOutcome::Unknown, 3)).await.expect("stored");
        let second = SignedDuration::from_secs(1);
        assert!(log.unsettled(now() - second, 10).await.expect("read").is_empty());
        let open = log.unsettled(now() + second, 10).await.expect("read");
        assert_eq!(open.iter().map(|e| e.attempt).collect::<Vec<_>>(), [3, 4].map(|n| Some(AttemptId::from_random([n; 16]))));
        let settlement = event(EventKind::ChangeReconciled, AuditOutcome::Succeeded, 4);
        assert!(log.settle(&settlement).await.expect("stored"));
        assert!(!Log::new(&other).settle(&settlement).await.expect("stored"), "another instance was faster");
        assert_eq!(log.unsettled(now() + second, 10).await.expect("read").len(), 1);
        let latest = log.outcome_of(guid(1), AttemptId::from_random([4; 16])).await.expect("read").expect("an outcome");
        assert_eq!(latest.kind, EventKind::ChangeReconciled);
        assert!(log.outcome_of(guid(2), AttemptId::from_random([4; 16])).await.expect("read").is_none(), "nobody else's");
        let shown = log.history_of(guid(1), 10, Timestamp::UNIX_EPOCH).await.expect("read");
        assert_eq!(shown.len(), 4, "one word for each change");
    })
    .await;
}

const LIMITS: Limits = Limits {
    free: 3,
    first_wait: SignedDuration::from_secs(30),
    longest_wait: SignedDuration::from_hours(1),
    forget_after: SignedDuration::from_hours(24),
};

#[tokio::test(flavor = "multi_thread")]
async fn many_tries_at_once_do_not_slip_through() {
    on_both(async |store, other, _| {
        let keys = Keys::new(&[7; 32]);
        let (one, two) = (Throttles::new(&store), Throttles::new(&other));
        let charge = [(ThrottleKey::name(&keys, "anna"), LIMITS)];
        let charges = futures_util::future::join_all(
            (0..20).map(|i| if i % 2 == 0 { one.charge(&charge, now()) } else { two.charge(&charge, now()) }),
        );
        let taken = charges.await.into_iter().filter(|c| matches!(c.as_ref().expect("stored"), Charge::Taken(_))).count();
        assert_eq!(taken, 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_that_waits_leaves_the_others_uncharged_and_a_success_makes_nobody_wait() {
    on_both(async |store, _, _| {
        let keys = Keys::new(&[7; 32]);
        let throttles = Throttles::new(&store);
        let address = ThrottleKey::address("192.0.2.1".parse().expect("an address"));
        let name = |n: &str| ThrottleKey::name(&keys, n);
        for _ in 0..3 {
            let Charge::Taken(_) = throttles.charge(&[(name("a"), LIMITS)], now()).await.expect("stored") else { panic!("free") };
        }
        for _ in 0..10 {
            let charged = throttles.charge(&[(address.clone(), LIMITS), (name("a"), LIMITS)], now()).await.expect("stored");
            assert!(matches!(charged, Charge::Wait(_)));
        }
        for i in 0..10 {
            let at = now() + SignedDuration::from_secs(i);
            let Charge::Taken(receipt) = throttles.charge(&[(address.clone(), LIMITS), (name("b"), LIMITS)], at).await.expect("stored")
            else {
                panic!("try {i}: the address was never charged for those refused, nor for successes")
            };
            throttles.forgive(receipt, true).await.expect("stored");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_has_one_holder_and_runs_out() {
    on_both(async |store, other, _| {
        let (one, two) = (Leases::new(&store), Leases::new(&other));
        let minute = SignedDuration::from_mins(1);
        let holders: Vec<Uuid> = (0..20).map(Uuid::from_u128).collect();
        let tries = holders
            .iter()
            .map(|h| if h.as_u128() % 2 == 0 { one.try_acquire("x", *h, now(), minute) } else { two.try_acquire("x", *h, now(), minute) });
        let got: Vec<_> = futures_util::future::join_all(tries).await.into_iter().map(|t| t.expect("stored").is_some()).collect();
        assert_eq!(got.iter().filter(|g| **g).count(), 1);
        let winner = holders[got.iter().position(|g| *g).expect("one")];
        one.release("x", Uuid::from_u128(99), now()).await.expect("stored");
        assert!(two.try_acquire("x", Uuid::from_u128(99), now(), minute).await.expect("stored").is_none(), "a stranger released nothing");
        let later = now() + SignedDuration::from_secs(5);
        one.release("x", winner, later).await.expect("stored");
        let next = two.try_acquire("x", Uuid::from_u128(99), later, minute).await.expect("stored").expect("free");
        assert_eq!(next.last_released, Some(later));
        assert!(one.try_acquire("x", winner, later + minute, minute).await.expect("stored").is_some(), "it ran out");
    })
    .await;
}

struct Sessioned {
    sessions: Sessions,
    clock: Arc<ShiftedClock>,
}

fn sessions(store: &Store, secret: u8) -> Sessioned {
    let clock = Arc::new(ShiftedClock::default());
    let limits = config::Session { idle_minutes: 10, absolute_minutes: 30 };
    Sessioned { sessions: Sessions::new(store, &Keys::new(&[secret; 32]), &limits, clock.clone() as Arc<dyn Clock>), clock }
}

fn record(id: i128) -> Record {
    let data = [("identity".to_owned(), serde_json::json!({"name": "Hemmelige Anna"}))].into();
    Record { id: Id(id), data, expiry_date: time::OffsetDateTime::UNIX_EPOCH }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_idle_and_ends_whatever_happens() {
    on_both(async |store, _, _| {
        let Sessioned { sessions, clock } = sessions(&store, 7);
        sessions.create(&mut record(1)).await.expect("stored");
        for minute in (0..=27).step_by(9) {
            clock.shift_to(minute * 60);
            let loaded = sessions.load(&Id(1)).await.expect("read").expect("used every nine minutes");
            assert_eq!(loaded.data, record(1).data);
        }
        clock.shift_to(30 * 60);
        assert!(sessions.load(&Id(1)).await.expect("read").is_none(), "half an hour is the end");
        clock.shift_to(0);
        assert!(sessions.load(&Id(1)).await.expect("read").is_none(), "and it stays so");
        sessions.create(&mut record(2)).await.expect("stored");
        clock.shift_to(10 * 60 + 1);
        assert!(sessions.load(&Id(2)).await.expect("read").is_none(), "idle");
        sessions.create(&mut record(3)).await.expect("stored");
        clock.shift_to(-3600);
        assert!(sessions.load(&Id(3)).await.expect("read").is_none(), "a session from the future");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_ended_does_not_come_back() {
    on_both(async |store, _, _| {
        let Sessioned { sessions, .. } = sessions(&store, 7);
        sessions.create(&mut record(1)).await.expect("stored");
        sessions.delete(&Id(1)).await.expect("deleted");
        sessions.save(&record(1)).await.expect("no error");
        assert!(sessions.load(&Id(1)).await.expect("read").is_none());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_alone_gives_no_session_away() {
    on_both(async |store, _, url| {
        let Sessioned { sessions: ours, .. } = sessions(&store, 7);
        for id in [1, 2] {
            ours.create(&mut record(id)).await.expect("stored");
        }
        let pool = sqlx::AnyPool::connect(url).await.expect("open");
        let rows: Vec<(String, Vec<u8>)> = sqlx::query_as("SELECT id, data FROM sessions").fetch_all(&pool).await.expect("rows");
        for (id, data) in &rows {
            assert!(!id.contains(&Id(1).to_string()) && id.len() == 64);
            assert!(!data.windows(9).any(|w| w == b"Hemmelige"));
        }
        // Another secret, a changed byte, a row that was moved to another id: none of them is a session.
        assert!(sessions(&store, 8).sessions.load(&Id(1)).await.expect("read").is_none());
        sqlx::query("UPDATE sessions SET data = (SELECT data FROM sessions WHERE id = $1) WHERE id = $2")
            .bind(&rows[0].0)
            .bind(&rows[1].0)
            .execute(&pool)
            .await
            .expect("moved");
        let loaded = [ours.load(&Id(1)).await.expect("read").is_some(), ours.load(&Id(2)).await.expect("read").is_some()];
        assert_eq!(loaded.iter().filter(|l| **l).count(), 1, "only the one in its own place");
        pool.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_store_that_cannot_be_opened_tells_no_secret() {
    for url in ["postgres://nykode:hemmelig@127.0.0.1:1/x", "sqlite:///nowhere/at/all/hemmelig.db", "postgres://hemmelig:hemmelig@[/x"] {
        let error = Store::open(url).await.expect_err("refused");
        let told = format!("{error} {error:?}");
        assert!(!told.contains("hemmelig") || url.starts_with("sqlite"), "{told}");
    }
}
