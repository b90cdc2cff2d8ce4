//! Accounts that a register refers to. AD alone decides whether they exist.
//!
//! Invariant: a reference leads to one account or none. The account is a person's, is below the search bases, and has the reference's value
//! by our comparison.

use tracing::warn;

use crate::directory::{
    Connection, ControllerSession, Directory, DirectoryError,
    lookup::{ATTRIBUTES, filter, with},
};
use crate::model::account::{Account, reference::AccountRef};

impl Directory {
    /// The accounts of the references, without duplicates and without their groups. One search a reference, all on the first controller
    /// that answers. The attribute of a reference may have no index.
    pub async fn accounts_named(&self, references: &[AccountRef]) -> Result<(Vec<Account>, ControllerSession), DirectoryError> {
        self.heavy_read(|mut pinned| async move { (self.accounts_named_on(pinned.connection(), references).await, pinned) }).await
    }

    /// Same in an existing controller session.
    pub async fn accounts_named_again(
        &self,
        pinned: &mut ControllerSession,
        references: &[AccountRef],
    ) -> Result<Vec<Account>, DirectoryError> {
        if !pinned.connection().is_usable() {
            pinned.reconnect().await?;
        }
        self.accounts_named_on(pinned.connection(), references).await
    }

    async fn accounts_named_on(&self, connection: &mut Connection, references: &[AccountRef]) -> Result<Vec<Account>, DirectoryError> {
        let mut accounts: Vec<Account> = Vec::new();
        for reference in references {
            let by = reference.sought();
            let found = self.matching_on(connection, &by, &filter(&by), with(ATTRIBUTES, &by)).await?;
            accounts.extend(sole(found, &by.attribute).filter(|account| accounts.iter().all(|known| known.guid != account.guid)));
        }
        Ok(accounts)
    }
}

/// The only account. With several, the reference is ambiguous; AD prevents duplicate UPNs only since Windows Server 2012 R2.
fn sole<T>(mut found: Vec<T>, attribute: &str) -> Option<T> {
    if found.len() > 1 {
        warn!(attribute, matches = found.len(), "register reference matches several accounts; none is used");
        return None;
    }
    found.pop()
}

#[cfg(test)]
mod tests {
    use crate::directory::lookup::by_reference::*;

    #[test]
    fn of_several_accounts_with_one_name_none_is_taken() {
        assert_eq!((sole(vec!["a", "b"], "x"), sole(vec!["a"], "x"), sole(Vec::<&str>::new(), "x")), (None, Some("a"), None));
    }
}
