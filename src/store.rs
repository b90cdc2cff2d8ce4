//! The database: SQLite, or PostgreSQL for several instances. The same SQL runs on both.
//!
//! Invariants: an audit entry is on disk when the call returns; every call has a timeout; no error contains the database's URL or a value.
//! A power cut may lose rate limits, leases and sessions of the last moments, where a loss does no harm.

pub mod availability;
pub mod codes;
pub mod cursors;
pub mod inspect;
mod keys;
pub mod leases;
pub mod local_accounts;
pub mod rate_limit;
pub mod sessions;
pub mod single_use;
pub mod tokens;

pub use keys::{DerivedKeys, NoRandomness};

use std::{os::unix::fs::OpenOptionsExt, path::Path, str::FromStr, time::Duration};

use jiff::Timestamp;
use sqlx::{
    Any, AnyConnection, AnyPool, Connection,
    any::{AnyArguments, AnyPoolOptions, AnyRow},
    migrate::{MigrateError, Migrator},
    query::Query,
    sqlite::SqliteConnectOptions,
};
use uuid::Uuid;

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// Timeout of one statement.
const PATIENCE: Duration = Duration::from_secs(3);
/// Timeout of the migrations at start.
const MIGRATION: Duration = Duration::from_mins(1);
/// Connections of each PostgreSQL pool. SQLite has one for each pool, because it allows one writer at a time; this keeps waits for locks
/// short.
const CONNECTIONS: u32 = 12;

/// Connections for long reads of the audit log: that many searches run at a time and leave the other pools free.
const READERS: u32 = 4;

/// An error of the store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Unreachable, or refused; the database's message.
    #[error("database unavailable: {0}")]
    Unavailable(String),
    #[error("the database did not answer in time")]
    TimedOut,
    /// A row is invalid; the table's name.
    #[error("a row in table {0} can't be read")]
    Corrupt(&'static str),
    /// A value has another type than its column, or is not text. In SQLite this means that another program wrote it.
    #[error("a value in the database can't be read")]
    Unreadable,
    /// Too many concurrent writes; nothing was written. It passes by itself.
    #[error("the database has too many concurrent writes")]
    Contended,
    /// The operating system gave no random bytes.
    #[error("this machine gives no random numbers")]
    NoRandomness,
}

impl From<sqlx::Error> for StoreError {
    /// Keeps the database's message, which holds no values, and never the library's text, which may hold the URL.
    fn from(error: sqlx::Error) -> Self {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the library's enum, which grows")]
        match error {
            sqlx::Error::Database(error) => Self::Unavailable(error.message().to_owned()),
            sqlx::Error::Io(error) => Self::Unavailable(error.to_string()),
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::AnyDriverError(_)
            | sqlx::Error::TypeNotFound { .. } => Self::Unreadable,
            sqlx::Error::PoolTimedOut => Self::TimedOut,
            sqlx::Error::PoolClosed => Self::Unavailable("closed".to_owned()),
            sqlx::Error::Configuration(_) => Self::Unavailable("store.url can't be understood".to_owned()),
            // The message of the TLS library, which does not know the URL.
            sqlx::Error::Tls(error) => Self::Unavailable(format!("TLS to the database failed: {error}")),
            _ => Self::Unavailable("unexpected answer".to_owned()),
        }
    }
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the library's enum, which grows")]
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            MigrateError::VersionMissing(version) => {
                Self::Unavailable(format!("it was written by a newer version of the service (migration {version})"))
            }
            MigrateError::VersionMismatch(version) => Self::Unavailable(format!("migration {version} is not the one that was applied")),
            _ => Self::Unavailable("migrations failed".to_owned()),
        }
    }
}

/// Settings of each SQLite connection. The wait for a lock (2.5 s) ends before our timeout. Write-ahead logging is a property of the file.
const SQLITE_SETTINGS: [&str; 2] = ["PRAGMA busy_timeout = 2500", "PRAGMA foreign_keys = ON"];
/// A commit is on disk when it returns.
const SQLITE_DURABLE: &str = "PRAGMA synchronous = FULL";
/// A commit survives a crash of the service at once, and one of the machine a little later. Saves the wait for the disk.
const SQLITE_SWIFT: &str = "PRAGMA synchronous = NORMAL";
/// Setting of each PostgreSQL connection: the server's timeout equals ours.
const POSTGRES_PATIENCE: &str = "SET statement_timeout = 3000";
/// A wait for a lock ends before our timeout, and the server ends a transaction that this service has left open, as after a broken network:
/// it would keep its locks and stop the sealing of the audit log.
const POSTGRES_NO_WAIT: &str = "SET lock_timeout = 2500";
const POSTGRES_NO_IDLE: &str = "SET idle_in_transaction_session_timeout = 10000";
const POSTGRES_DURABLE: &str = "SET synchronous_commit = on";
/// Queries that write and number audit entries have to use an index. The statistics of a table that fills and empties all the time are
/// wrong, and a sequential scan would keep the sealer from catching up.
const POSTGRES_BY_INDEX: &str = "SET enable_seqscan = off";
const POSTGRES_SWIFT: &str = "SET synchronous_commit = off";
/// Read-only connections, for every statement.
const SQLITE_READS: &str = "PRAGMA query_only = ON";
const POSTGRES_READS: &str = "SET default_transaction_read_only = on";

/// The open database.
#[derive(Clone)]
pub struct Store {
    /// For data that must not be lost, above all the audit log.
    pub(crate) durable: AnyPool,
    /// For all other data; does not wait for the disk.
    pub(crate) pool: AnyPool,
    /// For long searches in the audit log; read-only.
    pub(crate) readers: AnyPool,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store(…)") // the pool's options hold the URL
    }
}

impl Store {
    /// Opens `sqlite:///path` (created with access for this user only, if missing) or `postgres://…`, and runs the migrations. Two
    /// instances may do so at the same time.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        if url.starts_with("sqlite:") {
            create_private(SqliteConnectOptions::from_str(url)?.get_filename())?;
            tokio::time::timeout(MIGRATION, migrate_sqlite(url)).await.map_err(|_| StoreError::TimedOut)??;
            let settings = |synchronous| [SQLITE_SETTINGS[0], SQLITE_SETTINGS[1], synchronous];
            Ok(Self {
                durable: pool(url, 1, settings(SQLITE_DURABLE)).await?,
                pool: pool(url, 1, settings(SQLITE_SWIFT)).await?,
                readers: pool(url, READERS, settings(SQLITE_READS)).await?,
            })
        } else {
            // The first connection reports an unreachable server within its timeout.
            let durable =
                pool(url, CONNECTIONS, [POSTGRES_PATIENCE, POSTGRES_NO_WAIT, POSTGRES_NO_IDLE, POSTGRES_DURABLE, POSTGRES_BY_INDEX])
                    .await?;
            tokio::time::timeout(MIGRATION, migrate_postgres(url)).await.map_err(|_| StoreError::TimedOut)??;
            Ok(Self {
                durable,
                pool: pool(url, CONNECTIONS, [POSTGRES_PATIENCE, POSTGRES_NO_WAIT, POSTGRES_NO_IDLE, POSTGRES_SWIFT]).await?,
                readers: pool(url, READERS, [POSTGRES_PATIENCE, POSTGRES_READS]).await?,
            })
        }
    }

    /// The last migration that this version of the service knows.
    pub fn version_of(url: &str) -> i64 {
        let known = if url.starts_with("sqlite:") { &SQLITE } else { &POSTGRES };
        known.iter().map(|migration| migration.version).max().unwrap_or(0)
    }

    /// Tests whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        within(sqlx::query("SELECT 1").execute(&self.durable)).await.map(|_| ())
    }

    /// Tests whether the audit log can be written, by a durable write of the size of a request. Uses one row for each instance.
    pub async fn writable(&self, instance: Uuid, now: Timestamp) -> Result<(), StoreError> {
        let statement =
            "INSERT INTO leases (name, holder, until) VALUES ($1, $2, 0) ON CONFLICT (name) DO UPDATE SET holder = $2, released = $3";
        let name = format!("writable {instance}");
        // New content on every page: SQLite does not write unchanged pages.
        let filling = stored(now).to_string().repeat(1024);
        within(sqlx::query(statement).bind(name).bind(filling).bind(stored(now)).execute(&self.durable)).await?;
        Ok(())
    }

    /// Keeps a SQLite database from growing, as on a full disk. For tests.
    #[doc(hidden)]
    pub async fn refuse_to_grow(&self) -> Result<(), StoreError> {
        for pool in [&self.durable, &self.pool] {
            within(sqlx::query("PRAGMA max_page_count = 1").fetch_all(pool)).await?;
        }
        Ok(())
    }

    pub async fn close(&self) {
        self.readers.close().await;
        self.pool.close().await;
        self.durable.close().await;
    }
}

/// The file of a SQLite database that does not exist yet; `None` if it exists or the database is not a file.
pub fn missing_file(url: &str) -> Option<std::path::PathBuf> {
    file(url).filter(|path| !path.exists())
}

/// The file of a SQLite database; `None` for other databases.
pub fn file(url: &str) -> Option<std::path::PathBuf> {
    Some(url.starts_with("sqlite:").then(|| SqliteConnectOptions::from_str(url).ok())??.get_filename().to_owned())
}

async fn pool<const N: usize>(url: &str, connections: u32, settings: [&'static str; N]) -> Result<AnyPool, StoreError> {
    let pool = AnyPoolOptions::new().max_connections(connections).acquire_timeout(PATIENCE).after_connect(move |connection, _| {
        Box::pin(async move {
            for setting in settings {
                sqlx::query(setting).execute(&mut *connection).await?;
            }
            Ok(())
        })
    });
    within(pool.connect(url)).await
}

async fn migrate_sqlite(url: &str) -> Result<(), StoreError> {
    let mut connection = AnyConnection::connect(url).await?;
    for setting in SQLITE_SETTINGS {
        sqlx::query(setting).execute(&mut connection).await?;
    }
    // If several processes open a new file at once, SQLite answers all but one "locked" here, regardless of busy_timeout.
    let mut tries = 50;
    while let Err(error) = sqlx::query("PRAGMA journal_mode = WAL").execute(&mut connection).await {
        tries -= 1;
        if tries == 0 {
            return Err(error.into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // sqlx has no migration lock for SQLite. This transaction serves as one and makes the migrations all or nothing. `run_direct`, here and
    // below: `run` calls it; it is public because the future of `run` on one connection is not Send.
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    SQLITE.run_direct(None, &mut *transaction, false).await?;
    transaction.commit().await?;
    Ok(connection.close().await?)
}

/// Runs on a connection of its own without our statement timeout. sqlx holds an advisory lock meanwhile.
async fn migrate_postgres(url: &str) -> Result<(), StoreError> {
    let mut connection = AnyConnection::connect(url).await?;
    POSTGRES.run_direct(None, &mut connection, false).await?;
    Ok(connection.close().await?)
}

/// Creates the file with mode 0600. SQLite gives its journal the same mode.
fn create_private(path: &Path) -> Result<(), StoreError> {
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(StoreError::Unavailable(format!("{}: {error}", path.display())))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Runs a statement with the timeout.
pub(crate) async fn within<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
    Ok(tokio::time::timeout(PATIENCE, work).await.map_err(|_| StoreError::TimedOut)??)
}

/// Runs a writing statement that returns at most one row. Reads to the end: SQLite returns the row before the commit, so that `fetch_one`
/// and `fetch_optional`, which stop at the first row, would miss the error of a full disk.
pub(crate) async fn written(statement: Query<'_, Any, AnyArguments>, pool: &AnyPool) -> Result<Option<AnyRow>, StoreError> {
    Ok(within(statement.fetch_all(pool)).await?.pop())
}

/// A time as stored: microseconds since 1970.
pub(crate) fn stored(at: Timestamp) -> i64 {
    at.as_microsecond()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use sqlx::Row;

    use super::*;

    #[test]
    fn an_ipv6_address_reaches_the_library_without_its_brackets() {
        for (text, host) in [
            ("postgres://a:b@[::1]/x", "::1"),
            ("postgres://a:b@[2001:DB8::5]:5433/x?sslmode=disable", "2001:db8::5"),
            ("postgres://a:b@[::1]/x?host=register.dk", "register.dk"),
            ("postgres://a:b@register.dk/x", "register.dk"),
        ] {
            let url = crate::config::StoreConfig::at(text).expect(text).url;
            let options = sqlx::postgres::PgConnectOptions::from_str(url.expose_secret()).expect(text);
            assert_eq!(options.get_host(), host, "{text}");
        }
    }

    #[tokio::test]
    async fn the_logs_connection_waits_for_the_disk_and_a_journal_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&format!("sqlite://{}/store.db", folder.path().display())).await.expect("opened");
        let setting = async |pool: &AnyPool, name: &'static str| sqlx::query(name).fetch_one(pool).await.expect("a setting");
        assert_eq!(setting(&store.durable, "PRAGMA synchronous").await.get::<i64, _>(0), 2, "FULL");
        assert_eq!(setting(&store.pool, "PRAGMA synchronous").await.get::<i64, _>(0), 1, "NORMAL");
        let write = sqlx::query("DELETE FROM sessions").execute(&store.readers).await;
        assert!(write.is_err_and(|error| error.to_string().contains("readonly")), "who searches writes nothing");
        for pool in [&store.durable, &store.pool, &store.readers] {
            assert_eq!(setting(pool, "PRAGMA journal_mode").await.get::<String, _>(0), "wal");
            assert_eq!(setting(pool, "PRAGMA foreign_keys").await.get::<i64, _>(0), 1);
        }
        store.close().await;
        assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))), "closed is closed");
    }
}
