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
        level::Level,
        provider::ProviderId,
    },
    store::StoreError,
};

/// Longer texts are cut: nobody's name is longer, and a log is no place to store things.
const LONGEST_TEXT: usize = 1000;

/// The columns, in the order of [`super::log`]'s statements.
pub(super) const COLUMNS: &str = "at, visit, kind, outcome, reason, actor_guid, actor_account, actor_name, unknown_name, method, client, \
    target_guid, target_account, target_name, controller, attempt, password_set_before, provider, level, assertion, authority, note, ticket";

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
    let (provider, level) = (text("provider")?, text("level")?);
    Ok(AuditEvent {
        at: Timestamp::from_microsecond(row.try_get("at")?).map_err(|_| corrupt())?,
        visit: Uuid::try_parse(&needed("visit")?).map_err(|_| corrupt())?,
        kind: EventKind::from_code(&needed("kind")?).ok_or_else(corrupt)?,
        outcome: AuditOutcome::from_code(&needed("outcome")?).ok_or_else(corrupt)?,
        reason: needed("reason")?,
        actor: party("actor_guid", "actor_account", "actor_name")?,
        unknown_name: text("unknown_name")?,
        method: method.map(|code| LoginMethod::from_code(&code).ok_or_else(corrupt)).transpose()?,
        provider: provider.map(|id| ProviderId::parse(&id).ok_or_else(corrupt)).transpose()?,
        level: level.map(|code| Level::from_code(&code).ok_or_else(corrupt)).transpose()?,
        assertion: text("assertion")?,
        client: client.map(|address| address.parse::<IpAddr>().map_err(|_| corrupt())).transpose()?,
        target: party("target_guid", "target_account", "target_name")?,
        controller: text("controller")?,
        attempt: attempt.map(|id| AttemptId::parse(&id).ok_or_else(corrupt)).transpose()?,
        authority: text("authority")?,
        note: text("note")?,
        ticket: text("ticket")?,
        password_set_before: row.try_get("password_set_before")?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::{option, prelude::*};

    use super::*;
    use crate::{audit::Log, store::Store};

    fn party() -> impl Strategy<Value = Party> {
        (any::<u128>(), ".*", ".*").prop_map(|(guid, account_name, name)| Party { guid: Uuid::from_u128(guid).into(), account_name, name })
    }

    prop_compose! {
        /// Any event about a target, of a kind that may be written any number of times.
        fn events()(
            at in -100_000_000_000_000_000_i64..100_000_000_000_000_000,
            visit in any::<u128>(),
            (reason, controller) in (".*", option::of(".*")),
            outcome in 0..AuditOutcome::ALL.len(),
            kind in 0..4_usize,
            (actor, target) in (option::of(party()), party()),
            unknown_name in option::of("[0-9a-f]{16}"),
            client in option::of(any::<IpAddr>()),
            attempt in option::of(any::<[u8; 16]>()),
            method in any::<bool>(),
            (provider, level, assertion) in (option::of("[a-z0-9-]{1,32}"), option::of(0..Level::ALL.len()), option::of(".*")),
            (authority, note, ticket) in (option::of(".*"), option::of(".*"), option::of(".*")),
            password_set_before in option::of(any::<i64>()),
        ) -> AuditEvent {
            AuditEvent {
                at: Timestamp::from_microsecond(at).expect("in range"),
                visit: Uuid::from_u128(visit),
                kind: [EventKind::SignIn, EventKind::SignOut, EventKind::ChangeOutcome, EventKind::ResetOutcome][kind],
                outcome: AuditOutcome::ALL[outcome],
                reason,
                actor,
                unknown_name,
                method: method.then_some(LoginMethod::AdPassword),
                provider: provider.and_then(|id| ProviderId::parse(&id)),
                level: level.map(|n| Level::ALL[n]),
                assertion,
                client,
                target: Some(target),
                controller,
                attempt: attempt.map(AttemptId::from_random),
                authority,
                note,
                ticket,
                password_set_before,
            }
        }
    }

    fn cleaned(mut event: AuditEvent) -> AuditEvent {
        for party in [&mut event.actor, &mut event.target].into_iter().flatten() {
            party.name = clean(&party.name);
            party.account_name = clean(&party.account_name);
        }
        event.reason = clean(&event.reason);
        event.assertion = event.assertion.as_deref().map(clean);
        for text in [&mut event.controller, &mut event.authority, &mut event.note, &mut event.ticket] {
            *text = text.as_deref().map(clean);
        }
        event
    }

    #[test]
    fn any_event_comes_back_as_it_was_written() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}/store.db", folder.path().display());
        let store = runtime.block_on(Store::open(&url)).expect("opened");
        let log = Log::new(&store);
        proptest!(ProptestConfig::with_cases(200), |(event in events())| {
            let target = event.target.as_ref().expect("a target").guid;
            let read = runtime.block_on(async {
                log.append(&event).await.expect("appended");
                log.history_of(target, 1, Timestamp::MIN).await.expect("read").remove(0).event
            });
            prop_assert_eq!(read, cleaned(event));
        });
    }

    #[test]
    fn nothing_that_breaks_a_line_or_a_database_is_kept() {
        assert_eq!(clean("a\0b\r\nc\u{85}d"), "a\u{FFFD}b\u{FFFD}\u{FFFD}c\u{FFFD}d");
        assert_eq!(clean(&"å".repeat(5000)).chars().count(), LONGEST_TEXT);
    }
}
