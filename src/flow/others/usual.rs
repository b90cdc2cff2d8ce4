//! What a form proposes for an account before anybody chooses: the must-change mark, and a password.

use super::Standing;
use crate::{
    app::App,
    flow::Fault,
    model::{
        account::Account,
        password::Password,
        policy::PasswordPolicy,
        proposal::{self, Ease},
    },
};

/// By the configuration, for one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usual {
    /// The password has to be changed at the next logon.
    pub must_change: bool,
    /// What kind of password is proposed.
    pub ease: Ease,
}

/// A group that can't be found spares nobody: the stricter way is the usual one.
pub(super) async fn usual(app: &App, standing: &mut Standing, account: &Account) -> Result<Usual, Fault> {
    let config = &app.config.authority;
    let (spared, easy) = (&config.must_change.not_for, &config.easy_passwords_for);
    let names: Vec<&str> = spared.iter().chain(easy).map(String::as_str).collect();
    let known = app.directory.group_sids(&mut standing.pinned, &names).await?;
    let is_in = |groups: &[String]| groups.iter().filter_map(|name| known.get(name)).any(|sid| account.groups.contains(sid));
    Ok(Usual { must_change: config.must_change.default && !is_in(spared), ease: if is_in(easy) { Ease::Easy } else { Ease::Ordinary } })
}

/// A password that fits; `None` where words can't.
pub(super) fn propose(app: &App, policy: &PasswordPolicy, account: &Account, ease: Ease) -> Result<Option<Password>, Fault> {
    Ok(proposal::propose(policy, account, app.clock.now(), ease, &mut || app.keys.random())?)
}
