//! The checkpoints in the database that a key of ours has signed.
//!
//! Invariant: checkpoints without a valid signature of ours are ignored and reported. They never prevent a new
//! checkpoint.

use sqlx::{Row, any::AnyRow};

use crate::audit::{
    AuditLog,
    chain::{hash, head::ChainHead, sealer::link_of},
    export::{json_lines::Checkpoint, read},
};
use crate::{
    model::audit::signing::Verifiers,
    store::{StoreError, within},
};

/// Checkpoints in one read.
const PAGE: i64 = 100;
/// Most reads of one search. An attacker who inserts more checkpoints stops the signing, and is reported.
const PAGES: usize = 50;

impl AuditLog {
    /// The last checkpoint of a known key, from before a time in microseconds.
    pub(crate) async fn last_signed(&self, known: &Verifiers, before: i64) -> Result<Option<ChainHead>, StoreError> {
        let mut highest = i64::MAX;
        for _ in 0..PAGES {
            let (rows, found) = self.signed_among(known, highest, before).await?;
            let Some(lowest) = rows.last() else { return Ok(None) };
            if found.is_some() {
                return Ok(found);
            }
            highest = lowest - 1;
        }
        tracing::error!("own checkpoints not found among foreign ones");
        Ok(None)
    }

    async fn signed_among(&self, known: &Verifiers, highest: i64, before: i64) -> Result<(Vec<i64>, Option<ChainHead>), StoreError> {
        let statement = "SELECT number FROM audit_checkpoints WHERE number <= $1 AND at < $2 ORDER BY number DESC LIMIT $3";
        let query = sqlx::query(statement).bind(highest).bind(before).bind(PAGE);
        let rows: Vec<AnyRow> = within(query.fetch_all(&self.store.durable)).await?;
        let numbers = rows.iter().map(|row| row.try_get("number")).collect::<Result<Vec<i64>, _>>()?;
        for (n, number) in numbers.iter().enumerate() {
            if let Some(head) = self.signed_at(known, *number).await? {
                return Ok((numbers, Some(head)));
            }
            if n == 0 {
                metrics::counter!("os2nykode_audit_foreign_checkpoints_total").increment(1);
                tracing::error!(
                    number,
                    "checkpoint not signed by a known key; the database was changed, or audit.earlier_public_key_files lacks a key"
                );
            }
        }
        Ok((numbers, None))
    }

    /// The checkpoint of this sequence number, if a known key has signed it. An unreadable one counts as unsigned.
    pub(crate) async fn signed_at(&self, known: &Verifiers, number: i64) -> Result<Option<ChainHead>, StoreError> {
        let query = sqlx::query("SELECT number, at, chain, key_id, signature FROM audit_checkpoints WHERE number = $1").bind(number);
        let row: Option<AnyRow> = match within(query.fetch_optional(&self.store.durable)).await {
            Err(StoreError::Unreadable) => None,
            read => read?,
        };
        Ok(row.and_then(|row| read::checkpoint(&row).ok()).and_then(|checkpoint| vouched_by(known, &checkpoint)))
    }
}

/// The end of the chain that a checkpoint covers, if a known key has signed it.
fn vouched_by(known: &Verifiers, checkpoint: &Checkpoint) -> Option<ChainHead> {
    let head = ChainHead { number: checkpoint.number, link: link_of(checkpoint.chain.clone()).ok()? };
    let text = hash::of_checkpoint(head.number, checkpoint.at, &head.link);
    (known.verify(&checkpoint.key_id, &text, &checkpoint.signature) == Some(true)).then_some(head)
}
