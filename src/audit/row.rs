//! An event as a row and back.

use std::net::IpAddr;

use jiff::Timestamp;
use sqlx::{Row, any::AnyRow};
use uuid::Uuid;

use crate::{
    model::{
        attempt::AttemptId,
        audit::{AuditEvent, AuditOutcome, EventKind, Party},
        guid::ObjectGuid,
        identity::LoginMethod,
    },
    store::StoreError,
};

/// Longer texts are cut: nobody's name is longer, and a log is no place to store things.
const LONGEST_TEXT: usize = 1000;

/// The columns, in the order of [`super::log`]'s statements.
pub(super) const COLUMNS: &str = "at, visit, kind, outcome, reason, actor_guid, actor_account, actor_name, unknown_name, method, client, \
    target_guid, target_account, target_name, controller, attempt, password_set_before";

/// A text that every database takes and that can't break a line of anything: control characters become U+FFFD.
pub(super) fn clean(text: &str) -> String {
    text.chars().take(LONGEST_TEXT).map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect()
}

pub(super) fn event(row: &AnyRow) -> Result<AuditEvent, StoreError> {
    let corrupt = || StoreError::Corrupt("audit");
    let text = |column: &str| Ok::<Option<String>, StoreError>(row.try_get(column)?);
    let needed = |column: &str| text(column)?.ok_or_else(corrupt);
    let party = |guid: &str, account: &str, name: &str| match text(guid)? {
        None => Ok(None),
        Some(guid) => {
            let guid = ObjectGuid::parse(&guid).ok_or_else(corrupt)?;
            Ok::<_, StoreError>(Some(Party {
                guid,
                account_name: text(account)?.unwrap_or_default(),
                name: text(name)?.unwrap_or_default(),
            }))
        }
    };
    let method = text("method")?;
    let client = text("client")?;
    let attempt = text("attempt")?;
    Ok(AuditEvent {
        at: Timestamp::from_microsecond(row.try_get("at")?).map_err(|_| corrupt())?,
        visit: Uuid::try_parse(&needed("visit")?).map_err(|_| corrupt())?,
        kind: EventKind::from_code(&needed("kind")?).ok_or_else(corrupt)?,
        outcome: AuditOutcome::from_code(&needed("outcome")?).ok_or_else(corrupt)?,
        reason: needed("reason")?,
        actor: party("actor_guid", "actor_account", "actor_name")?,
        unknown_name: text("unknown_name")?,
        method: method.map(|code| LoginMethod::from_code(&code).ok_or_else(corrupt)).transpose()?,
        client: client.map(|address| address.parse::<IpAddr>().map_err(|_| corrupt())).transpose()?,
        target: party("target_guid", "target_account", "target_name")?,
        controller: text("controller")?,
        attempt: attempt.map(|id| AttemptId::parse(&id).ok_or_else(corrupt)).transpose()?,
        password_set_before: row.try_get("password_set_before")?,
    })
}
