//! How long somebody has to wait after failures: free at first, then doubling.

use jiff::{SignedDuration, Timestamp};

/// One kind of count: per account name, or per client address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Tries that are taken without a wait.
    pub free: u32,
    /// The wait after the last free one; it doubles with each failure.
    pub first_wait: SignedDuration,
    /// The longest wait.
    pub longest_wait: SignedDuration,
    /// Failures are forgotten after this long without one.
    pub forget_after: SignedDuration,
}

/// What is remembered for one name or address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Failures, tries under way included.
    pub failures: u32,
    /// When the last was counted.
    pub last: Timestamp,
}

/// May another try be taken?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Yes, and this is the count with the try in it: a try counts as a failure until it has succeeded, so that many at
    /// once can't slip through.
    Take(Count),
    /// Not before this time.
    Wait(Timestamp),
}

/// Decides on one more try. A clock that went back never opens a wait early and never makes one longer than the longest.
pub fn decide(limits: Limits, count: Option<Count>, now: Timestamp) -> Decision {
    let Some(count) = count.filter(|c| now.duration_since(c.last) < limits.forget_after) else {
        return Decision::Take(Count { failures: 1, last: now });
    };
    let wait = wait(limits, count.failures);
    let until = count.last.saturating_add(wait).unwrap_or(Timestamp::MAX);
    // A count may have been made a moment after this try began; where there is no wait, that is none.
    if !wait.is_zero() && now < until {
        let latest = now.saturating_add(limits.longest_wait).unwrap_or(Timestamp::MAX);
        return Decision::Wait(until.min(latest));
    }
    Decision::Take(Count { failures: count.failures.saturating_add(1), last: now })
}

/// The wait that follows `failures` failures.
fn wait(limits: Limits, failures: u32) -> SignedDuration {
    let Some(doublings) = failures.checked_sub(limits.free) else { return SignedDuration::ZERO };
    let factor = 1_i32.checked_shl(doublings.min(30)).unwrap_or(i32::MAX);
    limits.first_wait.checked_mul(factor).map_or(limits.longest_wait, |w| w.min(limits.longest_wait))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        free: 3,
        first_wait: SignedDuration::from_secs(30),
        longest_wait: SignedDuration::from_mins(60),
        forget_after: SignedDuration::from_hours(24),
    };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_000_000 + seconds)
    }

    #[test]
    fn the_first_tries_are_free_and_then_the_wait_doubles_to_its_limit() {
        let mut count = None;
        let mut now = at(0);
        let mut waits = Vec::new();
        for _ in 0..14 {
            match decide(LIMITS, count, now) {
                Decision::Take(next) => count = Some(next),
                Decision::Wait(until) => {
                    waits.push(until.duration_since(now).as_secs());
                    now = until;
                }
            }
        }
        assert_eq!(waits, [30, 60, 120, 240, 480, 960]);
        assert_eq!(wait(LIMITS, u32::MAX), LIMITS.longest_wait);
    }

    #[test]
    fn a_quiet_day_is_forgotten() {
        let count = Some(Count { failures: 50, last: at(0) });
        assert_eq!(decide(LIMITS, count, at(86_400)), Decision::Take(Count { failures: 1, last: at(86_400) }));
    }

    #[test]
    fn a_try_that_began_before_the_last_was_counted_does_not_wait_while_tries_are_free() {
        let count = Some(Count { failures: 2, last: at(1) });
        assert_eq!(decide(LIMITS, count, at(0)), Decision::Take(Count { failures: 3, last: at(0) }));
    }

    #[test]
    fn a_clock_set_back_keeps_the_wait_but_not_beyond_the_longest() {
        let count = Some(Count { failures: 4, last: at(0) });
        let Decision::Wait(until) = decide(LIMITS, count, at(-1_000_000)) else { panic!("must wait") };
        assert_eq!(until.duration_since(at(-1_000_000)), LIMITS.longest_wait);
    }
}
