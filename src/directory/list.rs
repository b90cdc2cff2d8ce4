//! Lists of accounts: the members of a group, nested ones too, page by page.
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
    /// In lower case, to look up.
    all: HashSet<String>,
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
    /// Does somebody belong here, by a DN in lower case?
    pub(super) fn holds(&self, dn: &str) -> bool {
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
        let Some(root) = connection.read_object(&group.as_dn(), "(objectClass=group)", ["member"]).await? else { return Ok(None) };
        let mut groups = vec![root.dn.clone()];
        let mut seen = HashSet::from([root.dn.to_lowercase()]);
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
                within.extend(connection.search(&self.base_dn, Scope::Subtree, &filter, ["member"]).await?);
            }
            // A ring of groups ends here: each is followed once.
            within.retain(|group| seen.insert(group.dn.to_lowercase()));
            groups.extend(within.iter().map(|group| group.dn.clone()));
            if groups.len() > MOST_GROUPS || people.len() > MOST_MEMBERS {
                return Err(Fault::TooMany("member".to_owned()));
            }
            level = within;
        }
        people.retain(|dn, _| !seen.contains(dn));
        let all = people.keys().cloned().collect();
        let mut people: Vec<(String, String)> = people.into_values().map(|dn| (dn::common_name(&dn).to_lowercase(), dn)).collect();
        people.sort();
        Ok(Some(Members { all, people: people.into_iter().map(|(_, dn)| dn).collect() }))
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
}

fn member_of(groups: &[String]) -> String {
    format!("(|{})", groups.iter().map(|dn| format!("(memberOf={})", ldap_escape(dn.as_str()))).collect::<String>())
}
