//! The password policy in force for one account: the strictest of AD's and the configuration's rules.

use super::FlowError;
use crate::{
    app::App,
    directory::ControllerSession,
    model::{account::Account, password_policy::PasswordPolicy},
};

/// Reads the policy. A part that cannot be read is an error.
pub(crate) async fn in_force(app: &App, pinned: &mut ControllerSession, account: &Account) -> Result<PasswordPolicy, FlowError> {
    let configured = app.policy();
    let ad = app.directory.policy(pinned, account).await?.password;
    let mut member_of = Vec::new();
    for group in &configured.groups {
        let sid = app.directory.group_sid(pinned, &group.group).await?;
        if account.groups.contains(&sid) {
            member_of.push(group);
        }
    }
    Ok(ad.and(&configured.of_member(member_of)))
}
