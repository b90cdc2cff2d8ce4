//! Rate limits of codes, the duration of their check, and their audit entries.

use std::time::{Duration, Instant};

use super::*;
use crate::{
    process::{free_address, start},
    proxy::{ENTRY, Mischief, Proxy},
    service::Setup,
    store::place::postgres_database,
};
use os2nykode::{
    clock::{Clock, SystemClock},
    store::{Store, codes::Codes},
};

const CODE: &str = "K7Q-4MXP-9WD";
const WRONG: &str = "ACD-EFGH-JKM";
/// Differs from `CODE` in the last character only.
const NEARLY: &str = "K7Q-4MXP-9WC";

/// A service that accepts codes, with the default rate limits.
fn strict() -> Setup {
    Setup {
        more: "[codes]\nenabled = true\n[local_accounts]\nenabled = true\n[[delegation.helpdesk]]\nid = \"vagt\"\nname = { da = \"Vagten\", en = \"The watch\" }\nlocal_accounts = true\neverybody = true\n[login.ad_password]\nanswer_after_ms = 0\n",
        ..Setup::default()
    }
}

/// The same with generous rate limits.
fn calm() -> Setup {
    Setup {
        more: "[codes]\nenabled = true\n[local_accounts]\nenabled = true\n[[delegation.helpdesk]]\nid = \"vagt\"\nname = { da = \"Vagten\", en = \"The watch\" }\nlocal_accounts = true\neverybody = true\n[rate_limit.name]\nattempts_before_delay = 100\n[rate_limit.address]\nattempts_before_delay = 1000\n\
               [login.ad_password]\nanswer_after_ms = 0\n",
        ..Setup::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fourth_try_waits_for_known_and_unknown_names_alike_and_takes_none_of_the_codes_own() {
    let service = strict().start().await;
    let caller = Admin::new().await.person().await;
    in_store(&service.app, guid(&caller).await, CODE).await;
    let mut told = Vec::new();
    for name in [caller.sam.clone(), unique("ukendt")] {
        let mut pages = Vec::new();
        for _ in 0..6 {
            let page = type_in(&service.visitor(), &name, WRONG).await;
            let words = page.text.split(" igen ").next().unwrap_or_default().to_owned(); // the time follows
            pages.push((page.status.as_u16(), words));
        }
        told.push(pages);
    }
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0].iter().map(|(status, _)| *status).collect::<Vec<_>>(), [422, 422, 422, 429, 429, 429]);
    assert!(told[0][3].1.contains("Der er prøvet for mange gange"), "{told:?}");
    service.clock.shift_to(31);
    assert!(is_in(&type_in(&service.visitor(), &caller.sam, CODE).await), "three of five were wrong");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_keep_nobody_from_using_the_code_that_they_were_given() {
    let service = strict().start().await;
    let caller = Admin::new().await.person().await;
    in_store(&service.app, guid(&caller).await, CODE).await;
    let mut statuses = Vec::new();
    for _ in 0..12 {
        statuses.push(type_in(&service.visitor(), &caller.sam, WRONG).await.status.as_u16());
    }
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    assert!(is_in(&type_in(&service.visitor(), &caller.sam, CODE).await), "at the same address, in a new browser, at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_waits_whatever_names_it_tries() {
    let more = "[codes]\nenabled = true\n[local_accounts]\nenabled = true\n[[delegation.helpdesk]]\nid = \"vagt\"\nname = { da = \"Vagten\", en = \"The watch\" }\nlocal_accounts = true\neverybody = true\n[rate_limit.address]\nattempts_before_delay = 4\n[login.ad_password]\nanswer_after_ms = 0\n";
    let service = Setup { more, ..Setup::default() }.start().await;
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(type_in(&service.visitor(), &unique("ukendt"), WRONG).await.status.as_u16());
    }
    assert_eq!(statuses, [422, 422, 422, 422, 429, 429]);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_all_places_are_taken_people_wait_and_no_try_is_used_up() {
    let service = calm().start().await;
    let caller = Admin::new().await.person().await;
    in_store(&service.app, guid(&caller).await, CODE).await;
    let places = [service.app.code_hasher.place().await.expect("a place"), service.app.code_hasher.place().await.expect("a place")];
    let tries = (0..6).map(|_| {
        let visitor = service.visitor();
        let name = caller.sam.clone();
        async move { type_in(&visitor, &name, NEARLY).await.status.as_u16() }
    });
    assert_eq!(futures_util::future::join_all(tries).await, [429; 6]);
    drop(places);
    assert!(is_in(&type_in(&service.visitor(), &caller.sam, CODE).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_instances_on_one_database_one_lets_the_caller_in() {
    let store = postgres_database().await;
    let (here, there) =
        (Setup { store: Some(store.clone()), ..calm() }.start().await, Setup { store: Some(store), ..calm() }.start().await);
    let caller = Admin::new().await.person().await;
    let target = guid(&caller).await;
    for _ in 0..3 {
        in_store(&here.app, target, CODE).await;
        let tries = [&here, &there, &here, &there].map(|service| {
            let visitor = service.visitor();
            let name = caller.sam.clone();
            async move { is_in(&type_in(&visitor, &name, CODE).await) }
        });
        let won = futures_util::future::join_all(tries).await;
        assert_eq!(won.iter().filter(|won| **won).count(), 1, "{won:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_cannot_be_read_whole_looks_like_none() {
    let proxy = Proxy::start().await;
    let service = Setup { controllers: vec![proxy.address], ..calm() }.start().await;
    let caller = Admin::new().await.person().await;
    in_store(&service.app, guid(&caller).await, CODE).await;
    let unknown = type_in(&service.visitor(), &unique("ukendt"), CODE).await;
    proxy.set(Mischief::ReplaceText(ENTRY, b"userAccountControl", b"userAccountContrXX"));
    let page = type_in(&service.visitor(), &caller.sam, CODE).await;
    assert_eq!((page.status, &page.text), (unknown.status, &unknown.text));
    proxy.set(Mischief::None);
    assert!(is_in(&type_in(&service.visitor(), &caller.sam, CODE).await), "no try was taken, and the code still holds");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_in_the_fields_the_answer_is_the_same() {
    let service = calm().start().await;
    let caller = Admin::new().await.person().await;
    in_store(&service.app, guid(&caller).await, CODE).await;
    let long = "x".repeat(3000);
    let odd = [
        "",
        " ",
        "*",
        "*)(objectClass=*",
        "\0",
        "a\nb",
        "an\u{202e}na",
        "\u{feff}",
        "<script>alert(1)</script>",
        "' OR '1'='1",
        "$1",
        "{{ 7*7 }}",
        "../../code",
        "CN=Administrator,CN=Users",
        "%00%0d%0aSet-Cookie: a=b",
        "😀😀😀😀😀😀😀😀😀😀",
        long.as_str(),
    ];
    let mut told = std::collections::BTreeSet::new();
    for text in odd {
        let page = type_in(&service.visitor(), text, CODE).await;
        told.insert((page.status.as_u16(), page.text));
    }
    for text in odd.into_iter().take(4) {
        let page = type_in(&service.visitor(), &caller.sam, text).await;
        told.insert((page.status.as_u16(), page.text));
    }
    assert!(is_in(&type_in(&service.visitor(), &caller.sam, CODE).await), "four of five tries were wrong");
    for text in odd {
        let page = type_in(&service.visitor(), &caller.sam, text).await;
        told.insert((page.status.as_u16(), page.text));
    }
    assert_eq!(told.len(), 1, "{told:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_takes_as_long_whatever_its_cause_and_a_whole_number_of_steps() {
    let service = calm().start().await;
    let mut admin = Admin::new().await;
    let (with, used_up, without) = (admin.person().await, admin.person().await, admin.person().await);
    let refused = async |service: &Service, name: &str, code: &str| {
        let visitor = service.visitor();
        let token = visitor.get("/code").await.token();
        let started = Instant::now();
        assert_eq!(visitor.send("/code", &[("csrf", &token), ("name", name), ("code", code)]).await.status(), 422);
        started.elapsed()
    };
    in_store(&service.app, guid(&used_up).await, CODE).await;
    for _ in 0..5 {
        refused(&service, &used_up.sam, NEARLY).await;
    }
    let (target, unknown) = (guid(&with).await, unique("ukendt"));
    let causes = [
        ("wrong", with.sam.as_str(), WRONG),
        ("what is no code", &with.sam, "x"),
        ("none given out", &without.sam, WRONG),
        ("used up", &used_up.sam, CODE),
        ("unknown name", &unknown, WRONG),
    ];
    // The minimum of several rounds, because other load on the machine only adds time.
    let mut least = [Duration::MAX; 5];
    for _ in 0..15 {
        in_store(&service.app, target, CODE).await;
        for ((_, name, code), least) in causes.iter().zip(&mut least) {
            *least = refused(&service, name, code).await.min(*least);
        }
    }
    let (quickest, slowest) = (least.iter().min().expect("some"), least.iter().max().expect("some"));
    assert!(
        *slowest <= *quickest * 2,
        "without its hash, it would be quicker than that: {:?}",
        causes.iter().zip(least).collect::<Vec<_>>()
    );
    let held = Setup { more: "[codes]\nenabled = true\n[local_accounts]\nenabled = true\n[[delegation.helpdesk]]\nid = \"vagt\"\nname = { da = \"Vagten\", en = \"The watch\" }\nlocal_accounts = true\neverybody = true\n[login.ad_password]\nanswer_after_ms = 400\n", ..Setup::default() }.start().await;
    for name in [&without.sam, &unknown] {
        let took = refused(&held, name, WRONG).await;
        assert!(took >= Duration::from_millis(400), "{took:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_in_no_log_however_much_is_logged() {
    let dir = tempfile::tempdir().expect("a folder");
    let address = free_address();
    let text = format!("{}\n[log]\nlevel = \"trace\"\n", calm().text(dir.path(), &address.to_string()));
    crate::service::write_private(dir.path().join("config.toml"), text).expect("written");
    let running = start(dir.path(), address).await;
    let caller = Admin::new().await.person().await;
    let target = guid(&caller).await;
    let store = Store::open(&format!("sqlite://{}/os2nykode.db", dir.path().display())).await.expect("the store");
    let keys = DerivedKeys::new(&std::array::from_fn(|n| u8::try_from(n).expect("32 bytes")));
    let helper = local_helper(&LocalAccounts::new(&store, &keys), &keys, SystemClock.now()).await;
    let issuer = Party { guid: helper, account_name: "hans".to_owned(), name: "Hans Hjælper".to_owned() };
    let code = Code::parse(CODE).expect("a code");
    let hash = SlowHash::of(code.bytes(), [7; 16]).expect("memory");
    let kept = StoredCode { id: Uuid::from_u128(7), hash, issuer };
    let now = SystemClock.now();
    let codes = Codes::new(&store, &keys);
    codes
        .issue(target, &kept, &codes.selectors(target, &caller.sam, None, &code), now, now + SignedDuration::from_mins(15))
        .await
        .expect("kept");
    let visitor = Visitor::new(address);
    type_in(&visitor, "ukendt-kaldende", CODE).await;
    type_in(&visitor, &caller.sam, WRONG).await;
    let form = type_in(&visitor, &caller.sam, CODE).await;
    assert!(is_in(&form));
    visitor.reset(&format!("/accounts/{target}"), NEW).await.says("Din adgangskode er skiftet");
    drop(running);
    let log = std::fs::read_to_string(dir.path().join("log")).expect("the log");
    assert!(log.contains("\"route\":\"/code\""), "it was logged");
    for code in [CODE, WRONG] {
        for secret in
            [code, &code.replace('-', ""), &code.to_lowercase(), NEW, "ukendt-kaldende", &data_encoding::HEXLOWER.encode(&hash.hash)]
        {
            assert!(!log.contains(secret), "{secret} in the log");
        }
    }
}

/// After strangers have exhausted the name's rate limit, a new code from the helpdesk resets it.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_code_clears_the_count_of_its_name() {
    let mut town = Town::new(CODES).await;
    let more =
        setup(&town.text).more.replace("[rate_limit.name]\nattempts_before_delay = 100", "[rate_limit.name]\nattempts_before_delay = 3");
    town.service = Setup { more: more.leak(), ..Setup::default() }.start().await;
    let (helper, caller) = (town.person(&[&town.desk]).await, town.person(&[]).await);
    let target = guid(&caller).await;
    given(&town, &helper, target).await;
    let guess = async || type_in(&town.service.visitor(), &caller.sam, WRONG).await.status.as_u16();
    assert_eq!([guess().await, guess().await, guess().await, guess().await], [422, 422, 422, 429]);
    let code = given(&town, &helper, target).await;
    assert_eq!(guess().await, 422, "the name does not wait any more");
    assert!(is_in(&type_in(&town.service.visitor(), &caller.sam, &code).await));
}
