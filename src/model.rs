//! Pure types and rules: no I/O, no clock, no randomness.

pub mod account;
pub mod account_name;
pub mod attempt;
pub mod audit;
pub mod authority;
pub mod claim;
pub mod code;
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
pub mod proposal;
pub mod provider;
pub mod refusal;
pub mod sid;
pub mod slow_hash;
pub mod staff;
pub mod strength;
pub mod throttle;
