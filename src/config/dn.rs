//! DNs in the configuration: any spelling is taken, the standard one is kept (RFC 4514 2.4), so that every server and every comparison understands it.

use super::load::Problems;
use crate::model::dn::Dn;

/// Each DN in its standard spelling. One that cannot be parsed is a problem, and left out.
pub(super) fn all(key: &str, dns: Vec<String>, problems: &mut Problems) -> Vec<String> {
    dns.into_iter().filter_map(|dn| one(key, &dn, problems)).collect()
}

/// The DN in its standard spelling; `None`, and a problem, where it cannot be parsed.
pub(super) fn one(key: &str, dn: &str, problems: &mut Problems) -> Option<String> {
    match Dn::parse(dn) {
        Ok(dn) => Some(dn.to_string()),
        Err(error) => {
            problems.add(key, format!("{dn:?} is no DN, such as OU=Skole,DC=kommune,DC=dk: {error}"));
            None
        }
    }
}
