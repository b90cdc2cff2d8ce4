//! An Active Directory account as read at one moment.

pub mod name;
pub mod person_name;
pub mod reference;

use jiff::Timestamp;

use crate::model::ad::{guid::ObjectGuid, password_version::PasswordVersion, sid::Sid};

/// The attributes of an AD account that the service uses. They are read afresh for every decision and never kept between requests.
#[derive(Debug, Clone)]
pub struct Account {
    /// objectGUID. It survives renames and moves, so the service identifies accounts by it.
    pub guid: ObjectGuid,
    /// distinguishedName at the moment of reading.
    pub dn: String,
    /// objectSid.
    pub sid: Sid,
    /// sAMAccountName.
    pub sam: String,
    /// userPrincipalName, if set.
    pub upn: Option<String>,
    /// displayName, if set.
    pub display_name: Option<String>,
    /// givenName, if set.
    pub given_name: Option<String>,
    /// sn, if set.
    pub surname: Option<String>,
    /// Department, office and phone numbers, as far as set: a guesser of the password may know them.
    pub contact_details: Vec<String>,
    /// userAccountControl bit 0x2.
    pub disabled: bool,
    /// End of the account itself (accountExpires); `None` = never.
    pub expires: Option<Timestamp>,
    /// Locked out now (msDS-User-Account-Control-Computed bit 0x10).
    pub locked: bool,
    pub password: PasswordState,
    /// Last logon as replicated between controllers (lastLogonTimestamp). AD lets it lag by up to 14 days. `None` = no logon yet.
    pub last_logon: Option<Timestamp>,
    /// Wrong passwords as counted by the controller that was read.
    pub wrong_tries: WrongTries,
    /// DN of the password settings object that applies (msDS-ResultantPSO); `None` = the domain's policy.
    pub resultant_pso: Option<String>,
    /// Replication metadata of the current password. `None`: not requested, or not readable.
    pub password_version: Option<PasswordVersion>,
    /// adminCount is set: AD protects the account now or did so earlier (AdminSDHolder, MS-ADTS 3.1.1.6.1).
    pub admin_count: bool,
    /// SIDs of all groups, nested ones included (tokenGroups). Empty if not requested.
    pub groups: Vec<Sid>,
}

impl Account {
    /// An account without any known attribute, group or restriction. It is in no directory.
    pub fn unknown() -> Self {
        Self {
            guid: uuid::Uuid::nil().into(),
            dn: String::new(),
            sid: Sid::parse("S-1-0-0").expect("the null SID"),
            sam: String::new(),
            upn: None,
            display_name: None,
            given_name: None,
            surname: None,
            contact_details: Vec::new(),
            disabled: false,
            expires: None,
            locked: false,
            password: PasswordState { last_set_ticks: 0, last_set: None, expiry: PasswordExpiry::Never },
            last_logon: None,
            wrong_tries: WrongTries::default(),
            resultant_pso: None,
            password_version: None,
            admin_count: false,
            groups: Vec::new(),
        }
    }

    /// True if the account is neither disabled nor expired.
    pub fn usable(&self, now: Timestamp) -> bool {
        !self.disabled && self.expires.is_none_or(|end| now < end)
    }

    /// True if the account is a direct or nested member of at least one of the groups.
    pub fn is_in_any(&self, groups: &[Sid]) -> bool {
        groups.iter().any(|group| self.groups.contains(group))
    }

    /// The name to show: displayName, or sAMAccountName if displayName is unset or blank.
    pub fn name(&self) -> &str {
        self.display_name.as_deref().filter(|name| !name.trim().is_empty()).unwrap_or(&self.sam)
    }
}

/// State of an account's password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordState {
    /// Raw pwdLastSet, 100 ns since 1601; 0 = must change at next logon.
    pub last_set_ticks: i64,
    /// Time of the last write of the password; `None` if the password must be changed.
    pub last_set: Option<Timestamp>,
    pub expiry: PasswordExpiry,
}

impl PasswordState {
    pub fn must_change(&self) -> bool {
        self.expiry == PasswordExpiry::MustChange
    }
}

/// Expiry of a password (msDS-UserPasswordExpiryTimeComputed).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordExpiry {
    Never,
    /// The password expires, or expired, at this time.
    At(Timestamp),
    /// pwdLastSet is 0: the password must be changed at the next logon.
    MustChange,
}

/// Wrong passwords as one controller counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WrongTries {
    /// badPwdCount. It has no meaning once `last` is older than the observation window.
    pub count: u32,
    /// badPasswordTime.
    pub last: Option<Timestamp>,
}

impl WrongTries {
    /// Stands for a count that the controller does not show. It is above every threshold, so that code which forgets this case refuses the
    /// attempt.
    pub const NOT_SHOWN: u32 = u32::MAX;
}
