//! Which waits have been told of in the audit log already: each of them once, or anybody could fill the log, and with it the disk.

use std::{
    collections::HashSet,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;

/// So many are remembered; then all are forgotten, and each is told of once more.
const REMEMBERED: usize = 10_000;

/// The waits that were told of.
#[derive(Debug, Default)]
pub struct Waits(Mutex<HashSet<(IpAddr, Timestamp)>>);

impl Waits {
    /// Is it the first time that this client is told to wait until then? Counted in a metric each time.
    pub fn first_word(&self, client: IpAddr, until: Timestamp) -> bool {
        metrics::counter!("throttled_total").increment(1);
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= REMEMBERED {
            told.clear();
        }
        told.insert((client, until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wait_is_told_of_once_and_memory_is_bounded() {
        let waits = Waits::default();
        let client = IpAddr::from([192, 0, 2, 1]);
        assert!(waits.first_word(client, Timestamp::UNIX_EPOCH));
        assert!(!waits.first_word(client, Timestamp::UNIX_EPOCH));
        assert!(waits.first_word(IpAddr::from([192, 0, 2, 2]), Timestamp::UNIX_EPOCH));
        for second in 1..20_000 {
            waits.first_word(client, Timestamp::from_second(second).expect("a time"));
        }
        assert!(waits.0.lock().expect("not poisoned").len() <= REMEMBERED);
    }
}
