//! The account page: state, rules and history, read afresh.

use jiff::{SignedDuration, Timestamp};

use super::{
    Fault,
    authority::{self, Own, Registered},
    codes, policy, reset,
};
use crate::{
    app::App,
    audit,
    model::{
        account::Account,
        authority::Denial,
        guid::ObjectGuid,
        identity::{Identity, Proof},
        policy::{Rule, changeable_at},
        refusal::Refusal,
    },
};

/// Entries of the own history that are shown.
const ENTRIES: u32 = 20;
/// How far back the own history goes.
const PERIOD: SignedDuration = SignedDuration::from_hours(24 * 400);

/// What the account page and the password form show.
#[derive(Debug)]
pub struct AccountView {
    /// As read now.
    pub account: Account,
    /// Every rule for its next password.
    pub rules: Vec<Rule>,
    /// From when AD takes a change, where that is still to come.
    pub changeable_at: Option<Timestamp>,
    /// What keeps this login from setting a new password, whatever it is: known before anything is typed.
    pub barred: Option<Refusal>,
    /// Newest first.
    pub history: Vec<audit::Entry>,
}

/// What there is to show.
#[derive(Debug)]
pub enum Shown {
    /// The account.
    Account(Box<AccountView>),
    /// Theirs, but this login may not act on it.
    Denied(Denial),
    /// Not this person's, gone, disabled, or outside what is served.
    Unavailable,
}

/// Reads the account for the person who owns it.
pub async fn show(app: &App, identity: &Identity, target: ObjectGuid) -> Result<Shown, Fault> {
    let (account, mut pinned) = match authority::own(app, identity, &Registered::ask(app, identity).await?, target).await? {
        Own::Yes(read) => *read,
        Own::Denied(denial) => return Ok(Shown::Denied(denial)),
        Own::NotUsable | Own::No => return Ok(Shown::Unavailable),
    };
    let now = app.clock.now();
    let policy = policy::in_force(app, &mut pinned, &account).await?;
    let barred = match &identity.proof {
        Proof::Provider(login) => reset::hindrance(app, identity, login, &mut pinned, &account).await?,
        Proof::Code { code, .. } => codes::hindrance(app, identity, *code, &account).await?,
        Proof::AdPassword { .. } | Proof::Local { .. } => None,
    };
    drop(pinned);
    let mut rules = policy.rules();
    // A password that was set today can be forgotten today: where somebody helps, the minimum age is no hindrance.
    let helped = matches!(identity.proof, Proof::Code { .. });
    rules.retain(|rule| !(helped && matches!(rule, Rule::MinAge(_))));
    let history = app.audit.history_of(target, ENTRIES, now - PERIOD).await?;
    Ok(Shown::Account(Box::new(AccountView {
        rules,
        changeable_at: changeable_at(&policy, &account).filter(|at| now < *at && !helped),
        barred,
        account,
        history,
    })))
}
