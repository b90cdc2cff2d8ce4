//! Sealed entries by sequence number, for the API, log forwarding, alerts and exports.
//!
//! Invariant: sequence numbers are given in the order of commits. A reader that has read up to a number misses no entry
//! below it.

use jiff::Timestamp;
use sqlx::{Row, any::AnyRow};

use crate::audit::{
    AuditLog,
    export::{json_lines::Checkpoint, read::checkpoint},
    log::{
        entry::{COLUMNS, StoredEntry},
        row,
    },
};
use crate::{
    model::audit::AuditEvent,
    store::{Store, StoreError, stored, within},
};

/// Reader of the sealed entries.
#[derive(Debug, Clone)]
pub struct Feed {
    store: Store,
    judge: Option<AuditLog>,
}

/// A sequence number with its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedEntry {
    /// Sequence number, from 1, without gaps.
    pub number: i64,
    /// Whether an instance of the service has written the entry.
    pub authentic: bool,
    pub what: What,
}

/// The content of a sequence number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Entry(Box<StoredEntry>),
    /// Retention has deleted the entry.
    Purged,
    /// The entry is missing, and retention has not deleted it.
    Missing,
    /// A row that no version of the service writes.
    Unreadable,
}

impl SealedEntry {
    /// The entry, where there is one.
    pub fn entry(&self) -> Option<&StoredEntry> {
        match &self.what {
            What::Entry(entry) => Some(entry),
            What::Purged | What::Missing | What::Unreadable => None,
        }
    }

    /// The event; `None` where the entry is gone, or was not written by the service and cannot be parsed.
    pub fn event(&self) -> Option<AuditEvent> {
        self.entry().and_then(|entry| row::event(entry).ok())
    }

    fn read(row: &AnyRow) -> Result<Self, StoreError> {
        let what = match (row.try_get::<Option<i64>, _>("there")?, row.try_get::<Option<String>, _>("class")?) {
            (Some(_), _) => What::Entry(Box::new(StoredEntry::read(row)?)),
            (None, Some(_)) => What::Purged,
            (None, None) => What::Missing,
        };
        Ok(Self { number: row.try_get("number")?, authentic: row.try_get::<i64, _>("authentic")? == 1, what })
    }
}

impl Feed {
    /// A reader of this store.
    pub fn new(store: &Store) -> Self {
        Self { store: store.clone(), judge: None }
    }

    /// Reads only the verified run, heeds the list of foreign rows, and checks the MAC of entries that no checkpoint
    /// covers yet: an attacker can write a seal. Without a signing key there are only seals to rely on.
    #[must_use]
    pub fn judged_by(self, log: &AuditLog) -> Self {
        Self { judge: Some(log.clone()).filter(|log| !log.known.is_empty()), ..self }
    }

    /// The highest sequence number that readers get; 0 where nothing is sealed yet. With a signing key: the end of the
    /// verified run behind the last checkpoint.
    pub async fn head(&self) -> Result<i64, StoreError> {
        if let Some(log) = &self.judge {
            return Ok(log.verified_head().await?.number);
        }
        let row = within(sqlx::query("SELECT COALESCE(MAX(number), 0) AS head FROM audit_seals").fetch_one(&self.store.readers)).await?;
        Ok(row.try_get("head")?)
    }

    /// Up to `limit` sequence numbers after this one, in order. Deleted entries count as well, so that each call costs
    /// the same. The result ends at a gap: the service leaves none except at the beginning, where whole segments were
    /// deleted.
    pub async fn after(&self, number: i64, limit: u32) -> Result<Vec<SealedEntry>, StoreError> {
        let mut batch = self.read("s.number > $1 ORDER BY s.number", number, limit).await?;
        let whole = batch.windows(2).take_while(|two| two[0].number.checked_add(1) == Some(two[1].number)).count() + 1;
        batch.truncate(whole);
        let is_gap = batch.first().is_some_and(|first| number.checked_add(1) != Some(first.number));
        if is_gap && !self.rows("s.number = $1", number, 1).await.is_ok_and(|rows| rows.is_empty()) {
            return Ok(Vec::new());
        }
        if let (Some(log), Some(last)) = (&self.judge, batch.last().map(|last| last.number))
            && last > log.judged.vouched()
        {
            let head = log.verified_head().await?.number;
            batch.retain(|sealed| sealed.number <= head);
        }
        Ok(batch)
    }

    /// Up to `limit` sequence numbers, backwards from this one.
    pub async fn up_to(&self, number: i64, limit: u32) -> Result<Vec<SealedEntry>, StoreError> {
        self.read("s.number <= $1 ORDER BY s.number DESC", number, limit).await
    }

    async fn read(&self, part: &str, number: i64, limit: u32) -> Result<Vec<SealedEntry>, StoreError> {
        match self.rows(part, number, limit).await {
            // One row cannot be read: the others are read one by one.
            Err(StoreError::Unreadable) => {}
            read => return read,
        }
        let query = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT s.number FROM audit_seals s WHERE {part} LIMIT $2")));
        let mut all = Vec::new();
        for row in within(query.bind(number).bind(i64::from(limit)).fetch_all(&self.store.readers)).await? {
            let number = row.try_get("number")?;
            match self.rows("s.number = $1", number, 1).await {
                Ok(one) => all.extend(one),
                Err(StoreError::Unreadable) => all.push(SealedEntry { number, authentic: false, what: What::Unreadable }),
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }

    async fn rows(&self, part: &str, number: i64, limit: u32) -> Result<Vec<SealedEntry>, StoreError> {
        let columns: Vec<_> = COLUMNS.iter().map(|column| format!("a.{column}")).collect();
        let statement = format!(
            "SELECT s.number, s.authentic, s.class, a.seq AS there, {} FROM audit_seals s LEFT JOIN audit a ON a.seq = s.seq WHERE {part} LIMIT $2",
            columns.join(", ")
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(number).bind(i64::from(limit));
        let mut batch: Vec<SealedEntry> =
            within(query.fetch_all(&self.store.readers)).await?.iter().map(SealedEntry::read).collect::<Result<_, _>>()?;
        if let Some(log) = &self.judge {
            let highest = batch.iter().map(|sealed| sealed.number).max().unwrap_or_default();
            if highest > log.judged.vouched() {
                log.judge_again().await?;
            }
            for sealed in &mut batch {
                let ours = sealed.entry().is_none_or(|entry| log.is_believed(sealed.number, || entry.is_authentic(&log.keys)));
                sealed.authentic &= ours;
            }
        }
        Ok(batch)
    }

    /// Checkpoints after a sequence number and up to another, in order.
    pub async fn checkpoints(&self, after: i64, through: i64, limit: u32) -> Result<Vec<Checkpoint>, StoreError> {
        let statement = "SELECT number, at, chain, key_id, signature FROM audit_checkpoints WHERE number > $1 AND number <= $2 ORDER BY number LIMIT $3";
        let query = sqlx::query(statement).bind(after).bind(through).bind(i64::from(limit));
        within(query.fetch_all(&self.store.readers)).await?.iter().map(checkpoint).collect()
    }

    /// The sequence number of the last checkpoint up to this one.
    pub async fn checkpoint_up_to(&self, number: i64) -> Result<Option<i64>, StoreError> {
        let query = sqlx::query("SELECT MAX(number) AS last FROM audit_checkpoints WHERE number <= $1").bind(number);
        Ok(within(query.fetch_one(&self.store.readers)).await?.try_get("last")?)
    }

    /// The latest checkpoint whose signature verifies.
    pub async fn last_checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        match &self.judge {
            Some(log) => log.last_checkpoint().await,
            None => Ok(None),
        }
    }

    /// A sequence number up to which every entry is older than this time, as far as clocks run forward. A binary search
    /// with few queries.
    pub async fn before(&self, at: Timestamp) -> Result<i64, StoreError> {
        let (mut low, mut high) = (0, self.head().await?);
        while low < high {
            let middle = low + (high - low + 1) / 2;
            match self.first_entry_up_to(middle, low).await? {
                Some((number, then)) if then >= stored(at) => high = number - 1,
                // Only deleted entries in between: they were older.
                Some(_) | None => low = middle,
            }
        }
        Ok(low)
    }

    /// The nearest authentic entry that is not deleted, at this sequence number or below.
    async fn first_entry_up_to(&self, number: i64, above: i64) -> Result<Option<(i64, i64)>, StoreError> {
        let statement = "SELECT s.number, a.at FROM audit_seals s JOIN audit a ON a.seq = s.seq
            WHERE s.number <= $1 AND s.number > $2 AND s.class IS NULL AND s.authentic = 1 ORDER BY s.number DESC LIMIT 1";
        let query = sqlx::query(statement).bind(number).bind(above);
        let row = within(query.fetch_optional(&self.store.readers)).await?;
        row.map(|row| Ok((row.try_get("number")?, row.try_get("at")?))).transpose()
    }
}
