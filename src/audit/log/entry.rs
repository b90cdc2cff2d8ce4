//! An audit entry as the store has it, and the bytes that its MAC and its seal cover.

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use sqlx::{
    Any, Row,
    any::{AnyArguments, AnyRow},
    query::Query,
};

use crate::audit::log::text::clean;
use crate::{
    model::{
        audit::{AuditEvent, Party},
        identity::{LoginMethod, level::AssuranceLevel, provider::ProviderId},
    },
    store::{DerivedKeys, StoreError, stored},
};

macro_rules! entry {
    ($($(#[$doc:meta])* $name:ident: $type:ty),+ $(,)?) => {
        /// An entry, column by column, as it is stored and exported. Texts are clean: no control characters, at most
        /// 1000 characters.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct StoredEntry {
            $($(#[$doc])* pub $name: $type,)+
        }

        /// The columns, in the order of [`StoredEntry`].
        pub const COLUMNS: &[&str] = &[$(stringify!($name)),+];

        impl StoredEntry {
            /// The bytes that MAC and seal cover: each column except the MAC, in order, with its type and length, so
            /// that no two entries have the same bytes. The format never changes; a new column is appended and adds
            /// nothing where it is NULL.
            pub fn content(&self) -> Vec<u8> {
                let mut bytes = b"os2nykode audit entry 1".to_vec();
                for (name, value) in [$((stringify!($name), ColumnValue::from(&self.$name))),+] {
                    if name != "mac" {
                        value.write(name, &mut bytes);
                    }
                }
                bytes
            }

            /// Reads the entry from a row.
            pub(crate) fn read(row: &AnyRow) -> Result<Self, StoreError> {
                Ok(Self { $($name: row.try_get(stringify!($name))?),+ })
            }

            /// Binds the columns to a statement, in order.
            pub(crate) fn bind_to(self, query: Query<'static, Any, AnyArguments>) -> Query<'static, Any, AnyArguments> {
                query$(.bind(self.$name))+
            }
        }
    };
}

entry! {
    /// Microseconds since 1970 UTC.
    at: i64,
    /// UUID of the visit.
    visit: String,
    /// `EventKind::code`.
    kind: String,
    /// `AuditOutcome::code`.
    outcome: String,
    /// A stable code, or empty.
    reason: String,
    /// objectGUID.
    actor_guid: Option<String>,
    /// sAMAccountName.
    actor_account: Option<String>,
    /// displayName.
    actor_name: Option<String>,
    /// Fingerprint of a login name that belongs to no account.
    unknown_name: Option<String>,
    /// `LoginMethod::code`.
    method: Option<String>,
    /// IP address.
    client: Option<String>,
    /// objectGUID.
    target_guid: Option<String>,
    /// sAMAccountName.
    target_account: Option<String>,
    /// displayName.
    target_name: Option<String>,
    /// The controller's configured name.
    controller: Option<String>,
    /// Attempt number of the submitted form.
    attempt: Option<String>,
    /// pwdLastSet before the write, in AD's ticks of 100 ns.
    password_set_before: Option<i64>,
    /// Id of the identity provider.
    provider: Option<String>,
    /// `AssuranceLevel::code`.
    level: Option<String>,
    /// Id of the provider's assertion.
    assertion: Option<String>,
    /// `Ground::code`.
    authority: Option<String>,
    /// A helper's reason, the search words, or details of the event.
    note: Option<String>,
    /// Ticket number.
    ticket: Option<String>,
    /// `User-Agent` header.
    user_agent: Option<String>,
    /// `AuditEvent::role`.
    role: Option<String>,
    /// DNS name of the target's domain.
    target_domain: Option<String>,
    /// Commitment to the actor's CPR number, 64 hexadecimal digits.
    actor_cpr: Option<String>,
    /// Commitment to the target's CPR number, 64 hexadecimal digits.
    target_cpr: Option<String>,
    /// `DerivedKeys::audit_mac` of [`StoredEntry::content`], 32 hexadecimal digits.
    mac: Option<String>,
}

impl StoredEntry {
    /// The event as it is stored, without commitments and MAC, which [`crate::audit::AuditLog`] adds.
    pub(crate) fn of(event: &AuditEvent, domain: Option<&str>) -> Self {
        let guid = |party: &Option<Party>| party.as_ref().map(|p| p.guid.to_string());
        let account = |party: &Option<Party>| party.as_ref().map(|p| clean(&p.account_name));
        let name = |party: &Option<Party>| party.as_ref().map(|p| clean(&p.name));
        Self {
            at: stored(event.at),
            visit: event.visit.to_string(),
            kind: event.kind.code().to_owned(),
            outcome: event.outcome.code().to_owned(),
            reason: clean(&event.reason),
            actor_guid: guid(&event.actor),
            actor_account: account(&event.actor),
            actor_name: name(&event.actor),
            unknown_name: event.unknown_name.as_deref().map(clean),
            method: event.method.map(|method| LoginMethod::code(method).to_owned()),
            client: event.client.map(|c| c.to_string()),
            target_guid: guid(&event.target),
            target_account: account(&event.target),
            target_name: name(&event.target),
            controller: event.controller.as_deref().map(clean),
            attempt: event.attempt.map(|a| a.to_string()),
            password_set_before: event.password_set_before,
            provider: event.provider.as_ref().map(ProviderId::as_str).map(str::to_owned),
            level: event.level.map(|level| AssuranceLevel::code(level).to_owned()),
            assertion: event.assertion.as_deref().map(clean),
            authority: event.authority.as_deref().map(clean),
            note: event.note.as_deref().map(clean),
            ticket: event.ticket.as_deref().map(clean),
            user_agent: event.user_agent.as_deref().map(clean),
            role: event.role().map(clean),
            target_domain: domain.filter(|_| event.target.is_some()).map(clean),
            actor_cpr: None,
            target_cpr: None,
            mac: None,
        }
    }

    /// SHA-256 of the content and the MAC: the entry's part of its chain hash.
    pub fn digest(&self) -> [u8; 32] {
        let mut bytes = self.content();
        ColumnValue::from(&self.mac).write("mac", &mut bytes);
        let mut sum = [0; 32];
        sum.copy_from_slice(digest(&SHA256, &bytes).as_ref());
        sum
    }

    /// Whether the MAC is valid: an instance of the service has written the entry, and it is unchanged.
    pub fn is_authentic(&self, keys: &DerivedKeys) -> bool {
        self.mac.as_deref().is_some_and(|mac| keys.verify_audit_mac(&self.content(), mac))
    }
}

enum ColumnValue<'a> {
    Null,
    Number(i64),
    Text(&'a str),
}

impl ColumnValue<'_> {
    /// NULL writes nothing; other values write name, type, length and bytes.
    fn write(&self, name: &str, bytes: &mut Vec<u8>) {
        let (kind, value): (u8, &[u8]) = match self {
            Self::Null => return,
            Self::Number(number) => (b'i', &number.to_be_bytes()),
            Self::Text(text) => (b't', text.as_bytes()),
        };
        for part in [name.as_bytes(), &[kind], value] {
            bytes.extend((part.len() as u64).to_be_bytes());
            bytes.extend(part);
        }
    }
}

impl From<&i64> for ColumnValue<'_> {
    fn from(value: &i64) -> Self {
        Self::Number(*value)
    }
}

impl<'a> From<&'a String> for ColumnValue<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a Option<String>> for ColumnValue<'a> {
    fn from(value: &'a Option<String>) -> Self {
        value.as_deref().map_or(Self::Null, Self::Text)
    }
}

impl From<&Option<i64>> for ColumnValue<'_> {
    fn from(value: &Option<i64>) -> Self {
        value.map_or(Self::Null, Self::Number)
    }
}
