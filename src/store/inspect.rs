//! Inspection of a database for the `check` command, without creating, migrating or writing anything.

use std::{os::unix::fs::MetadataExt, path::Path, time::Duration};

use sqlx::{AnyConnection, Connection, Row, any::AnyRow};

use super::{StoreError, file};

/// Timeout of the connection and of each query.
const PATIENCE: Duration = Duration::from_secs(5);

/// State of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The last migration that was applied; `None` if the tables do not exist.
    pub version: Option<i64>,
    /// Why this user cannot write; `None` if it can.
    pub not_writable: Option<String>,
}

/// Inspects an existing database.
pub async fn look(url: &str) -> Result<Look, StoreError> {
    sqlx::any::install_default_drivers();
    match file(url) {
        Some(path) => sqlite(url, &path).await,
        None => postgres(url).await,
    }
}

/// URL that opens a SQLite file read-only. A reader leaves files beside the database, which the owner has to be able to open. For another
/// user than the owner the URL therefore opens the file as immutable, and this is refused while the file is in use.
pub(crate) fn only_read(url: &str) -> Result<String, StoreError> {
    let unavailable = |what: String| StoreError::Unavailable(what);
    let path = file(url).ok_or_else(|| unavailable("the URL can't be understood".to_owned()))?;
    let about = std::fs::metadata(&path).map_err(|error| unavailable(format!("{}: {error}", path.display())))?;
    let ours = about.uid() == rustix::process::geteuid().as_raw();
    if !ours && in_use(&path) {
        return Err(unavailable(format!("{} is in use and belongs to another user: run this as that user", path.display())));
    }
    Ok(reading(url, !ours))
}

fn reading(url: &str, immutable: bool) -> String {
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}mode=ro{}", if immutable { "&immutable=true" } else { "" })
}

/// True if a journal exists, as while the database is open.
fn in_use(path: &Path) -> bool {
    let mut journal = path.to_owned().into_os_string();
    journal.push("-wal");
    Path::new(&journal).exists()
}

async fn sqlite(url: &str, path: &Path) -> Result<Look, StoreError> {
    // Opens for writing and closes again: content and times of the file do not change.
    let not_writable = std::fs::OpenOptions::new().write(true).open(path).err().map(|error| format!("{}: {error}", path.display()));
    // Leaves no journal if there was none.
    let url = if in_use(path) { only_read(url)? } else { reading(url, true) };
    let mut connection = patient(AnyConnection::connect(&url)).await?;
    let there = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'";
    let version = version(&mut connection, there).await;
    let closed = connection.close().await;
    let version = version?;
    closed?;
    Ok(Look { version, not_writable })
}

async fn postgres(url: &str) -> Result<Look, StoreError> {
    let mut connection = patient(AnyConnection::connect(url)).await?;
    let rights =
        "SELECT CAST(pg_is_in_recovery() AS TEXT) AS standby, CAST(current_setting('default_transaction_read_only') AS TEXT) AS read_only,
         CAST(COALESCE(has_schema_privilege(current_schema(), 'CREATE'), FALSE) AS TEXT) AS makes_tables";
    let rights: AnyRow = patient(sqlx::query(rights).fetch_one(&mut connection)).await?;
    patient(sqlx::query("SET default_transaction_read_only = on").execute(&mut connection)).await?;
    let there = "SELECT CAST(to_regclass('_sqlx_migrations') AS TEXT) AS name WHERE to_regclass('_sqlx_migrations') IS NOT NULL";
    let version = version(&mut connection, there).await?;
    connection.close().await?;
    let says = |column: &str, word: &str| rights.try_get::<String, _>(column).is_ok_and(|value| value == word);
    let not_writable = if says("standby", "true") {
        Some("it is a read-only standby")
    } else if says("read_only", "on") {
        Some("default_transaction_read_only is on for this user or database")
    } else if says("makes_tables", "false") {
        Some("this user may not create tables in it (CREATE on the schema)")
    } else {
        None
    };
    Ok(Look { version, not_writable: not_writable.map(str::to_owned) })
}

async fn version(connection: &mut AnyConnection, there: &'static str) -> Result<Option<i64>, StoreError> {
    if patient(sqlx::query(there).fetch_all(&mut *connection)).await?.is_empty() {
        return Ok(None);
    }
    let row: AnyRow = patient(sqlx::query("SELECT MAX(version) AS version FROM _sqlx_migrations").fetch_one(&mut *connection)).await?;
    Ok(row.try_get("version")?)
}

async fn patient<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
    Ok(tokio::time::timeout(PATIENCE, work).await.map_err(|_| StoreError::TimedOut)??)
}
