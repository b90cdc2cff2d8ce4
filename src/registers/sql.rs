//! PostgreSQL, MySQL, MariaDB and SQLite registers, queried with the operator's SQL.
//!
//! Invariants: the CPR number is a bound parameter; sessions are read-only; a connection whose answer was not read to the end is closed.

use std::{str::FromStr, time::Duration};

use futures_util::TryStreamExt;
use secrecy::ExposeSecret;
use sqlx::{
    Any, AnyConnection, AnyPool, AssertSqlSafe, ConnectOptions, Connection, Row,
    any::{AnyConnectOptions, AnyPoolOptions},
    pool::PoolConnection,
};

use crate::registers::{MOST_ACCOUNTS, RegisterErrorCause, answer};
use crate::{
    config::{self, Database},
    model::{account::reference::AccountRef, cpr::Cpr},
};

/// Most connections; logins that query a register are few at a time.
const CONNECTIONS: u32 = 4;
/// Unused connections are closed after this time.
const IDLE: Duration = Duration::from_mins(5);

/// A database.
#[derive(Debug)]
pub struct Sql {
    config: config::SqlSource,
    pool: Result<SqlPool, RegisterErrorCause>,
}

struct SqlPool {
    pool: AnyPool,
    options: AnyConnectOptions,
}

impl std::fmt::Debug for SqlPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pool(…)") // the options hold the URL
    }
}

impl Sql {
    /// Connects with the first query.
    pub fn new(config: &config::SqlSource) -> Self {
        sqlx::any::install_default_drivers();
        let pool = AnyConnectOptions::from_str(config.url.expose_secret()).map_err(|error| trouble(&error, DatabaseDetail::CodesOnly)).map(
            |options| {
                let options = options.disable_statement_logging();
                let (database, timeout) = (config.database, config.timeout);
                let pool = AnyPoolOptions::new()
                    .max_connections(CONNECTIONS)
                    .acquire_timeout(timeout)
                    .idle_timeout(IDLE)
                    .after_connect(move |connection, _| Box::pin(settle(connection, database, timeout)))
                    .connect_lazy_with(options.clone());
                SqlPool { pool, options }
            },
        );
        Self { config: config.clone(), pool }
    }

    /// `id` in the configuration.
    pub fn id(&self) -> &str {
        &self.config.id
    }

    pub async fn accounts_of(&self, cpr: &Cpr) -> Result<Vec<AccountRef>, RegisterErrorCause> {
        let SqlPool { pool, .. } = self.pool.as_ref().map_err(Clone::clone)?;
        let words = DatabaseDetail::CodesOnly;
        let mut connection = pool.acquire().await.map_err(|error| trouble(&error, words))?;
        let written = cpr.written(self.config.cpr_format);
        match tokio::time::timeout(self.config.timeout, rows(&mut connection, &self.config.query, &written, words)).await {
            Ok(Ok(values)) => answer::column(&values, self.config.account_key),
            Ok(Err(trouble)) => {
                close(connection);
                Err(trouble)
            }
            Err(_) => {
                close(connection);
                Err(RegisterErrorCause::TimedOut)
            }
        }
    }

    /// Number of accounts for a CPR number that no person has. Uses a connection of its own, so that errors may quote the database's
    /// message.
    pub async fn accounts_of_nobody(&self) -> Result<usize, RegisterErrorCause> {
        let SqlPool { options, .. } = self.pool.as_ref().map_err(Clone::clone)?;
        let (timeout, words) = (self.config.timeout, DatabaseDetail::Own);
        let work = async {
            let mut connection = AnyConnection::connect_with(options).await.map_err(|error| trouble(&error, words))?;
            settle(&mut connection, self.config.database, timeout).await.map_err(|error| trouble(&error, words))?;
            let values = rows(&mut connection, &self.config.query, self.config.cpr_format.nobody(), words).await?;
            connection.close().await.map_err(|error| trouble(&error, words))?;
            Ok(answer::column(&values, self.config.account_key)?.len())
        };
        tokio::time::timeout(timeout * 2, work).await.unwrap_or(Err(RegisterErrorCause::TimedOut))
    }
}

/// Settings of a new connection: read-only, and the server's own timeout.
async fn settle(connection: &mut AnyConnection, database: Database, timeout: Duration) -> Result<(), sqlx::Error> {
    let milliseconds = timeout.as_millis();
    match database {
        Database::Postgres => {
            say(connection, "SET default_transaction_read_only = on").await?;
            // Notices of the database's functions may contain the CPR number, and sqlx logs notices.
            say(connection, "SET client_min_messages = error").await?;
            say(connection, &format!("SET statement_timeout = {milliseconds}")).await
        }
        Database::MySql => {
            say(connection, "SET SESSION TRANSACTION READ ONLY").await?;
            let version: String = sqlx::query_scalar("SELECT VERSION()").fetch_one(&mut *connection).await?;
            if version.contains("MariaDB") {
                say(connection, &format!("SET SESSION max_statement_time = {}", timeout.as_secs_f64())).await
            } else {
                say(connection, &format!("SET SESSION max_execution_time = {milliseconds}")).await
            }
        }
        Database::Sqlite => say(connection, "PRAGMA query_only = ON").await,
        Database::SqlServer => Ok(()), // has a driver of its own
    }
}

async fn say(connection: &mut AnyConnection, setting: &str) -> Result<(), sqlx::Error> {
    sqlx::query(AssertSqlSafe(setting.to_owned())).execute(connection).await.map(|_| ())
}

/// The first column of every row. Stops with an error after [`MOST_ACCOUNTS`] rows.
async fn rows(
    connection: &mut AnyConnection,
    query: &str,
    cpr: &str,
    words: DatabaseDetail,
) -> Result<Vec<Option<String>>, RegisterErrorCause> {
    let trouble = |error: sqlx::Error| trouble(&error, words);
    // Safe: the query comes from the operator, and the CPR number is bound.
    let mut rows = sqlx::query::<Any>(AssertSqlSafe(query.to_owned())).bind(cpr.to_owned()).fetch(connection);
    let mut values = Vec::new();
    while let Some(row) = rows.try_next().await.map_err(trouble)? {
        if values.len() == MOST_ACCOUNTS {
            return Err(RegisterErrorCause::TooMany(MOST_ACCOUNTS));
        }
        values.push(row.try_get(0).map_err(trouble)?);
    }
    Ok(values)
}

/// Closes a connection with an unread answer: the next query would have to wait for it.
fn close(connection: PoolConnection<Any>) {
    drop(connection.detach());
}

/// Detail of database errors. A database's message may quote the CPR number: "invalid input syntax for type integer: …".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DatabaseDetail {
    CodesOnly,
    /// Code and message; only for a CPR number that no person has.
    Own,
}

/// Keeps the kind of error, never the library's text, which may hold the URL, the query or a value.
fn trouble(error: &sqlx::Error, words: DatabaseDetail) -> RegisterErrorCause {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the library's enum, which grows")]
    match error {
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default().into_owned();
            let told = match words {
                DatabaseDetail::CodesOnly => format!("code {code}"),
                DatabaseDetail::Own => format!("code {code}: {}", error.message()),
            };
            // SQLSTATE class 28: invalid authorization. PostgreSQL and MySQL use it.
            if code.starts_with("28") { RegisterErrorCause::NotLetIn(told) } else { RegisterErrorCause::Refused(told) }
        }
        sqlx::Error::Io(error) => RegisterErrorCause::Unreachable(error.to_string()),
        sqlx::Error::Tls(error) => RegisterErrorCause::Unreachable(format!("TLS: {error}")),
        sqlx::Error::PoolTimedOut => RegisterErrorCause::TimedOut,
        sqlx::Error::Configuration(_) => RegisterErrorCause::Unreachable("its URL can't be understood".to_owned()),
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::AnyDriverError(_) | sqlx::Error::Decode(_) => {
            RegisterErrorCause::not_as_configured("a column is no text; write CAST(… AS text), or … AS char in MySQL, in the query")
        }
        sqlx::Error::ColumnIndexOutOfBounds { .. } => RegisterErrorCause::not_as_configured("there is no column"),
        _ => RegisterErrorCause::Unreachable("the connection was lost".to_owned()),
    }
}
