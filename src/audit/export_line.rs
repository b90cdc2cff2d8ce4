//! The lines of an export with its seals: JSON Lines, in the order of the chain. With them and the public key the log can be verified anywhere.

use data_encoding::{BASE64, HEXLOWER};
use serde::{Deserialize, Serialize};

use super::entry::StoredEntry;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Line {
    /// An entry in its place.
    Entry(Box<EntryLine>),
    /// Signed: up to this number, the chain was this.
    Checkpoint {
        /// Its content.
        checkpoint: Checkpoint,
    },
    /// Signed: what retention has deleted.
    Purge {
        /// Its content.
        purge: Purge,
    },
}

impl Line {
    /// As JSON, on one line.
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers only")
    }
}

/// An entry in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryLine {
    /// From 1, without gaps.
    pub number: i64,
    /// The entry's key in the log.
    pub seq: i64,
    /// An instance of the service wrote it.
    pub sound: bool,
    /// The link, 64 hexadecimal digits.
    #[serde(with = "hex")]
    pub chain: Vec<u8>,
    /// What it says; absent where retention has deleted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<StoredEntry>,
    /// What an entry was that retention has deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purged: Option<Purged>,
}

/// What an entry was that retention has deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Purged {
    /// `Class::code`.
    pub class: String,
    /// SHA-256 of what it said, 64 hexadecimal digits.
    #[serde(with = "hex")]
    pub content: Vec<u8>,
}

/// A signed checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Up to this number.
    pub number: i64,
    /// When, microseconds since 1970 UTC.
    pub at: i64,
    /// The link, 64 hexadecimal digits.
    #[serde(with = "hex")]
    pub chain: Vec<u8>,
    /// Of the signing key.
    pub key_id: String,
    /// Ed25519, base64.
    #[serde(with = "base64")]
    pub signature: Vec<u8>,
}

/// A signed purge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Purge {
    /// `Class::code`, or `all` for the seals too.
    pub class: String,
    /// Up to this number.
    pub through: i64,
    /// When, microseconds since 1970 UTC.
    pub at: i64,
    /// Of the signing key.
    pub key_id: String,
    /// Ed25519, base64.
    #[serde(with = "base64")]
    pub signature: Vec<u8>,
}

macro_rules! text_of_bytes {
    ($name:ident, $encoding:expr) => {
        mod $name {
            use serde::{Deserialize, Deserializer, Serializer, de::Error};

            pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&$encoding.encode(bytes))
            }

            pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
                let text = String::deserialize(deserializer)?;
                $encoding.decode(text.as_bytes()).map_err(D::Error::custom)
            }
        }
    };
}
text_of_bytes!(hex, super::HEXLOWER);
text_of_bytes!(base64, super::BASE64);
