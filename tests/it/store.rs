//! The store and the audit log: every rule on SQLite and on PostgreSQL.

mod chain;
mod codes;
mod counts;
mod durability;
mod foreign;
mod forgers;
mod history;
mod intruders;
mod log;
mod opening;
pub mod place;
mod retention;
mod search;
mod sessions;
mod staff;
mod tls;

pub use place::postgres_database;

use os2nykode::{
    audit::AuditLog,
    store::{DerivedKeys, Store},
};

/// The audit log in a store.
pub fn audit_log(store: &Store) -> AuditLog {
    AuditLog::new(store, &DerivedKeys::new(&[1; 32]))
}
