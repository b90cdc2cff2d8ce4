//! Tokens by which programs read the log: their names, their scopes, and how they are written.
//!
//! Invariant: the secret of a token can't be printed, and is wiped.

use std::fmt;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};
use jiff::{SignedDuration, Timestamp};
use zeroize::Zeroizing;

/// What stands before every token, so that scanners for lost secrets know it.
pub const PREFIX: &str = "os2nykode_";
/// The longest time that a token may hold, days.
pub const LONGEST_DAYS: u32 = 400;

const ID: usize = 8;
const SECRET: usize = 32;

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Reads the whole log, without CPR numbers.
    AuditRead,
    /// Reads only how far the log has come: for monitoring.
    AuditHead,
}

impl Scope {
    /// All.
    pub const ALL: [Self; 2] = [Self::AuditRead, Self::AuditHead];

    /// The word in the store and on the command line.
    pub fn code(self) -> &'static str {
        match self {
            Self::AuditRead => "audit:read",
            Self::AuditHead => "audit:head",
        }
    }

    /// Reads the word.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.code() == code)
    }

    /// Is it good for what needs the other?
    pub fn covers(self, needed: Self) -> bool {
        match self {
            Self::AuditRead => true,
            Self::AuditHead => needed == Self::AuditHead,
        }
    }
}

/// What an operator calls a token: 1 to 64 letters (a-z), digits, dots, hyphens and underscores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenName(String);

impl TokenName {
    /// `None`: it can't be one.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        ((1..=64).contains(&text.len()) && text.chars().all(plain)).then(|| Self(text.to_owned()))
    }

    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A token as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// What stands before the secret: 16 hexadecimal digits.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What it is good for.
    pub scope: Scope,
    /// When it was made.
    pub created: Timestamp,
    /// From when on it is good for nothing.
    pub expires: Timestamp,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
    /// When its reading was last written into the log.
    pub logged: Timestamp,
}

/// Why a token is not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadToken {
    /// It is none of ours.
    Unknown,
    /// Its time is over.
    Expired,
    /// An operator has revoked it.
    Revoked,
    /// It is good for something else.
    Scope,
}

impl BadToken {
    /// The word in the log.
    pub fn code(self) -> &'static str {
        match self {
            Self::Unknown => "token_unknown",
            Self::Expired => "token_expired",
            Self::Revoked => "token_revoked",
            Self::Scope => "token_scope",
        }
    }
}

impl ApiToken {
    /// Is it good for this, now?
    pub fn judge(&self, needed: Scope, now: Timestamp) -> Result<(), BadToken> {
        if self.revoked.is_some() {
            Err(BadToken::Revoked)
        } else if now >= self.expires {
            Err(BadToken::Expired)
        } else if !self.scope.covers(needed) {
            Err(BadToken::Scope)
        } else {
            Ok(())
        }
    }

    /// Was its reading last written into the log in another hour than this?
    pub fn is_to_be_logged(&self, now: Timestamp) -> bool {
        let hour = |at: Timestamp| at.as_second().div_euclid(SignedDuration::from_hours(1).as_secs());
        hour(self.logged) != hour(now)
    }
}

/// The token itself, as a program shows it.
pub struct Presented {
    /// What it is looked up by; no secret.
    pub id: String,
    secret: Zeroizing<[u8; SECRET]>,
}

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Presented({}, …)", self.id)
    }
}

impl Presented {
    /// A new one, of random bytes.
    pub fn from_random(id: [u8; ID], secret: [u8; SECRET]) -> Self {
        Self { id: HEXLOWER.encode(&id), secret: Zeroizing::new(secret) }
    }

    /// `None`: it was never one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let whole = id.len() == 2 * ID && HEXLOWER_PERMISSIVE.decode(id.as_bytes()).is_ok();
        let bytes = Zeroizing::new(BASE64URL_NOPAD.decode(secret.as_bytes()).ok().filter(|_| whole)?);
        Some(Self { id: id.to_owned(), secret: Zeroizing::new(bytes.as_slice().try_into().ok()?) })
    }

    /// The random bytes.
    pub fn secret(&self) -> &[u8; SECRET] {
        &self.secret
    }

    /// As it is written: shown once, when it is made.
    pub fn written(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{PREFIX}{}_{}", self.id, *Zeroizing::new(BASE64URL_NOPAD.encode(self.secret.as_slice()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> ApiToken {
        let at = |second| Timestamp::from_second(second).expect("in range");
        ApiToken {
            id: "0".repeat(16),
            name: "siem".to_owned(),
            scope: Scope::AuditHead,
            created: at(0),
            expires: at(7200),
            revoked: None,
            logged: at(3599),
        }
    }

    #[test]
    fn a_token_is_read_as_it_was_written_and_nothing_else_is_one() {
        let token = Presented::from_random([0xab; 8], [7; 32]);
        let written = token.written();
        let read = Presented::parse(&written).expect("read");
        assert_eq!((read.id.as_str(), read.secret()), ("abababababababab", &[7; 32]));
        for wrong in [
            "",
            "os2nykode_",
            &written[1..],
            &written[..written.len() - 1],
            &format!("{}A", *written),
            &written.replacen("ab", "zz", 1),
            &written.replacen("_abab", "_ab", 1),
            &written.to_uppercase(),
        ] {
            assert!(Presented::parse(wrong).is_none(), "{wrong}");
        }
        assert_eq!(format!("{token:?}"), "Presented(abababababababab, …)");
    }

    #[test]
    fn a_token_is_good_for_its_scope_until_it_ends_or_is_revoked() {
        let at = |second| Timestamp::from_second(second).expect("in range");
        assert_eq!(token().judge(Scope::AuditHead, at(7199)), Ok(()));
        assert_eq!(token().judge(Scope::AuditHead, at(7200)), Err(BadToken::Expired));
        assert_eq!(token().judge(Scope::AuditRead, at(0)), Err(BadToken::Scope));
        let reader = ApiToken { scope: Scope::AuditRead, ..token() };
        assert_eq!((reader.judge(Scope::AuditRead, at(0)), reader.judge(Scope::AuditHead, at(0))), (Ok(()), Ok(())));
        let revoked = ApiToken { revoked: Some(at(1)), ..token() };
        assert_eq!(revoked.judge(Scope::AuditHead, at(0)), Err(BadToken::Revoked));
    }

    #[test]
    fn reading_is_logged_once_in_each_hour() {
        let at = |second| Timestamp::from_second(second).expect("in range");
        assert!(!token().is_to_be_logged(at(3599)) && token().is_to_be_logged(at(3600)) && !token().is_to_be_logged(at(0)));
    }

    #[test]
    fn names_are_plain() {
        for good in ["siem", "SIEM-2.prod_a", &"x".repeat(64)] {
            assert!(TokenName::parse(good).is_some(), "{good}");
        }
        for bad in ["", "a b", "a\n", "æ", &"x".repeat(65), "=cmd()"] {
            assert!(TokenName::parse(bad).is_none(), "{bad}");
        }
    }
}
