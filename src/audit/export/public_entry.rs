//! The public form of an audit entry: the same in the API, in syslog, in files and in web hooks (docs/audit-api.md).
//!
//! Invariants:
//! - It contains no CPR number, no commitment to one and no MAC.
//! - A field never changes its name, type or meaning, and is never removed.

use jiff::Timestamp;
use serde::Serialize;

use crate::audit::{export::feed::SealedEntry, log::entry::StoredEntry};
use crate::model::audit::EventKind;

/// An entry. A missing value is `null`; no field is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublicEvent {
    /// Sequence number.
    pub number: i64,
    /// False: the entry was not written by the service, or was changed before it was sealed. Its content may be
    /// anything.
    pub authentic: bool,
    /// RFC 3339, UTC, microseconds.
    pub at: String,
    /// UUID that groups the entries of one visit.
    pub visit: String,
    /// `EventKind::code`.
    pub kind: String,
    /// `Class::code`; null for a kind that this version does not know.
    pub class: Option<&'static str>,
    /// `AuditOutcome::code`.
    pub outcome: String,
    /// A stable code, or empty.
    pub reason: String,
    pub actor: Option<PublicParty>,
    /// Fingerprint of a login name that belongs to no account.
    pub unknown_name: Option<String>,
    /// `LoginMethod::code` of the actor's login.
    pub method: Option<String>,
    /// Id of the identity provider.
    pub provider: Option<String>,
    /// `Level::code` of the login: its assurance level.
    pub level: Option<String>,
    /// Id of the provider's assertion.
    pub assertion: Option<String>,
    /// The client's IP address.
    pub client: Option<String>,
    /// `User-Agent` header.
    pub user_agent: Option<String>,
    /// The actor's role in this event.
    pub role: Option<String>,
    /// The actor's grant.
    pub authority: Option<String>,
    /// The account acted on.
    pub target: Option<PublicParty>,
    /// DNS name of the target's domain.
    pub target_domain: Option<String>,
    /// Configured name of the controller.
    pub controller: Option<String>,
    /// Attempt number of the submitted form.
    pub attempt: Option<String>,
    /// A helper's reason, the search words, or details of the event.
    pub note: Option<String>,
    /// Ticket number.
    pub ticket: Option<String>,
    /// True: texts were shortened to fit into a syslog message. The API has the full texts.
    pub cut: bool,
}

/// An account as named at the time of the event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublicParty {
    /// objectGUID.
    pub guid: String,
    /// sAMAccountName at that time.
    pub account: String,
    /// displayName at that time.
    pub name: String,
}

impl PublicEvent {
    /// The entry at a sequence number; `None` where there is none.
    pub fn of(sealed: &SealedEntry) -> Option<Self> {
        Some(Self::new(sealed.number, sealed.authentic, sealed.entry()?.clone()))
    }

    /// From an entry and its seal.
    pub fn new(number: i64, authentic: bool, entry: StoredEntry) -> Self {
        let party = |guid: Option<String>, account: Option<String>, name: Option<String>| {
            guid.map(|guid| PublicParty { guid, account: account.unwrap_or_default(), name: name.unwrap_or_default() })
        };
        Self {
            number,
            authentic,
            at: written(entry.at),
            visit: entry.visit,
            class: EventKind::from_code(&entry.kind).map(|kind| kind.class().code()),
            kind: entry.kind,
            outcome: entry.outcome,
            reason: entry.reason,
            actor: party(entry.actor_guid, entry.actor_account, entry.actor_name),
            unknown_name: entry.unknown_name,
            method: entry.method,
            provider: entry.provider,
            level: entry.level,
            assertion: entry.assertion,
            client: entry.client,
            user_agent: entry.user_agent,
            role: entry.role,
            authority: entry.authority,
            target: party(entry.target_guid, entry.target_account, entry.target_name),
            target_domain: entry.target_domain,
            controller: entry.controller,
            attempt: entry.attempt,
            note: entry.note,
            ticket: entry.ticket,
            cut: false,
        }
    }

    /// One line of JSON. Control characters are escaped.
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers only")
    }

    /// Like [`PublicEvent::json`], in at most `bytes` bytes: the longest text is halved until the line fits. A line whose
    /// texts are all short may stay longer.
    pub fn json_within(mut self, bytes: usize) -> String {
        loop {
            let json = self.json();
            if json.len() <= bytes {
                return json;
            }
            let Some(longest) = self.texts().into_iter().max_by_key(|text| text.len()).filter(|text| text.len() > 40) else { return json };
            let half = longest.floor_char_boundary(longest.len() / 2);
            longest.truncate(half);
            longest.push('…');
            self.cut = true;
        }
    }

    fn texts(&mut self) -> Vec<&mut String> {
        let mut texts = vec![&mut self.visit, &mut self.kind, &mut self.outcome, &mut self.reason];
        for party in [&mut self.actor, &mut self.target].into_iter().flatten() {
            texts.extend([&mut party.guid, &mut party.account, &mut party.name]);
        }
        let more = [
            &mut self.unknown_name,
            &mut self.method,
            &mut self.provider,
            &mut self.level,
            &mut self.assertion,
            &mut self.client,
            &mut self.user_agent,
            &mut self.role,
            &mut self.authority,
            &mut self.target_domain,
            &mut self.controller,
            &mut self.attempt,
            &mut self.note,
            &mut self.ticket,
        ];
        texts.extend(more.into_iter().flatten());
        texts
    }
}

/// A stored time as text. A time that cannot be written becomes the nearest one that can.
fn written(at: i64) -> String {
    let nearest = if at < 0 { Timestamp::UNIX_EPOCH } else { Timestamp::MAX };
    let at = Timestamp::from_microsecond(at).ok().filter(|at| *at >= Timestamp::UNIX_EPOCH).unwrap_or(nearest);
    at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

#[cfg(test)]
mod tests {
    use crate::audit::export::public_entry::*;
    use crate::audit::log::entry::COLUMNS;

    /// An entry with every column filled, as an intruder could write it.
    fn entry(text: &str) -> StoredEntry {
        let mut columns: serde_json::Map<String, serde_json::Value> =
            COLUMNS.iter().map(|column| ((*column).to_owned(), format!("{column}{text}").into())).collect();
        columns.insert("at".to_owned(), 1_800_000_000_000_001_i64.into());
        columns.insert("password_set_before".to_owned(), 7.into());
        serde_json::from_value(columns.into()).expect("an entry")
    }

    #[test]
    fn everything_is_told_but_what_belongs_to_the_service_alone() {
        let json = PublicEvent::new(7, true, entry("")).json();
        for column in COLUMNS {
            let ours = ["actor_cpr", "target_cpr", "mac"].contains(column);
            let number = ["at", "password_set_before"].contains(column);
            assert_eq!(json.contains(&format!("\"{column}\"")), !ours && !number || *column == "at", "{column} in {json}");
        }
        assert!(json.contains("\"at\":\"2027-01-15T08:00:00.000001Z\"") && json.starts_with("{\"number\":7,\"authentic\":true,"), "{json}");
    }

    #[test]
    fn it_is_one_line_whatever_it_holds_and_fits_where_it_has_to() {
        let long = PublicEvent::new(1, false, entry(&"\r\n\u{1b}æ\"\u{2028}".repeat(150)));
        let whole = long.json();
        assert!(!whole.contains(['\r', '\n', '\u{1b}']) && whole.len() > 16_000);
        let cut = long.clone().json_within(4000);
        assert!(cut.len() <= 4000, "{}", cut.len());
        let read: serde_json::Value = serde_json::from_str(&cut).expect("JSON");
        assert_eq!((&read["cut"], &read["number"]), (&true.into(), &1.into()));
        assert_eq!(long.clone().json_within(100_000), whole);
    }

    #[test]
    fn no_time_is_too_strange_to_be_told() {
        assert_eq!(written(i64::MAX), "9999-12-30T22:00:00.999999Z");
        assert_eq!(written(i64::MIN), "1970-01-01T00:00:00.000000Z");
    }
}
