//! Lists of accounts: the members of a group, including nested groups.
//!
//! Invariants:
//! - A list grants no right.
//! - Members are read in ranges, group by group, and never by a chain search over the domain: that takes a minute in a domain of 20,000
//!   accounts, during which the controller answers no other request (measured).

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use ldap3::{Scope, ldap_escape};

use crate::directory::{
    Connection, ControllerSession, Directory, DirectoryError,
    lookup::{
        ATTRIBUTES, PERSON, account,
        name_index::{self, NamedPerson},
    },
    session::entry::LdapEntry,
};
use crate::model::{
    account::Account,
    ad::{dn, sid::Sid},
};

/// Lifetime of a cached member list. Authorization never uses the cache.
const FRESH: Duration = Duration::from_mins(1);
/// Maximum number of cached lists.
const KEPT: usize = 64;
/// Maximum members of a group. More point to a mistake in the configuration.
const MOST_MEMBERS: usize = 100_000;
/// Maximum nested groups of a group.
const MOST_GROUPS: usize = 2_000;
/// Objects named in one search filter.
const AT_ONCE: usize = 150;
/// Up to this number of members, people are found by a search for their DNs; beyond it, in the cached names.
const FEW: usize = 600;

/// The members of a group.
#[derive(Debug)]
pub struct Members {
    /// DNs of all members, in lower case.
    all: HashSet<String>,
    /// DNs of the members that are people below the search bases, in Danish order of their displayed names. Contacts, computers and groups
    /// are left out.
    pub people: Vec<String>,
}

/// Member lists by group.
pub(crate) type MemberCache = Mutex<HashMap<Sid, (Instant, Arc<Members>)>>;

/// Scope of a search for people.
#[derive(Debug, Clone)]
pub enum Within {
    /// All people below the search bases.
    Everybody,
    /// Below one of these OUs.
    Units(Vec<String>),
    /// In one of these groups or their nested groups.
    Members(Vec<Arc<Members>>),
    /// Below one of the OUs or in one of the groups.
    Either(Vec<String>, Vec<Arc<Members>>),
}

impl Within {
    /// Whether the scope contains a DN, given in lower case.
    pub(crate) fn holds(&self, dn: &str) -> bool {
        let below = |units: &[String]| units.iter().any(|unit| dn::is_under(dn, unit));
        let member = |all: &[Arc<Members>]| all.iter().any(|members| members.all.contains(dn));
        match self {
            Self::Everybody => true,
            Self::Units(units) => below(units),
            Self::Members(all) => member(all),
            Self::Either(units, all) => member(all) || below(units),
        }
    }
}

impl Directory {
    /// The members of a group. `None`: the group does not exist.
    pub async fn members(&self, pinned: &mut ControllerSession, group: &Sid) -> Result<Option<Arc<Members>>, DirectoryError> {
        if let Some((_, members)) =
            self.lists.lock().unwrap_or_else(PoisonError::into_inner).get(group).filter(|(at, _)| at.elapsed() < FRESH)
        {
            return Ok(Some(members.clone()));
        }
        let Some(read) = self.read_members(pinned.connection(), group).await? else { return Ok(None) };
        let members = Arc::new(read);
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        lists.retain(|_, (at, _)| at.elapsed() < FRESH);
        if lists.len() < KEPT {
            lists.insert(group.clone(), (Instant::now(), members.clone()));
        }
        Ok(Some(members))
    }

    async fn read_members(&self, connection: &mut Connection, group: &Sid) -> Result<Option<Members>, DirectoryError> {
        let Some(root) = connection.read_object(&group.as_dn(), "(objectClass=group)", ["member"]).await? else { return Ok(None) };
        let mut groups = vec![root.dn.clone()];
        let mut seen = HashSet::from([root.dn.to_lowercase()]);
        let mut rids = Vec::from_iter(group.rid());
        let mut level = vec![root];
        let mut people = HashMap::new();
        while !level.is_empty() {
            for group in &level {
                let members = match group.range("member") {
                    Some((true, _)) => connection.all_values(&group.dn, "member").await?,
                    Some((false, values)) => values.iter().filter_map(|value| String::from_utf8(value.clone()).ok()).collect(),
                    None => Vec::new(),
                };
                people.extend(members.into_iter().map(|dn| (dn.to_lowercase(), dn)));
            }
            let mut within = Vec::new();
            let dns: Vec<String> = level.iter().map(|group| group.dn.clone()).collect();
            for some in dns.chunks(AT_ONCE) {
                let filter = format!("(&(objectClass=group){})", member_of(some));
                within.extend(connection.search(&self.base_dn, Scope::Subtree, &filter, ["member", "objectSid"]).await?);
            }
            // Each group is followed once, so that cycles end.
            within.retain(|group| seen.insert(group.dn.to_lowercase()));
            groups.extend(within.iter().map(|group| group.dn.clone()));
            rids.extend(within.iter().filter_map(|group| Sid::from_ad(group.bytes("objectSid")?)).filter_map(|sid| sid.rid()));
            if groups.len() > MOST_GROUPS || people.len() > MOST_MEMBERS {
                return Err(DirectoryError::TooMany("member".to_owned()));
            }
            level = within;
        }
        people.retain(|dn, _| !seen.contains(dn));
        for primary in self.primary_members(connection, &rids).await? {
            people.insert(primary.to_lowercase(), primary);
        }
        let dns: Vec<String> = people.values().cloned().collect();
        let all: HashSet<String> = people.into_keys().collect();
        let people = if dns.len() <= FEW {
            self.named(connection, &dns).await?
        } else {
            let everybody = self.everybody(connection).await?;
            everybody.iter().filter(|named| all.contains(&named.key)).map(|named| named.dn.clone()).collect()
        };
        Ok(Some(Members { all, people }))
    }

    /// DNs of the people whose primary group is one of these. AD stores it in primaryGroupID and not in `member` (MS-ADTS 3.1.1.4.5.17).
    async fn primary_members(&self, connection: &mut Connection, rids: &[u32]) -> Result<Vec<String>, DirectoryError> {
        let mut dns = Vec::new();
        for some in rids.chunks(AT_ONCE) {
            let any = some.iter().map(|rid| format!("(primaryGroupID={rid})")).collect::<String>();
            let filter = format!("(&{PERSON}(|{any}))");
            let found = connection.search_paged(&self.base_dn, Scope::Subtree, &filter, &["primaryGroupID"], MOST_MEMBERS).await?;
            dns.extend(found.into_iter().map(|entry| entry.dn));
        }
        Ok(dns)
    }

    /// DNs of the people among `dns` that are below the search bases, in order of their displayed names.
    async fn named(&self, connection: &mut Connection, dns: &[String]) -> Result<Vec<String>, DirectoryError> {
        let mut named = Vec::with_capacity(dns.len());
        for some in dns.chunks(AT_ONCE) {
            let found = connection.search(&self.base_dn, Scope::Subtree, &people_among(some), name_index::ATTRIBUTES).await?;
            named.extend(found.iter().filter(|entry: &&LdapEntry| self.serves(&entry.dn)).map(NamedPerson::of));
        }
        Ok(NamedPerson::sorted(named).into_iter().map(|named| named.dn).collect())
    }

    /// The accounts of people among `dns`, in the order of `dns`, without their groups. It takes one search.
    pub async fn people(&self, pinned: &mut ControllerSession, dns: &[String]) -> Result<Vec<Account>, DirectoryError> {
        if dns.is_empty() {
            return Ok(Vec::new());
        }
        let found = pinned.connection().search(&self.base_dn, Scope::Subtree, &people_among(dns), ATTRIBUTES).await?;
        let mut found: HashMap<String, _> = found.into_iter().map(|entry| (entry.dn.to_lowercase(), entry)).collect();
        let in_order = dns.iter().filter_map(|dn| found.remove(&dn.to_lowercase())).filter(|entry| self.serves(&entry.dn));
        in_order.map(|entry| account(&entry)).collect()
    }
}

fn people_among(dns: &[String]) -> String {
    let any = dns.iter().map(|dn| format!("(distinguishedName={})", ldap_escape(dn.as_str()))).collect::<String>();
    format!("(&{PERSON}(|{any}))")
}

fn member_of(groups: &[String]) -> String {
    format!("(|{})", groups.iter().map(|dn| format!("(memberOf={})", ldap_escape(dn.as_str()))).collect::<String>())
}
