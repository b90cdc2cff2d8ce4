//! Files that operators write (configuration, secrets, keys, certificates, lists of words), read as editors and other tools leave them.
//!
//! Taken: UTF-8 with or without a byte order mark, UTF-16 with one (not for secrets), any line ends, PEM or DER. What can't be taken is refused by its name.
//! Invariants: a file that holds a secret is refused where everybody on the machine has rights on it; no error quotes what a file holds.

use std::{
    borrow::Cow,
    fs::File,
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use data_encoding::BASE64;
use openssl::pkey::PKey;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, SubjectPublicKeyInfoDer, pem::PemObject};
use secrecy::SecretString;
use x509_parser::prelude::FromDer;
use zeroize::Zeroizing;

/// Permission bits of everybody on the machine.
const EVERYBODY: u32 = 0o007;

/// Why a file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum OperatorFileError {
    /// The operating system's word.
    #[error("can't be read: {0}")]
    Unreadable(#[from] io::Error),
    /// A secret that is none.
    #[error("everybody on this machine has rights on it (mode {0:04o}): chmod 640 {1}")]
    Open(u32, String),
    /// Nothing in it but blanks.
    #[error("is empty")]
    Empty,
    /// No encoding of text that is known here.
    #[error("is no text in UTF-8 or UTF-16: save it as UTF-8")]
    NotText,
    /// A secret is bytes: recoding one would guess.
    #[error("is UTF-16, as Windows' editors write it: save it as UTF-8")]
    WideSecret,
    /// A certificate file without one.
    #[error("holds no certificate: {0}")]
    NoCertificate(&'static str),
    /// A key file without a private key.
    #[error("holds no private key: {0}")]
    NoKey(&'static str),
    /// A public key file without one.
    #[error("holds no public key: {0}")]
    NoPublicKey(&'static str),
}

type Result<T> = std::result::Result<T, OperatorFileError>;

/// A text, and the mode of the file that it was read from.
#[derive(Debug)]
pub struct OperatorText {
    /// In UTF-8, without byte order mark.
    pub text: String,
    /// Permission bits.
    pub mode: u32,
}

/// Refuses a file on which others on this machine have rights.
pub fn is_private(path: &Path) -> Result<()> {
    closed(path, mode(&File::open(path)?)?)
}

/// What [`is_private`] says of a mode.
pub fn closed(path: &Path, mode: u32) -> Result<()> {
    if mode & EVERYBODY == 0 { Ok(()) } else { Err(OperatorFileError::Open(mode, path.display().to_string())) }
}

/// A text file: UTF-8, or UTF-16 with its byte order mark.
pub fn text(path: &Path) -> Result<OperatorText> {
    let (bytes, mode) = read(path, |_| Ok(()))?;
    let text = decoded(&bytes).ok_or(OperatorFileError::NotText)?.into_owned();
    Ok(OperatorText { text, mode })
}

/// A secret. Blanks and line ends at its end are no part of it, nor is a byte order mark.
pub fn secret(path: &Path) -> Result<SecretString> {
    let (bytes, _) = read(path, |mode| closed(path, mode))?;
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(OperatorFileError::WideSecret);
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| OperatorFileError::NotText)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_end_matches([' ', '\t', '\r', '\n']);
    if text.is_empty() { Err(OperatorFileError::Empty) } else { Ok(SecretString::from(text)) }
}

/// The certificates of a file, at least one: PEM, or a single one in DER.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let (bytes, _) = read(path, |_| Ok(()))?;
    if let Ok((rest, _)) = x509_parser::certificate::X509Certificate::from_der(&bytes)
        && rest.is_empty()
    {
        return Ok(vec![CertificateDer::from(bytes.to_vec())]);
    }
    let found: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem(&bytes)).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Err(_) if contains(&bytes, "-----BEGIN CERTIFICATE-----") => {
            Err(OperatorFileError::NoCertificate("its PEM is damaged; copy it again, whole lines from BEGIN to END"))
        }
        Ok(_) | Err(_) => Err(OperatorFileError::NoCertificate(kind(&bytes, Wanted::Certificate))),
    }
}

/// A private key that is its owner's alone, as PEM: read as PEM or DER (PKCS#8, PKCS#1, SEC1).
pub fn private_key(path: &Path) -> Result<SecretString> {
    let (bytes, _) = read(path, |mode| closed(path, mode))?;
    if let Ok(key) = PrivateKeyDer::try_from(&bytes[..])
        && let Some(text) = key_pem(&key)
    {
        return Ok(text);
    }
    let pem = pem(&bytes);
    match std::str::from_utf8(&pem) {
        Ok(text) if PrivateKeyDer::from_pem_slice(text.as_bytes()).is_ok() => Ok(SecretString::from(text)),
        Ok(_) | Err(_) => Err(OperatorFileError::NoKey(kind(&bytes, Wanted::PrivateKey))),
    }
}

/// A key in DER, as PEM (RFC 7468).
fn key_pem(key: &PrivateKeyDer<'_>) -> Option<SecretString> {
    let label = match key {
        PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
        PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
        PrivateKeyDer::Pkcs8(_) => "PRIVATE KEY",
        _ => return None,
    };
    let encoded = Zeroizing::new(BASE64.encode(key.secret_der()));
    let lines = encoded.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok());
    let mut text = format!("-----BEGIN {label}-----\n");
    text.reserve_exact(encoded.len() * 2); // no copy is left behind by growing
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    text.push_str("-----END ");
    text.push_str(label);
    text.push_str("-----\n");
    Some(SecretString::from(text))
}

/// A public key, as PEM: read as PEM or DER (SubjectPublicKeyInfo).
pub fn public_key(path: &Path) -> Result<String> {
    let (bytes, _) = read(path, |_| Ok(()))?;
    let wrong = |bytes: &[u8]| OperatorFileError::NoPublicKey(kind(bytes, Wanted::PublicKey));
    if bytes.first() == Some(&0x30) {
        let pem = PKey::public_key_from_der(&bytes).and_then(|key| key.public_key_to_pem()).map_err(|_| wrong(&bytes))?;
        return String::from_utf8(pem).map_err(|_| wrong(&bytes));
    }
    let pem = pem(&bytes);
    match std::str::from_utf8(&pem) {
        Ok(text) if SubjectPublicKeyInfoDer::from_pem_slice(text.as_bytes()).is_ok() => Ok(text.to_owned()),
        Ok(_) | Err(_) => Err(wrong(&bytes)),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Certificate,
    PrivateKey,
    PublicKey,
}

/// The bytes to look for PEM in. Text around the blocks may be in any encoding: it is not read.
fn pem(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(decoded(bytes).map_or_else(|| bytes.to_vec(), |text| text.into_owned().into_bytes()))
}

fn contains(bytes: &[u8], line: &str) -> bool {
    pem(bytes).windows(line.len()).any(|window| window == line.as_bytes())
}

/// What a file without the wanted thing is, as far as its beginning says.
fn kind(bytes: &[u8], wanted: Wanted) -> &'static str {
    let has = |line: &str| contains(bytes, line);
    let beginning = pem(bytes);
    let beginning = beginning.trim_ascii();
    let begins = |word: &str| beginning.get(..word.len()).is_some_and(|found| found.eq_ignore_ascii_case(word.as_bytes()));
    if beginning.is_empty() {
        "it is empty"
    } else if begins("<!doctype html") || begins("<html") {
        "it is a web page (HTML)"
    } else if has("-----BEGIN CERTIFICATE REQUEST-----") || has("-----BEGIN NEW CERTIFICATE REQUEST-----") {
        "it is a certificate request: put there what the CA made of it"
    } else if has("-----BEGIN ENCRYPTED PRIVATE KEY-----") || has("Proc-Type: 4,ENCRYPTED") {
        "it is a private key with a passphrase: openssl pkey -in FILE -out NEW takes it off"
    } else if has("-----BEGIN OPENSSH PRIVATE KEY-----") {
        "it is a key of OpenSSH: openssl has to make it"
    } else if has("PRIVATE KEY-----") && wanted == Wanted::PrivateKey {
        "its PEM is damaged; copy it again, whole lines from BEGIN to END"
    } else if has("PRIVATE KEY-----") {
        "it is a private key"
    } else if has("-----BEGIN PUBLIC KEY-----") {
        if wanted == Wanted::PublicKey { "its PEM is damaged; copy it again, whole lines from BEGIN to END" } else { "it is a public key" }
    } else if has("-----BEGIN CERTIFICATE-----") {
        "it is a certificate"
    } else if has("-----BEGIN PKCS7-----") {
        "it is PKCS#7: openssl pkcs7 -print_certs -in FILE"
    } else if matches!(bytes, [0x30, 0..0x20 | 0x80.., ..]) {
        "it is DER, but something else; out of PKCS#12 (.pfx, .p12): openssl pkcs12 -in FILE -nodes"
    } else {
        "it has to be PEM, which begins with a line -----BEGIN …-----"
    }
}

/// Text by its byte order mark, or else UTF-8. `None`: it is none.
pub(crate) fn decoded(bytes: &[u8]) -> Option<Cow<'_, str>> {
    match bytes {
        [0xFF, 0xFE, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => std::str::from_utf8(rest).ok().map(Cow::Borrowed),
        _ => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
    }
}

/// UTF-16 without a mark.
pub(crate) fn wide(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<Cow<'_, str>> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
    rest.is_empty().then(|| String::from_utf16(&units).ok()).flatten().map(Cow::Owned)
}

/// What is looked at is what is read, even if the name points to something else in between.
fn read(path: &Path, allowed: impl FnOnce(u32) -> Result<()>) -> Result<(Zeroizing<Vec<u8>>, u32)> {
    let mut file = File::open(path)?;
    let mode = mode(&file)?;
    allowed(mode)?;
    // In one piece: a buffer that grows leaves what it held behind.
    let length = usize::try_from(file.metadata()?.len()).unwrap_or_default();
    let mut bytes = Zeroizing::new(Vec::with_capacity(length.saturating_add(64).min(1 << 20)));
    file.read_to_end(&mut bytes)?;
    Ok((bytes, mode))
}

fn mode(file: &File) -> Result<u32> {
    Ok(file.metadata()?.permissions().mode() & 0o7777)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn file(content: &[u8], mode: u32) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), content).expect("written");
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).expect("mode");
        file
    }

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn text_is_read_in_every_encoding_that_editors_write() {
        let big_endian = "\u{feff}blåbær\r\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for content in ["blåbær\r\n".into(), "\u{feff}blåbær\r\n".into(), utf16("\u{feff}blåbær\r\n"), big_endian] {
            let file = file(&content, 0o644);
            let read = text(file.path()).expect("text");
            assert_eq!((read.text.as_str(), read.mode), ("blåbær\r\n", 0o644));
        }
        assert!(matches!(text(file(b"bl\xe5b\xe6r", 0o644).path()), Err(OperatorFileError::NotText)));
    }

    #[test]
    fn a_secret_is_private_and_has_no_blanks_at_its_end() {
        for content in ["hemme lig", "hemme lig\r\n", "\u{feff}hemme lig \t\n\n"] {
            assert_eq!(secret(file(content.as_bytes(), 0o640).path()).expect("read").expose_secret(), "hemme lig");
        }
        assert!(matches!(secret(file(b"\xef\xbb\xbf \n", 0o600).path()), Err(OperatorFileError::Empty)));
        assert!(matches!(secret(file(b"\xff", 0o600).path()), Err(OperatorFileError::NotText)));
        assert!(matches!(secret(file(&utf16("\u{feff}hemmelig"), 0o600).path()), Err(OperatorFileError::WideSecret)));
        for mode in [0o644, 0o604, 0o602, 0o641] {
            let file = file(b"hemmelig", mode);
            let told = secret(file.path()).expect_err("refused").to_string();
            assert_eq!(told, format!("everybody on this machine has rights on it (mode {mode:04o}): chmod 640 {}", file.path().display()));
            assert!(is_private(file.path()).is_err());
        }
    }

    #[test]
    fn certificates_are_taken_as_pem_or_der_and_anything_else_is_called_by_its_name() {
        let dir = tempfile::tempdir().expect("a folder");
        let now = "2026-11-23T08:10:00Z".parse().expect("a time");
        crate::identity::keys::generate(dir.path(), "x", now).expect("made");
        let pem = std::fs::read_to_string(dir.path().join("signing.crt")).expect("PEM");
        let der = certificates(&dir.path().join("signing.crt")).expect("PEM").remove(0);
        let marked = format!("\u{feff}{}", pem.replace('\n', "\r\n"));
        for content in [der.to_vec(), marked.as_bytes().to_vec(), utf16(&marked)] {
            assert_eq!(certificates(file(&content, 0o644).path()).expect("a certificate"), std::slice::from_ref(&der));
        }
        assert_eq!(certificates(file(pem.repeat(2).as_bytes(), 0o644).path()).expect("two").len(), 2);
        let mut commented = b"# K\xf8benhavn\n".to_vec();
        commented.extend(pem.as_bytes());
        assert_eq!(certificates(file(&commented, 0o644).path()).expect("a comment in Latin-1").len(), 1);
        let key = std::fs::read(dir.path().join("signing.key")).expect("a key");
        for (content, word) in [
            (&b"\n"[..], "empty"),
            (b"\n<!DOCTYPE html><p>hemmelig", "HTML"),
            (&key[..], "private key"),
            (b"-----BEGIN CERTIFICATE REQUEST-----\nhemmelig", "request"),
            (b"-----BEGIN PKCS7-----\nhemmelig", "PKCS#7"),
            (b"0\x03\x02\x01\x03", "PKCS#12"),
            (b"hemmelig", "-----BEGIN"),
            (b"-----BEGIN CERTIFICATE-----\nhemmelig!\n-----END CERTIFICATE-----\n", "damaged"),
        ] {
            let told = certificates(file(content, 0o600).path()).expect_err("none").to_string();
            assert!(told.contains(word) && !told.contains("hemmelig"), "{word}: {told}");
        }
    }

    #[test]
    fn private_keys_are_taken_as_pem_or_der_and_anything_else_is_called_by_its_name() {
        let rsa = openssl::rsa::Rsa::generate(2048).expect("a key");
        let key = PKey::from_rsa(rsa.clone()).expect("a key");
        let pem = String::from_utf8(key.private_key_to_pem_pkcs8().expect("PEM")).expect("text");
        let marked = format!("\u{feff}{}  \r\n", pem.replace('\n', "\r\n"));
        let forms = [
            pem.clone().into_bytes(),
            marked.as_bytes().to_vec(),
            utf16(&marked),
            key.private_key_to_pkcs8().expect("PKCS#8"),
            rsa.private_key_to_der().expect("PKCS#1"),
            rsa.private_key_to_pem().expect("PKCS#1 as PEM"),
        ];
        for (number, content) in forms.iter().enumerate() {
            let read = private_key(file(content, 0o640).path()).unwrap_or_else(|error| panic!("{number}: {error}"));
            let read = PKey::private_key_from_pem(read.expose_secret().as_bytes()).expect("PEM");
            assert!(read.public_eq(&key), "{number}");
            assert!(matches!(private_key(file(content, 0o644).path()), Err(OperatorFileError::Open(0o644, _))), "{number}");
        }
        let locked = key.private_key_to_pem_pkcs8_passphrase(openssl::symm::Cipher::aes_256_cbc(), b"hemmelig").expect("PEM");
        for (content, word) in [
            (&locked[..], "passphrase"),
            (b"-----BEGIN CERTIFICATE-----\nhemmelig", "it is a certificate"),
            (b"-----BEGIN OPENSSH PRIVATE KEY-----\nhemmelig", "OpenSSH"),
            (b"-----BEGIN PRIVATE KEY-----\nhemmelig!\n-----END PRIVATE KEY-----\n", "damaged"),
            (b"0\x03\x02\x01\x03", "PKCS#12"),
            (b"", "empty"),
        ] {
            let told = private_key(file(content, 0o600).path()).expect_err("none").to_string();
            assert!(told.contains(word) && !told.contains("hemmelig"), "{word}: {told}");
        }
    }

    #[test]
    fn public_keys_are_taken_as_pem_or_der() {
        let key = PKey::generate_ed25519().expect("a key");
        let pem = String::from_utf8(key.public_key_to_pem().expect("PEM")).expect("text");
        let marked = format!("\u{feff}{}", pem.replace('\n', "\r\n"));
        for content in [pem.clone().into_bytes(), marked.as_bytes().to_vec(), utf16(&marked), key.public_key_to_der().expect("DER")] {
            let read = public_key(file(&content, 0o644).path()).expect("a key");
            assert!(PKey::public_key_from_pem(read.as_bytes()).expect("PEM").public_eq(&key));
        }
        let told = public_key(file(&key.private_key_to_pem_pkcs8().expect("PEM"), 0o644).path()).expect_err("private").to_string();
        assert!(told.contains("it is a private key"), "{told}");
    }
}
