//! Appending to the audit log, and the queries that the service itself needs.

pub(crate) mod counts;
pub mod cpr;
pub mod entry;
pub(crate) mod named_people;
pub(crate) mod row;
pub(crate) mod text;

use std::sync::Arc;

use jiff::Timestamp;
use sqlx::{Row, any::AnyRow};
use tokio::sync::Notify;

use crate::audit::{
    chain::{anchor::AnchorFile, head::JudgedChain},
    log::{
        cpr::Vault,
        entry::{COLUMNS, StoredEntry},
        row::event,
    },
};
use crate::{
    model::{
        ad::guid::ObjectGuid,
        audit::{AuditEvent, AuditOutcome, attempt::AttemptId, signing::Verifiers},
    },
    store::{DerivedKeys, Store, StoreError, stored, within, written},
};

/// Precedence of the entries about one attempt: AD's answer, then a reconciled outcome, then an unknown outcome, then
/// the attempt.
const WEIGHT: &str = "CASE WHEN {}.kind IN ('change_outcome', 'reset_outcome') AND {}.outcome <> 'unknown' THEN 3
    WHEN {}.kind IN ('change_reconciled', 'reset_reconciled') THEN 2 WHEN {}.kind IN ('change_outcome', 'reset_outcome') THEN 1 ELSE 0 END";

/// The sequence number of entry `a` where its seal marks it as authentic, else 0; NULL where it has no seal.
pub(super) const SOUND: &str =
    "CAST((SELECT CASE WHEN s.authentic = 1 THEN s.number ELSE 0 END FROM audit_seals s WHERE s.seq = a.seq) AS BIGINT) AS sealed_sound";

fn weight(row: &str) -> String {
    WEIGHT.replace("{}", row)
}

/// The audit log in the store.
#[derive(Debug, Clone)]
pub struct AuditLog {
    pub(super) store: Store,
    pub(super) keys: DerivedKeys,
    pub(super) vault: Arc<Vault>,
    pub(super) domain: Option<Arc<str>>,
    pub(super) known: Arc<Verifiers>,
    pub(super) judged: Arc<JudgedChain>,
    pub(super) anchor: Option<AnchorFile>,
    pub(super) written: Arc<Notify>,
}

/// An entry with its row key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Row key in table `audit`; later entries have higher ones.
    pub sequence: i64,
    pub event: AuditEvent,
    /// Whether the service has written the entry: its MAC is valid, or a checkpoint covers a seal that marks it so.
    pub authentic: bool,
}

/// An attempt with an unknown outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenAttempt {
    pub attempt: AuditEvent,
    /// Whether the service has written the entry, with its current secret. An attacker with access to the database can
    /// insert others.
    pub ours: bool,
}

/// The result of beginning an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptBegun {
    /// The attempt is on disk; AD may be asked.
    New,
    /// The actor has sent this form before.
    AlreadySent,
}

impl AuditLog {
    /// A log in this store, without keys for CPR numbers: it writes none.
    pub fn new(store: &Store, keys: &DerivedKeys) -> Self {
        Self {
            store: store.clone(),
            keys: keys.clone(),
            vault: Arc::new(Vault::new([])),
            domain: None,
            known: Arc::default(),
            judged: Arc::default(),
            anchor: None,
            written: Arc::default(),
        }
    }

    /// Adds keys for CPR numbers, and the DNS name of the targets' domain.
    #[must_use]
    pub fn with(self, vault: Vault, domain: &str) -> Self {
        Self { vault: Arc::new(vault), domain: Some(domain.into()), ..self }
    }

    /// Adds the keys whose checkpoints count.
    #[must_use]
    pub fn knowing(self, known: &Verifiers) -> Self {
        Self { known: Arc::new(known.clone()), ..self }
    }

    /// Appends an entry; on disk when it returns. Returns its row key.
    pub async fn append(&self, event: &AuditEvent) -> Result<i64, StoreError> {
        self.insert(event, "").await?.ok_or(StoreError::Corrupt("audit"))
    }

    /// Appends an attempt; on disk when it returns. `Corrupt` where the actor or the attempt number is missing: the
    /// form could then be sent twice.
    pub async fn begin(&self, attempt: &AuditEvent) -> Result<AttemptBegun, StoreError> {
        if attempt.kind.settled_by().is_none() || attempt.actor.is_none() || attempt.attempt.is_none() {
            return Err(StoreError::Corrupt("audit"));
        }
        Ok(if self.append_once(attempt).await? { AttemptBegun::New } else { AttemptBegun::AlreadySent })
    }

    /// Appends the reconciled outcome of an attempt. False: another instance has done so already.
    pub async fn settle(&self, settlement: &AuditEvent) -> Result<bool, StoreError> {
        self.append_once(settlement).await
    }

    async fn append_once(&self, event: &AuditEvent) -> Result<bool, StoreError> {
        Ok(self.insert(event, "ON CONFLICT DO NOTHING").await?.is_some())
    }

    /// Appends the entry and wakes the sealer.
    async fn insert(&self, event: &AuditEvent, conflict: &str) -> Result<Option<i64>, StoreError> {
        let seq = self.write(event, conflict).await?;
        self.written.notify_one();
        Ok(seq)
    }

    /// One statement; with CPR numbers, one transaction.
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

    /// An account's own history, newest first: logins, logouts, the decisive entry about each change or reset, and the
    /// outcome of each unlock. Attempts of other people without a grant are left out, because any logged-in person
    /// could fill the history with them. Views are left out too; the whole log has them. Consecutive refusals of the
    /// same kind are one entry, and push no other entry out.
    pub async fn history_of(&self, account: ObjectGuid, limit: u32, since: Timestamp) -> Result<Vec<AuditEntry>, StoreError> {
        let all = one_of_each(self.history(account, limit.saturating_mul(5), since, "").await?);
        let done = self.history(account, limit, since, "AND outcome <> 'refused'").await?;
        Ok(merged(done, all, usize::try_from(limit).unwrap_or(usize::MAX)))
    }

    async fn history(&self, account: ObjectGuid, limit: u32, since: Timestamp, only: &str) -> Result<Vec<AuditEntry>, StoreError> {
        let statement = format!(
            "SELECT seq, {SOUND}, {} FROM audit a WHERE target_guid = $1 AND at >= $2 AND reason <> 'no_relation' {only}
                AND NOT (kind = 'code_redeemed' AND outcome = 'refused' AND reason IN ('no_code', 'code_redeemed', 'code_expired', 'code_tries_used_up'))
                AND NOT (outcome = 'refused' AND authority IS NULL AND COALESCE(actor_guid, target_guid) <> target_guid)
                AND kind NOT IN ('account_viewed', 'audit_log_viewed', 'log_exported', 'cpr_revealed', 'alert_raised')
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
        // A forged entry is no evidence about an account.
        Ok(rows.iter().filter_map(|row| self.entry_of(row).ok()).filter(|entry| entry.authentic).collect())
    }

    /// Reads a row with `seq`, [`SOUND`] and the columns.
    pub(super) fn entry_of(&self, row: &AnyRow) -> Result<AuditEntry, StoreError> {
        let stored = StoredEntry::read(row)?;
        let sealed: Option<i64> = row.try_get("sealed_sound")?;
        let authentic = match sealed {
            None => stored.is_authentic(&self.keys),
            Some(0) => false,
            Some(number) => self.is_believed(number, || stored.is_authentic(&self.keys)),
        };
        Ok(AuditEntry { sequence: row.try_get("seq")?, event: event(&stored)?, authentic })
    }

    /// The decisive entry about an attempt of this actor, by the precedence of `WEIGHT`.
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

    /// Attempts before a time with a missing or unknown outcome that were not reconciled, oldest first. Reads a table
    /// that the database's triggers maintain, so that the cost does not depend on the length of the log. Unreadable
    /// attempts are skipped.
    pub async fn unsettled(&self, before: Timestamp, limit: u32) -> Result<Vec<OpenAttempt>, StoreError> {
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

    async fn open(&self, seq: i64) -> Result<Option<OpenAttempt>, StoreError> {
        let statement = format!("SELECT {} FROM audit WHERE seq = $1", COLUMNS.join(", "));
        let query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(seq);
        let row: Option<AnyRow> = match within(query.fetch_optional(&self.store.durable)).await {
            Err(StoreError::Unreadable) => None,
            read => read?,
        };
        let entry = row.and_then(|row| StoredEntry::read(&row).ok());
        let open = entry.and_then(|entry| Some(OpenAttempt { ours: entry.is_authentic(&self.keys), attempt: event(&entry).ok()? }));
        if open.is_none() {
            tracing::error!(seq, "attempt in the audit log unreadable; it is not reconciled");
        }
        Ok(open)
    }

    /// Whether the service has set a password of this account since then, confirmed by AD.
    pub async fn was_set_since(&self, account: ObjectGuid, since: Timestamp) -> Result<bool, StoreError> {
        let statement = "SELECT seq FROM audit WHERE target_guid = $1 AND at > $2 AND kind IN ('change_outcome', 'reset_outcome')
            AND outcome = 'succeeded' LIMIT 1";
        let query = sqlx::query(statement).bind(account.to_string()).bind(stored(since));
        Ok(within(query.fetch_optional(&self.store.durable)).await?.is_some())
    }
}

/// Keeps the newest of consecutive refusals of the same kind. The list is newest first.
fn one_of_each(mut all: Vec<AuditEntry>) -> Vec<AuditEntry> {
    all.dedup_by(|older, newer| {
        let what = |entry: &AuditEntry| (entry.event.kind, entry.event.outcome, entry.event.reason.clone(), entry.event.method);
        newer.event.outcome == AuditOutcome::Refused && what(older) == what(newer)
    });
    all
}

/// Merges completed events and refusals into one list, newest first. In a list that is too long, the oldest refusals
/// are dropped first; the newest entry always stays.
fn merged(done: Vec<AuditEntry>, all: Vec<AuditEntry>, limit: usize) -> Vec<AuditEntry> {
    let is_refused = |entry: &AuditEntry| entry.event.outcome == AuditOutcome::Refused;
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
