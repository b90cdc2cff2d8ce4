//! Two real controllers: values that only one of them knows, and the effects of a faulty one on a visitor.

use std::time::{Duration, Instant};

use crate::{
    pair::{NAMES, Pair},
    people::{Admin, PASSWORD, Person, bind_on},
    proxy::{BIND_ANSWER, ENTRY, Mischief, Proxy},
    service::{Service, Setup},
};

const NEW: &str = "Blå-Sejlbåd-4711";
const WRONG: &str = "Helt-Forkert-99";
/// Longest total delay that a faulty controller may cause for a visitor.
const COST: Duration = Duration::from_millis(2500);

async fn tries(pair: &Pair, n: usize, person: &Person) -> Option<u32> {
    pair.admin(n).await.value_if_known(&person.sam, "badPwdCount").await.map(|count| count.parse().expect("a number"))
}

/// A service that prefers controller 1, with a proxy in front of each.
async fn behind_proxies(pair: &Pair) -> (Service, Proxy, Proxy) {
    let (one, two) = (pair.proxy(1).await, pair.proxy(2).await);
    let service = pair.service([(1, one.address), (2, two.address)], Setup::default()).await;
    (service, one, two)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_that_is_not_there_yet_is_zero_and_one_that_may_not_be_read_refuses() {
    let pair = Pair::take().await;
    let service = pair.service_preferring(2, Setup::default()).await;
    let person = pair.person().await;
    assert_eq!(tries(&pair, 2, &person).await, None, "never tried on the joined controller");
    let visitor = service.visitor();
    let account = visitor.logged_in(&person.sam, PASSWORD).await;
    visitor.change(&account, PASSWORD, NEW).await.says("Din adgangskode er skiftet");
    for _ in 0..6 {
        service.visitor().log_in(&person.sam, WRONG).await;
    }
    assert!((1..=3).contains(&tries(&pair, 2, &person).await.unwrap_or_default()), "the guard goes on from there");
    let denied = pair.person().await;
    pair.deny(&denied.sam);
    pair.admin(1).await.replace(&denied.dn, "description", "after the list of rights").await;
    pair.agree(&denied.sam, "description").await;
    service.visitor().log_in(&denied.sam, PASSWORD).await.says("Vi kunne ikke logge dig ind");
}

#[tokio::test(flavor = "multi_thread")]
async fn tries_on_the_pdc_emulator_count_wherever_it_is() {
    let pair = Pair::take().await;
    pair.make_pdc(2);
    let service = pair.service_preferring(1, Setup::default()).await;
    let person = pair.person().await;
    for _ in 0..3 {
        assert_eq!(bind_on(pair.ip(2), &person.dn, WRONG).await, Err("52e".into()));
    }
    service.visitor().log_in(&person.sam, PASSWORD).await.says("Vi kunne ikke logge dig ind");
    assert_eq!(tries(&pair, 1, &person).await, Some(0), "one more might lock it there: it is not tried here");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_that_is_not_well_costs_a_person_little() {
    let pair = Pair::take().await;
    for mischief in [Mischief::Refuse, Mischief::Stall, Mischief::Slow(Duration::from_millis(1900)), Mischief::KeepAnswer(ENTRY)] {
        for half_dead in [false, true] {
            let (service, one, _two) = behind_proxies(&pair).await;
            let other = pair.person().await;
            service.visitor().logged_in(&other.sam, PASSWORD).await; // opens connections
            let (person, visitor) = (pair.person().await, service.visitor());
            let started = Instant::now();
            let usual = visitor.logged_in(&other.sam, PASSWORD).await;
            let usual_login = started.elapsed();
            drop(usual);
            if !half_dead {
                one.end_connections();
            }
            one.set(mischief.clone());
            let started = Instant::now();
            let account = visitor.logged_in(&person.sam, PASSWORD).await;
            let login = started.elapsed();
            assert!(login < COST + usual_login, "{mischief:?}, half dead {half_dead}: a login took {login:?}, usually {usual_login:?}");
            let started = Instant::now();
            visitor.change(&account, PASSWORD, NEW).await.says("Din adgangskode er skiftet");
            let change = started.elapsed();
            assert!(change < COST + usual_login * 2, "{mischief:?}, half dead {half_dead}: a change took {change:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_on_a_controller_that_takes_no_new_connections_is_proven_all_the_same() {
    let pair = Pair::take().await;
    let (service, one, _two) = behind_proxies(&pair).await;
    let person = pair.person().await;
    let visitor = service.visitor();
    let account = visitor.logged_in(&person.sam, PASSWORD).await;
    one.set(Mischief::Refuse);
    visitor.change(&account, PASSWORD, NEW).await.says("Din adgangskode er skiftet");
    pair.agree(&person.sam, "pwdLastSet").await;
    assert_eq!(bind_on(pair.ip(1), &person.dn, NEW).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_and_a_killed_controller_are_survived() {
    let pair = Pair::take().await;
    let service = pair.service_preferring(1, Setup::default()).await;
    let (person, other) = (pair.person().await, pair.person().await);
    service.visitor().logged_in(&other.sam, PASSWORD).await;
    pair.freeze(1);
    let started = Instant::now();
    let visitor = service.visitor();
    let account = visitor.logged_in(&person.sam, PASSWORD).await;
    assert!(started.elapsed() < COST + Duration::from_secs(1), "{:?}", started.elapsed());
    pair.start(1);
    pair.kill(1);
    visitor.change(&account, PASSWORD, NEW).await.says("Din adgangskode er skiftet");
    assert_eq!(bind_on(pair.ip(2), &person.dn, NEW).await, Ok(()));
    pair.start(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn until_it_is_replicated_the_new_password_is_tried_where_it_was_written() {
    let pair = Pair::take().await;
    let (one, two) = (pair.proxy(1).await, pair.proxy(2).await);
    let setup = Setup { directory: "retry_after_seconds = 1\n", ..Setup::default() };
    let service = pair.service([(1, one.address), (2, two.address)], setup).await;
    let person = pair.person().await;
    pair.part();
    one.set(Mischief::Refuse);
    let visitor = service.visitor();
    let account = visitor.logged_in(&person.sam, PASSWORD).await;
    visitor.change(&account, PASSWORD, NEW).await.says("Din adgangskode er skiftet");
    assert_eq!(bind_on(pair.ip(2), &person.dn, NEW).await, Ok(()));
    // The preferred controller is back and knows the old password only.
    one.set(Mischief::None);
    tokio::time::sleep(Duration::from_millis(1100)).await; // the retry time
    for _ in 0..6 {
        service.visitor().logged_in(&person.sam, NEW).await;
    }
    assert_eq!(tries(&pair, 1, &person).await, Some(0), "no right password was a wrong try anywhere");
    // Without the controller that wrote the password, the service does not try it on the other one, which would count a failure.
    two.set(Mischief::Refuse);
    two.end_connections();
    assert_eq!(service.visitor().log_in(&person.sam, NEW).await.status, 503);
    assert_eq!(tries(&pair, 1, &person).await, Some(0), "it was not tried there");
    pair.replicate();
    pair.agree(&person.sam, "pwdLastSet").await;
    assert_eq!(service.app.directory.controllers()[0].name(), NAMES[0]);
    service.visitor().logged_in(&person.sam, NEW).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_bind_is_tried_on_the_other_controller_with_that_try_counted() {
    let pair = Pair::take().await;
    let (service, one, _two) = behind_proxies(&pair).await;
    let (near, person) = (pair.person().await, pair.person().await);
    service.visitor().logged_in(&person.sam, PASSWORD).await;
    one.set(Mischief::CutAnswer(BIND_ANSWER, 3));
    service.visitor().logged_in(&person.sam, PASSWORD).await;
    // One failure on controller 2, and one lost bind. The service does not risk a third for a stranger.
    one.set(Mischief::None);
    for n in [1, 2] {
        assert_eq!(bind_on(pair.ip(n), &near.dn, WRONG).await, Err("52e".into()));
    }
    let (service, one, _two) = behind_proxies(&pair).await;
    service.visitor().logged_in(&person.sam, PASSWORD).await;
    one.set(Mischief::CutAnswer(BIND_ANSWER, 3));
    assert_eq!(service.visitor().log_in(&near.sam, WRONG).await.status, 503);
    assert_eq!(tries(&pair, 2, &near).await, Some(1), "not tried there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_controller_is_passed_over() {
    let pair = Pair::take().await;
    let (service, one, two) = behind_proxies(&pair).await;
    // The proxy replaces capability 1935 with 1920 (partial secrets).
    one.set(Mischief::ReplaceText(ENTRY, b"1.2.840.113556.1.4.1935", b"1.2.840.113556.1.4.1920"));
    let person = pair.person().await;
    let visitor = service.visitor();
    let account = visitor.logged_in(&person.sam, PASSWORD).await;
    visitor.change(&account, PASSWORD, NEW).await.says("Din adgangskode er skiftet");
    assert!(two.operations() > 0);
    assert_eq!(bind_on(pair.ip(2), &person.dn, NEW).await, Ok(()), "written where it can be written");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_wait_for_a_place_and_none_is_a_fault() {
    let proxy = Proxy::start().await;
    let setup = Setup { controllers: vec![proxy.address], directory: "pool_size = 4\n", ..Setup::default() };
    let service = setup.start().await;
    let mut admin = Admin::new().await;
    let mut people = Vec::new();
    for _ in 0..24 {
        people.push(admin.young_person().await);
    }
    let logins = people.iter().map(|person| {
        let visitor = service.visitor();
        async move { visitor.log_in(&person.sam, PASSWORD).await.status }
    });
    let statuses = futures_util::future::join_all(logins).await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
}
