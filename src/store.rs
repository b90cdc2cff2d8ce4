//! The database: SQLite, or PostgreSQL for several instances. The same SQL runs on both.
//!
//! Invariants: an audit entry is on disk when the call returns; every call has a time-out; no error tells the database's URL or a value. What a
//! power cut may lose of the last instants are counts, leases and sessions, where a lost one does no harm.

pub mod codes;
pub mod cursors;
mod keys;
pub mod late;
pub mod leases;
pub mod look;
pub mod sessions;
pub mod staff;
pub mod throttle;
pub mod tokens;
pub mod used;

pub use keys::{Keys, NoRandomness};

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

/// Longest time for one statement.
const PATIENCE: Duration = Duration::from_secs(3);
/// Longest time for bringing the tables up to date at start.
const MIGRATION: Duration = Duration::from_mins(1);
/// Connections to PostgreSQL of each kind. SQLite has one of each: it writes one at a time anyhow, and so nobody waits long for a lock.
const CONNECTIONS: u32 = 12;

/// Connections for those who read the log at length: so many searches at once, and none of them in the way of anything else.
const READERS: u32 = 4;

/// What can go wrong with the store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It can't be reached, or refused; the database's own words.
    #[error("the database refused or is out of reach: {0}")]
    Unavailable(String),
    /// No answer in time.
    #[error("the database did not answer in time")]
    TimedOut,
    /// A row that can't be read.
    #[error("a row in table {0} can't be read")]
    Corrupt(&'static str),
    /// A value that is not of its column's type, or no text: in SQLite, somebody else wrote it.
    #[error("a value in the database can't be read")]
    Unreadable,
    /// Somebody else was always faster.
    #[error("too many at once on one row")]
    Contended,
    /// The machine gives no random numbers.
    #[error("this machine gives no random numbers")]
    NoRandomness,
}

impl From<sqlx::Error> for StoreError {
    /// Keeps the database's message, which holds no values; never the library's own text, which may hold the URL.
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
            // The words of the TLS library, which never saw the URL.
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
            _ => Self::Unavailable("its tables can't be brought up to date".to_owned()),
        }
    }
}

/// Settings of each connection to SQLite. The wait for a lock ends before ours does; write-ahead logging is a property of the file.
const SQLITE_SETTINGS: [&str; 2] = ["PRAGMA busy_timeout = 2500", "PRAGMA foreign_keys = ON"];
/// A commit returns when it is on disk.
const SQLITE_DURABLE: &str = "PRAGMA synchronous = FULL";
/// A commit survives a crash of the service at once, and one of the machine a little later. Saves the wait for the disk.
const SQLITE_SWIFT: &str = "PRAGMA synchronous = NORMAL";
/// Setting of each connection to PostgreSQL: the server gives up when we do.
const POSTGRES_PATIENCE: &str = "SET statement_timeout = 3000";
const POSTGRES_DURABLE: &str = "SET synchronous_commit = on";
/// What writes the log and gives entries their places goes by an index: a table that fills and empties all the time has no statistics that are right, and a
/// planner that walks through it keeps the sealer from catching up.
const POSTGRES_BY_INDEX: &str = "SET enable_seqscan = off";
const POSTGRES_SWIFT: &str = "SET synchronous_commit = off";
/// Who only reads writes nothing, whatever the statement.
const SQLITE_READS: &str = "PRAGMA query_only = ON";
const POSTGRES_READS: &str = "SET default_transaction_read_only = on";

/// The open database.
#[derive(Clone)]
pub struct Store {
    /// For what must not be lost: the audit log.
    pub(crate) durable: AnyPool,
    /// For everything else: does not wait for the disk.
    pub(crate) pool: AnyPool,
    /// For searches in the log, which may take their time: reads only.
    pub(crate) readers: AnyPool,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store(…)") // the pool's options hold the URL
    }
}

impl Store {
    /// Opens `sqlite:///path` (made, readable for this user only, where it is not there) or `postgres://…`, and brings the tables up to date. Two
    /// instances may do so at once.
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
            // The first connection shows within its time whether there is a server at all.
            let durable = pool(url, CONNECTIONS, [POSTGRES_PATIENCE, POSTGRES_DURABLE, POSTGRES_BY_INDEX]).await?;
            tokio::time::timeout(MIGRATION, migrate_postgres(url)).await.map_err(|_| StoreError::TimedOut)??;
            Ok(Self {
                durable,
                pool: pool(url, CONNECTIONS, [POSTGRES_PATIENCE, POSTGRES_SWIFT]).await?,
                readers: pool(url, READERS, [POSTGRES_PATIENCE, POSTGRES_READS]).await?,
            })
        }
    }

    /// The last migration that this version of the service knows for a database.
    pub fn version_of(url: &str) -> i64 {
        let known = if url.starts_with("sqlite:") { &SQLITE } else { &POSTGRES };
        known.iter().map(|migration| migration.version).max().unwrap_or(0)
    }

    /// Does it answer?
    pub async fn ping(&self) -> Result<(), StoreError> {
        within(sqlx::query("SELECT 1").execute(&self.durable)).await.map(|_| ())
    }

    /// Can the log still be written? Proven by a write of a request's size that has to be on disk when it returns, one row an instance.
    pub async fn writable(&self, instance: Uuid, now: Timestamp) -> Result<(), StoreError> {
        let statement =
            "INSERT INTO leases (name, holder, until) VALUES ($1, $2, 0) ON CONFLICT (name) DO UPDATE SET holder = $2, released = $3";
        let name = format!("writable {instance}");
        // On every page of it something new: SQLite does not write what is the same.
        let filling = stored(now).to_string().repeat(1024);
        within(sqlx::query(statement).bind(name).bind(filling).bind(stored(now)).execute(&self.durable)).await?;
        Ok(())
    }

    /// Lets a SQLite database grow no further, as on a full disk. For tests.
    #[doc(hidden)]
    pub async fn refuse_to_grow(&self) -> Result<(), StoreError> {
        for pool in [&self.durable, &self.pool] {
            within(sqlx::query("PRAGMA max_page_count = 1").fetch_all(pool)).await?;
        }
        Ok(())
    }

    /// Ends all connections.
    pub async fn close(&self) {
        self.readers.close().await;
        self.pool.close().await;
        self.durable.close().await;
    }
}

/// The file of a SQLite database that is not there yet; `None` where it is, or where the database is no file.
pub fn missing_file(url: &str) -> Option<std::path::PathBuf> {
    file(url).filter(|path| !path.exists())
}

/// The file of a SQLite database; `None` where the database is no file.
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
    // Of several who open a new file at once, SQLite answers all but one "locked" here, whatever busy_timeout says.
    let mut tries = 50;
    while let Err(error) = sqlx::query("PRAGMA journal_mode = WAL").execute(&mut connection).await {
        tries -= 1;
        if tries == 0 {
            return Err(error.into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // sqlx has no lock for migrations of SQLite. This transaction is one, and makes them all or nothing.
    // `run_direct`, here and below: what `run` calls, public because the future of `run` on one connection can't move between threads.
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    SQLITE.run_direct(None, &mut *transaction, false).await?;
    transaction.commit().await?;
    Ok(connection.close().await?)
}

/// On a connection of its own, which waits as long as it takes. sqlx holds an advisory lock meanwhile.
async fn migrate_postgres(url: &str) -> Result<(), StoreError> {
    let mut connection = AnyConnection::connect(url).await?;
    POSTGRES.run_direct(None, &mut connection, false).await?;
    Ok(connection.close().await?)
}

/// The journal beside it gets the same mode from SQLite.
fn create_private(path: &Path) -> Result<(), StoreError> {
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(StoreError::Unavailable(format!("{}: {error}", path.display())))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Runs a statement within its time.
pub(crate) async fn within<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
    Ok(tokio::time::timeout(PATIENCE, work).await.map_err(|_| StoreError::TimedOut)??)
}

/// Runs a statement that writes and returns at most one row. To its end: SQLite hands the row out before it commits, and who stops reading at the
/// first row (`fetch_one`, `fetch_optional`) never hears that the disk was full.
pub(crate) async fn written(statement: Query<'_, Any, AnyArguments>, pool: &AnyPool) -> Result<Option<AnyRow>, StoreError> {
    Ok(within(statement.fetch_all(pool)).await?.pop())
}

/// A time as it is stored.
pub(crate) fn stored(at: Timestamp) -> i64 {
    at.as_microsecond()
}

#[cfg(test)]
mod tests {
    use sqlx::Row;

    use super::*;

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
