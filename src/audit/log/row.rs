//! Conversion between audit events and stored entries.

use std::net::IpAddr;

use jiff::Timestamp;
use uuid::Uuid;

use crate::audit::log::entry::StoredEntry;
use crate::{
    model::{
        ad::guid::ObjectGuid,
        audit::{AuditEvent, AuditOutcome, EventKind, Party, attempt::AttemptId},
        identity::{LoginMethod, level::AssuranceLevel, provider::ProviderId},
    },
    store::StoreError,
};

/// The event of an entry, without its CPR numbers.
pub(crate) fn event(entry: &StoredEntry) -> Result<AuditEvent, StoreError> {
    let corrupt = || StoreError::Corrupt("audit");
    let party = |guid: &Option<String>, account: &Option<String>, name: &Option<String>| {
        let Some(guid) = guid else { return Ok(None) };
        let guid = ObjectGuid::parse(guid).ok_or_else(corrupt)?;
        Ok::<_, StoreError>(Some(Party { guid, account_name: account.clone().unwrap_or_default(), name: name.clone().unwrap_or_default() }))
    };
    Ok(AuditEvent {
        at: Timestamp::from_microsecond(entry.at).map_err(|_| corrupt())?,
        visit: Uuid::try_parse(&entry.visit).map_err(|_| corrupt())?,
        kind: EventKind::from_code(&entry.kind).ok_or_else(corrupt)?,
        outcome: AuditOutcome::from_code(&entry.outcome).ok_or_else(corrupt)?,
        reason: entry.reason.clone(),
        actor: party(&entry.actor_guid, &entry.actor_account, &entry.actor_name)?,
        unknown_name: entry.unknown_name.clone(),
        method: entry.method.as_deref().map(|code| LoginMethod::from_code(code).ok_or_else(corrupt)).transpose()?,
        provider: entry.provider.as_deref().map(|id| ProviderId::parse(id).ok_or_else(corrupt)).transpose()?,
        level: entry.level.as_deref().map(|code| AssuranceLevel::from_code(code).ok_or_else(corrupt)).transpose()?,
        assertion: entry.assertion.clone(),
        actor_cpr: None,
        client: entry.client.as_deref().map(|address| address.parse::<IpAddr>().map_err(|_| corrupt())).transpose()?,
        user_agent: entry.user_agent.clone(),
        target: party(&entry.target_guid, &entry.target_account, &entry.target_name)?,
        target_cpr: None,
        controller: entry.controller.clone(),
        attempt: entry.attempt.as_deref().map(|id| AttemptId::parse(id).ok_or_else(corrupt)).transpose()?,
        authority: entry.authority.clone(),
        note: entry.note.clone(),
        ticket: entry.ticket.clone(),
        password_set_before: entry.password_set_before,
    })
}

#[cfg(test)]
mod tests {
    use crate::audit::log::text::{LONGEST_TEXT, clean};
    use proptest::{option, prelude::*};

    use crate::audit::log::row::*;
    use crate::{
        audit::AuditLog,
        store::{DerivedKeys, Store},
    };

    fn party() -> impl Strategy<Value = Party> {
        (any::<u128>(), ".*", ".*").prop_map(|(guid, account_name, name)| Party { guid: Uuid::from_u128(guid).into(), account_name, name })
    }

    prop_compose! {
        /// Any event with a target, of a kind without a uniqueness constraint.
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
            (provider, level, assertion) in (option::of("[a-z0-9-]{1,32}"), option::of(0..AssuranceLevel::ALL.len()), option::of(".*")),
            (authority, note, ticket, user_agent) in (option::of(".*"), option::of(".*"), option::of(".*"), option::of(".*")),
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
                level: level.map(|n| AssuranceLevel::ALL[n]),
                assertion,
                actor_cpr: None,
                client,
                user_agent,
                target: Some(target),
                target_cpr: None,
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
        for text in [&mut event.controller, &mut event.authority, &mut event.note, &mut event.ticket, &mut event.user_agent] {
            *text = text.as_deref().map(clean);
        }
        event
    }

    #[test]
    fn a_text_reads_as_it_is_written() {
        for (text, kept) in [
            ("Anna \u{202E}nnaH", "Anna \u{FFFD}nnaH"),
            ("a\u{2066}b\u{2069}\u{200F}\u{61C}c", "a\u{FFFD}b\u{FFFD}\u{FFFD}\u{FFFD}c"),
            ("a\u{200B}\u{FEFF}\u{E0041}b\r\n", "a\u{FFFD}\u{FFFD}\u{FFFD}b\u{FFFD}\u{FFFD}"),
            ("Ærø Ünal 🚲 שלום", "Ærø Ünal 🚲 שלום"),
        ] {
            assert_eq!(clean(text), kept);
        }
        let note = crate::model::cpr::mask_in("ringede fra 010190\u{202E}-\u{2066}1234");
        assert!(!clean(&note).contains("1234"), "{note}: what can't be seen hides no number");
    }

    #[test]
    fn any_event_comes_back_as_it_was_written() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}/store.db", folder.path().display());
        let store = runtime.block_on(Store::open(&url)).expect("opened");
        let log = AuditLog::new(&store, &DerivedKeys::new(&[7; 32]));
        proptest!(ProptestConfig::with_cases(200), |(event in events())| {
            let mut event = event;
            // Refusals without a grant are not part of a history.
            event.authority.get_or_insert_default();
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
