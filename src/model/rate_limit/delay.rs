//! Limits of the rate limits: some attempts without a delay, then a delay that doubles with each failure. The decision itself is one
//! statement in the store.

use jiff::SignedDuration;

/// Limits of one kind of key, for example account name or client address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DelayLimits {
    /// Attempts without a delay.
    pub attempts_before_delay: u32,
    /// First delay; it doubles with each further failure.
    pub first_delay: SignedDuration,
    /// Longest delay.
    pub max_delay: SignedDuration,
    /// Failures are forgotten after this long without another.
    pub reset_after: SignedDuration,
}

/// Bound of the doublings: the first delay is at least a microsecond, which 62 doublings turn into more than 100,000 years.
const MOST_DOUBLINGS: u32 = 62;

impl DelayLimits {
    /// Number of doublings until the first delay reaches the longest.
    pub fn doublings(&self) -> u32 {
        let (first, longest) = (self.first_delay.as_micros().max(1), self.max_delay.as_micros());
        (0..MOST_DOUBLINGS).find(|n| first << n >= longest).unwrap_or(MOST_DOUBLINGS)
    }

    /// The same limits with `factor` times as many attempts without a delay.
    #[must_use]
    pub fn times(self, factor: u32) -> Self {
        Self { attempts_before_delay: self.attempts_before_delay.saturating_mul(factor), ..self }
    }

    /// The same limits with no delay above `longest`.
    #[must_use]
    pub fn at_most(self, longest: SignedDuration) -> Self {
        Self { first_delay: self.first_delay.min(longest), max_delay: self.max_delay.min(longest), ..self }
    }
}

#[cfg(test)]
mod tests {
    use crate::model::rate_limit::delay::*;

    fn doublings(first: i64, longest: i64) -> u32 {
        let seconds = SignedDuration::from_secs;
        let limits =
            DelayLimits { attempts_before_delay: 3, first_delay: seconds(first), max_delay: seconds(longest), reset_after: seconds(1) };
        limits.doublings()
    }

    #[test]
    fn the_first_wait_doubles_until_it_reaches_the_longest() {
        assert_eq!([(30, 30), (30, 31), (30, 60), (30, 3600), (10, 300)].map(|(f, l)| doublings(f, l)), [0, 1, 1, 7, 5]);
        assert_eq!(doublings(1, i64::from(u32::MAX)), 32, "the longest that the configuration takes");
        assert!(doublings(0, i64::MAX) <= MOST_DOUBLINGS);
    }
}
