//! Proofs of identity: logins at identity providers, and local accounts.
//!
//! Invariants:
//! - The content of a message counts only after its signature is verified with a key from the provider's own metadata.
//! - No address in a message is ever fetched.

pub mod answer;
pub mod http;
pub mod keys;
pub mod local;
pub mod oidc;
pub mod saml;
pub mod shown;
pub mod transport;
