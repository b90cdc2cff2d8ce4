//! References to Active Directory accounts, as registers give them.

use serde::Deserialize;

use crate::model::{
    ad::guid::ObjectGuid,
    identity::claim::{Claim, ClaimKind, Match, is_plain},
};

/// The attribute by which a register identifies accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountRefKind {
    /// sAMAccountName.
    AccountName,
    /// userPrincipalName.
    Upn,
    /// objectGUID, with hyphens.
    ObjectGuid,
}

/// An account as a register identifies it. The account need not exist in AD.
#[derive(Clone, PartialEq, Eq)]
pub enum AccountRef {
    /// sAMAccountName.
    AccountName(String),
    /// userPrincipalName.
    Upn(String),
    /// objectGUID.
    Guid(ObjectGuid),
}

impl AccountRef {
    /// Parses a register's value, without the blanks that pad columns of a fixed width. `None` if it cannot be a value of the attribute.
    pub fn parse(kind: AccountRefKind, value: &str) -> Option<Self> {
        let value = value.trim_matches(' ');
        let name = || is_plain(value).then(|| value.to_owned());
        Some(match kind {
            AccountRefKind::AccountName => Self::AccountName(name()?),
            AccountRefKind::Upn => Self::Upn(name()?),
            AccountRefKind::ObjectGuid => Self::Guid(ObjectGuid::parse(value)?),
        })
    }

    /// The AD attribute and the value to search for.
    pub fn sought(&self) -> Match {
        let (kind, claim) = match self {
            Self::AccountName(name) => (ClaimKind::AccountName, Claim::AccountName(name.clone())),
            Self::Upn(upn) => (ClaimKind::Upn, Claim::Upn(upn.clone())),
            Self::Guid(guid) => (ClaimKind::ObjectGuid, Claim::ObjectGuid((*guid).into())),
        };
        Match { attribute: kind.usual_attribute().unwrap_or_default().to_owned(), claim }
    }
}

impl std::fmt::Debug for AccountRef {
    /// Prints the attribute only, so that no log shows whose account it is.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::AccountName(_) => "AccountName(…)",
            Self::Upn(_) => "Upn(…)",
            Self::Guid(_) => "Guid(…)",
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::model::account::reference::*;

    #[test]
    fn what_a_register_names_is_taken_without_the_blanks_of_its_column() {
        for value in ["anna", "anna      ", " anna"] {
            assert!(AccountRef::parse(AccountRefKind::AccountName, value) == Some(AccountRef::AccountName("anna".into())), "{value:?}");
        }
        let guid = AccountRef::parse(AccountRefKind::ObjectGuid, "03020100-0504-0706-0809-0A0B0C0D0E0F ").expect("a GUID");
        assert!(guid.sought().claim.is(&(0..16).collect::<Vec<u8>>()) && guid.sought().attribute == "objectGUID");
    }

    #[test]
    fn what_can_be_no_name_is_none() {
        for value in ["", "  ", "an\nna", "anna\t", "an\0na", &"x".repeat(1025)] {
            assert!(AccountRef::parse(AccountRefKind::AccountName, value).is_none(), "{value:?}");
            assert!(AccountRef::parse(AccountRefKind::Upn, value).is_none(), "{value:?}");
        }
        for value in ["anna", "{03020100-0504-0706-0809-0a0b0c0d0e0f}", "030201000504070608090a0b0c0d0e0f"] {
            assert!(AccountRef::parse(AccountRefKind::ObjectGuid, value).is_none(), "{value:?}");
        }
    }

    #[test]
    fn a_reference_is_never_printed() {
        let name = AccountRef::parse(AccountRefKind::Upn, "anna@kommune.dk").expect("a UPN");
        assert_eq!(format!("{name:?}"), "Upn(…)");
    }
}
