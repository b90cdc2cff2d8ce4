//! `[staff]`: local staff accounts, for when no identity provider can say who somebody is.

use serde::Deserialize;

use crate::model::level::Level;

/// `[staff]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Staff {
    /// Can anybody log in with such an account?
    pub enabled: bool,
    /// What such a login counts as when it acts on others' accounts.
    pub level: Level,
}

impl Default for Staff {
    fn default() -> Self {
        Self { enabled: false, level: Level::Substantial }
    }
}

pub(super) type Raw = Staff;
