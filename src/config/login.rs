//! `[login]` and `[session]`: login with an AD password, and lifetime of sessions.

use serde::Deserialize;

use crate::config::problem::Problems;

/// `[login]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginConfig {
    /// `[login.ad_password]`.
    pub ad_password: AdPassword,
}

/// Login with AD account name and password.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct AdPassword {
    pub enabled: bool,
    /// Accounts that AD protects (adminCount) or that are in `authority.protected_groups` may log in with their AD password. The service
    /// account never may.
    pub protected_accounts: bool,
    /// Attempts that are always left before AD locks an account, 0 to 20.
    pub lockout_reserve: u32,
    /// Refused logins are answered after a multiple of this many milliseconds, 0 to 5000, so that the time of the answer reveals nothing.
    pub answer_after_ms: u64,
}

impl Default for AdPassword {
    fn default() -> Self {
        Self { enabled: true, protected_accounts: false, lockout_reserve: 2, answer_after_ms: 600 }
    }
}

/// `[session]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct SessionConfig {
    /// Minutes without a request after which a session ends, 1 to 60.
    pub idle_minutes: u32,
    /// Minutes after which a session ends in any case, 1 to 480, at least the idle time.
    pub absolute_minutes: u32,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self { idle_minutes: 10, absolute_minutes: 30 }
    }
}

#[derive(Deserialize)]
pub(super) struct RawLogin {
    #[serde(default)]
    ad_password: AdPassword,
}

impl RawLogin {
    pub(super) fn check(self, problems: &mut Problems) -> Option<LoginConfig> {
        let before = problems.0.len();
        if self.ad_password.lockout_reserve > 20 {
            problems.add("login.ad_password.lockout_reserve", "has to be 0 to 20");
        }
        if self.ad_password.answer_after_ms > 5000 {
            problems.add("login.ad_password.answer_after_ms", "has to be 0 to 5000");
        }
        (problems.0.len() == before).then_some(LoginConfig { ad_password: self.ad_password })
    }
}

pub(super) type RawSession = SessionConfig;

impl SessionConfig {
    pub(super) fn check(self, problems: &mut Problems) -> Option<Self> {
        let idle = (1..=60).contains(&self.idle_minutes);
        let absolute = (self.idle_minutes..=480).contains(&self.absolute_minutes);
        if !idle {
            problems.add("session.idle_minutes", "has to be 1 to 60");
        }
        if !absolute {
            problems.add("session.absolute_minutes", "has to be at least session.idle_minutes and at most 480");
        }
        (idle && absolute).then_some(self)
    }
}
