//! Whether the service account may read badPwdCount.
//!
//! A controller that joined later has no badPwdCount for an account until its first wrong password there (measured). An unreadable
//! attribute looks the same, in filters too, so the access rights decide.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use ldap3::controls::RawControl;

use crate::directory::{
    Connection, Controller, DirectoryError,
    security_descriptor::{AccessList, BAD_PWD_COUNT, READ_PROPERTY, USER_LOGON},
};
use crate::model::{
    account::Account,
    ad::{guid::ObjectGuid, sid::Sid},
};

/// LDAP_SERVER_SD_FLAGS_OID, which selects parts of a security descriptor (MS-ADTS 3.1.1.3.4.1.11).
const SD_FLAGS: &str = "1.2.840.113556.1.4.801";
/// SEQUENCE { INTEGER 4 }: the DACL only, which needs just the right to read permissions.
const DACL_ONLY: [u8; 5] = [0x30, 0x03, 0x02, 0x01, 0x04];
/// Lifetime of cached findings. Rights change rarely.
const FRESH: Duration = Duration::from_mins(10);
/// Maximum number of accounts with cached findings.
const KEPT: usize = 50_000;

/// Findings on one controller.
#[derive(Debug, Default)]
pub(crate) struct CountReadability {
    own_sids: Mutex<Option<(Instant, Arc<[Sid]>)>>,
    accounts: Mutex<HashMap<ObjectGuid, (Instant, bool)>>,
}

/// Whether a missing badPwdCount of the account is one that is not set yet, by the rights on this account. Accounts that AdminSDHolder
/// protects have other rights than their neighbours.
pub(crate) async fn counts(controller: &Controller, connection: &mut Connection, account: &Account) -> Result<bool, DirectoryError> {
    let lock = || controller.counts.accounts.lock().unwrap_or_else(PoisonError::into_inner);
    let known = lock().get(&account.guid).copied();
    if let Some((_, readable)) = known.filter(|(at, _)| at.elapsed() < FRESH) {
        return Ok(readable);
    }
    let sids = sids(controller, connection).await?;
    let readable = may_read(connection, &account.guid.as_dn(), &sids).await?;
    let mut accounts = lock();
    if accounts.len() >= KEPT {
        accounts.retain(|_, (at, _)| at.elapsed() < FRESH);
    }
    if accounts.len() < KEPT {
        accounts.insert(account.guid, (Instant::now(), readable));
    }
    Ok(readable)
}

async fn sids(controller: &Controller, connection: &mut Connection) -> Result<Arc<[Sid]>, DirectoryError> {
    let known = controller.counts.own_sids.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some((_, sids)) = known.filter(|(at, _)| at.elapsed() < FRESH) {
        return Ok(sids);
    }
    let sids: Arc<[Sid]> = own_sids(connection).await?.into();
    *controller.counts.own_sids.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), sids.clone()));
    Ok(sids)
}

/// [`counts`] without a cache, for the check command.
pub(crate) async fn counts_of(connection: &mut Connection, dn: &str) -> Result<bool, DirectoryError> {
    let sids = own_sids(connection).await?;
    may_read(connection, dn, &sids).await
}

/// An unreadable access list permits nothing.
async fn may_read(connection: &mut Connection, dn: &str, sids: &[Sid]) -> Result<bool, DirectoryError> {
    let list = access_list(connection, dn).await?;
    Ok(list.is_some_and(|list| list.allows(sids, READ_PROPERTY, &[BAD_PWD_COUNT, USER_LOGON])))
}

/// All SIDs of the service account's token (rootDSE tokenGroups).
pub(crate) async fn own_sids(connection: &mut Connection) -> Result<Vec<Sid>, DirectoryError> {
    let entry = connection.read_object("", "(objectClass=*)", ["tokenGroups"]).await?.unwrap_or_default();
    Ok(entry.all("tokenGroups").iter().filter_map(|sid| Sid::from_ad(sid)).collect())
}

/// The access list of an object; `None` if it can't be read.
pub(crate) async fn access_list(connection: &mut Connection, dn: &str) -> Result<Option<AccessList>, DirectoryError> {
    let control = RawControl { ctype: SD_FLAGS.to_owned(), crit: true, val: Some(DACL_ONLY.to_vec()) };
    let entry = connection.read_object_with(dn, ["nTSecurityDescriptor"], control).await?;
    Ok(entry.as_ref().and_then(|e| e.bytes("nTSecurityDescriptor")).and_then(AccessList::parse))
}
