//! CPR numbers in the audit log: encrypted, found by a keyed hash, and bound to their entry by a commitment.
//!
//! Invariants:
//! - A person with the database but without the key learns no CPR number from it, and cannot exchange two of them
//!   unnoticed.
//! - The random salt of the commitment is inside the ciphertext: trying all CPR numbers against the commitment leads
//!   nowhere.

use std::fmt;

use data_encoding::HEXLOWER;
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest::{SHA256, digest},
    hmac,
};
use zeroize::Zeroizing;

use crate::{
    model::cpr::Cpr,
    store::{DerivedKeys, NoRandomness},
};

const SALT: usize = 32;

/// Keys for CPR numbers. The first one encrypts, all of them decrypt.
pub struct Vault(Vec<VaultKey>);

struct VaultKey {
    id: String,
    cipher: LessSafeKey,
    blind: hmac::Key,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| &key.id)).finish()
    }
}

/// An encrypted CPR number as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedCpr {
    /// Id of the key.
    pub key_id: String,
    /// Keyed hash for searches, 32 hexadecimal digits.
    pub blind: String,
    /// Nonce, ciphertext and tag.
    pub sealed: Vec<u8>,
}

impl Vault {
    /// A vault with these keys, of 32 random bytes each. Without keys, no CPR number is written.
    pub fn new<'a>(keys: impl IntoIterator<Item = &'a [u8; 32]>) -> Self {
        Self(keys.into_iter().map(VaultKey::new).collect())
    }

    /// Id of the key that encrypts; `None`: there is none.
    pub fn current(&self) -> Option<&str> {
        self.0.first().map(|key| key.id.as_str())
    }

    /// Whether there is a key of this id.
    pub fn has(&self, id: &str) -> bool {
        self.0.iter().any(|key| key.id == id)
    }

    /// Encrypts a CPR number. Returns the commitment for the entry and the ciphertext; `None`: there is no key.
    pub fn seal(&self, cpr: &Cpr, keys: &DerivedKeys) -> Result<Option<(String, SealedCpr)>, NoRandomness> {
        let Some(key) = self.0.first() else { return Ok(None) };
        let mut inner = Zeroizing::new(keys.random::<SALT>()?.to_vec());
        inner.extend_from_slice(cpr.digits().as_bytes());
        let commitment = HEXLOWER.encode(digest(&SHA256, &inner).as_ref());
        let sealed = key.seal(&commitment, &inner, cpr, keys)?;
        Ok(Some((commitment, sealed)))
    }

    /// Encrypts a CPR number again, with the current key. `None`: it cannot be decrypted, or there is no key.
    pub fn reseal(&self, commitment: &str, old: &SealedCpr, keys: &DerivedKeys) -> Result<Option<SealedCpr>, NoRandomness> {
        let (Some(key), Some((cpr, inner))) = (self.0.first(), self.opened(commitment, old)) else { return Ok(None) };
        key.seal(commitment, &inner, &cpr, keys).map(Some)
    }

    /// Decrypts a CPR number. `None`: the key is missing, or the number does not match the commitment.
    pub fn open(&self, commitment: &str, sealed: &SealedCpr) -> Option<Cpr> {
        self.opened(commitment, sealed).map(|(cpr, _)| cpr)
    }

    /// The search hashes of a CPR number, one for each key.
    pub fn blinds(&self, cpr: &Cpr) -> Vec<String> {
        self.0.iter().map(|key| key.blind(cpr)).collect()
    }

    fn opened(&self, commitment: &str, sealed: &SealedCpr) -> Option<(Cpr, Zeroizing<Vec<u8>>)> {
        let key = self.0.iter().find(|key| key.id == sealed.key_id)?;
        let (nonce, text) = sealed.sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut inner = Zeroizing::new(text.to_vec());
        let length =
            key.cipher.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(commitment.as_bytes()), &mut inner).ok()?.len();
        inner.truncate(length);
        let cpr = Cpr::parse(std::str::from_utf8(inner.get(SALT..)?).ok()?)?;
        (HEXLOWER.encode(digest(&SHA256, &inner).as_ref()) == commitment).then_some((cpr, inner))
    }
}

impl VaultKey {
    fn new(secret: &[u8; 32]) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let derived = |purpose: &str| hmac::sign(&root, format!("os2nykode 1 {purpose}").as_bytes());
        let cipher = UnboundKey::new(&CHACHA20_POLY1305, derived("audit cpr").as_ref()).expect("an HMAC-SHA-256 is as long as the key");
        Self {
            id: HEXLOWER.encode(&derived("audit cpr key id").as_ref()[..4]),
            cipher: LessSafeKey::new(cipher),
            blind: hmac::Key::new(hmac::HMAC_SHA256, derived("audit cpr search").as_ref()),
        }
    }

    fn blind(&self, cpr: &Cpr) -> String {
        HEXLOWER.encode(&hmac::sign(&self.blind, cpr.digits().as_bytes()).as_ref()[..16])
    }

    fn seal(&self, commitment: &str, inner: &[u8], cpr: &Cpr, keys: &DerivedKeys) -> Result<SealedCpr, NoRandomness> {
        let nonce: [u8; NONCE_LEN] = keys.random()?;
        let mut text = Zeroizing::new(inner.to_vec());
        let tag = self
            .cipher
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(commitment.as_bytes()), &mut text)
            .map_err(|_| NoRandomness)?;
        Ok(SealedCpr { key_id: self.id.clone(), blind: self.blind(cpr), sealed: [&nonce[..], &text, tag.as_ref()].concat() })
    }
}

#[cfg(test)]
mod tests {
    use crate::audit::log::cpr::*;

    fn cpr() -> Cpr {
        Cpr::parse("010190-1234").expect("a CPR number")
    }

    #[test]
    fn a_number_comes_back_only_for_its_own_entry_and_with_its_key() {
        let keys = DerivedKeys::new(&[1; 32]);
        let vault = Vault::new([&[2; 32]]);
        let (commitment, sealed) = vault.seal(&cpr(), &keys).expect("random").expect("a key");
        assert_eq!(vault.open(&commitment, &sealed), Some(cpr()));
        let (other, _) = vault.seal(&cpr(), &keys).expect("random").expect("a key");
        assert_ne!(commitment, other, "the same number twice does not look alike");
        assert_eq!(vault.open(&other, &sealed), None, "exchanged");
        assert_eq!(Vault::new([&[3; 32]]).open(&commitment, &sealed), None, "another key");
        for at in 0..sealed.sealed.len() {
            let mut changed = sealed.clone();
            changed.sealed[at] ^= 1;
            assert_eq!(vault.open(&commitment, &changed), None, "byte {at}");
        }
        assert_eq!(Vault::new([]).seal(&cpr(), &keys).expect("random"), None);
    }

    #[test]
    fn with_a_new_key_in_front_old_numbers_are_found_read_and_moved() {
        let keys = DerivedKeys::new(&[1; 32]);
        let old = Vault::new([&[2; 32]]);
        let (commitment, sealed) = old.seal(&cpr(), &keys).expect("random").expect("a key");
        let both = Vault::new([&[3; 32], &[2; 32]]);
        assert_ne!(both.current(), old.current());
        assert!(both.blinds(&cpr()).contains(&sealed.blind));
        let moved = both.reseal(&commitment, &sealed, &keys).expect("random").expect("opened");
        assert_eq!(Some(moved.key_id.as_str()), both.current());
        assert_eq!(Vault::new([&[3; 32]]).open(&commitment, &moved), Some(cpr()));
        assert_eq!(Vault::new([&[3; 32]]).reseal(&commitment, &sealed, &keys).expect("random"), None);
        assert!(!sealed.blind.contains("010190") && !format!("{sealed:?}{both:?}").contains("0101901234"));
    }
}
