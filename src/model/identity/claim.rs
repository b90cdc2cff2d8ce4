//! Claims that a provider has proven about a person, and their comparison with AD attributes.
//!
//! Invariant: a directory search only proposes accounts. An account matches if its own value is equal by our comparison. AD finds `soren`
//! when asked for `sören` (it compares without regard to accents and width), which would give one person's account to another.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use crate::model::{
    ad::{guid::ObjectGuid, sid::Sid},
    cpr::Cpr,
};

/// The kind of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimKind {
    Cpr,
    /// sAMAccountName.
    AccountName,
    /// userPrincipalName.
    Upn,
    Email,
    /// objectGUID.
    ObjectGuid,
    /// objectSid, as in Entra ID's `onprem_sid`: only synchronisation with AD sets it.
    ObjectSid,
    UniloginId,
}

impl ClaimKind {
    /// The default AD attribute; `None` if the configuration has to name one.
    pub fn usual_attribute(self) -> Option<&'static str> {
        match self {
            Self::AccountName => Some("sAMAccountName"),
            Self::Upn => Some("userPrincipalName"),
            Self::Email => Some("mail"),
            Self::ObjectGuid => Some("objectGUID"),
            Self::ObjectSid => Some("objectSid"),
            Self::Cpr | Self::UniloginId => None,
        }
    }

    /// The stable code in the audit log.
    pub fn code(self) -> &'static str {
        match self {
            Self::Cpr => "cpr",
            Self::AccountName => "account_name",
            Self::Upn => "upn",
            Self::Email => "email",
            Self::ObjectGuid => "object_guid",
            Self::ObjectSid => "object_sid",
            Self::UniloginId => "unilogin_id",
        }
    }
}

/// A claim that leads to accounts.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    Cpr(Cpr),
    /// sAMAccountName.
    AccountName(String),
    /// userPrincipalName.
    Upn(String),
    Email(String),
    /// objectGUID.
    ObjectGuid(Uuid),
    /// objectSid, as `S-1-5-21-…`.
    ObjectSid(String),
    UniloginId(String),
}

/// Longest claim in characters: the limit of a UPN in AD (rangeUpper 1024).
const LONGEST: usize = 1024;

impl Claim {
    /// Parses a value as the provider sent it. `None` if it is not a value of this kind.
    pub fn parse(kind: ClaimKind, value: &str) -> Option<Self> {
        let text = || is_plain(value).then(|| value.to_owned());
        Some(match kind {
            ClaimKind::Cpr => Self::Cpr(Cpr::parse(value)?),
            ClaimKind::AccountName => Self::AccountName(text()?),
            ClaimKind::Upn => Self::Upn(text()?),
            ClaimKind::Email => Self::Email(text()?),
            ClaimKind::ObjectGuid => Self::ObjectGuid(ObjectGuid::parse(value)?.into()),
            ClaimKind::ObjectSid => Self::ObjectSid(Sid::parse(value)?.to_string()),
            ClaimKind::UniloginId => Self::UniloginId(text()?),
        })
    }

    pub fn cpr(&self) -> Option<&Cpr> {
        match self {
            Self::Cpr(cpr) => Some(cpr),
            Self::AccountName(_) | Self::Upn(_) | Self::Email(_) | Self::ObjectGuid(_) | Self::ObjectSid(_) | Self::UniloginId(_) => None,
        }
    }

    pub fn kind(&self) -> ClaimKind {
        match self {
            Self::Cpr(_) => ClaimKind::Cpr,
            Self::AccountName(_) => ClaimKind::AccountName,
            Self::Upn(_) => ClaimKind::Upn,
            Self::Email(_) => ClaimKind::Email,
            Self::ObjectGuid(_) => ClaimKind::ObjectGuid,
            Self::ObjectSid(_) => ClaimKind::ObjectSid,
            Self::UniloginId(_) => ClaimKind::UniloginId,
        }
    }

    /// The attribute values to search for; the directory compares without regard to case.
    pub fn spellings(&self) -> Vec<Vec<u8>> {
        match self {
            Self::Cpr(cpr) => vec![cpr.digits().as_bytes().to_vec(), cpr.dashed().into_bytes()],
            Self::AccountName(text) | Self::Upn(text) | Self::Email(text) | Self::UniloginId(text) => vec![text.as_bytes().to_vec()],
            Self::ObjectGuid(guid) => vec![guid.to_bytes_le().to_vec()],
            Self::ObjectSid(sid) => Sid::parse(sid).iter().map(Sid::to_ad).collect(),
        }
    }

    /// A stable key of the person. Values that [`Claim::is`] treats as equal have the same key.
    pub fn key(&self) -> Vec<u8> {
        match self {
            Self::AccountName(text) | Self::Upn(text) | Self::Email(text) | Self::UniloginId(text) => lower(text).into_bytes(),
            Self::Cpr(_) | Self::ObjectGuid(_) | Self::ObjectSid(_) => self.spellings().into_iter().next().unwrap_or_default(),
        }
    }

    /// True if the attribute's value is equal. Case is ignored, accents and width are not.
    pub fn is(&self, value: &[u8]) -> bool {
        if let Self::ObjectGuid(guid) = self {
            return value == guid.to_bytes_le();
        }
        if let Self::ObjectSid(sid) = self {
            return Sid::from_ad(value).is_some_and(|value| value.to_string() == *sid);
        }
        let Ok(value) = std::str::from_utf8(value) else { return false };
        match self {
            Self::Cpr(cpr) => Cpr::parse(value).as_ref() == Some(cpr),
            Self::AccountName(text) | Self::Upn(text) | Self::Email(text) | Self::UniloginId(text) => same_but_for_case(text, value),
            Self::ObjectGuid(_) | Self::ObjectSid(_) => false,
        }
    }
}

/// True if the text can be a name or number: not empty, no surrounding blanks, no control characters.
pub(crate) fn is_plain(value: &str) -> bool {
    !value.is_empty() && value.trim() == value && value.chars().count() <= LONGEST && !value.chars().any(char::is_control)
}

fn same_but_for_case(a: &str, b: &str) -> bool {
    lower(a) == lower(b)
}

fn lower(text: &str) -> String {
    text.nfc().flat_map(char::to_lowercase).nfc().collect()
}

impl std::fmt::Debug for Claim {
    /// Prints the kind only: the value may be a CPR number.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Claim({})", self.kind().code())
    }
}

/// A claim, and the AD attribute that the provider's matching rule compares it with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// LDAP name of the attribute.
    pub attribute: String,
    pub claim: Claim,
}

#[cfg(test)]
mod tests {
    use crate::model::identity::claim::*;

    fn claim(kind: ClaimKind, value: &str) -> Claim {
        Claim::parse(kind, value).expect(value)
    }

    #[test]
    fn case_does_not_matter_but_accents_and_width_do() {
        let name = claim(ClaimKind::AccountName, "Søren");
        assert!(name.is("søren".as_bytes()) && name.is("SØREN".as_bytes()));
        for other in ["soren", "sören", "sørén", "ｓøren", "søren ", ""] {
            assert!(!name.is(other.as_bytes()), "{other}");
        }
        assert!(claim(ClaimKind::Email, "bjørn@å.dk").is("BJØRN@A\u{30A}.dk".as_bytes()), "composed and decomposed are one");
        assert!(!name.is(&[0xff, 0xfe]));
    }

    #[test]
    fn a_cpr_number_matches_in_both_spellings_and_in_no_other() {
        let cpr = claim(ClaimKind::Cpr, "010190-1234");
        assert!(cpr.is(b"0101901234") && cpr.is(b"010190-1234"));
        assert!(!cpr.is(b"0101901235") && !cpr.is(b"010190 1234") && !cpr.is(b"xx0101901234"));
    }

    #[test]
    fn what_cannot_be_a_value_is_no_claim() {
        for value in ["", " anna", "anna ", "an\nna", "an\0na"] {
            assert_eq!(Claim::parse(ClaimKind::AccountName, value), None, "{value:?}");
        }
        assert_eq!(Claim::parse(ClaimKind::AccountName, &"x".repeat(1025)), None);
        assert_eq!(Claim::parse(ClaimKind::Cpr, "x"), None);
        assert_eq!(Claim::parse(ClaimKind::ObjectGuid, "x"), None);
    }

    #[test]
    fn a_guid_is_compared_as_ad_stores_it() {
        let guid = claim(ClaimKind::ObjectGuid, "03020100-0504-0706-0809-0a0b0c0d0e0f");
        let bytes: Vec<u8> = (0..16).collect();
        assert!(guid.is(&bytes));
        assert_eq!(guid.spellings(), [bytes]);
    }

    #[test]
    fn a_sid_is_compared_as_ad_stores_it() {
        let sid = claim(ClaimKind::ObjectSid, "S-1-5-21-1-2-3-1104");
        let bytes = Sid::parse("S-1-5-21-1-2-3-1104").expect("a SID").to_ad();
        assert!(sid.is(&bytes));
        assert!(!sid.is(&bytes[..bytes.len() - 1]) && !sid.is(b"S-1-5-21-1-2-3-1104"));
        assert_eq!(sid.spellings(), [bytes]);
        assert_eq!(Claim::parse(ClaimKind::ObjectSid, "anna"), None);
    }

    #[test]
    fn a_claim_is_never_printed() {
        assert_eq!(format!("{:?}", claim(ClaimKind::Cpr, "010190-1234")), "Claim(cpr)");
    }
}
