//! `[throttle]`: limits of the rate limits.

use jiff::SignedDuration;
use serde::Deserialize;

use crate::config::read::load::Problems;
use crate::model::rate_limit::delay::DelayLimits;

/// `[throttle]`.
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
    free: Option<u32>,
    first_wait_seconds: Option<u32>,
    longest_wait_seconds: Option<u32>,
    forget_after_hours: Option<u32>,
}

const NAME: DelayLimits = DelayLimits {
    free: 3,
    first_wait: SignedDuration::from_secs(30),
    longest_wait: SignedDuration::from_hours(1),
    forget_after: SignedDuration::from_hours(24),
};
const ADDRESS: DelayLimits = DelayLimits {
    free: 50,
    first_wait: SignedDuration::from_secs(10),
    longest_wait: SignedDuration::from_mins(5),
    forget_after: SignedDuration::from_hours(1),
};

impl Raw {
    pub(crate) fn check(self, problems: &mut Problems) -> Option<RateLimitConfig> {
        let before = problems.0.len();
        let throttle = RateLimitConfig {
            name: self.name.over(NAME, "throttle.name", problems),
            address: self.address.over(ADDRESS, "throttle.address", problems),
        };
        (problems.0.len() == before).then_some(throttle)
    }
}

impl RawLimits {
    fn over(self, default: DelayLimits, key: &str, problems: &mut Problems) -> DelayLimits {
        let seconds = |value: Option<u32>, default| value.map_or(default, |s| SignedDuration::from_secs(s.into()));
        let limits = DelayLimits {
            free: self.free.unwrap_or(default.free),
            first_wait: seconds(self.first_wait_seconds, default.first_wait),
            longest_wait: seconds(self.longest_wait_seconds, default.longest_wait),
            forget_after: self.forget_after_hours.map_or(default.forget_after, |h| SignedDuration::from_hours(h.into())),
        };
        if !(1..=1000).contains(&limits.free) {
            problems.add(&format!("{key}.free"), "has to be 1 to 1000");
        }
        if limits.first_wait.is_zero() || limits.longest_wait < limits.first_wait {
            problems.add(
                &format!("{key}.longest_wait_seconds"),
                "first_wait_seconds has to be at least 1, and longest_wait_seconds at least that",
            );
        }
        if limits.forget_after <= limits.longest_wait {
            problems.add(&format!("{key}.forget_after_hours"), "has to be longer than the longest delay, or a delay would reset the count");
        }
        limits
    }
}
