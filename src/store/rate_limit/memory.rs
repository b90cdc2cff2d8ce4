//! Delays that the database has answered to this instance: a flood of attempts is answered without queries.
//!
//! Invariants: memory only delays, it never permits; no delay from memory is longer than the database's; memory is bounded.
//!
//! The `governor` crate does not fit: these limits count failures, which a success refunds, over restarts and all instances. The counts are
//! in the database; this module only remembers its answers.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

use crate::store::rate_limit::ThrottleKey;

/// Most delays in memory.
const REMEMBERED: usize = 10_000;

/// Maximum age of delays on keys that are not shared: a success in another instance may reset them.
const FRESH: SignedDuration = SignedDuration::from_secs(1);

#[derive(Debug, Clone, Copy)]
struct KnownDelay {
    at: Timestamp,
    until: Timestamp,
    /// Later attempts query the database again.
    good_until: Timestamp,
}

/// The known delays by key.
#[derive(Debug, Default)]
pub(crate) struct DelayMemory(Mutex<HashMap<String, KnownDelay>>);

impl DelayMemory {
    /// End of the known delay.
    pub fn wait(&self, key: &ThrottleKey, now: Timestamp) -> Option<Timestamp> {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key.name).copied()?;
        // A clock that went back: the database decides.
        (told.at <= now && now < told.good_until).then_some(told.until)
    }

    /// Remembers an answer of the database. If memory is full, expired delays go first, then an arbitrary one.
    pub fn note(&self, key: &ThrottleKey, now: Timestamp, until: Timestamp) {
        let good_until = if key.shared { until } else { until.min(now.saturating_add(FRESH).unwrap_or(until)) };
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= REMEMBERED && !told.contains_key(&key.name) {
            told.retain(|_, told| now < told.good_until);
            if told.len() >= REMEMBERED
                && let Some(any) = told.keys().next().cloned()
            {
                told.remove(&any);
            }
        }
        told.insert(key.name.clone(), KnownDelay { at: now, until, good_until });
    }

    pub fn forget(&self, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// Forgets all keys whose names begin so.
    pub fn forget_all(&self, prefix: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|name, _| !name.starts_with(prefix));
    }
}

#[cfg(test)]
mod tests {
    use crate::store::rate_limit::memory::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_000_000 + seconds)
    }

    fn key(name: &str, shared: bool) -> ThrottleKey {
        ThrottleKey { name: name.to_owned(), shared }
    }

    #[test]
    fn an_address_waits_to_its_end_and_a_name_is_asked_for_again() {
        let memory = DelayMemory::default();
        let (address, name) = (key("address:1", true), key("name:1", false));
        memory.note(&address, at(0), at(30));
        memory.note(&name, at(0), at(30));
        assert_eq!([at(0), at(29), at(30)].map(|now| memory.wait(&address, now)), [Some(at(30)), Some(at(30)), None]);
        assert_eq!([at(0), at(1)].map(|now| memory.wait(&name, now)), [Some(at(30)), None]);
        assert_eq!(memory.wait(&address, at(-1)), None, "the clock went back");
        memory.forget("address:1");
        assert_eq!(memory.wait(&address, at(1)), None);
    }

    #[test]
    fn it_is_bounded_and_what_is_over_goes_first() {
        let memory = DelayMemory::default();
        memory.note(&key("address:old", true), at(0), at(1));
        for n in 0..REMEMBERED * 2 {
            memory.note(&key(&format!("address:{n}"), true), at(2), at(60));
        }
        assert_eq!(memory.0.lock().expect("not poisoned").len(), REMEMBERED);
        assert_eq!(memory.wait(&key(&format!("address:{}", REMEMBERED * 2 - 1), true), at(3)), Some(at(60)));
    }
}
