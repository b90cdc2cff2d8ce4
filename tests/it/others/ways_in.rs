//! Escalation of rights: through a helper's account, through a password that a helper knows, or through a code issued earlier.

use os2nykode::{
    flow::{
        delegation::slips::{Chosen, Made, Missing, make},
        set_password::outcome_for,
    },
    model::{authorization::Denial, identity::Proof, refusal::Refusal},
};

use super::{codes, *};
use crate::{
    environment::environment,
    provider_reset::{knows_password, reset},
    proxy::{MODIFY_ANSWER, Mischief, Proxy, SEARCH},
    service::Setup,
};

const WRONG: &str = "Helt-Forkert-99";

fn denied(denial: Denial) -> SetOutcome {
    SetOutcome::Refused(Refusal::Denied(denial))
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
    assert_eq!(town.set(&town.login(&master), target, NEW).await, SetOutcome::Done);
}

/// Otherwise a helper could reset an auditor's password and read the whole log with it.
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
    assert_eq!(town.set(&town.login(&master), target, NEW).await, SetOutcome::Done);
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
    assert_eq!(town.set(&identity, guid(&pupil).await, NEW).await, SetOutcome::Done);
    let helper = town.person(&[&town.desk]).await;
    assert_eq!(town.set(&town.login(&helper), guid(&colleague).await, NEW).await, SetOutcome::Done);
}

/// Otherwise an account with the right to create groups anywhere in the domain could make a class of any accounts.
#[tokio::test(flavor = "multi_thread")]
async fn classes_outside_the_unit_of_their_rule_are_none() {
    let mut town = Town::new("").await;
    let mut admin = Admin::new().await;
    let unit = admin.unit(&format!("Klasser {}", town.name)).await;
    let pupils = format!("pupils = \"Elever {} *\"\n", town.name);
    town.service = setup(&town.text.replace(&pupils, &format!("{pupils}ou = \"{unit}\"\n"))).start().await;
    let (mut theirs, mut classes) = (Vec::new(), Vec::new());
    for (class, teachers_in, pupils_in) in [("3A", true, true), ("4B", true, false), ("5C", false, true), ("6D", false, false)] {
        let place = |inside: bool| if inside { unit.as_str() } else { environment().fact("PEOPLE_OU") };
        theirs.push(admin.group_in(&format!("Lærere {} {class}", town.name), place(teachers_in)).await);
        classes.push(admin.group_in(&format!("Elever {} {class}", town.name), place(pupils_in)).await);
    }
    let teacher = town.person(&theirs.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let identity = town.login(&teacher);
    let mut answers = Vec::new();
    for class in &classes {
        answers.push(town.set(&identity, guid(&town.person(&[class]).await).await, NEW).await);
    }
    let none = denied(Denial::NoRelation);
    assert_eq!(answers, [SetOutcome::Done, none.clone(), none.clone(), none]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_somebody_else_has_set_acts_on_nobody() {
    let town = Town::new("").await;
    let (acting, member) = town.pair().await;
    let (own, target) = (guid(&acting).await, guid(&member).await);
    let identity = knows_password(&town.service, own, &acting);
    let before = town.set(&identity, target, NEW).await;
    assert!(matches!(before, SetOutcome::Refused(Refusal::Denied(Denial::TooWeak(_)))), "theirs, but for the level: {before:?}");
    let mut admin = Admin::new().await;
    admin.must_change(&acting).await;
    assert_eq!(town.set(&identity, target, NEW).await, denied(Denial::PasswordChangedSince));
    let proof = Proof::AdPassword { account: own.into(), account_name: acting.sam.clone(), last_set_ticks: 0 };
    let identity = Identity { proof, ..identity };
    assert_eq!(town.set(&identity, target, NEW).await, denied(Denial::NoRelation), "logged in with it");
    // The same holds where AD does not demand a change because the password never expires (512 + 65536).
    admin.replace(&acting.dn, "userAccountControl", "66048").await;
    assert_eq!(bind(&acting.dn, PASSWORD).await, Ok(()), "AD lets them in");
    assert_eq!(town.set(&identity, target, NEW).await, denied(Denial::NoRelation));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_groups_of_admins_are_no_circles_wherever_they_are() {
    let town = Town::new("").await;
    let mut admin = Admin::new().await;
    // Moved below the unit of the circles.
    let name = format!("Adm {}", town.name);
    admin.rename(&town.admins, &name, Some(&town.circles)).await;
    let moved = format!("CN={name},{}", town.circles);
    let (one, other) = (town.person(&[&moved]).await, town.person(&[&moved]).await);
    let browser = town.browser(&one).await;
    assert!(!browser.get("/delegation").await.html.contains("/delegation/group/"));
    assert_eq!(browser.get(&format!("/delegation/accounts/{}", guid(&other).await)).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_the_code_and_the_login_that_were_given_out_before() {
    let town = Town::new(codes::CODES).await;
    let (helper, caller) = (town.person(&[&town.desk]).await, town.person(&[]).await);
    let target = guid(&caller).await;
    // An unused code, and a reset by the account's owner.
    let code = codes::given(&town, &helper, target).await;
    assert_eq!(reset(&town.service, &town.login(&caller), target, NEW).await, SetOutcome::Done);
    assert!(!codes::is_in(&codes::type_in(&town.service.visitor(), &caller.sam, &code).await));
    // A login by code, and a reset by the helper.
    let code = codes::given(&town, &helper, target).await;
    let visitor = town.service.visitor();
    assert!(codes::is_in(&codes::type_in(&visitor, &caller.sam, &code).await));
    assert_eq!(town.set(&town.login(&helper), target, OTHER).await, SetOutcome::Done);
    assert!(!codes::is_in(&visitor.get(&format!("/accounts/{target}/password")).await), "logged out");
    assert_eq!(bind(&caller.dn, OTHER).await, Err("773".to_owned()), "right, and has to be changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_runs_out_unused_is_told_of_once() {
    let town = Town::new(codes::CODES).await;
    let (helper, caller) = (town.person(&[&town.desk]).await, town.person(&[]).await);
    codes::given(&town, &helper, guid(&caller).await).await;
    let expired = async || os2nykode::flow::one_time_code::note_expired(&town.service.app).await.expect("noted");
    assert_eq!(expired().await, 0, "not yet");
    town.service.clock.shift_to(15 * 60 + 1);
    assert_eq!((expired().await, expired().await), (1, 0));
    let last = history(&town.service, guid(&caller).await).await.remove(0);
    assert_eq!((last.kind, last.authority), (os2nykode::model::audit::EventKind::CodeExpired, Some(format!("code:{}", helper.sam))));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_with_a_name_keep_nobody_from_using_a_code() {
    let mut town = Town::new(codes::CODES).await;
    let more =
        setup(&town.text).more.replace("[rate_limit.name]\nattempts_before_delay = 100", "[rate_limit.name]\nattempts_before_delay = 2");
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

/// A request holds one connection at a time, so that requests don't wait for each other's second connection.
#[tokio::test(flavor = "multi_thread")]
async fn one_connection_is_enough_for_everybody() {
    let town = Town::with(codes::CODES, Setup { directory: "pool_size = 1", ..Setup::default() }).await;
    let (acting, member) = town.pair().await;
    let target = guid(&member).await;
    assert_eq!(town.set(&town.login(&acting), target, NEW).await, SetOutcome::Done);
    assert_eq!(reset(&town.service, &town.login(&member), target, OTHER).await, SetOutcome::Done);
    town.browser(&member).await.get(&format!("/accounts/{target}")).await.says(&member.sam);
    let page = town.browser(&acting).await.get(&format!("/delegation/accounts/{target}")).await;
    assert_eq!(page.status, 200);
    // A helpdesk's list, an unlock, a code and its use.
    let (helper, locked) = (town.person(&[&town.desk]).await, locked_person().await);
    let browser = town.browser(&helper).await;
    search(&browser, "/delegation/desk/desk", &locked.sam).await.says("1 fundet.");
    let path = format!("/delegation/accounts/{}", guid(&locked).await);
    let token = browser.get(&path).await.token();
    browser.post(&format!("{path}/unlock"), &[("csrf", &token)]).await.says("Kontoen er låst op.");
    let code = codes::given(&town, &helper, guid(&locked).await).await;
    assert!(codes::is_in(&codes::type_in(&town.service.visitor(), &locked.sam, &code).await));
    town.service.visitor().logged_in(&member.sam, OTHER).await;
}

/// A wrong SID in the authorization policy must not lift the restriction.
#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_is_named_by_a_sid_has_to_be_there_too() {
    let town = Town::new("").await;
    let (acting, member) = town.pair().await;
    let config = town.text.replace(&format!("protected_groups = [\"{}\"]", town.protected), "protected_groups = [\"S-1-5-21-1-2-3-4711\"]");
    assert_ne!(config, town.text);
    let service = setup(&config).start().await;
    let attempt = AttemptId::from_random(service.app.keys.random().expect("random"));
    let request = SetRequest {
        target: guid(&member).await,
        attempt,
        current: None,
        new: password(NEW),
        whose: Whose::Anothers { must_change: false },
    };
    let identity = os2faktor(&service, &acting, AssuranceLevel::Substantial);
    let answer = set_password::set(&service.app, &visit(&identity), &identity, request).await.expect("an answer");
    assert_eq!(answer, denied(Denial::Unreadable));
    assert_eq!(outcome_for(&service.app, &identity, guid(&member).await, attempt).await.expect("read"), None);
}

/// New passwords must be shown before the request ends. Otherwise they would be lost.
#[tokio::test(flavor = "multi_thread")]
async fn slips_for_which_there_is_no_time_are_left_out_and_change_nothing() {
    let proxy = Proxy::start().await;
    let slow = Setup { controllers: vec![proxy.address], ..Setup::default() };
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
    proxy.set(Mischief::Slow(std::time::Duration::from_millis(40)));
    let app = &town.service.app;
    let attempt = AttemptId::from_random(app.keys.random().expect("random"));
    let (group, pinned) = app.directory.find_group(&pupils).await.expect("found");
    drop(pinned);
    let chosen = Chosen { group, targets, attempt };
    let ends = tokio::time::Instant::now() + std::time::Duration::from_secs(16);
    let Made::Slips(_, slips) = make(app, &visit(&identity), &identity, &chosen, ends).await.expect("an answer") else { panic!("denied") };
    proxy.set(Mischief::None);
    assert_eq!(slips.len(), people.len());
    let (mut set, mut left) = (0, 0);
    for (slip, pupil) in slips.iter().zip(&people) {
        match &slip.outcome {
            Ok(password) => {
                set += 1;
                assert_eq!(bind(&pupil.dn, password.expose()).await, Err("773".to_owned()), "right, and has to be changed");
            }
            Err(Missing::NoTime) => {
                left += 1;
                assert_eq!(bind(&pupil.dn, PASSWORD).await, Ok(()), "not changed");
            }
            // The write was under way at the deadline.
            Err(Missing::Unknown) => assert!(!slip.name.is_empty()),
            Err(missing) => panic!("{missing:?}"),
        }
    }
    assert!(set > 0 && left > 0, "{set} {left}");
}

/// Otherwise one slow controller would lose the passwords that were set before.
#[tokio::test(flavor = "multi_thread")]
async fn slips_come_in_time_though_the_controller_does_not_answer() {
    let proxy = Proxy::start().await;
    let slow = Setup { controllers: vec![proxy.address], server: "request_timeout_seconds = 5", ..Setup::default() };
    let town = Town::with("", slow).await;
    let mut admin = Admin::new().await;
    let (teachers, pupils) =
        (admin.group(&format!("Lærere {} 3A", town.name)).await, admin.group(&format!("Elever {} 3A", town.name)).await);
    let (teacher, pupil) = (town.person(&[&teachers]).await, town.person(&[&pupils]).await);
    let (browser, target) = (town.browser(&teacher).await, guid(&pupil).await.to_string());
    let (group, pinned) = town.service.app.directory.find_group(&pupils).await.expect("found");
    drop(pinned);
    let path = format!("/delegation/group/{group}");
    let page = browser.get(&path).await;
    let (token, attempt) = (page.token(), page.attempt());
    proxy.set(Mischief::KeepAnswer(MODIFY_ANSWER));
    let fields = [("csrf", token.as_str()), ("attempt", &attempt), ("account", &target), ("confirmed", "1")];
    let slips = browser.post(&format!("{path}/slips"), &fields).await;
    proxy.set(Mischief::None);
    assert_eq!(slips.status, 200);
    slips.says("Vi ved ikke, om adgangskoden blev sat");
    slips.says("Testa"); // the owner's name
}

/// The use case itself ends the sessions, so that a browser that disconnects cannot prevent it. Hence the test bypasses the pages.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_the_sessions_that_the_old_one_began() {
    let town = Town::new("").await;
    let person = town.person(&[]).await;
    let target = guid(&person).await;
    let elsewhere = town.service.visitor();
    let account = elsewhere.logged_in(&person.sam, PASSWORD).await;
    elsewhere.get(&account.path).await.says(&person.sam);
    assert_eq!(reset(&town.service, &town.login(&person), target, NEW).await, SetOutcome::Done);
    elsewhere.get(&account.path).await.says("Log ind");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_unlocks_again_and_again_for_somebody_who_guesses() {
    let mut town = Town::new("").await;
    let more =
        setup(&town.text).more.replace("[rate_limit.name]\nattempts_before_delay = 100", "[rate_limit.name]\nattempts_before_delay = 2");
    town.service = Setup { more: more.leak(), ..Setup::default() }.start().await;
    let (desk, locked) = (town.person(&[&town.desk]).await, locked_person().await);
    let browser = town.browser(&desk).await;
    let path = format!("/delegation/accounts/{}", guid(&locked).await);
    let mut told = Vec::new();
    for _ in 0..3 {
        for _ in 0..5 {
            bind(&locked.dn, WRONG).await.expect_err("wrong");
        }
        assert!(is_locked(&locked).await);
        let token = browser.get(&path).await.token();
        told.push(browser.post(&format!("{path}/unlock"), &[("csrf", &token)]).await);
    }
    assert_eq!(told.iter().map(|page| page.status.as_u16()).collect::<Vec<_>>(), [200, 200, 429]);
    told[2].says("Der er prøvet for mange gange");
    assert!(is_locked(&locked).await);
}

/// Otherwise a visitor could fill the log and keep AD busy. The delay applies to this visitor only.
#[tokio::test(flavor = "multi_thread")]
async fn who_tries_what_is_none_of_theirs_soon_waits_alone() {
    let proxy = Proxy::start().await;
    let mut town = Town::new("").await;
    let more = setup(&town.text)
        .more
        .replace("[rate_limit.address]\nattempts_before_delay = 1000", "[rate_limit.address]\nattempts_before_delay = 3");
    town.service = Setup { controllers: vec![proxy.address], more: more.leak(), ..Setup::default() }.start().await;
    let (stranger, member) = (town.person(&[]).await, town.person(&[&town.circle]).await);
    let admin = town.person(&[&town.admins, &town.circle]).await;
    let path = format!("/delegation/accounts/{}", guid(&member).await);
    let browser = town.browser(&stranger).await;
    let token = browser.get(&format!("/accounts/{}/password", guid(&stranger).await)).await.token();
    let mut told = Vec::new();
    for _ in 0..2 {
        told.push(browser.get(&path).await.status.as_u16());
        told.push(browser.get("/delegation/desk/desk").await.status.as_u16());
    }
    assert_eq!(told, [404, 404, 404, 429]);
    let searches = proxy.count(SEARCH);
    assert_eq!(browser.get(&path).await.status, 429);
    for end in ["unlock", "password", "code"] {
        assert_eq!(browser.post(&format!("{path}/{end}"), &form(&token)).await.status, 429, "{end}");
    }
    assert_eq!(proxy.count(SEARCH), searches, "AD is not asked");
    let pool = sqlx::AnyPool::connect(&format!("sqlite://{}/os2nykode.db", town.service.dir.path().display())).await.expect("open");
    let (entries,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM audit WHERE outcome = 'refused'").fetch_one(&pool).await.expect("count");
    pool.close().await;
    assert_eq!(entries, 4, "three tries, and that they wait");
    // Another actor at the same address.
    assert_eq!(town.browser(&admin).await.get(&path).await.status, 200);
    town.service.clock.shift_to(60);
    assert_eq!(town.browser(&stranger).await.get(&path).await.status, 404, "after the wait");
}

/// All fields that a delegation form may have.
fn form(token: &str) -> [(&str, &str); 7] {
    let attempt = "0123456789abcdef0123456789abcdef";
    [("csrf", token), ("attempt", attempt), ("new", NEW), ("repeat", NEW), ("checked", "1"), ("reason", "Kendt stemme"), ("ticket", "")]
}
