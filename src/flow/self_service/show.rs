//! The account page: state, rules and history of an own account, as read now.

use jiff::{SignedDuration, Timestamp};

use crate::flow::{
    FlowError, one_time_code, password_policy,
    self_service::linked_accounts::{self, LinkedAccounts, Registered},
    set_password::assurance,
};
use crate::{
    app::App,
    audit,
    model::{
        account::Account,
        ad::guid::ObjectGuid,
        authorization::Denial,
        identity::{Identity, Proof},
        password_policy::{PolicyRule, changeable_at},
        refusal::Refusal,
    },
};

/// Entries of the history on the page.
const ENTRIES: u32 = 20;
/// Period of the history on the page.
const PERIOD: SignedDuration = SignedDuration::from_hours(24 * 400);

/// Data of the account page and the password form.
#[derive(Debug)]
pub struct AccountView {
    /// The account as read now.
    pub account: Account,
    /// Every rule for its next password.
    pub rules: Vec<PolicyRule>,
    /// Time from which AD accepts a change; `None` where it accepts one now.
    pub changeable_at: Option<Timestamp>,
    /// A refusal that does not depend on the new password, shown before it is typed.
    pub barred: Option<Refusal>,
    /// Newest first.
    pub history: Vec<audit::AuditEntry>,
}

/// The result of opening the page.
#[derive(Debug)]
pub enum AccountShown {
    Account(Box<AccountView>),
    /// The account is the person's own, but this login may not act on it.
    Denied(Denial),
    /// The account is not the person's own, deleted, disabled, or outside the served units.
    Unavailable,
}

/// Reads the account for its owner.
pub async fn show(app: &App, identity: &Identity, target: ObjectGuid) -> Result<AccountShown, FlowError> {
    let (account, mut pinned) = match linked_accounts::own(app, identity, &Registered::ask(app, identity).await?, target).await? {
        LinkedAccounts::Yes(read) => *read,
        LinkedAccounts::Denied(denial) => return Ok(AccountShown::Denied(denial)),
        LinkedAccounts::NotUsable | LinkedAccounts::No => return Ok(AccountShown::Unavailable),
    };
    let now = app.clock.now();
    let policy = password_policy::in_force(app, &mut pinned, &account).await?;
    let barred = match &identity.proof {
        Proof::Provider(login) => assurance::hindrance(app, identity, login, &mut pinned, &account).await?,
        Proof::Code { code, .. } => one_time_code::hindrance(app, identity, *code, &account).await?,
        Proof::AdPassword { .. } | Proof::Local { .. } => None,
    };
    drop(pinned);
    let mut rules = policy.rules();
    // A password that was set today can be forgotten today: with a helper, the minimum age does not apply.
    let helped = matches!(identity.proof, Proof::Code { .. });
    rules.retain(|rule| !(helped && matches!(rule, PolicyRule::MinAge(_))));
    let history = app.audit.history_of(target, ENTRIES, now - PERIOD).await?;
    Ok(AccountShown::Account(Box::new(AccountView {
        rules,
        changeable_at: changeable_at(&policy, &account).filter(|at| now < *at && !helped),
        barred,
        account,
        history,
    })))
}
