//! The store and the log: every rule on SQLite and on PostgreSQL.

mod codes;
mod counts;
mod durability;
mod log;
mod opening;
pub mod place;
mod sessions;
mod staff;

pub use place::postgres_database;
