//! Verification of the entries that the next checkpoint will cover, before it is signed.
//!
//! Invariant: a checkpoint covers only entries that the service has written, or that are marked as not authentic.

use std::time::Duration;

use crate::audit::{
    AuditLog,
    chain::{head::ChainHead, stored::PositionReader},
};
use crate::store::StoreError;

/// Most entries for one checkpoint. After a long time without a signature, several checkpoints follow each other.
const MOST: i64 = 20_000;
/// Entries in one read.
const PAGE: i64 = 500;
/// Timeout of one statement.
const PATIENCE: Duration = Duration::from_secs(3);

/// The result of the verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vetted {
    /// Everything up to there is as the service has written it.
    UpTo(ChainHead),
    /// The first sequence number with a fault.
    Not(i64),
}

impl AuditLog {
    /// Verifies the chain from a verified end.
    pub(crate) async fn vet(&self, from: ChainHead, to: ChainHead) -> Result<Vetted, StoreError> {
        // On the readers' connections: writers do not wait for this.
        let places = PositionReader::new(&self.store.readers, Some(&self.keys), PATIENCE);
        let through = to.number.min(from.number.saturating_add(MOST));
        let mut at = from;
        while at.number < through {
            let page = places.page(at.number, through, PAGE).await?;
            if page.is_empty() {
                return Ok(Vetted::Not(at.number + 1));
            }
            for found in page {
                let number = at.number + 1;
                // An operator has examined the log where a forged entry is listed.
                let forged = found.is_forged() && !self.judged.is_foreign(number);
                match found.link(&at.link) {
                    Some(link) if found.number == number && link.as_slice() == found.chain && !forged => at = ChainHead { number, link },
                    Some(_) | None => return Ok(Vetted::Not(number)),
                }
            }
        }
        if at.number == to.number && at.link != to.link {
            return Ok(Vetted::Not(at.number)); // changed during the verification
        }
        Ok(Vetted::UpTo(at))
    }
}
