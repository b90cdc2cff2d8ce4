//! What a checkpoint is about to vouch for is looked at again first.
//!
//! Invariant: nothing is signed but what the service itself has written, or marked as written by somebody else.

use std::time::Duration;

use super::{Log, places::Places, sealer::Head};
use crate::store::StoreError;

/// Entries that are looked at for one checkpoint at most: a log that nobody signed for a year gets its first checkpoints one after the other.
const MOST: i64 = 20_000;
/// Read at once.
const PAGE: i64 = 500;
/// As long as any reader may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vetted {
    /// Everything up to there is as the service left it.
    UpTo(Head),
    /// The place of this number is not.
    Not(i64),
}

/// Does an entry that is said to be sound have to be?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Macs {
    /// Always.
    HaveToBeRight,
    /// But after somebody has looked: entries of another `server.secret` can't be told from forged ones.
    DoNotMatter,
}

impl Log {
    /// Goes on from a place that is vouched for.
    pub(super) async fn vet(&self, from: Head, to: Head, macs: Macs) -> Result<Vetted, StoreError> {
        // Beside those who write: nobody waits for this.
        let places = Places::new(&self.store.readers, Some(&self.keys), PATIENCE);
        let through = to.number.min(from.number.saturating_add(MOST));
        let mut at = from;
        while at.number < through {
            let page = places.page(at.number, through, PAGE).await?;
            if page.is_empty() {
                return Ok(Vetted::Not(at.number + 1));
            }
            for found in page {
                let number = at.number + 1;
                // Who writes a seal by hand can say that an entry is sound, and can't make it so.
                let forged = found.sound == Some(true) && found.mac == Some(false) && macs == Macs::HaveToBeRight;
                match found.link(&at.link) {
                    Some(link) if found.number == number && link.as_slice() == found.chain && !forged => at = Head { number, link },
                    Some(_) | None => return Ok(Vetted::Not(number)),
                }
            }
        }
        if at.number == to.number && at.link != to.link {
            return Ok(Vetted::Not(at.number)); // changed while we looked
        }
        Ok(Vetted::UpTo(at))
    }
}
