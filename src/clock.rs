//! The only source of time. Code that depends on time takes it as an argument, so that a test can choose it.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{
    Span, Timestamp, Zoned,
    tz::{Offset, TimeZone},
};

/// A source of the current time.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The current time, UTC.
    fn now(&self) -> Timestamp;
}

/// A time in Denmark's time zone.
pub fn danish(at: Timestamp) -> Zoned {
    let zone = TimeZone::get("Europe/Copenhagen").unwrap_or_else(|_| TimeZone::fixed(Offset::constant(1)));
    at.to_zoned(zone)
}

/// The beginning of a day in Denmark.
pub fn danish_midnight(day: jiff::civil::Date) -> Timestamp {
    let zone = TimeZone::get("Europe/Copenhagen").unwrap_or_else(|_| TimeZone::fixed(Offset::constant(1)));
    day.to_zoned(zone).map_or(Timestamp::MAX, |zoned| zoned.timestamp()) // only a day beyond the last timestamp fails
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that may ask the machine for the time")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// The machine's clock plus an offset, for tests of a clock that jumps.
#[derive(Debug, Default)]
pub struct ShiftedClock {
    seconds: AtomicI64,
}

impl ShiftedClock {
    /// Sets the offset in seconds; negative is the past.
    pub fn shift_to(&self, seconds: i64) {
        self.seconds.store(seconds, Ordering::SeqCst);
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> Timestamp {
        SystemClock.now() + Span::new().seconds(self.seconds.load(Ordering::SeqCst))
    }
}
