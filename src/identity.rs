//! Proofs of who somebody is: those that identity providers give, and those of local staff accounts.
//!
//! Invariants: what a message says counts only after its signature has been verified with a key from the provider's own metadata; nothing is ever
//! fetched because a message says so.

pub mod answer;
pub mod http;
pub mod keys;
pub mod local;
pub mod oidc;
pub mod saml;
pub mod transport;
