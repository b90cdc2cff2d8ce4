//! Ed25519 keys that sign and verify checkpoints and purges.

use std::{collections::BTreeMap, fmt};

use data_encoding::{BASE64, HEXLOWER};
use ring::{
    digest::{SHA256, digest},
    rand::SecureRandom,
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};
use rustls::pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer, pem::PemObject};
use zeroize::Zeroizing;

/// Prefix of a SubjectPublicKeyInfo with an Ed25519 key (RFC 8410, section 4).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A key could not be read or generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// Not a private key as `os2nykode audit keygen` creates it.
    #[error("is no Ed25519 key in PKCS#8 PEM; make one with `os2nykode audit keygen`")]
    Private,
    #[error("is no Ed25519 public key in PEM")]
    Public,
    /// The operating system gave no random bytes.
    #[error("this machine gives no random numbers")]
    NoRandomness,
}

/// The signing key, with the public keys that verify: its own and earlier ones. Cannot be printed.
pub struct Signer {
    pair: Ed25519KeyPair,
    id: String,
    known: Verifiers,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.id)
    }
}

impl Signer {
    pub fn from_pem(pem: &[u8]) -> Result<Self, BadKey> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|_| BadKey::Private)?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der()).map_err(|_| BadKey::Private)?;
        let id = key_id(pair.public_key().as_ref());
        let known = Verifiers(BTreeMap::from([(id.clone(), pair.public_key().as_ref().to_vec())]));
        Ok(Self { pair, id, known })
    }

    /// Adds the public key, in PEM, of an earlier signing key.
    pub fn also_knows(&mut self, pem: &[u8]) -> Result<(), BadKey> {
        self.known.add(pem)
    }

    /// The public keys that verify: its own and earlier ones.
    pub fn known(&self) -> &Verifiers {
        &self.known
    }

    /// A new key in PEM, from the caller's randomness.
    pub fn generate(random: &dyn SecureRandom) -> Result<Zeroizing<String>, BadKey> {
        let der = Ed25519KeyPair::generate_pkcs8(random).map_err(|_| BadKey::NoRandomness)?;
        Ok(Zeroizing::new(pem("PRIVATE KEY", der.as_ref())))
    }

    /// ID of the key: 16 hexadecimal digits, the first 8 bytes of the SHA-256 of the public key.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn public_pem(&self) -> String {
        pem("PUBLIC KEY", &[&SPKI, self.pair.public_key().as_ref()].concat())
    }

    pub fn sign(&self, text: &[u8]) -> Vec<u8> {
        self.pair.sign(text).as_ref().to_vec()
    }
}

/// Public keys by ID: the current one and earlier ones.
#[derive(Debug, Clone, Default)]
pub struct Verifiers(BTreeMap<String, Vec<u8>>);

impl Verifiers {
    pub fn add(&mut self, pem: &[u8]) -> Result<(), BadKey> {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(pem).map_err(|_| BadKey::Public)?;
        let key = der.strip_prefix(&SPKI[..]).filter(|key| key.len() == 32).ok_or(BadKey::Public)?;
        self.0.insert(key_id(key), key.to_vec());
        Ok(())
    }

    pub fn also(&mut self, others: &Self) {
        self.0.extend(others.0.clone());
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True if the signature of the text is valid; `None` if no key has this ID.
    pub fn verify(&self, key_id: &str, text: &[u8], signature: &[u8]) -> Option<bool> {
        let key = self.0.get(key_id)?;
        Some(UnparsedPublicKey::new(&ED25519, key).verify(text, signature).is_ok())
    }
}

fn key_id(public: &[u8]) -> String {
    HEXLOWER.encode(&digest(&SHA256, public).as_ref()[..8])
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = Zeroizing::new(BASE64.encode(der));
    let mut pem = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(64) {
        pem.push_str(std::str::from_utf8(line).unwrap_or_default());
        pem.push('\n');
    }
    pem.push_str("-----END ");
    pem.push_str(label);
    pem.push_str("-----\n");
    pem
}

#[cfg(test)]
mod tests {
    use crate::model::audit::signing::*;

    #[test]
    fn a_key_signs_and_its_public_half_alone_verifies() {
        let private = Signer::generate(&ring::rand::SystemRandom::new()).expect("random");
        let signer = Signer::from_pem(private.as_bytes()).expect("a key");
        let public = signer.public_pem();
        let mut keys = Verifiers::default();
        assert_eq!(keys.verify(signer.id(), b"text", &signer.sign(b"text")), None, "not known");
        keys.add(public.as_bytes()).expect("a key");
        assert_eq!(keys.verify(signer.id(), b"text", &signer.sign(b"text")), Some(true));
        assert_eq!(keys.verify(signer.id(), b"texT", &signer.sign(b"text")), Some(false));
        assert_eq!(keys.add(private.as_bytes()), Err(BadKey::Public));
        assert_eq!(Signer::from_pem(public.as_bytes()).err(), Some(BadKey::Private));
        assert!(!format!("{signer:?}").contains(&private[40..60]));
    }
}
