//! The audit log: append-only, on disk when a call returns.
//!
//! Invariants: no statement here changes or deletes an entry; an entry is never refused because of what somebody typed.

pub mod chain;
pub mod cpr;
pub mod entry;
mod log;
mod row;
pub mod sealer;
pub mod signing;

pub use log::{Begun, Entry, Log};
