//! Verification of the audit log, from the rows of the database or the lines of an export, and the public keys.
//!
//! Invariants:
//! - Pure; one pass in bounded memory.
//! - The first fault is named, and nothing after it is trusted.

use std::collections::{BTreeMap, BTreeSet};

use crate::audit::{
    chain::{
        foreign::ForeignKind,
        hash::{self, ChainPosition, Link, START},
    },
    export::json_lines::{Checkpoint, EntryLine, ForeignRow, Purge, Purged},
};
use crate::{model::audit::signing::Verifiers, store::StoreError};

/// A sequence number as found, with its hashes computed beforehand, so that several tasks can share that work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPosition {
    /// Sequence number, from 1, without gaps.
    pub number: i64,
    /// Row key in table `audit`.
    pub seq: i64,
    /// Authenticity according to the seal; `None`: a value that the service never writes.
    pub authentic: Option<bool>,
    /// Chain hash.
    pub chain: Vec<u8>,
    pub what: Matter,
    /// Whether the MAC is valid under the service's keys; `None` where it was not checked, or there is no entry.
    pub mac: Option<bool>,
    /// Number of CPR numbers that the entry has a commitment to and that are missing.
    pub cpr_missing: u64,
}

/// The content of a sequence number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Matter {
    Entry {
        /// `Class::code` of its kind.
        class: &'static str,
        /// `StoredEntry::digest`.
        content: Link,
        /// Microseconds since 1970 UTC.
        at: i64,
    },
    /// The remainder in the seal of an entry that retention has deleted.
    Purged(Purged),
    /// No entry or an unreadable one, and no remainder in the seal.
    Nothing,
    /// An entry whose seal says that it is deleted.
    Both,
}

impl From<&EntryLine> for StoredPosition {
    fn from(line: &EntryLine) -> Self {
        let what = match (&line.entry, &line.purged) {
            (Some(entry), None) => Matter::Entry { class: hash::class_of(&entry.kind), content: entry.digest(), at: entry.at },
            (None, Some(purged)) => Matter::Purged(purged.clone()),
            (None, None) => Matter::Nothing,
            (Some(_), Some(_)) => Matter::Both,
        };
        Self {
            number: line.number,
            seq: line.seq,
            authentic: Some(line.authentic),
            chain: line.chain.clone(),
            what,
            mac: None,
            cpr_missing: 0,
        }
    }
}

impl StoredPosition {
    /// Whether the seal marks the entry as authentic, and its MAC is wrong: an attacker can write a seal, but cannot
    /// compute a MAC. Entries of another `server.secret` look the same.
    pub(crate) fn is_forged(&self) -> bool {
        self.authentic == Some(true) && self.mac == Some(false)
    }

    /// The chain hash that this entry has to have, from the previous one. `None`: the service never writes this.
    pub(crate) fn link(&self, before: &Link) -> Option<Link> {
        let (class, content) = match &self.what {
            Matter::Entry { class, content, at: _ } => (*class, *content),
            Matter::Purged(purged) => (purged.class.as_str(), Link::try_from(purged.content.as_slice()).ok()?),
            // Deleted before it was sealed, as the sealer has recorded.
            Matter::Nothing => (hash::UNKNOWN, START),
            Matter::Both => return None,
        };
        Some(hash::link(
            before,
            &ChainPosition { number: self.number, seq: self.seq, class, authentic: self.authentic?, content: &content },
        ))
    }
}

/// A fault of the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Tampering {
    /// Sequence numbers are missing: entries and their seals were deleted.
    #[error("entries from number {from} to {to} are missing, with their seals")]
    Gap {
        /// The first missing number.
        from: i64,
        /// The last missing number.
        to: i64,
    },
    /// A sequence number is repeated or out of order.
    #[error("number {0} is out of order")]
    Order(i64),
    /// The entry of a seal is missing, and retention has not deleted it.
    #[error("entry number {number} (seq {seq}) was deleted, or made unreadable")]
    Deleted {
        /// Sequence number.
        number: i64,
        /// Row key.
        seq: i64,
    },
    /// The entry or its seal was changed after sealing.
    #[error("entry number {number} (seq {seq}) or its seal was changed, or it stood elsewhere")]
    Changed {
        /// Sequence number.
        number: i64,
        /// Row key.
        seq: i64,
    },
    /// A checkpoint covers a different chain.
    #[error("the chain was rewritten: between number {after} and the checkpoint at {at}, entries or seals were changed")]
    Rewritten {
        /// The last sequence number that a checkpoint covers.
        after: i64,
        /// Sequence number of the checkpoint that differs.
        at: i64,
    },
    /// A checkpoint or purge has an invalid signature.
    #[error("the signature of the {what} at number {number} is wrong")]
    Signature {
        /// "checkpoint" or "purge".
        what: &'static str,
        /// Its sequence number.
        number: i64,
    },
    /// A checkpoint or purge was signed with a key that was not given.
    #[error("the {what} at number {number} was signed with the key {key_id}, which is not among the public keys given")]
    UnknownKey {
        /// "checkpoint" or "purge".
        what: &'static str,
        /// Its sequence number.
        number: i64,
        key_id: String,
    },
    /// The log ends before a checkpoint.
    #[error("the log was cut off: it ends at number {ends}, but a checkpoint covers number {vouched}")]
    Truncated {
        /// The last sequence number.
        ends: i64,
        /// The last sequence number that a checkpoint covers.
        vouched: i64,
    },
    /// An entry that was never sealed, and does not wait for a seal.
    #[error("seq {0} was inserted beside the service: it has no sequence number")]
    Inserted(i64),
    /// A seal that marks its entry as authentic, which no checkpoint covers, and whose MAC is wrong.
    #[error(
        "entry number {number} (seq {seq}) was not written by the service, although its seal says so; or server.secret was changed since"
    )]
    Forged {
        /// Sequence number.
        number: i64,
        /// Row key.
        seq: i64,
    },
    /// There is no checkpoint. A service with a signing key signs one with its first seal.
    #[error("there is no checkpoint: the log or its checkpoints were deleted, or none was ever signed")]
    NothingVouched,
    /// A row that no version of the service writes.
    #[error("a row of {0} is not as the service writes them")]
    Foreign(&'static str),
    /// A line of an export is unreadable.
    #[error("line {0} of the export can't be read")]
    Unreadable(u64),
}

/// The log has a fault, or could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotVerified {
    #[error(transparent)]
    Broken(#[from] Tampering),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The result of verifying an intact log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Whole {
    /// Entries with their content.
    pub entries: u64,
    /// Entries that retention has deleted and whose seals remain.
    pub purged: u64,
    /// The first sequence number; above 1 where retention has deleted whole segments.
    pub first: i64,
    /// The last sequence number.
    pub last: i64,
    /// The last sequence number that a checkpoint covers.
    pub vouched: i64,
    /// Checkpoints that were compared with the chain.
    pub checkpoints: u64,
    /// Sequence numbers of entries that were not authentic when they were sealed; the first hundred.
    pub unsound: Vec<i64>,
    /// Number of all such entries.
    pub unsound_entries: u64,
    /// How often the clock went back by more than a minute from one entry to the next.
    pub clock_back: u64,
    /// Time of the last checkpoint that was compared with the chain; microseconds since 1970 UTC.
    pub vouched_at: Option<i64>,
    /// Entries without a seal. Known only with a database.
    pub waiting: u64,
    /// Seals that an operator has taken out of the chain, by the signed list.
    pub set_aside: u64,
    /// Missing CPR numbers that entries have a commitment to. Known only with a database.
    pub cpr_missing: u64,
}

/// A pass over the log.
#[derive(Debug)]
pub struct Pass<'a> {
    keys: &'a Verifiers,
    checkpoints: BTreeMap<i64, Checkpoint>,
    purged_through: BTreeMap<String, i64>,
    /// Sequence numbers on the signed list of foreign entries.
    foreign: BTreeSet<i64>,
    link: Option<Link>,
    at: Option<i64>,
    part: bool,
    /// The first checkpoint or purge with an invalid signature.
    forged: Option<Tampering>,
    whole: Whole,
}

const CLOCK: i64 = 60_000_000;
const MOST_NAMED: usize = 100;

impl<'a> Pass<'a> {
    /// Begins a pass and verifies all signatures. Checkpoints and purges with an invalid signature are ignored, and
    /// reported at the end if the chain itself is intact: an attacker must not hide a fault of the chain behind one.
    pub fn new(keys: &'a Verifiers, checkpoints: Vec<Checkpoint>, purges: &[Purge]) -> Self {
        let mut pass = Self {
            keys,
            checkpoints: BTreeMap::new(),
            purged_through: BTreeMap::new(),
            foreign: BTreeSet::new(),
            link: None,
            at: None,
            part: false,
            forged: None,
            whole: Whole::default(),
        };
        for checkpoint in checkpoints {
            if let Err(broken) = pass.vouched_outside(checkpoint) {
                pass.forged.get_or_insert(broken);
            }
        }
        for purge in purges {
            let text = hash::of_purge(&purge.class, purge.through, purge.at);
            match pass.signed("purge", purge.through, &purge.key_id, &text, &purge.signature) {
                Ok(()) => {
                    let through = pass.purged_through.entry(purge.class.clone()).or_default();
                    *through = (*through).max(purge.through);
                }
                Err(broken) => {
                    pass.forged.get_or_insert(broken);
                }
            }
        }
        pass
    }

    /// Adds the list of foreign rows. Rows without a valid signature are ignored, and reported at the end.
    #[must_use]
    pub fn listing(mut self, foreign: &[ForeignRow]) -> Self {
        for row in foreign {
            match (self.signed("list of foreign rows", row.number, &row.key_id, &row.signed_text(), &row.signature), row.what) {
                (Ok(()), ForeignKind::Entry) => {
                    self.foreign.insert(row.number);
                }
                (Ok(()), ForeignKind::Seal) => self.whole.set_aside += 1,
                (Err(broken), _) => {
                    self.forged.get_or_insert(broken);
                }
            }
        }
        self
    }

    /// For an export, which may begin after any of its checkpoints.
    #[must_use]
    pub fn of_part(self) -> Self {
        Self { part: true, ..self }
    }

    /// Adds a checkpoint that was kept outside. It counts like those in the log.
    pub fn vouched_outside(&mut self, checkpoint: Checkpoint) -> Result<(), Tampering> {
        self.vouches(&checkpoint)?;
        if let Some(ours) = self.checkpoints.get(&checkpoint.number)
            && ours.chain != checkpoint.chain
        {
            return Err(Tampering::Rewritten { after: 0, at: checkpoint.number });
        }
        self.checkpoints.insert(checkpoint.number, checkpoint);
        Ok(())
    }

    fn vouches(&self, checkpoint: &Checkpoint) -> Result<(), Tampering> {
        let chain = Link::try_from(checkpoint.chain.as_slice());
        let chain = chain.map_err(|_| Tampering::Signature { what: "checkpoint", number: checkpoint.number })?;
        let text = hash::of_checkpoint(checkpoint.number, checkpoint.at, &chain);
        self.signed("checkpoint", checkpoint.number, &checkpoint.key_id, &text, &checkpoint.signature)
    }

    fn signed(&self, what: &'static str, number: i64, key_id: &str, text: &[u8], signature: &[u8]) -> Result<(), Tampering> {
        match self.keys.verify(key_id, text, signature) {
            Some(true) => Ok(()),
            Some(false) => Err(Tampering::Signature { what, number }),
            None => Err(Tampering::UnknownKey { what, number, key_id: key_id.to_owned() }),
        }
    }

    fn purged(&self, class: &str) -> i64 {
        self.purged_through.get(class).copied().unwrap_or(0)
    }

    /// Adds the next sequence number, in order.
    pub fn add(&mut self, found: &StoredPosition) -> Result<(), Tampering> {
        let (number, seq) = (found.number, found.seq);
        let changed = Tampering::Changed { number, seq };
        let before = self.before(number)?;
        let Some(authentic) = found.authentic else { return Err(changed) };
        match &found.what {
            Matter::Nothing if authentic => return Err(Tampering::Deleted { number, seq }),
            Matter::Purged(purged) if number > self.purged(&purged.class) => return Err(Tampering::Deleted { number, seq }),
            Matter::Entry { .. } | Matter::Purged(_) | Matter::Nothing | Matter::Both => {}
        }
        let link = found.link(&before).filter(|link| link.as_slice() == found.chain).ok_or(changed)?;
        let foreign = self.foreign.contains(&number);
        // A checkpoint covers entries that the service has examined, with the secret of its time.
        if found.is_forged() && !foreign && self.checkpoints.keys().next_back().is_none_or(|vouched| *vouched < number) {
            return Err(Tampering::Forged { number, seq });
        }
        self.link = Some(link);
        self.whole.last = number;
        self.count(found, authentic && !foreign);
        self.hold_against_checkpoint(number, &link)
    }

    fn count(&mut self, found: &StoredPosition, authentic: bool) {
        self.whole.cpr_missing += found.cpr_missing;
        if !authentic {
            self.whole.unsound_entries += 1;
            if self.whole.unsound.len() < MOST_NAMED {
                self.whole.unsound.push(found.number);
            }
        }
        match found.what {
            Matter::Entry { at, .. } => {
                self.whole.entries += 1;
                if self.at.is_some_and(|before| at < before.saturating_sub(CLOCK)) {
                    self.whole.clock_back += 1;
                }
                self.at = Some(at);
            }
            Matter::Purged(_) => self.whole.purged += 1,
            Matter::Nothing | Matter::Both => {}
        }
    }

    /// The chain hash before a sequence number, which has to be the next one.
    fn before(&mut self, number: i64) -> Result<Link, Tampering> {
        if let Some(link) = self.link {
            return match number {
                n if n == self.whole.last + 1 => Ok(link),
                n if n <= self.whole.last => Err(Tampering::Order(n)),
                n => Err(Tampering::Gap { from: self.whole.last + 1, to: n - 1 }),
            };
        }
        self.whole.first = number;
        if number == 1 {
            return Ok(START);
        }
        // Whole segments were deleted: a checkpoint covers the chain before.
        let gap = Tampering::Gap { from: 1, to: number - 1 };
        if !self.part && number - 1 > self.purged("all") {
            return Err(gap);
        }
        let vouched = self.checkpoints.get(&(number - 1)).ok_or(gap)?;
        self.whole.vouched = number - 1;
        Link::try_from(vouched.chain.as_slice()).map_err(|_| Tampering::Signature { what: "checkpoint", number })
    }

    fn hold_against_checkpoint(&mut self, number: i64, link: &Link) -> Result<(), Tampering> {
        let Some(checkpoint) = self.checkpoints.get(&number) else { return Ok(()) };
        if checkpoint.chain.as_slice() != link {
            return Err(Tampering::Rewritten { after: self.whole.vouched, at: number });
        }
        self.whole.vouched = number;
        self.whole.vouched_at = Some(checkpoint.at);
        self.whole.checkpoints += 1;
        Ok(())
    }

    /// Ends the pass after the last entry.
    pub fn finish(self) -> Result<Whole, Tampering> {
        // Where retention has left no entry, it has left the checkpoint over them.
        let ends = self.whole.last.max(self.purged("all"));
        match self.checkpoints.keys().next_back() {
            Some(vouched) if *vouched > ends => Err(Tampering::Truncated { ends, vouched: *vouched }),
            Some(_) | None => match self.forged {
                Some(forged) => Err(forged),
                None if self.checkpoints.is_empty() => Err(Tampering::NothingVouched),
                None => Ok(self.whole),
            },
        }
    }
}
