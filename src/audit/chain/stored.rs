//! Reader of seals with their entries, hashed, for verification.
//!
//! Invariants:
//! - Nothing is written.
//! - An unreadable row is a finding about that row. It does not stop the read of other rows.

use std::time::Duration;

use sqlx::{AnyPool, AssertSqlSafe, Row, any::AnyRow};

use crate::audit::{
    chain::{
        hash,
        verify::{Matter, StoredPosition},
    },
    export::json_lines::Purged,
    log::entry::{COLUMNS, StoredEntry},
};
use crate::store::{DerivedKeys, StoreError};

/// Reader of a range of sequence numbers.
#[derive(Clone)]
pub(crate) struct PositionReader {
    pool: AnyPool,
    sqlite: bool,
    keys: Option<DerivedKeys>,
    patience: Duration,
}

impl std::fmt::Debug for PositionReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Places(…)") // the pool's options hold the URL
    }
}

impl PositionReader {
    /// With the service's keys, MACs are verified too. `patience`: timeout of one statement.
    pub(crate) fn new(pool: &AnyPool, keys: Option<&DerivedKeys>, patience: Duration) -> Self {
        let sqlite = pool.connect_options().database_url.scheme() == "sqlite";
        Self { pool: pool.clone(), sqlite, keys: keys.cloned(), patience }
    }

    /// Reads a page in a task of its own, so that several processors hash.
    pub(crate) async fn begin(self, after: i64, through: i64, limit: i64) -> Result<Vec<StoredPosition>, StoreError> {
        let page = tokio::spawn(async move { self.page(after, through, limit).await }).await;
        page.unwrap_or(Err(StoreError::Corrupt("audit_seals"))) // a panic, or the service stops
    }

    /// Seals after one sequence number and up to another.
    pub(crate) async fn page(&self, after: i64, through: i64, limit: i64) -> Result<Vec<StoredPosition>, StoreError> {
        match self.packed("s.number > $1 AND s.number <= $2", after, through, limit).await {
            Ok(page) => Ok(page),
            Err(error @ StoreError::TimedOut) => Err(error),
            // One row cannot be read: the rows are read one by one.
            Err(error) if !self.sqlite => Err(error),
            Err(_) => self.one_by_one(after, through, limit).await,
        }
    }

    /// Fetches each entry as one text: a row of thirty columns takes ten times as long.
    async fn packed(&self, part: &str, after: i64, through: i64, limit: i64) -> Result<Vec<StoredPosition>, StoreError> {
        let columns = COLUMNS.iter().map(|column| format!("a.{column}")).collect::<Vec<_>>().join(", ");
        let packed = if self.sqlite { format!("json_array({columns})") } else { format!("CAST(json_build_array({columns}) AS TEXT)") };
        let missing = |party: &str| {
            format!(
                "CASE WHEN a.{party}_cpr IS NOT NULL AND NOT EXISTS (SELECT 1 FROM audit_cpr c WHERE c.seq = a.seq AND c.party = '{party}')
                 THEN 1 ELSE 0 END"
            )
        };
        let statement = format!(
            "SELECT s.number AS number, s.seq AS seq, s.authentic AS authentic, s.chain AS chain, s.class AS class, s.content AS content,
                CASE WHEN a.seq IS NOT NULL THEN {packed} END AS packed, CAST({} + {} AS BIGINT) AS cpr_missing
             FROM audit_seals s LEFT JOIN audit a ON a.seq = s.seq WHERE {part} ORDER BY s.number LIMIT $3",
            missing("actor"),
            missing("target")
        );
        let query = sqlx::query(AssertSqlSafe(statement)).bind(after).bind(through).bind(limit);
        let rows: Vec<AnyRow> = self.within(query.fetch_all(&self.pool)).await?;
        rows.iter().map(|row| self.found(row)).collect()
    }

    async fn one_by_one(&self, after: i64, through: i64, limit: i64) -> Result<Vec<StoredPosition>, StoreError> {
        let query = sqlx::query("SELECT number, seq FROM audit_seals WHERE number > $1 AND number <= $2 ORDER BY number LIMIT $3");
        let rows: Vec<AnyRow> = self.within(query.bind(after).bind(through).bind(limit).fetch_all(&self.pool)).await?;
        let mut page = Vec::with_capacity(rows.len());
        for row in rows {
            let (number, seq) = (row.try_get("number")?, row.try_get("seq")?);
            match self.packed("s.number >= $1 AND s.number <= $2", number, number, 2).await {
                Ok(all) => page.extend(all),
                Err(StoreError::TimedOut) => return Err(StoreError::TimedOut),
                Err(_) => page.push(self.without_entry(number, seq).await?),
            }
        }
        Ok(page)
    }

    /// A seal whose entry cannot be read: without the entry, as the sealer treats one that it cannot read.
    async fn without_entry(&self, number: i64, seq: i64) -> Result<StoredPosition, StoreError> {
        let unlike = StoredPosition { number, seq, authentic: None, chain: Vec::new(), what: Matter::Nothing, mac: None, cpr_missing: 0 };
        let query = sqlx::query("SELECT authentic, chain FROM audit_seals WHERE number = $1").bind(number);
        let Ok(row) = self.within(query.fetch_one(&self.pool)).await else { return Ok(unlike) };
        let seal = (row.try_get::<i64, _>("authentic"), row.try_get::<Vec<u8>, _>("chain"));
        let (Ok(said), Ok(chain)) = seal else { return Ok(unlike) };
        Ok(StoredPosition { authentic: authentic(said), chain, ..unlike })
    }

    fn found(&self, row: &AnyRow) -> Result<StoredPosition, StoreError> {
        let (class, content): (Option<String>, Option<Vec<u8>>) = (row.try_get("class")?, row.try_get("content")?);
        let packed: Option<String> = row.try_get("packed")?;
        let mut mac = None;
        let what = match (packed, class, content) {
            (Some(packed), None, None) => {
                let entry: StoredEntry = serde_json::from_str(&packed).map_err(|_| StoreError::Unreadable)?;
                mac = self.keys.as_ref().map(|keys| entry.is_authentic(keys));
                Matter::Entry { class: hash::class_of(&entry.kind), content: entry.digest(), at: entry.at }
            }
            (Some(_), _, _) => Matter::Both,
            (None, Some(class), Some(content)) => Matter::Purged(Purged { class, content }),
            (None, _, _) => Matter::Nothing,
        };
        Ok(StoredPosition {
            number: row.try_get("number")?,
            seq: row.try_get("seq")?,
            authentic: authentic(row.try_get("authentic")?),
            chain: row.try_get("chain")?,
            what,
            mac,
            cpr_missing: u64::try_from(row.try_get::<i64, _>("cpr_missing")?).unwrap_or(0),
        })
    }

    async fn within<T>(&self, work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
        Ok(tokio::time::timeout(self.patience, work).await.map_err(|_| StoreError::TimedOut)??)
    }
}

/// `None`: a value that no seal of the service has.
fn authentic(said: i64) -> Option<bool> {
    match said {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}
