//! Is the log whole? From the rows of the database or the lines of an export, and the public keys alone.
//!
//! Invariants: pure; one pass in bounded memory; the first thing that is wrong is named, and nothing after it is believed.

use std::collections::BTreeMap;

use super::{
    chain::{self, Link, Place, START},
    export_line::{Checkpoint, EntryLine, Purge, Purged},
};
use crate::{model::signing::Verifiers, store::StoreError};

/// A place in the chain as it was found, with what takes time worked out already: several may do that at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// From 1, without gaps.
    pub number: i64,
    /// The entry's key in the log.
    pub seq: i64,
    /// `None`: neither yes nor no, which nothing of the service writes.
    pub sound: Option<bool>,
    /// The link.
    pub chain: Vec<u8>,
    /// What is there.
    pub what: Matter,
    /// Whether the entry's mac is right under the service's keys; `None` where that was not asked, or there is no entry.
    pub mac: Option<bool>,
    /// CPR numbers that the entry has a commitment to and that are not beside it.
    pub cpr_missing: u64,
}

/// What was found at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Matter {
    /// An entry.
    Entry {
        /// `Class::code` of its kind.
        class: &'static str,
        /// Its digest.
        content: Link,
        /// Its time.
        at: i64,
    },
    /// What a seal says of an entry that retention has deleted.
    Purged(Purged),
    /// No entry, or one that can't be read, and nothing that says what it was.
    Nothing,
    /// An entry that is there and said to be deleted.
    Both,
}

impl From<&EntryLine> for Found {
    fn from(line: &EntryLine) -> Self {
        let what = match (&line.entry, &line.purged) {
            (Some(entry), None) => Matter::Entry { class: chain::class_of(&entry.kind), content: entry.digest(), at: entry.at },
            (None, Some(purged)) => Matter::Purged(purged.clone()),
            (None, None) => Matter::Nothing,
            (Some(_), Some(_)) => Matter::Both,
        };
        Self { number: line.number, seq: line.seq, sound: Some(line.sound), chain: line.chain.clone(), what, mac: None, cpr_missing: 0 }
    }
}

impl Found {
    /// What its link has to be, from the one before. `None`: nothing that the service writes.
    pub(super) fn link(&self, before: &Link) -> Option<Link> {
        let (class, content) = match &self.what {
            Matter::Entry { class, content, at: _ } => (*class, *content),
            Matter::Purged(purged) => (purged.class.as_str(), Link::try_from(purged.content.as_slice()).ok()?),
            // Deleted before it got its place: the sealer has said so.
            Matter::Nothing => (chain::UNKNOWN, START),
            Matter::Both => return None,
        };
        Some(chain::link(before, &Place { number: self.number, seq: self.seq, class, sound: self.sound?, content: &content }))
    }
}

/// Something in the log is not as the service left it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Numbers are missing: entries and their seals were deleted.
    #[error("entries from number {from} to {to} are missing, with their seals")]
    Gap {
        /// The first that is missing.
        from: i64,
        /// The last.
        to: i64,
    },
    /// A number comes twice, or out of order.
    #[error("number {0} is out of order")]
    Order(i64),
    /// The entry of a seal is not there, and retention has not deleted it.
    #[error("entry number {number} (seq {seq}) was deleted, or made unreadable")]
    Deleted {
        /// Its place.
        number: i64,
        /// Its key.
        seq: i64,
    },
    /// The entry, or its seal, says something else than when it was sealed.
    #[error("entry number {number} (seq {seq}) or its seal was changed, or it stood elsewhere")]
    Changed {
        /// Its place.
        number: i64,
        /// Its key.
        seq: i64,
    },
    /// A checkpoint says that the chain was another.
    #[error("the chain was written anew: between number {after} and the checkpoint at {at}, entries or seals were changed")]
    Rewritten {
        /// The last number that a checkpoint vouches for.
        after: i64,
        /// The checkpoint.
        at: i64,
    },
    /// A checkpoint's or a purge's signature is wrong.
    #[error("the signature of the {what} at number {number} is wrong")]
    Signature {
        /// What is signed.
        what: &'static str,
        /// Its number.
        number: i64,
    },
    /// It was signed with a key that is not among those given.
    #[error("the {what} at number {number} was signed with the key {key_id}, which is not among the public keys given")]
    UnknownKey {
        /// What is signed.
        what: &'static str,
        /// Its number.
        number: i64,
        /// The key.
        key_id: String,
    },
    /// The log ends before a checkpoint.
    #[error("the log was cut off: it ends at number {ends}, and a checkpoint vouches for {vouched}")]
    Truncated {
        /// The last number there is.
        ends: i64,
        /// What a checkpoint vouches for.
        vouched: i64,
    },
    /// Entries that never got a place, and are not waiting for one.
    #[error("seq {0} was put into the log beside the service: it has no place in the chain")]
    Inserted(i64),
    /// No checkpoint vouches for anything: a service with a signing key signs one with its first seal.
    #[error("there is no checkpoint: the log or its checkpoints were deleted, or nothing was ever signed")]
    NothingVouched,
    /// A row that no version of the service can have written.
    #[error("a row of {0} is not as the service writes them")]
    Foreign(&'static str),
    /// A line of an export can't be read.
    #[error("line {0} of the export can't be read")]
    Unreadable(u64),
}

/// The log is not whole, or can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotVerified {
    /// It is not whole.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// It can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was found of a log that is whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Whole {
    /// Entries with their content.
    pub entries: u64,
    /// Entries that retention has deleted and whose seals are there.
    pub purged: u64,
    /// The first number there is; more than 1 where retention has deleted whole segments.
    pub first: i64,
    /// The last number.
    pub last: i64,
    /// The last number that a checkpoint vouches for.
    pub vouched: i64,
    /// Checkpoints that were held against the chain.
    pub checkpoints: u64,
    /// Numbers of entries that no instance of the service had written when they were sealed; the first hundred.
    pub unsound: Vec<i64>,
    /// How many there are of them.
    pub unsound_entries: u64,
    /// How often the clock went back by more than a minute from one entry to the next.
    pub clock_back: u64,
    /// When the last checkpoint was signed that was held against the chain; microseconds since 1970 UTC.
    pub vouched_at: Option<i64>,
    /// Entries that have no place yet. Only the database knows.
    pub waiting: u64,
    /// CPR numbers that entries have a commitment to and that are not there. Only the database knows.
    pub cpr_missing: u64,
}

/// A pass over the log.
#[derive(Debug)]
pub struct Pass<'a> {
    keys: &'a Verifiers,
    checkpoints: BTreeMap<i64, Checkpoint>,
    purged_through: BTreeMap<String, i64>,
    link: Option<Link>,
    at: Option<i64>,
    part: bool,
    /// The first that is said to be signed and is not.
    forged: Option<Broken>,
    whole: Whole,
}

const CLOCK: i64 = 60_000_000;
const MOST_NAMED: usize = 100;

impl<'a> Pass<'a> {
    /// Begins with everything signed: its signatures are verified here. What has a wrong one counts for nothing, and is told of at the end, where the chain itself is whole:
    /// whoever puts one there must not hide with it what is wrong with the chain.
    pub fn new(keys: &'a Verifiers, checkpoints: Vec<Checkpoint>, purges: &[Purge]) -> Self {
        let mut pass = Self {
            keys,
            checkpoints: BTreeMap::new(),
            purged_through: BTreeMap::new(),
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
            let text = chain::of_purge(&purge.class, purge.through, purge.at);
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

    /// Of an export: it may begin behind any checkpoint in it, as one of a period does.
    #[must_use]
    pub fn of_part(self) -> Self {
        Self { part: true, ..self }
    }

    /// One that was kept outside. It counts like those in the log.
    pub fn vouched_outside(&mut self, checkpoint: Checkpoint) -> Result<(), Broken> {
        self.vouches(&checkpoint)?;
        if let Some(ours) = self.checkpoints.get(&checkpoint.number)
            && ours.chain != checkpoint.chain
        {
            return Err(Broken::Rewritten { after: 0, at: checkpoint.number });
        }
        self.checkpoints.insert(checkpoint.number, checkpoint);
        Ok(())
    }

    fn vouches(&self, checkpoint: &Checkpoint) -> Result<(), Broken> {
        let chain = Link::try_from(checkpoint.chain.as_slice());
        let chain = chain.map_err(|_| Broken::Signature { what: "checkpoint", number: checkpoint.number })?;
        let text = chain::of_checkpoint(checkpoint.number, checkpoint.at, &chain);
        self.signed("checkpoint", checkpoint.number, &checkpoint.key_id, &text, &checkpoint.signature)
    }

    fn signed(&self, what: &'static str, number: i64, key_id: &str, text: &[u8], signature: &[u8]) -> Result<(), Broken> {
        match self.keys.verify(key_id, text, signature) {
            Some(true) => Ok(()),
            Some(false) => Err(Broken::Signature { what, number }),
            None => Err(Broken::UnknownKey { what, number, key_id: key_id.to_owned() }),
        }
    }

    fn purged(&self, class: &str) -> i64 {
        self.purged_through.get(class).copied().unwrap_or(0)
    }

    /// The next place in the order of the numbers.
    pub fn add(&mut self, found: &Found) -> Result<(), Broken> {
        let (number, seq) = (found.number, found.seq);
        let changed = Broken::Changed { number, seq };
        let before = self.before(number)?;
        let Some(sound) = found.sound else { return Err(changed) };
        match &found.what {
            Matter::Nothing if sound => return Err(Broken::Deleted { number, seq }),
            Matter::Purged(purged) if number > self.purged(&purged.class) => return Err(Broken::Deleted { number, seq }),
            Matter::Entry { .. } | Matter::Purged(_) | Matter::Nothing | Matter::Both => {}
        }
        let link = found.link(&before).filter(|link| link.as_slice() == found.chain).ok_or(changed)?;
        self.link = Some(link);
        self.whole.last = number;
        self.count(found, sound);
        self.hold_against_checkpoint(number, &link)
    }

    fn count(&mut self, found: &Found, sound: bool) {
        self.whole.cpr_missing += found.cpr_missing;
        if !sound {
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

    /// The link before a number, which has to be the next one.
    fn before(&mut self, number: i64) -> Result<Link, Broken> {
        if let Some(link) = self.link {
            return match number {
                n if n == self.whole.last + 1 => Ok(link),
                n if n <= self.whole.last => Err(Broken::Order(n)),
                n => Err(Broken::Gap { from: self.whole.last + 1, to: n - 1 }),
            };
        }
        self.whole.first = number;
        if number == 1 {
            return Ok(START);
        }
        // Whole segments were deleted: a checkpoint vouches for what was before.
        let gap = Broken::Gap { from: 1, to: number - 1 };
        if !self.part && number - 1 > self.purged("all") {
            return Err(gap);
        }
        let vouched = self.checkpoints.get(&(number - 1)).ok_or(gap)?;
        self.whole.vouched = number - 1;
        Link::try_from(vouched.chain.as_slice()).map_err(|_| Broken::Signature { what: "checkpoint", number })
    }

    fn hold_against_checkpoint(&mut self, number: i64, link: &Link) -> Result<(), Broken> {
        let Some(checkpoint) = self.checkpoints.get(&number) else { return Ok(()) };
        if checkpoint.chain.as_slice() != link {
            return Err(Broken::Rewritten { after: self.whole.vouched, at: number });
        }
        self.whole.vouched = number;
        self.whole.vouched_at = Some(checkpoint.at);
        self.whole.checkpoints += 1;
        Ok(())
    }

    /// After the last entry.
    pub fn finish(self) -> Result<Whole, Broken> {
        // Where retention has left no entry, it has left the checkpoint that vouches for them.
        let ends = self.whole.last.max(self.purged("all"));
        match self.checkpoints.keys().next_back() {
            Some(vouched) if *vouched > ends => Err(Broken::Truncated { ends, vouched: *vouched }),
            Some(_) | None => match self.forged {
                Some(forged) => Err(forged),
                None if self.checkpoints.is_empty() => Err(Broken::NothingVouched),
                None => Ok(self.whole),
            },
        }
    }
}
