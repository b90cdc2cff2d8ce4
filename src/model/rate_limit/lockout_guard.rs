//! The lockout guard: attempts through the web never bring an account close to AD's lockout, and strangers cannot use up the owner's last
//! attempts.
//!
//! Invariants: after any wrong password that the service forwards, at least `reserve` attempts are left before AD locks the account, as far
//! as the domain's threshold leaves room ([`room`]); no wrong password from here is the one that locks, unless `reserve` is 0.

use jiff::{SignedDuration, Timestamp};

use crate::model::account::WrongTries;

/// Our clock may be ahead of the controller's by this much; an attempt counts for so much longer here than there.
const CLOCKS: SignedDuration = SignedDuration::from_mins(5);

/// Most attempts that are reserved for known browsers.
const KEPT_AT_MOST: u32 = 3;

/// AD's lockout rules for one account (PSO or domain).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockoutRules {
    /// Number of wrong passwords that locks the account; 0 = never.
    pub threshold: u32,
    /// Observation window: time for which a wrong password counts; `None` = until the next right one.
    pub window: Option<SignedDuration>,
}

/// The guard's decision on one more attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Forward to AD: a wrong password would still leave the reserve.
    Try,
    /// Do not ask AD.
    Hold,
}

/// The origin of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trier {
    /// An unknown browser without a login.
    Stranger,
    /// A browser in which the account's owner has logged in, or a login to the account.
    Known,
}

/// Upper limits of AD's count of wrong passwords for attempts through the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// For attempts from any browser. At most `known`, and less wherever possible, so that strangers cannot use up the attempts of a known
    /// browser.
    pub strangers: u32,
    /// For attempts from a known browser. Always below the threshold, unless `reserve` is 0.
    pub known: u32,
}

/// The room that the lockout rules leave; `None` if AD never locks.
///
/// `known` is `threshold - reserve`, but at least two attempts for a threshold of 3 or more and one for a threshold of 2, at the expense of
/// the reserve, so that a right password has at least one attempt. A threshold of 1 leaves no room: any wrong password would lock.
pub fn room(rules: LockoutRules, reserve: u32) -> Option<Room> {
    if rules.threshold == 0 {
        return None;
    }
    let known = rules.threshold.saturating_sub(reserve).max((rules.threshold - 1).min(2));
    let kept = (known / 3).clamp(1, KEPT_AT_MOST);
    Some(Room { strangers: known.saturating_sub(kept).max(known.min(1)), known })
}

/// Decides from AD's current count. A `last` in the future (clocks differ) counts as fresh.
pub fn authorize(rules: LockoutRules, tries: WrongTries, reserve: u32, by: Trier, now: Timestamp) -> Guard {
    let Some(room) = room(rules, reserve) else { return Guard::Try };
    let stale = match (rules.window, tries.last) {
        (Some(window), Some(last)) => now.duration_since(last) > window + CLOCKS,
        // A wrong password of unknown time counts as fresh.
        (_, None) | (None, Some(_)) => false,
    };
    let counted = if stale { 0 } else { tries.count };
    let room = match by {
        Trier::Stranger => room.strangers,
        Trier::Known => room.known,
    };
    if counted < room { Guard::Try } else { Guard::Hold }
}

#[cfg(test)]
mod tests {
    use crate::model::rate_limit::lockout_guard::*;

    const RULES: LockoutRules = LockoutRules { threshold: 5, window: Some(SignedDuration::from_mins(30)) };

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(1_000_000 + minutes)
    }

    #[test]
    fn the_reserve_is_left_after_a_wrong_password_and_the_last_try_before_it_is_a_known_browsers() {
        for (count, stranger, known) in [
            (0, Guard::Try, Guard::Try),
            (1, Guard::Try, Guard::Try),
            (2, Guard::Hold, Guard::Try),
            (3, Guard::Hold, Guard::Hold),
            (u32::MAX, Guard::Hold, Guard::Hold),
        ] {
            let tries = WrongTries { count, last: Some(at(-1)) };
            assert_eq!(authorize(RULES, tries, 2, Trier::Stranger, at(0)), stranger, "{count}");
            assert_eq!(authorize(RULES, tries, 2, Trier::Known, at(0)), known, "{count}");
        }
    }

    #[test]
    fn the_room_of_each_threshold() {
        // threshold, reserve, strangers, known
        let table = [
            (1, 2, 0, 0),
            (2, 2, 1, 1),
            (3, 2, 1, 2),
            (4, 2, 1, 2),
            (5, 2, 2, 3),
            (6, 2, 3, 4),
            (10, 2, 6, 8),
            (50, 2, 45, 48),
            (5, 5, 1, 2),
            (5, 20, 1, 2),
            (2, 1, 1, 1),
            (3, 0, 2, 3),
            (5, 0, 4, 5),
        ];
        for (threshold, reserve, strangers, known) in table {
            let rules = LockoutRules { threshold, ..RULES };
            assert_eq!(room(rules, reserve), Some(Room { strangers, known }), "threshold {threshold}, reserve {reserve}");
        }
    }

    #[test]
    fn no_try_locks_and_strangers_never_use_up_a_known_browsers_tries_where_there_are_two() {
        for threshold in 1..200 {
            for reserve in 1..=20 {
                let room = room(LockoutRules { threshold, ..RULES }, reserve).expect("locks");
                assert!(room.known < threshold, "{threshold} {reserve}");
                assert!(room.known <= threshold.saturating_sub(reserve).max(2), "the reserve gives way for two tries only");
                assert!(room.known < 2 || room.strangers < room.known, "{threshold} {reserve}");
                assert!(threshold < 2 || room.strangers >= 1, "a right password always has a try");
            }
        }
    }

    #[test]
    fn tries_older_than_the_window_say_nothing() {
        let tries = WrongTries { count: 4, last: Some(at(-36)) };
        assert_eq!(authorize(RULES, tries, 2, Trier::Stranger, at(0)), Guard::Try);
        assert_eq!(authorize(LockoutRules { window: None, ..RULES }, tries, 2, Trier::Known, at(0)), Guard::Hold);
        let just_over = WrongTries { count: 4, last: Some(at(-31)) };
        assert_eq!(authorize(RULES, just_over, 2, Trier::Known, at(0)), Guard::Hold, "for the controller it may be 29 minutes");
    }

    #[test]
    fn a_controller_whose_clock_is_ahead_counts() {
        let tries = WrongTries { count: 3, last: Some(at(4)) };
        assert_eq!(authorize(RULES, tries, 2, Trier::Known, at(0)), Guard::Hold);
    }

    #[test]
    fn a_domain_without_lockout_is_not_guarded() {
        let tries = WrongTries { count: 99, last: Some(at(0)) };
        let rules = LockoutRules { threshold: 0, window: None };
        assert_eq!((room(rules, 2), authorize(rules, tries, 2, Trier::Stranger, at(0))), (None, Guard::Try));
    }
}
