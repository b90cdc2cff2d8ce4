//! What exports take: the log in the order of the chain, and everything signed.

use sqlx::{Row, any::AnyRow};

use super::{
    Log,
    entry::{COLUMNS, StoredEntry},
    export_line::{Checkpoint, EntryLine, Purge, Purged},
};
use crate::store::{StoreError, within};

impl Log {
    /// Up to `limit` entries after this number, in order.
    pub async fn sealed_after(&self, after: i64, limit: u32) -> Result<Vec<EntryLine>, StoreError> {
        let columns = COLUMNS.iter().map(|column| format!("a.{column} AS {column}")).collect::<Vec<_>>().join(", ");
        let statement = format!(
            "SELECT s.number AS number, s.seq AS sealed_seq, s.sound AS sound, s.chain AS chain, s.class AS purged_class, s.content AS purged_content,
                a.seq AS there, {columns}
             FROM audit_seals s LEFT JOIN audit a ON a.seq = s.seq WHERE s.number > $1 ORDER BY s.number LIMIT $2"
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(after).bind(i64::from(limit));
        let rows: Vec<AnyRow> = within(query.fetch_all(&self.store.durable)).await?;
        rows.iter().map(line).collect()
    }

    /// Every checkpoint.
    pub async fn checkpoints(&self) -> Result<Vec<Checkpoint>, StoreError> {
        let query = sqlx::query("SELECT number, at, chain, key_id, signature FROM audit_checkpoints ORDER BY number");
        let rows: Vec<AnyRow> = within(query.fetch_all(&self.store.durable)).await?;
        rows.iter().map(checkpoint).collect()
    }

    /// Every purge.
    pub async fn purges(&self) -> Result<Vec<Purge>, StoreError> {
        let query = sqlx::query("SELECT class, through, at, key_id, signature FROM audit_purges ORDER BY through, class");
        let rows: Vec<AnyRow> = within(query.fetch_all(&self.store.durable)).await?;
        rows.iter().map(purge).collect()
    }
}

pub(super) fn checkpoint(row: &AnyRow) -> Result<Checkpoint, StoreError> {
    Ok(Checkpoint {
        number: row.try_get("number")?,
        at: row.try_get("at")?,
        chain: row.try_get("chain")?,
        key_id: row.try_get("key_id")?,
        signature: row.try_get("signature")?,
    })
}

pub(super) fn purge(row: &AnyRow) -> Result<Purge, StoreError> {
    Ok(Purge {
        class: row.try_get("class")?,
        through: row.try_get("through")?,
        at: row.try_get("at")?,
        key_id: row.try_get("key_id")?,
        signature: row.try_get("signature")?,
    })
}

fn line(row: &AnyRow) -> Result<EntryLine, StoreError> {
    let there: Option<i64> = row.try_get("there")?;
    let (class, content): (Option<String>, Option<Vec<u8>>) = (row.try_get("purged_class")?, row.try_get("purged_content")?);
    Ok(EntryLine {
        number: row.try_get("number")?,
        seq: row.try_get("sealed_seq")?,
        sound: row.try_get::<i16, _>("sound")? != 0,
        chain: row.try_get("chain")?,
        entry: there.map(|_| StoredEntry::read(row)).transpose()?,
        purged: class.zip(content).map(|(class, content)| Purged { class, content }),
    })
}
