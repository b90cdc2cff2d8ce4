//! Saved searches of the audit log.
//!
//! Invariant: a saved search belongs to one owner and is sealed, because it may contain a CPR number.

use jiff::Timestamp;
use sqlx::{Row, any::AnyRow};

use crate::audit::AuditLog;
use crate::store::{StoreError, stored, within};

impl AuditLog {
    /// Saves a sealed search for its owner. Keeps the newest hundred of each owner.
    pub async fn keep_search(&self, id: &str, owner: &str, name: &str, sealed: &str, now: Timestamp) -> Result<(), StoreError> {
        let insert = sqlx::query("INSERT INTO audit_searches (id, owner, name, search, at) VALUES ($1, $2, $3, $4, $5)");
        let insert = insert.bind(id.to_owned()).bind(owner.to_owned()).bind(name.to_owned()).bind(sealed.to_owned()).bind(stored(now));
        within(insert.execute(&self.store.durable)).await?;
        let older = "DELETE FROM audit_searches WHERE owner = $1
            AND id NOT IN (SELECT id FROM audit_searches WHERE owner = $1 ORDER BY at DESC, id LIMIT 100)";
        within(sqlx::query(older).bind(owner.to_owned()).execute(&self.store.durable)).await?;
        Ok(())
    }

    /// The owner's saved searches: id, name, sealed search.
    pub async fn kept_searches(&self, owner: &str) -> Result<Vec<(String, String, String)>, StoreError> {
        let query = sqlx::query("SELECT id, name, search FROM audit_searches WHERE owner = $1 ORDER BY at DESC, id LIMIT 100");
        let rows: Vec<AnyRow> = within(query.bind(owner.to_owned()).fetch_all(&self.store.readers)).await?;
        rows.iter().map(|row| Ok((row.try_get("id")?, row.try_get("name")?, row.try_get("search")?))).collect()
    }

    /// Deletes one of the owner's saved searches.
    pub async fn drop_search(&self, id: &str, owner: &str) -> Result<(), StoreError> {
        let delete = sqlx::query("DELETE FROM audit_searches WHERE id = $1 AND owner = $2").bind(id.to_owned()).bind(owner.to_owned());
        within(delete.execute(&self.store.durable)).await?;
        Ok(())
    }
}
