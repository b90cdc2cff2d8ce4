//! The signed list of rows in the chain that the service did not write.
//!
//! Invariants:
//! - Nothing on the list is authentic, for any reader. The list blesses nothing.
//! - A row of the list without a signature of ours counts for nothing, and is reported.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, Row, any::AnyRow};

use crate::audit::{
    AuditLog,
    chain::{checkpoints::Sought, hash, head::ChainHead, stored::PositionReader},
    export::{json_lines::ForeignRow, read},
};
use crate::{
    model::audit::signing::Signer,
    store::{StoreError, stored, within},
};

/// Seals in one read, and in one transaction.
const PAGE: i64 = 500;
/// Timeout of one read.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(3);

/// The kind of a foreign row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ForeignKind {
    /// An entry that keeps its sequence number. Its seal marks it as the service's, but its MAC is wrong.
    Entry,
    /// A seal that was taken out of the chain. Its entry waits for another one.
    Seal,
}

impl ForeignKind {
    /// The stable code in the store.
    pub fn code(self) -> &'static str {
        match self {
            Self::Entry => "entry",
            Self::Seal => "seal",
        }
    }

    /// Inverse of `code`.
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Entry, Self::Seal].into_iter().find(|kind| kind.code() == code)
    }
}

/// A row to be listed.
struct RowToList {
    number: i64,
    seq: i64,
    chain: Vec<u8>,
}

impl AuditLog {
    /// All rows of the list with a signature of a known key.
    pub(crate) async fn listed_foreign(&self) -> Result<Vec<ForeignRow>, StoreError> {
        let mut all = self.foreign_rows().await?;
        let listed = all.len();
        all.retain(|row| self.known.verify(&row.key_id, &row.signed_text(), &row.signature) == Some(true));
        if all.len() < listed {
            tracing::error!(rows = listed - all.len(), "list of foreign rows has rows not signed by a known key; the database was changed");
        }
        Ok(all)
    }

    /// All rows of the list, for exports.
    pub async fn foreign_rows(&self) -> Result<Vec<ForeignRow>, StoreError> {
        let query = sqlx::query("SELECT number, seq, what, chain, at, key_id, signature FROM audit_foreign ORDER BY number, at");
        let rows: Vec<AnyRow> = within(query.fetch_all(&self.store.readers)).await?;
        // An unreadable row is not ours, and must not hide the others.
        Ok(rows.iter().filter_map(|row| read::foreign(row).ok()).collect())
    }

    /// Lists the entries behind the last checkpoint that the service did not write, although their seals mark them as the service's. Returns
    /// their number.
    pub(crate) async fn list_forged(&self, key: &Signer, now: Timestamp) -> Result<u64, StoreError> {
        let places = PositionReader::new(&self.store.readers, Some(&self.keys), PATIENCE);
        let mut at = self.last_signed(key.known(), Sought::ALL).await?.unwrap_or(ChainHead::BEGINNING);
        let end = self.head().await?;
        let mut listed = 0;
        while at.number < end.number {
            let page = places.page(at.number, end.number, PAGE).await?;
            let mut forged = Vec::new();
            let before = at.number;
            for found in page {
                let Some(link) = found.link(&at.link).filter(|link| found.number == at.number + 1 && link.as_slice() == found.chain) else {
                    break;
                };
                at = ChainHead { number: found.number, link };
                if found.is_forged() && !self.judged.is_foreign(found.number) {
                    forged.push(RowToList { number: found.number, seq: found.seq, chain: found.chain });
                }
            }
            listed += forged.len() as u64;
            self.list(key, ForeignKind::Entry, &forged, now).await?;
            if at.number == before {
                break; // a broken chain: nothing after it is judged
            }
        }
        self.judge_again().await?;
        Ok(listed)
    }

    /// Takes the seals out of the chain that do not belong to the verified run behind the last checkpoint, lists them,
    /// and lets their entries wait for another seal. Returns their number.
    pub async fn set_aside(&self, key: &Signer, now: Timestamp) -> Result<u64, StoreError> {
        let good = self.verified_head().await?.number;
        let mut all = 0;
        loop {
            let query = sqlx::query("SELECT number, seq, chain FROM audit_seals WHERE number > $1 ORDER BY number LIMIT $2");
            let rows: Vec<AnyRow> = within(query.bind(good).bind(PAGE).fetch_all(&self.store.durable)).await?;
            if rows.is_empty() {
                return Ok(all);
            }
            let found = rows.iter().map(|row| {
                let (number, seq) = (row.try_get("number")?, row.try_get("seq")?);
                // A value that is no bytes is not ours; the list names the row all the same.
                Ok(RowToList { number, seq, chain: row.try_get("chain").unwrap_or_default() })
            });
            let found = found.collect::<Result<Vec<_>, StoreError>>()?;
            all += found.len() as u64;
            self.list(key, ForeignKind::Seal, &found, now).await?;
        }
    }

    /// Signs and stores rows of the list; seals are taken out of the chain in the same transaction.
    async fn list(&self, key: &Signer, what: ForeignKind, found: &[RowToList], now: Timestamp) -> Result<(), StoreError> {
        let at = stored(now);
        within(async {
            let mut transaction = self.store.durable.begin().await?;
            for RowToList { number, seq, chain } in found {
                let signature = key.sign(&hash::of_foreign(*number, *seq, what.code(), chain, at));
                let insert = "INSERT INTO audit_foreign (number, seq, what, chain, at, key_id, signature) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
                let insert = sqlx::query(insert).bind(*number).bind(*seq).bind(what.code()).bind(chain.clone()).bind(at);
                insert.bind(key.id().to_owned()).bind(signature).execute(&mut *transaction).await?;
                if what == ForeignKind::Entry {
                    continue;
                }
                sqlx::query("DELETE FROM audit_seals WHERE number = $1").bind(*number).execute(&mut *transaction).await?;
                let wait = "INSERT INTO audit_unsealed (seq) SELECT a.seq FROM audit a WHERE a.seq = $1
                    AND NOT EXISTS (SELECT 1 FROM audit_seals s WHERE s.seq = a.seq) ON CONFLICT DO NOTHING";
                sqlx::query(AssertSqlSafe(wait)).bind(*seq).execute(&mut *transaction).await?;
            }
            transaction.commit().await
        })
        .await
    }
}
