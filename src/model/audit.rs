//! What the audit log holds: who did what to which account, from where, and how it ended.

use std::net::IpAddr;

use jiff::Timestamp;
use uuid::Uuid;

use super::{attempt::AttemptId, cpr::Cpr, guid::ObjectGuid, identity::LoginMethod, level::Level, provider::ProviderId};

/// What happened. `code` is what is stored; a code once released never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// A login, in whatever way it ended.
    SignIn,
    /// A logout.
    SignOut,
    /// A change of a password is about to be sent to AD. Followed by a `ChangeOutcome` of the same attempt; alone = a crash.
    ChangeAttempt,
    /// How a change ended; without an attempt before it when it was refused before AD was asked.
    ChangeOutcome,
    /// A change whose outcome was unknown or missing, settled afterwards from pwdLastSet.
    ChangeReconciled,
    /// As `ChangeAttempt`, for a new password that is set without the old one.
    ResetAttempt,
    /// As `ChangeOutcome`, for a reset.
    ResetOutcome,
    /// As `ChangeReconciled`, for a reset.
    ResetReconciled,
    /// A lockout is about to be ended for somebody, without a new password. Followed by an `UnlockOutcome`.
    UnlockAttempt,
    /// How the unlocking ended, or why it was not tried.
    UnlockOutcome,
    /// Somebody looked at another's account.
    AccountSeen,
    /// Somebody looked at, or searched in, a list of others.
    ListSeen,
    /// A one-time code was given out for somebody.
    CodeIssued,
    /// A login with a one-time code, in whatever way it ended.
    CodeUsed,
    /// Slips with new passwords were made for several pupils; each password has a reset of its own.
    SlipsMade,
    /// A local staff account was made, removed or changed at the command line; the reason says what was done. Begun before it is done.
    StaffAccount,
    /// A one-time code ran out without being used.
    CodeExpired,
    /// Somebody searched in the log, or looked at one of its entries; the note says for what.
    LogSeen,
    /// Somebody took a part of the log away; the note says which.
    LogExported,
    /// Somebody made a masked CPR number of the log readable.
    CprRevealed,
    /// An instance started; the note is the hash of its configuration.
    ServiceStarted,
    /// An instance was asked to stop, and did.
    ServiceStopped,
    /// An identity provider's metadata or keys are not what they were.
    ProviderChanged,
    /// A token for the log's API was made or revoked at the command line.
    ApiToken,
    /// Entries that had been kept long enough were deleted.
    RetentionRan,
    /// The log was verified; the outcome says whether it was whole.
    LogVerified,
    /// The CPR numbers of the log were encrypted with another key.
    CprKeyRotated,
    /// Something in the log looks like an attack or a mistake; the reason is the rule, the note what was counted.
    AlertRaised,
}

/// What kinds are kept equally long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Logins and logouts.
    Logins,
    /// What was done to passwords and accounts.
    Passwords,
    /// Who looked at whose data.
    Views,
    /// What the service, its operators and its alerts did.
    Operations,
}

impl EventKind {
    /// What settles an attempt; `None` for what is no attempt.
    pub fn settled_by(self) -> Option<Self> {
        match self {
            Self::ChangeAttempt => Some(Self::ChangeReconciled),
            Self::ResetAttempt => Some(Self::ResetReconciled),
            Self::SignIn
            | Self::SignOut
            | Self::ChangeOutcome
            | Self::ChangeReconciled
            | Self::ResetOutcome
            | Self::ResetReconciled
            | Self::UnlockAttempt
            | Self::UnlockOutcome
            | Self::AccountSeen
            | Self::ListSeen
            | Self::CodeIssued
            | Self::CodeUsed
            | Self::SlipsMade
            | Self::StaffAccount
            | Self::CodeExpired
            | Self::LogSeen
            | Self::LogExported
            | Self::CprRevealed
            | Self::ServiceStarted
            | Self::ServiceStopped
            | Self::ProviderChanged
            | Self::ApiToken
            | Self::RetentionRan
            | Self::LogVerified
            | Self::CprKeyRotated
            | Self::AlertRaised => None,
        }
    }

    /// Is it the word on an attempt that was found out afterwards?
    pub fn settles(self) -> bool {
        matches!(self, Self::ChangeReconciled | Self::ResetReconciled)
    }

    /// How long it is kept is configured by class.
    pub fn class(self) -> Class {
        match self {
            Self::SignIn | Self::SignOut => Class::Logins,
            Self::ChangeAttempt
            | Self::ChangeOutcome
            | Self::ChangeReconciled
            | Self::ResetAttempt
            | Self::ResetOutcome
            | Self::ResetReconciled
            | Self::UnlockAttempt
            | Self::UnlockOutcome
            | Self::CodeIssued
            | Self::CodeUsed
            | Self::CodeExpired
            | Self::SlipsMade => Class::Passwords,
            Self::AccountSeen | Self::ListSeen | Self::LogSeen | Self::LogExported | Self::CprRevealed => Class::Views,
            Self::StaffAccount
            | Self::ServiceStarted
            | Self::ServiceStopped
            | Self::ProviderChanged
            | Self::ApiToken
            | Self::RetentionRan
            | Self::LogVerified
            | Self::CprKeyRotated
            | Self::AlertRaised => Class::Operations,
        }
    }
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditOutcome {
    /// Under way (attempts only).
    Started,
    /// Done.
    Succeeded,
    /// Refused; the reason says why.
    Refused,
    /// A fault of ours or of a controller; nothing was changed.
    Failed,
    /// The connection was lost in the middle: nobody knows.
    Unknown,
}

macro_rules! codes {
    ($type:ident { $($variant:ident = $code:literal),+ $(,)? }) => {
        impl $type {
            /// Every variant.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word in the store.
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// Reads the word in the store.
            pub fn from_code(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

codes!(EventKind {
    SignIn = "sign_in",
    SignOut = "sign_out",
    ChangeAttempt = "change_attempt",
    ChangeOutcome = "change_outcome",
    ChangeReconciled = "change_reconciled",
    ResetAttempt = "reset_attempt",
    ResetOutcome = "reset_outcome",
    ResetReconciled = "reset_reconciled",
    UnlockAttempt = "unlock_attempt",
    UnlockOutcome = "unlock_outcome",
    AccountSeen = "account_seen",
    ListSeen = "list_seen",
    CodeIssued = "code_issued",
    CodeUsed = "code_used",
    SlipsMade = "slips_made",
    StaffAccount = "staff_account",
    CodeExpired = "code_expired",
    LogSeen = "log_seen",
    LogExported = "log_exported",
    CprRevealed = "cpr_revealed",
    ServiceStarted = "service_started",
    ServiceStopped = "service_stopped",
    ProviderChanged = "provider_changed",
    ApiToken = "api_token",
    RetentionRan = "retention_ran",
    LogVerified = "log_verified",
    CprKeyRotated = "cpr_key_rotated",
    AlertRaised = "alert_raised",
});
codes!(Class { Logins = "logins", Passwords = "passwords", Views = "views", Operations = "operations" });
codes!(AuditOutcome { Started = "started", Succeeded = "succeeded", Refused = "refused", Failed = "failed", Unknown = "unknown" });

/// An account as the log names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// objectGUID.
    pub guid: ObjectGuid,
    /// sAMAccountName at that time.
    pub account_name: String,
    /// displayName at that time.
    pub name: String,
}

/// One entry. Never holds a password, a code or a token; CPR numbers are written encrypted, beside it; a login name that belongs to no account is not
/// stored either (people type their password into the wrong field), only a keyed fingerprint of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// When.
    pub at: Timestamp,
    /// Binds the entries of one visit together.
    pub visit: Uuid,
    /// What.
    pub kind: EventKind,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// Why, as a stable code (`Refusal::code` and the like); empty where there is nothing to say.
    pub reason: String,
    /// Who acted, where known.
    pub actor: Option<Party>,
    /// Keyed fingerprint of a login name that belongs to no account.
    pub unknown_name: Option<String>,
    /// How they logged in.
    pub method: Option<LoginMethod>,
    /// At which identity provider.
    pub provider: Option<ProviderId>,
    /// How sure that login was; `None` for one with an AD password.
    pub level: Option<Level>,
    /// The ID of the provider's assertion, by which the provider finds the login in its own log.
    pub assertion: Option<String>,
    /// The CPR number of who acts, where the login proved one. Never read back with an entry.
    pub actor_cpr: Option<Cpr>,
    /// The client's address.
    pub client: Option<IpAddr>,
    /// What the client's browser calls itself.
    pub user_agent: Option<String>,
    /// The account acted on.
    pub target: Option<Party>,
    /// The CPR number of the person whose account that is, where a register told it. Never read back with an entry.
    pub target_cpr: Option<Cpr>,
    /// The controller asked, by its configured name.
    pub controller: Option<String>,
    /// The submitted form that it belongs to.
    pub attempt: Option<AttemptId>,
    /// Why the actor may act on another's account (`Ground::code`); `None` where it is their own.
    pub authority: Option<String>,
    /// The helper's reason, in their own words.
    pub note: Option<String>,
    /// The helper's ticket number.
    pub ticket: Option<String>,
    /// pwdLastSet before the change, in AD's ticks: what a lone attempt is reconciled with.
    pub password_set_before: Option<i64>,
}

impl AuditEvent {
    /// Did somebody act on an account that is not their own?
    pub fn is_by_another(&self) -> bool {
        self.actor.as_ref().zip(self.target.as_ref()).is_some_and(|(actor, target)| actor.guid != target.guid)
    }

    /// What the actor was in this: `own` on their own account, else the first word of the authority; `None` where nobody acted on an account with a right.
    pub fn role(&self) -> Option<&str> {
        let own = || self.actor.as_ref().zip(self.target.as_ref()).is_some_and(|(actor, target)| actor.guid == target.guid);
        match &self.authority {
            Some(authority) => authority.split(':').next(),
            None => own().then_some("own"),
        }
    }
}
