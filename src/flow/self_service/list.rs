//! The list of an actor's own accounts.

use crate::flow::{FlowError, self_service::linked_accounts};
use crate::{
    app::App,
    model::{
        ad::guid::ObjectGuid,
        identity::{Identity, Proof},
    },
};

/// An account to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedAccount {
    /// objectGUID.
    pub guid: ObjectGuid,
    /// sAMAccountName.
    pub account_name: String,
    /// Display name.
    pub name: String,
}

/// Every linked account in the order of their names, without disabled and expired ones.
pub async fn list(app: &App, identity: &Identity) -> Result<Vec<LinkedAccount>, FlowError> {
    match &identity.proof {
        Proof::AdPassword { account, account_name, .. } | Proof::Code { account, account_name, .. } => {
            Ok(vec![LinkedAccount { guid: (*account).into(), account_name: account_name.clone(), name: identity.name.clone() }])
        }
        Proof::Provider(login) => {
            let accounts = linked_accounts::all_of(app, login).await?;
            let listed = |account: crate::model::account::Account| LinkedAccount {
                guid: account.guid,
                name: account.name().to_owned(),
                account_name: account.sam,
            };
            Ok(accounts.into_iter().map(listed).collect())
        }
        Proof::Local { .. } => Ok(Vec::new()),
    }
}
