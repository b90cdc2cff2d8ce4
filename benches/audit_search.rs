//! Search times in an audit log of a million entries (or `OS2NYKODE_BENCH_ENTRIES`), on SQLite and on PostgreSQL.
//!
//! It measures page 1 and page 1,000 of each kind of search. Run by scripts/bench.

#![allow(clippy::unnecessary_wraps, clippy::cast_precision_loss, reason = "as a search takes them; numbers are small")]
#![allow(clippy::print_stdout, reason = "it prints what it measured")]

#[path = "../tests/it/environment.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod environment;
#[path = "audit_search/fill.rs"]
mod fill;

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use os2nykode::{
    audit::{
        AuditLog,
        log::cpr::Vault,
        search::{Hits, PAGE, Search},
    },
    model::audit::EventKind,
    store::{DerivedKeys, Store},
};
use sqlx::{AnyConnection, AssertSqlSafe, Connection};

use environment::environment;
use fill::{ADDRESSES, BEGIN, HELPERS, PEOPLE, SPAN};

/// Root of all derived keys.
const KEY: [u8; 32] = [7; 32];
/// Searches per kind.
const TIMES: u64 = 200;
/// Page that counts as distant.
const FAR: usize = 1000;

const KINDS: [&str; 6] = ["sign_in", "change_outcome", "reset_outcome", "code_redeemed", "unlock_outcome", "staff_account"];
const OUTCOMES: [&str; 4] = ["succeeded", "refused", "failed", "unknown"];
const PROVIDERS: [&str; 5] = ["os2faktor", "entra", "mitid", "unilogin", "nobody"];

/// Makes the nth search of its kind, for a log of so many entries.
type Ask = fn(u64, u64) -> Search;

fn drawn(n: u64, below: u64) -> u64 {
    n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31) % below
}

fn of(list: &[&str], n: u64) -> Option<String> {
    Some(list[usize::try_from(n).expect("small") % list.len()].to_owned())
}

fn day(n: u64) -> Timestamp {
    let day = i64::try_from(drawn(n, 390)).expect("small") * 86_400_000_000;
    Timestamp::from_microsecond(BEGIN + day).expect("in range")
}

/// Every fourth address is the town hall's.
fn client(n: u64) -> Option<String> {
    Some(if n.is_multiple_of(4) { "192.0.2.2".to_owned() } else { fill::address(drawn(n, ADDRESSES)) })
}

fn account(n: u64) -> Option<String> {
    Some(fill::account(drawn(n, PEOPLE)))
}

fn helper(n: u64) -> Option<String> {
    Some(fill::account(drawn(n, HELPERS)))
}

/// Prefixes of a name's words, which match up to ten people.
fn name(n: u64) -> Option<String> {
    let name = fill::name(drawn(n, PEOPLE));
    let words: Vec<&str> = name.split(' ').collect();
    Some(format!(
        "{} {} {}",
        &words[0].chars().take(3).collect::<String>(),
        words[1].to_uppercase(),
        words[2].chars().take(4).collect::<String>()
    ))
}

fn asked() -> Vec<(&'static str, Ask)> {
    vec![
        ("everything", |_, _| Search::default()),
        ("account", |n, _| Search { about: account(n), ..Search::default() }),
        ("objectGUID", |n, _| Search { about: Some(fill::guid(drawn(n, PEOPLE))), ..Search::default() }),
        ("name", |n, _| Search { about: name(n), ..Search::default() }),
        ("CPR number", |n, _| Search { cpr: Some(fill::cpr(drawn(n, PEOPLE))), ..Search::default() }),
        ("actor, a helper", |n, _| Search { by: helper(n), ..Search::default() }),
        ("event", |n, _| Search { kind: of(&KINDS, n), ..Search::default() }),
        ("outcome", |n, _| Search { outcome: of(&OUTCOMES, n), ..Search::default() }),
        ("event and outcome", |n, _| Search { kind: of(&KINDS, n), outcome: of(&OUTCOMES, n / 6), ..Search::default() }),
        ("address", |n, _| Search { client: client(n), ..Search::default() }),
        ("provider", |n, _| Search { provider: of(&PROVIDERS, n), ..Search::default() }),
        ("visit", |n, entries| Search { visit: Some(fill::visit(drawn(n, entries))), oldest_first: true, ..Search::default() }),
        ("period of a day", |n, _| Search {
            from: Some(day(n)),
            until: Some(day(n) + SignedDuration::from_hours(24)),
            ..Search::default()
        }),
        ("up to a day, oldest first", |n, _| Search { until: Some(day(n)), oldest_first: true, ..Search::default() }),
        ("account and event", |n, _| Search { about: account(n), kind: of(&KINDS, n), ..Search::default() }),
        ("account and address", |n, _| Search { about: account(n), client: client(n), ..Search::default() }),
        ("account and period", |n, _| Search { about: account(n), from: Some(day(n)), until: Some(day(n + 1)), ..Search::default() }),
        ("helper and account", |n, _| Search { by: helper(n), about: account(n), ..Search::default() }),
        ("helper and event", |n, _| Search { by: helper(n), kind: of(&KINDS, n), ..Search::default() }),
        ("helper and address", |n, _| Search { by: helper(n), client: client(n), ..Search::default() }),
        ("helper and outcome, oldest first", |n, _| Search {
            by: helper(n),
            outcome: of(&OUTCOMES, n),
            oldest_first: true,
            ..Search::default()
        }),
        ("CPR number and event", |n, _| Search { cpr: Some(fill::cpr(drawn(n, PEOPLE))), kind: of(&KINDS, n), ..Search::default() }),
        ("name and event", |n, _| Search { about: name(n), kind: of(&KINDS, n), ..Search::default() }),
        ("event and address", |n, _| Search { kind: of(&KINDS, n), client: client(n), ..Search::default() }),
        ("event and provider", |n, _| Search { kind: of(&KINDS, n), provider: of(&PROVIDERS, n / 6), ..Search::default() }),
        ("event and a day", |n, _| Search {
            kind: of(&KINDS, n),
            from: Some(day(n)),
            until: Some(day(n) + SignedDuration::from_hours(24)),
            ..Search::default()
        }),
        ("outcome and address", |n, _| Search { outcome: of(&OUTCOMES, n), client: client(n), ..Search::default() }),
        ("outcome and provider", |n, _| Search { outcome: of(&OUTCOMES, n), provider: of(&PROVIDERS, n / 4), ..Search::default() }),
        ("address and provider", |n, _| Search { client: client(n), provider: of(&PROVIDERS, n), ..Search::default() }),
        ("address and period", |n, _| Search { client: client(n), from: Some(day(n)), ..Search::default() }),
        // Both values are frequent and never occur together: accounts with delegated rights log in at other providers.
        ("two that never meet", |n, _| Search {
            kind: of(&["reset_outcome", "account_viewed"], n),
            provider: of(&["mitid"], n),
            ..Search::default()
        }),
    ]
}

/// Searches with at least a thousand pages.
fn far() -> Vec<(&'static str, Search)> {
    let some = |text: &str| Some(text.to_owned());
    vec![
        ("everything", Search::default()),
        ("everything, oldest first", Search { oldest_first: true, ..Search::default() }),
        ("event", Search { kind: some("sign_in"), ..Search::default() }),
        ("outcome", Search { outcome: some("refused"), ..Search::default() }),
        ("address of the town hall", Search { client: some("192.0.2.2"), ..Search::default() }),
        ("provider", Search { provider: some("entra"), ..Search::default() }),
        ("event and provider", Search { kind: some("sign_in"), provider: some("os2faktor"), ..Search::default() }),
        ("outcome and address", Search { outcome: some("succeeded"), client: some("192.0.2.2"), ..Search::default() }),
        (
            "event and half a year",
            Search { kind: some("sign_in"), until: Timestamp::from_microsecond(BEGIN + SPAN / 2).ok(), ..Search::default() },
        ),
    ]
}

async fn page(log: &AuditLog, search: &Search, after: Option<i64>) -> (f64, Hits) {
    let began = Instant::now();
    // A prefix that matches too many people is refused without a search.
    let hits = log.search(search, after).await.expect("read").unwrap_or_default();
    (began.elapsed().as_secs_f64() * 1000.0, hits)
}

/// Prints the median, the 99th percentile and the maximum.
fn spread(what: &str, mut times: Vec<f64>, more: &str) {
    times.sort_by(f64::total_cmp);
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    println!("| {what} | {:.1} | {:.1} | {:.1} | {more} |", at(50), at(99), at(100));
}

async fn measure(log: &AuditLog, entries: u64) {
    println!("| Search, page 1 | p50 ms | p99 ms | worst ms | entries found on the page, searches that stopped |\n|---|---|---|---|---|");
    for (what, ask) in asked() {
        page(log, &ask(TIMES, entries), None).await;
        let (mut times, mut found, mut stopped) = (Vec::new(), 0, 0);
        for n in 0..TIMES {
            let (took, hits) = page(log, &ask(n, entries), None).await;
            times.push(took);
            found += hits.entries.len();
            stopped += u64::from(hits.stopped_at.is_some());
        }
        spread(what, times, &format!("{:.1}, {stopped} of {TIMES}", found as f64 / TIMES as f64));
    }
    println!("\n| Search, page {FAR} | p50 ms | p99 ms | worst ms | page |\n|---|---|---|---|---|");
    for (what, search) in far() {
        let (mut after, mut number) = (None, 1);
        while number < FAR {
            let (_, hits) = page(log, &search, after).await;
            let Some(next) = hits.next else { break };
            (after, number) = (Some(next), number + 1);
        }
        let mut times = Vec::new();
        for _ in 0..TIMES {
            let (took, hits) = page(log, &search, after).await;
            assert!(hits.entries.len() == PAGE || number < FAR || hits.next.is_some(), "{what}: a full page");
            times.push(took);
        }
        spread(what, times, &number.to_string());
    }
    let mut times = Vec::new();
    let since = Timestamp::from_microsecond(BEGIN + SPAN - 30 * 86_400_000_000).expect("in range");
    for _ in 0..TIMES {
        let began = Instant::now();
        log.counts_since(since, &[EventKind::ChangeOutcome, EventKind::ResetOutcome, EventKind::SignIn]).await.expect("read");
        log.refusals_since(since).await.expect("read");
        times.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    spread("overview of 30 days", times, "");
}

#[tokio::main]
async fn main() {
    let entries = std::env::var("OS2NYKODE_BENCH_ENTRIES").map_or(1_000_000, |text| text.parse().expect("a number of entries"));
    sqlx::any::install_default_drivers();
    let folder = tempfile::tempdir().expect("a folder");
    let server = environment().fact("PG_URL");
    let (host, _) = server.rsplit_once('/').expect("a database in the URL");
    let admin = async |statement: &str| {
        let mut admin = AnyConnection::connect(server).await.expect("PostgreSQL answers");
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut admin).await.expect(statement);
        admin.close().await.expect("closed");
    };
    let name = format!("bench_search_{}", std::process::id());
    for url in [format!("sqlite://{}/log.db", folder.path().display()), format!("{host}/{name}")] {
        let postgres = url.starts_with("postgres");
        let database = if postgres { "PostgreSQL" } else { "SQLite" };
        if postgres {
            admin(&format!("CREATE DATABASE {name}")).await;
        }
        Store::open(&url).await.expect("made").close().await;
        let filled = fill::fill(&url, entries).await;
        println!(
            "\n{database}, {entries} entries: filled in {:.0} s, indexes made in {:.0} s, {} MB, {} bytes an entry\n",
            filled.rows.as_secs_f64(),
            filled.indexes.as_secs_f64(),
            filled.megabytes,
            filled.megabytes * 1_000_000 / i64::try_from(entries).expect("small"),
        );
        let store = Store::open(&url).await.expect("opened");
        let log = AuditLog::new(&store, &DerivedKeys::new(&KEY)).with(Vault::new([&KEY]), "kommune.test");
        measure(&log, entries).await;
        store.close().await;
        if postgres {
            admin(&format!("DROP DATABASE {name}")).await;
        } else {
            let _ = std::fs::remove_file(folder.path().join("log.db"));
        }
    }
}
