//! Attributes in the schema: their index, and the GUIDs by which permissions name them.

use std::collections::HashMap;

use ldap3::{Scope, ldap_escape};

use super::ControllerInspection;
use crate::directory::{DirectoryError, security_descriptor::Guid};

/// searchFlags fATTINDEX (MS-ADTS 2.2.10).
const INDEXED: i64 = 1;

/// An attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Whether an equality search has an index.
    pub indexed: bool,
    /// GUIDs that an ACE may name it by: its schemaIDGUID, and that of its property set if it has one.
    pub guids: Vec<Guid>,
}

impl ControllerInspection<'_> {
    /// The given attributes that exist in the schema, by lower-case name.
    pub async fn schema(&mut self, names: &[&str]) -> Result<HashMap<String, Attribute>, DirectoryError> {
        let schema = format!("CN=Schema,{}", self.connection.root_dse().await?.configuration_dn);
        let any = names.iter().map(|name| format!("(lDAPDisplayName={})", ldap_escape(*name))).collect::<String>();
        let filter = format!("(&(objectClass=attributeSchema)(|{any}))");
        let asked = ["lDAPDisplayName", "searchFlags", "schemaIDGUID", "attributeSecurityGUID"];
        let found = self.connection.search(&schema, Scope::OneLevel, &filter, asked).await?;
        let attribute = |entry: &crate::directory::session::entry::LdapEntry| {
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
