//! Who reads what was done to an account: in the log, and in the history on its page.

use jiff::Timestamp;

use super::{Action, Actor, Ground, Rules, Target, acting, allowed, barred, desks_of, for_masters, out_of_reach, theirs};

/// May the actor see what was done to the account? Whoever could do something about it if it were usable; of whom is out of their reach they see its state and
/// nothing more.
pub fn sees_history(rules: &Rules, actor: &Actor, target: &Target<'_>, now: Timestamp) -> bool {
    let Ok(grounds) = theirs(rules, actor, target, now) else { return false };
    grounds.first() == Some(&Ground::Own) || allowed(rules, actor, target, grounds, Action::Unlock, now).is_ok()
}

/// Does a helpdesk read the log of this account? Only of those that it could help if they were usable: of whom is out of its reach it reads nothing, nor of itself. Neither
/// being a teacher nor a parent lets somebody read logs.
pub fn reads_log_of(rules: &Rules, actor: &Actor, target: &Target<'_>, now: Timestamp) -> bool {
    let account = target.account;
    barred(rules, actor).is_none()
        && !actor.accounts.iter().any(|own| own.guid == account.guid)
        && desks_of(rules, actor, now).iter().any(|desk| desk.scope.holds(account))
        && out_of_reach(rules, account).is_none()
        && for_masters(rules, account).is_none()
        && actor.level >= target.needed
}

/// Does somebody read the whole log?
pub fn is_auditor(rules: &Rules, actor: &Actor, now: Timestamp) -> bool {
    acting(actor, now).any(|own| own.is_in_any(&rules.auditors))
}
