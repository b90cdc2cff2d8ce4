//! The write to AD, and the proof of the new password on the same controller.

use super::{Operation, SetOutcome, Submitted, outcome::refusal_of};
use crate::{
    directory::{self, BindAnswer, ControllerSession, ResetOptions, WriteAnswer},
    flow::sign_in::password_attempt,
    model::{
        account::Account,
        ad::password_version::{VersionBefore, VersionComparison},
        password_policy::{PasswordPolicy, changeable_at},
    },
};

impl Submitted<'_> {
    /// Writes and proves. `Err` only where AD has confirmed that nothing was done; a lost answer is
    /// [`SetOutcome::Unknown`].
    pub(super) async fn write(
        &self,
        operation: Operation<'_>,
        pinned: &mut ControllerSession,
        account: &Account,
        policy: &PasswordPolicy,
        before: Option<VersionBefore>,
    ) -> Result<SetOutcome, directory::DirectoryError> {
        let new = &self.request.new;
        // A password that was set today can be forgotten today: with a helper, the minimum age does not apply.
        let hints = changeable_at(policy, account).is_none_or(|at| at <= self.app.clock.now());
        let answer = match operation {
            Operation::Change { current } => pinned.change_password(account.guid, current, new).await,
            Operation::Reset { .. } => pinned.reset_password(account.guid, new, ResetOptions::default()).await,
            Operation::ResetByCode { .. } => pinned.reset_password(account.guid, new, ResetOptions { must_change: false, hints }).await,
            Operation::ResetOther { must_change } => pinned.reset_password(account.guid, new, ResetOptions { must_change, hints }).await,
        };
        match answer {
            Ok(WriteAnswer::Done) => Ok(self.finish(operation, pinned, account, true).await),
            Ok(answer) => refusal_of(operation, answer, account, policy, self.app.clock.now()).map(SetOutcome::Refused),
            Err(fault) => {
                tracing::warn!(controller = pinned.name(), error = %fault, "answer to a password write lost; checking AD");
                Ok(self.look(operation, pinned, account, before).await)
            }
        }
    }

    /// Checks a write whose answer was lost. Where AD shows one write since, on this controller, a bind shows whether
    /// it was this one. In other cases no bind is made: it would count as a wrong password.
    async fn look(
        &self,
        operation: Operation<'_>,
        pinned: &mut ControllerSession,
        account: &Account,
        before: Option<VersionBefore>,
    ) -> SetOutcome {
        let Ok(Some(now)) = self.app.directory.account_again(pinned, account.guid).await else { return SetOutcome::Unknown };
        let may_be_ours = match before.zip(pinned.password_version(&now).await) {
            Some((before, version)) => match version.shows(before, self.app.clock.now(), None) {
                VersionComparison::ByThisAttempt | VersionComparison::Unclear => true,
                VersionComparison::Unchanged | VersionComparison::ByAnother => false,
            },
            None => now.password.last_set > account.password.last_set,
        };
        if may_be_ours { self.finish(operation, pinned, account, false).await } else { SetOutcome::Unknown }
    }

    /// Unlocks a locked account after a reset, and proves the password. `confirmed`: AD has confirmed the write.
    async fn finish(&self, operation: Operation<'_>, pinned: &mut ControllerSession, account: &Account, confirmed: bool) -> SetOutcome {
        let is_reset = !matches!(operation, Operation::Change { .. });
        if is_reset && account.locked {
            match pinned.unlock(account.guid).await {
                Ok(WriteAnswer::Done) => {}
                Ok(answer) => tracing::warn!(controller = pinned.name(), ?answer, "account could not be unlocked after its reset"),
                Err(fault) => {
                    tracing::warn!(controller = pinned.name(), error = %fault, "account could not be unlocked after its reset");
                }
            }
        }
        match password_attempt::prove(pinned, account, &self.request.new).await {
            Ok(answer) if answer.knows_password() => SetOutcome::Done,
            Ok(BindAnswer::Locked) if is_reset && confirmed => {
                tracing::warn!(controller = pinned.name(), "confirmed reset not proven by a bind: the account is still locked");
                SetOutcome::StillLocked
            }
            Ok(answer) => {
                tracing::warn!(controller = pinned.name(), answer = answer.reason(), "new password not proven by a bind");
                // "Wrong" contradicts AD's confirmation: another write may have replaced the password since.
                if confirmed && answer != BindAnswer::Wrong { SetOutcome::NotLetIn(answer) } else { SetOutcome::Unknown }
            }
            Err(fault) => {
                tracing::warn!(controller = pinned.name(), error = %fault, "new password not proven by a bind");
                if confirmed { SetOutcome::NotTried } else { SetOutcome::Unknown }
            }
        }
    }
}
