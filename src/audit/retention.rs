//! Retention: deletes old entries so that the chain still verifies.
//!
//! Invariants:
//! - Nothing is deleted without a signed purge; the database's triggers enforce this too.
//! - The seal of a deleted entry keeps the chain's input. Of whole deleted segments, the checkpoint stays.
//! - A crash in between leaves work that the next run does.
//! - The seals that remain begin after a checkpoint, at every moment.
//! - A clock that was wrong once makes nothing old: a segment counts as closed when every checkpoint before it is old too,
//!   and a run waits until the last weeks have checkpoints.

use jiff::{SignedDuration, Timestamp};
use sqlx::{Row, any::AnyRow};

use super::AuditLog;
use crate::audit::{
    chain::{checkpoints::Sought, hash},
    export::read::purge,
    log::entry::{COLUMNS, StoredEntry},
};
use crate::{
    model::audit::{EventKind, RetentionClass, signing::Signer},
    store::{StoreError, stored, within},
};

/// Entries in one transaction, so that it is short.
const BATCH: i64 = 200;
/// Class of a purge that covers the seals as well.
const ALL: &str = "all";

/// Weeks before a run that all need a checkpoint. A clock that jumps forward leaves weeks without one.
const WEEKS: i32 = 5;
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
/// A run deletes at most one in this many of the log's numbers.
const SHARE: u64 = 10;

impl AuditLog {
    /// Most entries that one run may delete, by the length of the signed log.
    pub async fn retention_share(&self, signer: &Signer) -> Result<u64, StoreError> {
        let Some(last) = self.last_signed(signer.known(), Sought::ALL).await? else { return Ok(0) };
        let numbers = last.number.saturating_sub(self.first_seal().await?.unwrap_or(last.number)).saturating_add(1);
        Ok(u64::try_from(numbers).unwrap_or(0) / SHARE + 1)
    }

    /// Whether a run would have entries or seals to delete: a segment was closed before this time.
    pub async fn has_expired(&self, signer: &Signer, before: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        let Some(through) = self.segment_before(signer, before, now).await? else { return Ok(false) };
        Ok(self.first_seal().await?.is_some_and(|first| first <= through))
    }

    /// Whether the clock can be relied on: each of the last weeks has a checkpoint of ours. After a jump forward, also
    /// before the start of this instance, weeks are missing; so they are after a long time without a running service.
    pub async fn clock_is_steady(&self, signer: &Signer, now: Timestamp) -> Result<bool, StoreError> {
        for week in 0..WEEKS {
            let before = now.saturating_sub(WEEK * week).unwrap_or(Timestamp::MIN);
            let from = before.saturating_sub(WEEK).unwrap_or(Timestamp::MIN);
            let sought = Sought { from: stored(from), before: stored(before).saturating_add(1), ..Sought::ALL };
            if self.last_signed(signer.known(), sought).await?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Deletes up to `most` entries of a class that were sealed before this time, in whole segments. Returns their
    /// number.
    pub async fn purge_class(
        &self,
        signer: &Signer,
        class: RetentionClass,
        before: Timestamp,
        now: Timestamp,
        most: u64,
    ) -> Result<u64, StoreError> {
        let Some(through) = self.segment_before(signer, before, now).await? else { return Ok(0) };
        self.purge(signer, class.code(), through, now).await?;
        let mut deleted = 0;
        for kind in EventKind::ALL.iter().filter(|kind| kind.class() == class) {
            while deleted < most {
                let limit = i64::try_from(most - deleted).unwrap_or(BATCH).min(BATCH);
                // Always the oldest remaining entries: the result does not depend on an earlier run.
                let batch = self.oldest_of(kind.code(), through, before, limit).await?;
                if batch.is_empty() {
                    break;
                }
                deleted += batch.len() as u64;
                self.delete(class.code(), &batch).await?;
            }
        }
        Ok(deleted)
    }

    /// Deletes the seals of segments that were closed before this time and have no entry left: whole segments, until
    /// `most` seals are deleted. Returns their number.
    pub async fn purge_seals(&self, signer: &Signer, before: Timestamp, now: Timestamp, most: u64) -> Result<u64, StoreError> {
        let Some(through) = self.segment_before(signer, before, now).await? else { return Ok(0) };
        let query = sqlx::query("SELECT 1 FROM audit_seals s JOIN audit a ON a.seq = s.seq WHERE s.number <= $1 LIMIT 1").bind(through);
        // An entry of an unknown kind, or of a class that is kept longer.
        if within(query.fetch_optional(&self.store.durable)).await?.is_some() {
            return Ok(0);
        }
        self.purge(signer, ALL, through, now).await?;
        let mut deleted = 0;
        while deleted < most
            && let Some(first) = self.first_seal().await?.filter(|first| *first <= through)
            && let Some(closed) = self.closed_from(signer, first, through).await?
        {
            // One statement: the first seal that remains is always the one after a checkpoint.
            let statement = sqlx::query("DELETE FROM audit_seals WHERE number <= $1").bind(closed);
            deleted += within(statement.execute(&self.store.durable)).await?.rows_affected();
        }
        Ok(deleted)
    }

    async fn first_seal(&self) -> Result<Option<i64>, StoreError> {
        let row = within(sqlx::query("SELECT MIN(number) AS first FROM audit_seals").fetch_one(&self.store.durable)).await?;
        Ok(row.try_get("first")?)
    }

    /// The first checkpoint of ours from one sequence number up to another.
    async fn closed_from(&self, signer: &Signer, from: i64, through: i64) -> Result<Option<i64>, StoreError> {
        let query = sqlx::query("SELECT number FROM audit_checkpoints WHERE number >= $1 AND number <= $2 ORDER BY number");
        let rows: Vec<AnyRow> = within(query.bind(from).bind(through).fetch_all(&self.store.durable)).await?;
        for row in rows {
            let number = row.try_get("number")?;
            if self.signed_at(signer.known(), number).await?.is_some() {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    /// The last sequence number of the last segment that was closed before this time, according to a checkpoint of
    /// ours. No checkpoint before it is from that time or later: one of a clock that had gone back closes nothing.
    async fn segment_before(&self, signer: &Signer, before: Timestamp, now: Timestamp) -> Result<Option<i64>, StoreError> {
        let before = stored(before);
        let later = Sought { from: before, before: stored(now).saturating_add(1), ..Sought::ALL };
        let below = self.first_signed(signer.known(), later).await?.map_or(i64::MAX, |first| first.number);
        let closed = Sought { before, below, ..Sought::ALL };
        Ok(self.last_signed(signer.known(), closed).await?.map(|closed| closed.number))
    }

    /// Signs and stores a purge: entries of this class are deleted up to this sequence number. An error where another
    /// program has written one in its place: nothing is deleted under a foreign purge.
    async fn purge(&self, signer: &Signer, class: &str, through: i64, now: Timestamp) -> Result<(), StoreError> {
        let at = stored(now);
        let signature = signer.sign(&hash::of_purge(class, through, at));
        let statement =
            "INSERT INTO audit_purges (class, through, at, key_id, signature) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
        let query = sqlx::query(statement).bind(class.to_owned()).bind(through).bind(at).bind(signer.id().to_owned()).bind(signature);
        if within(query.execute(&self.store.durable)).await?.rows_affected() == 1 {
            return Ok(());
        }
        let query = sqlx::query("SELECT class, through, at, key_id, signature FROM audit_purges WHERE class = $1 AND through = $2");
        let row = within(query.bind(class.to_owned()).bind(through).fetch_one(&self.store.durable)).await?;
        let there = purge(&row)?;
        let text = hash::of_purge(class, through, there.at);
        match signer.known().verify(&there.key_id, &text, &there.signature) {
            Some(true) => Ok(()),
            Some(false) | None => Err(StoreError::Corrupt("audit_purges")),
        }
    }

    /// The oldest entries of a kind. Entries with a later time of their own are not deleted. An unreadable entry stays,
    /// and does not stop the others.
    async fn oldest_of(
        &self,
        kind: &'static str,
        through: i64,
        before: Timestamp,
        limit: i64,
    ) -> Result<Vec<(i64, i64, StoredEntry)>, StoreError> {
        match self.oldest_within(kind, through, before, limit, 0).await {
            Err(StoreError::Unreadable) => {}
            read => return read,
        }
        let mut batch = Vec::new();
        for passed in 0..limit {
            match self.oldest_within(kind, through, before, 1, passed).await {
                Ok(one) => batch.extend(one),
                Err(StoreError::Unreadable) => tracing::error!("expired audit entry unreadable; it is not deleted"),
                Err(error) => return Err(error),
            }
        }
        Ok(batch)
    }

    async fn oldest_within(
        &self,
        kind: &'static str,
        through: i64,
        before: Timestamp,
        limit: i64,
        passed: i64,
    ) -> Result<Vec<(i64, i64, StoredEntry)>, StoreError> {
        let columns = COLUMNS.iter().map(|column| format!("a.{column} AS {column}")).collect::<Vec<_>>().join(", ");
        let statement = format!(
            "SELECT s.number AS number, s.seq AS seq, {columns} FROM audit a JOIN audit_seals s ON s.seq = a.seq
             WHERE a.kind = $1 AND s.number <= $2 AND a.at < $3 ORDER BY a.seq LIMIT $4 OFFSET $5"
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(kind).bind(through).bind(stored(before)).bind(limit).bind(passed);
        let rows: Vec<AnyRow> = within(query.fetch_all(&self.store.durable)).await?;
        rows.iter().map(|row| Ok((row.try_get("number")?, row.try_get("seq")?, StoredEntry::read(row)?))).collect()
    }

    async fn delete(&self, class: &'static str, batch: &[(i64, i64, StoredEntry)]) -> Result<(), StoreError> {
        within(async {
            let mut transaction = self.store.durable.begin().await?;
            for (number, seq, entry) in batch {
                let keep = sqlx::query("UPDATE audit_seals SET class = $2, content = $3 WHERE number = $1");
                keep.bind(*number).bind(class).bind(entry.digest().to_vec()).execute(&mut *transaction).await?;
                sqlx::query("DELETE FROM audit WHERE seq = $1").bind(*seq).execute(&mut *transaction).await?;
                sqlx::query("DELETE FROM audit_cpr WHERE seq = $1").bind(*seq).execute(&mut *transaction).await?;
            }
            transaction.commit().await
        })
        .await
    }

    /// Encrypts a batch of CPR numbers again, from other keys to the current one. `None`: there is no key. Numbers that
    /// cannot be decrypted are skipped. `after`: cursor of the previous batch.
    pub async fn move_cpr(&self, after: i64) -> Result<Option<Moved>, StoreError> {
        let Some(current) = self.vault.current().map(str::to_owned) else { return Ok(None) };
        let statement = "SELECT c.seq AS seq, c.party AS party, c.key_id AS key_id, c.blind AS blind, c.sealed AS sealed,
                CASE c.party WHEN 'actor' THEN a.actor_cpr ELSE a.target_cpr END AS committed
            FROM audit_cpr c JOIN audit a ON a.seq = c.seq WHERE c.key_id <> $1 AND c.seq > $2 ORDER BY c.seq LIMIT $3";
        let query = sqlx::query(statement).bind(current).bind(after).bind(BATCH);
        let rows: Vec<AnyRow> = within(query.fetch_all(&self.store.durable)).await?;
        let mut moved = Moved { last: None, moved: 0, lost: 0 };
        let mut updates = Vec::new();
        for row in &rows {
            let (seq, party): (i64, String) = (row.try_get("seq")?, row.try_get("party")?);
            moved.last = Some(seq);
            let old = crate::audit::log::cpr::SealedCpr {
                key_id: row.try_get("key_id")?,
                blind: row.try_get("blind")?,
                sealed: row.try_get("sealed")?,
            };
            let committed: Option<String> = row.try_get("committed")?;
            let new = committed
                .map(|committed| self.vault.reseal(&committed, &old, &self.keys))
                .transpose()
                .map_err(|_| StoreError::NoRandomness)?;
            match new.flatten() {
                Some(new) => updates.push((seq, party, new)),
                None => moved.lost += 1,
            }
        }
        // A batch may end between the two numbers of an entry: the next batch reads that entry again.
        if rows.len() == usize::try_from(BATCH).unwrap_or(usize::MAX) {
            moved.last = moved.last.map(|last| last - 1);
        }
        moved.moved = updates.len() as u64;
        within(async {
            let mut transaction = self.store.durable.begin().await?;
            for (seq, party, new) in updates {
                let update = sqlx::query("UPDATE audit_cpr SET key_id = $3, blind = $4, sealed = $5 WHERE seq = $1 AND party = $2");
                update.bind(seq).bind(party).bind(new.key_id).bind(new.blind).bind(new.sealed).execute(&mut *transaction).await?;
            }
            transaction.commit().await
        })
        .await?;
        Ok(Some(moved))
    }
}

/// The result of encrypting a batch of CPR numbers again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// Cursor of the next batch; `None`: there are no more.
    pub last: Option<i64>,
    /// Number encrypted with the current key.
    pub moved: u64,
    /// Number that no known key decrypts.
    pub lost: u64,
}
