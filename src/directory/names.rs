//! The names of everybody who is served, kept for searches: AD has no index for every domain's way of naming people, and a search as somebody types
//! must not cost a walk through the domain each time (measured: 1.4 s for 20,000 accounts on Samba).
//!
//! Invariant: names only lead to accounts: what is shown of them is read anew.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use ldap3::Scope;

use super::{Connection, Directory, Fault, Pinned, Within, entry::Entry, lookup::PERSON};
use crate::model::{
    account::Account,
    person_name::{NameQuery, sort_key, words},
};

/// Names are read anew after this long: whoever was made meanwhile is found a little later.
const FRESH: Duration = Duration::from_mins(5);
/// More people than any municipality has.
const MOST: usize = 300_000;

pub(super) const ATTRIBUTES: [&str; 4] = ["displayName", "givenName", "sn", "sAMAccountName"];

/// A person's names.
#[derive(Debug)]
pub(super) struct Named {
    pub dn: String,
    /// The DN in lower case, to look up.
    pub key: String,
    /// Every word of every name in every spelling that it is searched by, each behind a line break.
    words: String,
    /// Sorts by the name that is shown, in Danish order.
    order: Vec<u8>,
}

impl Named {
    /// From an object with [`ATTRIBUTES`].
    pub fn of(entry: &Entry) -> Self {
        let text = |attribute| entry.text(attribute).unwrap_or_default();
        let lines = ATTRIBUTES.into_iter().flat_map(|attribute| words(text(attribute))).map(|word| format!("\n{word}")).collect();
        let shown = if text("displayName").trim().is_empty() { text("sAMAccountName") } else { text("displayName") };
        Self { key: entry.dn.to_lowercase(), words: lines, order: sort_key(shown), dn: entry.dn.clone() }
    }

    /// In the order of the names that are shown, each account once: units may lie within each other.
    pub fn sorted(mut all: Vec<Self>) -> Vec<Self> {
        all.sort_by(|a, b| (&a.order, &a.key).cmp(&(&b.order, &b.key)));
        all.dedup_by(|a, b| a.key == b.key);
        all
    }
}

/// Everybody's names, since when they are known, and the right to read them.
#[derive(Debug, Default)]
pub(super) struct Names(Mutex<Option<(Instant, Arc<Vec<Named>>)>>, tokio::sync::Mutex<()>);

impl Directory {
    /// At most `limit` people of whose names, or account name, every word of the search begins one; in the order of their names, without their groups.
    pub async fn search_people(&self, pinned: &mut Pinned, within: &Within, words: &str, limit: usize) -> Result<Vec<Account>, Fault> {
        let Some(query) = NameQuery::parse(words) else { return Ok(Vec::new()) };
        let everybody = self.everybody(pinned.connection()).await?;
        let fits = |named: &&Named| query.finds(&named.words) && within.holds(&named.key);
        let dns: Vec<String> = everybody.iter().filter(fits).take(limit).map(|named| named.dn.clone()).collect();
        self.people(pinned, &dns).await
    }

    /// Read by one, whoever else waits.
    pub(super) async fn everybody(&self, connection: &mut Connection) -> Result<Arc<Vec<Named>>, Fault> {
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
            all.extend(found.iter().map(Named::of));
        }
        let names = Arc::new(Named::sorted(all));
        *self.names.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), names.clone()));
        Ok(names)
    }
}
