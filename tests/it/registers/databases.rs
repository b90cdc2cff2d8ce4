//! Registers in PostgreSQL, MariaDB and SQLite, and the parts of SQL Server's protocol that work without a server.

mod sql_server;

use std::time::{Duration, Instant};

use os2nykode::registers::RegisterErrorCause;
use sqlx::{AnyPool, AssertSqlSafe, Connection};

use super::{ANNA, BODIL, cpr, lookups, names, relay::Relay, tells_nothing, trouble};
use crate::environment::{environment, unique};

/// A table of a test's own in one of the databases.
struct Table {
    /// Connections of the table's owner.
    owner: AnyPool,
    /// The URL in the service's configuration.
    url: String,
    name: String,
    placeholder: &'static str,
    _folder: Option<tempfile::TempDir>,
}

fn mariadb(user: &str, rest: &str) -> String {
    let environment = environment();
    let (host, port) = (environment.fact("MARIADB_HOST"), environment.fact("MARIADB_PORT"));
    format!("mysql://{user}:{}@{host}:{port}/people{rest}", environment.fact("MARIADB_PASSWORD"))
}

fn verified() -> String {
    format!("?ssl-mode=VERIFY_IDENTITY&ssl-ca={}", environment().fact("CA_FILE"))
}

impl Table {
    async fn new(owner: &str, url: String, placeholder: &'static str, folder: Option<tempfile::TempDir>) -> Self {
        sqlx::any::install_default_drivers();
        let owner = AnyPool::connect(owner).await.expect("the owner");
        let table = Self { owner, url, name: unique("people_"), placeholder, _folder: folder };
        table.say(&format!("CREATE TABLE {} (cpr CHAR(11), account VARCHAR(300), number INT)", table.name)).await;
        table
    }

    async fn postgres() -> Self {
        let url = environment().fact("PG_URL");
        Self::new(url, url.to_owned(), "$1", None).await
    }

    async fn mariadb() -> Self {
        Self::new(&mariadb("owner", &verified()), mariadb("reader", &verified()), "?", None).await
    }

    async fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}/people.db", folder.path().display());
        Self::new(&format!("{url}?mode=rwc"), url, "?", Some(folder)).await
    }

    async fn all() -> [Self; 3] {
        [Self::postgres().await, Self::mariadb().await, Self::sqlite().await]
    }

    async fn say(&self, sql: &str) {
        sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&self.owner).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    async fn add(&self, cpr: &str, account: &str) {
        self.say(&format!("INSERT INTO {} VALUES ('{cpr}', {account}, 7)", self.name)).await;
    }

    fn section(&self, query: &str, more: &str) -> String {
        let query = query.replace("TABLE", &self.name).replace('@', self.placeholder);
        format!("[[registers.sql]]\nid = \"db\"\nurl = \"{}\"\nquery = \"{query}\"\naccount_key = \"account_name\"\n{more}\n", self.url)
    }
}

const QUERY: &str = "SELECT account FROM TABLE WHERE cpr = @ ORDER BY account";

#[tokio::test]
async fn each_database_names_the_accounts_of_one_person_and_no_others() {
    for table in Table::all().await {
        for account in ["'anna'", "'anna-adm   '", "'anna'", "NULL", "''", "'  '"] {
            table.add(ANNA, account).await;
        }
        table.add(BODIL, "'bodil'").await;
        let lookups = lookups(&table.section(QUERY, ""));
        assert_eq!(names(lookups.accounts_of(&cpr(ANNA)).await), ["anna", "anna-adm"], "each once, blanks of a column are none of it");
        assert_eq!(names(lookups.accounts_of(&cpr(BODIL)).await), ["bodil"]);
        assert_eq!(names(lookups.accounts_of(&cpr("0405835106")).await), [""; 0]);
    }
}

#[tokio::test]
async fn the_number_is_bound_as_the_register_writes_it() {
    for table in Table::all().await {
        table.add(ANNA, "'x'").await;
        let query = if table.placeholder == "$1" { "SELECT 'saw ' || @ FROM TABLE" } else { "SELECT CONCAT('saw ', @) FROM TABLE" };
        // Older versions of SQLite have no CONCAT.
        let query = if table.url.starts_with("sqlite") { "SELECT 'saw ' || @ FROM TABLE" } else { query };
        let digits = lookups(&table.section(query, ""));
        assert_eq!(names(digits.accounts_of(&cpr(ANNA)).await), [format!("saw {ANNA}")]);
        let dashed = lookups(&table.section(query, "cpr_format = \"dashed\""));
        assert_eq!(names(dashed.accounts_of(&cpr(ANNA)).await), ["saw 010280-5100"]);
    }
}

#[tokio::test]
async fn upns_and_guids_are_taken_for_what_they_are() {
    for table in Table::all().await {
        table.add(ANNA, "'anna@kommune.test'").await;
        table.add(BODIL, "'03020100-0504-0706-0809-0A0B0C0D0E0F'").await;
        let upn = lookups(&table.section(QUERY, "").replace("account_name", "upn"));
        assert_eq!(names(upn.accounts_of(&cpr(ANNA)).await), ["upn anna@kommune.test"]);
        let guid = lookups(&table.section(QUERY, "").replace("account_name", "object_guid"));
        assert_eq!(names(guid.accounts_of(&cpr(BODIL)).await), ["guid 03020100-0504-0706-0809-0a0b0c0d0e0f"]);
        let wrong = trouble(guid.accounts_of(&cpr(ANNA)).await, "db");
        assert_eq!(wrong, RegisterErrorCause::NotAsConfigured("a value is not an objectGUID with hyphens".into()));
    }
}

#[tokio::test]
async fn a_query_can_not_write_whatever_its_user_may() {
    for mut table in Table::all().await {
        table.add(ANNA, "'anna'").await;
        if table.url.starts_with("mysql") {
            table.url = mariadb("owner", &verified());
        }
        let lookups = lookups(&table.section("INSERT INTO TABLE VALUES (@, 'evil', 1) RETURNING account", ""));
        assert!(matches!(trouble(lookups.accounts_of(&cpr(ANNA)).await, "db"), RegisterErrorCause::Refused(_)), "{}", table.placeholder);
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(format!("SELECT COUNT(*) FROM {}", table.name)))
            .fetch_one(&table.owner)
            .await
            .expect("counted");
        assert_eq!(count, 1);
    }
}

#[tokio::test]
async fn more_rows_than_one_person_has_accounts_are_a_fault_and_are_not_waited_for() {
    for table in Table::all().await {
        for n in 0..20 {
            table.add(ANNA, &format!("'a{n}'")).await;
            table.add(BODIL, &format!("'b{n}'")).await;
        }
        let lookups = lookups(&table.section(QUERY, ""));
        assert_eq!(names(lookups.accounts_of(&cpr(ANNA)).await).len(), 20);
        table.add(ANNA, "'one more'").await;
        assert_eq!(trouble(lookups.accounts_of(&cpr(ANNA)).await, "db"), RegisterErrorCause::TooMany(20));
        for _ in 0..10 {
            assert_eq!(trouble(lookups.accounts_of(&cpr(ANNA)).await, "db"), RegisterErrorCause::TooMany(20));
        }
        assert_eq!(names(lookups.accounts_of(&cpr(BODIL)).await).len(), 20, "it still answers");
    }
    let endless = Table::postgres().await.section("SELECT generate_series(1, 100000000)::text WHERE @ <> ''", "");
    let started = Instant::now();
    assert_eq!(trouble(lookups(&endless).accounts_of(&cpr(ANNA)).await, "db"), RegisterErrorCause::TooMany(20));
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_column_that_is_no_text_is_told_of() {
    for table in Table::all().await {
        table.add(ANNA, "'anna'").await;
        let number = lookups(&table.section("SELECT number FROM TABLE WHERE cpr = @", ""));
        assert!(matches!(trouble(number.accounts_of(&cpr(ANNA)).await, "db"), RegisterErrorCause::NotAsConfigured(_)));
        let cast = lookups(&table.section("SELECT CAST(number AS CHAR(5)) || '' FROM TABLE WHERE cpr = @", ""));
        if !table.url.starts_with("mysql") {
            assert_eq!(names(cast.accounts_of(&cpr(ANNA)).await), ["7"]);
        }
    }
}

#[tokio::test]
async fn what_a_database_says_is_not_repeated_because_it_may_quote_the_number() {
    let postgres = Table::postgres().await;
    let quoting = lookups(&postgres.section("SELECT (@::text)::date::text", ""));
    assert_eq!(trouble(quoting.accounts_of(&cpr("2206845107")).await, "db"), RegisterErrorCause::Refused("code 22008".into()));
    let mariadb = Table::mariadb().await;
    let quoting = lookups(&mariadb.section("SELECT EXTRACTVALUE(1, CONCAT('//[', @))", ""));
    assert!(matches!(trouble(quoting.accounts_of(&cpr(ANNA)).await, "db"), RegisterErrorCause::Refused(_)));
    let missing = lookups(&postgres.section("SELECT account FROM nowhere WHERE cpr = @", ""));
    assert_eq!(trouble(missing.accounts_of(&cpr(ANNA)).await, "db"), RegisterErrorCause::Refused("code 42P01".into()));
}

/// A table that is slow for one person and quick for another.
async fn sleepy(table: &Table, sleep: &str) -> String {
    table.add(ANNA, "'anna'").await;
    table.add(BODIL, "'bodil'").await;
    // A CASE, because a database may evaluate conditions in any order.
    let query = format!("SELECT account FROM TABLE WHERE CASE WHEN cpr <> @ THEN 1 = 0 WHEN account = 'anna' THEN {sleep} ELSE 1 = 1 END");
    table.section(&query, "timeout_seconds = 0.8")
}

#[tokio::test]
async fn a_slow_database_is_not_waited_for_and_is_usable_at_once_when_it_is_quick_again() {
    let (postgres, mariadb) = (Table::postgres().await, Table::mariadb().await);
    for (table, sleep) in [(&postgres, "pg_sleep(20) IS NULL"), (&mariadb, "SLEEP(20) > 5")] {
        let lookups = lookups(&sleepy(table, sleep).await);
        let started = Instant::now();
        let asked = futures_util::future::join_all((0..12).map(|_| async { trouble(lookups.accounts_of(&cpr(ANNA)).await, "db") })).await;
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        // The server's own time limit may end the query first.
        assert!(asked.iter().all(|trouble| matches!(trouble, RegisterErrorCause::TimedOut | RegisterErrorCause::Refused(_))), "{asked:?}");
        assert_eq!(names(lookups.accounts_of(&cpr(BODIL)).await), ["bodil"]);
    }
    let left = "SELECT COUNT(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(20)%' AND query NOT LIKE '%pg_stat_activity%'";
    let started = Instant::now();
    while sqlx::query_scalar::<_, i64>(left).fetch_one(&postgres.owner).await.expect("counted") > 0 {
        assert!(started.elapsed() < Duration::from_secs(5), "the server gives up too");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn connections_that_went_dead_are_not_used_again() {
    let table = Table::mariadb().await;
    table.add(ANNA, "'anna'").await;
    let environment = environment();
    let (host, port) = (environment.fact("MARIADB_HOST"), environment.fact("MARIADB_PORT"));
    let relay = Relay::to(format!("{host}:{port}").parse().expect("an address")).await;
    let url = mariadb("plain", "?ssl-mode=DISABLED").replace(&format!("{host}:{port}"), &relay.address.to_string());
    let query = "SELECT account FROM TABLE WHERE cpr = @ AND SLEEP(0.3) = 0";
    let lookups = lookups(&table.section(query, "timeout_seconds = 1.5").replace(&table.url, &url));
    let anna = cpr(ANNA);
    let four = || futures_util::future::join_all((0..4).map(|_| lookups.accounts_of(&anna)));
    assert!(four().await.into_iter().all(|found| names(found) == ["anna"]));
    assert_eq!(relay.connections(), 4);
    // The connections die during the queries.
    let dying = async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        relay.die();
    };
    let (asked, ()) = futures_util::future::join(four(), dying).await;
    assert!(asked.into_iter().all(|found| trouble(found, "db") == RegisterErrorCause::TimedOut));
    assert!(four().await.into_iter().all(|found| names(found) == ["anna"]), "at once");
    assert_eq!(relay.connections(), 8);
}

#[tokio::test]
async fn a_database_that_is_down_or_does_not_know_us_is_a_fault_that_names_the_register_only() {
    let query = "query = \"SELECT a FROM b WHERE c = QQ\"\naccount_key = \"upn\"\ntimeout_seconds = 0.5\n";
    for (url, placeholder) in [
        ("postgres://hemmelig:s3cret@127.0.0.1:1/x", "$1"),
        ("mysql://hemmelig:s3cret@127.0.0.1:1/x", "?"),
        ("sqlite:///nowhere/hemmelig.db", "?"),
    ] {
        let lookups = lookups(&format!("[[registers.sql]]\nid = \"gone\"\nurl = \"{url}\"\n{}", query.replace("QQ", placeholder)));
        let started = Instant::now();
        let wrong = trouble(lookups.accounts_of(&cpr(ANNA)).await, "gone");
        assert!(
            matches!(wrong, RegisterErrorCause::TimedOut | RegisterErrorCause::Unreachable(_) | RegisterErrorCause::Refused(_)),
            "{wrong:?}"
        );
        assert!(started.elapsed() < Duration::from_millis(2500));
    }
    let table = Table::mariadb().await;
    let password = environment().fact("MARIADB_PASSWORD");
    let wrong_password = lookups(&table.section(QUERY, "").replace(password, "hemmelig"));
    assert!(matches!(trouble(wrong_password.accounts_of(&cpr(ANNA)).await, "db"), RegisterErrorCause::NotLetIn(_)));
}

#[tokio::test]
async fn tls_is_as_the_url_says() {
    let table = Table::mariadb().await;
    table.add(ANNA, "'anna'").await;
    let asked = async |user: &str, rest: &str| {
        let section = table.section(QUERY, "timeout_seconds = 2").replace(&table.url, &mariadb(user, rest));
        lookups(&section).accounts_of(&cpr(ANNA)).await
    };
    let (ca, other) = (environment().fact("CA_FILE"), environment().tls("other-ca.pem"));
    assert_eq!(names(asked("reader", &verified()).await), ["anna"]);
    // Plain text if the URL asks for it. A server that requires TLS refuses that.
    assert_eq!(names(asked("plain", "?ssl-mode=DISABLED").await), ["anna"]);
    assert!(matches!(trouble(asked("reader", "?ssl-mode=DISABLED").await, "db"), RegisterErrorCause::NotLetIn(_)));
    for rest in [format!("?ssl-mode=VERIFY_IDENTITY&ssl-ca={}", other.display()), "?ssl-mode=VERIFY_IDENTITY".to_owned()] {
        let wrong = trouble(asked("plain", &rest).await, "db");
        assert!(matches!(&wrong, RegisterErrorCause::Unreachable(what) if what.contains("certificate")), "{rest}: {wrong:?}");
    }
    // The right CA and another name.
    let here = format!("?ssl-mode=VERIFY_IDENTITY&ssl-ca={ca}");
    let by_name = table.section(QUERY, "").replace(&table.url, &mariadb("plain", &here));
    let server = format!("{}:{}", environment().fact("MARIADB_HOST"), environment().fact("MARIADB_PORT"));
    let relay = Relay::to(server.parse().expect("an address")).await;
    let other_name = by_name.replace(&server, &relay.address.to_string());
    let wrong = trouble(lookups(&other_name).accounts_of(&cpr(ANNA)).await, "db");
    assert!(matches!(&wrong, RegisterErrorCause::Unreachable(what) if what.contains("certificate")), "{wrong:?}");
    // A local socket needs no TLS.
    let socket = format!("?socket={}&ssl-mode=DISABLED", environment().fact("MARIADB_SOCKET"));
    assert_eq!(names(asked("plain", &socket).await), ["anna"]);
}

#[tokio::test]
async fn all_are_asked_at_once_and_one_that_fails_is_a_fault_of_the_whole() {
    let (first, second) = (Table::postgres().await, Table::sqlite().await);
    first.add(ANNA, "'anna'").await;
    second.add(ANNA, "'anna'").await;
    second.add(ANNA, "'anna-adm'").await;
    let sections = first.section(QUERY, "") + &second.section(QUERY, "").replace("\"db\"", "\"other\"");
    assert_eq!(names(lookups(&sections).accounts_of(&cpr(ANNA)).await), ["anna", "anna-adm"], "each once");
    let slow = Table::postgres().await;
    slow.add(ANNA, "'x'").await;
    let slow = |id: &str| {
        let query = "SELECT account FROM TABLE WHERE cpr = @ AND pg_sleep(1) IS NOT NULL";
        slow.section(query, "").replace("\"db\"", &format!("\"{id}\""))
    };
    let three = lookups(&[slow("one"), slow("two"), slow("three")].concat());
    let started = Instant::now();
    assert_eq!(names(three.accounts_of(&cpr(ANNA)).await), ["x"]);
    assert!(started.elapsed() < Duration::from_millis(2800), "{:?}", started.elapsed());
    let gone = "[[registers.sql]]\nid = \"gone\"\nurl = \"postgres://a:s3cret@127.0.0.1:1/x\"\nquery = \"SELECT a FROM b WHERE c = $1\"\naccount_key = \"upn\"\ntimeout_seconds = 0.3\n";
    trouble(lookups(&(sections + gone)).accounts_of(&cpr(ANNA)).await, "gone");
}

/// Captures the log output of all libraries at all levels during a lookup, including failed ones.
#[tokio::test]
async fn no_library_says_the_number_at_any_level_that_the_service_lets_through() {
    let said = super::peer::Said::default();
    let (postgres, mariadb) = (Table::postgres().await, Table::mariadb().await);
    for table in [&postgres, &mariadb] {
        table.add(ANNA, "'anna'").await;
    }
    let noticing = format!("noticing_{}", postgres.name);
    let body = "BEGIN RAISE WARNING 'asked for %', c; RETURN NULL; END";
    postgres.say(&format!("CREATE FUNCTION {noticing}(c text) RETURNS text LANGUAGE plpgsql AS '{}'", body.replace('\'', "''"))).await;
    let all = [
        lookups(&postgres.section(QUERY, "")),
        lookups(&mariadb.section(QUERY, "")),
        lookups(&postgres.section("SELECT (@::text)::date::text", "")),
        lookups(&postgres.section(&format!("SELECT {noticing}(@)"), "")),
    ];
    {
        let _listening = said.listen();
        for lookups in &all {
            let _ = lookups.accounts_of(&cpr(ANNA)).await;
        }
        drop(lookups(&postgres.section(QUERY, "")));
    }
    let text = said.text();
    assert!(text.contains("sqlx"), "it was listened to: {text}");
    tells_nothing(&text);
    // Counter-check: the same output without the service's own log settings.
    let mut open = sqlx::AnyConnection::connect(environment().fact("PG_URL")).await.expect("open");
    let loud = super::peer::Said::default();
    {
        let _listening = loud.listen();
        let asked = sqlx::query(AssertSqlSafe(format!("SELECT {noticing}($1)"))).bind(ANNA).fetch_all(&mut open).await;
        asked.expect("asked");
    }
    assert!(loud.text().contains(ANNA), "so that the test above can fail: {}", loud.text());
}
