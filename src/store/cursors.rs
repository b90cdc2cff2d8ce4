//! Cursors of log forwarding and of alerts, and the alerts that were raised.
//!
//! Invariants: a cursor never goes back, unless another program has changed it; entries behind a cursor were taken by their target.

use jiff::Timestamp;
use sqlx::Row;

use super::{DerivedKeys, Store, StoreError, stored, within};

/// A position in the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cursor {
    /// Sequence number of the last entry that is done.
    pub number: i64,
    /// Number of the last checkpoint that is done.
    pub checkpoint: i64,
}

/// The stored cursors. Each has a MAC: an attacker with write access to the database can cause repetitions, but no gaps.
#[derive(Debug, Clone)]
pub struct Cursors {
    store: Store,
    keys: DerivedKeys,
}

/// Attempts of an update before it fails with [`StoreError::Contended`].
const TRIES: usize = 8;

/// A cursor as stored.
#[derive(PartialEq, Eq)]
struct Stored {
    at: Cursor,
    mac: String,
}

impl Cursors {
    pub fn new(store: &Store, keys: &DerivedKeys) -> Self {
        Self { store: store.clone(), keys: keys.clone() }
    }

    /// The cursor. `None`: it was never saved, or its MAC is invalid.
    pub async fn get(&self, name: &str) -> Result<Option<Cursor>, StoreError> {
        Ok(self.stored(name).await?.and_then(|stored| self.ours(name, &stored)))
    }

    fn ours(&self, name: &str, stored: &Stored) -> Option<Cursor> {
        let is_ours = self.keys.verify_audit_mac(&text(name, stored.at), &stored.mac);
        if !is_ours {
            metrics::counter!("os2nykode_audit_foreign_cursors_total").increment(1);
            tracing::error!(name, "cursor in the database is not authentic; the job starts again from the beginning");
        }
        is_ours.then_some(stored.at)
    }

    async fn stored(&self, name: &str) -> Result<Option<Stored>, StoreError> {
        let query =
            sqlx::query("SELECT number, checkpoint, COALESCE(mac, '') AS mac FROM audit_cursors WHERE name = $1").bind(name.to_owned());
        let Some(row) = within(query.fetch_optional(&self.store.pool)).await? else { return Ok(None) };
        let at = Cursor { number: row.try_get("number")?, checkpoint: row.try_get("checkpoint")? };
        Ok(Some(Stored { at, mac: row.try_get("mac")? }))
    }

    /// Moves the cursor forward. Positions before the current one have no effect.
    pub async fn advance(&self, name: &str, to: Cursor) -> Result<(), StoreError> {
        for _ in 0..TRIES {
            let before = self.stored(name).await?;
            let known = before.as_ref().and_then(|before| self.ours(name, before)).unwrap_or_default();
            let at = Cursor { number: known.number.max(to.number), checkpoint: known.checkpoint.max(to.checkpoint) };
            let mac = self.keys.audit_mac(&text(name, at));
            let statement = match &before {
                None => "INSERT INTO audit_cursors (name, number, checkpoint, mac) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
                Some(_) => {
                    "UPDATE audit_cursors SET number = $2, checkpoint = $3, mac = $4
                     WHERE name = $1 AND number = $5 AND checkpoint = $6 AND COALESCE(mac, '') = $7"
                }
            };
            let mut query = sqlx::query(statement).bind(name.to_owned()).bind(at.number).bind(at.checkpoint).bind(mac);
            if let Some(before) = before {
                query = query.bind(before.at.number).bind(before.at.checkpoint).bind(before.mac);
            }
            if within(query.execute(&self.store.pool)).await?.rows_affected() == 1 {
                return Ok(());
            }
        }
        Err(StoreError::Contended)
    }

    /// Deletes a cursor that points to an entry that does not exist.
    pub async fn forget(&self, name: &str) -> Result<(), StoreError> {
        within(sqlx::query("DELETE FROM audit_cursors WHERE name = $1").bind(name.to_owned()).execute(&self.store.pool)).await?;
        Ok(())
    }

    /// True if the alert was raised and its time is not over at `at`. Stored times after `latest` are not ours and are ignored.
    pub async fn is_raised(&self, alert: &str, at: Timestamp, latest: Timestamp) -> Result<bool, StoreError> {
        let query = sqlx::query("SELECT until FROM audit_alerts WHERE name = $1").bind(alert.to_owned());
        let row = within(query.fetch_optional(&self.store.pool)).await?;
        let until = row.map(|row| row.try_get::<i64, _>("until")).transpose()?;
        Ok(until.is_some_and(|until| until > stored(at) && until <= stored(latest)))
    }

    /// Records the alert; it is not raised again before `until`.
    pub async fn raised(&self, alert: &str, until: Timestamp) -> Result<(), StoreError> {
        let statement = "INSERT INTO audit_alerts (name, until) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET until = $2";
        within(sqlx::query(statement).bind(alert.to_owned()).bind(stored(until)).execute(&self.store.pool)).await?;
        Ok(())
    }

    /// Deletes alerts that may be raised again.
    pub async fn delete_stale(&self, now: Timestamp) -> Result<u64, StoreError> {
        // A day later, because alerts are judged by the time of the entries, which may lie behind.
        let before = stored(now - jiff::SignedDuration::from_hours(24));
        let delete = sqlx::query("DELETE FROM audit_alerts WHERE until < $1").bind(before);
        Ok(within(delete.execute(&self.store.pool)).await?.rows_affected())
    }
}

fn text(name: &str, at: Cursor) -> Vec<u8> {
    format!("os2nykode audit cursor 1\n{name}\n{}\n{}", at.number, at.checkpoint).into_bytes()
}
