//! Identifiers that are accepted once, such as assertions and requests. Shared by all instances.

use jiff::Timestamp;

use super::{Store, StoreError, stored, within};

#[derive(Debug, Clone)]
pub struct SingleUse {
    store: Store,
}

impl SingleUse {
    pub fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// Marks a name as used until `until`. `false` if it was used before. On disk when this returns, so that a power cut does not make it
    /// valid again.
    pub async fn first_time(&self, name: &str, until: Timestamp) -> Result<bool, StoreError> {
        let insert =
            sqlx::query("INSERT INTO used (name, until) VALUES ($1, $2) ON CONFLICT DO NOTHING").bind(name.to_owned()).bind(stored(until));
        Ok(within(insert.execute(&self.store.durable)).await?.rows_affected() == 1)
    }

    /// True if the name was used. For work that may be repeated but not lost: it is done first, and marked afterwards.
    pub async fn is_used(&self, name: &str) -> Result<bool, StoreError> {
        let select = sqlx::query("SELECT 1 FROM used WHERE name = $1").bind(name.to_owned());
        Ok(within(select.fetch_optional(&self.store.pool)).await?.is_some())
    }

    /// Deletes names whose time is over.
    pub async fn delete_stale(&self, now: Timestamp) -> Result<u64, StoreError> {
        let delete = sqlx::query("DELETE FROM used WHERE until < $1").bind(stored(now));
        Ok(within(delete.execute(&self.store.pool)).await?.rows_affected())
    }
}
