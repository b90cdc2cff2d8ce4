//! Results of a login at a provider, for both protocols.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::saml::subject::LogoutSubject;
use crate::model::identity::{claim::Claim, level::AssuranceLevel};

/// A provider's answer to a login request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginAnswer {
    /// A proven login.
    Login(Box<Login>),
    /// No login. This proves nothing; it only ends the login in progress.
    Failure(LoginFailure),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Reference to the login in the provider's own log: the assertion's ID, or a claim of the ID token. Empty without one.
    pub assertion: String,
    /// Time until which the answer could be replayed.
    pub until: Timestamp,
    /// Claim that leads to the linked accounts.
    pub claim: Claim,
    /// Assurance level.
    pub level: AssuranceLevel,
    /// The person's name, if the provider sends it.
    pub name: Option<String>,
    /// Time of authentication.
    pub at: Timestamp,
    /// End of the provider's session, if it is known; our session ends with it.
    pub ends: Option<Timestamp>,
    /// Data for a logout at the provider.
    pub session: Option<SessionThere>,
}

/// Reasons for an answer without a login, by the visitor's next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginFailure {
    /// The person cancelled, or the provider refused.
    Cancelled,
    /// The requested assurance level is not available.
    Level,
    /// The provider would have had to ask the person, which the request forbade.
    Passive,
    /// The provider is temporarily unable to answer.
    Busy,
    /// Another reason, with the provider's error code if it is short and plain.
    Other(Option<ErrorCode>),
}

impl LoginFailure {
    /// Reason code in the audit log.
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

/// A provider's error code. Strangers can forge it, so it must be short and plain to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorCode(String);

impl ErrorCode {
    /// Parses 1 to 48 letters, digits, `_`, `-` and `.`.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b'.');
        ((1..=48).contains(&text.len()) && text.bytes().all(plain)).then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The session at the provider: data for a logout in either direction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionThere {
    Saml(LogoutSubject),
    Oidc(super::oidc::session::OidcSession),
}

impl SessionThere {
    /// The person's identifier at the provider.
    pub fn person(&self) -> &str {
        match self {
            Self::Saml(subject) => &subject.name_id,
            Self::Oidc(session) => &session.sub,
        }
    }

    /// The session's identifier at the provider, if it has one.
    pub fn session(&self) -> Option<String> {
        match self {
            Self::Saml(subject) => subject.session_index.as_ref().map(|index| LogoutSubject::session(&subject.name_id, index)),
            Self::Oidc(session) => session.sid.clone(),
        }
    }
}
