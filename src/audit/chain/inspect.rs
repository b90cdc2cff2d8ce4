//! Read-only access to the audit log for verification, beside a running service or without one.
//!
//! Invariants:
//! - Nothing is written, created or migrated.
//! - Memory holds a few pages, however long the log is.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use sqlx::{
    AnyPool, AssertSqlSafe, Row,
    any::{AnyPoolOptions, AnyRow},
};

use crate::audit::{
    chain::{
        stored::PositionReader,
        verify::{NotVerified, Pass, Tampering, Whole},
    },
    export::{
        json_lines::{Checkpoint, ForeignRow, Purge},
        read,
    },
};
use crate::{
    model::audit::signing::Verifiers,
    store::{self, DerivedKeys, StoreError},
};

/// Entries in one read.
const PAGE: i64 = 4000;
/// Pages that are read and hashed in parallel.
const TOGETHER: u32 = 3;
/// Timeout of one statement. An operator waits, not a visitor.
const PATIENCE: Duration = Duration::from_mins(2);
/// Timeout of the first connection. The pool retries a port that refuses connections.
const CONNECT: Duration = Duration::from_secs(5);
/// Attempts of a verification that retention interrupts. Retention runs once a day.
const ROUNDS: usize = 3;

/// Read-only access to one database.
#[derive(Clone)]
pub struct LogInspection {
    pool: AnyPool,
    sqlite: bool,
    secret: Option<DerivedKeys>,
}

impl std::fmt::Debug for LogInspection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Inspection(…)") // the pool's options hold the URL
    }
}

/// Entries that wait for their seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    pub entries: u64,
    /// Time of the first of them; `None` where there is none, or it is deleted.
    pub since: Option<i64>,
}

impl LogInspection {
    /// Opens an existing database. SQLite: by its owner beside the service, by other users only where no service has it
    /// open.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let sqlite = url.starts_with("sqlite:");
        let (url, setting) = if sqlite {
            (store::inspect::only_read(url)?, "PRAGMA query_only = ON")
        } else {
            (url.to_owned(), "SET default_transaction_read_only = on")
        };
        let pool = AnyPoolOptions::new().max_connections(TOGETHER).acquire_timeout(PATIENCE).after_connect(move |connection, _| {
            Box::pin(async move {
                sqlx::query(setting).execute(&mut *connection).await?;
                Ok(())
            })
        });
        let pool = tokio::time::timeout(CONNECT, pool.connect(&url)).await.map_err(|_| StoreError::TimedOut)??;
        Ok(Self { pool, sqlite, secret: None })
    }

    /// Also verifies the MACs of entries that no checkpoint covers yet.
    #[must_use]
    pub fn with_secret(self, keys: &DerivedKeys) -> Self {
        Self { secret: Some(keys.clone()), ..self }
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Verifies the log with its own seals, and with checkpoints that were kept outside.
    pub async fn verify(&self, keys: &Verifiers, outside: &[Checkpoint]) -> Result<Whole, NotVerified> {
        for _ in 0..ROUNDS {
            let purges = self.purges().await?;
            let first = self.first().await;
            let found = self.pass(keys, outside, &purges).await;
            // A deletion by retention during the pass is covered by a purge that was not read yet, or has moved the
            // first seal.
            if !matches!(found, Err(NotVerified::Broken(_))) || (self.purges().await? == purges && self.first().await == first) {
                return found;
            }
        }
        Err(StoreError::Contended.into())
    }

    async fn pass(&self, keys: &Verifiers, outside: &[Checkpoint], purges: &[Purge]) -> Result<Whole, NotVerified> {
        // Before the end of the chain is read, so that no checkpoint lies beyond it.
        let mut pass = Pass::new(keys, self.checkpoints().await?, purges).listing(&self.foreign().await?);
        for kept in outside {
            pass.vouched_outside(kept.clone())?;
        }
        if self.sqlite
            && self.count("SELECT COUNT(*) FROM audit_seals WHERE typeof(number) <> 'integer' OR typeof(seq) <> 'integer'").await? > 0
        {
            return Err(Tampering::Foreign("audit_seals").into());
        }
        let Some((first, last)) = self.ends().await? else { return self.finish(pass, 0).await };
        let starts = stream::iter((0..).map_while(|n: i64| n.checked_mul(PAGE)?.checked_add(first - 1)).take_while(|after| *after < last));
        let places = PositionReader::new(&self.pool, self.secret.as_ref(), PATIENCE);
        let page = |after: i64| {
            let page = places.clone().begin(after, after.saturating_add(PAGE).min(last), PAGE);
            async move { page.await.map(|page| (after, page)) }
        };
        let mut pages = std::pin::pin!(starts.map(page).buffered(TOGETHER as usize));
        while let Some(page) = pages.next().await {
            let (after, page) = page?;
            if page.is_empty() {
                // Thousands of seals are missing. A single seal far away must not cause an endless search.
                let next = places.page(after, last, 1).await?;
                next.first().map_or(Ok(()), |found| pass.add(found))?;
            }
            for found in &page {
                pass.add(found)?;
            }
        }
        self.finish(pass, last).await
    }

    /// The first sequence number; `None` where there is none, or none that can be read.
    async fn first(&self) -> Option<i64> {
        self.ends().await.ok().flatten().map(|(first, _)| first)
    }

    /// The first and the last sequence number.
    async fn ends(&self) -> Result<Option<(i64, i64)>, StoreError> {
        let row = patient(sqlx::query("SELECT MIN(number) AS first, MAX(number) AS last FROM audit_seals").fetch_one(&self.pool)).await?;
        let (first, last): (Option<i64>, Option<i64>) = (row.try_get("first")?, row.try_get("last")?);
        Ok(first.zip(last))
    }

    async fn finish(&self, pass: Pass<'_>, last: i64) -> Result<Whole, NotVerified> {
        let whole = pass.finish()?;
        // Every entry has a seal or waits for one. Counting is fast; the entry is searched for only where the counts
        // differ.
        let placed = format!(
            "SELECT (SELECT COUNT(*) FROM audit) - (SELECT COUNT(*) FROM audit_unsealed u WHERE EXISTS (SELECT 1 FROM audit a WHERE a.seq = u.seq)
                    AND NOT EXISTS (SELECT 1 FROM audit_seals s WHERE s.seq = u.seq))
                - (SELECT COUNT(*) FROM audit_seals s WHERE s.number > {last} AND EXISTS (SELECT 1 FROM audit a WHERE a.seq = s.seq))"
        );
        if i64::try_from(whole.entries) != Ok(self.count(&placed).await?)
            && let Some(seq) = self.without_place().await?
        {
            return Err(Tampering::Inserted(seq).into());
        }
        Ok(Whole { waiting: self.waiting().await?.entries, ..whole })
    }

    /// The first entry without a seal that does not wait for one. Only an intruder leaves such an entry.
    async fn without_place(&self) -> Result<Option<i64>, StoreError> {
        let statement = "SELECT a.seq AS seq FROM audit a WHERE NOT EXISTS (SELECT 1 FROM audit_seals s WHERE s.seq = a.seq)
            AND NOT EXISTS (SELECT 1 FROM audit_unsealed u WHERE u.seq = a.seq) ORDER BY a.seq LIMIT 1";
        let row: Option<AnyRow> = patient(sqlx::query(statement).fetch_optional(&self.pool)).await?;
        row.map(|row| Ok(row.try_get("seq")?)).transpose()
    }

    /// Entries without a seal.
    pub async fn waiting(&self) -> Result<Waiting, StoreError> {
        let entries = u64::try_from(self.count("SELECT COUNT(*) FROM audit_unsealed").await?).unwrap_or(0);
        let statement = "SELECT a.at AS since FROM audit_unsealed u JOIN audit a ON a.seq = u.seq ORDER BY u.seq LIMIT 1";
        let row: Option<AnyRow> = patient(sqlx::query(statement).fetch_optional(&self.pool)).await?;
        // A time that is not an integer was not written by the service.
        Ok(Waiting { entries, since: row.and_then(|row| row.try_get("since").ok()) })
    }

    /// Number of sealed entries after the last checkpoint in the database.
    pub async fn unsigned(&self) -> Result<i64, StoreError> {
        let last = "SELECT MAX(c.number) FROM audit_checkpoints c WHERE c.number <= (SELECT MAX(number) FROM audit_seals)";
        self.count(&format!("SELECT COALESCE((SELECT MAX(number) FROM audit_seals), 0) - COALESCE(({last}), 0)")).await
    }

    /// The last checkpoint.
    pub async fn last_checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        let statement = "SELECT number, at, chain, key_id, signature FROM audit_checkpoints ORDER BY number DESC LIMIT 1";
        let row: Option<AnyRow> = patient(sqlx::query(statement).fetch_optional(&self.pool)).await?;
        row.as_ref().map(read::checkpoint).transpose()
    }

    /// Number of CPR numbers in the log, by the id of their key.
    pub async fn cpr_keys(&self) -> Result<Vec<(String, i64)>, StoreError> {
        let statement = "SELECT key_id, COUNT(*) AS many FROM audit_cpr GROUP BY key_id ORDER BY key_id";
        let rows: Vec<AnyRow> = patient(sqlx::query(statement).fetch_all(&self.pool)).await?;
        rows.iter().map(|row| Ok((row.try_get("key_id")?, row.try_get("many")?))).collect()
    }

    /// Names of the triggers that protect the log, as far as they exist.
    pub async fn triggers(&self) -> Result<Vec<String>, StoreError> {
        let statement = if self.sqlite {
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'audit%'"
        } else {
            // A disabled trigger does not count.
            "SELECT CAST(t.tgname AS TEXT) AS name FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
             WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND c.relname LIKE 'audit%' AND pg_table_is_visible(c.oid)"
        };
        let rows: Vec<AnyRow> = patient(sqlx::query(statement).fetch_all(&self.pool)).await?;
        rows.iter().map(|row| Ok(row.try_get("name")?)).collect()
    }

    /// The last migration of the database.
    pub async fn version(&self) -> Result<i64, StoreError> {
        self.count("SELECT MAX(version) FROM _sqlx_migrations").await
    }

    async fn checkpoints(&self) -> Result<Vec<Checkpoint>, NotVerified> {
        let query = sqlx::query("SELECT number, at, chain, key_id, signature FROM audit_checkpoints ORDER BY number");
        let rows: Vec<AnyRow> = patient(query.fetch_all(&self.pool)).await?;
        rows.iter().map(read::checkpoint).collect::<Result<_, _>>().map_err(|_| Tampering::Foreign("audit_checkpoints").into())
    }

    async fn purges(&self) -> Result<Vec<Purge>, NotVerified> {
        let query = sqlx::query("SELECT class, through, at, key_id, signature FROM audit_purges ORDER BY through, class");
        let rows: Vec<AnyRow> = patient(query.fetch_all(&self.pool)).await?;
        rows.iter().map(read::purge).collect::<Result<_, _>>().map_err(|_| Tampering::Foreign("audit_purges").into())
    }

    async fn foreign(&self) -> Result<Vec<ForeignRow>, NotVerified> {
        let query = sqlx::query("SELECT number, seq, what, chain, at, key_id, signature FROM audit_foreign ORDER BY number, at");
        let rows: Vec<AnyRow> = patient(query.fetch_all(&self.pool)).await?;
        rows.iter().map(read::foreign).collect::<Result<_, _>>().map_err(|_| Tampering::Foreign("audit_foreign").into())
    }

    async fn count(&self, statement: &str) -> Result<i64, StoreError> {
        let row = patient(sqlx::query(AssertSqlSafe(statement.to_owned())).fetch_one(&self.pool)).await?;
        Ok(row.try_get(0)?)
    }
}

async fn patient<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
    Ok(tokio::time::timeout(PATIENCE, work).await.map_err(|_| StoreError::TimedOut)??)
}
