//! What a login has proven, and about whom.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    account::Account,
    claim::Claim,
    guid::ObjectGuid,
    level::Level,
    provider::ProviderId,
    staff::{Role, StaffAccount},
};

/// How somebody logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginMethod {
    /// AD account name and password, proven by a bind.
    AdPassword,
    /// An assertion of a SAML 2.0 identity provider.
    Saml,
    /// An ID token of an OpenID Connect provider.
    Oidc,
    /// A one-time code that a helper has given out.
    Code,
    /// The password and the second factor of a local staff account.
    Local,
}

impl LoginMethod {
    /// All.
    pub const ALL: [Self; 5] = [Self::AdPassword, Self::Saml, Self::Oidc, Self::Code, Self::Local];

    /// The name in the audit log.
    pub fn code(self) -> &'static str {
        match self {
            Self::AdPassword => "ad_password",
            Self::Saml => "saml",
            Self::Oidc => "oidc",
            Self::Code => "code",
            Self::Local => "local",
        }
    }

    /// Reads the name in the audit log.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.code() == code)
    }
}

/// A proven identity, as it is kept in the session. The accounts that it may act on are read from AD at every use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// What was proven, and how.
    pub proof: Proof,
    /// The name to greet with.
    pub name: String,
    /// When it was proven: for a provider's login, the time at which the person showed who they are there.
    pub at: Timestamp,
    /// Binds the visit's audit entries together; not a secret.
    pub visit: Uuid,
}

/// What a login has proven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// The current password of one account.
    AdPassword {
        /// objectGUID.
        account: Uuid,
        /// sAMAccountName at login, for the audit log.
        account_name: String,
        /// pwdLastSet as it was read before the password was tried, 100 ns since 1601: see [`Identity::is_outlived_by`].
        #[serde(default)]
        last_set_ticks: i64,
    },
    /// What an identity provider says.
    Provider(ProviderLogin),
    /// A one-time code for one account.
    Code {
        /// objectGUID.
        account: Uuid,
        /// sAMAccountName at login, for the audit log.
        account_name: String,
        /// Which code.
        code: Uuid,
        /// sAMAccountName of who gave it out, for the audit log.
        issuer: String,
    },
    /// The password and the second factor of a local staff account. It owns no account in AD.
    Local {
        /// Which.
        id: Uuid,
        /// Its name at login, for the audit log.
        account_name: String,
        /// Its roles at login. What it may do is read again at every use.
        roles: BTreeSet<Role>,
        /// The account's stamp at login: with another one, the login is over.
        stamp: Uuid,
        /// What the login counts as.
        level: Level,
    },
}

/// A login at an identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderLogin {
    /// Which: only its own rule may match the claim to accounts.
    pub provider: ProviderId,
    /// What the provider speaks.
    pub method: LoginMethod,
    /// How sure it is.
    pub level: Level,
    /// What leads to accounts.
    pub claim: Claim,
    /// What the provider's own log names the login by, for the audit log: a SAML assertion's ID, a claim of an ID token.
    pub assertion: String,
    /// When the provider's session ends, and this one with it, where the provider says so (SessionNotOnOrAfter).
    #[serde(default)]
    pub ends: Option<Timestamp>,
}

impl Identity {
    /// Has the session ended that the provider has at the bottom of this one?
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.provider().and_then(|login| login.ends).is_some_and(|end| now >= end)
    }

    /// A provider says so.
    pub fn from_provider(login: ProviderLogin, name: String, at: Timestamp, visit: Uuid) -> Self {
        Self { proof: Proof::Provider(login), name, at, visit }
    }

    /// An AD bind has proven `account`.
    pub fn from_ad_bind(account: &Account, at: Timestamp, visit: Uuid) -> Self {
        let (account_name, last_set_ticks) = (account.sam.clone(), account.password.last_set_ticks);
        let proof = Proof::AdPassword { account: account.guid.into(), account_name, last_set_ticks };
        Self { proof, name: account.name().to_owned(), at, visit }
    }

    /// The password and the second factor of a local account were right.
    pub fn from_staff(account: &StaffAccount, level: Level, at: Timestamp, visit: Uuid) -> Self {
        let (account_name, roles) = (account.name.clone(), account.roles.clone());
        let proof = Proof::Local { id: account.id, account_name, roles, stamp: account.stamp, level };
        Self { proof, name: account.full_name.clone(), at, visit }
    }

    /// How somebody logged in.
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

    /// The one account that the login is about, whether or not it has proven a password.
    pub fn only_account(&self) -> Option<ObjectGuid> {
        match &self.proof {
            Proof::AdPassword { account, .. } | Proof::Code { account, .. } => Some((*account).into()),
            Proof::Provider(_) | Proof::Local { .. } => None,
        }
    }

    /// Has the account got another password since the login proved one, or is it to get one? An older time than the login's is another controller's that has
    /// not heard of the latest yet.
    pub fn is_outlived_by(&self, account: &Account) -> bool {
        let Proof::AdPassword { last_set_ticks: at_login, .. } = self.proof else { return false };
        let now = account.password.last_set_ticks;
        now > at_login || (now == 0 && at_login != 0)
    }

    /// Is a new password set without the current one?
    pub fn resets(&self) -> bool {
        match &self.proof {
            Proof::AdPassword { .. } | Proof::Local { .. } => false,
            Proof::Provider(_) | Proof::Code { .. } => true,
        }
    }

    /// The provider's login.
    pub fn provider(&self) -> Option<&ProviderLogin> {
        match &self.proof {
            Proof::AdPassword { .. } | Proof::Code { .. } | Proof::Local { .. } => None,
            Proof::Provider(login) => Some(login),
        }
    }

    /// How sure the login is, where that is known of it; `None` for one with an AD password.
    pub fn level(&self) -> Option<Level> {
        match &self.proof {
            Proof::AdPassword { .. } | Proof::Code { .. } => None,
            Proof::Provider(login) => Some(login.level),
            Proof::Local { level, .. } => Some(*level),
        }
    }

    /// With whose password the session ends. `None`: it ends where it was begun, at a provider.
    pub fn session_ends_with(&self) -> Option<ObjectGuid> {
        match &self.proof {
            Proof::AdPassword { account, .. } | Proof::Code { account, .. } => Some((*account).into()),
            Proof::Local { id, .. } => Some((*id).into()),
            Proof::Provider(_) => None,
        }
    }
}
