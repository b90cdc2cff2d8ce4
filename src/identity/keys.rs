//! Our keys and certificates. `os2nykode saml keygen` and `os2nykode oidc keygen` create them; the service reads them at start.
//!
//! A folder holds `signing.key`, `signing.crt`, `encryption.key` and `encryption.crt`. During a rollover it also holds `next-…` (published,
//! so that providers learn them) and `old-…` (which decrypts messages that were encrypted for the old key).

use std::{fs, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use jiff::{SignedDuration, Timestamp};
use openssl::{
    asn1::Asn1Time,
    bn::{BigNum, MsbOption},
    error::ErrorStack,
    hash::MessageDigest,
    pkey::{Id, PKey, Private},
    rsa::Rsa,
    x509::{X509, X509NameBuilder, extension::BasicConstraints, extension::KeyUsage},
};
use secrecy::ExposeSecret;
use x509_parser::prelude::FromDer;

use crate::operator_file::{self, OperatorFileError};

/// Bits of a new RSA key. OIOSAML requires 2048, CFCS recommends 3000 or more.
const BITS: u32 = 3072;
/// Minimum bits of a key.
const LEAST_BITS: u32 = 2048;
/// Validity of a new certificate, days. Providers use the key only, but warn of expired certificates.
const DAYS: u32 = 3 * 365;

/// Errors of reading and creating keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    #[error("{0}: {1}")]
    File(String, std::io::Error),
    /// The file holds something other than expected.
    #[error("{0} holds no {1} in PEM")]
    Unreadable(String, &'static str),
    /// The file is missing or holds something else, or everybody has rights on the key.
    #[error("{0}: {1}")]
    Unusable(String, OperatorFileError),
    /// The key has fewer than 2048 bits or is not RSA.
    #[error("{0} is no RSA key of at least 2048 bits")]
    Weak(String),
    /// The certificate belongs to another key.
    #[error("{0}.key and {0}.crt do not belong together")]
    Pair(String),
    /// The command has no keys to work on.
    #[error("{0}")]
    Nothing(&'static str),
    #[error("key generation failed: {0}")]
    Crypto(#[from] ErrorStack),
}

/// A private key with its certificate.
pub struct KeyPair {
    key: PKey<Private>,
    certificate: Vec<u8>,
    expires: Option<Timestamp>,
}

impl KeyPair {
    pub fn key(&self) -> &PKey<Private> {
        &self.key
    }

    /// The certificate in DER.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// End of the certificate's validity; `None` if it can't be read.
    pub fn expires(&self) -> Option<Timestamp> {
        self.expires
    }
}

/// All keys of a folder.
pub struct ProviderKeys {
    /// Signs our messages.
    pub signing: KeyPair,
    /// Next signing key, already published.
    pub next_signing: Option<KeyPair>,
    /// Providers encrypt for it.
    pub encryption: KeyPair,
    /// Next encryption key, already published and used for decryption.
    pub next_encryption: Option<KeyPair>,
    /// Previous encryption key, still used for decryption.
    pub old_encryption: Option<KeyPair>,
}

impl std::fmt::Debug for ProviderKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

impl ProviderKeys {
    /// Reads the keys of a folder.
    pub fn read(dir: &Path) -> Result<Self, KeysError> {
        let maybe = |name: &str| if dir.join(format!("{name}.key")).exists() { pair(dir, name).map(Some) } else { Ok(None) };
        Ok(Self {
            signing: pair(dir, "signing")?,
            next_signing: maybe("next-signing")?,
            encryption: pair(dir, "encryption")?,
            next_encryption: maybe("next-encryption")?,
            old_encryption: maybe("old-encryption")?,
        })
    }

    /// Keys for decryption, the most likely first.
    pub fn decrypting(&self) -> impl Iterator<Item = &PKey<Private>> {
        [Some(&self.encryption), self.next_encryption.as_ref(), self.old_encryption.as_ref()].into_iter().flatten().map(KeyPair::key)
    }

    /// Published pairs with their file names.
    pub fn published(&self) -> impl Iterator<Item = (&'static str, &KeyPair)> {
        let all = [
            ("signing", Some(&self.signing)),
            ("next-signing", self.next_signing.as_ref()),
            ("encryption", Some(&self.encryption)),
            ("next-encryption", self.next_encryption.as_ref()),
        ];
        all.into_iter().filter_map(|(name, pair)| Some((name, pair?)))
    }
}

fn pair(dir: &Path, name: &str) -> Result<KeyPair, KeysError> {
    let (key_path, certificate_path) = (dir.join(format!("{name}.key")), dir.join(format!("{name}.crt")));
    let shown = |path: &Path| path.display().to_string();
    let pem = operator_file::private_key(&key_path).map_err(|error| KeysError::Unusable(shown(&key_path), error))?;
    let key =
        PKey::private_key_from_pem(pem.expose_secret().as_bytes()).map_err(|_| KeysError::Unreadable(shown(&key_path), "private key"))?;
    if key.id() != Id::RSA || key.bits() < LEAST_BITS {
        return Err(KeysError::Weak(shown(&key_path)));
    }
    let chain = operator_file::certificates(&certificate_path).map_err(|error| KeysError::Unusable(shown(&certificate_path), error))?;
    let unreadable = || KeysError::Unreadable(shown(&certificate_path), "certificate");
    let certificate = X509::from_der(chain.first().ok_or_else(unreadable)?).map_err(|_| unreadable())?;
    if !certificate.public_key()?.public_eq(&key) {
        return Err(KeysError::Pair(shown(&dir.join(name))));
    }
    let certificate = certificate.to_der()?;
    Ok(KeyPair { key, expires: expiry(&certificate), certificate })
}

/// Creates the first keys, or the next ones if there are some. Returns the paths of the written files.
pub fn generate(dir: &Path, common_name: &str, now: Timestamp) -> Result<Vec<String>, KeysError> {
    let prefix = if !dir.join("signing.key").exists() && !dir.join("encryption.key").exists() {
        ""
    } else if !dir.join("next-signing.key").exists() && !dir.join("next-encryption.key").exists() {
        "next-"
    } else {
        return Err(KeysError::Nothing("keys and next keys exist; `rollover` puts the next ones in use"));
    };
    fs::create_dir_all(dir).map_err(|error| KeysError::File(dir.display().to_string(), error))?;
    let mut written = Vec::new();
    for purpose in ["signing", "encryption"] {
        let (key, certificate) = new_pair(common_name, purpose == "signing", now)?;
        written.push(write(dir, &format!("{prefix}{purpose}.key"), &key, 0o600)?);
        written.push(write(dir, &format!("{prefix}{purpose}.crt"), &certificate, 0o644)?);
    }
    Ok(written)
}

/// Puts the next keys in use. The old ones are kept for decryption.
pub fn rollover(dir: &Path) -> Result<(), KeysError> {
    let names = ["signing.key", "signing.crt", "encryption.key", "encryption.crt"];
    if !names.iter().all(|name| dir.join(format!("next-{name}")).exists()) {
        return Err(KeysError::Nothing(
            "there are no next keys: make them with `keygen`, and give the providers time to read what we publish",
        ));
    }
    for name in names {
        let moved = |from: &Path, to: &Path| fs::rename(from, to).map_err(|error| KeysError::File(from.display().to_string(), error));
        moved(&dir.join(name), &dir.join(format!("old-{name}")))?;
        moved(&dir.join(format!("next-{name}")), &dir.join(name))?;
    }
    Ok(())
}

fn write(dir: &Path, name: &str, content: &[u8], mode: u32) -> Result<String, KeysError> {
    let path = dir.join(name);
    let shown = path.display().to_string();
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&path);
    file.and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .map_err(|error| KeysError::File(shown.clone(), error))?;
    Ok(shown)
}

fn new_pair(common_name: &str, signs: bool, now: Timestamp) -> Result<(zeroize::Zeroizing<Vec<u8>>, Vec<u8>), ErrorStack> {
    let key = PKey::from_rsa(Rsa::generate(BITS)?)?;
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_text("CN", &common_name.chars().take(64).collect::<String>())?; // at most 64 (X.520 ub-common-name)
    let name = name.build();
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::MAYBE_ZERO, false)?;
    let mut certificate = X509::builder()?;
    certificate.set_version(2)?;
    certificate.set_serial_number(&*serial.to_asn1_integer()?)?;
    certificate.set_subject_name(&name)?;
    certificate.set_issuer_name(&name)?;
    certificate.set_pubkey(&key)?;
    let day = SignedDuration::from_hours(24);
    certificate.set_not_before(&*Asn1Time::from_unix((now - day).as_second())?)?;
    certificate.set_not_after(&*Asn1Time::from_unix((now + day * i32::try_from(DAYS).unwrap_or(1095)).as_second())?)?;
    certificate.append_extension(BasicConstraints::new().critical().build()?)?;
    let mut usage = KeyUsage::new();
    let usage = if signs { usage.digital_signature() } else { usage.key_encipherment() };
    certificate.append_extension(usage.critical().build()?)?;
    certificate.sign(&key, MessageDigest::sha256())?;
    Ok((zeroize::Zeroizing::new(key.private_key_to_pem_pkcs8()?), certificate.build().to_pem()?))
}

/// End of a certificate's validity; `None` if it can't be read.
pub fn expiry(der: &[u8]) -> Option<Timestamp> {
    let (_, certificate) = x509_parser::certificate::X509Certificate::from_der(der).ok()?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-23T08:10:00Z".parse().expect("a time")
    }

    #[test]
    fn keys_are_made_rolled_over_and_read_with_nobody_else_able_to() {
        let dir = tempfile::tempdir().expect("a folder");
        let dir = dir.path();
        assert_eq!(generate(dir, "adgangskode.kommune.dk", now()).expect("made").len(), 4);
        let first = ProviderKeys::read(dir).expect("read");
        assert_eq!((first.decrypting().count(), first.published().count()), (1, 2));
        assert!(first.signing.expires().is_some_and(|at| at > now() + SignedDuration::from_hours(24 * 1000)));
        generate(dir, "adgangskode.kommune.dk", now()).expect("the next ones");
        assert!(matches!(generate(dir, "x", now()), Err(KeysError::Nothing(_))));
        let both = ProviderKeys::read(dir).expect("read");
        assert_eq!((both.decrypting().count(), both.published().count()), (2, 4));
        rollover(dir).expect("moved");
        assert!(matches!(rollover(dir), Err(KeysError::Nothing(_))));
        let after = ProviderKeys::read(dir).expect("read");
        assert_eq!(after.signing.certificate(), both.next_signing.as_ref().expect("there").certificate());
        assert!(after.decrypting().any(|key| key.public_eq(first.encryption.key())), "what was encrypted to the old one still opens");
        fs::set_permissions(dir.join("signing.key"), fs::Permissions::from_mode(0o644)).expect("mode");
        assert!(matches!(ProviderKeys::read(dir), Err(KeysError::Unusable(_, OperatorFileError::Open(0o644, _)))));
    }

    #[test]
    fn a_key_with_anothers_certificate_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        generate(dir.path(), "x", now()).expect("made");
        fs::copy(dir.path().join("encryption.crt"), dir.path().join("signing.crt")).expect("copied");
        assert!(matches!(ProviderKeys::read(dir.path()), Err(KeysError::Pair(_))));
        fs::write(dir.path().join("signing.crt"), "x").expect("written");
        assert!(matches!(ProviderKeys::read(dir.path()), Err(KeysError::Unusable(_, OperatorFileError::NoCertificate(_)))));
    }
}
