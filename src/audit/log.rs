//! Writing to the log and the few questions that the service itself asks of it.

use jiff::Timestamp;
use sqlx::{
    Any, Row,
    any::{AnyArguments, AnyRow},
    query::Query,
};

use super::row::{COLUMNS, clean, event};
use crate::{
    model::{
        attempt::AttemptId,
        audit::{AuditEvent, Party},
        guid::ObjectGuid,
        identity::LoginMethod,
        level::Level,
        provider::ProviderId,
    },
    store::{Store, StoreError, stored, within, written},
};

const INSERT: &str =
    "INSERT INTO audit (at, visit, kind, outcome, reason, actor_guid, actor_account, actor_name, unknown_name, method, client,
    target_guid, target_account, target_name, controller, attempt, password_set_before, provider, level, assertion, authority, note, ticket)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)";

/// How much an entry about an attempt says: what AD answered counts before what was found out afterwards, and that before "nobody knows".
const WEIGHT: &str = "CASE WHEN {}.kind IN ('change_outcome', 'reset_outcome') AND {}.outcome <> 'unknown' THEN 3
    WHEN {}.kind IN ('change_reconciled', 'reset_reconciled') THEN 2 WHEN {}.kind IN ('change_outcome', 'reset_outcome') THEN 1 ELSE 0 END";

fn weight(row: &str) -> String {
    WEIGHT.replace("{}", row)
}

/// The log in the store.
#[derive(Debug, Clone)]
pub struct Log {
    store: Store,
}

/// An entry and its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number; later entries have higher ones.
    pub sequence: i64,
    /// What happened.
    pub event: AuditEvent,
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
    /// In this store.
    pub fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// Writes an entry; on disk when it returns. Gives its number.
    pub async fn append(&self, event: &AuditEvent) -> Result<i64, StoreError> {
        let statement = format!("{INSERT} RETURNING seq");
        let row = written(bound(&statement, event), &self.store.durable).await?.ok_or(StoreError::Corrupt("audit"))?;
        Ok(row.try_get("seq")?)
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
        let statement = format!("{INSERT} ON CONFLICT DO NOTHING");
        Ok(within(bound(&statement, event).execute(&self.store.durable)).await?.rows_affected() == 1)
    }

    /// An account's own history, newest first: logins, logouts, and for each change or reset its latest word. Not what somebody else tried on it
    /// without a right to: anybody who can log in could fill it; and not who looked at it, which the whole log tells.
    pub async fn history_of(&self, account: ObjectGuid, limit: u32, since: Timestamp) -> Result<Vec<Entry>, StoreError> {
        let statement = format!(
            "SELECT seq, {COLUMNS} FROM audit a WHERE target_guid = $1 AND at >= $2 AND reason <> 'not_yours' AND kind <> 'account_seen' AND NOT EXISTS
                (SELECT 1 FROM audit b WHERE b.actor_guid = a.actor_guid AND b.attempt = a.attempt AND ({}, b.seq) > ({}, a.seq))
             ORDER BY seq DESC LIMIT $3",
            weight("b"),
            weight("a"),
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(account.to_string()).bind(stored(since)).bind(i64::from(limit));
        let rows: Vec<AnyRow> = within(query.fetch_all(&self.store.durable)).await?;
        rows.iter().map(|row| Ok(Entry { sequence: row.try_get("seq")?, event: event(row)? })).collect()
    }

    /// The best word on an attempt of this person: how AD answered, what it was settled as, that nobody knows, or that it was begun.
    pub async fn outcome_of(&self, actor: ObjectGuid, attempt: AttemptId) -> Result<Option<AuditEvent>, StoreError> {
        let weight = weight("audit");
        let statement =
            format!("SELECT {COLUMNS} FROM audit WHERE actor_guid = $1 AND attempt = $2 ORDER BY {weight} DESC, seq DESC LIMIT 1");
        let query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(actor.to_string()).bind(attempt.to_string());
        let row: Option<AnyRow> = within(query.fetch_optional(&self.store.durable)).await?;
        row.as_ref().map(event).transpose()
    }

    /// Attempts made before a time whose outcome is missing or unknown, and that nobody has settled; oldest first. Reads the
    /// table that the database's own triggers keep, so that it costs the same however long the log is.
    pub async fn unsettled(&self, before: Timestamp, limit: u32) -> Result<Vec<AuditEvent>, StoreError> {
        let statement = format!(
            "SELECT {COLUMNS} FROM audit WHERE seq IN (SELECT seq FROM audit_open WHERE at < $1 ORDER BY seq LIMIT $2) ORDER BY seq"
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(stored(before)).bind(i64::from(limit));
        let rows: Vec<AnyRow> = within(query.fetch_all(&self.store.durable)).await?;
        rows.iter().map(event).collect()
    }
}

fn bound(statement: &str, event: &AuditEvent) -> Query<'static, Any, AnyArguments> {
    let guid = |party: &Option<Party>| party.as_ref().map(|p| p.guid.to_string());
    let account = |party: &Option<Party>| party.as_ref().map(|p| clean(&p.account_name));
    let name = |party: &Option<Party>| party.as_ref().map(|p| clean(&p.name));
    sqlx::query(sqlx::AssertSqlSafe(statement.to_owned()))
        .bind(stored(event.at))
        .bind(event.visit.to_string())
        .bind(event.kind.code())
        .bind(event.outcome.code())
        .bind(clean(&event.reason))
        .bind(guid(&event.actor))
        .bind(account(&event.actor))
        .bind(name(&event.actor))
        .bind(event.unknown_name.as_deref().map(clean))
        .bind(event.method.map(LoginMethod::code))
        .bind(event.client.map(|c| c.to_string()))
        .bind(guid(&event.target))
        .bind(account(&event.target))
        .bind(name(&event.target))
        .bind(event.controller.as_deref().map(clean))
        .bind(event.attempt.map(|a| a.to_string()))
        .bind(event.password_set_before)
        .bind(event.provider.as_ref().map(ProviderId::as_str).map(str::to_owned))
        .bind(event.level.map(Level::code))
        .bind(event.assertion.as_deref().map(clean))
        .bind(event.authority.as_deref().map(clean))
        .bind(event.note.as_deref().map(clean))
        .bind(event.ticket.as_deref().map(clean))
}
