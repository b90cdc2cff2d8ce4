//! Queries for exports: sealed entries in the order of the chain, checkpoints and purges.

use sqlx::{Row, any::AnyRow};

use crate::audit::{
    AuditLog,
    chain::foreign::ForeignKind,
    export::json_lines::{Checkpoint, EntryLine, ForeignRow, Purge, Purged},
    log::entry::{COLUMNS, StoredEntry},
};
use crate::store::{StoreError, within};

impl AuditLog {
    /// Up to `limit` sealed entries after this sequence number, in order. An unreadable entry is returned as its seal
    /// alone.
    pub async fn sealed_after(&self, after: i64, limit: u32) -> Result<Vec<EntryLine>, StoreError> {
        match self.lines("s.number > $1", after, limit, true).await {
            Err(StoreError::Unreadable) => {}
            read => return read,
        }
        let query = sqlx::query("SELECT number FROM audit_seals WHERE number > $1 ORDER BY number LIMIT $2");
        let rows: Vec<AnyRow> = within(query.bind(after).bind(i64::from(limit)).fetch_all(&self.store.readers)).await?;
        let mut lines = Vec::new();
        for row in rows {
            let number = row.try_get("number")?;
            match self.lines("s.number = $1", number, 1, true).await {
                Err(StoreError::Unreadable) => lines.extend(self.lines("s.number = $1", number, 1, false).await?),
                read => lines.extend(read?),
            }
        }
        Ok(lines)
    }

    async fn lines(&self, part: &str, number: i64, limit: u32, entries: bool) -> Result<Vec<EntryLine>, StoreError> {
        let columns = COLUMNS.iter().map(|column| format!("a.{column} AS {column}")).collect::<Vec<_>>().join(", ");
        let (there, columns) = if entries { ("a.seq", columns) } else { ("NULL", "1 AS none".to_owned()) };
        let statement = format!(
            "SELECT s.number AS number, s.seq AS sealed_seq, s.authentic AS authentic, s.chain AS chain, s.class AS purged_class, s.content AS purged_content,
                CAST({there} AS BIGINT) AS there, {columns}
             FROM audit_seals s LEFT JOIN audit a ON a.seq = s.seq WHERE {part} ORDER BY s.number LIMIT $2"
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(number).bind(i64::from(limit));
        let rows: Vec<AnyRow> = within(query.fetch_all(&self.store.readers)).await?;
        rows.iter().map(line).collect()
    }

    pub async fn checkpoints(&self) -> Result<Vec<Checkpoint>, StoreError> {
        let query = sqlx::query("SELECT number, at, chain, key_id, signature FROM audit_checkpoints ORDER BY number");
        let rows: Vec<AnyRow> = within(query.fetch_all(&self.store.readers)).await?;
        rows.iter().map(checkpoint).collect()
    }

    pub async fn purges(&self) -> Result<Vec<Purge>, StoreError> {
        let query = sqlx::query("SELECT class, through, at, key_id, signature FROM audit_purges ORDER BY through, class");
        let rows: Vec<AnyRow> = within(query.fetch_all(&self.store.readers)).await?;
        rows.iter().map(purge).collect()
    }
}

pub(crate) fn checkpoint(row: &AnyRow) -> Result<Checkpoint, StoreError> {
    Ok(Checkpoint {
        number: row.try_get("number")?,
        at: row.try_get("at")?,
        chain: row.try_get("chain")?,
        key_id: row.try_get("key_id")?,
        signature: row.try_get("signature")?,
    })
}

pub(crate) fn purge(row: &AnyRow) -> Result<Purge, StoreError> {
    Ok(Purge {
        class: row.try_get("class")?,
        through: row.try_get("through")?,
        at: row.try_get("at")?,
        key_id: row.try_get("key_id")?,
        signature: row.try_get("signature")?,
    })
}

pub(crate) fn foreign(row: &AnyRow) -> Result<ForeignRow, StoreError> {
    let what: String = row.try_get("what")?;
    Ok(ForeignRow {
        number: row.try_get("number")?,
        seq: row.try_get("seq")?,
        what: ForeignKind::from_code(&what).ok_or(StoreError::Corrupt("audit_foreign"))?,
        chain: row.try_get("chain")?,
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
        authentic: row.try_get::<i16, _>("authentic")? != 0,
        chain: row.try_get("chain")?,
        entry: there.map(|_| StoredEntry::read(row)).transpose()?,
        purged: class.zip(content).map(|(class, content)| Purged { class, content }),
    })
}
