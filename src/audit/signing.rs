//! The keys that checkpoints and purges are signed with (Ed25519), and those that they are verified by.

use std::{collections::BTreeMap, fmt, path::Path};

use data_encoding::{BASE64, HEXLOWER};
use ring::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};
use rustls::pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer, pem::PemObject};
use zeroize::Zeroizing;

/// What a SubjectPublicKeyInfo of an Ed25519 key begins with (RFC 8410, section 4).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// It is no such key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// Not a private key as `os2nykode audit keygen` makes it.
    #[error("is no Ed25519 key in PKCS#8 PEM; make one with `os2nykode audit keygen`")]
    Private,
    /// Not a public key.
    #[error("is no Ed25519 public key in PEM")]
    Public,
    /// The machine gives no random numbers.
    #[error("this machine gives no random numbers")]
    NoRandomness,
}

/// Signs. Can't be printed.
pub struct Signer {
    pair: Ed25519KeyPair,
    id: String,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.id)
    }
}

impl Signer {
    /// From a PEM text.
    pub fn from_pem(pem: &[u8]) -> Result<Self, BadKey> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|_| BadKey::Private)?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der()).map_err(|_| BadKey::Private)?;
        let id = key_id(pair.public_key().as_ref());
        Ok(Self { pair, id })
    }

    /// A new key: private and public, as PEM texts.
    pub fn generate() -> Result<(Zeroizing<String>, String), BadKey> {
        let der = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| BadKey::NoRandomness)?;
        let pair = Ed25519KeyPair::from_pkcs8(der.as_ref()).map_err(|_| BadKey::Private)?;
        let private = Zeroizing::new(pem("PRIVATE KEY", der.as_ref()));
        Ok((private, pem("PUBLIC KEY", &[&SPKI, pair.public_key().as_ref()].concat())))
    }

    /// What the key is known by: 16 hexadecimal digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The public key as PEM.
    pub fn public_pem(&self) -> String {
        pem("PUBLIC KEY", &[&SPKI, self.pair.public_key().as_ref()].concat())
    }

    pub(super) fn sign(&self, text: &[u8]) -> Vec<u8> {
        self.pair.sign(text).as_ref().to_vec()
    }
}

/// Public keys by their ids: the one in use, and those before it.
#[derive(Debug, Clone, Default)]
pub struct Verifiers(BTreeMap<String, Vec<u8>>);

impl Verifiers {
    /// Takes up a public key in PEM.
    pub fn add(&mut self, pem: &[u8]) -> Result<(), BadKey> {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(pem).map_err(|_| BadKey::Public)?;
        let key = der.strip_prefix(&SPKI[..]).filter(|key| key.len() == 32).ok_or(BadKey::Public)?;
        self.0.insert(key_id(key), key.to_vec());
        Ok(())
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `None`: there is no such key.
    pub(super) fn verify(&self, key_id: &str, text: &[u8], signature: &[u8]) -> Option<bool> {
        let key = self.0.get(key_id)?;
        Some(UnparsedPublicKey::new(&ED25519, key).verify(text, signature).is_ok())
    }
}

/// Writes a new private key to a file that must not be there, for this user only, and the public key beside it with `.pub`. Gives the public key.
pub fn generate_files(file: &Path) -> std::io::Result<String> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let (private, public) = Signer::generate().map_err(std::io::Error::other)?;
    let new = |mode| std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).clone();
    new(0o600).open(file)?.write_all(private.as_bytes())?;
    let mut beside = file.as_os_str().to_owned();
    beside.push(".pub");
    new(0o644).open(Path::new(&beside))?.write_all(public.as_bytes())?;
    Ok(public)
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
    use super::*;

    #[test]
    fn a_key_signs_and_its_public_half_alone_verifies() {
        let (private, public) = Signer::generate().expect("random");
        let signer = Signer::from_pem(private.as_bytes()).expect("a key");
        assert_eq!(signer.public_pem(), public);
        let mut keys = Verifiers::default();
        assert_eq!(keys.verify(signer.id(), b"text", &signer.sign(b"text")), None, "not known");
        keys.add(public.as_bytes()).expect("a key");
        assert_eq!(keys.verify(signer.id(), b"text", &signer.sign(b"text")), Some(true));
        assert_eq!(keys.verify(signer.id(), b"texT", &signer.sign(b"text")), Some(false));
        assert_eq!(keys.add(private.as_bytes()), Err(BadKey::Public));
        assert_eq!(Signer::from_pem(public.as_bytes()).err(), Some(BadKey::Private));
        assert!(!format!("{signer:?}").contains(&private[40..60]));
    }

    #[test]
    fn keys_are_written_for_their_owner_only_and_never_over_others() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("audit.key");
        let public = generate_files(&file).expect("written");
        assert_eq!(std::fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_to_string(folder.path().join("audit.key.pub")).expect("there"), public);
        generate_files(&file).expect_err("is there already");
    }
}
