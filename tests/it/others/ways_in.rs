//! Ways to somebody else's rights: through a helper's account, a password that a helper knows, a code that was given out before.

use os2nykode::{
    flow::{
        others::slips::{Chosen, Made, Missing, make},
        set_password::outcome_for,
    },
    model::{authority::Denial, refusal::Refusal},
};

use super::{codes, *};
use crate::{
    provider_reset::{knows_password, reset},
    proxy::{Mischief, Proxy},
    service::Setup,
};

fn denied(denial: Denial) -> Answer {
    Answer::Refused(Refusal::Denied(denial))
}

#[tokio::test(flavor = "multi_thread")]
async fn who_works_at_a_helpdesk_is_out_of_reach_for_all_but_masters() {
    let town = Town::new("").await;
    let helper = town.person(&[&town.desk, &town.circle]).await;
    let target = guid(&helper).await;
    for groups in [[&town.admins, &town.circle], [&town.desk, &town.circle]] {
        let acting = town.person(&groups.map(String::as_str)).await;
        assert_eq!(town.set(&town.login(&acting), target, NEW).await, denied(Denial::Helper));
    }
    assert_eq!(bind(&helper.dn, PASSWORD).await, Ok(()));
    let master = town.person(&[&town.masters, &town.circle]).await;
    assert_eq!(town.set(&town.login(&master), target, NEW).await, Answer::Done);
}

/// Else whoever helps an auditor reads the whole log the next minute.
#[tokio::test(flavor = "multi_thread")]
async fn who_reads_the_whole_log_is_out_of_reach_for_all_but_masters() {
    let auditors = Admin::new().await.group(&unique("Auditorer")).await;
    let town = Town::new(&format!("[audit]\nauditors = [\"{auditors}\"]\n")).await;
    let auditor = town.person(&[&auditors, &town.circle]).await;
    let target = guid(&auditor).await;
    for groups in [vec![&town.admins, &town.circle], vec![&town.desk]] {
        let acting = town.person(&groups.into_iter().map(String::as_str).collect::<Vec<_>>()).await;
        assert_eq!(town.set(&town.login(&acting), target, NEW).await, denied(Denial::Auditor));
    }
    assert_eq!(bind(&auditor.dn, PASSWORD).await, Ok(()));
    let master = town.person(&[&town.masters, &town.circle]).await;
    assert_eq!(town.set(&town.login(&master), target, NEW).await, Answer::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_teacher_sets_no_other_teachers_password_and_the_helpdesk_does() {
    let town = Town::new("").await;
    let mut admin = Admin::new().await;
    let (teachers, others) =
        (admin.group(&format!("Lærere {} 3A", town.name)).await, admin.group(&format!("Lærere {} 9C", town.name)).await);
    let pupils = admin.group(&format!("Elever {} 3A", town.name)).await;
    let teacher = town.person(&[&teachers]).await;
    let (colleague, pupil) = (town.person(&[&others, &pupils]).await, town.person(&[&pupils]).await);
    let identity = town.login(&teacher);
    assert_eq!(town.set(&identity, guid(&colleague).await, NEW).await, denied(Denial::Teacher));
    assert_eq!(bind(&colleague.dn, PASSWORD).await, Ok(()));
    assert_eq!(town.set(&identity, guid(&pupil).await, NEW).await, Answer::Done);
    let helper = town.person(&[&town.desk]).await;
    assert_eq!(town.set(&town.login(&helper), guid(&colleague).await, NEW).await, Answer::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_somebody_else_has_set_acts_on_nobody() {
    let town = Town::new("").await;
    let (acting, member) = town.pair().await;
    let (own, target) = (guid(&acting).await, guid(&member).await);
    let identity = knows_password(&town.service, own, &acting);
    let before = town.set(&identity, target, NEW).await;
    assert!(matches!(before, Answer::Refused(Refusal::Denied(Denial::TooWeak(_)))), "theirs, but for the level: {before:?}");
    Admin::new().await.must_change(&acting).await;
    assert_eq!(town.set(&identity, target, NEW).await, denied(Denial::NoRelation));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_groups_of_admins_are_no_circles_wherever_they_are() {
    let town = Town::new("").await;
    let mut admin = Admin::new().await;
    // Below the circles' own unit.
    let name = format!("Adm {}", town.name);
    admin.rename(&town.admins, &name, Some(&town.circles)).await;
    let moved = format!("CN={name},{}", town.circles);
    let (one, other) = (town.person(&[&moved]).await, town.person(&[&moved]).await);
    let browser = town.browser(&one).await;
    assert!(!browser.get("/others").await.html.contains("/others/group/"));
    assert_eq!(browser.get(&format!("/others/accounts/{}", guid(&other).await)).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_the_code_and_the_login_that_were_given_out_before() {
    let town = Town::new(codes::CODES).await;
    let (helper, caller) = (town.person(&[&town.desk]).await, town.person(&[]).await);
    let target = guid(&caller).await;
    // A code that nobody has used, and the owner's own reset.
    let code = codes::given(&town, &helper, target).await;
    assert_eq!(reset(&town.service, &town.login(&caller), target, NEW).await, Answer::Done);
    assert!(!codes::is_in(&codes::type_in(&town.service.visitor(), &caller.sam, &code).await));
    // A login by code, and the helper's reset.
    let code = codes::given(&town, &helper, target).await;
    let visitor = town.service.visitor();
    assert!(codes::is_in(&codes::type_in(&visitor, &caller.sam, &code).await));
    assert_eq!(town.set(&town.login(&helper), target, OTHER).await, Answer::Done);
    assert!(!codes::is_in(&visitor.get(&format!("/accounts/{target}/password")).await), "logged out");
    assert_eq!(bind(&caller.dn, OTHER).await, Err("773".to_owned()), "right, and has to be changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_runs_out_unused_is_told_of_once() {
    let town = Town::new(codes::CODES).await;
    let (helper, caller) = (town.person(&[&town.desk]).await, town.person(&[]).await);
    codes::given(&town, &helper, guid(&caller).await).await;
    let expired = async || os2nykode::flow::codes::note_expired(&town.service.app).await.expect("noted");
    assert_eq!(expired().await, 0, "not yet");
    town.service.clock.shift_to(15 * 60 + 1);
    assert_eq!((expired().await, expired().await), (1, 0));
    let last = history(&town.service, guid(&caller).await).await.remove(0);
    assert_eq!((last.kind, last.authority), (os2nykode::model::audit::EventKind::CodeExpired, Some(format!("code:{}", helper.sam))));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_with_a_name_keep_nobody_from_using_a_code() {
    let mut town = Town::new(codes::CODES).await;
    let more = setup(&town.text).more.replace("[throttle.name]\nfree = 100", "[throttle.name]\nfree = 2");
    town.service = Setup { more: more.leak(), ..Setup::default() }.start().await;
    let (helper, caller) = (town.person(&[&town.desk]).await, town.person(&[]).await);
    let target = guid(&caller).await;
    let code = codes::given(&town, &helper, target).await;
    let wrong = async || town.service.visitor().log_in(&caller.sam, "Forkert-Kode-1").await.status;
    assert_eq!([wrong().await, wrong().await, wrong().await].map(|status| status.as_u16()), [422, 422, 429]);
    assert!(codes::is_in(&codes::type_in(&town.service.visitor(), &caller.sam, &code).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_to_a_stranger_is_no_part_of_the_own_history() {
    let town = Town::new("").await;
    let (acting, member) =
        (town.person(&[&town.barred, &town.admins, &town.circle]).await, town.person(&[&town.closed, &town.circle]).await);
    let target = guid(&member).await;
    assert_eq!(town.set(&town.login(&acting), target, NEW).await, denied(Denial::Barred));
    let admin = town.person(&[&town.admins, &town.circle]).await;
    assert_eq!(town.set(&town.login(&admin), target, NEW).await, denied(Denial::ClosedToOthers));
    assert_eq!(history(&town.service, target).await, []);
}

/// Whoever does anything holds one connection at a time: as many as there are can be at work at once.
#[tokio::test(flavor = "multi_thread")]
async fn one_connection_is_enough_for_everybody() {
    let town = Town::with("", Setup { directory: "pool_size = 1", ..Setup::default() }).await;
    let (acting, member) = town.pair().await;
    let target = guid(&member).await;
    assert_eq!(town.set(&town.login(&acting), target, NEW).await, Answer::Done);
    assert_eq!(reset(&town.service, &town.login(&member), target, OTHER).await, Answer::Done);
    town.browser(&member).await.get(&format!("/accounts/{target}")).await.says(&member.sam);
    let page = town.browser(&acting).await.get(&format!("/others/accounts/{target}")).await;
    assert_eq!(page.status, 200);
}

/// A slip in a rule that forbids must not forbid nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_is_named_by_a_sid_has_to_be_there_too() {
    let town = Town::new("").await;
    let (acting, member) = town.pair().await;
    let config = town.text.replace(&format!("protected_groups = [\"{}\"]", town.protected), "protected_groups = [\"S-1-5-21-1-2-3-4711\"]");
    assert_ne!(config, town.text);
    let service = setup(&config).start().await;
    let attempt = AttemptId::from_random(service.app.keys.random().expect("random"));
    let request =
        Request { target: guid(&member).await, attempt, current: None, new: password(NEW), whose: Whose::Anothers { must_change: false } };
    let identity = os2faktor(&service, &acting, Level::Substantial);
    let answer = set_password::set(&service.app, &visit(&identity), &identity, request).await.expect("an answer");
    assert_eq!(answer, denied(Denial::Unreadable));
    assert_eq!(outcome_for(&service.app, &identity, guid(&member).await, attempt).await.expect("read"), None);
}

/// Passwords that were set have to be shown before the request ends, or nobody ever knows them.
#[tokio::test(flavor = "multi_thread")]
async fn slips_for_which_there_is_no_time_are_left_out_and_change_nothing() {
    let proxy = Proxy::start().await;
    let slow = Setup { controllers: vec![proxy.address], server: "request_timeout_seconds = 5", ..Setup::default() };
    let town = Town::with("", slow).await;
    let mut admin = Admin::new().await;
    let (teachers, pupils) =
        (admin.group(&format!("Lærere {} 3A", town.name)).await, admin.group(&format!("Elever {} 3A", town.name)).await);
    let teacher = town.person(&[&teachers]).await;
    let (mut people, mut targets) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        let pupil = town.person(&[&pupils]).await;
        targets.push(guid(&pupil).await);
        people.push(pupil);
    }
    let identity = town.login(&teacher);
    proxy.set(Mischief::Slow(std::time::Duration::from_millis(60)));
    let app = &town.service.app;
    let attempt = AttemptId::from_random(app.keys.random().expect("random"));
    let (group, pinned) = app.directory.find_group(&pupils).await.expect("found");
    drop(pinned);
    let chosen = Chosen { group, targets, attempt };
    let Made::Slips(_, slips) = make(app, &visit(&identity), &identity, &chosen).await.expect("an answer") else { panic!("denied") };
    proxy.set(Mischief::None);
    assert_eq!(slips.len(), people.len());
    let (mut set, mut left) = (0, 0);
    for (slip, pupil) in slips.iter().zip(&people) {
        match &slip.outcome {
            Ok(password) => {
                set += 1;
                assert_eq!(bind(&pupil.dn, password.expose()).await, Err("773".to_owned()), "right, and has to be changed");
            }
            Err(missing) => {
                left += 1;
                assert_eq!(*missing, Missing::NoTime);
                assert_eq!(bind(&pupil.dn, PASSWORD).await, Ok(()), "not changed");
            }
        }
    }
    assert!(set > 0 && left > 0, "{set} {left}");
}

/// Whoever is logged in could fill the log, and does not.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_tried_without_a_right_is_logged_as_often_as_failures_may_be() {
    let mut town = Town::new("").await;
    let more = setup(&town.text).more.replace("[throttle.address]\nfree = 1000", "[throttle.address]\nfree = 3");
    town.service = Setup { more: more.leak(), ..Setup::default() }.start().await;
    let (stranger, member) = (town.person(&[]).await, town.person(&[&town.circle]).await);
    let browser = town.browser(&stranger).await;
    for _ in 0..10 {
        assert_eq!(browser.get(&format!("/others/accounts/{}", guid(&member).await)).await.status, 404);
        assert_eq!(browser.get("/others/desk/desk").await.status, 404);
    }
    let pool = sqlx::AnyPool::connect(&format!("sqlite://{}/os2nykode.db", town.service.dir.path().display())).await.expect("open");
    let (entries,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM audit WHERE outcome = 'refused'").fetch_one(&pool).await.expect("count");
    pool.close().await;
    assert_eq!(entries, 4, "three, and one word of the wait");
}
