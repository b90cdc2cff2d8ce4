//! Translation of AD's answer to a password write into a refusal. Pure.

use jiff::Timestamp;

use super::Operation;
use crate::{
    directory::{self, WriteAnswer, password::answer::PolicyDetail},
    model::{
        account::Account,
        password_policy::{BrokenRule, PasswordPolicy, changeable_at},
        refusal::Refusal,
    },
};

/// Whether a refusal counts as a failed attempt: a possible wrong guess at the current password or at the account. A
/// refused new password does not count.
pub(crate) fn counts(refusal: &Refusal) -> bool {
    match refusal {
        Refusal::WrongCurrent | Refusal::Locked | Refusal::NearLockout | Refusal::NoRelation => true,
        Refusal::Policy(_)
        | Refusal::Throttled { .. }
        | Refusal::Busy { .. }
        | Refusal::CannotChange
        | Refusal::NoRight
        | Refusal::NotUsable
        | Refusal::TooWeak { .. }
        | Refusal::LoginTooOld
        | Refusal::CodeEnded
        | Refusal::Denied(_)
        | Refusal::PolicyUnexplained => false,
    }
}

/// AD's answer as a refusal. `Err`: an answer that the person cannot act on; nothing was changed.
pub(crate) fn refusal_of(
    operation: Operation<'_>,
    answer: WriteAnswer,
    account: &Account,
    policy: &PasswordPolicy,
    now: Timestamp,
) -> Result<Refusal, directory::DirectoryError> {
    let broken = |broken| Refusal::Policy(vec![broken]);
    match (answer, operation) {
        (WriteAnswer::Policy(detail), _) => Ok(policy_refusal(detail, account, policy, now).map_or(Refusal::PolicyUnexplained, broken)),
        (WriteAnswer::WrongCurrent, Operation::Change { .. }) => Ok(Refusal::WrongCurrent),
        (WriteAnswer::CannotChange, Operation::Change { .. }) => Ok(Refusal::CannotChange),
        // AD checks neither in a reset: this answer is invalid.
        (
            WriteAnswer::WrongCurrent | WriteAnswer::CannotChange,
            Operation::Reset { .. } | Operation::ResetByCode { .. } | Operation::ResetOther { .. },
        ) => Err(directory::DirectoryError::Answer { rc: 19, text: "answer to a reset fits a change".to_owned() }),
        (WriteAnswer::Locked, _) => Ok(Refusal::Locked),
        (WriteAnswer::NoRight, _) => Ok(Refusal::NoRight),
        (WriteAnswer::Gone, _) => Ok(Refusal::NotUsable),
        (WriteAnswer::Done, _) => Err(directory::DirectoryError::Answer { rc: 0, text: "a completed write is no refusal".to_owned() }),
        (WriteAnswer::Failed(fault), _) => Err(fault),
    }
}

/// The rule that AD refused by. Where AD names none (Windows): length, complexity and age were checked before, so the
/// cause is history or a password filter, and the message names both.
fn policy_refusal(detail: PolicyDetail, account: &Account, policy: &PasswordPolicy, now: Timestamp) -> Option<BrokenRule> {
    match detail {
        PolicyDetail::History => Some(BrokenRule::UsedBefore(policy.history)),
        PolicyDetail::TooYoung => changeable_at(policy, account).filter(|at| now < *at).map(BrokenRule::TooYoung),
        PolicyDetail::TooShort => Some(BrokenRule::TooShort(policy.min_length)),
        PolicyDetail::Complexity => Some(BrokenRule::NotComplex),
        PolicyDetail::Unsaid => None,
    }
}
