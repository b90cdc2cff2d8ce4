//! Writing and proving passwords. *Change* = AD checks the old one (delete and add); *reset* = administrative set (replace).

use ldap3::{Mod, controls::RawControl};
use tracing::{info, warn};

use super::{
    Fault, Pinned,
    answer::{self, PolicyDetail, Write},
    connection::value,
};
use crate::model::{account::Account, guid::ObjectGuid, password::Password, password_version::VersionBefore};

/// LDAP_SERVER_POLICY_HINTS: AD enforces history and minimum age on a reset too.
pub const POLICY_HINTS: &str = "1.2.840.113556.1.4.2239";
/// Its deprecated number, which is all that older controllers list.
pub const POLICY_HINTS_OLD: &str = "1.2.840.113556.1.4.2066";
/// `PolicyHintsRequestValue ::= SEQUENCE { Flags INTEGER }` with the flag 1 (MS-ADTS 3.1.1.3.4.1.27).
const HINTS_VALUE: [u8; 5] = [0x30, 0x03, 0x02, 0x01, 0x01];

/// What a bind has shown of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindAnswer {
    /// Right.
    Proven,
    /// Right, and the password has expired.
    PasswordExpired,
    /// Right, and it must be changed.
    MustChange,
    /// Wrong, or no such account.
    Wrong,
    /// The account is locked; says nothing of the password.
    Locked,
    /// The account is disabled.
    Disabled,
    /// The account has expired.
    AccountExpired,
    /// Not allowed at this hour.
    NotAtThisHour,
    /// Not allowed from this workstation.
    NotFromHere,
    /// A restriction of the account (52f): Protected Users, an authentication policy. No proof of a password.
    Restricted,
    /// No right to log on over the network, by AD's code (568, 569). No proof of a password.
    NoLogonRight(u32),
    /// Refused for a reason that is not known here, by AD's code; 0 where there is none.
    Other(u32),
}

impl BindAnswer {
    /// One of each.
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

    /// Was the password right? 532 and 773 come only where it was (MS-ADTS 5.1.1.5, measured).
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

    /// The same where AD lets nobody in with it now: 530 and 531, too, come only where the password was right (Microsoft's table of bind errors; measured
    /// on Samba). Proof that a new password is the account's, never a login.
    pub fn knows_password(self) -> bool {
        self.proves_password() || matches!(self, Self::NotAtThisHour | Self::NotFromHere)
    }

    /// The reason in the audit log.
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

    /// The same with AD's code where the word alone does not tell it.
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

/// How a password is reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reset {
    /// It has to be changed at the next logon.
    pub must_change: bool,
    /// AD holds it against history and minimum age, where the controller can.
    pub hints: bool,
}

impl Default for Reset {
    /// As an owner's own reset.
    fn default() -> Self {
        Self { must_change: false, hints: true }
    }
}

/// What became of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteAnswer {
    /// AD said that it is done.
    Done,
    /// AD's policy refused the new password (0000052D).
    Policy(PolicyDetail),
    /// The current password was wrong (00000056); it counted as a wrong try.
    WrongCurrent,
    /// The account is locked (00000775).
    Locked,
    /// "User cannot change password".
    CannotChange,
    /// The service account may not (50).
    NoRight,
    /// The object has gone (32).
    Gone,
    /// Nothing was done, for a reason that only the operator can mend.
    Failed(Fault),
}

impl WriteAnswer {
    /// Does the answer follow from what the person has typed, so that there is nothing for an operator to mend?
    fn is_about_what_was_typed(&self) -> bool {
        match self {
            Self::Done | Self::Policy(_) | Self::WrongCurrent | Self::Locked => true,
            Self::CannotChange | Self::NoRight | Self::Gone | Self::Failed(_) => false,
        }
    }
}

impl Pinned {
    /// Changes a password that is known: one modify that deletes the old and adds the new value. AD checks the old one, history, minimum
    /// age, length and complexity. `Err` that [`Fault::Answer`] does not explain: nobody knows whether it was done.
    pub async fn change_password(&mut self, target: ObjectGuid, old: &Password, new: &Password) -> Result<WriteAnswer, Fault> {
        let (attribute, old) = value("unicodePwd", old.unicode_pwd().to_vec());
        let (_, new) = value("unicodePwd", new.unicode_pwd().to_vec());
        self.write(Write::Change, target, vec![Mod::Delete(attribute.clone(), old), Mod::Add(attribute, new)], None).await
    }

    /// Sets a password without knowing the old one; needs the right Reset Password. With [`Reset::hints`] the policy-hints control goes along,
    /// critical, where the controller lists it: without it AD does not look at history and minimum age. [`Reset::must_change`] needs the right to
    /// write pwdLastSet; both are one modify, so that there is never a password that another knows and that does not have to be changed.
    pub async fn reset_password(&mut self, target: ObjectGuid, new: &Password, reset: Reset) -> Result<WriteAnswer, Fault> {
        let control = match self.policy_hints(reset.hints).await {
            Ok(control) => control,
            Err(fault) => return Ok(WriteAnswer::Failed(fault)), // AD was not asked
        };
        let (attribute, new) = value("unicodePwd", new.unicode_pwd().to_vec());
        let mut changes = vec![Mod::Replace(attribute, new)];
        if reset.must_change {
            let (attribute, never) = value("pwdLastSet", b"0".to_vec());
            changes.push(Mod::Replace(attribute, never));
        }
        self.write(Write::Reset, target, changes, control).await
    }

    /// Ends a lockout; needs the right to write lockoutTime. 0 is the only value that may be written (MS-ADTS 3.1.1.5.3.3). On its own: a
    /// lack of this right must not undo a new password.
    pub async fn unlock(&mut self, target: ObjectGuid) -> Result<WriteAnswer, Fault> {
        let (attribute, never) = value("lockoutTime", b"0".to_vec());
        self.write(Write::Unlock, target, vec![Mod::Replace(attribute, never)], None).await
    }

    /// What an attempt to write the account's password keeps, to be settled by. `None`: the metadata of this controller or account can't be read.
    pub async fn version_before(&mut self, account: &Account) -> Option<VersionBefore> {
        let version = account.password_version?.version;
        let controller = self.controller.clone();
        let root = controller.root_dse(self.connection()).await.ok()?;
        Some(VersionBefore { version, asked: root.invocation_id? })
    }

    async fn write(
        &mut self,
        write: Write,
        target: ObjectGuid,
        changes: Vec<Mod<Vec<u8>>>,
        control: Option<RawControl>,
    ) -> Result<WriteAnswer, Fault> {
        let result = self.connection().modify(&target.as_dn(), changes, control).await?;
        let answer = answer::of_write(write, result.rc, &result.text);
        let text = answer::readable(&result.text);
        if !answer.is_about_what_was_typed() {
            warn!(controller = self.name(), operation = ?write, result = result.rc, text, "a write was refused");
        } else if answer != WriteAnswer::Done {
            info!(controller = self.name(), operation = ?write, result = result.rc, text, "a write was refused");
        }
        Ok(answer)
    }

    async fn policy_hints(&mut self, wanted: bool) -> Result<Option<RawControl>, Fault> {
        if !wanted {
            return Ok(None);
        }
        let controller = self.controller.clone();
        let root = controller.root_dse(self.connection()).await?;
        let listed = [POLICY_HINTS, POLICY_HINTS_OLD].into_iter().find(|oid| root.supports(oid));
        if listed.is_none() && controller.first_word_about_hints() {
            warn!(
                controller = controller.name(),
                "the controller has no policy-hints control: a reset is not held against history and minimum age"
            );
        }
        Ok(listed.map(|oid| RawControl { ctype: oid.to_owned(), crit: true, val: Some(HINTS_VALUE.to_vec()) }))
    }
}
