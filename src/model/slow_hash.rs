//! What secrets that can be guessed are kept as: argon2id, slow on purpose. Costs 19 MiB and some tens of milliseconds: never on a thread that serves requests.

use argon2::{Algorithm, Argon2, Params, Version};
use subtle::ConstantTimeEq;

/// m = 19 MiB, t = 2, p = 1: OWASP Password Storage Cheat Sheet, argon2id.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// The function with these parameters, 32 bytes long.
pub fn argon2id() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(32)).expect("within the limits of argon2");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// A salt and what it makes of a secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SlowHash {
    /// Random.
    pub salt: [u8; 16],
    /// argon2id.
    pub hash: [u8; 32],
}

impl SlowHash {
    /// Of a secret. `None`: this machine has no memory for it.
    pub fn of(secret: &[u8], salt: [u8; 16]) -> Option<Self> {
        let mut hash = [0; 32];
        argon2id().hash_password_into(secret, &salt, &mut hash).ok()?;
        Some(Self { salt, hash })
    }

    /// Is it the hash of this secret? Compares in the same time wherever they differ. `None` as for [`SlowHash::of`].
    pub fn is_of(&self, secret: &[u8]) -> Option<bool> {
        Some(Self::of(secret, self.salt)?.hash.ct_eq(&self.hash).into())
    }
}

impl std::fmt::Debug for SlowHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SlowHash(…)") // who has it can guess, however slowly
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_secret_matches() {
        let kept = SlowHash::of(b"K7Q4MXP9WD", [1; 16]).expect("memory");
        assert_eq!(kept.is_of(b"K7Q4MXP9WD"), Some(true));
        assert_eq!(kept.is_of(b"K7Q4MXP9WE"), Some(false));
        assert_eq!(format!("{kept:?}"), "SlowHash(…)");
        assert_ne!(SlowHash::of(b"K7Q4MXP9WD", [2; 16]).expect("memory").hash, kept.hash, "the salt counts");
    }
}
