//! Subject of a login: the provider's identifiers for person and session.

use serde::{Deserialize, Serialize};

/// Identifiers that a logout needs, as the provider sent them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogoutSubject {
    pub name_id: String,
    /// Format of the NameID.
    pub format: Option<String>,
    pub name_qualifier: Option<String>,
    pub sp_name_qualifier: Option<String>,
    /// SessionIndex of the provider's session.
    pub session_index: Option<String>,
}

impl LogoutSubject {
    /// Unique key of a person's session. A SessionIndex may be reused for another person (Core 2.7.2). The length keeps the two texts
    /// apart.
    pub fn session(name_id: &str, session_index: &str) -> String {
        format!("{}:{name_id}:{session_index}", name_id.len())
    }
}

impl std::fmt::Debug for LogoutSubject {
    /// Leaves out the content, because a provider may use CPR numbers as NameID.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Subject(…)")
    }
}
