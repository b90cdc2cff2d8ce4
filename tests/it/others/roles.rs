//! What each role can do, through the pages and in AD.

use os2nykode::model::audit::{AuditOutcome, EventKind};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_password_admin_sets_a_password_that_has_to_be_changed_at_the_next_logon() {
    let town = Town::new("").await;
    let (acting, member) = town.pair().await;
    let target = guid(&member).await;
    let browser = town.browser(&acting).await;
    let page = browser.get("/others").await;
    page.says(&format!("Kredsen Kreds {}", town.name));
    let account = browser.get(&format!("/others/accounts/{target}")).await;
    account.says("Derfor kan du hjælpe");
    account.says("Kan bruges");
    let form = browser.get(&format!("/others/accounts/{target}/password")).await;
    assert!(form.html.contains("name=\"must_change\" value=\"1\" class=\"form-checkbox\" checked"), "{}", form.html);
    set_for(&browser, target, NEW, true).await.says("Adgangskoden er sat");
    assert_eq!(bind(&member.dn, NEW).await, Err("773".to_owned()), "the password is right, and must be changed");
    assert_eq!(bind(&member.dn, PASSWORD).await, Err("52e".to_owned()));
    set_for(&browser, target, OTHER, false).await.says("Adgangskoden er sat");
    assert_eq!(bind(&member.dn, OTHER).await, Ok(()));

    let entries = history(&town.service, target).await;
    let reset = entries.iter().find(|event| event.kind == EventKind::ResetOutcome).expect("logged");
    assert_eq!(reset.outcome, AuditOutcome::Succeeded);
    assert_eq!(reset.authority.as_deref(), Some(format!("circle:Kreds {}", town.name).as_str()));
    assert_eq!(reset.actor.as_ref().map(|actor| actor.account_name.as_str()), Some(acting.sam.as_str()));
    assert_eq!(reset.target.as_ref().map(|target| target.account_name.as_str()), Some(member.sam.as_str()));
    // And the owner sees it.
    let own = town.browser(&member).await.get(&format!("/accounts/{target}")).await;
    own.says("Testa Prøvesen satte en ny adgangskode");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_logged_in_with_the_old_password_is_logged_out() {
    let town = Town::new("").await;
    let (acting, member) = town.pair().await;
    let intruder = town.service.visitor();
    let account = intruder.logged_in(&member.sam, PASSWORD).await;
    set_for(&town.browser(&acting).await, guid(&member).await, NEW, false).await.says("Adgangskoden er sat");
    intruder.get(&account.path).await.says("Du er logget ud, fordi");
}

#[tokio::test(flavor = "multi_thread")]
async fn masters_act_on_password_admins_and_nobody_on_masters() {
    let town = Town::new("").await;
    let (acting, _) = town.pair().await;
    let colleague = town.person(&[&town.admins, &town.circle]).await;
    let master = town.person(&[&town.masters, &town.circle]).await;
    let desk = town.person(&[&town.desk]).await;
    let page = town.browser(&acting).await.get(&format!("/others/accounts/{}", guid(&colleague).await)).await;
    page.says("Kontoen tilhører en kodeordsadministrator");
    assert!(!page.html.contains("/password\""), "{}", page.html);
    for (who, allowed) in [(&acting, false), (&desk, false), (&master, true)] {
        let answer = town.set(&town.login(who), guid(&colleague).await, NEW).await;
        assert_eq!(answer == Answer::Done, allowed, "{answer:?}");
    }
    let other_master = town.person(&[&town.masters, &town.admins, &town.circle]).await;
    for who in [&acting, &desk, &other_master] {
        let answer = town.set(&town.login(who), guid(&master).await, NEW).await;
        assert_eq!(answer, Answer::Refused(os2nykode::model::refusal::Refusal::Denied(os2nykode::model::authority::Denial::MasterAdmin)));
    }
    assert_eq!(bind(&master.dn, PASSWORD).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn membership_by_nested_groups_counts_on_both_sides_also_in_a_ring() {
    let town = Town::new("").await;
    let mut admin = Admin::new().await;
    let (one, two) = (admin.group(&format!("Indre {}", town.name)).await, admin.group(&format!("Inderst {}", town.name)).await);
    admin.add_to_group(&town.circle, &one).await;
    admin.add_to_group(&one, &two).await;
    admin.add_to_group(&two, &one).await; // a ring
    let inner_admins = admin.group(&format!("Adm indre {}", town.name)).await;
    admin.add_to_group(&town.admins, &inner_admins).await;
    let acting = town.person(&[&inner_admins, &two]).await;
    let member = town.person(&[&two]).await;
    assert_eq!(town.set(&town.login(&acting), guid(&member).await, NEW).await, Answer::Done);
    let page = town.browser(&acting).await.get("/others").await;
    let path = page
        .html
        .split("href=\"")
        .filter_map(|rest| rest.split('"').next())
        .find(|path| path.starts_with("/others/group/"))
        .expect("a list");
    let list = town.browser(&acting).await.get(path).await;
    list.says("Her er 2.");
    list.says(&member.sam);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_teacher_acts_on_the_class_of_the_same_name_and_on_no_other() {
    let town = Town::new("").await;
    let mut admin = Admin::new().await;
    let mut group = async |name: &str| admin.group(&format!("{name} {} 3a", town.name)).await;
    let (teachers, pupils) = (group("Lærere").await, group("Elever").await);
    let mut admin = Admin::new().await;
    let other_class = admin.group(&format!("Elever {} 3b", town.name)).await;
    let (teacher, pupil, other) = (town.person(&[&teachers]).await, town.person(&[&pupils]).await, town.person(&[&other_class]).await);
    let browser = town.browser(&teacher).await;
    browser.get("/others").await.says(&format!("Din klasse: Elever {} 3a", town.name));
    set_for(&browser, guid(&pupil).await, NEW, false).await.says("Adgangskoden er sat");
    assert_eq!(bind(&pupil.dn, NEW).await, Ok(()));
    assert_eq!(browser.get(&format!("/others/accounts/{}", guid(&other).await)).await.status, 404);
    assert_eq!(browser.get(&format!("/others/accounts/{}", guid(&pupil).await)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_helper_unlocks_without_changing_the_password() {
    let town = Town::new("").await;
    let desk = town.person(&[&town.desk]).await;
    let locked = locked_person().await;
    let target = guid(&locked).await;
    let browser = town.browser(&desk).await;
    let path = format!("/others/accounts/{target}");
    let page = browser.get(&path).await;
    page.says("Låst");
    let unlocked = browser.post(&format!("{path}/unlock"), &[("csrf", &page.token())]).await;
    unlocked.says("Kontoen er låst op.");
    assert!(!is_locked(&locked).await);
    assert_eq!(bind(&locked.dn, PASSWORD).await, Ok(()), "and the password is as it was");
    let kinds: Vec<_> = history(&town.service, target).await.iter().map(|event| (event.kind, event.outcome)).collect();
    assert_eq!(kinds, [(EventKind::UnlockOutcome, AuditOutcome::Succeeded), (EventKind::UnlockAttempt, AuditOutcome::Started)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_password_unlocks_and_is_held_against_the_policy() {
    let town = Town::new("").await;
    let desk = town.person(&[&town.desk]).await;
    let locked = locked_person().await;
    let browser = town.browser(&desk).await;
    let page = set_for(&browser, guid(&locked).await, "kort", true).await;
    assert_eq!(page.status, 422);
    page.says("for kort");
    assert!(is_locked(&locked).await);
    set_for(&browser, guid(&locked).await, NEW, false).await.says("Adgangskoden er sat");
    assert_eq!(bind(&locked.dn, NEW).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_explains_who_may_what_and_why() {
    let town = Town::new("").await;
    let (acting, member) = town.pair().await;
    let config = town.service.dir.path().join("config.toml");
    let explain = |actor: &str, target: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_os2nykode"));
        command.args(["--config", config.to_str().expect("text"), "authority", "explain", actor, target]);
        let output = command.output().expect("run");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, text, _) = explain(&acting.sam, &member.sam);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(&format!("set_password: allowed, as circle:Kreds {}", town.name)), "{text}");
    let (code, text, _) = explain(&member.sam, &acting.sam);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("see: denied, not_yours"), "{text}");
    let (code, _, problem) = explain("findes-ikke", &member.sam);
    assert_eq!(code, Some(2), "{problem}");
    assert!(problem.contains("findes-ikke"), "{problem}");
}
