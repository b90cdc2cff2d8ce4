//! Local accounts: created, changed and removed by an operator at the command line.
//!
//! Invariants:
//! - The audit entry about an operation is on disk before the operation.
//! - Disabling or removing an account, or giving it new credentials, ends its sessions at once.

use std::{collections::BTreeSet, net::Ipv4Addr, sync::Arc};

use crate::flow::{
    FlowError, RequestContext, event,
    self_service::sessions,
    sign_in::local_account::{new_stamp, party},
};
use crate::{
    audit::AuditLog,
    clock::Clock,
    identity::local::{hash::Hasher, totp::TotpSecret},
    model::{
        audit::{AuditEvent, AuditOutcome, EventKind, Party},
        credential::{
            local_account::{BadPassword, Role, StaffAccount, StaffName, check_password, full_name},
            password::Password,
        },
    },
    store::{
        DerivedKeys,
        local_accounts::{FoundLocalAccount, LocalAccounts, LocalCredentials},
        sessions::Sessions,
    },
};

/// Dependencies of the local account commands.
#[derive(Debug)]
pub struct LocalAccountAdmin {
    pub staff: LocalAccounts,
    /// Sessions of the local accounts.
    pub sessions: Sessions,
    pub audit: AuditLog,
    /// Key for sealing, and source of randomness.
    pub keys: DerivedKeys,
    /// Hashes of the accounts' passwords.
    pub hasher: Hasher,
    pub clock: Arc<dyn Clock>,
}

/// Why a command was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum LocalAccountError {
    #[error("a name has 2 to 64 letters (a-z æ ø å), digits, dots, hyphens and underscores")]
    BadName,
    #[error("there is an account with this name already")]
    Taken,
    #[error("there is no account with this name")]
    Unknown,
    #[error("--name has to be the name of a person, 1 to 128 characters")]
    BadFullName,
    #[error("an account needs at least one role: --role helpdesk or --role auditor")]
    NoRole,
    #[error("the password is too short: 12 characters or more")]
    ShortPassword,
    #[error("the password holds the account's name or one of the person's, in whatever spelling")]
    NameInPassword,
    #[error(transparent)]
    Fault(#[from] FlowError),
}

impl From<BadPassword> for LocalAccountError {
    fn from(bad: BadPassword) -> Self {
        match bad {
            BadPassword::TooShort => Self::ShortPassword,
            BadPassword::HoldsName => Self::NameInPassword,
        }
    }
}

impl LocalAccountAdmin {
    /// Whether a new account of this name is possible. Checked before the command asks for a password.
    pub async fn is_free(&self, name: &str) -> Result<(), LocalAccountError> {
        let name = StaffName::parse(name).ok_or(LocalAccountError::BadName)?;
        match self.staff.find(&name).await.map_err(FlowError::from)? {
            None => Ok(()),
            Some(_) => Err(LocalAccountError::Taken),
        }
    }

    /// The account of this name.
    pub async fn find(&self, name: &str) -> Result<StaffAccount, LocalAccountError> {
        Ok(self.found(name).await?.account)
    }

    async fn found(&self, name: &str) -> Result<FoundLocalAccount, LocalAccountError> {
        let name = StaffName::parse(name).ok_or(LocalAccountError::Unknown)?;
        self.staff.find(&name).await.map_err(FlowError::from)?.ok_or(LocalAccountError::Unknown)
    }

    pub async fn all(&self) -> Result<Vec<StaffAccount>, LocalAccountError> {
        Ok(self.staff.all().await.map_err(FlowError::from)?)
    }

    /// Creates an account. Returns the secret for its owner's authenticator app, which is shown this once.
    pub async fn add(&self, name: &str, person: &str, roles: BTreeSet<Role>, password: &Password) -> Result<TotpSecret, LocalAccountError> {
        let name = StaffName::parse(name).ok_or(LocalAccountError::BadName)?;
        let person = full_name(person).ok_or(LocalAccountError::BadFullName)?;
        if roles.is_empty() {
            return Err(LocalAccountError::NoRole);
        }
        let (credentials, secret) = self.credentials(password, &name, &person).await?;
        let account = StaffAccount {
            id: new_stamp(self.random()?),
            name: name.as_str().to_owned(),
            full_name: person,
            stamp: new_stamp(self.random()?),
            disabled: false,
            created: self.clock.now(),
            roles,
        };
        let what = account.roles.iter().fold("added".to_owned(), |what, role| what + "_" + role.code());
        let adding = async { self.staff.add(&account, &name, &credentials).await };
        if self.logged(&account, &what, adding).await? { Ok(secret) } else { Err(LocalAccountError::Taken) }
    }

    /// Gives an account a new password and a new secret. Ends its sessions.
    pub async fn reset(&self, name: &str, password: &Password) -> Result<TotpSecret, LocalAccountError> {
        let account = self.find(name).await?;
        let parsed = StaffName::parse(&account.name).ok_or(LocalAccountError::BadName)?;
        let (credentials, secret) = self.credentials(password, &parsed, &account.full_name).await?;
        let stamp = new_stamp(self.random()?);
        let resetting = async { self.staff.reset(account.id, &credentials, stamp).await };
        self.ended(&account, "reset", resetting).await.map(|()| secret)
    }

    /// Disables logins with the account, and ends its sessions.
    pub async fn disable(&self, name: &str) -> Result<(), LocalAccountError> {
        self.set_disabled(name, true, "disabled").await
    }

    /// Enables logins with the account again.
    pub async fn enable(&self, name: &str) -> Result<(), LocalAccountError> {
        self.set_disabled(name, false, "enabled").await
    }

    /// Removes the account. Its audit entries stay.
    pub async fn remove(&self, name: &str) -> Result<(), LocalAccountError> {
        let account = self.find(name).await?;
        self.ended(&account, "removed", async { self.staff.remove(account.id).await }).await
    }

    /// Ends all sessions of an account, local or in AD. Returns their number.
    pub async fn end_sessions(&self, owner: Party) -> Result<u64, LocalAccountError> {
        let visit = RequestContext { id: new_stamp(self.random()?), client: Ipv4Addr::UNSPECIFIED.into(), user_agent: None, browser: None };
        Ok(sessions::end_by_operator(&self.audit, &self.sessions, &visit, self.clock.now(), owner).await?)
    }

    async fn set_disabled(&self, name: &str, disabled: bool, what: &str) -> Result<(), LocalAccountError> {
        let account = self.find(name).await?;
        let stamp = new_stamp(self.random()?);
        self.ended(&account, what, async { self.staff.set_disabled(account.id, disabled, stamp).await }).await
    }

    /// Runs the operation and ends the sessions. A session that begins in between is invalid by its stamp.
    async fn ended(
        &self,
        account: &StaffAccount,
        what: &str,
        work: impl Future<Output = Result<bool, crate::store::StoreError>>,
    ) -> Result<(), LocalAccountError> {
        if !self.logged(account, what, work).await? {
            return Err(LocalAccountError::Unknown);
        }
        self.sessions.end_all_of(account.id.into(), None).await.map_err(FlowError::from)?;
        Ok(())
    }

    async fn logged(
        &self,
        account: &StaffAccount,
        what: &str,
        work: impl Future<Output = Result<bool, crate::store::StoreError>>,
    ) -> Result<bool, LocalAccountError> {
        let visit = RequestContext { id: new_stamp(self.random()?), client: Ipv4Addr::UNSPECIFIED.into(), user_agent: None, browser: None };
        let entry = |outcome| AuditEvent {
            client: None, // at the command line
            target: Some(party(account)),
            ..event(&visit, self.clock.now(), EventKind::StaffAccount, outcome, what)
        };
        self.audit.append(&entry(AuditOutcome::Started)).await.map_err(FlowError::from)?;
        let done = work.await;
        let outcome = match &done {
            Ok(true) => AuditOutcome::Succeeded,
            Ok(false) => AuditOutcome::Refused,
            Err(_) => AuditOutcome::Unknown,
        };
        self.audit.append(&entry(outcome)).await.map_err(FlowError::from)?;
        Ok(done.map_err(FlowError::from)?)
    }

    async fn credentials(
        &self,
        password: &Password,
        name: &StaffName,
        person: &str,
    ) -> Result<(LocalCredentials, TotpSecret), LocalAccountError> {
        check_password(password, name, person)?;
        let secret = TotpSecret::new(self.random()?);
        let hash = self.hasher.hash(password, self.random()?).await.map_err(FlowError::from)?;
        Ok((LocalCredentials { hash, totp: secret.bytes().to_vec().into() }, secret))
    }

    fn random<const N: usize>(&self) -> Result<[u8; N], FlowError> {
        Ok(self.keys.random()?)
    }
}
