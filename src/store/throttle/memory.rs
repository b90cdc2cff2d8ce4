//! Who has to wait, as this instance was told last: a flood is answered without asking the database.
//!
//! Invariants: memory only ever says "wait", never "try"; nobody waits longer by it than the database said; it is bounded.
//!
//! Not the `governor` crate: what counts here is failures, which a success takes off again, over restarts and all instances. That is in the database; this
//! remembers its answers only.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

use super::ThrottleKey;

/// So many are remembered.
const REMEMBERED: usize = 10_000;

/// Counts that a success in another instance may begin anew are asked for again after this long.
const FRESH: SignedDuration = SignedDuration::from_secs(1);

#[derive(Debug, Clone, Copy)]
struct Told {
    at: Timestamp,
    until: Timestamp,
    /// The database is asked again from here on.
    good_until: Timestamp,
}

/// What was told.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<HashMap<String, Told>>);

impl Memory {
    /// Until when it has to wait, as far as is known here.
    pub fn wait(&self, key: &ThrottleKey, now: Timestamp) -> Option<Timestamp> {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key.name).copied()?;
        // A clock that went back: the database decides.
        (told.at <= now && now < told.good_until).then_some(told.until)
    }

    /// Remembers the database's word. Where there is no room, what is over goes first, and then any.
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
        told.insert(key.name.clone(), Told { at: now, until, good_until });
    }

    /// It does not have to wait any more.
    pub fn forget(&self, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_000_000 + seconds)
    }

    fn key(name: &str, shared: bool) -> ThrottleKey {
        ThrottleKey { name: name.to_owned(), shared }
    }

    #[test]
    fn an_address_waits_to_its_end_and_a_name_is_asked_for_again() {
        let memory = Memory::default();
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
        let memory = Memory::default();
        memory.note(&key("address:old", true), at(0), at(1));
        for n in 0..REMEMBERED * 2 {
            memory.note(&key(&format!("address:{n}"), true), at(2), at(60));
        }
        assert_eq!(memory.0.lock().expect("not poisoned").len(), REMEMBERED);
        assert_eq!(memory.wait(&key(&format!("address:{}", REMEMBERED * 2 - 1), true), at(3)), Some(at(60)));
    }
}
