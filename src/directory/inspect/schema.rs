//! Attributes as the schema describes them: whether a search by them has an index, and by which identifiers permissions name them.

use std::collections::HashMap;

use ldap3::{Scope, ldap_escape};

use super::Inspection;
use crate::directory::{Fault, security_descriptor::Guid};

/// searchFlags fATTINDEX (MS-ADTS 2.2.10).
const INDEXED: i64 = 1;

/// An attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Has a search for an equal value an index?
    pub indexed: bool,
    /// What an ACE names it by: its own schemaIDGUID, and that of its property set where it is in one.
    pub guids: Vec<Guid>,
}

impl Inspection<'_> {
    /// Those of the attributes (by their LDAP names) that the schema has, by their names in lower case.
    pub async fn schema(&mut self, names: &[&str]) -> Result<HashMap<String, Attribute>, Fault> {
        let schema = format!("CN=Schema,{}", self.connection.root_dse().await?.configuration_dn);
        let any = names.iter().map(|name| format!("(lDAPDisplayName={})", ldap_escape(*name))).collect::<String>();
        let filter = format!("(&(objectClass=attributeSchema)(|{any}))");
        let asked = ["lDAPDisplayName", "searchFlags", "schemaIDGUID", "attributeSecurityGUID"];
        let found = self.connection.search(&schema, Scope::OneLevel, &filter, asked).await?;
        let attribute = |entry: &crate::directory::entry::Entry| {
            let guids = ["schemaIDGUID", "attributeSecurityGUID"];
            Some((
                entry.text("lDAPDisplayName")?.to_lowercase(),
                Attribute {
                    indexed: entry.number("searchFlags").unwrap_or_default() & INDEXED != 0,
                    guids: guids.into_iter().filter_map(|name| entry.bytes(name)?.try_into().ok()).collect(),
                },
            ))
        };
        Ok(found.iter().filter_map(attribute).collect())
    }
}
