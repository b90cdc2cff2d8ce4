//! The password policy in force for one account: the strictest of AD's and the configuration's rules.

use super::FlowError;
use crate::{
    app::App,
    config::{Config, PolicyConfig},
    directory::{ControllerSession, Directory},
    flow::delegation::explain::{self, Unexplained},
    model::{account::Account, password_policy::PasswordPolicy},
};

/// Reads the policy. A part that cannot be read is an error.
pub(crate) async fn in_force(app: &App, pinned: &mut ControllerSession, account: &Account) -> Result<PasswordPolicy, FlowError> {
    of_configured(&app.policy(), &app.directory, pinned, account).await
}

/// The account of this name, and the policy in force for it, for `os2nykode policy judge`.
pub async fn of_account(config: &Config, directory: &Directory, name: &str) -> Result<(Account, PasswordPolicy), Unexplained> {
    let account = explain::find(directory, name).await?;
    let mut pinned = directory.any().await.map_err(FlowError::from)?;
    let policy = of_configured(&config.policy, directory, &mut pinned, &account).await?;
    Ok((account, policy))
}

async fn of_configured(
    configured: &PolicyConfig,
    directory: &Directory,
    pinned: &mut ControllerSession,
    account: &Account,
) -> Result<PasswordPolicy, FlowError> {
    let ad = directory.policy(pinned, account).await?.password;
    let mut member_of = Vec::new();
    for group in &configured.groups {
        let sid = directory.group_sid(pinned, &group.group).await?;
        if account.groups.contains(&sid) {
            member_of.push(group);
        }
    }
    Ok(ad.and(&configured.of_member(member_of)))
}
