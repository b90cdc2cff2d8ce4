//! Cached names of all people below the search bases, for searches by name.
//!
//! AD has no index for the ways in which a domain names people, and a search during typing must not walk through the domain each time
//! (measured: 1.4 s for 20,000 accounts on Samba).
//!
//! Invariant: names only lead to accounts. The accounts on a page are read anew.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use ldap3::Scope;

use crate::directory::{Connection, ControllerSession, Directory, DirectoryError, Within, lookup::PERSON, session::entry::LdapEntry};
use crate::model::account::{
    Account,
    person_name::{NameQuery, sort_key, words},
};

/// Lifetime of the cached names. A new account can be found after this time at the latest.
const FRESH: Duration = Duration::from_mins(5);
/// Maximum accounts, far more than any municipality has.
const MOST: usize = 300_000;

pub(crate) const ATTRIBUTES: [&str; 4] = ["displayName", "givenName", "sn", "sAMAccountName"];

/// Names of a person.
#[derive(Debug)]
pub(crate) struct NamedPerson {
    pub dn: String,
    /// The DN in lower case, for lookups.
    pub key: String,
    /// All words of all names in all searchable spellings, each after a line break.
    words: String,
    /// Sort key of the displayed name, in Danish order.
    order: Vec<u8>,
}

impl NamedPerson {
    /// From an entry with [`ATTRIBUTES`].
    pub fn of(entry: &LdapEntry) -> Self {
        let text = |attribute| entry.text(attribute).unwrap_or_default();
        let lines = ATTRIBUTES.into_iter().flat_map(|attribute| words(text(attribute))).map(|word| format!("\n{word}")).collect();
        let shown = if text("displayName").trim().is_empty() { text("sAMAccountName") } else { text("displayName") };
        Self { key: entry.dn.to_lowercase(), words: lines, order: sort_key(shown), dn: entry.dn.clone() }
    }

    /// Sorted by displayed name, without duplicates: search bases may overlap.
    pub fn sorted(mut all: Vec<Self>) -> Vec<Self> {
        all.sort_by(|a, b| (&a.order, &a.key).cmp(&(&b.order, &b.key)));
        all.dedup_by(|a, b| a.key == b.key);
        all
    }
}

/// The names with the time of their reading, and the lock that lets one caller at a time read them.
#[derive(Debug, Default)]
pub(crate) struct NameIndex(Mutex<Option<(Instant, Arc<Vec<NamedPerson>>)>>, tokio::sync::Mutex<()>);

impl Directory {
    /// At most `limit` people whose names or account name have words that start with each word of the query. Sorted by name, without
    /// groups.
    pub async fn search_people(
        &self,
        pinned: &mut ControllerSession,
        within: &Within,
        words: &str,
        limit: usize,
    ) -> Result<Vec<Account>, DirectoryError> {
        let Some(query) = NameQuery::parse(words) else { return Ok(Vec::new()) };
        let everybody = self.everybody(pinned.connection()).await?;
        let fits = |named: &&NamedPerson| query.finds(&named.words) && within.holds(&named.key);
        let dns: Vec<String> = everybody.iter().filter(fits).take(limit).map(|named| named.dn.clone()).collect();
        self.people(pinned, &dns).await
    }

    /// All names. Concurrent callers wait for one reading.
    pub(crate) async fn everybody(&self, connection: &mut Connection) -> Result<Arc<Vec<NamedPerson>>, DirectoryError> {
        let kept = || {
            let cache = self.names.0.lock().unwrap_or_else(PoisonError::into_inner);
            cache.as_ref().filter(|(at, _)| at.elapsed() < FRESH).map(|(_, names)| names.clone())
        };
        if let Some(names) = kept() {
            return Ok(names);
        }
        let _reading = self.names.1.lock().await;
        if let Some(names) = kept() {
            return Ok(names);
        }
        let mut all = Vec::new();
        for base in &self.search_bases {
            let found = connection.search_paged(base, Scope::Subtree, &format!("(&{PERSON})"), &ATTRIBUTES, MOST).await?;
            all.extend(found.iter().map(NamedPerson::of));
        }
        let names = Arc::new(NamedPerson::sorted(all));
        *self.names.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), names.clone()));
        Ok(names)
    }
}
