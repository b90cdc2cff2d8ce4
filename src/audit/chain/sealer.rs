//! The sealer: gives entries their sequence numbers and chain hashes, and signs checkpoints.
//!
//! Invariants:
//! - A sequence number is given once, by the first instance; it is the table's primary key.
//! - A batch is sealed completely or not at all.
//! - No checkpoint is signed over a chain that this instance has seen with other content.

use std::{
    collections::{BTreeSet, HashSet},
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use sqlx::{Row, any::AnyRow};

use crate::audit::{
    AuditLog,
    chain::{
        checkpoints::Sought,
        hash::{self, ChainPosition, Link, START},
        head::ChainHead,
        vet::Vetted,
    },
    export::json_lines::Checkpoint,
    log::{
        counts::BatchCounts,
        entry::{COLUMNS, StoredEntry},
        named_people::NamedInEntry,
    },
};
use crate::{
    model::audit::signing::Signer,
    store::{StoreError, stored, within},
};

/// Entries that are sealed in one transaction.
pub const BATCH: u32 = 500;
/// Rows in one statement. Few different lengths, so that each statement is prepared once.
const ROWS: usize = 250;

/// The end of the chain as this instance has last seen it, and the people that it has indexed.
#[derive(Debug, Clone, Default)]
pub struct ChainMemory(Arc<Mutex<RememberedHead>>);

#[derive(Debug, Default)]
struct RememberedHead {
    head: Option<ChainHead>,
    /// End of the part that was verified again for the next checkpoint.
    vetted: Option<ChainHead>,
    people: HashSet<u64>,
    /// Time of the entry after which `people` was last cleared, microseconds.
    since: i64,
}

/// Period after which all people are indexed again, microseconds of the entries' time: retention also deletes people,
/// on other instances as well.
const DAY: u64 = 86_400_000_000;
/// Number of people after which all are indexed again; a few MB.
const PEOPLE: usize = 200_000;

/// The result of sealing a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealOutcome {
    /// Entries that this instance has sealed.
    pub entries: usize,
    /// Number of them that no instance of the service has written, or that were changed or deleted before they were
    /// sealed.
    pub unsound: usize,
}

/// The result of signing a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignOutcome {
    /// Signed up to this sequence number, the end of the chain.
    UpTo(i64),
    /// Signed up to this sequence number; there is more to sign.
    Part(i64),
    /// There is nothing new to sign.
    NothingNew,
    /// The chain was changed, or is not what the service has written. The first sequence number that shows it. Nothing
    /// is signed.
    Changed(i64),
}

/// Work that the sealer has not done yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Entries that wait for their seal.
    pub waiting: i64,
    /// Row key of the first waiting entry.
    pub first: Option<i64>,
    /// Sealed entries that no checkpoint covers.
    pub unsigned: i64,
}

impl ChainMemory {
    fn get(&self) -> Option<ChainHead> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).head
    }

    fn set(&self, head: ChainHead) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).head = Some(head);
    }

    /// Sets the end of the chain at the start of this instance.
    fn began(&self, head: ChainHead) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).head.get_or_insert(head);
    }

    fn vetted(&self) -> Option<ChainHead> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).vetted
    }

    fn set_vetted(&self, upto: ChainHead) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).vetted = Some(upto);
    }

    fn forget_people(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).people.clear();
    }

    /// The people that this instance has not indexed yet.
    fn new_ones(&self, people: BTreeSet<NamedInEntry>, at: i64) -> Vec<NamedInEntry> {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.people.len() > PEOPLE || remembered.since.abs_diff(at) > DAY {
            remembered.people.clear();
            remembered.since = at;
        }
        let hash = |person: &NamedInEntry| BuildHasherDefault::<DefaultHasher>::default().hash_one(person);
        people.into_iter().filter(|person| remembered.people.insert(hash(person))).collect()
    }
}

impl AuditLog {
    /// Remembers the end of the chain at the start of an instance. Later changes before it are detected.
    pub async fn remember(&self, memory: &ChainMemory) -> Result<(), StoreError> {
        memory.began(self.head().await?);
        self.judge_again().await
    }

    /// Seals up to [`BATCH`] entries. A smaller result: no more are waiting, or another instance was faster.
    pub async fn seal(&self, memory: &ChainMemory) -> Result<SealOutcome, StoreError> {
        let waiting = self.waiting().await?;
        let nothing = SealOutcome { entries: 0, unsound: 0 };
        if waiting.is_empty() {
            return Ok(nothing);
        }
        let mut head = self.head().await?;
        memory.began(head);
        let mut places = Vec::with_capacity(waiting.len());
        let mut unsound = 0;
        let people: BTreeSet<NamedInEntry> =
            waiting.iter().filter_map(|(_, entry)| entry.as_ref()).flat_map(NamedInEntry::in_entry).collect();
        let at = waiting.iter().filter_map(|(_, entry)| entry.as_ref()).map(|entry| entry.at).max().unwrap_or_default();
        let new = memory.new_ones(people, at);
        if let Err(error) = self.take_up(&new).await {
            memory.forget_people();
            return Err(error);
        }
        let mut counts = BatchCounts::default();
        for (seq, entry) in waiting {
            if let Some(entry) = &entry {
                counts.add(entry);
            }
            // An entry that was deleted before it was sealed gets a sequence number too, so that it is missed.
            let authentic = entry.as_ref().is_some_and(|entry| entry.is_authentic(&self.keys));
            unsound += usize::from(!authentic);
            let content = entry.as_ref().map_or(START, StoredEntry::digest);
            let class = entry.as_ref().map_or(hash::UNKNOWN, |entry| hash::class_of(&entry.kind));
            let number = head.number.checked_add(1).ok_or(StoreError::Corrupt("audit_seals"))?;
            head = ChainHead { number, link: hash::link(&head.link, &ChainPosition { number, seq, class, authentic, content: &content }) };
            places.push((head, seq, authentic));
        }
        if !self.place(&places, &counts).await? {
            return Ok(nothing);
        }
        // After sealing: a chain that was changed before must not be remembered as ours. Entries are sealed in any
        // case, but no checkpoint is signed over them.
        if self.is_as_remembered(memory).await?.is_none() {
            memory.set(head);
        }
        Ok(SealOutcome { entries: places.len(), unsound })
    }

    async fn waiting(&self) -> Result<Vec<(i64, Option<StoredEntry>)>, StoreError> {
        // A key that is not an integer, which SQLite accepts, is skipped. A seal that was inserted by hand must not
        // stop the sealing of others.
        let list = "SELECT u.seq AS seq FROM audit_unsealed u WHERE u.seq = CAST(u.seq AS BIGINT)
            AND NOT EXISTS (SELECT 1 FROM audit_seals s WHERE s.seq = u.seq) ORDER BY u.seq LIMIT $1";
        match self.waiting_entries(list, i64::from(BATCH)).await {
            // A forged row that no version of the service writes must not stop the rows after it.
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

    /// Seals all entries or none. `false`: another instance was faster.
    async fn place(&self, places: &[(ChainHead, i64, bool)], counts: &BatchCounts) -> Result<bool, StoreError> {
        within(async {
            let mut transaction = self.store.durable.begin().await?;
            for rows in places.chunks(ROWS) {
                let values = (0..rows.len()).map(|n| format!("(${}, ${}, ${}, ${})", n * 4 + 1, n * 4 + 2, n * 4 + 3, n * 4 + 4));
                let values = values.collect::<Vec<_>>().join(", ");
                let insert = format!("INSERT INTO audit_seals (number, seq, authentic, chain) VALUES {values} ON CONFLICT DO NOTHING");
                let mut insert = sqlx::query(sqlx::AssertSqlSafe(insert));
                for (head, seq, authentic) in rows {
                    insert = insert.bind(head.number).bind(*seq).bind(i16::from(*authentic)).bind(head.link.to_vec());
                }
                let taken = insert.execute(&mut *transaction).await?.rows_affected();
                if usize::try_from(taken).ok() != Some(rows.len()) {
                    // Before the next statement: entries that are sealed by no instance yet must stay on the list.
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

    /// Whether the chain is as this instance has seen it. `Some`: the sequence number that shows the change.
    async fn is_as_remembered(&self, memory: &ChainMemory) -> Result<Option<i64>, StoreError> {
        let Some(known) = memory.get().filter(|known| known.number > 0) else { return Ok(None) };
        let query = sqlx::query("SELECT chain FROM audit_seals WHERE number = $1").bind(known.number);
        let row: Option<AnyRow> = within(query.fetch_optional(&self.store.durable)).await?;
        let is_still = match row {
            Some(row) => link_of(row.try_get("chain")?)? == known.link,
            // Retention may have deleted the seal; its checkpoint stays.
            None => self.last_signed(&self.known, Sought::ALL).await?.is_some_and(|signed| signed.number >= known.number),
        };
        Ok((!is_still).then_some(known.number))
    }

    /// Signs the end of the chain, after it has verified again all entries that no checkpoint covers yet. A fault of the
    /// chain is noted in the anchor.
    pub async fn checkpoint(&self, key: &Signer, memory: &ChainMemory, now: Timestamp) -> Result<SignOutcome, StoreError> {
        let fault = match self.anchor_fault().await? {
            None => self.is_as_remembered(memory).await?,
            fault => fault,
        };
        match fault {
            Some(number) => Ok(self.changed(number)),
            None => self.sign(key, memory, now).await,
        }
    }

    fn changed(&self, number: i64) -> SignOutcome {
        self.mark_changed(number);
        SignOutcome::Changed(number)
    }

    /// Lists the forged entries behind the last checkpoint, signs the chain over them, and takes the mark off the anchor:
    /// for an operator who has examined the log. The chain hashes have to be valid, and the checkpoint of the anchor has
    /// to be in the chain.
    pub async fn vouch(&self, key: &Signer, now: Timestamp) -> Result<SignOutcome, StoreError> {
        if let Some(kept) = self.anchor.as_ref().and_then(|file| file.read().ok().flatten()).and_then(|anchor| anchor.checkpoint)
            && let Some(number) = self.missing_checkpoint(&kept).await?
        {
            return Ok(SignOutcome::Changed(number));
        }
        self.accept(key, now).await
    }

    /// Lists the forged entries, signs the chain as it stands, and moves the anchor to it: for an operator who has decided.
    /// Also where the anchor names a checkpoint that is not in the chain, because a backup was restored.
    pub async fn accept(&self, key: &Signer, now: Timestamp) -> Result<SignOutcome, StoreError> {
        self.list_forged(key, now).await?;
        let memory = ChainMemory::default();
        let done = loop {
            match self.sign(key, &memory, now).await? {
                SignOutcome::Part(_) => {}
                done @ (SignOutcome::UpTo(_) | SignOutcome::NothingNew | SignOutcome::Changed(_)) => break done,
            }
        };
        if !matches!(done, SignOutcome::Changed(_))
            && let Some(last) = self.last_checkpoint().await?
        {
            self.cast_anchor(last);
        }
        Ok(done)
    }

    async fn sign(&self, key: &Signer, memory: &ChainMemory, now: Timestamp) -> Result<SignOutcome, StoreError> {
        // In this order: another instance may seal and sign in between.
        let vouched = self.last_signed(key.known(), Sought::ALL).await?.unwrap_or(ChainHead::BEGINNING);
        if let Some(number) = self.missing_end(vouched).await? {
            return Ok(self.changed(number)); // the end of the chain was cut off, or rewritten
        }
        let head = self.head().await?;
        if vouched.number >= head.number {
            return Ok(SignOutcome::NothingNew);
        }
        memory.began(head);
        let from = memory.vetted().filter(|vetted| vetted.number > vouched.number).unwrap_or(vouched);
        let upto = match self.vet(from, head).await? {
            Vetted::UpTo(upto) => upto,
            Vetted::Not(number) => return Ok(self.changed(number)),
        };
        memory.set_vetted(upto);
        if upto == head {
            memory.set(head);
        }
        let at = stored(now);
        let signature = key.sign(&hash::of_checkpoint(upto.number, at, &upto.link));
        let statement =
            "INSERT INTO audit_checkpoints (number, at, chain, key_id, signature) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
        let query = sqlx::query(statement).bind(upto.number).bind(at).bind(upto.link.to_vec());
        let query = query.bind(key.id().to_owned()).bind(signature.clone());
        let placed = within(query.execute(&self.store.durable)).await?.rows_affected() == 1;
        // The row is another instance's, or an attacker's who wants to prevent a checkpoint. The chain is whole, and the
        // next checkpoint has another number: the anchor notes nothing.
        if !placed && self.signed_at(key.known(), upto.number).await? != Some(upto) {
            return Ok(SignOutcome::Changed(upto.number));
        }
        let (number, chain, key_id) = (upto.number, upto.link.to_vec(), key.id().to_owned());
        if placed {
            self.cast_anchor(Checkpoint { number, at, chain, key_id, signature });
        }
        self.judge_again().await?;
        Ok(if upto == head { SignOutcome::UpTo(upto.number) } else { SignOutcome::Part(upto.number) })
    }

    /// Counts of the entries to seal and to sign.
    pub async fn backlog(&self) -> Result<Backlog, StoreError> {
        let statement = "SELECT COUNT(*) AS waiting, CAST(MIN(seq) AS BIGINT) AS first, (SELECT MAX(number) FROM audit_checkpoints c WHERE c.number <= $1) AS signed FROM audit_unsealed";
        let sealed = self.head().await?.number;
        let row = within(sqlx::query(statement).bind(sealed).fetch_one(&self.store.readers)).await?;
        let signed: Option<i64> = row.try_get("signed")?;
        let unsigned = sealed.saturating_sub(signed.unwrap_or(0));
        Ok(Backlog { waiting: row.try_get("waiting")?, first: row.try_get("first")?, unsigned })
    }

    /// Waits until an entry is appended here, or until it is time to look for entries of other instances.
    pub async fn written_or(&self, longest: Duration) {
        let _ = tokio::time::timeout(longest, self.written.notified()).await;
    }
}

pub(crate) fn link_of(bytes: Vec<u8>) -> Result<Link, StoreError> {
    bytes.try_into().map_err(|_| StoreError::Corrupt("audit_seals"))
}
