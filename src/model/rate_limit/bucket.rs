//! Token bucket: a burst at once, then a steady rate.

use jiff::Timestamp;

/// A permitted rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Permitted at once.
    pub burst: f64,
    /// Permitted each second after the burst.
    pub per_second: f64,
}

/// The state of one bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    left: f64,
    last: Timestamp,
}

impl Bucket {
    pub fn full(rate: Rate, now: Timestamp) -> Self {
        Self { left: rate.burst, last: now }
    }

    /// Takes one token. `Err`: seconds until the next one. A clock that goes back neither adds nor removes tokens.
    pub fn take(&mut self, rate: Rate, now: Timestamp) -> Result<(), f64> {
        let seconds = now.duration_since(self.last).as_secs_f64().max(0.0);
        self.left = (self.left + seconds * rate.per_second).min(rate.burst);
        self.last = now;
        if self.left >= 1.0 {
            self.left -= 1.0;
            Ok(())
        } else {
            Err((1.0 - self.left) / rate.per_second)
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use crate::model::rate_limit::bucket::*;

    #[test]
    fn a_burst_is_taken_and_then_so_many_a_second() {
        let rate = Rate { burst: 3.0, per_second: 2.0 };
        let start = Timestamp::UNIX_EPOCH;
        let mut bucket = Bucket::full(rate, start);
        for _ in 0..3 {
            assert_eq!(bucket.take(rate, start), Ok(()));
        }
        assert_eq!(bucket.take(rate, start), Err(0.5));
        let later = start + SignedDuration::from_millis(500);
        assert_eq!((bucket.take(rate, later), bucket.take(rate, later)), (Ok(()), Err(0.5)));
        assert_eq!(bucket.take(rate, start), Err(0.5), "back in time");
        let much_later = start + SignedDuration::from_hours(1);
        assert_eq!((0..10).filter(|_| bucket.take(rate, much_later).is_ok()).count(), 3);
    }
}
