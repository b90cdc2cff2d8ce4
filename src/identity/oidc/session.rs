//! The session of a login at an OpenID provider.

use serde::{Deserialize, Serialize};

/// Session of a login at an OpenID provider.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OidcSession {
    pub sub: String,
    /// `sid`, if the provider has session identifiers.
    pub sid: Option<String>,
    /// ID token for `id_token_hint` at a logout; `None` if its content may not be put on a page.
    pub hint: Option<String>,
}

impl std::fmt::Debug for OidcSession {
    /// Leaves out the content, which holds a token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Session(…)")
    }
}
