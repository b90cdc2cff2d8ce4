//! The guard: the web form never brings an account near AD's lockout.
//!
//! Invariant: after any wrong password that the service lets through, at least `reserve` tries are left before AD locks.

use jiff::{SignedDuration, Timestamp};

use super::account::WrongTries;

/// Our clock may be ahead of the controller's by this much: a try counts for so much longer here than there.
const CLOCKS: SignedDuration = SignedDuration::from_mins(5);

/// AD's rules of lockout for one account (PSO or domain).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockoutRules {
    /// Wrong tries that lock; 0 = never.
    pub threshold: u32,
    /// How long a wrong try counts; `None` = until a right one.
    pub window: Option<SignedDuration>,
}

/// May one more password be tried?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// A wrong one would still leave the reserve.
    Try,
    /// AD must not be asked.
    Hold,
}

/// Decides from what AD counts now. A `last` in the future (clocks differ) counts as fresh.
pub fn decide(rules: LockoutRules, tries: WrongTries, reserve: u32, now: Timestamp) -> Guard {
    if rules.threshold == 0 {
        return Guard::Try;
    }
    let stale = match (rules.window, tries.last) {
        (Some(window), Some(last)) => now.duration_since(last) > window + CLOCKS,
        // Wrong tries whose time is not known are taken for fresh.
        (_, None) | (None, Some(_)) => false,
    };
    let counted = if stale { 0 } else { tries.count };
    if u64::from(counted) + 1 + u64::from(reserve) <= u64::from(rules.threshold) { Guard::Try } else { Guard::Hold }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: LockoutRules = LockoutRules { threshold: 5, window: Some(SignedDuration::from_mins(30)) };

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(1_000_000 + minutes)
    }

    #[test]
    fn the_reserve_is_left_after_a_wrong_password() {
        for (count, expected) in [(0, Guard::Try), (2, Guard::Try), (3, Guard::Hold), (4, Guard::Hold), (u32::MAX, Guard::Hold)] {
            let tries = WrongTries { count, last: Some(at(-1)) };
            assert_eq!(decide(RULES, tries, 2, at(0)), expected, "{count}");
        }
    }

    #[test]
    fn tries_older_than_the_window_say_nothing() {
        let tries = WrongTries { count: 4, last: Some(at(-36)) };
        assert_eq!(decide(RULES, tries, 2, at(0)), Guard::Try);
        assert_eq!(decide(LockoutRules { window: None, ..RULES }, tries, 2, at(0)), Guard::Hold);
        let just_over = WrongTries { count: 4, last: Some(at(-31)) };
        assert_eq!(decide(RULES, just_over, 2, at(0)), Guard::Hold, "for the controller it may be 29 minutes");
    }

    #[test]
    fn a_controller_whose_clock_is_ahead_counts() {
        let tries = WrongTries { count: 3, last: Some(at(4)) };
        assert_eq!(decide(RULES, tries, 2, at(0)), Guard::Hold);
    }

    #[test]
    fn a_domain_without_lockout_is_not_guarded() {
        let tries = WrongTries { count: 99, last: Some(at(0)) };
        assert_eq!(decide(LockoutRules { threshold: 0, window: None }, tries, 2, at(0)), Guard::Try);
    }

    #[test]
    fn a_threshold_that_leaves_no_room_is_never_tried() {
        assert_eq!(decide(LockoutRules { threshold: 2, ..RULES }, WrongTries::default(), 2, at(0)), Guard::Hold);
    }
}
