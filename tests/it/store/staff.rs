//! Local accounts in the store.

use std::collections::BTreeSet;

use os2nykode::{
    model::credential::local_account::{Role, StaffAccount, StaffName},
    store::{
        DerivedKeys, Store,
        local_accounts::{LocalAccounts, LocalCredentials},
    },
};
use uuid::Uuid;

use super::{
    log::at,
    place::{Place, each_place, each_store},
};

const SECRET: &[u8; 20] = b"hemmelig-hemmelig-20";

fn staff(store: &Store, secret: u8) -> LocalAccounts {
    LocalAccounts::new(store, &DerivedKeys::new(&[secret; 32]))
}

fn name(text: &str) -> StaffName {
    StaffName::parse(text).expect("a name")
}

fn account(n: u128, name: &str) -> StaffAccount {
    StaffAccount {
        id: Uuid::from_u128(n),
        name: name.to_owned(),
        full_name: "Åse \"Øst\" Bech-Søn".to_owned(),
        roles: [Role::Helpdesk, Role::Auditor].into(),
        stamp: Uuid::from_u128(100 + n),
        disabled: false,
        created: at(7),
    }
}

fn credentials(hash: &str) -> LocalCredentials {
    LocalCredentials { hash: hash.to_owned(), totp: SECRET.to_vec().into() }
}

async fn add(staff: &LocalAccounts, n: u128, text: &str) -> StaffAccount {
    let account = account(n, text);
    assert!(staff.add(&account, &name(text), &credentials("$argon2id$1")).await.expect("added"));
    account
}

#[tokio::test]
async fn an_account_comes_back_as_it_was_added_by_its_name_in_any_case() {
    each_store(async |store, _| {
        let staff = staff(&store, 1);
        let made = add(&staff, 1, "Vagt-Åse").await;
        for text in ["vagt-åse", "VAGT-ÅSE"] {
            let found = staff.find(&name(text)).await.expect("read").expect("there");
            assert_eq!(found.account, made);
            let kept = found.credentials.expect("readable");
            assert_eq!((kept.hash.as_str(), &kept.totp[..]), ("$argon2id$1", &SECRET[..]));
        }
        assert!(!staff.add(&account(2, "VAGT-åse"), &name("VAGT-åse"), &credentials("x")).await.expect("asked"), "taken");
        assert!(staff.find(&name("vagt")).await.expect("read").is_none());
        let one_role = StaffAccount { roles: BTreeSet::from([Role::Auditor]), ..account(3, "anden") };
        assert!(staff.add(&one_role, &name("anden"), &credentials("x")).await.expect("added"));
        assert_eq!(staff.all().await.expect("read"), [one_role, made]);
    })
    .await;
}

#[tokio::test]
async fn only_an_enabled_account_is_current() {
    each_store(async |store, _| {
        let staff = staff(&store, 1);
        let made = add(&staff, 1, "vagt").await;
        let (id, stamp) = (made.id, Uuid::from_u128(9));
        assert_eq!(staff.current(id).await.expect("read"), Some(made.clone()));
        assert!(staff.set_disabled(id, true, stamp).await.expect("written"));
        assert_eq!(staff.current(id).await.expect("read"), None);
        assert!(staff.find(&name("vagt")).await.expect("read").expect("there").account.disabled);
        assert!(staff.set_disabled(id, false, stamp).await.expect("written"));
        assert_eq!(staff.current(id).await.expect("read"), Some(StaffAccount { stamp, ..made }));
        assert!(staff.remove(id).await.expect("written"));
        assert_eq!(staff.current(id).await.expect("read"), None);
        assert!(!staff.remove(id).await.expect("asked"));
        assert!(!staff.set_disabled(id, true, stamp).await.expect("asked"));
        assert!(!staff.reset(id, &credentials("x"), stamp).await.expect("asked"));
    })
    .await;
}

#[tokio::test]
async fn a_step_is_used_once_however_many_ask_at_once_and_never_goes_back() {
    each_place(async |place: &Place| {
        let (one, two) = (place.open().await, place.open().await);
        let made = add(&staff(&one, 1), 1, "vagt").await;
        let tries = (0..12).map(|i| {
            let (staff, made) = (staff(if i % 2 == 0 { &one } else { &two }, 1), made.clone());
            async move { staff.use_step(&made, 59_000_000).await.expect("asked") }
        });
        let used = futures_util::future::join_all(tries).await;
        assert_eq!(used.iter().filter(|first| **first).count(), 1, "{used:?}");
        for (step, expected) in [(58_999_999, false), (59_000_000, false), (59_000_001, true), (59_000_001, false)] {
            assert_eq!(staff(&two, 1).use_step(&made, step).await.expect("asked"), expected, "{step}");
        }
        one.close().await;
        two.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_step_counts_only_for_an_account_that_is_as_it_was_found() {
    each_store(async |store, _| {
        let staff = staff(&store, 1);
        let made = add(&staff, 1, "vagt").await;
        let stamp = Uuid::from_u128(9);
        assert!(staff.reset(made.id, &credentials("$argon2id$2"), stamp).await.expect("written"));
        assert!(!staff.use_step(&made, 5).await.expect("asked"), "found before the reset");
        let again = staff.current(made.id).await.expect("read").expect("there");
        assert!(staff.use_step(&again, 5).await.expect("asked"));
        assert!(staff.set_disabled(made.id, true, stamp).await.expect("written"));
        assert!(!staff.use_step(&again, 6).await.expect("asked"), "disabled meanwhile");
        assert_eq!(staff.find(&name("vagt")).await.expect("read").expect("there").credentials.expect("readable").hash, "$argon2id$2");
    })
    .await;
}

#[tokio::test]
async fn a_secret_opens_with_the_services_own_and_on_its_own_account_only() {
    each_store(async |store, place| {
        let ours = staff(&store, 1);
        add(&ours, 1, "vagt").await;
        add(&ours, 2, "anden").await;
        let other = staff(&store, 2).find(&name("vagt")).await.expect("read").expect("there");
        assert!(other.credentials.is_none(), "another server.secret");
        let id = Uuid::from_u128(1);
        place
            .run(&format!("UPDATE staff SET totp = (SELECT totp FROM staff WHERE name = 'anden') WHERE id = '{id}'"))
            .await
            .expect("moved");
        assert!(ours.find(&name("vagt")).await.expect("read").expect("there").credentials.is_none(), "another account's");
        assert!(ours.find(&name("anden")).await.expect("read").expect("there").credentials.is_some());
        assert_eq!(format!("{:?}", credentials("x")), "Credentials(…)");
        place.run("UPDATE staff SET roles = 'helpdesk,root'").await.expect("written");
        assert!(ours.current(id).await.is_err(), "a role that there is not");
    })
    .await;
}
