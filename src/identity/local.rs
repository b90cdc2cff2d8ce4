//! Proofs that are kept here: the password and the second factor of a local staff account.
//!
//! Invariants: a password is only ever kept as a hash that is slow to try; a code counts for its own half minute and its two neighbours.

pub mod hash;
pub mod totp;
