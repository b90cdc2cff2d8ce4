//! Two real controllers: values that only one of them knows, and the effects of a faulty one on a visitor.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use os2nykode::{
    directory::{DirectoryError, ResetOptions, WriteAnswer},
    jobs::reconcile,
    model::identity::claim::{ClaimKind, Match},
};

use crate::{
    pair::{NAMES, Pair},
    people::{Admin, PASSWORD, Person, bind_on},
    provider_reset::{begun_reset, claim, history, password},
    proxy::{BIND, BIND_ANSWER, ENTRY, Mischief, Proxy, SEARCH},
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

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_on_one_controller_is_settled_by_the_metadata_on_the_other() {
    let pair = Pair::take().await;
    let (one, two) = (pair.proxy(1).await, pair.proxy(2).await);
    let setup = Setup { directory: "retry_after_seconds = 1\n", ..Setup::default() };
    let service = pair.service([(1, one.address), (2, two.address)], setup).await;
    let people = [pair.person().await, pair.person().await];
    let mut targets = Vec::new();
    pair.part();
    for (person, write) in people.iter().zip([true, false]) {
        let target = pair.admin(1).await.guid(&person.sam).await;
        let (account, mut pinned) = service.app.directory.account(target).await.expect("read");
        assert_eq!(pinned.name(), NAMES[0]);
        targets.push(target);
        let begun = begun_reset(&service, person, &account.expect("there"), &mut pinned).await;
        service.app.audit.begin(&begun).await.expect("begun");
        if write {
            assert_eq!(pinned.reset_password(target, &password(NEW), ResetOptions::default()).await.expect("an answer"), WriteAnswer::Done);
        }
    }
    // The controller that was asked goes away before its answer is written down, and before the other one hears of the write.
    one.set(Mischief::Refuse);
    one.end_connections();
    service.clock.shift_to(120);
    assert_eq!(reconcile::settle(&service.app).await.expect("asked"), 0, "what is not replicated proves nothing");
    pair.replicate();
    pair.agree(&people[0].sam, "pwdLastSet").await;
    assert_eq!(reconcile::settle(&service.app).await.expect("settled"), 1);
    service.clock.shift_to(0);
    let settled = history(&service, targets[0]).await.remove(0);
    assert_eq!((settled.reason.as_str(), settled.controller.as_deref()), ("password_set_since", Some(NAMES[1])));
    // Nothing to see on the other one may mean two things: it waits for the one that was asked.
    one.set(Mischief::None);
    let started = Instant::now();
    while !service.app.directory.controllers()[0].is_up() {
        assert!(started.elapsed() < Duration::from_secs(10), "it is asked again after a second");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    service.clock.shift_to(3600);
    assert_eq!(reconcile::settle(&service.app).await.expect("settled"), 1);
    service.clock.shift_to(0);
    let settled = history(&service, targets[1]).await.remove(0);
    assert_eq!((settled.reason.as_str(), settled.controller.as_deref()), ("password_not_set_since", Some(NAMES[0])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bind_that_the_controller_passes_on_has_a_time_of_its_own() {
    let proxy = Proxy::start().await;
    let service = Setup { controllers: vec![proxy.address], directory: "timeout_seconds = 1\n", ..Setup::default() }.start().await;
    let person = Admin::new().await.person().await;
    service.visitor().logged_in(&person.sam, PASSWORD).await;
    // Windows asks the PDC emulator, which may be far away, before it says that a password is wrong, expired or has to be changed.
    let patience = Duration::from_secs(4);
    proxy.set(Mischief::Delay(BIND, PASSWORD.as_bytes().to_vec(), patience));
    let started = Instant::now();
    service.visitor().logged_in(&person.sam, PASSWORD).await;
    assert!(started.elapsed() >= patience);
    assert!(service.app.directory.controllers()[0].is_up());
}

/// A service that prefers the first of these addresses, with a time-out of one second, and a person with an e-mail address in an attribute.
async fn searching(controllers: Vec<SocketAddr>) -> (Service, Person, Match) {
    let service = Setup { controllers, directory: "timeout_seconds = 1\n", ..Setup::default() }.start().await;
    let mut admin = Admin::new().await;
    let person = admin.person().await;
    let email = format!("{}@kommune.test", person.sam);
    admin.replace(&person.dn, "otherMailbox", &email).await;
    (service, person, Match { attribute: "otherMailbox".to_owned(), claim: claim(ClaimKind::Email, &email) })
}

fn slow(person: &Person, seconds: u64) -> Mischief {
    Mischief::Delay(SEARCH, format!("{}@kommune.test", person.sam).into_bytes(), Duration::from_secs(seconds))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_search_by_an_unindexed_attribute_marks_no_controller_down() {
    let proxy = Proxy::start().await;
    let (service, person, by) = searching(vec![proxy.address]).await;
    for (seconds, found) in [(2, true), (6, false)] {
        proxy.set(slow(&person, seconds));
        match service.app.directory.matching(&by).await {
            Ok((accounts, _)) => assert!(found && accounts.len() == 1, "{seconds} s: {accounts:?}"),
            Err(DirectoryError::SearchTooSlow) => assert!(!found, "{seconds} s"),
            Err(other) => panic!("{seconds} s: {other:?}"),
        }
        assert!(service.app.directory.controllers()[0].is_up(), "{seconds} s");
        service.visitor().logged_in(&person.sam, PASSWORD).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_that_is_overtaken_in_a_slow_search_is_down_only_if_it_answers_nothing() {
    let (one, two) = (Proxy::start().await, Proxy::start().await);
    let (service, person, by) = searching(vec![one.address, two.address]).await;
    let preferred = service.app.directory.controllers()[0].clone();
    one.set(slow(&person, 4));
    let (accounts, pinned) = service.app.directory.matching(&by).await.expect("found by the other one");
    assert_eq!(accounts.len(), 1);
    assert!(!std::ptr::eq(pinned.controller(), &raw const *preferred), "the other one");
    drop(pinned);
    service.visitor().logged_in(&person.sam, PASSWORD).await;
    assert!(preferred.is_up(), "it answers others");
    one.set(Mischief::KeepAnswer(ENTRY));
    let started = Instant::now();
    service.app.directory.matching(&by).await.expect("found by the other one");
    while preferred.is_up() {
        assert!(started.elapsed() < Duration::from_secs(10), "a controller that answers nothing is marked");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
