//! Failure counts and leases.

use jiff::SignedDuration;
use os2nykode::{
    model::rate_limit::delay::DelayLimits,
    store::{
        DerivedKeys, Store, StoreError,
        leases::Leases,
        rate_limit::{Charge, RateLimits, Receipt, ThrottleKey},
    },
};
use uuid::Uuid;

use super::{
    log::at,
    place::{Place, each_store},
};

const LIMITS: DelayLimits = DelayLimits {
    attempts_before_delay: 3,
    first_delay: SignedDuration::from_secs(30),
    max_delay: SignedDuration::from_hours(1),
    reset_after: SignedDuration::from_hours(24),
};
const WIDE: DelayLimits = DelayLimits { attempts_before_delay: 100, ..LIMITS };

fn name(name: &str) -> ThrottleKey {
    ThrottleKey::name(&DerivedKeys::new(&[1; 32]), name)
}

fn address(last: u8) -> ThrottleKey {
    ThrottleKey::address([192, 0, 2, last].into(), LIMITS).remove(0).0
}

fn taken(count_attempt: Charge) -> Receipt {
    match count_attempt {
        Charge::Taken(receipt) => receipt,
        Charge::Wait(until) => panic!("has to wait until {until}"),
    }
}

async fn count_attempt(store: &Store, keys: &[(ThrottleKey, DelayLimits)], seconds: i64) -> Charge {
    RateLimits::new(store).count_attempt(keys, at(seconds)).await.expect("the store answers")
}

async fn failures(place: &Place) -> Vec<(String, i64)> {
    use sqlx::Row;
    let rows =
        sqlx::query("SELECT name, failures FROM throttles ORDER BY name").fetch_all(&mut place.intruder().await).await.expect("rows");
    rows.iter().map(|row| (row.get::<String, _>(0).split(':').next().expect("a kind").to_owned(), row.get(1))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_tries_at_once_no_more_than_the_free_ones_are_taken() {
    each_store(async |store, place| {
        let second = place.open().await;
        let tries: Vec<_> = (0..20)
            .map(|n| {
                let store = if n % 2 == 0 { store.clone() } else { second.clone() };
                tokio::spawn(async move {
                    matches!(count_attempt(&store, &[(name("a"), LIMITS), (address(1), WIDE)], 0).await, Charge::Taken(_))
                })
            })
            .collect();
        let mut count = 0;
        for done in tries {
            count += usize::from(done.await.expect("no panic"));
        }
        assert_eq!(count, 3);
        assert_eq!(failures(place).await, [("address".to_owned(), 3), ("name".to_owned(), 3)], "those that waited counted nowhere");
        second.close().await;
    })
    .await;
}

#[tokio::test]
async fn where_one_has_to_wait_nothing_is_counted_for_the_others_and_a_restart_forgets_nothing() {
    each_store(async |store, place| {
        for _ in 0..3 {
            let failed = taken(count_attempt(&store, &[(name("a"), WIDE), (address(1), LIMITS)], 0).await);
            RateLimits::new(&store).failed(failed).await.expect("counted");
        }
        store.close().await;
        let store = place.open().await;
        let Charge::Wait(until) = count_attempt(&store, &[(name("b"), WIDE), (address(1), LIMITS)], 1).await else { panic!("must wait") };
        assert_eq!(until, at(30));
        let mut counted = failures(place).await;
        counted.retain(|(_, failures)| *failures > 0);
        assert_eq!(counted, [("address".to_owned(), 3), ("name".to_owned(), 3)]);
        let _ = taken(count_attempt(&store, &[(name("b"), WIDE), (address(1), LIMITS)], 30).await);
        let _ = taken(count_attempt(&store, &[(name("b"), WIDE), (address(2), LIMITS)], 30).await);
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_success_clears_the_name_and_takes_itself_off_the_address() {
    each_store(async |store, place| {
        let both = [(name("a"), LIMITS), (address(1), LIMITS)];
        let throttles = RateLimits::new(&store);
        for _ in 0..2 {
            throttles.failed(taken(count_attempt(&store, &both, 0).await)).await.expect("counted");
        }
        let receipt = taken(count_attempt(&store, &both, 10).await);
        throttles.refund(receipt, true).await.expect("forgiven");
        assert_eq!(failures(place).await, [("address".to_owned(), 2), ("name".to_owned(), 0)]);
        let receipt = taken(count_attempt(&store, &both, 20).await);
        throttles.refund(receipt, false).await.expect("forgiven");
        assert_eq!(failures(place).await, [("address".to_owned(), 2), ("name".to_owned(), 0)]);
        assert_eq!(throttles.delete_stale(at(86_399)).await.expect("deleted"), 0);
        assert_eq!(throttles.delete_stale(at(86_400 + 20)).await.expect("deleted"), 2);
    })
    .await;
}

/// The load of a school at eight o'clock: one address, two instances, the default limit.
#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_honest_people_at_once_from_one_address_are_all_let_in() {
    each_store(async |store, place| {
        let second = place.open().await;
        let limits = DelayLimits { attempts_before_delay: 50, first_delay: SignedDuration::from_secs(10), ..LIMITS };
        let instances = [RateLimits::new(&store), RateLimits::new(&second)];
        let all_began = std::sync::Arc::new(tokio::sync::Barrier::new(200));
        let logins: Vec<_> = (0..200)
            .map(|n| {
                let (throttles, all_began) = (instances[n % 2].clone(), all_began.clone());
                tokio::spawn(async move {
                    let keys = [(address(1), limits), (name(&n.to_string()), LIMITS)];
                    let receipt = taken(throttles.count_attempt(&keys, at(0)).await.expect("never a fault"));
                    all_began.wait().await; // all two hundred are under way
                    throttles.refund(receipt, true).await.expect("forgiven");
                })
            })
            .collect();
        for login in logins {
            login.await.expect("let in");
        }
        let left: i64 = failures(place).await.iter().map(|(_, failures)| failures).sum();
        assert_eq!(left, 0);
        second.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_once_from_one_address_use_up_its_tries() {
    each_store(async |store, _| {
        let limits = DelayLimits { attempts_before_delay: 50, first_delay: SignedDuration::from_secs(10), ..LIMITS };
        let throttles = RateLimits::new(&store);
        let keys = [(address(1), limits)];
        let mut begun = Vec::new();
        for _ in 0..60 {
            begun.push(taken(throttles.count_attempt(&keys, at(0)).await.expect("an answer")));
        }
        for receipt in begun {
            throttles.failed(receipt).await.expect("counted");
        }
        assert!(matches!(throttles.count_attempt(&keys, at(1)).await, Ok(Charge::Wait(_))), "sixty failures are sixty failures");
    })
    .await;
}

#[tokio::test]
async fn a_try_that_is_never_settled_is_a_failure_two_minutes_later() {
    each_store(async |store, _| {
        let throttles = RateLimits::new(&store);
        let keys = [(address(1), LIMITS)];
        for _ in 0..8 {
            let _crashed = taken(throttles.count_attempt(&keys, at(0)).await.expect("an answer"));
        }
        let _open = taken(throttles.count_attempt(&keys, at(100)).await.expect("an answer"));
        assert!(matches!(throttles.count_attempt(&keys, at(100 + 121)).await, Ok(Charge::Wait(_))));
    })
    .await;
}

#[tokio::test]
async fn a_stamp_of_a_clock_that_was_ahead_counts_as_now_once() {
    each_store(async |store, _| {
        let throttles = RateLimits::new(&store);
        let keys = [(name("a"), LIMITS)];
        for _ in 0..3 {
            let _failed = taken(throttles.count_attempt(&keys, at(100_000)).await.expect("an answer"));
        }
        for (now, until) in [(0, 30), (29, 30)] {
            let Charge::Wait(told) = count_attempt(&store, &keys, now).await else { panic!("must wait at {now}") };
            assert_eq!(told, at(until), "asking again makes it no longer");
        }
        let _ = taken(count_attempt(&store, &keys, 30).await);
    })
    .await;
}

/// A plain model of the rule, with which the database's results must agree.
#[derive(Default, Clone, Copy)]
struct Plain {
    failures: u32,
    last: i64,
}

impl Plain {
    /// Returns the end of the delay, or counts the attempt.
    fn count_attempt(&mut self, limits: DelayLimits, now: i64) -> Option<i64> {
        let forgotten = self.failures == 0 || self.last <= now - limits.reset_after.as_secs();
        self.last = self.last.min(now);
        let wait = match self.failures.checked_sub(limits.attempts_before_delay) {
            None => 0,
            Some(n) => (limits.first_delay.as_secs() << n.min(20)).min(limits.max_delay.as_secs()),
        };
        if !forgotten && now < self.last + wait {
            return Some(self.last + wait);
        }
        *self = Self { failures: if forgotten { 1 } else { self.failures + 1 }, last: now };
        None
    }
}

#[tokio::test]
async fn the_statement_decides_as_the_rule_says_whatever_the_times() {
    each_store(async |store, _| {
        let (keys, mut plain, mut now, mut random) = ([(name("a"), LIMITS)], Plain::default(), 0_i64, 7_u64);
        for step in 0..300 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let seconds = [0, 1, 7, 30, 31, 240, 3_600, 40_000, 90_000, -5];
            now += seconds[usize::try_from(random >> 33).expect("64 bits") % seconds.len()];
            let told = match count_attempt(&store, &keys, now).await {
                Charge::Taken(_) => None,
                Charge::Wait(until) => Some(until),
            };
            assert_eq!(told, plain.count_attempt(LIMITS, now).map(at), "step {step}, at {now}");
        }
    })
    .await;
}

#[tokio::test]
async fn who_must_wait_is_told_so_without_the_database() {
    each_store(async |store, place| {
        let throttles = RateLimits::new(&store);
        let keys = [(address(1), LIMITS)];
        for _ in 0..3 {
            throttles.failed(taken(throttles.count_attempt(&keys, at(0)).await.expect("an answer"))).await.expect("counted");
        }
        assert!(matches!(throttles.count_attempt(&keys, at(1)).await, Ok(Charge::Wait(until)) if until == at(30)));
        place.run("DELETE FROM throttles").await.expect("gone");
        assert!(matches!(throttles.count_attempt(&keys, at(29)).await, Ok(Charge::Wait(until)) if until == at(30)), "from memory");
        let _ = taken(throttles.count_attempt(&keys, at(30)).await.expect("an answer"));
    })
    .await;
}

#[tokio::test]
async fn a_success_makes_nobody_wait() {
    each_store(async |store, _| {
        let both = [(name("a"), LIMITS), (address(1), LIMITS)];
        for second in 0..10 {
            let receipt = taken(count_attempt(&store, &both, second).await);
            RateLimits::new(&store).refund(receipt, true).await.expect("forgiven");
        }
    })
    .await;
}

#[tokio::test]
async fn no_name_is_stored_as_it_was_typed() {
    each_store(async |store, place| {
        let _ = taken(count_attempt(&store, &[(name("min-adgangskode"), LIMITS)], 0).await);
        assert_eq!(place.run("UPDATE throttles SET failures = failures WHERE name LIKE '%kode%'").await.expect("asked"), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_exactly_one_gets_the_lease() {
    each_store(async |store, place| {
        let second = place.open().await;
        for round in 0..5_i64 {
            let tries: Vec<_> = (0..20_u128)
                .map(|n| {
                    let leases = Leases::new(if n % 2 == 0 { &store } else { &second });
                    let holder = Uuid::from_u128(n + 1);
                    // Each round begins after the previous round's lease has expired.
                    let now = at(round * 60);
                    tokio::spawn(async move {
                        leases.try_acquire("try:a", holder, now, SignedDuration::from_mins(1)).await.expect("an answer").is_some()
                    })
                })
                .collect();
            let mut got = 0;
            for done in tries {
                got += usize::from(done.await.expect("no panic"));
            }
            assert_eq!(got, 1, "round {round}");
        }
        second.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_lease_is_given_back_by_its_holder_only_and_runs_out_by_itself() {
    each_store(async |store, _| {
        let leases = Leases::new(&store);
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let acquire =
            async |who, seconds| leases.try_acquire("a", who, at(seconds), SignedDuration::from_mins(1)).await.expect("an answer");
        assert_eq!(acquire(one, 0).await.expect("free").last_released, None);
        leases.release("a", two, at(1)).await.expect("without effect");
        assert!(acquire(two, 2).await.is_none());
        leases.release("a", one, at(3)).await.expect("given back");
        // The clock of this instance is behind.
        assert_eq!(acquire(two, 1).await.expect("free").last_released, Some(at(3)));
        assert!(acquire(one, 60).await.is_none());
        assert!(acquire(one, 61).await.is_some(), "it ran out");
        leases.release("a", two, at(62)).await.expect("without effect: it is somebody else's now");
        assert!(acquire(two, 63).await.is_none());
        assert_eq!(leases.delete_stale(at(64)).await.expect("deleted"), 0);
        leases.release("a", one, at(64)).await.expect("given back");
        assert_eq!(leases.delete_stale(at(65)).await.expect("deleted"), 0, "when it was given back is still of use");
        assert_eq!(leases.delete_stale(at(90_000)).await.expect("deleted"), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_busy_makes_nobody_wait_for_guesses() {
    each_store(async |store, place| {
        let mut holder = place.intruder().await;
        let hold: &[&str] = if place.sqlite { &["BEGIN IMMEDIATE"] } else { &["BEGIN", "LOCK TABLE throttles IN EXCLUSIVE MODE"] };
        for statement in hold {
            sqlx::query(*statement).execute(&mut holder).await.expect("held");
        }
        let limits = RateLimits::new(&store);
        let attempts: Vec<_> = (0..12)
            .map(|n| {
                let limits = limits.clone();
                tokio::spawn(async move { limits.count_attempt(&[(name(&format!("n{n}")), WIDE), (address(1), WIDE)], at(0)).await })
            })
            .collect();
        let mut errors = Vec::new();
        for attempt in attempts {
            errors.push(attempt.await.expect("no panic").expect_err("nothing can be counted, so nothing is delayed"));
        }
        let passes = |error: &StoreError| matches!(error, StoreError::Contended | StoreError::TimedOut | StoreError::Unavailable(_));
        assert!(errors.iter().all(passes), "each passes by itself: {errors:?}");
        sqlx::query("ROLLBACK").execute(&mut holder).await.expect("released");
        let charge = limits.count_attempt(&[(name("n1"), WIDE), (address(1), WIDE)], at(1)).await.expect("the store answers");
        assert!(matches!(charge, Charge::Taken(_)));
    })
    .await;
}
