//! Is a provider's login enough to set this account's password? Computed from AD and the configuration at every use.

use jiff::{SignedDuration, Timestamp};

use super::Fault;
use crate::{
    app::App,
    directory::Pinned,
    model::{
        account::Account,
        identity::ProviderLogin,
        refusal::Refusal,
        strength::{Strength, needed},
    },
};

/// Clocks of providers may be ahead by this much.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// What an account needs: its groups' rules, else the default. A group that can't be found is a fault.
pub(super) async fn of(app: &App, pinned: &mut Pinned, account: &Account) -> Result<Strength, Fault> {
    let mut of_groups = Vec::new();
    for rule in &app.config.reset.groups {
        let sid = app.directory.group_sid(pinned, &rule.group).await?;
        if account.groups.contains(&sid) {
            of_groups.push(&rule.strength);
        }
    }
    Ok(needed(&app.config.reset.default, of_groups.into_iter()))
}

/// Why the login does not do; `None` = it does.
pub(super) async fn refusal(
    app: &App,
    pinned: &mut Pinned,
    account: &Account,
    login: &ProviderLogin,
    at: Timestamp,
) -> Result<Option<Refusal>, Fault> {
    let needed = of(app, pinned, account).await?;
    if !needed.met_by(&login.provider, login.level) {
        let refusal = if needed.accepts(&login.provider) { Refusal::TooWeak } else { Refusal::OtherProvider };
        return Ok(Some(refusal(needed)));
    }
    let age = app.clock.now().duration_since(at);
    let too_old = age > SignedDuration::from_mins(app.config.reset.max_age_minutes.into()) || age < -AHEAD;
    Ok(too_old.then_some(Refusal::LoginTooOld))
}
