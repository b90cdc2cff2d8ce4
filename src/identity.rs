//! Proofs of who somebody is that others give: identity providers.
//!
//! Invariants: what a message says counts only after its signature has been verified with a key from the provider's own metadata; nothing is ever
//! fetched because a message says so.

pub mod answer;
pub mod http;
pub mod keys;
pub mod oidc;
pub mod saml;
pub mod transport;
