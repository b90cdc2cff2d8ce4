//! The accounts that somebody may act on as their own.

use super::{Fault, authority};
use crate::{
    app::App,
    model::{
        guid::ObjectGuid,
        identity::{Identity, Proof},
    },
};

/// An account to pick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub guid: ObjectGuid,
    /// sAMAccountName.
    pub account_name: String,
    /// The name to show.
    pub name: String,
}

/// All of them, in the order of their names; disabled and expired ones do not show.
pub async fn list(app: &App, identity: &Identity) -> Result<Vec<Listed>, Fault> {
    match &identity.proof {
        Proof::AdPassword { account, account_name, .. } | Proof::Code { account, account_name, .. } => {
            Ok(vec![Listed { guid: (*account).into(), account_name: account_name.clone(), name: identity.name.clone() }])
        }
        Proof::Provider(login) => {
            let accounts = authority::all_of(app, login).await?;
            let listed = |account: crate::model::account::Account| Listed {
                guid: account.guid,
                name: account.name().to_owned(),
                account_name: account.sam,
            };
            Ok(accounts.into_iter().map(listed).collect())
        }
        Proof::Local { .. } => Ok(Vec::new()),
    }
}
