//! Why a change was refused, as the person can act on it.

use jiff::Timestamp;

use super::{authority::Denial, policy::Broken, strength::Strength};

/// A refusal of a change or a reset: an answer, not an error. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The new password breaks these rules; never empty.
    Policy(Vec<Broken>),
    /// The current password was wrong, which counted as a wrong try in AD; or it was left out, and AD was not asked.
    WrongCurrent,
    /// AD has locked the account.
    Locked,
    /// One more wrong try would bring the account too near to being locked: AD was not asked.
    NearLockout,
    /// Too many tries here: AD was not asked. They may go on at the time given.
    Throttled {
        /// From when another try is taken.
        until: Timestamp,
    },
    /// An earlier try on the account is not over, or its answer was lost: AD was not asked. It is our fault.
    Busy {
        /// When it is over at the latest.
        until: Timestamp,
    },
    /// "User cannot change password" is set on the account.
    CannotChange,
    /// The service account lacks the right on this account (AD answer 50), for example because `AdminSDHolder` protects it.
    NoRight,
    /// The account is disabled, expired, gone, or outside what the service serves.
    NotUsable,
    /// The account in the request is not one that this login may act on.
    NotYours,
    /// The login is not one that this account's password may be reset by.
    TooWeak {
        /// What the account needs.
        needed: Strength,
    },
    /// The login at the provider is too long ago for a reset.
    LoginTooOld,
    /// The person may not act on this account.
    Denied(Denial),
    /// The one-time code was used, replaced by another, or is too old.
    CodeOver,
    /// AD's policy refused it, though every rule that can be checked holds, and AD does not say which (0000052D).
    PolicyUnexplained,
}

impl Refusal {
    /// The reason in the audit log: a stable word for each variant; for a policy, those of the rules, joined by `+`.
    pub fn code(&self) -> String {
        let word = match self {
            Self::Policy(broken) => return broken.iter().map(Broken::code).collect::<Vec<_>>().join("+"),
            Self::WrongCurrent => "wrong_current",
            Self::Locked => "locked",
            Self::NearLockout => "near_lockout",
            Self::Throttled { .. } => "throttled",
            Self::Busy { .. } => "tried_elsewhere",
            Self::CannotChange => "cannot_change",
            Self::NoRight => "no_right",
            Self::NotUsable => "not_usable",
            Self::NotYours => "not_yours",
            Self::TooWeak { .. } => "too_weak",
            Self::LoginTooOld => "login_too_old",
            Self::Denied(denial) => denial.code(),
            Self::CodeOver => "code_over",
            Self::PolicyUnexplained => "policy_unexplained",
        };
        word.to_owned()
    }
}
