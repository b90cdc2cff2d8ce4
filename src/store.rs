//! The database: SQLite, or PostgreSQL for several instances. The same SQL runs on both.
//!
//! Invariants: what is written is on disk when the call returns; every call has a time-out; no error tells the database's URL or a value.

mod keys;
pub mod leases;
pub mod sessions;
pub mod throttle;

pub use keys::{Keys, NoRandomness};

use std::{os::unix::fs::OpenOptionsExt, time::Duration};

use jiff::Timestamp;
use sqlx::{
    AnyPool,
    any::AnyPoolOptions,
    migrate::{MigrateError, Migrator},
};

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// Longest time for one statement.
const PATIENCE: Duration = Duration::from_secs(3);
/// Longest time for bringing the tables up to date at start.
const MIGRATION: Duration = Duration::from_secs(60);
/// Connections to PostgreSQL. SQLite has one: it writes one at a time anyhow, and so nobody waits for a lock.
const CONNECTIONS: u32 = 16;

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
            sqlx::Error::PoolTimedOut => Self::TimedOut,
            sqlx::Error::PoolClosed => Self::Unavailable("closed".to_owned()),
            sqlx::Error::Configuration(_) => Self::Unavailable("store.url can't be understood".to_owned()),
            sqlx::Error::Tls(_) => Self::Unavailable("TLS to the database failed".to_owned()),
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

/// The open database.
#[derive(Clone)]
pub struct Store {
    pub(crate) pool: AnyPool,
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
        let sqlite = url.strip_prefix("sqlite://").map(|rest| rest.split('?').next().unwrap_or_default());
        if let Some(path) = sqlite {
            create_private(path).map_err(|error| StoreError::Unavailable(format!("{path}: {error}")))?;
        }
        let pool = AnyPoolOptions::new()
            .max_connections(if sqlite.is_some() { 1 } else { CONNECTIONS })
            .acquire_timeout(PATIENCE)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    if sqlite_connection(connection.backend_name()) {
                        for pragma in ["busy_timeout = 2500", "journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"] {
                            sqlx::query(sqlx::AssertSqlSafe(format!("PRAGMA {pragma}"))).execute(&mut *connection).await?;
                        }
                    }
                    Ok(())
                })
            })
            .connect(url);
        let pool = tokio::time::timeout(PATIENCE, pool).await.map_err(|_| StoreError::TimedOut)??;
        // PostgreSQL locks by itself while its tables are brought up to date; SQLite needs a lock beside the file (one on the file would end SQLite's own).
        let lock = match sqlite {
            Some(path) => Some(lock_beside(path).await.map_err(|error| StoreError::Unavailable(format!("{path}: {error}")))?),
            None => None,
        };
        let migrations = if sqlite.is_some() { &SQLITE } else { &POSTGRES };
        tokio::time::timeout(MIGRATION, migrations.run(&pool)).await.map_err(|_| StoreError::TimedOut)??;
        drop(lock);
        Ok(Self { pool })
    }

    /// Does it answer?
    pub async fn ping(&self) -> Result<(), StoreError> {
        within(sqlx::query("SELECT 1").execute(&self.pool)).await.map(|_| ())
    }

    /// Lets a SQLite database grow no further, as on a full disk. For tests.
    #[doc(hidden)]
    pub async fn refuse_to_grow(&self) -> Result<(), StoreError> {
        within(sqlx::query("PRAGMA max_page_count = 1").fetch_all(&self.pool)).await.map(|_| ())
    }

    /// Ends all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

fn sqlite_connection(name: &str) -> bool {
    name.eq_ignore_ascii_case("sqlite")
}

fn create_private(path: &str) -> std::io::Result<()> {
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        done => done.map(|_| ()),
    }
}

/// Waits for the lock; it ends with the file's handle.
async fn lock_beside(path: &str) -> std::io::Result<std::fs::File> {
    let file = std::fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(format!("{path}.lock"))?;
    for _ in 0..PATIENCE.as_millis() / 10 {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(std::fs::TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(std::fs::TryLockError::Error(error)) => return Err(error),
        }
    }
    Err(std::io::Error::other("another process is bringing its tables up to date"))
}

/// Runs a statement within its time.
pub(crate) async fn within<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
    Ok(tokio::time::timeout(PATIENCE, work).await.map_err(|_| StoreError::TimedOut)??)
}

/// A time as it is stored.
pub(crate) fn stored(at: Timestamp) -> i64 {
    at.as_microsecond()
}
