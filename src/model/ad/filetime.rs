//! AD's time format: 100 ns since 1601-01-01 UTC, and negative spans.

use jiff::{SignedDuration, Timestamp};

/// Seconds between 1601-01-01 and 1970-01-01.
const EPOCH_GAP: i64 = 11_644_473_600;
const TICKS: i64 = 10_000_000;

/// A point in time. `None` for 0, negative values, 0x7FFF… ("never") and years outside jiff's range.
pub fn point(ticks: i64) -> Option<Timestamp> {
    if ticks <= 0 || ticks == i64::MAX {
        return None;
    }
    let nanos = i32::try_from(ticks % TICKS * 100).ok()?;
    Timestamp::new(ticks / TICKS - EPOCH_GAP, nanos).ok()
}

/// Ticks of a point in time, rounded down to 100 ns.
pub fn ticks(at: Timestamp) -> i64 {
    (at.as_second() + EPOCH_GAP) * TICKS + i64::from(at.subsec_nanosecond()) / 100
}

/// A span as policies hold it: negative ticks. `None` for 0, positive values and `i64::MIN` ("never") (MS-ADA3 maxPwdAge).
pub fn span(ticks: i64) -> Option<SignedDuration> {
    if ticks >= 0 || ticks == i64::MIN {
        return None;
    }
    Some(SignedDuration::new(-(ticks / TICKS), i32::try_from(-(ticks % TICKS) * 100).ok()?))
}

#[cfg(test)]
mod tests {
    use crate::model::ad::filetime::*;

    #[test]
    fn a_point_survives_the_round_trip() {
        let at: Timestamp = "2026-11-23T08:10:00.1234567Z".parse().expect("a time");
        assert_eq!(point(ticks(at)), Some(at));
        assert_eq!(point(116_444_736_000_000_000), None.or(Some(Timestamp::UNIX_EPOCH)));
    }

    #[test]
    fn never_and_nonsense_are_no_point_and_no_span() {
        for t in [0, -1, i64::MIN, i64::MAX] {
            assert_eq!(point(t), None, "{t}");
        }
        for t in [0, 1, i64::MAX, i64::MIN] {
            assert_eq!(span(t), None, "{t}");
        }
        assert_eq!(span(-864_000_000_000), Some(SignedDuration::from_hours(24)));
    }
}
