//! The end of the chain, and how far the chain is known to be good.
//!
//! Invariants:
//! - Both begin behind the last checkpoint of ours. A seal far away or with a wrong hash moves neither to where it is.
//! - The verified end never passes a seal whose chain hash is wrong.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sqlx::{Row, any::AnyRow};

use crate::audit::{
    AuditLog,
    chain::{
        checkpoints::Sought,
        foreign::ForeignKind,
        hash::{Link, START},
        sealer::link_of,
        stored::PositionReader,
    },
};
use crate::store::{StoreError, within};

/// Seals in one read.
const PAGE: i64 = 500;
/// Timeout of one read.
const PATIENCE: Duration = Duration::from_secs(3);

/// The end of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainHead {
    /// The last sequence number; 0 where there is none.
    pub number: i64,
    /// Its chain hash.
    pub link: Link,
}

impl ChainHead {
    /// Before the first entry.
    pub(crate) const BEGINNING: Self = Self { number: 0, link: START };
}

/// The part of the chain that this process has judged.
#[derive(Debug, Default)]
pub(crate) struct JudgedChain(Mutex<ChainJudgement>);

#[derive(Debug, Default)]
struct ChainJudgement {
    /// End of the seals that were verified.
    verified: Option<ChainHead>,
    /// Last sequence number that a checkpoint of ours covers.
    vouched: i64,
    /// Sequence numbers on the signed list of foreign entries.
    foreign: BTreeSet<i64>,
}

impl JudgedChain {
    fn get(&self) -> MutexGuard<'_, ChainJudgement> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn vouched(&self) -> i64 {
        self.get().vouched
    }

    pub(crate) fn is_foreign(&self, number: i64) -> bool {
        self.get().foreign.contains(&number)
    }
}

impl AuditLog {
    /// Reads again which entries are signed, and which are listed as foreign.
    pub(crate) async fn judge_again(&self) -> Result<(), StoreError> {
        if self.known.is_empty() {
            return Ok(());
        }
        // In this order: `vouch` lists first, and signs then.
        let vouched = self.last_signed(&self.known, Sought::ALL).await?.map_or(0, |head| head.number);
        let listed = self.listed_foreign().await?;
        let foreign = listed.iter().filter(|row| row.what == ForeignKind::Entry).map(|row| row.number).collect();
        let mut judged = self.judged.get();
        (judged.vouched, judged.foreign) = (vouched, foreign);
        Ok(())
    }

    /// Whether an entry whose seal marks it as the service's is believed: a checkpoint of ours covers it, or its
    /// MAC is valid. Without a signing key there are only seals to rely on.
    pub(crate) fn is_believed(&self, number: i64, mac: impl FnOnce() -> bool) -> bool {
        self.known.is_empty() || (!self.judged.is_foreign(number) && (number <= self.judged.vouched() || mac()))
    }

    /// The end of the seals that follow each other behind the last checkpoint of ours. The sealer goes on there. Without
    /// a signing key: the highest seal.
    pub async fn head(&self) -> Result<ChainHead, StoreError> {
        if self.known.is_empty() {
            return self.highest().await;
        }
        let from = self.good().await?;
        let statement = "SELECT s.number AS number, s.chain AS chain FROM audit_seals s WHERE s.number > $1
            AND EXISTS (SELECT 1 FROM audit_seals f WHERE f.number = $2)
            AND NOT EXISTS (SELECT 1 FROM audit_seals n WHERE n.number = CASE WHEN s.number < 9223372036854775807 THEN s.number + 1 END)
            ORDER BY s.number LIMIT 1";
        let query = sqlx::query(statement).bind(from.number).bind(from.number.saturating_add(1));
        let row: Option<AnyRow> = within(query.fetch_optional(&self.store.durable)).await?;
        row.map_or(Ok(from), |row| Ok(ChainHead { number: row.try_get("number")?, link: link_of(row.try_get("chain")?)? }))
    }

    /// The end of the seals behind the last checkpoint of ours that are also right. Readers get nothing after it.
    pub async fn verified_head(&self) -> Result<ChainHead, StoreError> {
        if self.known.is_empty() {
            return self.highest().await;
        }
        let places = PositionReader::new(&self.store.readers, None, PATIENCE);
        let mut at = self.good().await?;
        loop {
            let page = places.page(at.number, i64::MAX, PAGE).await?;
            let before = at.number;
            for found in &page {
                match found.link(&at.link) {
                    Some(link) if found.number == at.number + 1 && link.as_slice() == found.chain => {
                        at = ChainHead { number: found.number, link };
                    }
                    Some(_) | None => break,
                }
            }
            if at.number - before < PAGE {
                self.judged.get().verified = Some(at);
                return Ok(at);
            }
        }
    }

    /// The first seal that is not part of the run behind the last checkpoint: another program has written it.
    pub async fn stray_seal(&self) -> Result<Option<i64>, StoreError> {
        let head = self.head().await?;
        let query = sqlx::query("SELECT MIN(number) AS next FROM audit_seals WHERE number > $1").bind(head.number);
        let next: Option<i64> = within(query.fetch_one(&self.store.durable)).await?.try_get("next")?;
        // The very next one is another instance's, of this moment.
        Ok(next.filter(|next| *next > head.number.saturating_add(1)))
    }

    /// Where the chain is known to be good: the end that was verified before and still stands, or the last checkpoint of ours.
    async fn good(&self) -> Result<ChainHead, StoreError> {
        let verified = self.judged.get().verified;
        if let Some(known) = verified
            && known.number > 0
            && self.stands(known).await?
        {
            return Ok(known);
        }
        Ok(self.last_signed(&self.known, Sought::ALL).await?.unwrap_or(ChainHead::BEGINNING))
    }

    /// Whether the seal of this sequence number has this chain hash.
    pub(crate) async fn stands(&self, head: ChainHead) -> Result<bool, StoreError> {
        Ok(self.link_at(head.number).await?.is_some_and(|link| link == head.link))
    }

    /// The chain hash of a sequence number; `None` where it has no seal.
    pub(crate) async fn link_at(&self, number: i64) -> Result<Option<Link>, StoreError> {
        let query = sqlx::query("SELECT chain FROM audit_seals WHERE number = $1").bind(number);
        let row: Option<AnyRow> = within(query.fetch_optional(&self.store.durable)).await?;
        row.map(|row| link_of(row.try_get("chain")?)).transpose()
    }

    /// The first sequence number that shows that a signed end is not in the chain any more; `None`: it is, or retention
    /// has deleted its seal and every seal before it.
    pub(crate) async fn missing_end(&self, signed: ChainHead) -> Result<Option<i64>, StoreError> {
        match self.link_at(signed.number).await? {
            Some(link) => Ok((link != signed.link).then_some(signed.number)),
            None if signed.number == 0 => Ok(None),
            None => {
                let query = sqlx::query("SELECT MAX(number) AS last FROM audit_seals WHERE number <= $1").bind(signed.number);
                let last: Option<i64> = within(query.fetch_one(&self.store.durable)).await?.try_get("last")?;
                // Retention leaves the checkpoint, and a signed purge over all classes.
                let purged = last.is_none()
                    && self.signed_at(&self.known, signed.number).await? == Some(signed)
                    && self.purged_through().await? >= signed.number;
                Ok((!purged).then_some(last.unwrap_or(0) + 1))
            }
        }
    }

    async fn highest(&self) -> Result<ChainHead, StoreError> {
        let query = sqlx::query("SELECT number, chain FROM audit_seals ORDER BY number DESC LIMIT 1");
        let row: Option<AnyRow> = within(query.fetch_optional(&self.store.durable)).await?;
        match row {
            Some(row) => Ok(ChainHead { number: row.try_get("number")?, link: link_of(row.try_get("chain")?)? }),
            None => Ok(ChainHead::BEGINNING),
        }
    }
}
