//! OpenID Connect: our side as a relying party (code flow with PKCE, OpenID Connect Core 3.1).
//!
//! Invariants:
//! - A code is exchanged once, and only for the browser, request and provider that it belongs to.
//! - A token counts only after its signature, issuer, audience, times and nonce are verified.
//! - No redirect is followed. Every answer has a maximum size and a timeout.

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
pub(crate) mod session;
pub mod shown;
#[cfg(test)]
mod tests;
pub mod token;
pub mod userinfo;

use serde::Serialize;

use super::answer::Login;

pub use providers::{OidcError, OidcProviderState, OidcProviders, OidcRequest};
pub use refused::{Denied, OidcLoginError, OidcRefused};
pub use session::OidcSession;
pub use token::Recognised;

/// Random bytes as text for `state`, `nonce` or `code_verifier`: 32 hexadecimal digits for each 16 bytes.
pub fn random_text(random: &[[u8; 16]]) -> String {
    random.iter().map(|bytes| data_encoding::HEXLOWER.encode(bytes)).collect()
}

/// Appends query parameters to an address.
fn with_query(address: &str, parameters: &(impl Serialize + ?Sized)) -> String {
    let query = serde_urlencoded::to_string(parameters).unwrap_or_default();
    let joint = if address.contains('?') { '&' } else { '?' };
    format!("{address}{joint}{query}")
}

/// Result of the exchange of a code.
#[derive(Debug)]
pub struct ExchangedCode {
    /// Claims with a valid signature, even of a login that is refused.
    pub said: Option<claims::VerifiedClaims>,
    /// The login, or the reason for its refusal.
    pub login: Result<Login, OidcLoginError>,
}
