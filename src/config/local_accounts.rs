//! `[local_accounts]`: local accounts, for helpdesk and auditors while no identity provider is available.

use serde::Deserialize;

use crate::model::identity::level::AssuranceLevel;

/// `[local_accounts]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct LocalAccountsConfig {
    /// Logins with local accounts are accepted.
    pub enabled: bool,
    /// Assurance level of such a login in delegation and in the audit log's pages.
    pub level: AssuranceLevel,
}

impl Default for LocalAccountsConfig {
    fn default() -> Self {
        Self { enabled: false, level: AssuranceLevel::Substantial }
    }
}

pub(crate) type Raw = LocalAccountsConfig;
