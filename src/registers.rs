//! Registers: external sources that map a CPR number to accounts, and the family service, which maps a parent to children.
//!
//! Invariants: a CPR number is sent as a bound parameter or as the one configured field; no error and no log line holds a CPR number or a
//! part of an answer; an answer that does not match the configuration is an error, and no part of it is used; every request has a timeout,
//! every answer a size limit; a register gives references only, and AD decides whether the account exists.

mod answer;
mod error;
mod family;
mod lookup;
mod rest;
mod service;
mod sql;
mod sql_server;

pub use crate::registers::error::{RegisterError, RegisterErrorCause};
pub use crate::registers::family::{Child, Family};
pub use crate::registers::lookup::{Lookups, Probe};

pub use crate::http_client::HttpSetupError as SetupError;

/// Most accounts of one person. A register with more does not match its configuration.
const MOST_ACCOUNTS: usize = 20;
/// Most children of one person.
const MOST_CHILDREN: usize = 30;
