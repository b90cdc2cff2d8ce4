//! The names of everybody who is served, kept for searches: AD has no index for every domain's way of naming people, and a search as somebody types
//! must not cost a walk through the domain each time (measured: 1.4 s for 20,000 accounts on Samba).
//!
//! Invariant: names only lead to accounts: what is shown of them is read anew.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use ldap3::Scope;

use super::{Directory, Fault, Pinned, Within, lookup::PERSON};
use crate::model::account::Account;

/// Names are read anew after this long: whoever was made meanwhile is found a little later.
const FRESH: Duration = Duration::from_mins(5);
/// More people than any municipality has.
const MOST: usize = 300_000;

const ATTRIBUTES: [&str; 4] = ["displayName", "givenName", "sn", "sAMAccountName"];

/// Somebody's names.
#[derive(Debug)]
struct Named {
    dn: String,
    /// The DN in lower case, to look up.
    key: String,
    /// Every word of every name in lower case, each behind a line break.
    words: String,
    /// To sort by.
    name: String,
}

/// Everybody's names, since when they are known, and the right to read them.
#[derive(Debug, Default)]
pub(super) struct Names(Mutex<Option<(Instant, Arc<Vec<Named>>)>>, tokio::sync::Mutex<()>);

impl Directory {
    /// At most `limit` people of whose names, or account name, every word of the search begins one; in the order of their names, without their groups.
    pub async fn search_people(&self, pinned: &mut Pinned, within: &Within, words: &str, limit: usize) -> Result<Vec<Account>, Fault> {
        let wanted: Vec<String> = split(words).map(|word| format!("\n{word}")).collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let everybody = self.everybody(pinned).await?;
        let fits = |named: &&Named| wanted.iter().all(|word| named.words.contains(word.as_str())) && within.holds(&named.key);
        let dns: Vec<String> = everybody.iter().filter(fits).take(limit).map(|named| named.dn.clone()).collect();
        self.people(pinned, &dns).await
    }

    /// Read by one, whoever else waits.
    async fn everybody(&self, pinned: &mut Pinned) -> Result<Arc<Vec<Named>>, Fault> {
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
            for entry in pinned.connection().search_paged(base, Scope::Subtree, &format!("(&{PERSON})"), &ATTRIBUTES, MOST).await? {
                let text = |attribute| entry.text(attribute).unwrap_or_default();
                let words: String = ATTRIBUTES
                    .into_iter()
                    .flat_map(|attribute| split(text(attribute)).collect::<Vec<_>>())
                    .map(|word| format!("\n{word}"))
                    .collect();
                let shown = if text("displayName").is_empty() { text("sAMAccountName") } else { text("displayName") };
                all.push(Named { key: entry.dn.to_lowercase(), words, name: shown.to_lowercase(), dn: entry.dn.clone() });
            }
        }
        all.sort_by(|a, b| (&a.name, &a.key).cmp(&(&b.name, &b.key)));
        all.dedup_by(|a, b| a.key == b.key); // units may lie within each other
        let names = Arc::new(all);
        *self.names.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), names.clone()));
        Ok(names)
    }
}

/// The words of a name: what blanks part, and what other signs part as well, as in `Anne-Marie` or `anna.andersen`.
fn split(name: &str) -> impl Iterator<Item = String> {
    let name = name.to_lowercase();
    let whole: Vec<String> = name.split_whitespace().map(str::to_owned).collect();
    let parts: Vec<String> = whole
        .iter()
        .flat_map(|word| word.split(|c: char| !c.is_alphanumeric()).skip(1).filter(|part| !part.is_empty()).map(str::to_owned))
        .collect();
    whole.into_iter().chain(parts)
}
