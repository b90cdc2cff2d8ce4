//! Which checkpoints in the database are signed by a key of ours. Who has the database's password can put others beside them.
//!
//! Invariant: what a key of ours has not signed is no ground for anything, keeps nothing from being signed, and is told of.

use sqlx::{Row, any::AnyRow};

use super::{
    Log, chain,
    export_line::Checkpoint,
    read,
    sealer::{Head, link_of},
};
use crate::{
    model::signing::Verifiers,
    store::{StoreError, within},
};

/// Checkpoints that are read at once,
const PAGE: i64 = 100;
/// and how often at most: whoever has put more in front of ours keeps us from going on, and is seen.
const PAGES: usize = 50;

impl Log {
    /// The last checkpoint that a known key has signed, of those from before a time (microseconds).
    pub(super) async fn last_signed(&self, known: &Verifiers, before: i64) -> Result<Option<Head>, StoreError> {
        let mut highest = i64::MAX;
        for _ in 0..PAGES {
            let (rows, found) = self.signed_among(known, highest, before).await?;
            let Some(lowest) = rows.last() else { return Ok(None) };
            if found.is_some() {
                return Ok(found);
            }
            highest = lowest - 1;
        }
        tracing::error!("the audit log's own checkpoints can't be found among those that somebody else has put there");
        Ok(None)
    }

    async fn signed_among(&self, known: &Verifiers, highest: i64, before: i64) -> Result<(Vec<i64>, Option<Head>), StoreError> {
        let statement = "SELECT number FROM audit_checkpoints WHERE number <= $1 AND at < $2 ORDER BY number DESC LIMIT $3";
        let query = sqlx::query(statement).bind(highest).bind(before).bind(PAGE);
        let rows: Vec<AnyRow> = within(query.fetch_all(&self.store.durable)).await?;
        let numbers = rows.iter().map(|row| row.try_get("number")).collect::<Result<Vec<i64>, _>>()?;
        for (n, number) in numbers.iter().enumerate() {
            if let Some(head) = self.signed_at(known, *number).await? {
                return Ok((numbers, Some(head)));
            }
            if n == 0 {
                metrics::counter!("audit_foreign_checkpoints_total").increment(1);
                tracing::error!(
                    number,
                    "a checkpoint of the audit log is not signed by any known key: somebody has written into the database, or audit.earlier_public_key_files lacks a key"
                );
            }
        }
        Ok((numbers, None))
    }

    /// The checkpoint of this number, if a known key has signed it. One that can't be read was signed by nobody.
    pub(super) async fn signed_at(&self, known: &Verifiers, number: i64) -> Result<Option<Head>, StoreError> {
        let query = sqlx::query("SELECT number, at, chain, key_id, signature FROM audit_checkpoints WHERE number = $1").bind(number);
        let row: Option<AnyRow> = match within(query.fetch_optional(&self.store.durable)).await {
            Err(StoreError::Unreadable) => None,
            read => read?,
        };
        Ok(row.and_then(|row| read::checkpoint(&row).ok()).and_then(|checkpoint| vouched_by(known, &checkpoint)))
    }
}

/// What it vouches for, if a known key has signed it.
fn vouched_by(known: &Verifiers, checkpoint: &Checkpoint) -> Option<Head> {
    let head = Head { number: checkpoint.number, link: link_of(checkpoint.chain.clone()).ok()? };
    let text = chain::of_checkpoint(head.number, checkpoint.at, &head.link);
    (known.verify(&checkpoint.key_id, &text, &checkpoint.signature) == Some(true)).then_some(head)
}
