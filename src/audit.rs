//! The audit log: append-only, on disk when a call returns.
//!
//! Invariants: no statement here changes an entry, and only retention deletes one, under a signed purge; an entry is never refused because of what somebody typed.

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
