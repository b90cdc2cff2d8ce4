//! Wait for a database that starts late: after a power cut all machines start at once, and the database is often the last.

use sqlx::{AnyConnection, Connection, error::DatabaseError};

use super::{PATIENCE, StoreError};

/// Why the database cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Absent {
    /// It may become available: nothing listens, it is starting, or it is overloaded.
    Yet(StoreError),
    /// It refuses the connection; waiting does not help.
    Refused(StoreError),
}

/// SQLSTATE of a server that starts or stops (57P01, 57P02, 57P03) or has no connection left (53300).
const PASSING: [&str; 4] = ["57P01", "57P02", "57P03", "53300"];

/// Tests a connection. A SQLite database is a file and always present.
pub async fn present(url: &str) -> Result<(), Absent> {
    if url.starts_with("sqlite:") {
        return Ok(());
    }
    sqlx::any::install_default_drivers();
    match tokio::time::timeout(PATIENCE, AnyConnection::connect(url)).await {
        Ok(Ok(connection)) => {
            let _ = connection.close().await; // the connection itself was the test
            Ok(())
        }
        Ok(Err(error)) => {
            let code = error.as_database_error().and_then(DatabaseError::code);
            let passing = matches!(error, sqlx::Error::Io(_)) || code.is_some_and(|code| PASSING.contains(&code.as_ref()));
            Err(if passing { Absent::Yet(error.into()) } else { Absent::Refused(error.into()) })
        }
        Err(_) => Err(Absent::Yet(StoreError::TimedOut)),
    }
}
