//! Limits on requests to registers and the family service for one person: they are slow external services.
//!
//! Invariants:
//! - A person has at most `AT_ONCE` requests in progress, over all browser tabs.
//! - A waiting request holds no connection to a controller and no lock.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use crate::model::rate_limit::delay::DelayLimits;

/// Requests of one person in parallel.
const AT_ONCE: usize = 3;
/// Longest wait for an own request to end.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a person without children stays known as such, where another grant covers the request.
const CHILDLESS: SignedDuration = SignedDuration::from_mins(10);
/// Persons in memory; beyond them all are forgotten.
const REMEMBERED: usize = 10_000;

/// Rate limit of the family service for one person: room for a large household, not for a program.
pub(crate) const FAMILY: DelayLimits = DelayLimits {
    attempts_before_delay: 40,
    first_delay: SignedDuration::from_secs(5),
    max_delay: SignedDuration::from_mins(1),
    reset_after: SignedDuration::from_mins(5),
};

/// Requests in progress, by the person that they are made for.
#[derive(Debug, Default)]
pub struct RegisterLimit {
    people: Mutex<HashMap<Uuid, Weak<Semaphore>>>,
    childless: Mutex<HashMap<Uuid, Timestamp>>,
}

/// The right to one request. Dropping it returns the right.
#[derive(Debug)]
pub(crate) struct RegisterPermit {
    _permit: OwnedSemaphorePermit,
}

impl RegisterLimit {
    /// Waits for a turn. `None`: the person's other requests take too long.
    pub(crate) async fn turn(&self, person: Uuid) -> Option<RegisterPermit> {
        self.turn_within(person, PATIENCE).await
    }

    async fn turn_within(&self, person: Uuid, patience: Duration) -> Option<RegisterPermit> {
        let permit = tokio::time::timeout(patience, self.places(person).acquire_owned()).await.ok()?.ok()?;
        Some(RegisterPermit { _permit: permit })
    }

    fn places(&self, person: Uuid) -> Arc<Semaphore> {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = people.get(&person).and_then(Weak::upgrade) {
            return places;
        }
        people.retain(|_, places| places.strong_count() > 0);
        let places = Arc::new(Semaphore::new(AT_ONCE));
        people.insert(person, Arc::downgrade(&places));
        places
    }

    /// Whether the family service has listed no children for this person a short while ago.
    pub(crate) fn is_childless(&self, person: Uuid, now: Timestamp) -> bool {
        let known = self.childless.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&person).is_some_and(|at| *at <= now && now.duration_since(*at) < CHILDLESS)
    }

    pub(crate) fn remember(&self, person: Uuid, childless: bool, now: Timestamp) {
        let mut known = self.childless.lock().unwrap_or_else(PoisonError::into_inner);
        if !childless {
            known.remove(&person);
            return;
        }
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(person, now);
    }
}

#[cfg(test)]
mod tests {
    use crate::limits::register_limit::*;

    const ANNA: Uuid = Uuid::from_u128(1);
    const BO: Uuid = Uuid::from_u128(2);

    #[tokio::test]
    async fn a_person_has_a_few_turns_at_once_and_keeps_nobody_else_from_theirs() {
        let outside = RegisterLimit::default();
        let mut held = Vec::new();
        for _ in 0..AT_ONCE {
            held.push(outside.turn(ANNA).await.expect("a turn"));
        }
        assert!(outside.turn_within(ANNA, Duration::from_millis(10)).await.is_none(), "after a while of waiting");
        assert!(outside.turn(BO).await.is_some());
        held.pop();
        assert!(outside.turn(ANNA).await.is_some());
        drop(held);
        drop(outside.turn(BO).await);
        for number in 10..100 {
            drop(outside.turn(Uuid::from_u128(number)).await);
        }
        assert!(outside.people.lock().expect("not poisoned").len() <= 2, "who asks nothing is forgotten");
    }

    #[test]
    fn who_has_no_children_is_remembered_for_a_while_and_never_from_the_future() {
        let (outside, now) = (RegisterLimit::default(), Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24));
        assert!(!outside.is_childless(ANNA, now));
        outside.remember(ANNA, true, now);
        assert!(outside.is_childless(ANNA, now) && !outside.is_childless(BO, now));
        assert!(!outside.is_childless(ANNA, now + CHILDLESS) && !outside.is_childless(ANNA, now - SignedDuration::from_secs(1)));
        outside.remember(ANNA, false, now);
        assert!(!outside.is_childless(ANNA, now));
    }
}
