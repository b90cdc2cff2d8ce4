//! Password writes. A *change* lets AD check the old password (delete and add); a *reset* is an administrative set (replace).

pub mod answer;
pub(crate) mod bad_pwd_count;
pub(crate) mod bind;
pub(crate) mod lockout;
pub(crate) mod policy;

use ldap3::{Mod, controls::RawControl};
use tracing::{info, warn};

use super::{ControllerSession, DirectoryError};
use crate::directory::{
    password::answer::{ModifyKind, PolicyDetail},
    session::connection::value,
};
use crate::model::{
    account::Account,
    ad::{
        guid::ObjectGuid,
        password_version::{PasswordVersion, VersionBefore},
    },
    credential::password::Password,
};

/// Replication metadata as XML; Samba leaves it empty.
const METADATA_XML: &str = "msDS-ReplAttributeMetaData";

/// LDAP_SERVER_POLICY_HINTS control: AD enforces history and minimum age on a reset too.
pub const POLICY_HINTS: &str = "1.2.840.113556.1.4.2239";
/// Deprecated OID of the same control. Older controllers list only this one.
pub const POLICY_HINTS_OLD: &str = "1.2.840.113556.1.4.2066";
/// `PolicyHintsRequestValue ::= SEQUENCE { Flags INTEGER }` with the flag 1 (MS-ADTS 3.1.1.3.4.1.27).
const HINTS_VALUE: [u8; 5] = [0x30, 0x03, 0x02, 0x01, 0x01];

/// Result of a bind as a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindAnswer {
    /// The password is right.
    Proven,
    /// The password is right but has expired.
    PasswordExpired,
    /// The password is right but must be changed.
    MustChange,
    /// The password is wrong, or the account does not exist.
    Wrong,
    /// The account is locked. The password was not judged.
    Locked,
    Disabled,
    AccountExpired,
    /// The account may not log on at this hour.
    NotAtThisHour,
    /// The account may not log on from this workstation.
    NotFromHere,
    /// A restriction of the account (52f), such as Protected Users or an authentication policy. It proves no password.
    Restricted,
    /// No right to a network logon, with AD's code (568 or 569). It proves no password.
    NoLogonRight(u32),
    /// An unknown reason, with AD's code; 0 without one.
    Other(u32),
}

impl BindAnswer {
    /// One value of each variant, for tests.
    pub const ALL: &[Self] = &[
        Self::Proven,
        Self::PasswordExpired,
        Self::MustChange,
        Self::Wrong,
        Self::Locked,
        Self::Disabled,
        Self::AccountExpired,
        Self::NotAtThisHour,
        Self::NotFromHere,
        Self::Restricted,
        Self::NoLogonRight(0x569),
        Self::Other(0),
    ];

    /// Whether the password was right. 532 and 773 occur only with the right password (MS-ADTS 5.1.1.5, measured).
    pub fn proves_password(self) -> bool {
        match self {
            Self::Proven | Self::PasswordExpired | Self::MustChange => true,
            Self::Wrong
            | Self::Locked
            | Self::Disabled
            | Self::AccountExpired
            | Self::NotAtThisHour
            | Self::NotFromHere
            | Self::Restricted
            | Self::NoLogonRight(_)
            | Self::Other(_) => false,
        }
    }

    /// Whether the password was right, including logons that AD does not permit now.
    ///
    /// 530 and 531 too occur only with the right password (Microsoft's table of bind errors; measured on Samba). This verifies a new
    /// password, but is never a login.
    pub fn knows_password(self) -> bool {
        self.proves_password() || matches!(self, Self::NotAtThisHour | Self::NotFromHere)
    }

    /// Reason code in the audit log.
    pub fn code(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::PasswordExpired => "password_expired",
            Self::MustChange => "must_change",
            Self::Wrong => "wrong_password",
            Self::Locked => "locked",
            Self::Disabled => "disabled",
            Self::AccountExpired => "account_expired",
            Self::NotAtThisHour => "not_at_this_hour",
            Self::NotFromHere => "not_from_here",
            Self::Restricted => "account_restriction",
            Self::NoLogonRight(_) => "no_logon_right",
            Self::Other(_) => "other_answer",
        }
    }

    /// Reason code, with AD's code where the reason is not specific.
    pub fn reason(self) -> String {
        match self {
            Self::Restricted => format!("{}:52f", self.code()),
            Self::NoLogonRight(code) | Self::Other(code) => format!("{}:{code:x}", self.code()),
            Self::Proven
            | Self::PasswordExpired
            | Self::MustChange
            | Self::Wrong
            | Self::Locked
            | Self::Disabled
            | Self::AccountExpired
            | Self::NotAtThisHour
            | Self::NotFromHere => self.code().to_owned(),
        }
    }
}

/// Options of a reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResetOptions {
    /// The password must be changed at the next logon.
    pub must_change: bool,
    /// AD checks history and minimum age, if the controller supports the control.
    pub hints: bool,
}

impl Default for ResetOptions {
    /// Options of a self-service reset.
    fn default() -> Self {
        Self { must_change: false, hints: true }
    }
}

/// Result of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteAnswer {
    Done,
    /// AD's policy refused the new password (0000052D).
    Policy(PolicyDetail),
    /// The current password was wrong (00000056). AD counted it.
    WrongCurrent,
    /// The account is locked (00000775).
    Locked,
    /// "User cannot change password" is set.
    CannotChange,
    /// The service account lacks the right (50).
    NoRight,
    /// The object does not exist any more (32).
    Gone,
    /// Nothing was written, for a reason that only an operator can correct.
    Failed(DirectoryError),
}

impl WriteAnswer {
    /// Whether the result follows from the actor's input, so that it is no matter for an operator.
    fn is_about_what_was_typed(&self) -> bool {
        match self {
            Self::Done | Self::Policy(_) | Self::WrongCurrent | Self::Locked => true,
            Self::CannotChange | Self::NoRight | Self::Gone | Self::Failed(_) => false,
        }
    }
}

impl ControllerSession {
    /// Changes a password: one modify that deletes the old and adds the new value. AD checks the old password, history, minimum age, length
    /// and complexity.
    ///
    /// # Errors
    /// After any error but [`DirectoryError::Answer`] it is unknown whether the password was written.
    pub async fn change_password(&mut self, target: ObjectGuid, old: &Password, new: &Password) -> Result<WriteAnswer, DirectoryError> {
        let (attribute, old) = value("unicodePwd", old.unicode_pwd().to_vec());
        let (_, new) = value("unicodePwd", new.unicode_pwd().to_vec());
        self.write(ModifyKind::Change, target, vec![Mod::Delete(attribute.clone(), old), Mod::Add(attribute, new)], None).await
    }

    /// Resets a password. It needs the right Reset Password.
    ///
    /// [`ResetOptions::hints`] adds the policy-hints control as critical, if the controller lists it; without it AD checks neither history nor
    /// minimum age. [`ResetOptions::must_change`] needs the right to write pwdLastSet. Both are in one modify, so that no moment exists in which
    /// another person knows a password that need not be changed.
    pub async fn reset_password(&mut self, target: ObjectGuid, new: &Password, reset: ResetOptions) -> Result<WriteAnswer, DirectoryError> {
        let control = match self.policy_hints(reset.hints).await {
            Ok(control) => control,
            Err(fault) => return Ok(WriteAnswer::Failed(fault)), // no write was sent
        };
        let (attribute, new) = value("unicodePwd", new.unicode_pwd().to_vec());
        let mut changes = vec![Mod::Replace(attribute, new)];
        if reset.must_change {
            let (attribute, never) = value("pwdLastSet", b"0".to_vec());
            changes.push(Mod::Replace(attribute, never));
        }
        self.write(ModifyKind::Reset, target, changes, control).await
    }

    /// Ends a lockout. It needs the right to write lockoutTime, and 0 is the only value that may be written (MS-ADTS 3.1.1.5.3.3). It is a
    /// modify of its own, so that a lack of this right does not prevent a new password.
    pub async fn unlock(&mut self, target: ObjectGuid) -> Result<WriteAnswer, DirectoryError> {
        let (attribute, never) = value("lockoutTime", b"0".to_vec());
        self.write(ModifyKind::Unlock, target, vec![Mod::Replace(attribute, never)], None).await
    }

    /// Data that an attempt records so that it can be reconciled. `None`: the replication metadata of the account or controller can't be
    /// read.
    pub async fn version_before(&mut self, account: &Account) -> Option<VersionBefore> {
        let version = self.password_version(account).await?.version;
        let controller = self.controller.clone();
        let root = controller.root_dse(self.connection()).await.ok()?;
        Some(VersionBefore { version, asked: root.invocation_id? })
    }

    /// The replication metadata of the account's password: as it was read with the account, or else in the form that Windows adds to it.
    pub async fn password_version(&mut self, account: &Account) -> Option<PasswordVersion> {
        if account.password_version.is_some() {
            return account.password_version;
        }
        let found = self.connection().read_object(&account.guid.as_dn(), "(objectClass=user)", [METADATA_XML]).await;
        let entry = found.inspect_err(|fault| tracing::warn!(error = %fault, "replication metadata can't be read")).ok()??;
        PasswordVersion::from_xml(entry.all(METADATA_XML).iter().map(Vec::as_slice))
    }

    async fn write(
        &mut self,
        write: ModifyKind,
        target: ObjectGuid,
        changes: Vec<Mod<Vec<u8>>>,
        control: Option<RawControl>,
    ) -> Result<WriteAnswer, DirectoryError> {
        let result = self.connection().modify(&target.as_dn(), changes, control).await?;
        let answer = answer::of_write(write, result.rc, &result.text);
        let text = answer::readable(&result.text);
        if !answer.is_about_what_was_typed() {
            warn!(controller = self.name(), operation = ?write, result = result.rc, text, "write refused");
        } else if answer != WriteAnswer::Done {
            info!(controller = self.name(), operation = ?write, result = result.rc, text, "write refused");
        }
        Ok(answer)
    }

    async fn policy_hints(&mut self, wanted: bool) -> Result<Option<RawControl>, DirectoryError> {
        if !wanted {
            return Ok(None);
        }
        let controller = self.controller.clone();
        let root = controller.root_dse(self.connection()).await?;
        let listed = [POLICY_HINTS, POLICY_HINTS_OLD].into_iter().find(|oid| root.supports(oid));
        if listed.is_none() && controller.first_word_about_hints() {
            warn!(
                controller = controller.name(),
                "controller without policy-hints control; resets are not checked against history and minimum age"
            );
        }
        Ok(listed.map(|oid| RawControl { ctype: oid.to_owned(), crit: true, val: Some(HINTS_VALUE.to_vec()) }))
    }
}
