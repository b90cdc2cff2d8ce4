//! The audit log: append-only, on disk when a call returns.
//!
//! Invariants:
//! - No statement here changes an entry. Only retention deletes entries, under a signed purge.
//! - No input of a visitor can prevent an entry.

pub mod chain;
pub mod export;
pub mod log;
pub mod retention;
pub mod search;

pub use log::{AttemptBegun, AuditEntry, AuditLog, OpenAttempt};
