//! Hashes of secrets that can be guessed: argon2id, slow on purpose. One hash takes 19 MiB and some tens of milliseconds, so it never runs
//! on a thread that serves requests.

use argon2::{Algorithm, Argon2, Params, Version};
use subtle::ConstantTimeEq;

/// m = 19 MiB, t = 2, p = 1: OWASP Password Storage Cheat Sheet, argon2id.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// argon2id with these parameters and an output of 32 bytes.
pub fn argon2id() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(32)).expect("within the limits of argon2");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// A salted hash of a secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SlowHash {
    /// Random.
    pub salt: [u8; 16],
    /// argon2id.
    pub hash: [u8; 32],
}

impl SlowHash {
    /// `None` if the memory cannot be allocated.
    pub fn of(secret: &[u8], salt: [u8; 16]) -> Option<Self> {
        let mut hash = [0; 32];
        argon2id().hash_password_into(secret, &salt, &mut hash).ok()?;
        Some(Self { salt, hash })
    }

    /// True if it is the hash of this secret, compared in constant time. `None` as for [`SlowHash::of`].
    pub fn is_of(&self, secret: &[u8]) -> Option<bool> {
        Some(Self::of(secret, self.salt)?.hash.ct_eq(&self.hash).into())
    }
}

impl std::fmt::Debug for SlowHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SlowHash(…)") // a hash can be attacked by guessing
    }
}

#[cfg(test)]
mod tests {
    use crate::model::credential::slow_hash::*;

    #[test]
    fn only_the_same_secret_matches() {
        let kept = SlowHash::of(b"K7Q4MXP9WD", [1; 16]).expect("memory");
        assert_eq!(kept.is_of(b"K7Q4MXP9WD"), Some(true));
        assert_eq!(kept.is_of(b"K7Q4MXP9WE"), Some(false));
        assert_eq!(format!("{kept:?}"), "SlowHash(…)");
        assert_ne!(SlowHash::of(b"K7Q4MXP9WD", [2; 16]).expect("memory").hash, kept.hash, "the salt counts");
    }
}
