//! Fills a database with the audit log of a large municipality after 13 months, by SQL statements: a row costs microseconds.
//!
//! The log is only good for search measurements: entries have neither MAC nor seal, and the log's triggers are gone.

use std::time::{Duration, Instant};

use os2nykode::{audit::log::cpr::Vault, model::cpr::Cpr, store::DerivedKeys};
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};
use uuid::Uuid;

use super::KEY;

/// Number of people with accounts.
pub const PEOPLE: u64 = 20_000;
/// Number of those who act on other people's accounts.
pub const HELPERS: u64 = 50;
/// Number of client addresses besides the town hall's.
pub const ADDRESSES: u64 = 5_000;
/// Entries per statement.
const CHUNK: u64 = 250_000;
/// 13 months in microseconds.
pub const SPAN: i64 = 395 * 86_400_000_000;
/// Time of the first entry, 2025-10-20, in microseconds since 1970.
pub const BEGIN: i64 = 1_760_918_400_000_000;

const GIVEN: [&str; 20] = [
    "Anne", "Peter", "Mette", "Lars", "Søren", "Åse", "Ida", "William", "Freja", "Oscar", "Æbbe", "Karl", "Alma", "Noah", "Ella", "Hans",
    "Birgitte", "Jens", "Kirsten", "Østen",
];
const MIDDLE: [&str; 20] = [
    "Holm", "Lund", "Bech", "Krog", "Dahl", "Juul", "Friis", "Bak", "Kjær", "Vester", "Øster", "Skov", "Mølle", "Nygaard", "Toft", "Høj",
    "Birk", "Ravn", "Å", "Storm",
];
const FAMILY: [&str; 50] = [
    "Nielsen",
    "Jensen",
    "Hansen",
    "Andersen",
    "Pedersen",
    "Christensen",
    "Larsen",
    "Sørensen",
    "Rasmussen",
    "Jørgensen",
    "Petersen",
    "Madsen",
    "Kristensen",
    "Olsen",
    "Thomsen",
    "Christiansen",
    "Poulsen",
    "Johansen",
    "Møller",
    "Mortensen",
    "Knudsen",
    "Jakobsen",
    "Jacobsen",
    "Mikkelsen",
    "Olesen",
    "Frederiksen",
    "Laursen",
    "Henriksen",
    "Lund",
    "Schmidt",
    "Eriksen",
    "Holm",
    "Kristiansen",
    "Clausen",
    "Simonsen",
    "Svendsen",
    "Andreasen",
    "Iversen",
    "Jeppesen",
    "Mogensen",
    "Jespersen",
    "Nissen",
    "Lauridsen",
    "Østergaard",
    "Jepsen",
    "Frandsen",
    "Hermansen",
    "Vestergaard",
    "Bertelsen",
    "Dam",
];

pub fn guid(n: u64) -> String {
    let high = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Uuid::from_u64_pair(high, high.rotate_left(29).wrapping_mul(0xbf58_476d_1ce4_e5b9)).to_string()
}

pub fn account(n: u64) -> String {
    format!("bruger{n:05}")
}

/// Unique per person.
pub fn name(n: u64) -> String {
    let of = |list: &'static [&'static str], n: u64| list[usize::try_from(n).expect("small") % list.len()];
    format!("{} {} {}", of(&GIVEN, n), of(&MIDDLE, n / 20), of(&FAMILY, n / 400))
}

/// An invented CPR number: born on the first of a month, with a serial number that begins with zeros.
pub fn cpr(n: u64) -> Cpr {
    Cpr::parse(&format!("01{:02}{:02}{:04}", n % 12 + 1, n / 12 % 100, n / 1200 % 4000)).expect("a day that there is")
}

pub fn address(n: u64) -> String {
    format!("10.20.{}.{}", n / 250, n % 250 + 1)
}

/// Five consecutive entries share a visit.
pub fn visit(seq: u64) -> String {
    let n = seq / 5;
    format!("{:08}-0000-4000-8000-{n:012}", n * 2_654_435_761 % 4_294_967_296 % 100_000_000)
}

/// Durations of the two steps, and the final size of the database.
pub struct Filled {
    pub rows: Duration,
    pub indexes: Duration,
    pub megabytes: i64,
}

pub async fn fill(url: &str, entries: u64) -> Filled {
    let postgres = url.starts_with("postgres");
    let mut db = AnyConnection::connect(url).await.expect("the database answers");
    let began = Instant::now();
    if !postgres {
        run(&mut db, "PRAGMA synchronous = OFF").await;
        run(&mut db, "PRAGMA cache_size = -500000").await;
    }
    let indexes = stripped(&mut db, postgres).await;
    people(&mut db).await;
    let mut done = 0;
    while done < entries {
        let chunk = CHUNK.min(entries - done);
        run(&mut db, &statement(done + 1, done + chunk, entries)).await;
        run(
            &mut db,
            &format!(
                "INSERT INTO audit_cpr (seq, party, key_id, blind, sealed) SELECT a.seq, 'actor', '00000000', p.blind, p.sealed FROM audit a
                 JOIN bench_people p ON p.guid = a.actor_guid WHERE a.seq > {done} AND a.provider = 'mitid' AND a.kind = 'sign_in'"
            ),
        )
        .await;
        done += chunk;
    }
    run(&mut db, "INSERT INTO audit_people (guid, words, account) SELECT guid, words, account FROM bench_people").await;
    run(
        &mut db,
        "INSERT INTO audit_hours (hour, kind, outcome, reason, many)
         SELECT at / 3600000000, kind, outcome, CASE WHEN outcome = 'refused' THEN reason ELSE '' END, COUNT(*) FROM audit GROUP BY 1, 2, 3, 4",
    )
    .await;
    let rows = began.elapsed();
    let began = Instant::now();
    for index in &indexes {
        run(&mut db, index).await;
    }
    // PostgreSQL does this by itself after a while. The service never runs ANALYZE on SQLite, so neither does this program.
    if postgres {
        run(&mut db, "VACUUM (ANALYZE)").await;
    } else {
        run(&mut db, "PRAGMA wal_checkpoint(TRUNCATE)").await;
    }
    let size = if postgres {
        "SELECT pg_database_size(current_database()) / 1000000"
    } else {
        "SELECT page_count * page_size / 1000000 FROM pragma_page_count(), pragma_page_size()"
    };
    let megabytes = sqlx::query_scalar(size).fetch_one(&mut db).await.expect("a size");
    db.close().await.expect("closed");
    Filled { rows, indexes: began.elapsed(), megabytes }
}

async fn run(db: &mut AnyConnection, statement: &str) {
    let done = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(db).await;
    done.unwrap_or_else(|error| panic!("{error}: {statement}"));
}

/// Removes triggers and indexes. Returns the statements that create the indexes again.
async fn stripped(db: &mut AnyConnection, postgres: bool) -> Vec<String> {
    let (triggers, indexes) = if postgres {
        (
            "SELECT 'ALTER TABLE ' || relname || ' DISABLE TRIGGER USER' FROM pg_class WHERE relname IN ('audit', 'audit_cpr')",
            "SELECT CAST(indexname AS TEXT) AS name, indexdef AS sql FROM pg_indexes
             WHERE tablename IN ('audit', 'audit_cpr') AND indexname NOT LIKE '%_pkey'",
        )
    } else {
        (
            "SELECT 'DROP TRIGGER ' || name FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN ('audit', 'audit_cpr')",
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name IN ('audit', 'audit_cpr') AND sql IS NOT NULL",
        )
    };
    let triggers: Vec<String> = sqlx::query_scalar(triggers).fetch_all(&mut *db).await.expect("triggers");
    for trigger in triggers {
        run(db, &trigger).await;
    }
    if postgres {
        run(db, "ALTER TABLE audit ALTER COLUMN seq SET GENERATED BY DEFAULT").await;
    }
    let rows = sqlx::query(indexes).fetch_all(&mut *db).await.expect("indexes");
    for row in &rows {
        run(db, &format!("DROP INDEX {}", row.get::<String, _>("name"))).await;
    }
    rows.iter().map(|row| row.get("sql")).collect()
}

async fn people(db: &mut AnyConnection) {
    let (vault, keys) = (Vault::new([&KEY]), DerivedKeys::new(&KEY));
    let kind = if db.backend_name() == "PostgreSQL" { "BYTEA" } else { "BLOB" };
    run(
        db,
        &format!(
            "CREATE TABLE bench_people (n BIGINT PRIMARY KEY, guid TEXT NOT NULL UNIQUE, account TEXT, name TEXT, words TEXT, blind TEXT, sealed {kind})"
        ),
    )
    .await;
    let mut transaction = db.begin().await.expect("begun");
    for n in 0..PEOPLE {
        let (_, sealed) = vault.seal(&cpr(n), &keys).expect("random").expect("a key");
        sqlx::query("INSERT INTO bench_people VALUES ($1, $2, $3, $4, $5, $6, $7)")
            .bind(i64::try_from(n).expect("small"))
            .bind(guid(n))
            .bind(account(n))
            .bind(name(n))
            .bind(format!(" {} {}", account(n), name(n).to_lowercase()))
            .bind(sealed.blind)
            .bind(sealed.sealed)
            .execute(&mut *transaction)
            .await
            .expect("written");
    }
    transaction.commit().await.expect("written");
}

/// The INSERT for a range of sequence numbers. Values are drawn by multiplication, hence equal on both databases.
fn statement(from: u64, to: u64, entries: u64) -> String {
    let drawn = |factor: u64, below: u64| format!("(i * {factor} % 4294967296) / 4096 % {below}");
    let (what, who, helper) = (drawn(2_654_435_761, 1000), drawn(2_246_822_519, PEOPLE), drawn(3_266_489_917, HELPERS));
    let (place, chance, way) = (drawn(668_265_263, ADDRESSES), drawn(374_761_393, 100), drawn(3_812_015_801, 100));
    let step = SPAN / i64::try_from(entries).expect("few enough");
    format!(
        "INSERT INTO audit (seq, at, visit, kind, outcome, reason, actor_guid, actor_account, actor_name, unknown_name, method, client, target_guid,
            target_account, target_name, controller, attempt, provider, level, assertion, authority, user_agent, role, target_domain, actor_cpr, mac)
         WITH RECURSIVE numbers (i) AS (SELECT CAST({from} AS BIGINT) UNION ALL SELECT i + 1 FROM numbers WHERE i < {to}),
         drawn AS (SELECT i, {what} AS what, {who} AS who, {helper} AS helper, {place} AS place, {chance} AS chance, {way} AS way FROM numbers),
         told AS (SELECT i, chance, place,
            CASE WHEN what < 480 THEN 'sign_in' WHEN what < 720 THEN 'sign_out' WHEN what < 790 THEN 'change_attempt' WHEN what < 867 THEN 'change_outcome'
                WHEN what < 895 THEN 'reset_attempt' WHEN what < 922 THEN 'reset_outcome' WHEN what < 960 THEN 'account_viewed'
                WHEN what < 985 THEN 'list_viewed' WHEN what < 992 THEN 'code_issued' WHEN what < 998 THEN 'code_redeemed'
                WHEN what < 999 THEN 'unlock_outcome' ELSE 'audit_log_viewed' END AS kind,
            CASE WHEN what < 380 THEN 'succeeded' WHEN what < 480 THEN 'refused' WHEN what < 720 THEN 'succeeded' WHEN what < 790 THEN 'started'
                WHEN what < 850 THEN 'succeeded' WHEN what < 865 THEN 'refused' WHEN what < 867 THEN 'failed' WHEN what < 895 THEN 'started'
                WHEN what < 918 THEN 'succeeded' WHEN what < 922 THEN 'refused' ELSE 'succeeded' END AS outcome,
            CASE WHEN what >= 380 AND what < 460 THEN 'wrong_password' WHEN what >= 460 AND what < 480 THEN 'unknown'
                WHEN what >= 850 AND what < 867 THEN CASE WHEN chance < 50 THEN 'too_short' WHEN chance < 80 THEN 'used_before' ELSE 'too_young' END
                ELSE '' END AS reason,
            CASE WHEN what >= 460 AND what < 480 THEN -1 WHEN what >= 867 AND what < 992 THEN helper WHEN what >= 998 THEN helper ELSE who END AS actor,
            CASE WHEN what >= 460 AND what < 480 THEN -1 WHEN what >= 960 AND what < 985 THEN -1 WHEN what = 999 THEN -1 ELSE who END AS target,
            CASE WHEN what >= 867 AND what < 992 OR what >= 998 THEN 'os2faktor' WHEN what >= 992 AND what < 998 OR way < 35 THEN NULL
                WHEN way < 70 THEN 'os2faktor' WHEN way < 85 THEN 'entra' WHEN way < 95 THEN 'mitid' ELSE 'unilogin' END AS provider
            FROM drawn)
         SELECT i, {BEGIN} + i * {step} + chance * 10000,
            substr(CAST(100000000 + (i / 5 * 2654435761 % 4294967296) % 100000000 AS TEXT), 2) || '-0000-4000-8000-' || substr(CAST(1000000000000 + i / 5 AS TEXT), 2),
            kind, outcome, reason, a.guid, a.account, a.name, CASE WHEN actor < 0 THEN '0123456789abcdef' END,
            CASE WHEN provider IS NULL THEN 'ad_password' WHEN provider = 'os2faktor' THEN 'saml' ELSE 'oidc' END,
            CASE WHEN chance < 30 THEN '192.0.2.' || (chance % 3 + 1) ELSE '10.20.' || (place / 250) || '.' || (place % 250 + 1) END,
            t.guid, t.account, t.name, CASE WHEN kind IN ('sign_in', 'change_outcome', 'reset_outcome') THEN 'dc1.kommune.test' END,
            CASE WHEN kind LIKE 'change_%' OR kind LIKE 'reset_%' THEN '00000000000000000000' || CAST(100000000000 + i AS TEXT) END,
            provider, CASE WHEN provider IS NOT NULL THEN 'substantial' END,
            CASE WHEN provider IS NOT NULL THEN '_a75adf55-01d7-40cc-929f-' || CAST(100000000000 + i AS TEXT) END,
            CASE WHEN actor <> target THEN 'helpdesk:servicedesk' ELSE 'own' END,
            'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/' || (120 + chance % 20) || '.0.0.0 Safari/537.36',
            CASE WHEN actor <> target THEN 'helpdesk' ELSE 'own' END, CASE WHEN target >= 0 THEN 'kommune.test' END,
            CASE WHEN provider = 'mitid' AND kind = 'sign_in' THEN '0123456789abcdef0123456789abcdef0123456789abcdef0123' || CAST(100000000000 + i AS TEXT) END,
            '0123456789abcdef0123' || CAST(100000000000 + i AS TEXT)
         FROM told LEFT JOIN bench_people a ON a.n = actor LEFT JOIN bench_people t ON t.n = target"
    )
}
