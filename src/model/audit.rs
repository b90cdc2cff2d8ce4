//! Entries of the audit log: actor, action, target, origin and outcome.

pub mod alerts;
pub mod attempt;
pub mod signing;

use std::net::IpAddr;

use jiff::Timestamp;
use uuid::Uuid;

use super::{cpr::Cpr, identity::LoginMethod};
use crate::model::{
    ad::guid::ObjectGuid,
    audit::attempt::AttemptId,
    identity::{level::AssuranceLevel, provider::ProviderId},
};

/// Kind of an audit entry. `code` is stored; a code never changes its meaning once released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// A login, successful or not.
    SignIn,
    SignOut,
    /// A change of a password is about to be sent to AD. A `ChangeOutcome` of the same attempt follows; an attempt without one marks a
    /// crash.
    ChangeAttempt,
    /// Outcome of a change. Without an attempt before it the change was refused before AD was asked.
    ChangeOutcome,
    /// A change whose outcome was unknown or missing, reconciled afterwards from AD's replication metadata of the password.
    ChangeReconciled,
    /// Like `ChangeAttempt`, for a reset.
    ResetAttempt,
    /// Like `ChangeOutcome`, for a reset.
    ResetOutcome,
    /// Like `ChangeReconciled`, for a reset.
    ResetReconciled,
    /// A lockout of another person's account is about to be ended, without a new password. An `UnlockOutcome` follows.
    UnlockAttempt,
    /// Outcome of an unlock, or the reason why it was refused.
    UnlockOutcome,
    /// The actor viewed another person's account.
    AccountViewed,
    /// The actor viewed or searched a list of other people's accounts.
    ListViewed,
    /// The actor issued a one-time code for another person.
    CodeIssued,
    /// A login with a one-time code, successful or not.
    CodeRedeemed,
    /// Slips with new passwords were made for several pupils. Each password has a reset entry of its own.
    SlipsMade,
    /// A local account was created, removed or changed on the command line; the reason names the operation. A first entry is
    /// written before it.
    StaffAccount,
    /// A one-time code expired unused.
    CodeExpired,
    /// The actor searched the audit log or viewed one of its entries; the note names the search or the sequence number.
    AuditLogViewed,
    /// Entries were exported, by an auditor or through the API; the note names format and period, or API token and cursor.
    LogExported,
    /// The actor revealed a masked CPR number of the audit log.
    CprRevealed,
    /// An instance started; the note is the hash of its configuration.
    ServiceStarted,
    /// An instance stopped on request.
    ServiceStopped,
    /// The metadata or keys of an identity provider changed.
    ProviderChanged,
    /// An API token was created or revoked on the command line.
    ApiToken,
    /// Entries past their retention were deleted.
    RetentionRan,
    /// The audit log was verified; the outcome is the result.
    LogVerified,
    /// The CPR numbers of the audit log were encrypted with another key.
    CprKeyRotated,
    /// An alert rule reached its threshold; the reason is the rule, the note holds count and window.
    AlertRaised,
    /// An auditor tested a login at a provider, which logged nobody in.
    LoginTested,
}

/// Retention class of audit entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RetentionClass {
    /// Logins and logouts.
    Logins,
    /// Operations on passwords and accounts.
    Passwords,
    /// Views of personal data.
    Views,
    /// Operation of the service, operators' commands, and alerts.
    Operations,
}

impl EventKind {
    /// The kind of entry that reconciles this attempt; `None` for kinds that are not reconciled.
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
            | Self::AccountViewed
            | Self::ListViewed
            | Self::CodeIssued
            | Self::CodeRedeemed
            | Self::SlipsMade
            | Self::StaffAccount
            | Self::CodeExpired
            | Self::AuditLogViewed
            | Self::LogExported
            | Self::CprRevealed
            | Self::ServiceStarted
            | Self::ServiceStopped
            | Self::ProviderChanged
            | Self::ApiToken
            | Self::RetentionRan
            | Self::LogVerified
            | Self::CprKeyRotated
            | Self::AlertRaised
            | Self::LoginTested => None,
        }
    }

    /// True for an outcome that was reconciled afterwards.
    pub fn settles(self) -> bool {
        matches!(self, Self::ChangeReconciled | Self::ResetReconciled)
    }

    /// Retention is configured by class.
    pub fn class(self) -> RetentionClass {
        match self {
            Self::SignIn | Self::SignOut => RetentionClass::Logins,
            Self::ChangeAttempt
            | Self::ChangeOutcome
            | Self::ChangeReconciled
            | Self::ResetAttempt
            | Self::ResetOutcome
            | Self::ResetReconciled
            | Self::UnlockAttempt
            | Self::UnlockOutcome
            | Self::CodeIssued
            | Self::CodeRedeemed
            | Self::CodeExpired
            | Self::SlipsMade => RetentionClass::Passwords,
            Self::AccountViewed | Self::ListViewed | Self::AuditLogViewed | Self::LogExported | Self::CprRevealed => RetentionClass::Views,
            Self::StaffAccount
            | Self::ServiceStarted
            | Self::ServiceStopped
            | Self::ProviderChanged
            | Self::ApiToken
            | Self::RetentionRan
            | Self::LogVerified
            | Self::CprKeyRotated
            | Self::AlertRaised
            | Self::LoginTested => RetentionClass::Operations,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditOutcome {
    /// Under way; only for attempts.
    Started,
    Succeeded,
    /// The reason field holds the cause.
    Refused,
    /// An error of ours or of a controller; nothing was changed.
    Failed,
    /// The connection was lost before the answer: AD may or may not have made the change.
    Unknown,
}

macro_rules! codes {
    ($type:ident { $($variant:ident = $code:literal),+ $(,)? }) => {
        impl $type {
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The stable code in the store.
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// Inverse of `code`.
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
    AccountViewed = "account_viewed",
    ListViewed = "list_viewed",
    CodeIssued = "code_issued",
    CodeRedeemed = "code_redeemed",
    SlipsMade = "slips_made",
    StaffAccount = "staff_account",
    CodeExpired = "code_expired",
    AuditLogViewed = "audit_log_viewed",
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
    LoginTested = "login_tested",
});
codes!(RetentionClass { Logins = "logins", Passwords = "passwords", Views = "views", Operations = "operations" });
codes!(AuditOutcome { Started = "started", Succeeded = "succeeded", Refused = "refused", Failed = "failed", Unknown = "unknown" });

/// An account as named in the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// objectGUID.
    pub guid: ObjectGuid,
    /// sAMAccountName at that time.
    pub account_name: String,
    /// displayName at that time.
    pub name: String,
}

/// One audit entry. It never holds a password, code or token. CPR numbers are stored encrypted, beside the entry. A login name without an
/// account is stored only as a keyed fingerprint, because people type passwords into the wrong field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    pub at: Timestamp,
    /// Common to all entries of one visit.
    pub visit: Uuid,
    pub kind: EventKind,
    pub outcome: AuditOutcome,
    /// A stable code (`Refusal::code` and the like); empty if there is no reason to record.
    pub reason: String,
    /// The account that acted, if known.
    pub actor: Option<Party>,
    /// Keyed fingerprint of a login name without an account.
    pub unknown_name: Option<String>,
    pub method: Option<LoginMethod>,
    pub provider: Option<ProviderId>,
    /// Assurance level of the login; `None` for AD passwords and one-time codes.
    pub level: Option<AssuranceLevel>,
    /// ID of the provider's assertion, by which the provider finds the login in its own log.
    pub assertion: Option<String>,
    /// CPR number of the actor, if the login proved one. Never read back with an entry.
    pub actor_cpr: Option<Cpr>,
    /// Client IP address.
    pub client: Option<IpAddr>,
    /// User-Agent header.
    pub user_agent: Option<String>,
    /// The account acted on.
    pub target: Option<Party>,
    /// CPR number of the target's owner, if a register gave it. Never read back with an entry.
    pub target_cpr: Option<Cpr>,
    /// Configured name of the controller that was used.
    pub controller: Option<String>,
    /// The submitted form that the entry belongs to.
    pub attempt: Option<AttemptId>,
    /// The grant under which the actor acts on another person's account (`Ground::code`); `None` on their own account.
    pub authority: Option<String>,
    /// The reason that the actor typed, or details that depend on the kind, such as a search or a count.
    pub note: Option<String>,
    /// The ticket number that the actor typed.
    pub ticket: Option<String>,
    /// pwdLastSet before the change, in AD's ticks. Reconciliation compares with it if the password's metadata cannot be read.
    pub password_set_before: Option<i64>,
}

impl AuditEvent {
    /// True if actor and target are different accounts.
    pub fn is_by_another(&self) -> bool {
        self.actor.as_ref().zip(self.target.as_ref()).is_some_and(|(actor, target)| actor.guid != target.guid)
    }

    /// The actor's role: `own` on their own account, else the first word of the authority. `None` if the entry has no authority and is not
    /// about the actor's own account.
    pub fn role(&self) -> Option<&str> {
        let own = || self.actor.as_ref().zip(self.target.as_ref()).is_some_and(|(actor, target)| actor.guid == target.guid);
        match &self.authority {
            Some(authority) => authority.split(':').next(),
            None => own().then_some("own"),
        }
    }
}
