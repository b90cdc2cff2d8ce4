//! Leases: named locks over all instances, which expire by themselves.

use jiff::{SignedDuration, Timestamp};
use sqlx::Row;
use uuid::Uuid;

use super::{Store, StoreError, stored, within, written};

#[derive(Debug, Clone)]
pub struct Leases {
    store: Store,
}

/// A lease that ends later than this after its longest time is not one of ours: no instance's clock is that far ahead.
const AHEAD: SignedDuration = SignedDuration::from_hours(1);

fn latest(until: Timestamp) -> i64 {
    stored(until.saturating_add(AHEAD).unwrap_or(Timestamp::MAX))
}

/// A lease that was acquired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acquired {
    /// Last release by a holder; `None` if it was never released.
    pub last_released: Option<Timestamp>,
}

impl Leases {
    pub fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// Acquires the lease. `None` if it is held.
    pub async fn try_acquire(
        &self,
        name: &str,
        holder: Uuid,
        now: Timestamp,
        longest: SignedDuration,
    ) -> Result<Option<Acquired>, StoreError> {
        let statement = "INSERT INTO leases (name, holder, until) VALUES ($1, $2, $3)
            ON CONFLICT (name) DO UPDATE SET holder = $2, until = $3 WHERE leases.until <= $4 OR leases.until > $5 RETURNING released";
        let until = now.saturating_add(longest).unwrap_or(Timestamp::MAX);
        let row = sqlx::query(statement).bind(name).bind(holder.to_string()).bind(stored(until)).bind(stored(now)).bind(latest(until));
        let Some(row) = written(row, &self.store.pool).await? else { return Ok(None) };
        let released: Option<i64> = row.try_get("released")?;
        Ok(Some(Acquired { last_released: released.and_then(|at| Timestamp::from_microsecond(at).ok()) }))
    }

    /// Acquires the lease, or prolongs it for its holder. `false` if another holder has it. For continuous work in one instance.
    pub async fn hold(&self, name: &str, holder: Uuid, now: Timestamp, longest: SignedDuration) -> Result<bool, StoreError> {
        let statement = "INSERT INTO leases (name, holder, until) VALUES ($1, $2, $3)
            ON CONFLICT (name) DO UPDATE SET holder = $2, until = $3 WHERE leases.until <= $4 OR leases.until > $5 OR leases.holder = $2 RETURNING until";
        let until = now.saturating_add(longest).unwrap_or(Timestamp::MAX);
        let row =
            sqlx::query(statement).bind(name.to_owned()).bind(holder.to_string()).bind(stored(until)).bind(stored(now)).bind(latest(until));
        Ok(written(row, &self.store.pool).await?.is_some())
    }

    /// Releases the lease. No effect if it has expired and another holder has it.
    pub async fn release(&self, name: &str, holder: Uuid, now: Timestamp) -> Result<(), StoreError> {
        // 0 instead of now: an instance with a slower clock would still see it as held.
        let statement = "UPDATE leases SET until = 0, released = $3 WHERE name = $1 AND holder = $2";
        within(sqlx::query(statement).bind(name).bind(holder.to_string()).bind(stored(now)).execute(&self.store.pool)).await?;
        Ok(())
    }

    /// End of the lease, as set by its holder.
    pub async fn held_until(&self, name: &str) -> Result<Option<Timestamp>, StoreError> {
        let query = sqlx::query("SELECT until FROM leases WHERE name = $1").bind(name.to_owned());
        let row = within(query.fetch_optional(&self.store.pool)).await?;
        let until: Option<i64> = row.map(|row| row.try_get("until")).transpose()?;
        Ok(until.and_then(|until| Timestamp::from_microsecond(until).ok()))
    }

    /// Deletes leases that were not held for a day.
    pub async fn delete_stale(&self, now: Timestamp) -> Result<u64, StoreError> {
        let before = stored(now - SignedDuration::from_hours(24));
        let statement = "DELETE FROM leases WHERE until < $1 AND COALESCE(released, 0) < $1";
        Ok(within(sqlx::query(statement).bind(before).execute(&self.store.pool)).await?.rows_affected())
    }
}
