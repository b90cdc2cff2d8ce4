//! The digests by which lists name passwords: SHA-1 of the UTF-8 text, or the NT hash (MD4 of UTF-16LE, MS-NLMP 3.3.1).
//!
//! Invariants: a digest of a password can't be printed, and its memory is wiped; both spellings of a text are looked up, because
//! lists hold composed characters (NFC) and a Mac may type decomposed ones (NFD).

use md4::Md4;
use sha1::{Digest as _, Sha1};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::model::credential::password::Password;

/// By which digest a list names passwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HashKind {
    /// SHA-1, 40 hexadecimal digits.
    Sha1,
    /// The NT hash, 32 hexadecimal digits.
    Nt,
}

impl HashKind {
    /// Hexadecimal digits of a whole digest.
    pub fn digits(self) -> usize {
        match self {
            Self::Sha1 => 40,
            Self::Nt => 32,
        }
    }

    /// The kind whose digests have so many hexadecimal digits.
    pub fn of_digits(digits: usize) -> Option<Self> {
        [Self::Sha1, Self::Nt].into_iter().find(|kind| kind.digits() == digits)
    }
}

impl std::fmt::Display for HashKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sha1 => "SHA-1",
            Self::Nt => "NT",
        })
    }
}

/// Digest of one spelling of a password. An NT hash fills the first 16 bytes.
#[derive(Clone)]
pub struct Digest(Zeroizing<[u8; 20]>);

/// The first 20 bits of a SHA-1 digest: the only part that leaves the house.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Prefix(u32);

impl Digest {
    /// Digests of the password as typed and, where it differs, of its composed form (NFC).
    pub fn of(password: &Password, kind: HashKind) -> Vec<Self> {
        let text = password.expose();
        let mut digests = vec![Self::of_text(text, kind)];
        if unicode_normalization::is_nfc_quick(text.chars()) != unicode_normalization::IsNormalized::Yes {
            let mut composed = Zeroizing::new(String::with_capacity(text.len() * 3)); // NFC of UTF-8 is at most three times as long (UAX #15)
            composed.extend(text.nfc());
            if composed.as_str() != text {
                digests.push(Self::of_text(&composed, kind));
            }
        }
        digests
    }

    pub(crate) fn of_text(text: &str, kind: HashKind) -> Self {
        let mut bytes = Zeroizing::new([0; 20]);
        match kind {
            HashKind::Sha1 => Sha1::new_with_prefix(text.as_bytes()).finalize_into((&mut *bytes).into()),
            HashKind::Nt => {
                let mut units = Zeroizing::new(Vec::with_capacity(text.len() * 2));
                text.encode_utf16().for_each(|unit| units.extend_from_slice(&unit.to_le_bytes()));
                let (nt, _) = bytes.split_first_chunk_mut::<16>().expect("16 of 20 bytes");
                Md4::new_with_prefix(units.as_slice()).finalize_into(nt.into());
            }
        }
        Self(bytes)
    }

    /// The first 64 bits, by which the list on disk knows a digest.
    pub(crate) fn key(&self) -> u64 {
        u64::from_be_bytes(*self.0.first_chunk().expect("8 of 20 bytes"))
    }

    /// The first five hexadecimal digits.
    pub(crate) fn prefix(&self) -> Prefix {
        Prefix(u32::from_be_bytes([0, self.0[0], self.0[1], self.0[2]]) >> 4)
    }

    /// The 64 bits behind the prefix: hexadecimal digits 6 to 21.
    pub(crate) fn suffix(&self) -> u64 {
        let bits = u128::from_be_bytes(*self.0.first_chunk().expect("16 of 20 bytes"));
        u64::try_from(bits << 20 >> 64).expect("64 bits")
    }
}

impl Prefix {
    /// Five upper-case hexadecimal digits, leading zeros too: `00000` and not `0`.
    pub(crate) fn digits(self) -> String {
        format!("{:05X}", self.0)
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Digest(…)")
    }
}

impl std::fmt::Debug for Prefix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Prefix(…)")
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXUPPER;

    use super::*;

    fn hex(text: &str, kind: HashKind) -> String {
        HEXUPPER.encode(&Digest::of_text(text, kind).0[..kind.digits() / 2])
    }

    #[test]
    fn digests_are_those_of_the_published_lists() {
        for (text, sha1, nt) in [
            ("password", "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8", "8846F7EAEE8FB117AD06BDD830B7586C"),
            ("123456", "7C4A8D09CA3762AF61E59520943DC26494F8941B", "32ED87BDB5FDC5E9CBA88547376818D4"),
        ] {
            assert_eq!((hex(text, HashKind::Sha1).as_str(), hex(text, HashKind::Nt).as_str()), (sha1, nt), "{text}");
        }
    }

    #[test]
    fn a_prefix_keeps_its_leading_zeros_and_the_suffix_continues_it() {
        for (text, prefix, suffix) in [
            ("password", "5BAA6", 0x1E4C_9B93_F3F0_6822),
            ("andrew", "02E0A", 0x999C_50B1_F88D_F7A8),
            ("password1104", "0000F", 0x3FB7_B012_CB1B_41F3),
            ("946399", "00000", 0xCB4A_5D76_0DE8_8FEC),
        ] {
            let digest = Digest::of_text(text, HashKind::Sha1);
            assert_eq!((digest.prefix().digits().as_str(), digest.suffix()), (prefix, suffix), "{text}");
        }
    }

    #[test]
    fn a_decomposed_password_is_looked_up_in_both_spellings() {
        let digests = |text: &str| Digest::of(&Password::parse(text.to_owned()).expect("a password"), HashKind::Sha1);
        let (nfc, nfd) = ("bl\u{e5}b\u{e6}r", "bla\u{30a}b\u{e6}r");
        assert_eq!((digests(nfc).len(), digests(nfd).len(), digests("plain").len()), (1, 2, 1));
        assert_eq!(digests(nfd)[1].key(), digests(nfc)[0].key());
        assert_ne!(digests(nfd)[0].key(), digests(nfc)[0].key());
    }

    #[test]
    fn neither_a_digest_nor_a_prefix_is_printed() {
        let digest = Digest::of_text("password", HashKind::Sha1);
        assert_eq!(format!("{digest:?} {:?}", digest.prefix()), "Digest(…) Prefix(…)");
    }
}
