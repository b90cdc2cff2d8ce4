//! Gives entries their place in the chain, and signs how far it has come.
//!
//! Invariants: a place is given once, by whichever instance is first (the number is the table's key); a batch gets its places or none of it does; no checkpoint is
//! signed over a chain that this instance knows to have been another.

use std::{
    collections::{BTreeSet, HashSet},
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use sqlx::{Row, any::AnyRow};

use super::{
    Log,
    chain::{self, Link, Place, START},
    counts::Counts,
    entry::{COLUMNS, StoredEntry},
    people::Named,
    vet::{Macs, Vetted},
};
use crate::{
    model::signing::Signer,
    store::{StoreError, stored, within},
};

/// Entries that get their places in one transaction.
pub const BATCH: u32 = 500;
/// Rows in one statement: of few lengths, so that they are prepared once.
const ROWS: usize = 250;

/// How far the chain has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The last number; 0 where there is none.
    pub number: i64,
    /// Its link.
    pub link: Link,
}

/// The end of the chain as this instance has last seen it, and whom it has taken up for searches already.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<Remembered>>);

#[derive(Debug, Default)]
struct Remembered {
    head: Option<Head>,
    /// So far it has looked again at what it is about to sign.
    vetted: Option<Head>,
    people: HashSet<u64>,
    /// Since the entry of this time, microseconds.
    since: i64,
}

/// After a day by the entries' own time all are taken up anew: retention forgets those of whom nothing is left, also on other instances.
const DAY: u64 = 86_400_000_000;
/// Of more people than this, all are taken up anew: a few MB.
const PEOPLE: usize = 200_000;

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed {
    /// Entries that got their places from us.
    pub entries: usize,
    /// Those of them that no instance of the service has written, or that somebody has changed or deleted before they were sealed.
    pub unsound: usize,
}

/// What became of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signed {
    /// Up to this number, which is the last.
    UpTo(i64),
    /// Up to this number; there is more to sign.
    Part(i64),
    /// There is nothing new.
    NothingNew,
    /// The chain is not what it was, or not what the service wrote: somebody has changed it behind its back. The first number that shows it. Nothing is signed.
    Changed(i64),
}

/// What has still to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Entries that wait for their place,
    pub waiting: i64,
    /// the key of the first of them,
    pub first: Option<i64>,
    /// and those that have one, and that no checkpoint vouches for.
    pub unsigned: i64,
}

impl Memory {
    fn get(&self) -> Option<Head> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).head
    }

    fn set(&self, head: Head) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).head = Some(head);
    }

    /// What was there when this instance began.
    fn began(&self, head: Head) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).head.get_or_insert(head);
    }

    fn vetted(&self) -> Option<Head> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).vetted
    }

    fn set_vetted(&self, upto: Head) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).vetted = Some(upto);
    }

    fn forget_people(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).people.clear();
    }

    /// Those whom this instance has not taken up before.
    fn new_ones(&self, people: BTreeSet<Named>, at: i64) -> Vec<Named> {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.people.len() > PEOPLE || remembered.since.abs_diff(at) > DAY {
            remembered.people.clear();
            remembered.since = at;
        }
        let hash = |person: &Named| BuildHasherDefault::<DefaultHasher>::default().hash_one(person);
        people.into_iter().filter(|person| remembered.people.insert(hash(person))).collect()
    }
}

impl Log {
    /// Remembers the chain as it is. At the start of an instance: from then on it knows where the chain was changed.
    pub async fn remember(&self, memory: &Memory) -> Result<(), StoreError> {
        memory.began(self.head().await?);
        Ok(())
    }

    /// Gives up to [`BATCH`] entries their places. Less than that: no more are waiting, or another instance was faster.
    pub async fn seal(&self, memory: &Memory) -> Result<Sealed, StoreError> {
        let waiting = self.waiting().await?;
        let nothing = Sealed { entries: 0, unsound: 0 };
        if waiting.is_empty() {
            return Ok(nothing);
        }
        let mut head = self.head().await?;
        memory.began(head);
        let mut places = Vec::with_capacity(waiting.len());
        let mut unsound = 0;
        let people: BTreeSet<Named> = waiting.iter().filter_map(|(_, entry)| entry.as_ref()).flat_map(Named::in_entry).collect();
        let at = waiting.iter().filter_map(|(_, entry)| entry.as_ref()).map(|entry| entry.at).max().unwrap_or_default();
        let new = memory.new_ones(people, at);
        if let Err(error) = self.take_up(&new).await {
            memory.forget_people();
            return Err(error);
        }
        let mut counts = Counts::default();
        for (seq, entry) in waiting {
            if let Some(entry) = &entry {
                counts.add(entry);
            }
            // One that was deleted before it got its place keeps a number, so that it is missed.
            let sound = entry.as_ref().is_some_and(|entry| entry.is_sound(&self.keys));
            unsound += usize::from(!sound);
            let content = entry.as_ref().map_or(START, StoredEntry::digest);
            let class = entry.as_ref().map_or(chain::UNKNOWN, |entry| chain::class_of(&entry.kind));
            let number = head.number.checked_add(1).ok_or(StoreError::Corrupt("audit_seals"))?;
            head = Head { number, link: chain::link(&head.link, &Place { number, seq, class, sound, content: &content }) };
            places.push((head, seq, sound));
        }
        if !self.place(&places, &counts).await? {
            return Ok(nothing);
        }
        // After it: who has changed the chain before it must not have us take theirs for ours. Entries get their places all the same; nothing is signed over them.
        if self.is_as_remembered(memory).await?.is_none() {
            memory.set(head);
        }
        Ok(Sealed { entries: places.len(), unsound })
    }

    async fn waiting(&self) -> Result<Vec<(i64, Option<StoredEntry>)>, StoreError> {
        // A key that is no whole number, which SQLite would keep, is nobody's; and who has put a seal into the chain by hand must not hold up everybody.
        let list = "SELECT u.seq AS seq FROM audit_unsealed u WHERE u.seq = CAST(u.seq AS BIGINT)
            AND NOT EXISTS (SELECT 1 FROM audit_seals s WHERE s.seq = u.seq) ORDER BY u.seq LIMIT $1";
        match self.waiting_entries(list, i64::from(BATCH)).await {
            // Somebody wrote what no version of the service writes. It must not hold up what comes after it.
            Err(StoreError::Unreadable) => {}
            read => return read,
        }
        let rows: Vec<AnyRow> = within(sqlx::query(list).bind(i64::from(BATCH)).fetch_all(&self.store.durable)).await?;
        let mut waiting = Vec::with_capacity(rows.len());
        for row in rows {
            let seq: i64 = row.try_get("seq")?;
            match self.waiting_entries("SELECT u.seq AS seq FROM audit_unsealed u WHERE u.seq = $1", seq).await {
                Ok(one) => waiting.extend(one),
                Err(StoreError::Unreadable) => waiting.push((seq, None)),
                Err(error) => return Err(error),
            }
        }
        Ok(waiting)
    }

    async fn waiting_entries(&self, list: &str, value: i64) -> Result<Vec<(i64, Option<StoredEntry>)>, StoreError> {
        let columns = COLUMNS.iter().map(|column| format!("a.{column} AS {column}")).collect::<Vec<_>>().join(", ");
        let statement = format!(
            "SELECT u.seq AS unsealed, a.seq AS there, {columns} FROM ({list}) AS u LEFT JOIN audit a ON a.seq = u.seq ORDER BY u.seq"
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(value);
        let rows: Vec<AnyRow> = within(query.fetch_all(&self.store.durable)).await?;
        let read = |row: &AnyRow| {
            let there: Option<i64> = row.try_get("there")?;
            Ok((row.try_get("unsealed")?, there.map(|_| StoredEntry::read(row)).transpose()?))
        };
        rows.iter().map(read).collect()
    }

    /// The end of the chain.
    pub async fn head(&self) -> Result<Head, StoreError> {
        let query = sqlx::query("SELECT number, chain FROM audit_seals ORDER BY number DESC LIMIT 1");
        let row: Option<AnyRow> = within(query.fetch_optional(&self.store.durable)).await?;
        match row {
            Some(row) => Ok(Head { number: row.try_get("number")?, link: link_of(row.try_get("chain")?)? }),
            None => self.purged_head().await,
        }
    }

    /// Where retention has left nothing but checkpoints, the last of them that is ours.
    async fn purged_head(&self) -> Result<Head, StoreError> {
        Ok(self.last_signed(&self.known, i64::MAX).await?.unwrap_or(Head { number: 0, link: START }))
    }

    /// All of them or none. `false`: another instance was faster.
    async fn place(&self, places: &[(Head, i64, bool)], counts: &Counts) -> Result<bool, StoreError> {
        within(async {
            let mut transaction = self.store.durable.begin().await?;
            for rows in places.chunks(ROWS) {
                let values = (0..rows.len()).map(|n| format!("(${}, ${}, ${}, ${})", n * 4 + 1, n * 4 + 2, n * 4 + 3, n * 4 + 4));
                let values = values.collect::<Vec<_>>().join(", ");
                let insert = format!("INSERT INTO audit_seals (number, seq, sound, chain) VALUES {values} ON CONFLICT DO NOTHING");
                let mut insert = sqlx::query(sqlx::AssertSqlSafe(insert));
                for (head, seq, sound) in rows {
                    insert = insert.bind(head.number).bind(*seq).bind(i16::from(*sound)).bind(head.link.to_vec());
                }
                let taken = insert.execute(&mut *transaction).await?.rows_affected();
                if usize::try_from(taken).ok() != Some(rows.len()) {
                    // Before the next statement: those of them that got no place from anybody yet can't be taken off the list.
                    transaction.rollback().await?;
                    return Ok(false);
                }
                let list = (1..=rows.len()).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ");
                let mut delete = sqlx::query(sqlx::AssertSqlSafe(format!("DELETE FROM audit_unsealed WHERE seq IN ({list})")));
                for (_, seq, _) in rows {
                    delete = delete.bind(*seq);
                }
                delete.execute(&mut *transaction).await?;
            }
            counts.write(&mut transaction).await?;
            transaction.commit().await?;
            Ok(true)
        })
        .await
    }

    /// Is the chain still what this instance has seen? Else the number that shows it.
    async fn is_as_remembered(&self, memory: &Memory) -> Result<Option<i64>, StoreError> {
        let Some(known) = memory.get().filter(|known| known.number > 0) else { return Ok(None) };
        let query = sqlx::query("SELECT chain FROM audit_seals WHERE number = $1").bind(known.number);
        let row: Option<AnyRow> = within(query.fetch_optional(&self.store.durable)).await?;
        let is_still = match row {
            Some(row) => link_of(row.try_get("chain")?)? == known.link,
            // Retention may have taken it; its checkpoint stays.
            None => self.purged_head().await?.number >= known.number,
        };
        Ok((!is_still).then_some(known.number))
    }

    /// Signs the chain as far as it has come, after it has looked again at everything that this vouches for and that nothing signed vouches for yet.
    pub async fn checkpoint(&self, key: &Signer, memory: &Memory, now: Timestamp) -> Result<Signed, StoreError> {
        if let Some(number) = self.is_as_remembered(memory).await? {
            return Ok(Signed::Changed(number));
        }
        self.sign(key, memory, now, Macs::HaveToBeRight).await
    }

    /// Signs the chain as it stands, whoever has written what is in it: after an operator has looked, and has decided that it may go on. Its links have to hold all the
    /// same.
    pub async fn vouch(&self, key: &Signer, now: Timestamp) -> Result<Signed, StoreError> {
        let memory = Memory::default();
        loop {
            match self.sign(key, &memory, now, Macs::DoNotMatter).await? {
                Signed::Part(_) => {}
                done @ (Signed::UpTo(_) | Signed::NothingNew | Signed::Changed(_)) => return Ok(done),
            }
        }
    }

    async fn sign(&self, key: &Signer, memory: &Memory, now: Timestamp, macs: Macs) -> Result<Signed, StoreError> {
        // In this order: another instance may seal and sign in between.
        let vouched = self.last_signed(key.known(), i64::MAX).await?.unwrap_or(Head { number: 0, link: START });
        let head = self.head().await?;
        if vouched.number > head.number {
            return Ok(Signed::Changed(head.number + 1)); // its end was cut off
        }
        if vouched.number == head.number {
            return Ok(if vouched == head { Signed::NothingNew } else { Signed::Changed(head.number) });
        }
        memory.began(head);
        let from = memory.vetted().filter(|vetted| vetted.number > vouched.number).unwrap_or(vouched);
        let upto = match self.vet(from, head, macs).await? {
            Vetted::UpTo(upto) => upto,
            Vetted::Not(number) => return Ok(Signed::Changed(number)),
        };
        memory.set_vetted(upto);
        if upto == head {
            memory.set(head);
        }
        let at = stored(now);
        let signature = key.sign(&chain::of_checkpoint(upto.number, at, &upto.link));
        let statement =
            "INSERT INTO audit_checkpoints (number, at, chain, key_id, signature) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
        let query = sqlx::query(statement).bind(upto.number).bind(at).bind(upto.link.to_vec());
        let query = query.bind(key.id().to_owned()).bind(signature);
        let placed = within(query.execute(&self.store.durable)).await?.rows_affected() == 1;
        // Another instance's, or somebody's who wants none to be there.
        if !placed && self.signed_at(key.known(), upto.number).await? != Some(upto) {
            return Ok(Signed::Changed(upto.number));
        }
        Ok(if upto == head { Signed::UpTo(upto.number) } else { Signed::Part(upto.number) })
    }

    /// What has still to be sealed and signed.
    pub async fn backlog(&self) -> Result<Backlog, StoreError> {
        let statement =
            "SELECT COUNT(*) AS waiting, CAST(MIN(seq) AS BIGINT) AS first, COALESCE((SELECT MAX(number) FROM audit_seals), 0) AS sealed,
            (SELECT MAX(number) FROM audit_checkpoints c WHERE c.number <= (SELECT MAX(number) FROM audit_seals)) AS signed FROM audit_unsealed";
        let row = within(sqlx::query(statement).fetch_one(&self.store.readers)).await?;
        let signed: Option<i64> = row.try_get("signed")?;
        let unsigned = row.try_get::<i64, _>("sealed")?.saturating_sub(signed.unwrap_or(0));
        Ok(Backlog { waiting: row.try_get("waiting")?, first: row.try_get("first")?, unsigned })
    }

    /// Returns when an entry was written here, or when it is time to look for those of others.
    pub async fn written_or(&self, longest: Duration) {
        let _ = tokio::time::timeout(longest, self.written.notified()).await;
    }
}

pub(super) fn link_of(bytes: Vec<u8>) -> Result<Link, StoreError> {
    bytes.try_into().map_err(|_| StoreError::Corrupt("audit_seals"))
}
