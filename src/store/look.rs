//! A look at a database from outside, for the check command: nothing is made, brought up to date or written.

use std::{os::unix::fs::MetadataExt, path::Path, time::Duration};

use sqlx::{AnyConnection, Connection, Row, any::AnyRow};

use super::{StoreError, file};

/// Longest time for the connection and for each question.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a database is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The last migration that it has got; `None`: the tables are not there yet.
    pub version: Option<i64>,
    /// Why this user can't write what the service writes; `None` where it can.
    pub not_writable: Option<String>,
}

/// Looks at a database that is there.
pub async fn look(url: &str) -> Result<Look, StoreError> {
    sqlx::any::install_default_drivers();
    match file(url) {
        Some(path) => sqlite(url, &path).await,
        None => postgres(url).await,
    }
}

/// The URL by which a SQLite file is only read. A reader leaves files beside the database, which its owner has to be able to open: another user reads without
/// them, and so only where nobody has it open.
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

/// Is there a journal, as while somebody has it open?
fn in_use(path: &Path) -> bool {
    let mut journal = path.to_owned().into_os_string();
    journal.push("-wal");
    Path::new(&journal).exists()
}

async fn sqlite(url: &str, path: &Path) -> Result<Look, StoreError> {
    // Opened for writing and closed again: the file's times and bytes stay what they are.
    let not_writable = std::fs::OpenOptions::new().write(true).open(path).err().map(|error| format!("{}: {error}", path.display()));
    // No journal is left where there is none.
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
        Some("it is a standby, which only reads")
    } else if says("read_only", "on") {
        Some("default_transaction_read_only is on for this user or database")
    } else if says("makes_tables", "false") {
        Some("this user may make no tables in it (CREATE on the schema)")
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
