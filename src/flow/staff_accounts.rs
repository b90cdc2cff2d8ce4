//! Local staff accounts are made, changed and removed, by an operator at the command line.
//!
//! Invariants: what is about to be done is on disk in the log before it is done; whoever is logged in with an account that is disabled, removed or given
//! other credentials is logged out at once.

use std::{collections::BTreeSet, net::Ipv4Addr, sync::Arc};

use super::{
    Fault, Visit, event, own_sessions,
    staff_sign_in::{new_stamp, party},
};
use crate::{
    audit::Log,
    clock::Clock,
    identity::local::{hash::Hasher, totp::TotpSecret},
    model::{
        audit::{AuditEvent, AuditOutcome, EventKind, Party},
        password::Password,
        staff::{BadPassword, Role, StaffAccount, StaffName, check_password, full_name},
    },
    store::{
        Keys,
        sessions::Sessions,
        staff::{Credentials, Found, Staff},
    },
};

/// Everything that is needed for it.
#[derive(Debug)]
pub struct StaffDesk {
    /// The accounts.
    pub staff: Staff,
    /// Sessions of those who are logged in.
    pub sessions: Sessions,
    /// Who did what.
    pub audit: Log,
    /// For sealing and for randomness.
    pub keys: Keys,
    /// For the passwords.
    pub hasher: Hasher,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum NotDone {
    /// The name can't be one.
    #[error("a name has 2 to 64 letters (a-z æ ø å), digits, dots, hyphens and underscores")]
    BadName,
    /// There is an account with this name.
    #[error("there is an account with this name already")]
    Taken,
    /// There is no account with this name.
    #[error("there is no account with this name")]
    Unknown,
    /// The name of the person can't be one.
    #[error("--name has to be the name of a person, 1 to 128 characters")]
    BadFullName,
    /// Nobody may do anything.
    #[error("an account needs at least one role: --role helpdesk or --role auditor")]
    NoRole,
    /// The password is too easy to guess.
    #[error("the password is too short: 12 characters or more")]
    ShortPassword,
    /// The password is too easy to guess.
    #[error("the password holds the account's name or one of the person's, in whatever spelling")]
    NameInPassword,
    /// Something of ours.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<BadPassword> for NotDone {
    fn from(bad: BadPassword) -> Self {
        match bad {
            BadPassword::TooShort => Self::ShortPassword,
            BadPassword::HoldsName => Self::NameInPassword,
        }
    }
}

impl StaffDesk {
    /// Could there be a new account of this name? Asked before anybody is asked for a password.
    pub async fn is_free(&self, name: &str) -> Result<(), NotDone> {
        let name = StaffName::parse(name).ok_or(NotDone::BadName)?;
        match self.staff.find(&name).await.map_err(Fault::from)? {
            None => Ok(()),
            Some(_) => Err(NotDone::Taken),
        }
    }

    /// The account of this name.
    pub async fn find(&self, name: &str) -> Result<StaffAccount, NotDone> {
        Ok(self.found(name).await?.account)
    }

    async fn found(&self, name: &str) -> Result<Found, NotDone> {
        let name = StaffName::parse(name).ok_or(NotDone::Unknown)?;
        self.staff.find(&name).await.map_err(Fault::from)?.ok_or(NotDone::Unknown)
    }

    /// All of them.
    pub async fn all(&self) -> Result<Vec<StaffAccount>, NotDone> {
        Ok(self.staff.all().await.map_err(Fault::from)?)
    }

    /// Makes an account. Gives the secret for its owner's authenticator app, which is shown this once.
    pub async fn add(&self, name: &str, person: &str, roles: BTreeSet<Role>, password: &Password) -> Result<TotpSecret, NotDone> {
        let name = StaffName::parse(name).ok_or(NotDone::BadName)?;
        let person = full_name(person).ok_or(NotDone::BadFullName)?;
        if roles.is_empty() {
            return Err(NotDone::NoRole);
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
        if self.logged(&account, &what, adding).await? { Ok(secret) } else { Err(NotDone::Taken) }
    }

    /// Gives an account another password and another secret. Whoever was logged in with it is logged out.
    pub async fn reset(&self, name: &str, password: &Password) -> Result<TotpSecret, NotDone> {
        let account = self.find(name).await?;
        let parsed = StaffName::parse(&account.name).ok_or(NotDone::BadName)?;
        let (credentials, secret) = self.credentials(password, &parsed, &account.full_name).await?;
        let stamp = new_stamp(self.random()?);
        let resetting = async { self.staff.reset(account.id, &credentials, stamp).await };
        self.ended(&account, "reset", resetting).await.map(|()| secret)
    }

    /// Nobody can log in with it, and whoever is, is logged out.
    pub async fn disable(&self, name: &str) -> Result<(), NotDone> {
        self.set_disabled(name, true, "disabled").await
    }

    /// Its owner can log in again.
    pub async fn enable(&self, name: &str) -> Result<(), NotDone> {
        self.set_disabled(name, false, "enabled").await
    }

    /// Removes it. What it did stays in the log.
    pub async fn remove(&self, name: &str) -> Result<(), NotDone> {
        let account = self.find(name).await?;
        self.ended(&account, "removed", async { self.staff.remove(account.id).await }).await
    }

    /// Logs an account's owner out everywhere: one of ours, or one in AD.
    pub async fn end_sessions(&self, owner: Party) -> Result<u64, NotDone> {
        let visit = Visit { id: new_stamp(self.random()?), client: Ipv4Addr::UNSPECIFIED.into(), user_agent: None, browser: None };
        Ok(own_sessions::end_by_operator(&self.audit, &self.sessions, &visit, self.clock.now(), owner).await?)
    }

    async fn set_disabled(&self, name: &str, disabled: bool, what: &str) -> Result<(), NotDone> {
        let account = self.find(name).await?;
        let stamp = new_stamp(self.random()?);
        self.ended(&account, what, async { self.staff.set_disabled(account.id, disabled, stamp).await }).await
    }

    /// Does it and ends the sessions. One that begins in between is over by its stamp.
    async fn ended(
        &self,
        account: &StaffAccount,
        what: &str,
        work: impl Future<Output = Result<bool, crate::store::StoreError>>,
    ) -> Result<(), NotDone> {
        if !self.logged(account, what, work).await? {
            return Err(NotDone::Unknown);
        }
        self.sessions.end_all_of(account.id.into(), None).await.map_err(Fault::from)?;
        Ok(())
    }

    async fn logged(
        &self,
        account: &StaffAccount,
        what: &str,
        work: impl Future<Output = Result<bool, crate::store::StoreError>>,
    ) -> Result<bool, NotDone> {
        let visit = Visit { id: new_stamp(self.random()?), client: Ipv4Addr::UNSPECIFIED.into(), user_agent: None, browser: None };
        let entry = |outcome| AuditEvent {
            client: None, // at the command line
            target: Some(party(account)),
            ..event(&visit, self.clock.now(), EventKind::StaffAccount, outcome, what)
        };
        self.audit.append(&entry(AuditOutcome::Started)).await.map_err(Fault::from)?;
        let done = work.await;
        let outcome = match &done {
            Ok(true) => AuditOutcome::Succeeded,
            Ok(false) => AuditOutcome::Refused,
            Err(_) => AuditOutcome::Unknown,
        };
        self.audit.append(&entry(outcome)).await.map_err(Fault::from)?;
        Ok(done.map_err(Fault::from)?)
    }

    async fn credentials(&self, password: &Password, name: &StaffName, person: &str) -> Result<(Credentials, TotpSecret), NotDone> {
        check_password(password, name, person)?;
        let secret = TotpSecret::new(self.random()?);
        let hash = self.hasher.hash(password, self.random()?).await.map_err(Fault::from)?;
        Ok((Credentials { hash, totp: secret.bytes().to_vec().into() }, secret))
    }

    fn random<const N: usize>(&self) -> Result<[u8; N], Fault> {
        Ok(self.keys.random()?)
    }
}
