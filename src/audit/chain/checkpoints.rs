//! The checkpoints in the database that a key of ours has signed.
//!
//! Invariant: checkpoints without a valid signature of ours are ignored and reported. They never prevent a new
//! checkpoint.

use sqlx::{
    Any, Row,
    any::{AnyArguments, AnyRow},
    query::Query,
};

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

/// The checkpoints that a search looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sought {
    /// First time, microseconds.
    pub(crate) from: i64,
    /// The time after the last one, microseconds.
    pub(crate) before: i64,
    /// The sequence number after the last one.
    pub(crate) below: i64,
}

impl Sought {
    /// All checkpoints.
    pub(crate) const ALL: Self = Self { from: i64::MIN, before: i64::MAX, below: i64::MAX };
}

impl AuditLog {
    /// The checkpoint of a known key with the highest sequence number.
    pub(crate) async fn last_signed(&self, known: &Verifiers, sought: Sought) -> Result<Option<ChainHead>, StoreError> {
        let mut sought = sought;
        for _ in 0..PAGES {
            let statement = "SELECT number FROM audit_checkpoints WHERE number < $1 AND at >= $2 AND at < $3 ORDER BY number DESC LIMIT $4";
            let query = sqlx::query(statement).bind(sought.below).bind(sought.from).bind(sought.before).bind(PAGE);
            let numbers = self.numbers(query).await?;
            let Some(lowest) = numbers.last() else { return Ok(None) };
            if let Some(found) = self.first_of(known, &numbers).await? {
                return Ok(Some(found));
            }
            sought.below = *lowest;
        }
        tracing::error!("own checkpoints not found among foreign ones");
        Ok(None)
    }

    /// The checkpoint of a known key with the lowest sequence number.
    pub(crate) async fn first_signed(&self, known: &Verifiers, sought: Sought) -> Result<Option<ChainHead>, StoreError> {
        let mut above = i64::MIN;
        for _ in 0..PAGES {
            let statement =
                "SELECT number FROM audit_checkpoints WHERE number > $1 AND number < $2 AND at >= $3 AND at < $4 ORDER BY number LIMIT $5";
            let query = sqlx::query(statement).bind(above).bind(sought.below).bind(sought.from).bind(sought.before).bind(PAGE);
            let numbers = self.numbers(query).await?;
            let Some(highest) = numbers.last() else { return Ok(None) };
            if let Some(found) = self.first_of(known, &numbers).await? {
                return Ok(Some(found));
            }
            above = *highest;
        }
        // A search for the first that protects entries: a place before all of them protects every entry.
        tracing::error!("own checkpoints not found among foreign ones");
        Ok(Some(ChainHead { number: 0, link: hash::START }))
    }

    async fn numbers(&self, query: Query<'_, Any, AnyArguments>) -> Result<Vec<i64>, StoreError> {
        let rows: Vec<AnyRow> = within(query.fetch_all(&self.store.durable)).await?;
        rows.iter().map(|row| Ok(row.try_get("number")?)).collect()
    }

    /// The first of these checkpoints that a known key has signed.
    async fn first_of(&self, known: &Verifiers, numbers: &[i64]) -> Result<Option<ChainHead>, StoreError> {
        for (n, number) in numbers.iter().enumerate() {
            if let Some(head) = self.signed_at(known, *number).await? {
                return Ok(Some(head));
            }
            if n == 0 {
                metrics::counter!("os2nykode_audit_foreign_checkpoints_total").increment(1);
                tracing::error!(
                    number,
                    "checkpoint not signed by a known key; the database was changed, or audit.earlier_public_key_files lacks a key"
                );
            }
        }
        Ok(None)
    }

    /// The last checkpoint that a known key has signed, as it is stored.
    pub async fn last_checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        let Some(head) = self.last_signed(&self.known, Sought::ALL).await? else { return Ok(None) };
        let query = sqlx::query("SELECT number, at, chain, key_id, signature FROM audit_checkpoints WHERE number = $1").bind(head.number);
        let row: Option<AnyRow> = within(query.fetch_optional(&self.store.durable)).await?;
        row.as_ref().map(read::checkpoint).transpose()
    }

    /// The highest sequence number of a signed purge over the seals of all classes; 0 where there is none.
    pub(crate) async fn purged_through(&self) -> Result<i64, StoreError> {
        let is_ours = |purge: &crate::audit::export::json_lines::Purge| {
            let text = hash::of_purge(&purge.class, purge.through, purge.at);
            purge.class == "all" && self.known.verify(&purge.key_id, &text, &purge.signature) == Some(true)
        };
        Ok(self.purges().await?.iter().filter(|purge| is_ours(purge)).map(|purge| purge.through).max().unwrap_or(0))
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
pub(crate) fn vouched_by(known: &Verifiers, checkpoint: &Checkpoint) -> Option<ChainHead> {
    let head = ChainHead { number: checkpoint.number, link: link_of(checkpoint.chain.clone()).ok()? };
    let text = hash::of_checkpoint(head.number, checkpoint.at, &head.link);
    (known.verify(&checkpoint.key_id, &text, &checkpoint.signature) == Some(true)).then_some(head)
}
