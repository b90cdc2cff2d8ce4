//! Refusals of a change or reset, on which the person can act.

use jiff::Timestamp;

use crate::model::{
    authorization::{Denial, strength::Strength},
    password_policy::BrokenRule,
};

/// A refusal of a change or a reset. It is an answer, not an error; nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The new password breaks these rules; never empty.
    Policy(Vec<BrokenRule>),
    /// The current password was wrong, which AD counted; or it was left out, and AD was not asked.
    WrongCurrent,
    /// AD has locked the account.
    Locked,
    /// One more wrong password would bring the account too close to its lockout: AD was not asked.
    NearLockout,
    /// Rate limit reached: AD was not asked.
    Throttled {
        /// Next attempt possible.
        until: Timestamp,
    },
    /// An earlier attempt on the account is still running, or its answer was lost: AD was not asked. The person is not at fault.
    Busy {
        /// The latest end of the earlier attempt.
        until: Timestamp,
    },
    /// "User cannot change password" is set on the account.
    CannotChange,
    /// The service account lacks the right on this account (AD answer 50), for example because `AdminSDHolder` protects it.
    NoRight,
    /// The account is disabled, expired, gone, or outside the part of the directory that the service serves.
    NotUsable,
    /// The account in the request is not linked to this login.
    NoRelation,
    /// The login does not satisfy the account's demands for a reset.
    TooWeak {
        /// The level and providers that the account demands.
        needed: Strength,
    },
    /// The login at the provider is too old for a reset.
    LoginTooOld,
    /// Authorization was denied.
    Denied(Denial),
    /// The one-time code was redeemed, replaced by another, or has expired.
    CodeEnded,
    /// AD's policy refused the password (0000052D) although every rule that can be checked holds. AD does not name the rule.
    PolicyUnexplained,
}

impl Refusal {
    /// The reason in the audit log: a stable code for each variant; for a policy, the codes of the rules joined by `+`, those of a judge's reasons behind `guessable`.
    pub fn code(&self) -> String {
        let word = match self {
            Self::Policy(broken) => return broken.iter().flat_map(BrokenRule::codes).collect::<Vec<_>>().join("+"),
            Self::WrongCurrent => "wrong_current",
            Self::Locked => "locked",
            Self::NearLockout => "near_lockout",
            Self::Throttled { .. } => "throttled",
            Self::Busy { .. } => "tried_elsewhere",
            Self::CannotChange => "cannot_change",
            Self::NoRight => "no_right",
            Self::NotUsable => "not_usable",
            Self::NoRelation => "no_relation",
            Self::TooWeak { .. } => "too_weak",
            Self::LoginTooOld => "login_too_old",
            Self::Denied(denial) => denial.code(),
            Self::CodeEnded => "code_ended",
            Self::PolicyUnexplained => "policy_unexplained",
        };
        word.to_owned()
    }
}
