//! The audit log: append-only, on disk when a call returns.
//!
//! Invariants:
//! - No statement here changes an entry. Only retention deletes entries, under a signed purge.
//! - No input of a visitor can prevent an entry.

pub mod chain;
mod counts;
pub mod cpr;
pub mod csv;
pub mod entry;
pub mod export_line;
pub mod feed;
pub mod inspect;
mod kept;
mod log;
mod people;
mod places;
pub mod public;
mod read;
pub mod retention;
mod row;
pub mod sealer;
pub mod search;
mod signed;
pub mod verify;
mod vet;
mod walk;

pub use log::{Begun, Entry, Log, Open};
