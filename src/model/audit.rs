//! What the audit log holds: who did what to which account, from where, and how it ended.

use std::net::IpAddr;

use jiff::Timestamp;
use uuid::Uuid;

use super::{attempt::AttemptId, guid::ObjectGuid, identity::LoginMethod, level::Level, provider::ProviderId};

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
            | Self::StaffAccount => None,
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
});
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

/// One entry. Never holds a password or a CPR number; a login name that belongs to no account is not stored either (people type their password into
/// the wrong field), only a keyed fingerprint of it.
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
    /// The client's address.
    pub client: Option<IpAddr>,
    /// The account acted on.
    pub target: Option<Party>,
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
