//! OS2nykode: self-service password change for Active Directory.
//!
//! Data flows one way: http → flow → {directory, identity, audit, store} → model. See docs/architecture.md.

pub mod clock;
pub mod model;
