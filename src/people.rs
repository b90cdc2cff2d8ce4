//! People in other registers: which accounts belong to a CPR number, and whose parent somebody is.
//!
//! Invariants: a CPR number goes out as a bound parameter or as the one field that the configuration names, and stands in no error and no log line, nor does
//! anything that was answered; an answer that is not as configured is a fault and never half believed; every question has a longest time and every answer a
//! largest size; what a register names is only a reference: whether there is such an account, AD says.

mod answer;
mod family;
mod fault;
mod lookups;
mod rest;
mod service;
mod sql;
mod sql_server;

pub use family::{Child, Family};
pub use fault::{Fault, Trouble};
pub use lookups::{Lookups, Probe};

pub use crate::outward::HttpSetupError as SetupError;

/// A register that names more accounts than this for one person is not what the operator takes it for.
const MOST_ACCOUNTS: usize = 20;
/// Nobody has more children than this.
const MOST_CHILDREN: usize = 30;
