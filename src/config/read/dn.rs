//! DNs in the configuration: every spelling is accepted and converted to the standard one (RFC 4514 2.4), which all servers and comparisons
//! understand.

use crate::config::problem::Problems;
use crate::model::ad::dn::Dn;

/// The DNs in standard spelling. Texts that are not a DN are problems, and left out.
pub(crate) fn all(key: &str, dns: Vec<String>, problems: &mut Problems) -> Vec<String> {
    dns.into_iter().filter_map(|dn| one(key, &dn, problems)).collect()
}

/// The DN in standard spelling; `None` and a problem if the text is not a DN.
pub(crate) fn one(key: &str, dn: &str, problems: &mut Problems) -> Option<String> {
    match Dn::parse(dn) {
        Ok(dn) => Some(dn.to_string()),
        Err(error) => {
            problems.add(key, format!("{dn:?} is not a DN, such as OU=Skole,DC=kommune,DC=dk: {error}"));
            None
        }
    }
}
