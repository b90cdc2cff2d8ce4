//! `[rate_limit]`: limits of the rate limits.

use jiff::SignedDuration;
use serde::Deserialize;

use crate::config::problem::Problems;
use crate::model::rate_limit::delay::DelayLimits;

/// `[rate_limit]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimitConfig {
    /// Per account name, and for other counts of one account.
    pub name: DelayLimits,
    /// Per client address, and for other counts of one client or actor. Many people share an address behind the municipality's own network.
    pub address: DelayLimits,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Raw {
    name: RawLimits,
    address: RawLimits,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawLimits {
    attempts_before_delay: Option<u32>,
    first_delay_seconds: Option<u32>,
    max_delay_seconds: Option<u32>,
    reset_after_hours: Option<u32>,
}

const NAME: DelayLimits = DelayLimits {
    attempts_before_delay: 3,
    first_delay: SignedDuration::from_secs(30),
    max_delay: SignedDuration::from_hours(1),
    reset_after: SignedDuration::from_hours(24),
};
const ADDRESS: DelayLimits = DelayLimits {
    attempts_before_delay: 50,
    first_delay: SignedDuration::from_secs(10),
    max_delay: SignedDuration::from_mins(5),
    reset_after: SignedDuration::from_hours(1),
};

impl Raw {
    pub(crate) fn check(self, problems: &mut Problems) -> Option<RateLimitConfig> {
        let before = problems.0.len();
        let throttle = RateLimitConfig {
            name: self.name.over(NAME, "rate_limit.name", problems),
            address: self.address.over(ADDRESS, "rate_limit.address", problems),
        };
        (problems.0.len() == before).then_some(throttle)
    }
}

impl RawLimits {
    fn over(self, default: DelayLimits, key: &str, problems: &mut Problems) -> DelayLimits {
        let seconds = |value: Option<u32>, default| value.map_or(default, |s| SignedDuration::from_secs(s.into()));
        let limits = DelayLimits {
            attempts_before_delay: self.attempts_before_delay.unwrap_or(default.attempts_before_delay),
            first_delay: seconds(self.first_delay_seconds, default.first_delay),
            max_delay: seconds(self.max_delay_seconds, default.max_delay),
            reset_after: self.reset_after_hours.map_or(default.reset_after, |h| SignedDuration::from_hours(h.into())),
        };
        if !(1..=1000).contains(&limits.attempts_before_delay) {
            problems.add(&format!("{key}.attempts_before_delay"), "has to be 1 to 1000");
        }
        if limits.first_delay.is_zero() || limits.max_delay < limits.first_delay {
            problems
                .add(&format!("{key}.max_delay_seconds"), "first_delay_seconds has to be at least 1, and max_delay_seconds at least that");
        }
        if limits.reset_after <= limits.max_delay {
            problems.add(&format!("{key}.reset_after_hours"), "has to be longer than the longest delay, or a delay would reset the count");
        }
        limits
    }
}
