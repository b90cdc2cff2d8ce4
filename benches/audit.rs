//! Throughput and size of the audit log: appends with and without seals, and verification, on SQLite and on PostgreSQL.
//!
//! Run by scripts/bench. `OS2NYKODE_BENCH_ENTRIES` sets the number of entries (default 1,000,000).

#![allow(clippy::print_stdout, reason = "it prints what it measured")]

#[path = "../tests/it/environment.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod environment;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;
use os2nykode::{
    audit::{
        AuditLog,
        chain::{
            inspect::LogInspection,
            sealer::{BATCH, ChainMemory, SignOutcome},
        },
    },
    model::{
        audit::{
            AuditEvent, AuditOutcome, EventKind, Party,
            signing::{Signer, Verifiers},
        },
        identity::LoginMethod,
    },
    store::{DerivedKeys, Store},
};
use ring::rand::SystemRandom;
use sqlx::{AnyConnection, AssertSqlSafe, Connection};
use uuid::Uuid;

use environment::{environment, unique};

const APPENDING: Duration = Duration::from_secs(5);
const PEOPLE: i64 = 20_000;
const CHUNK: i64 = 50_000;

#[tokio::main]
async fn main() {
    sqlx::any::install_default_drivers();
    let entries = std::env::var("OS2NYKODE_BENCH_ENTRIES").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let dir = tempfile::tempdir().expect("a folder");
    for name in ["SQLite", "PostgreSQL"] {
        let url = async |what: &str| match name {
            "SQLite" => format!("sqlite://{}/{what}.db", dir.path().display()),
            _ => database().await,
        };
        appends(name, &url("plain").await, &url("sealed").await).await;
        large(name, &url("large").await, entries).await;
    }
}

async fn database() -> String {
    let server = environment().fact("PG_URL");
    let name = unique("bench");
    let (host, _) = server.rsplit_once('/').expect("a database in the URL");
    let mut admin = AnyConnection::connect(server).await.expect("PostgreSQL answers");
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut admin).await.expect("a database");
    format!("{host}/{name}")
}

fn signer() -> Signer {
    Signer::from_pem(Signer::generate(&SystemRandom::new()).expect("random").as_bytes()).expect("a key")
}

fn log(store: &Store) -> AuditLog {
    AuditLog::new(store, &DerivedKeys::new(&[1; 32]))
}

fn event(n: u128) -> AuditEvent {
    let party = |n: u128| Party { guid: Uuid::from_u128(n).into(), account_name: format!("bruger{n}"), name: "Søren Ærø".to_owned() };
    AuditEvent {
        at: Timestamp::UNIX_EPOCH,
        visit: Uuid::from_u128(n),
        kind: EventKind::SignIn,
        outcome: AuditOutcome::Succeeded,
        reason: String::new(),
        actor: Some(party(n % 20_000)),
        unknown_name: None,
        method: Some(LoginMethod::Saml),
        provider: None,
        level: None,
        assertion: None,
        actor_cpr: None,
        client: Some([192, 0, 2, 1].into()),
        user_agent: Some("Mozilla/5.0 (X11; Linux x86_64)".to_owned()),
        target: Some(party(n % 20_000)),
        target_cpr: None,
        controller: Some("dc1".to_owned()),
        attempt: None,
        authority: None,
        note: None,
        ticket: None,
        password_set_before: None,
    }
}

/// `plain`: the same inserts with neither the trigger that demands seals nor a sealing job.
async fn appends(name: &str, plain: &str, sealed: &str) {
    for writers in [1, 4] {
        let mut rates = Vec::new();
        for (url, seals) in [(plain, false), (sealed, true), (plain, false), (sealed, true)] {
            let store = Store::open(url).await.expect("opened");
            if !seals {
                let drop = "DROP TRIGGER IF EXISTS audit_unsealed_from_birth";
                run(url, &if url.starts_with("sqlite") { drop.to_owned() } else { format!("{drop} ON audit") }).await;
            }
            let stop = Arc::new(AtomicBool::new(false));
            let keeper = seals.then(|| {
                let (log, stop) = (log(&store), stop.clone());
                tokio::spawn(async move {
                    let (memory, signer, mut since) = (ChainMemory::default(), signer(), 0);
                    log.remember(&memory).await.expect("read");
                    while !stop.load(Ordering::Relaxed) {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        loop {
                            let entries = log.seal(&memory).await.expect("sealed").entries;
                            since += entries;
                            if entries < BATCH as usize {
                                break;
                            }
                        }
                        // At the service's own interval.
                        if since >= 1000 {
                            log.checkpoint(&signer, &memory, Timestamp::UNIX_EPOCH).await.expect("signed");
                            since = 0;
                        }
                    }
                })
            });
            let work: Vec<_> = (0..writers)
                .map(|writer: u128| {
                    let log = log(&store);
                    tokio::spawn(async move {
                        let (began, mut n) = (Instant::now(), 0);
                        while began.elapsed() < APPENDING {
                            log.append(&event(writer * 1_000_000 + n)).await.expect("appended");
                            n += 1;
                        }
                        n
                    })
                })
                .collect();
            let mut appended = 0;
            for done in work {
                appended += done.await.expect("no panic");
            }
            stop.store(true, Ordering::Relaxed);
            if let Some(keeper) = keeper {
                keeper.await.expect("no panic");
            }
            #[allow(clippy::cast_precision_loss, reason = "numbers are small")]
            rates.push(appended as f64 / APPENDING.as_secs_f64());
            store.close().await;
        }
        let (plain, sealed) = (f64::midpoint(rates[0], rates[2]), f64::midpoint(rates[1], rates[3]));
        println!("{name}: appends per second, {writers} writers: plain {plain:.0}, sealed {sealed:.0}, ratio {:.2}", sealed / plain);
    }
}

async fn run(url: &str, statement: &str) {
    let mut connection = AnyConnection::connect(url).await.expect("the database answers");
    sqlx::query(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
}

/// Writes entries of 20,000 people over 13 months, in the proportions of a municipality.
async fn fill(url: &str, entries: i64) {
    let step = 13 * 30 * 24 * 3_600_000_000 / entries;
    for from in (0..entries).step_by(usize::try_from(CHUNK).expect("small")) {
        let to = (from + CHUNK).min(entries);
        // The step is a prime, so that adjacent entries belong to different people.
        let person = format!("((i * 7919) % {PEOPLE})");
        let guid = |person: &str| format!("'00000000-0000-0000-0000-' || CAST(100000000000 + {person} AS TEXT)");
        let given = "CASE i * 7919 % 7 WHEN 0 THEN 'Åse' WHEN 1 THEN 'Søren' WHEN 2 THEN 'Mette' WHEN 3 THEN 'Børge' WHEN 4 THEN 'Anna' WHEN 5 THEN 'Kåre' ELSE 'Lone' END";
        let statement = format!(
            "WITH RECURSIVE n(i) AS (SELECT CAST({from} AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {to})
            INSERT INTO audit (at, visit, kind, outcome, reason, actor_guid, actor_account, actor_name, method, client, target_guid, target_account, target_name,
                provider, level, user_agent)
            SELECT 1700000000000000 + i * {step}, '00000000-0000-0000-0001-' || CAST(100000000000 + i / 5 AS TEXT),
                CASE WHEN i % 20 < 12 THEN 'sign_in' WHEN i % 20 < 14 THEN 'sign_out' WHEN i % 20 = 14 THEN 'list_viewed' WHEN i % 20 = 15 THEN 'change_outcome'
                    WHEN i % 20 < 18 THEN 'reset_outcome' WHEN i % 20 = 18 THEN 'account_viewed' ELSE 'code_issued' END,
                CASE WHEN i % 997 = 0 THEN 'failed' WHEN i % 11 = 0 THEN 'refused' ELSE 'succeeded' END, '',
                {}, 'bruger' || CAST({person} AS TEXT), {given} || ' Efternavn' || CAST({person} AS TEXT), 'saml',
                '10.' || CAST(i % 7 AS TEXT) || '.' || CAST(i % 250 AS TEXT) || '.' || CAST(i % 199 AS TEXT),
                {}, 'bruger' || CAST({person} AS TEXT), {given} || ' Efternavn' || CAST({person} AS TEXT),
                CASE WHEN i % 3 = 0 THEN 'mitid' ELSE 'os2faktor' END, 'substantial', 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)'
            FROM n",
            guid(&person),
            guid(&person),
        );
        run(url, &statement).await;
    }
}

async fn large(name: &str, url: &str, entries: i64) {
    let store = Store::open(url).await.expect("opened");
    let began = Instant::now();
    fill(url, entries).await;
    println!("{name}: {entries} entries were made in {:.0} s", began.elapsed().as_secs_f64());
    let (log, memory) = (log(&store), ChainMemory::default());
    let began = Instant::now();
    while log.seal(&memory).await.expect("sealed").entries > 0 {}
    #[allow(clippy::cast_precision_loss, reason = "numbers are small")]
    let rate = |began: Instant| entries as f64 / began.elapsed().as_secs_f64();
    println!("{name}: sealed {:.0} entries per second", rate(began));
    let signer = signer();
    let began = Instant::now();
    while let SignOutcome::Part(_) = log.checkpoint(&signer, &memory, Timestamp::UNIX_EPOCH).await.expect("signed") {}
    println!("{name}: looked at again and signed {:.0} entries per second", rate(began));
    if name == "SQLite" {
        run(url, "PRAGMA wal_checkpoint(TRUNCATE)").await;
    }
    run(url, "ANALYZE").await;
    let mut keys = Verifiers::default();
    keys.add(signer.public_pem().as_bytes()).expect("a key");
    let began = Instant::now();
    let inspection = LogInspection::open(url).await.expect("opened");
    let whole = inspection.verify(&keys, &[]).await.expect("whole");
    assert_eq!(i64::try_from(whole.entries), Ok(entries));
    println!("{name}: verified {:.0} entries per second", rate(began));
    let size = if name == "SQLite" {
        "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    } else {
        "SELECT pg_database_size(current_database())"
    };
    let mut connection = AnyConnection::connect(url).await.expect("the database answers");
    let size: i64 = sqlx::query_scalar(size).fetch_one(&mut connection).await.expect("a size");
    println!("{name}: {} bytes for each entry, indexes and seals included", size / entries);
    store.close().await;
}
