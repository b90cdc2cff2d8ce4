//! Pure types and rules: no I/O, no clock, no randomness.

pub mod account;
pub mod account_name;
pub mod account_ref;
pub mod address;
pub mod attempt;
pub mod audit;
pub mod authority;
pub mod claim;
pub mod cpr;
pub mod dn;
pub mod filetime;
pub mod group_pattern;
pub mod guid;
pub mod identity;
pub mod level;
pub mod lockout;
pub mod password;
pub mod policy;
pub mod provider;
pub mod refusal;
pub mod sid;
pub mod strength;
pub mod throttle;
