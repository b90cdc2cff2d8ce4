//! API tokens, with which programs read the audit log: names, scopes and text form.
//!
//! Invariant: the secret of a token cannot be printed, and is wiped from memory.

use std::fmt;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};
use jiff::{SignedDuration, Timestamp};
use zeroize::Zeroizing;

/// Prefix of every token, so that scanners for leaked secrets recognise it.
pub const PREFIX: &str = "os2nykode_";
/// Longest lifetime of a token, in days.
pub const LONGEST_DAYS: u32 = 400;

const ID: usize = 8;
const SECRET: usize = 32;

/// Rights of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenScope {
    /// Reads the whole audit log, without CPR numbers.
    AuditRead,
    /// Reads only the head of the audit log, for monitoring.
    AuditHead,
}

impl TokenScope {
    pub const ALL: [Self; 2] = [Self::AuditRead, Self::AuditHead];

    /// The stable code in the store and on the command line.
    pub fn code(self) -> &'static str {
        match self {
            Self::AuditRead => "audit:read",
            Self::AuditHead => "audit:head",
        }
    }

    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.code() == code)
    }

    /// True if this scope includes `needed`.
    pub fn covers(self, needed: Self) -> bool {
        match self {
            Self::AuditRead => true,
            Self::AuditHead => needed == Self::AuditHead,
        }
    }
}

/// An operator's name for a token: 1 to 64 letters (a-z, A-Z), digits, dots, hyphens and underscores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenName(String);

impl TokenName {
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        ((1..=64).contains(&text.len()) && text.chars().all(plain)).then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An API token as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// Public part of the token, before the secret: 16 hexadecimal digits.
    pub id: String,
    pub name: String,
    pub scope: TokenScope,
    pub created: Timestamp,
    /// The token is refused from this time on.
    pub expires: Timestamp,
    pub revoked: Option<Timestamp>,
    /// Last time a read with this token was written to the audit log.
    pub logged: Timestamp,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadToken {
    /// No such token, or a wrong secret.
    Unknown,
    Expired,
    Revoked,
    /// The token's scope does not include the request.
    Scope,
}

impl BadToken {
    /// The reason in the audit log.
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
    /// Checks revocation, expiry and scope, in this order.
    pub fn judge(&self, needed: TokenScope, now: Timestamp) -> Result<(), BadToken> {
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

    /// True if the last logged read was in another hour than `now`: reads are logged once an hour.
    pub fn is_to_be_logged(&self, now: Timestamp) -> bool {
        let hour = |at: Timestamp| at.as_second().div_euclid(SignedDuration::from_hours(1).as_secs());
        hour(self.logged) != hour(now)
    }
}

/// A token with its secret, as a program presents it.
pub struct Presented {
    /// The lookup key, not secret.
    pub id: String,
    secret: Zeroizing<[u8; SECRET]>,
}

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Presented({}, …)", self.id)
    }
}

impl Presented {
    /// A new token. `id` and `secret` have to be random.
    pub fn from_random(id: [u8; ID], secret: [u8; SECRET]) -> Self {
        Self { id: HEXLOWER.encode(&id), secret: Zeroizing::new(secret) }
    }

    /// `None` if the text does not have the form of our tokens.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let whole = id.len() == 2 * ID && HEXLOWER_PERMISSIVE.decode(id.as_bytes()).is_ok();
        let bytes = Zeroizing::new(BASE64URL_NOPAD.decode(secret.as_bytes()).ok().filter(|_| whole)?);
        Some(Self { id: id.to_owned(), secret: Zeroizing::new(bytes.as_slice().try_into().ok()?) })
    }

    pub fn secret(&self) -> &[u8; SECRET] {
        &self.secret
    }

    /// The text form, shown once, when the token is created.
    pub fn written(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{PREFIX}{}_{}", self.id, *Zeroizing::new(BASE64URL_NOPAD.encode(self.secret.as_slice()))))
    }
}

#[cfg(test)]
mod tests {
    use crate::model::credential::api_token::*;

    fn token() -> ApiToken {
        let at = |second| Timestamp::from_second(second).expect("in range");
        ApiToken {
            id: "0".repeat(16),
            name: "siem".to_owned(),
            scope: TokenScope::AuditHead,
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
        assert_eq!(token().judge(TokenScope::AuditHead, at(7199)), Ok(()));
        assert_eq!(token().judge(TokenScope::AuditHead, at(7200)), Err(BadToken::Expired));
        assert_eq!(token().judge(TokenScope::AuditRead, at(0)), Err(BadToken::Scope));
        let reader = ApiToken { scope: TokenScope::AuditRead, ..token() };
        assert_eq!((reader.judge(TokenScope::AuditRead, at(0)), reader.judge(TokenScope::AuditHead, at(0))), (Ok(()), Ok(())));
        let revoked = ApiToken { revoked: Some(at(1)), ..token() };
        assert_eq!(revoked.judge(TokenScope::AuditHead, at(0)), Err(BadToken::Revoked));
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
