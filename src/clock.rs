//! The only source of time. Code that depends on time takes it as an argument, so that a test can choose it.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::{
    Span, Timestamp, Zoned,
    tz::{Offset, TimeZone},
};

/// A source of the current time.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The current time, UTC.
    fn now(&self) -> Timestamp;

    /// Time since a fixed moment of this process. Unlike [`Clock::now`] it never jumps.
    fn elapsed(&self) -> Duration {
        BEGAN.elapsed()
    }
}

/// A fixed moment of this process.
static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

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
    ran: AtomicU64,
}

impl ShiftedClock {
    /// Sets the offset in seconds; negative is the past.
    pub fn shift_to(&self, seconds: i64) {
        self.seconds.store(seconds, Ordering::SeqCst);
    }

    /// Sets how much longer the process has run than it really has.
    pub fn run_for(&self, longer: Duration) {
        self.ran.store(longer.as_secs(), Ordering::SeqCst);
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> Timestamp {
        SystemClock.now() + Span::new().seconds(self.seconds.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        SystemClock.elapsed() + Duration::from_secs(self.ran.load(Ordering::SeqCst))
    }
}
