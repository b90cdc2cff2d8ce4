//! What a login has proven, and about whom.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::guid::ObjectGuid;

/// How somebody logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginMethod {
    /// AD account name and password, proven by a bind.
    AdPassword,
}

impl LoginMethod {
    /// The name in the audit log.
    pub fn code(self) -> &'static str {
        match self {
            Self::AdPassword => "ad_password",
        }
    }

    /// Reads the name in the audit log.
    pub fn from_code(code: &str) -> Option<Self> {
        (code == Self::AdPassword.code()).then_some(Self::AdPassword)
    }
}

/// A proven identity, as it is kept in the session. The accounts that it may act on are computed from AD at every use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// How it was proven.
    pub method: LoginMethod,
    /// The AD account that was proven.
    account: Uuid,
    /// The name to greet with.
    pub name: String,
    /// sAMAccountName at login, for the audit log.
    pub account_name: String,
    /// When it was proven.
    pub at: Timestamp,
    /// Binds the visit's audit entries together; not a secret.
    pub visit: Uuid,
}

impl Identity {
    /// An AD bind has proven `account`.
    pub fn from_ad_bind(account: &super::account::Account, at: Timestamp, visit: Uuid) -> Self {
        Self {
            method: LoginMethod::AdPassword,
            account: account.guid.into(),
            name: account.name().to_owned(),
            account_name: account.sam.clone(),
            at,
            visit,
        }
    }

    /// The account that the login has proven.
    pub fn account(&self) -> ObjectGuid {
        self.account.into()
    }

    /// May this identity act on `target` as its own account?
    pub fn owns(&self, target: ObjectGuid) -> bool {
        self.account() == target
    }
}
