//! One-time codes in the store.

use jiff::SignedDuration;
use os2nykode::{
    model::{
        audit::Party,
        credential::{one_time_code::Code, slow_hash::SlowHash},
    },
    store::{
        DerivedKeys,
        codes::{Codes, Selectors, StoredCode, Try},
    },
};
use uuid::Uuid;

use super::{
    log::{account, at},
    place::each_store,
};

fn code() -> Code {
    Code::parse("K7Q-4MXP-9WD").expect("a code")
}

fn selectors(codes: &Codes, n: u128) -> Selectors {
    codes.selectors(account(n), &format!("kaldende{n}"), None, &code())
}

fn kept(n: u128) -> StoredCode {
    let issuer = Party { guid: account(9), account_name: "hans".to_owned(), name: "Hans Å".to_owned() };
    StoredCode { id: Uuid::from_u128(n), hash: SlowHash { salt: [1; 16], hash: [2; 32] }, issuer }
}

#[tokio::test]
async fn a_code_has_five_tries_one_login_and_one_password() {
    each_store(async |store, _| {
        let codes = Codes::new(&store, &DerivedKeys::new(&[1; 32]));
        assert!(matches!(codes.begin(account(1), Some(&code()), at(0)).await.expect("read"), Try::No("no_code")));
        codes.issue(account(1), &kept(1), &selectors(&codes, 1), at(0), at(900)).await.expect("kept");
        for _ in 0..5 {
            let Try::Compare(read) = codes.begin(account(1), Some(&code()), at(1)).await.expect("read") else { panic!("a try") };
            assert_eq!((read.id, read.hash, read.issuer), (Uuid::from_u128(1), kept(1).hash, kept(1).issuer));
        }
        assert!(matches!(codes.begin(account(1), Some(&code()), at(1)).await.expect("read"), Try::No("code_tries_used_up")));
        codes.issue(account(1), &kept(2), &selectors(&codes, 1), at(2), at(902)).await.expect("kept");
        assert!(!codes.redeem(account(1), Uuid::from_u128(1), at(3)).await.expect("asked"), "it was replaced");
        assert!(!codes.is_good(account(1), Uuid::from_u128(2)).await.expect("asked"), "nobody has logged in with it");
        assert!(codes.redeem(account(1), Uuid::from_u128(2), at(3)).await.expect("asked"));
        assert!(!codes.redeem(account(1), Uuid::from_u128(2), at(3)).await.expect("asked"));
        assert!(matches!(codes.begin(account(1), Some(&code()), at(4)).await.expect("read"), Try::No("code_redeemed")));
        assert!(codes.is_good(account(1), Uuid::from_u128(2)).await.expect("asked"));
        assert!(codes.spend(account(1), Uuid::from_u128(2), at(5)).await.expect("asked"));
        assert!(!codes.spend(account(1), Uuid::from_u128(2), at(5)).await.expect("asked"));
        assert!(!codes.is_good(account(1), Uuid::from_u128(2)).await.expect("asked"));
    })
    .await;
}

#[tokio::test]
async fn a_code_ends_with_its_time_and_no_clock_that_goes_back_brings_it_again() {
    each_store(async |store, _| {
        let codes = Codes::new(&store, &DerivedKeys::new(&[1; 32]));
        codes.issue(account(1), &kept(1), &selectors(&codes, 1), at(1000), at(1900)).await.expect("kept");
        assert!(matches!(codes.begin(account(1), Some(&code()), at(1900)).await.expect("read"), Try::No("code_expired")));
        assert!(
            matches!(codes.begin(account(1), Some(&code()), at(0)).await.expect("read"), Try::No("code_expired")),
            "before it was made"
        );
        assert!(
            matches!(codes.begin(account(1), Some(&code()), at(941)).await.expect("read"), Try::Compare(_)),
            "an instance whose clock is a little behind"
        );
        assert_eq!(codes.delete_stale(at(1900) + SignedDuration::from_hours(24)).await.expect("done"), 0);
        assert_eq!(codes.delete_stale(at(1901) + SignedDuration::from_hours(24)).await.expect("done"), 1);
    })
    .await;
}

#[tokio::test]
async fn of_two_instances_one_gets_the_code() {
    each_store(async |store, place| {
        let other = place.open().await;
        let (here, there) = (Codes::new(&store, &DerivedKeys::new(&[1; 32])), Codes::new(&other, &DerivedKeys::new(&[1; 32])));
        for n in 1..=20 {
            here.issue(account(n), &kept(n), &selectors(&here, n), at(0), at(900)).await.expect("kept");
            let id = Uuid::from_u128(n);
            let (a, b) = tokio::join!(here.redeem(account(n), id, at(1)), there.redeem(account(n), id, at(1)));
            assert!(a.expect("asked") ^ b.expect("asked"), "{n}");
            let (a, b) = tokio::join!(here.spend(account(n), id, at(1)), there.spend(account(n), id, at(1)));
            assert!(a.expect("asked") ^ b.expect("asked"), "{n}");
        }
        other.close().await;
    })
    .await;
}

#[tokio::test]
async fn two_instances_together_take_five_tries() {
    each_store(async |store, place| {
        let other = place.open().await;
        let (here, there) = (Codes::new(&store, &DerivedKeys::new(&[1; 32])), Codes::new(&other, &DerivedKeys::new(&[1; 32])));
        for n in 1..=5 {
            here.issue(account(n), &kept(n), &selectors(&here, n), at(0), at(900)).await.expect("kept");
            let tries = (0..16).map(|i| {
                let codes = if i % 2 == 0 { here.clone() } else { there.clone() };
                async move { codes.begin(account(n), Some(&code()), at(1)).await.expect("read") }
            });
            let taken = futures_util::future::join_all(tries).await;
            assert_eq!(taken.iter().filter(|taken| matches!(taken, Try::Compare(_))).count(), 5);
            assert!(taken.iter().all(|taken| matches!(taken, Try::Compare(_) | Try::No("code_tries_used_up"))), "{taken:?}");
        }
        other.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_code_that_is_given_back_is_good_once_more_unless_it_was_replaced() {
    each_store(async |store, _| {
        let codes = Codes::new(&store, &DerivedKeys::new(&[1; 32]));
        let id = Uuid::from_u128(1);
        codes.issue(account(1), &kept(1), &selectors(&codes, 1), at(0), at(900)).await.expect("kept");
        codes.give_back(account(1), id).await.expect("asked");
        assert!(!codes.is_good(account(1), id).await.expect("asked"), "nobody has logged in with it");
        assert!(codes.redeem(account(1), id, at(1)).await.expect("asked"));
        assert!(codes.spend(account(1), id, at(2)).await.expect("asked"));
        codes.give_back(account(1), id).await.expect("asked");
        assert!(codes.is_good(account(1), id).await.expect("asked"));
        assert!(codes.spend(account(1), id, at(3)).await.expect("asked"));
        codes.issue(account(1), &kept(2), &selectors(&codes, 1), at(4), at(904)).await.expect("kept");
        codes.give_back(account(1), id).await.expect("asked");
        assert!(!codes.is_good(account(1), id).await.expect("asked"));
        assert!(!codes.is_good(account(1), Uuid::from_u128(2)).await.expect("asked"));
    })
    .await;
}
