//! A password on its way from a form to Active Directory. It cannot be printed, and its memory is wiped.

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

/// A password exactly as typed: no trimming, no normalisation. Never empty (a simple bind with an empty password is anonymous and succeeds,
/// RFC 4513 5.1.2), never above [`Password::MAX_CHARS`], never with a NUL.
#[derive(Clone)]
pub struct Password(SecretString);

/// Why a text cannot be a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAPassword {
    Empty,
    /// More than [`Password::MAX_CHARS`] UTF-16 units.
    TooLong,
    Nul,
}

impl Password {
    /// AD's limit for a password (MS-SAMR: 256 UTF-16 units).
    pub const MAX_CHARS: usize = 256;

    /// Takes ownership of the text, and wipes it if it is refused.
    pub fn parse(mut text: String) -> Result<Self, NotAPassword> {
        let problem = if text.is_empty() {
            Some(NotAPassword::Empty)
        } else if text.encode_utf16().count() > Self::MAX_CHARS {
            Some(NotAPassword::TooLong)
        } else if text.contains('\0') {
            Some(NotAPassword::Nul)
        } else {
            None
        };
        match problem {
            Some(problem) => {
                text.zeroize();
                Err(problem)
            }
            None => Ok(Self(SecretString::from(text))),
        }
    }

    /// The text itself. Only the password policy, the directory and the hash of a local account may read it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The value of `unicodePwd`: in double quotes, UTF-16LE (MS-ADTS 3.1.1.3.1.5.1). AD answers 0000001F without the quotes.
    pub fn unicode_pwd(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.expose().len() * 4 + 4));
        for unit in std::iter::once(u16::from(b'"')).chain(self.expose().encode_utf16()).chain(std::iter::once(u16::from(b'"'))) {
            bytes.extend_from_slice(&unit.to_le_bytes());
        }
        bytes
    }
}

impl PartialEq for Password {
    /// Takes the same time wherever the difference is.
    fn eq(&self, other: &Self) -> bool {
        self.expose().as_bytes().ct_eq(other.expose().as_bytes()).into()
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use crate::model::credential::password::*;

    #[test]
    fn debug_prints_no_letter_of_a_password() {
        let password = Password::parse("zqxjkv".into()).expect("a password");
        let printed = format!("{password:?}{:?}", Some(&password));
        assert!("zqxjkv".chars().all(|c| !printed.contains(c)), "{printed}");
    }

    #[test]
    fn empty_overlong_and_nul_are_refused() {
        assert_eq!(Password::parse(String::new()).err(), Some(NotAPassword::Empty));
        assert_eq!(Password::parse("x".repeat(257)).err(), Some(NotAPassword::TooLong));
        assert_eq!(Password::parse("😀".repeat(129)).err(), Some(NotAPassword::TooLong));
        assert_eq!(Password::parse("a\0b".into()).err(), Some(NotAPassword::Nul));
        assert!(Password::parse("x".repeat(256)).is_ok());
    }

    #[test]
    fn what_is_written_is_what_was_typed_in_quotes() {
        let password = Password::parse(" å\u{0301}\"😀".into()).expect("a password");
        let units: Vec<u16> = password.unicode_pwd().chunks(2).map(|b| u16::from_le_bytes([b[0], b[1]])).collect();
        assert_eq!(String::from_utf16(&units).expect("UTF-16"), "\" å\u{0301}\"😀\"");
    }
}
