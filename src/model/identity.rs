//! The identity that a login has proven.

pub mod claim;
pub mod level;
pub mod provider;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::account::Account;
use crate::model::{
    ad::guid::ObjectGuid,
    credential::local_account::{Role, StaffAccount},
    identity::{claim::Claim, level::AssuranceLevel, provider::ProviderId},
};

/// The login method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginMethod {
    /// AD account name and password, proven by a bind.
    AdPassword,
    /// An assertion of a SAML 2.0 identity provider.
    Saml,
    /// An ID token of an OpenID Connect provider.
    Oidc,
    /// A one-time code that another person issued.
    Code,
    /// Password and second factor of a local account.
    Local,
}

impl LoginMethod {
    pub const ALL: [Self; 5] = [Self::AdPassword, Self::Saml, Self::Oidc, Self::Code, Self::Local];

    /// The stable code in the audit log.
    pub fn code(self) -> &'static str {
        match self {
            Self::AdPassword => "ad_password",
            Self::Saml => "saml",
            Self::Oidc => "oidc",
            Self::Code => "code",
            Self::Local => "local",
        }
    }

    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.code() == code)
    }
}

/// A proven identity, as kept in the session. The linked accounts are read from AD at every use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub proof: Proof,
    /// Display name.
    pub name: String,
    /// Time of the proof; for a provider's login, the time at which the person authenticated there.
    pub at: Timestamp,
    /// Common to all audit entries of the visit; not a secret.
    pub visit: Uuid,
}

/// The proof of an identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// The current password of one account.
    AdPassword {
        /// objectGUID.
        account: Uuid,
        /// sAMAccountName at login, for the audit log.
        account_name: String,
        /// pwdLastSet as read before the password was tried, 100 ns since 1601; see [`Identity::is_outlived_by`].
        #[serde(default)]
        last_set_ticks: i64,
    },
    /// An assertion or ID token of an identity provider.
    Provider(ProviderLogin),
    /// A one-time code for one account.
    Code {
        /// objectGUID.
        account: Uuid,
        /// sAMAccountName at login, for the audit log.
        account_name: String,
        /// ID of the code.
        code: Uuid,
        /// sAMAccountName of the issuer, for the audit log.
        issuer: String,
    },
    /// Password and second factor of a local account. It has no account in AD.
    Local {
        /// ID of the local account.
        id: Uuid,
        /// Its name at login, for the audit log.
        account_name: String,
        /// Roles at login. They are read again at every use.
        roles: BTreeSet<Role>,
        /// The account's stamp at login. The login ends when the stamp changes.
        stamp: Uuid,
        /// Assurance level of the login.
        level: AssuranceLevel,
    },
}

/// A login at an identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderLogin {
    /// The provider. Only its own matching rule may lead from the claim to accounts.
    pub provider: ProviderId,
    /// SAML or OpenID Connect.
    pub method: LoginMethod,
    pub level: AssuranceLevel,
    /// The claim that leads to the linked accounts.
    pub claim: Claim,
    /// ID of the login in the provider's own log, for the audit log: the ID of a SAML assertion, or a claim of an ID token.
    pub assertion: String,
    /// End of the provider's session, if given (SessionNotOnOrAfter). Our session ends with it.
    #[serde(default)]
    pub ends: Option<Timestamp>,
}

impl Identity {
    /// True if the provider's session has ended.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.provider().and_then(|login| login.ends).is_some_and(|end| now >= end)
    }

    pub fn from_provider(login: ProviderLogin, name: String, at: Timestamp, visit: Uuid) -> Self {
        Self { proof: Proof::Provider(login), name, at, visit }
    }

    /// The identity after a successful bind as `account`.
    pub fn from_ad_bind(account: &Account, at: Timestamp, visit: Uuid) -> Self {
        let (account_name, last_set_ticks) = (account.sam.clone(), account.password.last_set_ticks);
        let proof = Proof::AdPassword { account: account.guid.into(), account_name, last_set_ticks };
        Self { proof, name: account.name().to_owned(), at, visit }
    }

    /// The identity after a login with a local account.
    pub fn from_staff(account: &StaffAccount, level: AssuranceLevel, at: Timestamp, visit: Uuid) -> Self {
        let (account_name, roles) = (account.name.clone(), account.roles.clone());
        let proof = Proof::Local { id: account.id, account_name, roles, stamp: account.stamp, level };
        Self { proof, name: account.full_name.clone(), at, visit }
    }

    pub fn method(&self) -> LoginMethod {
        match &self.proof {
            Proof::AdPassword { .. } => LoginMethod::AdPassword,
            Proof::Provider(login) => login.method,
            Proof::Code { .. } => LoginMethod::Code,
            Proof::Local { .. } => LoginMethod::Local,
        }
    }

    /// The one account whose password the login has proven.
    pub fn password_of(&self) -> Option<ObjectGuid> {
        match &self.proof {
            Proof::AdPassword { account, .. } => Some((*account).into()),
            Proof::Provider(_) | Proof::Code { .. } | Proof::Local { .. } => None,
        }
    }

    /// The one account that the login is about, by password or by one-time code.
    pub fn only_account(&self) -> Option<ObjectGuid> {
        match &self.proof {
            Proof::AdPassword { account, .. } | Proof::Code { account, .. } => Some((*account).into()),
            Proof::Provider(_) | Proof::Local { .. } => None,
        }
    }

    /// True if the account's password was set again after the login, or must be changed and did not have to be then. A pwdLastSet older
    /// than at login comes from a controller that has not yet replicated the latest change.
    pub fn is_outlived_by(&self, account: &Account) -> bool {
        let Proof::AdPassword { last_set_ticks: at_login, .. } = self.proof else { return false };
        let now = account.password.last_set_ticks;
        now > at_login || (now == 0 && at_login != 0)
    }

    /// True if this login sets a new password without the current one.
    pub fn resets(&self) -> bool {
        match &self.proof {
            Proof::AdPassword { .. } | Proof::Local { .. } => false,
            Proof::Provider(_) | Proof::Code { .. } => true,
        }
    }

    pub fn provider(&self) -> Option<&ProviderLogin> {
        match &self.proof {
            Proof::AdPassword { .. } | Proof::Code { .. } | Proof::Local { .. } => None,
            Proof::Provider(login) => Some(login),
        }
    }

    /// Assurance level; `None` for logins with an AD password or a one-time code.
    pub fn level(&self) -> Option<AssuranceLevel> {
        match &self.proof {
            Proof::AdPassword { .. } | Proof::Code { .. } => None,
            Proof::Provider(login) => Some(login.level),
            Proof::Local { level, .. } => Some(*level),
        }
    }

    /// The account, in AD or local, whose new password ends the session. `None`: a provider's session, which the provider ends.
    pub fn session_ends_with(&self) -> Option<ObjectGuid> {
        match &self.proof {
            Proof::AdPassword { account, .. } | Proof::Code { account, .. } => Some((*account).into()),
            Proof::Local { id, .. } => Some((*id).into()),
            Proof::Provider(_) => None,
        }
    }
}
