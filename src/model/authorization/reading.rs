//! Authorization to read the history of an account, in the audit log and on the account's page.

use jiff::Timestamp;

use crate::model::authorization::{
    Action, Actor, AuthorizationPolicy, Grant, Target, acting, allowed, barred, desks_of, for_masters, out_of_reach, theirs,
};

/// True if the actor may see the history on the account's page. Actors who could unlock the account, if it were usable, see it. Others with
/// a relation see only the account's state.
pub fn sees_history(rules: &AuthorizationPolicy, actor: &Actor, target: &Target<'_>, now: Timestamp) -> bool {
    let Ok(grounds) = theirs(rules, actor, target, now) else { return false };
    grounds.first() == Some(&Grant::Own) || allowed(rules, actor, target, grounds, Action::Unlock, now).is_ok()
}

/// True if a helpdesk may read the account's entries in the audit log: entries of accounts that it could help if they were usable. Its
/// members never read their own entries. Being a teacher or a guardian gives no right to read the log.
pub fn reads_log_of(rules: &AuthorizationPolicy, actor: &Actor, target: &Target<'_>, now: Timestamp) -> bool {
    let account = target.account;
    barred(rules, actor).is_none()
        && !actor.accounts.iter().any(|own| own.guid == account.guid)
        && desks_of(rules, actor, now).iter().any(|desk| desk.scope.holds(account))
        && out_of_reach(rules, account).is_none()
        && for_masters(rules, account).is_none()
        && actor.level >= target.needed
}

/// True if the actor may read the whole audit log.
pub fn is_auditor(rules: &AuthorizationPolicy, actor: &Actor, now: Timestamp) -> bool {
    acting(actor, now).any(|own| own.is_in_any(&rules.auditors))
}
