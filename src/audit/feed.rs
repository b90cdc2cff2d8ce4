//! The log as others read it: sealed entries by number.
//!
//! Invariant: numbers are given in the order in which they are committed, so whoever has read up to one never misses an entry below it.

use jiff::Timestamp;
use sqlx::{Row, any::AnyRow};

use super::{
    entry::{COLUMNS, StoredEntry},
    export_line::Checkpoint,
    read::checkpoint,
    row,
};
use crate::{
    model::audit::AuditEvent,
    store::{Store, StoreError, stored, within},
};

/// Sealed entries of the store.
#[derive(Debug, Clone)]
pub struct Feed {
    store: Store,
}

/// A place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// From 1, without a gap.
    pub number: i64,
    /// Was it written by an instance of the service?
    pub sound: bool,
    /// What is there.
    pub what: What,
}

/// What is at a place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The entry.
    Entry(Box<StoredEntry>),
    /// Nothing: it had been kept long enough.
    Purged,
    /// Nothing, though nothing of ours has deleted it.
    Missing,
}

impl Sealed {
    /// The entry, where there is one.
    pub fn entry(&self) -> Option<&StoredEntry> {
        match &self.what {
            What::Entry(entry) => Some(entry),
            What::Purged | What::Missing => None,
        }
    }

    /// What happened; `None` where that is gone, or was not written by the service and can't be read.
    pub fn event(&self) -> Option<AuditEvent> {
        self.entry().and_then(|entry| row::event(entry).ok())
    }

    fn read(row: &AnyRow) -> Result<Self, StoreError> {
        let what = match (row.try_get::<Option<i64>, _>("there")?, row.try_get::<Option<String>, _>("class")?) {
            (Some(_), _) => What::Entry(Box::new(StoredEntry::read(row)?)),
            (None, Some(_)) => What::Purged,
            (None, None) => What::Missing,
        };
        Ok(Self { number: row.try_get("number")?, sound: row.try_get::<i64, _>("sound")? != 0, what })
    }
}

impl Feed {
    /// In this store.
    pub fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// The highest number; 0 where nothing is sealed yet.
    pub async fn head(&self) -> Result<i64, StoreError> {
        let row = within(sqlx::query("SELECT COALESCE(MAX(number), 0) AS head FROM audit_seals").fetch_one(&self.store.pool)).await?;
        Ok(row.try_get("head")?)
    }

    /// At most so many places behind a number, in order. What was deleted takes a place too, so that each call costs the same.
    pub async fn after(&self, number: i64, limit: u32) -> Result<Vec<Sealed>, StoreError> {
        self.read("s.number > $1 ORDER BY s.number", number, limit).await
    }

    /// At most so many places up to a number, backwards.
    pub async fn up_to(&self, number: i64, limit: u32) -> Result<Vec<Sealed>, StoreError> {
        self.read("s.number <= $1 ORDER BY s.number DESC", number, limit).await
    }

    async fn read(&self, part: &str, number: i64, limit: u32) -> Result<Vec<Sealed>, StoreError> {
        let columns: Vec<_> = COLUMNS.iter().map(|column| format!("a.{column}")).collect();
        let statement = format!(
            "SELECT s.number, s.sound, s.class, a.seq AS there, {} FROM audit_seals s LEFT JOIN audit a ON a.seq = s.seq WHERE {part} LIMIT $2",
            columns.join(", ")
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(number).bind(i64::from(limit));
        within(query.fetch_all(&self.store.pool)).await?.iter().map(Sealed::read).collect()
    }

    /// Checkpoints behind one and up to another number, in order.
    pub async fn checkpoints(&self, after: i64, through: i64, limit: u32) -> Result<Vec<Checkpoint>, StoreError> {
        let statement = "SELECT number, at, chain, key_id, signature FROM audit_checkpoints WHERE number > $1 AND number <= $2 ORDER BY number LIMIT $3";
        let query = sqlx::query(statement).bind(after).bind(through).bind(i64::from(limit));
        within(query.fetch_all(&self.store.pool)).await?.iter().map(checkpoint).collect()
    }

    /// The number of the last checkpoint up to a number.
    pub async fn checkpoint_up_to(&self, number: i64) -> Result<Option<i64>, StoreError> {
        let query = sqlx::query("SELECT MAX(number) AS last FROM audit_checkpoints WHERE number <= $1").bind(number);
        Ok(within(query.fetch_one(&self.store.pool)).await?.try_get("last")?)
    }

    /// The latest checkpoint.
    pub async fn last_checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        let statement = "SELECT number, at, chain, key_id, signature FROM audit_checkpoints ORDER BY number DESC LIMIT 1";
        within(sqlx::query(statement).fetch_optional(&self.store.pool)).await?.as_ref().map(checkpoint).transpose()
    }

    /// A number below which no entry is from this time or later, as far as clocks go forward: found by halving, in a few questions.
    pub async fn before(&self, at: Timestamp) -> Result<i64, StoreError> {
        let (mut low, mut high) = (0, self.head().await?);
        while low < high {
            let middle = low + (high - low + 1) / 2;
            match self.first_entry_up_to(middle, low).await? {
                Some((number, then)) if then >= stored(at) => high = number - 1,
                // None: only deleted ones between; they were older.
                Some(_) | None => low = middle,
            }
        }
        Ok(low)
    }

    /// The nearest entry that is still there, at a number or below it.
    async fn first_entry_up_to(&self, number: i64, above: i64) -> Result<Option<(i64, i64)>, StoreError> {
        let statement = "SELECT s.number, a.at FROM audit_seals s JOIN audit a ON a.seq = s.seq
            WHERE s.number <= $1 AND s.number > $2 AND s.class IS NULL ORDER BY s.number DESC LIMIT 1";
        let query = sqlx::query(statement).bind(number).bind(above);
        let row = within(query.fetch_optional(&self.store.pool)).await?;
        row.map(|row| Ok((row.try_get("number")?, row.try_get("at")?))).transpose()
    }
}
