//! Lists of accounts: the members of a group, nested ones too, page by page, and searches by the beginning of a name.
//!
//! Invariants: what is listed is no authority; members are read in ranges, group by group, never by a chain search over the domain (measured: that takes a minute
//! in a domain of 20,000, and the controller answers nobody meanwhile).

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use ldap3::{Scope, ldap_escape};

use super::{
    Connection, Directory, Fault, Pinned,
    lookup::{ATTRIBUTES, PERSON, account},
};
use crate::model::{account::Account, dn, sid::Sid};

/// A list of members is read anew after this long. Who may be acted on is not taken from it.
const FRESH: Duration = Duration::from_mins(1);
/// So many lists are kept.
const KEPT: usize = 64;
/// Longer lists are a mistake in the configuration.
const MOST_MEMBERS: usize = 100_000;
/// The same of nested groups.
const MOST_GROUPS: usize = 2_000;
/// So many groups are asked about in one search.
const AT_ONCE: usize = 150;

/// A group's members as DNs.
#[derive(Debug)]
pub struct Members {
    /// The group and every group within.
    groups: Vec<String>,
    /// Everything else that is a member, each once, in the order of its common name.
    pub people: Vec<String>,
}

/// Lists by their group.
pub(super) type Cache = Mutex<HashMap<Sid, (Instant, Arc<Members>)>>;

/// Where to search.
#[derive(Debug, Clone)]
pub enum Within {
    /// Everybody who is served.
    Everybody,
    /// Below one of these units.
    Units(Vec<String>),
    /// In one of these groups, or in a group within.
    Members(Vec<Arc<Members>>),
    /// Below one of the units, or in one of the groups.
    Either(Vec<String>, Vec<Arc<Members>>),
}

impl Within {
    /// The searches that it takes: from where, and what narrows it.
    fn searches(&self, base_dn: &str, search_bases: &[String]) -> Vec<(String, String)> {
        let whole = |units: &[String]| units.iter().map(|unit| (unit.clone(), String::new())).collect::<Vec<_>>();
        let members = |all: &[Arc<Members>]| {
            let groups: Vec<String> = all.iter().flat_map(|members| members.groups.iter().cloned()).collect();
            groups.chunks(AT_ONCE).map(|some| (base_dn.to_owned(), member_of(some))).collect::<Vec<_>>()
        };
        match self {
            Self::Everybody => whole(search_bases),
            Self::Units(units) => whole(units),
            Self::Members(all) => members(all),
            Self::Either(units, all) => [whole(units), members(all)].concat(),
        }
    }
}

impl Directory {
    /// The members of a group. `None`: there is no such group.
    pub async fn members(&self, pinned: &mut Pinned, group: &Sid) -> Result<Option<Arc<Members>>, Fault> {
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

    async fn read_members(&self, connection: &mut Connection, group: &Sid) -> Result<Option<Members>, Fault> {
        let Some(root) = connection.read_object(&group.as_dn(), "(objectClass=group)", ["cn"]).await? else { return Ok(None) };
        let mut groups = vec![root.dn];
        let mut seen: HashSet<String> = groups.iter().map(|dn| dn.to_lowercase()).collect();
        let mut level = groups.clone();
        while !level.is_empty() {
            let mut within = Vec::new();
            for some in level.chunks(AT_ONCE) {
                let filter = format!("(&(objectClass=group){})", member_of(some));
                within.extend(connection.search(&self.base_dn, Scope::Subtree, &filter, ["cn"]).await?.into_iter().map(|entry| entry.dn));
            }
            // A ring of groups ends here: each is followed once.
            within.retain(|dn| seen.insert(dn.to_lowercase()));
            groups.extend(within.iter().cloned());
            if groups.len() > MOST_GROUPS {
                return Err(Fault::TooMany("member".to_owned()));
            }
            level = within;
        }
        let mut people = HashMap::new();
        for group in &groups {
            for member in connection.all_values(group, "member").await? {
                if !seen.contains(&member.to_lowercase()) {
                    people.insert(member.to_lowercase(), member);
                }
            }
            if people.len() > MOST_MEMBERS {
                return Err(Fault::TooMany("member".to_owned()));
            }
        }
        let mut people: Vec<(String, String)> = people.into_values().map(|dn| (dn::common_name(&dn).to_lowercase(), dn)).collect();
        people.sort();
        Ok(Some(Members { groups, people: people.into_iter().map(|(_, dn)| dn).collect() }))
    }

    /// The people among some DNs, in their order, without their groups: one search.
    pub async fn people(&self, pinned: &mut Pinned, dns: &[String]) -> Result<Vec<Account>, Fault> {
        if dns.is_empty() {
            return Ok(Vec::new());
        }
        let any = dns.iter().map(|dn| format!("(distinguishedName={})", ldap_escape(dn.as_str()))).collect::<String>();
        let found = pinned.connection().search(&self.base_dn, Scope::Subtree, &format!("(&{PERSON}(|{any}))"), ATTRIBUTES).await?;
        let mut found: HashMap<String, _> = found.into_iter().map(|entry| (entry.dn.to_lowercase(), entry)).collect();
        let in_order = dns.iter().filter_map(|dn| found.remove(&dn.to_lowercase())).filter(|entry| self.serves(&entry.dn));
        in_order.map(|entry| account(&entry)).collect()
    }

    /// At most `limit` people whose name or account name begins with the words, in the order of their names, without their groups.
    pub async fn search_people(&self, pinned: &mut Pinned, within: &Within, words: &str, limit: usize) -> Result<Vec<Account>, Fault> {
        let named = named(words);
        let mut found = HashMap::new();
        for (base, only) in within.searches(&self.base_dn, &self.search_bases) {
            let filter = format!("(&{PERSON}{only}{named})");
            let some = pinned.connection().search_some(&base, &filter, ATTRIBUTES, i32::try_from(limit).unwrap_or(i32::MAX)).await?;
            for entry in some.iter().filter(|entry| self.serves(&entry.dn)) {
                let account = account(entry)?;
                found.insert(account.guid, account);
            }
            if found.len() >= limit {
                break;
            }
        }
        let mut found: Vec<Account> = found.into_values().collect();
        found.sort_by_cached_key(|account| (account.name().to_lowercase(), account.sam.to_lowercase()));
        found.truncate(limit);
        Ok(found)
    }
}

fn member_of(groups: &[String]) -> String {
    format!("(|{})", groups.iter().map(|dn| format!("(memberOf={})", ldap_escape(dn.as_str()))).collect::<String>())
}

/// Beginnings of the whole name, of a given name, surname or account name; of two words also the first of the one and the last of the other.
fn named(words: &str) -> String {
    let begins = |attribute: &str, word: &str| format!("({attribute}={}*)", ldap_escape(word));
    let mut any: Vec<String> =
        ["displayName", "givenName", "sn", "sAMAccountName"].iter().map(|attribute| begins(attribute, words)).collect();
    if let Some((first, last)) = words.split_once(' ') {
        any.push(format!("(&{}{})", begins("givenName", first), begins("sn", last.rsplit(' ').next().unwrap_or(last))));
    }
    format!("(|{})", any.concat())
}
