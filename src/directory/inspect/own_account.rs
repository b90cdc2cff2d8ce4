//! The service account as an object of the domain: what commands call it, and whether it ends some day.

use jiff::Timestamp;
use ldap3::Scope;

use super::Inspection;
use crate::{
    directory::{Fault, lookup},
    model::filetime,
};

/// userAccountControl DONT_EXPIRE_PASSWORD.
const PASSWORD_NEVER_EXPIRES: i64 = 0x1_0000;

/// The service account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnAccount {
    /// Its DN.
    pub dn: String,
    /// Its sAMAccountName.
    pub sam: String,
    /// When the account ends.
    pub ends: Option<Timestamp>,
    /// When its password ends.
    pub password_ends: Option<Timestamp>,
}

impl Inspection<'_> {
    /// The account that is logged in, found by its own SID, whatever form the configuration names it in. `None` where it may not read itself.
    pub async fn own_account(&mut self) -> Result<Option<OwnAccount>, Fault> {
        const ATTRIBUTES: [&str; 4] = ["sAMAccountName", "userAccountControl", "accountExpires", "msDS-UserPasswordExpiryTimeComputed"];
        let sids = self.own_sids().await?;
        let any = sids.iter().map(|sid| format!("(objectSid={})", lookup::escaped(&sid.to_ad()))).collect::<String>();
        if any.is_empty() {
            return Ok(None);
        }
        // Its other SIDs are groups.
        let filter = format!("(&(objectClass=user)(|{any}))");
        let found = self.connection.search(&self.directory.base_dn, Scope::Subtree, &filter, ATTRIBUTES).await?;
        let Some(entry) = found.into_iter().next() else { return Ok(None) };
        let Some(sam) = entry.text("sAMAccountName").map(str::to_owned) else { return Ok(None) };
        let lasts = entry.number("userAccountControl").is_some_and(|control| control & PASSWORD_NEVER_EXPIRES != 0);
        let password_ends = entry.number("msDS-UserPasswordExpiryTimeComputed").filter(|_| !lasts).and_then(filetime::point);
        Ok(Some(OwnAccount { sam, ends: entry.number("accountExpires").and_then(filetime::point), password_ends, dn: entry.dn }))
    }
}
