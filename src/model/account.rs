//! An Active Directory account as it was read at one moment.

use jiff::Timestamp;

use super::{guid::ObjectGuid, password_version::PasswordVersion, sid::Sid};

/// What the service knows of an account. Read afresh for every decision; never kept between requests.
#[derive(Debug, Clone)]
pub struct Account {
    /// The key: survives renames and moves.
    pub guid: ObjectGuid,
    /// The distinguished name at the moment of reading.
    pub dn: String,
    /// objectSid.
    pub sid: Sid,
    /// sAMAccountName.
    pub sam: String,
    /// userPrincipalName, where one is set.
    pub upn: Option<String>,
    /// displayName, where one is set.
    pub display_name: Option<String>,
    /// givenName, where one is set.
    pub given_name: Option<String>,
    /// sn, where one is set.
    pub surname: Option<String>,
    /// Disabled (userAccountControl bit 0x2).
    pub disabled: bool,
    /// When the account itself ends (accountExpires); `None` = never.
    pub expires: Option<Timestamp>,
    /// Locked now (msDS-User-Account-Control-Computed bit 0x10).
    pub locked: bool,
    /// The state of the password.
    pub password: PasswordState,
    /// The last logon that all controllers know of (lastLogonTimestamp): up to 14 days behind by AD's design; `None` = none yet.
    pub last_logon: Option<Timestamp>,
    /// Wrong tries that this controller knows of.
    pub wrong_tries: WrongTries,
    /// DN of the password settings object that applies (msDS-ResultantPSO); `None` = the domain's policy.
    pub resultant_pso: Option<String>,
    /// Which writing of the password is in force. `None`: not asked for, or not readable.
    pub password_version: Option<PasswordVersion>,
    /// adminCount is set: AD protects the account, or once did (AdminSDHolder, MS-ADTS 3.1.1.6.1).
    pub admin_count: bool,
    /// SIDs of every group, nested ones too (tokenGroups). Empty where it was not asked for.
    pub groups: Vec<Sid>,
}

impl Account {
    /// Neither disabled nor expired.
    pub fn usable(&self, now: Timestamp) -> bool {
        !self.disabled && self.expires.is_none_or(|end| now < end)
    }

    /// Is it a member of one of the groups, nested or not?
    pub fn is_in_any(&self, groups: &[Sid]) -> bool {
        groups.iter().any(|group| self.groups.contains(group))
    }

    /// The name to show: displayName, else sAMAccountName.
    pub fn name(&self) -> &str {
        self.display_name.as_deref().filter(|name| !name.trim().is_empty()).unwrap_or(&self.sam)
    }
}

/// The state of an account's password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordState {
    /// Raw pwdLastSet, 100 ns since 1601; 0 = must change at next logon.
    pub last_set_ticks: i64,
    /// When it was last set; `None` where it must be changed.
    pub last_set: Option<Timestamp>,
    /// When and whether it ends.
    pub expiry: PasswordExpiry,
}

impl PasswordState {
    /// Must be changed at the next logon.
    pub fn must_change(&self) -> bool {
        self.expiry == PasswordExpiry::MustChange
    }
}

/// When a password ends (msDS-UserPasswordExpiryTimeComputed).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordExpiry {
    /// Does not end.
    Never,
    /// Ends, or ended, at this time.
    At(Timestamp),
    /// pwdLastSet is 0: has to be changed at the next logon.
    MustChange,
}

/// Wrong tries as one controller counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WrongTries {
    /// badPwdCount; means nothing once `last` is older than the observation window.
    pub count: u32,
    /// badPasswordTime.
    pub last: Option<Timestamp>,
}

impl WrongTries {
    /// A count that the controller does not show. More than any threshold: who does not look into it is on the safe side.
    pub const NOT_SHOWN: u32 = u32::MAX;
}
