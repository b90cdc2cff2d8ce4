//! The service account as an object of the domain: its names and its expiry.

use jiff::Timestamp;
use ldap3::Scope;

use super::ControllerInspection;
use crate::{
    directory::{DirectoryError, lookup},
    model::ad::filetime,
};

/// userAccountControl DONT_EXPIRE_PASSWORD.
const PASSWORD_NEVER_EXPIRES: i64 = 0x1_0000;

/// The service account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnAccount {
    pub dn: String,
    pub sam: String,
    /// Expiry of the account.
    pub ends: Option<Timestamp>,
    /// Expiry of its password.
    pub password_ends: Option<Timestamp>,
}

impl ControllerInspection<'_> {
    /// The bound account, found by its own SID, because the configuration may name it in any form. `None` if it can't read itself.
    pub async fn own_account(&mut self) -> Result<Option<OwnAccount>, DirectoryError> {
        const ATTRIBUTES: [&str; 4] = ["sAMAccountName", "userAccountControl", "accountExpires", "msDS-UserPasswordExpiryTimeComputed"];
        let sids = self.own_sids().await?;
        let any = sids.iter().map(|sid| format!("(objectSid={})", lookup::escaped(&sid.to_ad()))).collect::<String>();
        if any.is_empty() {
            return Ok(None);
        }
        // Its other SIDs belong to groups.
        let filter = format!("(&(objectClass=user)(|{any}))");
        let found = self.connection.search(&self.directory.base_dn, Scope::Subtree, &filter, ATTRIBUTES).await?;
        let Some(entry) = found.into_iter().next() else { return Ok(None) };
        let Some(sam) = entry.text("sAMAccountName").map(str::to_owned) else { return Ok(None) };
        let lasts = entry.number("userAccountControl").is_some_and(|control| control & PASSWORD_NEVER_EXPIRES != 0);
        let password_ends = entry.number("msDS-UserPasswordExpiryTimeComputed").filter(|_| !lasts).and_then(filetime::point);
        Ok(Some(OwnAccount { sam, ends: entry.number("accountExpires").and_then(filetime::point), password_ends, dn: entry.dn }))
    }
}
