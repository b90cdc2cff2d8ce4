//! An object as a search returns it. Attribute names are compared without regard to case (RFC 4512, section 2.5).

use std::collections::HashMap;

use ldap3::SearchEntry;

#[derive(Debug, Clone, Default)]
pub struct LdapEntry {
    pub dn: String,
    values: HashMap<String, Vec<Vec<u8>>>,
}

impl From<SearchEntry> for LdapEntry {
    fn from(entry: SearchEntry) -> Self {
        let texts = entry.attrs.into_iter().map(|(name, values)| (name, values.into_iter().map(String::into_bytes).collect()));
        let values = texts.chain(entry.bin_attrs).map(|(name, values)| (name.to_ascii_lowercase(), values)).collect();
        Self { dn: entry.dn, values }
    }
}

impl LdapEntry {
    /// All values of an attribute; empty if it has none.
    pub fn all(&self, attribute: &str) -> &[Vec<u8>] {
        self.values.get(&attribute.to_ascii_lowercase()).map_or(&[], Vec::as_slice)
    }

    /// The values of an attribute that was requested in ranges, and whether there are more. `None`: it has no values.
    pub fn range(&self, attribute: &str) -> Option<(bool, &[Vec<u8>])> {
        let start = format!("{};range=", attribute.to_ascii_lowercase());
        let ranged = self.values.iter().find_map(|(name, values)| Some((name.strip_prefix(&start)?, values)));
        match ranged {
            Some((range, values)) => Some((!range.ends_with('*'), values)),
            None => Some((false, self.all(attribute))).filter(|(_, values)| !values.is_empty()),
        }
    }

    /// The first value as bytes.
    pub fn bytes(&self, attribute: &str) -> Option<&[u8]> {
        self.all(attribute).first().map(Vec::as_slice)
    }

    /// The first value as text; `None` if it is empty or not UTF-8.
    pub fn text(&self, attribute: &str) -> Option<&str> {
        self.bytes(attribute).and_then(|b| std::str::from_utf8(b).ok()).filter(|t| !t.is_empty())
    }

    /// The first value as a number; `None` if it is not one.
    pub fn number(&self, attribute: &str) -> Option<i64> {
        self.text(attribute)?.parse().ok()
    }
}
