//! Groups: configured groups as SIDs, so that membership is a lookup in an account's tokenGroups, and an account's groups by name.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use ldap3::{Scope, ldap_escape};

use crate::directory::{ControllerSession, Directory, DirectoryError, session::entry::LdapEntry};
use crate::model::{
    ad::{dn::Dn, sid::Sid},
    authorization::Group,
};

/// Lifetime of a cached SID. A SID stays with its group for life, but a name can move to another group.
const FRESH: Duration = Duration::from_mins(5);

/// SIDs by configured name.
pub(crate) type GroupCache = Mutex<HashMap<String, (Instant, Sid)>>;

const ATTRIBUTES: [&str; 4] = ["objectSid", "groupType", "sAMAccountName", "objectGUID"];

impl Directory {
    /// [`Directory::group_sid`] on any controller, for the check command.
    pub async fn find_group(&self, group: &str) -> Result<(Sid, ControllerSession), DirectoryError> {
        self.read(|mut pinned| async move { (self.group_sid(&mut pinned, group).await, pinned) }).await
    }

    /// The SID of a group given as SID, DN or sAMAccountName. An unknown group is an error: ignoring it could weaken a policy.
    pub async fn group_sid(&self, pinned: &mut ControllerSession, group: &str) -> Result<Sid, DirectoryError> {
        let mut found = self.group_sids(pinned, &[group]).await?;
        found.remove(group).ok_or_else(|| DirectoryError::GroupMissing(group.to_owned()))
    }

    /// The SIDs of several groups by their configured names, with at most one search.
    ///
    /// Left out are groups that do not exist (also if given as a SID: a typing error in it would silently exclude nothing), names that
    /// match two objects, and groups that are not security groups, which tokenGroups does not contain.
    pub async fn group_sids(&self, pinned: &mut ControllerSession, groups: &[&str]) -> Result<HashMap<String, Sid>, DirectoryError> {
        let mut known = HashMap::new();
        for group in groups {
            known.extend(self.cached_group(group).map(|sid| ((*group).to_owned(), sid)));
        }
        let missing: Vec<&str> = groups.iter().copied().filter(|group| !known.contains_key(*group)).collect();
        if missing.is_empty() {
            return Ok(known);
        }
        let by = |group: &&str| match (Sid::parse(group), Dn::parse(group)) {
            (Some(sid), _) => format!("(objectSid={})", crate::directory::lookup::escaped(&sid.to_ad())),
            (None, Ok(dn)) => format!("(distinguishedName={})", ldap_escape(dn.to_string())),
            (None, Err(_)) => format!("(sAMAccountName={})", ldap_escape(*group)),
        };
        let filter = format!("(&(objectClass=group)(|{}))", missing.iter().map(by).collect::<String>());
        let found = pinned.connection().search(&self.base_dn, Scope::Subtree, &filter, &ATTRIBUTES).await?;
        for group in missing {
            let mut named = found.iter().filter(|entry| is_named(entry, group));
            if let (Some(only), None) = (named.next(), named.next())
                && let Some(Group { sid, .. }) = security_group(only)
            {
                self.groups.lock().unwrap_or_else(PoisonError::into_inner).insert(group.to_owned(), (Instant::now(), sid.clone()));
                known.insert(group.to_owned(), sid);
            }
        }
        Ok(known)
    }

    fn cached_group(&self, group: &str) -> Option<Sid> {
        let cache = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        cache.get(group).filter(|(at, _)| at.elapsed() < FRESH).map(|(_, sid)| sid.clone())
    }

    /// The given groups that are below an OU, by name. An OU that does not exist contains none.
    pub async fn groups_below(&self, pinned: &mut ControllerSession, unit: &str, sids: &[Sid]) -> Result<Vec<Group>, DirectoryError> {
        if sids.is_empty() {
            return Ok(Vec::new());
        }
        let filter = format!("(&(objectClass=group){})", any_of(sids));
        let found = pinned.connection().search(unit, Scope::Subtree, &filter, &ATTRIBUTES).await?;
        let mut groups: Vec<Group> = found.iter().filter_map(security_group).collect();
        groups.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(groups)
    }

    /// Whether an object with this DN exists.
    pub async fn is_there(&self, pinned: &mut ControllerSession, dn: &str) -> Result<bool, DirectoryError> {
        Ok(pinned.connection().read_object(dn, "(objectClass=*)", ["objectGUID"]).await?.is_some())
    }

    /// Whether there is a security group below the OU.
    pub async fn any_group_below(&self, unit: &str) -> Result<bool, DirectoryError> {
        let filter = "(&(objectClass=group)(groupType:1.2.840.113556.1.4.803:=2147483648))";
        let found = self
            .heavy_read(
                |mut pinned| async move { (pinned.connection().search_some(unit, filter, ["cn"], 1, self.timeout * 4).await, pinned) },
            )
            .await?;
        Ok(!found.0.is_empty())
    }
}

/// Filter for objects with one of the SIDs.
pub(super) fn any_of(sids: &[Sid]) -> String {
    let any = sids.iter().map(|sid| format!("(objectSid={})", crate::directory::lookup::escaped(&sid.to_ad()))).collect::<String>();
    format!("(|{any})")
}

/// Whether the entry is the configured group. DNs are compared by meaning, sAMAccountNames without regard to case, as in AD.
fn is_named(entry: &LdapEntry, group: &str) -> bool {
    match (Sid::parse(group), Dn::parse(group)) {
        (Some(sid), _) => entry.bytes("objectSid").and_then(Sid::from_ad) == Some(sid),
        (None, Ok(dn)) => Dn::parse(&entry.dn) == Ok(dn),
        (None, Err(_)) => entry.text("sAMAccountName").is_some_and(|name| name.to_lowercase() == group.to_lowercase()),
    }
}

/// The group of an entry; `None` for a distribution group. Bit 0x80000000 of groupType marks security groups and makes the number negative.
pub(super) fn security_group(entry: &LdapEntry) -> Option<Group> {
    let sid = entry.bytes("objectSid").and_then(Sid::from_ad)?;
    let name = entry.text("sAMAccountName")?.to_owned();
    entry.number("groupType").is_some_and(|kind| kind < 0).then_some(Group { sid, name })
}
