//! OpenID Connect: our part as a relying party (the code flow with PKCE, OpenID Connect Core 3.1).
//!
//! Invariants: a code is exchanged only for the browser, the request and the provider that it belongs to, once; what a token says counts only after its
//! signature, issuer, audience, times and nonce were right; no redirect is ever followed, and every answer has a largest size and a longest time.

mod audience;
pub mod authorize;
pub mod claims;
pub mod client_auth;
mod decrypt;
pub mod discovery;
pub mod id_token;
pub mod jwks;
pub mod jwt;
pub mod logout;
mod moment;
pub mod payload;
mod providers;
mod refused;
#[cfg(test)]
mod tests;
pub mod token;
pub mod userinfo;

use serde::{Deserialize, Serialize};

pub use providers::{Asked, OidcError, Providers, State};
pub use refused::{Denied, Refused, Trouble};
pub use token::Recognised;

/// Random bytes as the text of a `state`, `nonce` or `code_verifier`: 32 hexadecimal digits for each sixteen bytes.
pub fn random_text(random: &[[u8; 16]]) -> String {
    random.iter().map(|bytes| data_encoding::HEXLOWER.encode(bytes)).collect()
}

/// An address with more parameters.
fn with_query(address: &str, parameters: &(impl Serialize + ?Sized)) -> String {
    let query = serde_urlencoded::to_string(parameters).unwrap_or_default();
    let joint = if address.contains('?') { '&' } else { '?' };
    format!("{address}{joint}{query}")
}

/// The session at a provider that a login has begun there.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// `sub`.
    pub sub: String,
    /// `sid`, where the provider has sessions.
    pub sid: Option<String>,
    /// The ID token, to be shown at a logout; `None` where it holds what no page may show.
    pub hint: Option<String>,
}

impl std::fmt::Debug for Session {
    /// Nothing of it: a token is in it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Session(…)")
    }
}
