//! Accounts that another register names: searched for in AD, which alone knows whether they exist.
//!
//! Invariant: a reference leads to one account or to none. What it leads to is a person's account below the search bases whose own value is the same by our
//! comparison.

use tracing::warn;

use super::{
    Connection, Directory, Fault, Pinned,
    lookup::{ATTRIBUTES, filter, with},
};
use crate::model::{account::Account, account_ref::AccountRef};

impl Directory {
    /// The accounts that are named so, each once, without their groups: one search per reference, all on the first controller that answers.
    pub async fn accounts_named(&self, references: &[AccountRef]) -> Result<(Vec<Account>, Pinned), Fault> {
        self.read(|mut pinned| async move { (self.accounts_named_on(pinned.connection(), references).await, pinned) }).await
    }

    /// The same on the controller that is at work already.
    pub async fn accounts_named_again(&self, pinned: &mut Pinned, references: &[AccountRef]) -> Result<Vec<Account>, Fault> {
        if !pinned.connection().is_usable() {
            pinned.reconnect().await?;
        }
        self.accounts_named_on(pinned.connection(), references).await
    }

    async fn accounts_named_on(&self, connection: &mut Connection, references: &[AccountRef]) -> Result<Vec<Account>, Fault> {
        let mut accounts: Vec<Account> = Vec::new();
        for reference in references {
            let by = reference.sought();
            let found = self.matching_on(connection, &by, &filter(&by), with(ATTRIBUTES, &by)).await?;
            accounts.extend(sole(found, &by.attribute).filter(|account| accounts.iter().all(|known| known.guid != account.guid)));
        }
        Ok(accounts)
    }
}

/// The only one. Of several, nobody can say which is meant (AD keeps UPNs from being given twice only since Windows Server 2012 R2).
fn sole<T>(mut found: Vec<T>, attribute: &str) -> Option<T> {
    if found.len() > 1 {
        warn!(attribute, matches = found.len(), "what a register names is the name of several accounts: none of them is taken");
        return None;
    }
    found.pop()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_accounts_with_one_name_none_is_taken() {
        assert_eq!((sole(vec!["a", "b"], "x"), sole(vec!["a"], "x"), sole(Vec::<&str>::new(), "x")), (None, Some("a"), None));
    }
}
