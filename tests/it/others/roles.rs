//! Permissions of each role, through the pages and in AD.

use os2nykode::model::audit::{AuditOutcome, EventKind};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_password_admin_sets_a_password_that_has_to_be_changed_at_the_next_logon() {
    let town = Town::new("").await;
    let (acting, member) = town.pair().await;
    let target = guid(&member).await;
    let browser = town.browser(&acting).await;
    let page = browser.get("/delegation").await;
    page.says(&format!("Kredsen Kreds {}", town.name));
    let account = browser.get(&format!("/delegation/accounts/{target}")).await;
    account.says("Derfor kan du hjælpe");
    account.says("Kan bruges");
    let form = browser.get(&format!("/delegation/accounts/{target}/password")).await;
    assert!(form.html.contains("name=\"must_change\" value=\"1\" class=\"form-checkbox\" checked"), "{}", form.html);
    assert!(
        form.text.contains("Ikke en af de 24 adgangskoder") && !form.text.contains("skal have været brugt"),
        "no minimum age: {}",
        form.text
    );
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
    // The owner's history shows it.
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
    let page = town.browser(&acting).await.get(&format!("/delegation/accounts/{}", guid(&colleague).await)).await;
    page.says("Kontoen tilhører en kodeordsadministrator");
    assert!(!page.html.contains("/password\""), "{}", page.html);
    for (who, allowed) in [(&acting, false), (&desk, false), (&master, true)] {
        let answer = town.set(&town.login(who), guid(&colleague).await, NEW).await;
        assert_eq!(answer == SetOutcome::Done, allowed, "{answer:?}");
    }
    let other_master = town.person(&[&town.masters, &town.admins, &town.circle]).await;
    for who in [&acting, &desk, &other_master] {
        let answer = town.set(&town.login(who), guid(&master).await, NEW).await;
        assert_eq!(
            answer,
            SetOutcome::Refused(os2nykode::model::refusal::Refusal::Denied(os2nykode::model::authorization::Denial::MasterAdmin))
        );
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
    assert_eq!(town.set(&town.login(&acting), guid(&member).await, NEW).await, SetOutcome::Done);
    let page = town.browser(&acting).await.get("/delegation").await;
    let path = page
        .html
        .split("href=\"")
        .filter_map(|rest| rest.split('"').next())
        .find(|path| path.starts_with("/delegation/group/"))
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
    browser.get("/delegation").await.says(&format!("Din klasse: Elever {} 3a", town.name));
    set_for(&browser, guid(&pupil).await, NEW, false).await.says("Adgangskoden er sat");
    assert_eq!(bind(&pupil.dn, NEW).await, Ok(()));
    assert_eq!(browser.get(&format!("/delegation/accounts/{}", guid(&other).await)).await.status, 404);
    assert_eq!(browser.get(&format!("/delegation/accounts/{}", guid(&pupil).await)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_helper_unlocks_without_changing_the_password() {
    let town = Town::new("").await;
    let desk = town.person(&[&town.desk]).await;
    let locked = locked_person().await;
    let target = guid(&locked).await;
    let browser = town.browser(&desk).await;
    let path = format!("/delegation/accounts/{target}");
    let page = browser.get(&path).await;
    page.says("Låst");
    let unlocked = browser.post(&format!("{path}/unlock"), &[("csrf", &page.token())]).await;
    unlocked.says("Kontoen er låst op.");
    assert!(!is_locked(&locked).await);
    assert_eq!(bind(&locked.dn, PASSWORD).await, Ok(()), "and the password is as it was");
    let kinds: Vec<_> = history(&town.service, target).await.iter().map(|event| (event.kind, event.outcome)).collect();
    assert_eq!(kinds, [(EventKind::UnlockOutcome, AuditOutcome::Succeeded)], "once, by its outcome");
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
        command.args(["--config", config.to_str().expect("text"), "delegation", "explain", actor, target]);
        let output = command.output().expect("run");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, text, _) = explain(&acting.sam, &member.sam);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(&format!("set_password: allowed, as circle:Kreds {}", town.name)), "{text}");
    let (code, text, _) = explain(&member.sam, &acting.sam);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("see: denied, no_relation"), "{text}");
    let (code, _, problem) = explain("findes-ikke", &member.sam);
    assert_eq!(code, Some(2), "{problem}");
    assert!(problem.contains("findes-ikke"), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_fits_and_can_be_taken_as_it_is() {
    let town = Town::new("").await;
    let (acting, member) = town.pair().await;
    let target = guid(&member).await;
    let browser = town.browser(&acting).await;
    let path = format!("/delegation/accounts/{target}/password");
    let form = browser.get(&format!("{path}?propose")).await;
    let proposal = crate::page_check::attribute(&form.html, "input[name=new]", "value").expect("a proposal");
    assert!(proposal.chars().count() >= 12, "{proposal}");
    let again = browser.get(&format!("{path}?propose")).await;
    assert!(!again.html.contains(&proposal), "another each time");
    let fields = [("csrf", form.token()), ("attempt", form.attempt()), ("new", proposal.clone()), ("seen", "1".into())];
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let done = browser.post(&path, &fields).await;
    done.says("Adgangskoden er sat");
    done.does_not_hold(&proposal);
    assert_eq!(bind(&member.dn, &proposal).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_teacher_makes_slips_for_those_chosen_once_and_for_nobody_else() {
    let mut admin = Admin::new().await;
    let small = admin.group(&unique("Indskoling")).await;
    let town = Town::new(&format!("[delegation.must_change]\nnot_for = [\"{small}\"]\n")).await;
    let mut group = async |name: &str| admin.group(&format!("{name} {} 1b", town.name)).await;
    let (teachers, pupils) = (group("Lærere").await, group("Elever").await);
    let teacher = town.person(&[&teachers]).await;
    let (first, second, left_out) = (town.person(&[&pupils, &small]).await, town.person(&[&pupils]).await, town.person(&[&pupils]).await);
    let (closed, stranger) = (town.person(&[&pupils, &town.closed]).await, town.person(&[]).await);
    let browser = town.browser(&teacher).await;
    let choices = browser.get("/delegation").await;
    let path = choices
        .html
        .split("href=\"")
        .filter_map(|rest| rest.split('"').next())
        .find(|path| path.starts_with("/delegation/group/"))
        .expect("a list");
    let list = browser.get(path).await;
    let mut fields = vec![
        ("csrf", list.token()),
        ("attempt", crate::page_check::attribute(&list.html, "input[name=attempt]", "value").expect("a number")),
    ];
    let nobody: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let none = browser.post(&format!("{path}/slips"), &nobody).await;
    none.says("Du har ikke valgt nogen");
    drop(nobody);
    for person in [&first, &second, &closed, &stranger, &first] {
        fields.push(("account", guid(person).await.to_string()));
    }
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let asked = browser.post(&format!("{path}/slips"), &fields).await;
    asked.says("Sæt ny adgangskode for 4 personer?");
    assert_eq!(bind(&first.dn, PASSWORD).await, Ok(()), "nothing is set before the answer");
    let fields = [fields, vec![("confirmed", "1")]].concat();
    let slips = browser.post(&format!("{path}/slips"), &fields).await;
    assert_eq!(slips.html.matches("class=\"slip\"").count(), 2, "{}", slips.text);
    slips.says("i en gruppe, som andre ikke må sætte adgangskode for");
    assert!(!slips.text.contains(&stranger.sam) && !slips.text.contains(&left_out.sam), "{}", slips.text);
    let passwords: Vec<&str> = slips.html.split("slip-password\">").skip(1).filter_map(|rest| rest.split('<').next()).collect();
    assert_eq!(bind(&first.dn, passwords[0]).await, Ok(()), "the smallest need not change it");
    assert_eq!(bind(&second.dn, passwords[1]).await, Err("773".to_owned()), "the others have to");
    for untouched in [&left_out, &closed, &stranger] {
        assert_eq!(bind(&untouched.dn, PASSWORD).await, Ok(()));
    }
    // The same list sent again sets and shows no password.
    let again = browser.post(&format!("{path}/slips"), &fields).await;
    assert_eq!(again.html.matches("class=\"slip\"").count(), 0, "{}", again.text);
    again.says("Denne liste er sendt før");
    assert_eq!(bind(&first.dn, passwords[0]).await, Ok(()));
    // Another person has no access to the class.
    let other = town.browser(&town.person(&[]).await).await;
    let token = other.get("/delegation").await;
    assert!(!token.html.contains("/delegation/group/"));
    for file in ["os2nykode.db", "os2nykode.db-wal"] {
        let bytes = std::fs::read(town.service.dir.path().join(file)).unwrap_or_default();
        assert!(passwords.iter().all(|secret| !bytes.windows(secret.len()).any(|w| w == secret.as_bytes())), "they are not in {file}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slips_of_a_list_that_is_not_theirs_are_refused() {
    let town = Town::new("").await;
    let (acting, member) = town.pair().await;
    let browser = town.browser(&acting).await;
    let form = browser.get(&format!("/delegation/accounts/{}/password", guid(&member).await)).await;
    let target = guid(&member).await.to_string();
    let fields = [("csrf", form.token()), ("attempt", form.attempt()), ("account", target), ("confirmed", "1".into())];
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(browser.post("/delegation/group/S-1-5-21-1-2-3-4/slips", &fields).await.status, 404);
    assert_eq!(browser.post("/delegation/group/x/slips", &fields).await.status, 404);
    assert_eq!(browser.post("/delegation/group/S-1-5-21-1-2-3-4/slips", &[("csrf", &form.token()), ("account", "x")]).await.status, 400);
    assert_eq!(bind(&member.dn, PASSWORD).await, Ok(()));
}
