//! The list of an actor's own accounts.

use super::{Fault, authority};
use crate::{
    app::App,
    model::{
        guid::ObjectGuid,
        identity::{Identity, Proof},
    },
};

/// An account to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// objectGUID.
    pub guid: ObjectGuid,
    /// sAMAccountName.
    pub account_name: String,
    /// Display name.
    pub name: String,
}

/// Every linked account in the order of their names, without disabled and expired ones.
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
