//! How far the log has been sent to each target, and which alerts were raised.
//!
//! Invariant: a cursor never goes back; what one has passed was taken by whoever it is for.

use jiff::Timestamp;
use sqlx::Row;

use super::{Store, StoreError, stored, within};

/// A place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cursor {
    /// Entries up to this number are done.
    pub number: i64,
    /// Checkpoints up to this number are done.
    pub checkpoint: i64,
}

/// The cursors in the store.
#[derive(Debug, Clone)]
pub struct Cursors {
    store: Store,
}

impl Cursors {
    /// In this store.
    pub fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// Where it stands. `None`: it was never saved.
    pub async fn get(&self, name: &str) -> Result<Option<Cursor>, StoreError> {
        let query = sqlx::query("SELECT number, checkpoint FROM audit_cursors WHERE name = $1").bind(name.to_owned());
        let Some(row) = within(query.fetch_optional(&self.store.pool)).await? else { return Ok(None) };
        Ok(Some(Cursor { number: row.try_get("number")?, checkpoint: row.try_get("checkpoint")? }))
    }

    /// Moves it forward; what lies behind where it stands changes nothing.
    pub async fn advance(&self, name: &str, to: Cursor) -> Result<(), StoreError> {
        let statement = "INSERT INTO audit_cursors (name, number, checkpoint) VALUES ($1, $2, $3)
            ON CONFLICT (name) DO UPDATE SET
                number = CASE WHEN audit_cursors.number < $2 THEN $2 ELSE audit_cursors.number END,
                checkpoint = CASE WHEN audit_cursors.checkpoint < $3 THEN $3 ELSE audit_cursors.checkpoint END";
        let query = sqlx::query(statement).bind(name.to_owned()).bind(to.number).bind(to.checkpoint);
        within(query.execute(&self.store.pool)).await?;
        Ok(())
    }

    /// Was this alert raised, and is its time not over at that moment?
    pub async fn is_raised(&self, alert: &str, at: Timestamp) -> Result<bool, StoreError> {
        let query = sqlx::query("SELECT until FROM audit_alerts WHERE name = $1").bind(alert.to_owned());
        let row = within(query.fetch_optional(&self.store.pool)).await?;
        Ok(row.map(|row| row.try_get::<i64, _>("until")).transpose()?.is_some_and(|until| until > stored(at)))
    }

    /// It was raised, and is not raised again until then.
    pub async fn raised(&self, alert: &str, until: Timestamp) -> Result<(), StoreError> {
        let statement = "INSERT INTO audit_alerts (name, until) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET until = $2";
        within(sqlx::query(statement).bind(alert.to_owned()).bind(stored(until)).execute(&self.store.pool)).await?;
        Ok(())
    }

    /// Forgets alerts that may be raised again anyhow.
    pub async fn delete_stale(&self, now: Timestamp) -> Result<u64, StoreError> {
        // A day later: entries are looked at in their own time, which may lie behind.
        let before = stored(now - jiff::SignedDuration::from_hours(24));
        let delete = sqlx::query("DELETE FROM audit_alerts WHERE until < $1").bind(before);
        Ok(within(delete.execute(&self.store.pool)).await?.rows_affected())
    }
}
