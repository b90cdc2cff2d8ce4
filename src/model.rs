//! Pure types and rules: no I/O, no clock, no randomness.

pub mod account;
pub mod ad;
pub mod address;
pub mod audit;
pub mod authorization;
pub mod cpr;
pub mod credential;
pub mod device;
pub mod guessability;
pub mod identity;
pub mod leaked;
pub mod notice;
pub mod passphrase;
pub mod password_policy;
pub mod rate_limit;
pub mod refusal;
