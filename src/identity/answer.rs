//! What a provider's answer comes to, whatever it speaks.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::saml::subject::Subject;
use crate::model::{claim::Claim, level::Level};

/// What the provider answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A login.
    Login(Box<Login>),
    /// No login. Nothing in it is proven; it only ends what was begun.
    Failure(Failure),
}

/// A proven login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// What the provider's own log names it by: the assertion's ID, a claim of the ID token. Empty where there is nothing.
    pub assertion: String,
    /// Until when the answer could be used again.
    pub until: Timestamp,
    /// What leads to accounts.
    pub claim: Claim,
    /// How sure it is.
    pub level: Level,
    /// The person's name, where the provider tells it.
    pub name: Option<String>,
    /// When the person showed who they are.
    pub at: Timestamp,
    /// When the provider's session ends, and with it ours, where it says so.
    pub ends: Option<Timestamp>,
    /// What a logout needs.
    pub session: Option<SessionThere>,
}

/// Why there was no login, as far as a visitor can act on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Given up or refused there.
    Cancelled,
    /// The level that was asked for can't be reached.
    Level,
    /// The provider would have had to ask the person, and was told not to.
    Passive,
    /// The provider can't do it now.
    Busy,
    /// Anything else, with the provider's own word for it where that is a plain one.
    Other(Option<ErrorCode>),
}

impl Failure {
    /// The word in the audit log.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Cancelled => "provider_cancelled",
            Self::Level => "provider_level_not_reached",
            Self::Passive => "provider_no_passive",
            Self::Busy => "provider_busy",
            Self::Other(_) => "provider_failed",
        }
    }
}

/// A provider's word for what went wrong: short and plain, or it is not shown. Anybody could have written it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorCode(String);

impl ErrorCode {
    /// 1 to 48 letters, digits, `_`, `-` and `.`.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b'.');
        ((1..=48).contains(&text.len()) && text.bytes().all(plain)).then(|| Self(text.to_owned()))
    }

    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The session that a login has begun at the provider: what a logout there needs, on either side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionThere {
    /// SAML's.
    Saml(Subject),
    /// OpenID Connect's.
    Oidc(super::oidc::Session),
}

impl SessionThere {
    /// What the provider calls the person.
    pub fn person(&self) -> &str {
        match self {
            Self::Saml(subject) => &subject.name_id,
            Self::Oidc(session) => &session.sub,
        }
    }

    /// What it calls the session, where it has such names.
    pub fn session(&self) -> Option<String> {
        match self {
            Self::Saml(subject) => subject.session_index.as_ref().map(|index| Subject::session(&subject.name_id, index)),
            Self::Oidc(session) => session.sid.clone(),
        }
    }
}
