//! Secrets: given as a value or, better, as a file; never printed.

use std::path::Path;

use data_encoding::BASE64;
use reqwest::Url;
use secrecy::SecretString;
use toml::{Table, Value};
use zeroize::{Zeroize, Zeroizing};

use crate::config::problem::Problems;
use crate::operator_file;

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

    pub(crate) fn parse(text: &str) -> Option<Self> {
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

/// The one of `key` and `key_file` that is given. Blanks and newlines at the end of a file are no part of the secret.
pub(crate) fn one_of(key: &str, value: Option<SecretString>, file: Option<&Path>, problems: &mut Problems) -> Option<SecretString> {
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
pub(crate) fn read(key: &str, file: &Path, problems: &mut Problems) -> Option<SecretString> {
    let read = operator_file::secret(file);
    read.map_err(|error| problems.add(&format!("{key}_file"), format!("{}: {error}", file.display()))).ok()
}

/// The private key that the file `key` holds, as PEM.
pub(crate) fn private_key(key: &str, file: &Path, problems: &mut Problems) -> Option<SecretString> {
    let read = operator_file::private_key(file);
    read.map_err(|error| problems.add(key, format!("{}: {error}", file.display()))).ok()
}

/// Keys whose value is a secret: always text, whatever it looks like.
pub(crate) const SECRETS: [&str; 7] = ["secret", "bind_password", "url", "password", "token", "client_secret", "signing_key"];

/// The first key below `table` whose value is a secret.
pub(crate) fn inline(table: &Table) -> Option<String> {
    table.iter().find_map(|(key, value)| match value {
        Value::String(text) => is_secret(key, text).then(|| key.clone()),
        Value::Table(below) => Some(format!("{key}.{}", inline(below)?)),
        Value::Array(list) => list.iter().find_map(|value| Some(format!("{key}.{}", inline(value.as_table()?)?))),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => None,
    })
}

/// A URL is a secret where it holds a password; one that can't be read may hold one.
fn is_secret(key: &str, text: &str) -> bool {
    let holds_one = |url: &Url| url.password().is_some() || url.query_pairs().any(|(key, _)| key.eq_ignore_ascii_case("password"));
    SECRETS.contains(&key) && !text.is_empty() && (key != "url" || Url::parse(text).as_ref().map_or_else(|_| text.contains('@'), holds_one))
}

#[cfg(test)]
mod tests {
    use crate::config::read::secret::*;

    #[test]
    fn every_inline_secret_of_the_configuration_is_known_by_its_key() {
        fn fields(dir: &Path, found: &mut Vec<String>) {
            for entry in std::fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry").path()) {
                if entry.is_dir() {
                    fields(&entry, found);
                    continue;
                }
                let text = std::fs::read_to_string(&entry).expect("text");
                let declared = text.lines().filter_map(|line| line.trim().strip_suffix("SecretString>,")?.split_once(": Option<"));
                found.extend(declared.map(|(name, _)| name.trim_start_matches("pub ").to_owned()));
            }
        }
        let mut found = Vec::new();
        fields(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config"), &mut found);
        assert!(SECRETS.iter().all(|known| found.iter().any(|name| name == known)), "{found:?}");
        assert!(found.iter().all(|name| SECRETS.contains(&name.as_str())), "{found:?}");
    }

    #[test]
    fn a_url_is_a_secret_where_it_holds_a_password() {
        for (url, secret) in [
            ("postgres://reader@db.kommune.dk/x", false),
            ("sqlite:///var/lib/x.db", false),
            ("https://register.kommune.dk/{cpr}", false),
            ("postgres://reader:hemmelig@db.kommune.dk/x", true),
            ("mysql://db.kommune.dk/x?user=a&Password=hemmelig", true),
            ("postgres://reader:hem melig#@db:port/x", true),
        ] {
            assert_eq!(is_secret("url", url), secret, "{url}");
        }
    }
}
