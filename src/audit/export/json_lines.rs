//! Lines of an export with seals: JSON Lines in the order of the chain. With the public key, they can be verified
//! anywhere.

use data_encoding::{BASE64, HEXLOWER};
use serde::{Deserialize, Serialize};

use crate::audit::{
    chain::{foreign::ForeignKind, hash},
    log::entry::StoredEntry,
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ExportLine {
    /// An entry with its seal.
    Entry(Box<EntryLine>),
    /// A checkpoint: the signed chain hash at a sequence number.
    Checkpoint { checkpoint: Checkpoint },
    /// A purge: signed proof that retention has deleted entries.
    Purge { purge: Purge },
    /// A row of the signed list of rows that the service did not write.
    Foreign { foreign: ForeignRow },
}

impl ExportLine {
    /// The line as JSON, without a line break.
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers only")
    }
}

/// An entry with its seal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryLine {
    /// Sequence number, from 1, without gaps.
    pub number: i64,
    /// Row key in table `audit`.
    pub seq: i64,
    /// Whether an instance of the service has written the entry.
    pub authentic: bool,
    /// Chain hash, 64 hexadecimal digits.
    #[serde(with = "hex")]
    pub chain: Vec<u8>,
    /// The entry; absent where retention has deleted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<StoredEntry>,
    /// Remainder of an entry that retention has deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purged: Option<Purged>,
}

/// Remainder of an entry that retention has deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Purged {
    /// `Class::code`.
    pub class: String,
    /// `StoredEntry::digest`, SHA-256, 64 hexadecimal digits.
    #[serde(with = "hex")]
    pub content: Vec<u8>,
}

/// A checkpoint: the signed chain hash at a sequence number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Last sequence number that the checkpoint covers.
    pub number: i64,
    /// Time of the signature, microseconds since 1970 UTC.
    pub at: i64,
    /// Chain hash, 64 hexadecimal digits.
    #[serde(with = "hex")]
    pub chain: Vec<u8>,
    /// Id of the signing key.
    pub key_id: String,
    /// Ed25519, base64.
    #[serde(with = "base64")]
    pub signature: Vec<u8>,
}

/// A purge: signed proof that retention has deleted entries of a class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Purge {
    /// `Class::code`, or `all` where the seals were deleted as well.
    pub class: String,
    /// Last sequence number that the purge covers.
    pub through: i64,
    /// Time of the signature, microseconds since 1970 UTC.
    pub at: i64,
    /// Id of the signing key.
    pub key_id: String,
    /// Ed25519, base64.
    #[serde(with = "base64")]
    pub signature: Vec<u8>,
}

/// A row of the signed list of rows in the chain that the service did not write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignRow {
    /// Sequence number.
    pub number: i64,
    /// Row key in table `audit`.
    pub seq: i64,
    pub what: ForeignKind,
    /// Chain hash as found, hexadecimal.
    #[serde(with = "hex")]
    pub chain: Vec<u8>,
    /// Time of the signature, microseconds since 1970 UTC.
    pub at: i64,
    /// Id of the signing key.
    pub key_id: String,
    /// Ed25519, base64.
    #[serde(with = "base64")]
    pub signature: Vec<u8>,
}

impl ForeignRow {
    /// The text that the signature covers.
    pub fn signed_text(&self) -> Vec<u8> {
        hash::of_foreign(self.number, self.seq, self.what.code(), &self.chain, self.at)
    }
}

macro_rules! text_of_bytes {
    ($name:ident, $encoding:expr) => {
        mod $name {
            use serde::{Deserialize, Deserializer, Serializer, de::Error};

            pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&$encoding.encode(bytes))
            }

            pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
                let text = String::deserialize(deserializer)?;
                $encoding.decode(text.as_bytes()).map_err(D::Error::custom)
            }
        }
    };
}
text_of_bytes!(hex, super::HEXLOWER);
text_of_bytes!(base64, super::BASE64);
