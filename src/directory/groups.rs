//! The configuration's groups as SIDs, so that membership is one look into an account's tokenGroups.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use ldap3::{Scope, ldap_escape};

use super::{Directory, Fault, Pinned};
use crate::model::sid::Sid;

/// A SID stays with its group for life, a name can move to another group: names are looked up again after this long.
const FRESH: Duration = Duration::from_mins(5);

/// SIDs by the name in the configuration.
pub(super) type Cache = Mutex<HashMap<String, (Instant, Sid)>>;

impl Directory {
    /// The same on any controller, for the check command.
    pub async fn find_group(&self, group: &str) -> Result<(Sid, Pinned), Fault> {
        self.read(|mut pinned| async move { (self.group_sid(&mut pinned, group).await, pinned) }).await
    }

    /// The SID of a group given as SID, DN or sAMAccountName. A group that can't be found is a fault: leaving it out could weaken a policy.
    pub async fn group_sid(&self, pinned: &mut Pinned, group: &str) -> Result<Sid, Fault> {
        if let Some(sid) = Sid::parse(group) {
            return Ok(sid);
        }
        let cached = self.groups.lock().unwrap_or_else(PoisonError::into_inner).get(group).filter(|(at, _)| at.elapsed() < FRESH).cloned();
        if let Some((_, sid)) = cached {
            return Ok(sid);
        }
        let by = if group.contains('=') { "distinguishedName" } else { "sAMAccountName" };
        let filter = format!("(&(objectClass=group)({by}={}))", ldap_escape(group));
        let found = pinned.connection().search(&self.base_dn, Scope::Subtree, &filter, &["objectSid", "groupType"]).await?;
        let missing = || Fault::GroupMissing(group.to_owned());
        let [only] = found.as_slice() else { return Err(missing()) };
        // tokenGroups holds security groups only (groupType bit 0x80000000, so negative): a distribution group would never have a member.
        if only.number("groupType").is_none_or(|kind| kind >= 0) {
            return Err(missing());
        }
        let sid = only.bytes("objectSid").and_then(Sid::from_ad).ok_or_else(missing)?;
        self.groups.lock().unwrap_or_else(PoisonError::into_inner).insert(group.to_owned(), (Instant::now(), sid.clone()));
        Ok(sid)
    }
}
