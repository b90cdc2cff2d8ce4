//! `[codes]`: one-time codes, with which the owner chooses a password that the helpdesk never knows.

use jiff::SignedDuration;
use serde::Deserialize;

use crate::config::problem::Problems;

/// `[codes]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodesConfig {
    /// Codes are issued and accepted.
    pub enabled: bool,
    /// Lifetime of a code, and of a login with it, 5 to 60 minutes.
    pub lasts: SignedDuration,
}

#[derive(Deserialize)]
#[serde(default)]
pub(crate) struct Raw {
    enabled: bool,
    minutes: u32,
}

impl Default for Raw {
    fn default() -> Self {
        Self { enabled: false, minutes: 15 }
    }
}

impl Raw {
    pub(crate) fn check(self, problems: &mut Problems) -> Option<CodesConfig> {
        if !(5..=60).contains(&self.minutes) {
            problems.add("codes.minutes", "has to be 5 to 60");
            return None;
        }
        Some(CodesConfig { enabled: self.enabled, lasts: SignedDuration::from_mins(self.minutes.into()) })
    }
}
