//! `[audit.alerts]`: thresholds of the alert rules.

use jiff::SignedDuration;
use serde::Deserialize;

use crate::{config::problem::Problems, model::audit::alerts::Thresholds};

#[derive(Deserialize)]
#[serde(default)]
pub(super) struct Raw {
    enabled: bool,
    window_minutes: u32,
    failures_for_one_account: u32,
    accounts_from_one_address: u32,
    resets_by_one_helper: u32,
    login_below_usual_level: bool,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            enabled: true,
            window_minutes: 10,
            failures_for_one_account: 5,
            accounts_from_one_address: 30,
            resets_by_one_helper: 60,
            login_below_usual_level: true,
        }
    }
}

impl Raw {
    /// `None` if switched off.
    pub(super) fn check(&self, problems: &mut Problems) -> Option<Thresholds> {
        if !(1..=1440).contains(&self.window_minutes) {
            problems.add("audit.alerts.window_minutes", "has to be 1 to 1440");
        }
        for (key, threshold) in [
            ("failures_for_one_account", self.failures_for_one_account),
            ("accounts_from_one_address", self.accounts_from_one_address),
            ("resets_by_one_helper", self.resets_by_one_helper),
        ] {
            if threshold == 1 || threshold > 10_000 {
                problems.add(&format!("audit.alerts.{key}"), "has to be 2 to 10000, or 0 for never");
            }
        }
        self.enabled.then(|| Thresholds {
            window: SignedDuration::from_mins(self.window_minutes.into()),
            failures_for_one_account: self.failures_for_one_account,
            accounts_from_one_address: self.accounts_from_one_address,
            resets_by_one_helper: self.resets_by_one_helper,
            login_below_usual_level: self.login_below_usual_level,
        })
    }
}
