//! Whom a provider has logged in, in the provider's own words.

use serde::{Deserialize, Serialize};

/// Whom a logout is about, as the provider named them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The NameID.
    pub name_id: String,
    /// Its format and qualifiers, as they came.
    pub format: Option<String>,
    /// NameQualifier.
    pub name_qualifier: Option<String>,
    /// SPNameQualifier.
    pub sp_name_qualifier: Option<String>,
    /// The provider's session.
    pub session_index: Option<String>,
}

impl Subject {
    /// A session of a person: a provider's SessionIndex may come again for somebody else (Core 2.7.2). Two texts that can't run into one another.
    pub fn session(name_id: &str, session_index: &str) -> String {
        format!("{}:{name_id}:{session_index}", name_id.len())
    }
}

impl std::fmt::Debug for Subject {
    /// Nothing of it: a provider may call people by their CPR number.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Subject(…)")
    }
}
