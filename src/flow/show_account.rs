//! The account page: state, rules and history, read afresh.

use jiff::{SignedDuration, Timestamp};

use super::{
    Fault,
    authority::{self, Own},
    policy, strength,
};
use crate::{
    app::App,
    audit,
    model::{
        account::Account,
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

/// What the account page and the change form show.
#[derive(Debug)]
pub struct AccountView {
    /// As read now.
    pub account: Account,
    /// Every rule for its next password.
    pub rules: Vec<Rule>,
    /// From when AD takes a change, where that is still to come.
    pub changeable_at: Option<Timestamp>,
    /// Newest first.
    pub history: Vec<audit::Entry>,
    /// How this login may set a new password.
    pub means: Means,
}

/// How a login may set a new password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Means {
    /// With the current one.
    Change,
    /// On the provider's word.
    Reset,
    /// Not at all: the login is too weak or too old.
    Not(Refusal),
}

/// What there is to show.
#[derive(Debug)]
pub enum Shown {
    /// The account.
    Account(Box<AccountView>),
    /// Not this person's, gone, disabled, or outside what is served.
    Unavailable,
}

/// Reads the account for the person who owns it.
pub async fn show(app: &App, identity: &Identity, target: ObjectGuid) -> Result<Shown, Fault> {
    let Own::Yes(account, mut pinned) = authority::own(app, identity, target).await? else { return Ok(Shown::Unavailable) };
    let now = app.clock.now();
    let policy = policy::in_force(app, &mut pinned, &account).await?;
    let means = match &identity.proof {
        Proof::AdPassword { .. } => Means::Change,
        Proof::Provider(login) => strength::refusal(app, &mut pinned, &account, login, identity.at).await?.map_or(Means::Reset, Means::Not),
    };
    drop(pinned);
    let history = app.audit.history_of(target, ENTRIES, now - PERIOD).await?;
    Ok(Shown::Account(Box::new(AccountView {
        rules: policy.rules(),
        changeable_at: changeable_at(&policy, &account).filter(|at| now < *at),
        account: *account,
        history,
        means,
    })))
}
