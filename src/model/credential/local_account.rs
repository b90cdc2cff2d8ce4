//! Local accounts: logins for helpdesk and auditors while no identity provider is available.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use crate::model::{account::name::is_invisible, credential::password::Password, password_policy::contains_name};

/// A role of a local account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Works at the helpdesks with `local_accounts`.
    Helpdesk,
    /// Reads the audit log.
    Auditor,
}

impl Role {
    pub const ALL: [Self; 2] = [Self::Helpdesk, Self::Auditor];

    /// The stable code in the store and on the command line.
    pub fn code(self) -> &'static str {
        match self {
            Self::Helpdesk => "helpdesk",
            Self::Auditor => "auditor",
        }
    }

    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.code() == code)
    }
}

/// Codes of several roles, separated by commas.
pub fn roles_code(roles: &BTreeSet<Role>) -> String {
    roles.iter().map(|role| role.code()).collect::<Vec<_>>().join(",")
}

/// Login name of a local account: 2 to 64 Danish letters, digits and `.` `-` `_`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffName(String);

impl StaffName {
    /// Surrounding blanks are dropped. `None` if the text cannot be a login name.
    pub fn parse(text: &str) -> Option<Self> {
        let name: String = text.trim().nfc().collect();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | 'æ' | 'ø' | 'å' | 'Æ' | 'Ø' | 'Å');
        ((2..=64).contains(&name.chars().count()) && name.chars().all(plain)).then_some(Self(name))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The lookup key: the name in lower case.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

/// A local account as read at one moment. Its password and second factor are stored elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffAccount {
    pub id: Uuid,
    /// Login name.
    pub name: String,
    /// Name of the person.
    pub full_name: String,
    /// Never empty.
    pub roles: BTreeSet<Role>,
    /// Changes when the password is set again or the account is disabled; logins with an older stamp end.
    pub stamp: Uuid,
    /// Login is refused.
    pub disabled: bool,
    pub created: Timestamp,
}

/// Fewest characters of a password.
pub const LEAST_CHARS: usize = 12;

/// Why a password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadPassword {
    /// Fewer than [`LEAST_CHARS`] characters.
    TooShort,
    /// Contains the account's name or one of the person's, in any recognisable spelling.
    HoldsName,
}

/// Checks a new password of the account.
pub fn check_password(password: &Password, name: &StaffName, full_name: &str) -> Result<(), BadPassword> {
    let text = password.expose();
    if text.chars().count() < LEAST_CHARS {
        return Err(BadPassword::TooShort);
    }
    let parts = [name.as_str(), full_name].into_iter().flat_map(|name| name.split(|c: char| !c.is_alphanumeric()));
    let names = parts.chain([name.as_str()]).filter(|part| part.chars().count() >= 3);
    if names.into_iter().any(|part| contains_name(text, part)) { Err(BadPassword::HoldsName) } else { Ok(()) }
}

/// A person's name for the audit log: 1 to 128 characters, none invisible. `None` if the text cannot be a name.
pub fn full_name(text: &str) -> Option<String> {
    let name: String = text.trim().nfc().collect();
    let visible = |c: char| c == ' ' || !(c.is_control() || c.is_whitespace() || is_invisible(c));
    ((1..=128).contains(&name.chars().count()) && name.chars().all(visible)).then_some(name)
}

#[cfg(test)]
mod tests {
    use crate::model::credential::local_account::*;

    #[test]
    fn a_name_has_one_key_however_it_is_spelled() {
        for text in ["Vagt.Åse", " vagt.åse ", "VAGT.A\u{30A}SE"] {
            assert_eq!(StaffName::parse(text).expect("a name").key(), "vagt.åse", "{text}");
        }
        for text in ["", "a", "a b", "a:b", "a'--", "a\0b", "an\u{202E}na", "anna@x", "аnna", &"x".repeat(65)] {
            assert_eq!(StaffName::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_password_is_long_and_holds_no_name() {
        let name = StaffName::parse("vagt-1").expect("a name");
        let judged = |text: &str| check_password(&Password::parse(text.into()).expect("a password"), &name, "Søren Ærø Bo");
        assert_eq!(judged("kort-kode-9"), Err(BadPassword::TooShort));
        assert_eq!(judged("æøåæøåæøåæø"), Err(BadPassword::TooShort));
        for held in ["min-V4GT-her-99", "kære-soeren-2026", "paa-aeroe-i-juli", "xxvagt-1xxxxxx"] {
            assert_eq!(judged(held), Err(BadPassword::HoldsName), "{held}");
        }
        assert_eq!(judged("Rolig-Cykel-472"), Ok(()));
        assert_eq!(judged("robot-bordet-99"), Ok(()), "two letters are no name");
    }

    #[test]
    fn roles_have_words_and_a_person_has_a_name() {
        assert!(Role::ALL.into_iter().all(|role| Role::from_code(role.code()) == Some(role)));
        assert_eq!(roles_code(&Role::ALL.into()), "helpdesk,auditor");
        assert_eq!(full_name("  Åse  Ærø-Bo ").as_deref(), Some("Åse  Ærø-Bo"));
        for text in ["", "  ", "a\nb", "a\u{202E}b", &"x".repeat(129)] {
            assert_eq!(full_name(text), None, "{text:?}");
        }
    }
}
