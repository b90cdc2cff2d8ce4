//! Failure counts and leases.

use jiff::SignedDuration;
use os2nykode::{
    model::throttle::Limits,
    store::{
        Keys, Store,
        leases::Leases,
        throttle::{Charge, Receipt, ThrottleKey, Throttles},
    },
};
use uuid::Uuid;

use super::{
    log::at,
    place::{Place, each_store},
};

const LIMITS: Limits = Limits {
    free: 3,
    first_wait: SignedDuration::from_secs(30),
    longest_wait: SignedDuration::from_hours(1),
    forget_after: SignedDuration::from_hours(24),
};
const WIDE: Limits = Limits { free: 100, ..LIMITS };

fn name(name: &str) -> ThrottleKey {
    ThrottleKey::name(&Keys::new(&[1; 32]), name)
}

fn address(last: u8) -> ThrottleKey {
    ThrottleKey::address([192, 0, 2, last].into())
}

fn taken(charge: Charge) -> Receipt {
    match charge {
        Charge::Taken(receipt) => receipt,
        Charge::Wait(until) => panic!("has to wait until {until}"),
    }
}

async fn charge(store: &Store, keys: &[(ThrottleKey, Limits)], seconds: i64) -> Charge {
    Throttles::new(store).charge(keys, at(seconds)).await.expect("the store answers")
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
                tokio::spawn(async move { matches!(charge(&store, &[(name("a"), LIMITS), (address(1), WIDE)], 0).await, Charge::Taken(_)) })
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
            let _failed = taken(charge(&store, &[(name("a"), WIDE), (address(1), LIMITS)], 0).await);
        }
        store.close().await;
        let store = place.open().await;
        let Charge::Wait(until) = charge(&store, &[(name("b"), WIDE), (address(1), LIMITS)], 1).await else { panic!("must wait") };
        assert_eq!(until, at(30));
        assert_eq!(failures(place).await, [("address".to_owned(), 3), ("name".to_owned(), 3)]);
        let _ = taken(charge(&store, &[(name("b"), WIDE), (address(1), LIMITS)], 30).await);
        let _ = taken(charge(&store, &[(name("b"), WIDE), (address(2), LIMITS)], 30).await);
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_success_clears_the_name_and_takes_itself_off_the_address() {
    each_store(async |store, place| {
        let both = [(name("a"), LIMITS), (address(1), LIMITS)];
        for _ in 0..2 {
            let _failed = taken(charge(&store, &both, 0).await);
        }
        let receipt = taken(charge(&store, &both, 10).await);
        Throttles::new(&store).forgive(receipt, true).await.expect("forgiven");
        assert_eq!(failures(place).await, [("address".to_owned(), 2)]);
        let receipt = taken(charge(&store, &both, 20).await);
        Throttles::new(&store).forgive(receipt, false).await.expect("forgiven");
        assert_eq!(failures(place).await, [("address".to_owned(), 2), ("name".to_owned(), 0)]);
        assert_eq!(Throttles::new(&store).delete_stale(at(40 * 86_400 + 100)).await.expect("deleted"), 2);
    })
    .await;
}

#[tokio::test]
async fn a_success_makes_nobody_wait() {
    each_store(async |store, _| {
        let both = [(name("a"), LIMITS), (address(1), LIMITS)];
        for second in 0..10 {
            let receipt = taken(charge(&store, &both, second).await);
            Throttles::new(&store).forgive(receipt, true).await.expect("forgiven");
        }
    })
    .await;
}

#[tokio::test]
async fn no_name_is_stored_as_it_was_typed() {
    each_store(async |store, place| {
        let _ = taken(charge(&store, &[(name("min-adgangskode"), LIMITS)], 0).await);
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
                    // Each round begins when the lease of the one before has run out.
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
        // This instance's clock is behind.
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
