//! Secrets: given as a value or, better, as a file; never printed.

use std::{fs, io::Read, os::unix::fs::PermissionsExt, path::Path};

use data_encoding::BASE64;
use secrecy::SecretString;
use zeroize::{Zeroize, Zeroizing};

use super::load::Problems;

/// 32 random bytes: the secret that all keys of the service are derived from, or a key for CPR numbers in the audit log. Wiped when
/// dropped; cannot be printed.
pub struct Secret(Zeroizing<[u8; 32]>);

impl Secret {
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Base64, as in the configuration.
    pub fn encoded(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64.encode(self.0.as_slice()))
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut bytes = BASE64.decode(text.trim().as_bytes()).ok()?;
        let whole = <[u8; 32]>::try_from(bytes.as_slice()).ok().map(Self::from_bytes);
        bytes.zeroize();
        whole.filter(|secret| secret.0.iter().any(|byte| *byte != secret.0[0]))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The one of `key` and `key_file` that is given. Newlines at the end of a file are no part of the secret.
pub(super) fn one_of(key: &str, value: Option<SecretString>, file: Option<&Path>, problems: &mut Problems) -> Option<SecretString> {
    match (value, file) {
        (Some(value), None) => Some(value),
        (None, Some(file)) => read(key, file, problems),
        (Some(_), Some(_)) => {
            problems.add(key, format!("given twice: keep either {key} or {key}_file"));
            None
        }
        (None, None) => {
            problems.add(key, format!("missing: give it as {key}_file (better) or {key}"));
            None
        }
    }
}

/// What the file `{key}_file` holds.
pub(super) fn read(key: &str, file: &Path, problems: &mut Problems) -> Option<SecretString> {
    let key = format!("{key}_file");
    let wrong = |what: String, problems: &mut Problems| {
        problems.add(&key, format!("{}: {what}", file.display()));
        None
    };
    // What is looked at is what is read, even if the name points to something else in between.
    let mut open = match fs::File::open(file) {
        Err(error) => return wrong(format!("can't be read: {error}"), problems),
        Ok(open) => open,
    };
    match open.metadata() {
        Err(error) => return wrong(format!("can't be read: {error}"), problems),
        Ok(about) if about.permissions().mode() & 0o007 != 0 => {
            return wrong("everybody on this machine can read it: chmod o-rwx".to_owned(), problems);
        }
        Ok(_) => {}
    }
    let mut text = String::new();
    if let Err(error) = open.read_to_string(&mut text) {
        text.zeroize();
        return wrong(format!("can't be read: {error}"), problems);
    }
    text.truncate(text.trim_end_matches(['\n', '\r']).len());
    if text.is_empty() { wrong("is empty".to_owned(), problems) } else { Some(SecretString::from(text)) }
}
