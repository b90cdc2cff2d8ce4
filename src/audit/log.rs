//! Writing to the log and the few questions that the service itself asks of it.

use std::sync::Arc;

use jiff::Timestamp;
use sqlx::{Row, any::AnyRow};
use tokio::sync::Notify;

use super::{
    cpr::Vault,
    entry::{COLUMNS, StoredEntry},
    row::event,
};
use crate::{
    model::{
        attempt::AttemptId,
        audit::{AuditEvent, AuditOutcome},
        guid::ObjectGuid,
        signing::Verifiers,
    },
    store::{Keys, Store, StoreError, stored, within, written},
};

/// How much an entry about an attempt says: what AD answered counts before what was found out afterwards, and that before "nobody knows".
const WEIGHT: &str = "CASE WHEN {}.kind IN ('change_outcome', 'reset_outcome') AND {}.outcome <> 'unknown' THEN 3
    WHEN {}.kind IN ('change_reconciled', 'reset_reconciled') THEN 2 WHEN {}.kind IN ('change_outcome', 'reset_outcome') THEN 1 ELSE 0 END";

/// What the seal of an entry `a` says of it, if it has one.
pub(super) const SOUND: &str =
    "CAST((SELECT CASE WHEN s.sound = 1 THEN 1 ELSE 0 END FROM audit_seals s WHERE s.seq = a.seq) AS BIGINT) AS sealed_sound";

fn weight(row: &str) -> String {
    WEIGHT.replace("{}", row)
}

/// The log in the store.
#[derive(Debug, Clone)]
pub struct Log {
    pub(super) store: Store,
    pub(super) keys: Keys,
    pub(super) vault: Arc<Vault>,
    domain: Option<Arc<str>>,
    pub(super) known: Arc<Verifiers>,
    pub(super) written: Arc<Notify>,
}

/// An entry and its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number; later entries have higher ones.
    pub sequence: i64,
    /// What happened.
    pub event: AuditEvent,
    /// Has the service written it? By its seal, and until it has one by its mac.
    pub sound: bool,
}

/// An attempt whose end nobody knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// What was begun.
    pub attempt: AuditEvent,
    /// Has the service written it, under its present secret? Who can write into the database can put others there.
    pub ours: bool,
}

/// May the attempt go on?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// It is on disk and AD may be asked.
    New,
    /// The same person has sent this form before.
    AlreadySent,
}

impl Log {
    /// In this store. Without keys for CPR numbers it writes none.
    pub fn new(store: &Store, keys: &Keys) -> Self {
        Self {
            store: store.clone(),
            keys: keys.clone(),
            vault: Arc::new(Vault::new([])),
            domain: None,
            known: Arc::default(),
            written: Arc::default(),
        }
    }

    /// With keys for CPR numbers, and the DNS name of the domain whose accounts it is about.
    #[must_use]
    pub fn with(self, vault: Vault, domain: &str) -> Self {
        Self { vault: Arc::new(vault), domain: Some(domain.into()), ..self }
    }

    /// With the keys that checkpoints are signed with: others count for nothing.
    #[must_use]
    pub fn knowing(self, known: &Verifiers) -> Self {
        Self { known: Arc::new(known.clone()), ..self }
    }

    /// Writes an entry; on disk when it returns. Gives its number.
    pub async fn append(&self, event: &AuditEvent) -> Result<i64, StoreError> {
        self.insert(event, "").await?.ok_or(StoreError::Corrupt("audit"))
    }

    /// Writes an attempt; on disk when it returns. `Corrupt` where it does not say who acts and by which form: it could be sent twice.
    pub async fn begin(&self, attempt: &AuditEvent) -> Result<Begun, StoreError> {
        if attempt.kind.settled_by().is_none() || attempt.actor.is_none() || attempt.attempt.is_none() {
            return Err(StoreError::Corrupt("audit"));
        }
        Ok(if self.append_once(attempt).await? { Begun::New } else { Begun::AlreadySent })
    }

    /// Writes how an attempt was settled, once: false where another instance has done so.
    pub async fn settle(&self, settlement: &AuditEvent) -> Result<bool, StoreError> {
        self.append_once(settlement).await
    }

    async fn append_once(&self, event: &AuditEvent) -> Result<bool, StoreError> {
        Ok(self.insert(event, "ON CONFLICT DO NOTHING").await?.is_some())
    }

    /// Tells the sealer.
    async fn insert(&self, event: &AuditEvent, conflict: &str) -> Result<Option<i64>, StoreError> {
        let seq = self.write(event, conflict).await?;
        self.written.notify_one();
        Ok(seq)
    }

    /// One statement, or with CPR numbers one transaction.
    async fn write(&self, event: &AuditEvent, conflict: &str) -> Result<Option<i64>, StoreError> {
        let mut entry = StoredEntry::of(event, self.domain.as_deref());
        let mut numbers = Vec::new();
        for (cpr, party, commitment) in
            [(&event.actor_cpr, "actor", &mut entry.actor_cpr), (&event.target_cpr, "target", &mut entry.target_cpr)]
        {
            let sealed = cpr.as_ref().map(|cpr| self.vault.seal(cpr, &self.keys)).transpose().map_err(|_| StoreError::NoRandomness)?;
            if let Some((committed, sealed)) = sealed.flatten() {
                *commitment = Some(committed);
                numbers.push((party, sealed));
            }
        }
        entry.mac = Some(self.keys.audit_mac(&entry.content()));
        let insert = entry.bind_to(sqlx::query(sqlx::AssertSqlSafe(insert(conflict))));
        if numbers.is_empty() {
            return seq_of(written(insert, &self.store.durable).await?);
        }
        within(async {
            let mut transaction = self.store.durable.begin().await?;
            let row = insert.fetch_all(&mut *transaction).await?.pop();
            if let Some(row) = &row {
                for (party, number) in numbers {
                    let statement = "INSERT INTO audit_cpr (seq, party, key_id, blind, sealed) VALUES ($1, $2, $3, $4, $5)";
                    let query = sqlx::query(statement).bind(row.try_get::<i64, _>("seq")?).bind(party);
                    query.bind(number.key_id).bind(number.blind).bind(number.sealed).execute(&mut *transaction).await?;
                }
            }
            transaction.commit().await?;
            Ok(row)
        })
        .await
        .and_then(seq_of)
    }

    /// An account's own history, newest first: logins, logouts, for each change or reset its latest word, and for each unlocking its outcome. Not what
    /// somebody else tried on it without a right to: anybody who can log in could fill it; and not who looked at it, which the whole log tells. Refusals that are alike are
    /// one line, and push nothing else out.
    pub async fn history_of(&self, account: ObjectGuid, limit: u32, since: Timestamp) -> Result<Vec<Entry>, StoreError> {
        let all = one_of_each(self.history(account, limit.saturating_mul(5), since, "").await?);
        let done = self.history(account, limit, since, "AND outcome <> 'refused'").await?;
        Ok(merged(done, all, usize::try_from(limit).unwrap_or(usize::MAX)))
    }

    async fn history(&self, account: ObjectGuid, limit: u32, since: Timestamp, only: &str) -> Result<Vec<Entry>, StoreError> {
        let statement = format!(
            "SELECT seq, {SOUND}, {} FROM audit a WHERE target_guid = $1 AND at >= $2 AND reason <> 'not_yours' {only}
                AND NOT (kind = 'code_used' AND outcome = 'refused' AND reason IN ('no_code', 'code_used', 'code_expired', 'code_tries_used_up'))
                AND NOT (outcome = 'refused' AND authority IS NULL AND COALESCE(actor_guid, target_guid) <> target_guid)
                AND kind NOT IN ('account_seen', 'log_seen', 'log_exported', 'cpr_revealed', 'alert_raised')
                AND NOT EXISTS (SELECT 1 FROM audit c WHERE a.kind = 'unlock_attempt' AND c.kind = 'unlock_outcome'
                    AND c.target_guid = a.target_guid AND c.visit = a.visit AND c.seq > a.seq)
                AND NOT EXISTS
                (SELECT 1 FROM audit b WHERE b.actor_guid = a.actor_guid AND b.attempt = a.attempt AND ({}, b.seq) > ({}, a.seq))
             ORDER BY seq DESC LIMIT $3",
            COLUMNS.join(", "),
            weight("b"),
            weight("a"),
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(account.to_string()).bind(stored(since)).bind(i64::from(limit));
        let rows: Vec<AnyRow> = within(query.fetch_all(&self.store.durable)).await?;
        // What somebody else has put there is no word about anybody.
        Ok(rows.iter().filter_map(|row| self.entry_of(row).ok()).filter(|entry| entry.sound).collect())
    }

    /// A row with `seq`, [`SOUND`] and the columns.
    pub(super) fn entry_of(&self, row: &AnyRow) -> Result<Entry, StoreError> {
        let stored = StoredEntry::read(row)?;
        let sealed: Option<i64> = row.try_get("sealed_sound")?;
        let sound = sealed.map_or_else(|| stored.is_sound(&self.keys), |sound| sound == 1);
        Ok(Entry { sequence: row.try_get("seq")?, event: event(&stored)?, sound })
    }

    /// The best word on an attempt of this person: how AD answered, what it was settled as, that nobody knows, or that it was begun.
    pub async fn outcome_of(&self, actor: ObjectGuid, attempt: AttemptId) -> Result<Option<AuditEvent>, StoreError> {
        let weight = weight("audit");
        let statement = format!(
            "SELECT {} FROM audit WHERE actor_guid = $1 AND attempt = $2 ORDER BY {weight} DESC, seq DESC LIMIT 1",
            COLUMNS.join(", ")
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(actor.to_string()).bind(attempt.to_string());
        let row: Option<AnyRow> = within(query.fetch_optional(&self.store.durable)).await?;
        row.map(|row| event(&StoredEntry::read(&row)?)).transpose()
    }

    /// Attempts made before a time whose outcome is missing or unknown, and that nobody has settled; oldest first. Reads the
    /// table that the database's own triggers keep, so that it costs the same however long the log is. One that can't be read is passed over.
    pub async fn unsettled(&self, before: Timestamp, limit: u32) -> Result<Vec<Open>, StoreError> {
        let (mut open, mut after) = (Vec::new(), i64::MIN);
        loop {
            let query = sqlx::query("SELECT seq FROM audit_open WHERE at < $1 AND seq > $2 ORDER BY seq LIMIT $3");
            let query = query.bind(stored(before)).bind(after).bind(i64::from(limit));
            let rows: Vec<AnyRow> = within(query.fetch_all(&self.store.durable)).await?;
            let Some(last) = rows.last() else { return Ok(open) };
            after = last.try_get("seq")?;
            for row in &rows {
                open.extend(self.open(row.try_get("seq")?).await?);
                if open.len() == limit as usize {
                    return Ok(open);
                }
            }
        }
    }

    async fn open(&self, seq: i64) -> Result<Option<Open>, StoreError> {
        let statement = format!("SELECT {} FROM audit WHERE seq = $1", COLUMNS.join(", "));
        let query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(seq);
        let row: Option<AnyRow> = match within(query.fetch_optional(&self.store.durable)).await {
            Err(StoreError::Unreadable) => None,
            read => read?,
        };
        let entry = row.and_then(|row| StoredEntry::read(&row).ok());
        let open = entry.and_then(|entry| Some(Open { ours: entry.is_sound(&self.keys), attempt: event(&entry).ok()? }));
        if open.is_none() {
            tracing::error!(seq, "an attempt in the audit log can't be read, and is not settled");
        }
        Ok(open)
    }

    /// Was a password of this account set by the service since then, as AD itself has answered?
    pub async fn was_set_since(&self, account: ObjectGuid, since: Timestamp) -> Result<bool, StoreError> {
        let statement = "SELECT seq FROM audit WHERE target_guid = $1 AND at > $2 AND kind IN ('change_outcome', 'reset_outcome')
            AND outcome = 'succeeded' LIMIT 1";
        let query = sqlx::query(statement).bind(account.to_string()).bind(stored(since));
        Ok(within(query.fetch_optional(&self.store.durable)).await?.is_some())
    }
}

/// Of refusals that are alike and follow one another, newest first, the newest only.
fn one_of_each(mut all: Vec<Entry>) -> Vec<Entry> {
    all.dedup_by(|older, newer| {
        let what = |entry: &Entry| (entry.event.kind, entry.event.outcome, entry.event.reason.clone(), entry.event.method);
        newer.event.outcome == AuditOutcome::Refused && what(older) == what(newer)
    });
    all
}

/// What was done and all of it as one list, newest first. Where that is too long, the oldest refusals go first; the newest entry stays, whatever it is.
fn merged(done: Vec<Entry>, all: Vec<Entry>, limit: usize) -> Vec<Entry> {
    let is_refused = |entry: &Entry| entry.event.outcome == AuditOutcome::Refused;
    let refused: Vec<_> = all.into_iter().filter(is_refused).collect();
    let newest = refused.first().map_or(i64::MIN, |entry| entry.sequence) > done.first().map_or(i64::MIN, |entry| entry.sequence);
    let room = limit.saturating_sub(done.len()).max(usize::from(newest));
    let shown = room.min(limit).min(refused.len());
    let mut merged: Vec<_> = done.into_iter().take(limit - shown).chain(refused.into_iter().take(shown)).collect();
    merged.sort_by_key(|entry| std::cmp::Reverse(entry.sequence));
    merged
}

fn insert(conflict: &str) -> String {
    let places: Vec<_> = (1..=COLUMNS.len()).map(|n| format!("${n}")).collect();
    format!("INSERT INTO audit ({}) VALUES ({}) {conflict} RETURNING seq", COLUMNS.join(", "), places.join(", "))
}

fn seq_of(row: Option<AnyRow>) -> Result<Option<i64>, StoreError> {
    Ok(row.map(|row| row.try_get("seq")).transpose()?)
}
