//! `[staff]`: local accounts, for helpdesk and auditors while no identity provider is available.

use serde::Deserialize;

use crate::model::level::Level;

/// `[staff]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Staff {
    /// Logins with local accounts are accepted.
    pub enabled: bool,
    /// Assurance level of such a login in delegation and in the audit log's pages.
    pub level: Level,
}

impl Default for Staff {
    fn default() -> Self {
        Self { enabled: false, level: Level::Substantial }
    }
}

pub(super) type Raw = Staff;
