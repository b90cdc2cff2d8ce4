//! Local accounts: password and second factor.
//!
//! Invariants:
//! - Passwords are stored only as slow hashes.
//! - A TOTP code is valid in its own 30 seconds and the neighbouring ones.

pub mod hash;
pub mod totp;
