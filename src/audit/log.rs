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
    },
    store::{Store, StoreError, stored, within},
};

const INSERT: &str =
    "INSERT INTO audit (at, visit, kind, outcome, reason, actor_guid, actor_account, actor_name, unknown_name, method, client,
    target_guid, target_account, target_name, controller, attempt, password_set_before)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";

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
        let row: AnyRow = within(bound(&statement, event).fetch_one(&self.store.pool)).await?;
        Ok(row.try_get("seq")?)
    }

    /// Writes an attempt; on disk when it returns.
    pub async fn begin(&self, attempt: &AuditEvent) -> Result<Begun, StoreError> {
        Ok(if self.append_once(attempt).await? { Begun::New } else { Begun::AlreadySent })
    }

    /// Writes how an attempt was settled, once: false where another instance has done so.
    pub async fn settle(&self, settlement: &AuditEvent) -> Result<bool, StoreError> {
        self.append_once(settlement).await
    }

    async fn append_once(&self, event: &AuditEvent) -> Result<bool, StoreError> {
        let statement = format!("{INSERT} ON CONFLICT DO NOTHING");
        Ok(within(bound(&statement, event).execute(&self.store.pool)).await?.rows_affected() == 1)
    }

    /// An account's own history, newest first: logins, logouts, and for each change its latest word.
    pub async fn history_of(&self, account: ObjectGuid, limit: u32, since: Timestamp) -> Result<Vec<Entry>, StoreError> {
        let statement = format!(
            "SELECT seq, {COLUMNS} FROM audit a WHERE target_guid = $1 AND at >= $2 AND NOT EXISTS
                (SELECT 1 FROM audit later WHERE later.actor_guid = a.actor_guid AND later.attempt = a.attempt AND later.seq > a.seq)
             ORDER BY seq DESC LIMIT $3"
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(account.to_string()).bind(stored(since)).bind(i64::from(limit));
        let rows: Vec<AnyRow> = within(query.fetch_all(&self.store.pool)).await?;
        rows.iter().map(|row| Ok(Entry { sequence: row.try_get("seq")?, event: event(row)? })).collect()
    }

    /// The latest word on an attempt of this person: settled, ended, or begun.
    pub async fn outcome_of(&self, actor: ObjectGuid, attempt: AttemptId) -> Result<Option<AuditEvent>, StoreError> {
        let statement = format!("SELECT {COLUMNS} FROM audit WHERE actor_guid = $1 AND attempt = $2 ORDER BY seq DESC LIMIT 1");
        let query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(actor.to_string()).bind(attempt.to_string());
        let row: Option<AnyRow> = within(query.fetch_optional(&self.store.pool)).await?;
        row.as_ref().map(event).transpose()
    }

    /// Attempts made before a time whose outcome is missing or unknown, and that nobody has settled; oldest first.
    pub async fn unsettled(&self, before: Timestamp, limit: u32) -> Result<Vec<AuditEvent>, StoreError> {
        let statement = format!(
            "SELECT {COLUMNS} FROM audit a WHERE kind = 'change_attempt' AND at < $1 AND NOT EXISTS
                (SELECT 1 FROM audit later WHERE later.actor_guid = a.actor_guid AND later.attempt = a.attempt AND
                    (later.kind = 'change_reconciled' OR (later.kind = 'change_outcome' AND later.outcome <> 'unknown')))
             ORDER BY seq LIMIT $2"
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(stored(before)).bind(i64::from(limit));
        let rows: Vec<AnyRow> = within(query.fetch_all(&self.store.pool)).await?;
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
        .bind(event.method.map(|m| m.code()))
        .bind(event.client.map(|c| c.to_string()))
        .bind(guid(&event.target))
        .bind(account(&event.target))
        .bind(name(&event.target))
        .bind(event.controller.as_deref().map(clean))
        .bind(event.attempt.map(|a| a.to_string()))
        .bind(event.password_set_before)
}
