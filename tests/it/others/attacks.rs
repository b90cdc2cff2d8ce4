//! Attempts that are refused and leave the password unchanged.

use os2nykode::model::{authorization::Denial, refusal::Refusal};

use super::*;
use crate::{environment::environment, provider_reset::knows_password};

fn denied(denial: Denial) -> SetOutcome {
    SetOutcome::Refused(Refusal::Denied(denial))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_between_the_page_and_the_form_counts() {
    let town = Town::new("").await;
    let (acting, member) = town.pair().await;
    let (identity, target) = (town.login(&acting), guid(&member).await);
    let browser = town.browser(&acting).await;
    let path = format!("/delegation/accounts/{target}/password");
    let mut admin = Admin::new().await;
    let (circle, closed, protected, barred, admins) =
        (town.circle.clone(), town.closed.clone(), town.protected.clone(), town.barred.clone(), town.admins.clone());
    let changes: [(&str, &str, &str, bool, Denial); 7] = [
        (&circle, "member", &member.dn, false, Denial::NoRelation),
        (&circle, "member", &acting.dn, false, Denial::NoRelation),
        (&admins, "member", &acting.dn, false, Denial::NoRelation),
        (&closed, "member", &member.dn, true, Denial::ClosedToOthers),
        (&protected, "member", &member.dn, true, Denial::Protected),
        (&barred, "member", &acting.dn, true, Denial::Barred),
        (&admins, "member", &member.dn, true, Denial::PasswordAdmin),
    ];
    for (dn, attribute, value, add, denial) in changes {
        let form = browser.get(&path).await;
        let (token, attempt) = (form.token(), form.attempt());
        if add {
            admin.add(dn, attribute, value).await;
        } else {
            admin.remove(dn, attribute, value).await;
        }
        let page = browser.post(&path, &[("csrf", &token), ("attempt", &attempt), ("new", NEW), ("repeat", NEW)]).await;
        assert!(!page.text.contains("Adgangskoden er sat"), "{denial:?}: {}", page.text);
        assert_eq!(town.set(&identity, target, NEW).await, denied(denial));
        assert_eq!(bind(&member.dn, PASSWORD).await, Ok(()), "{denial:?}");
        if add { admin.remove(dn, attribute, value).await } else { admin.add(dn, attribute, value).await }
    }
    for (attribute, value, back, denial) in [
        ("userAccountControl", "514", "512", Denial::NotUsable),
        ("adminCount", "1", "", Denial::Protected),
        ("accountExpires", "1", "0", Denial::NotUsable),
    ] {
        admin.replace(&member.dn, attribute, value).await;
        assert_eq!(town.set(&identity, target, NEW).await, denied(denial), "{attribute}");
        admin.replace(&member.dn, attribute, back).await;
    }
    assert_eq!(bind(&member.dn, PASSWORD).await, Ok(()));
    assert_eq!(town.set(&identity, target, NEW).await, SetOutcome::Done, "and with everything as it was it works");
}

#[tokio::test(flavor = "multi_thread")]
async fn renamed_and_moved_accounts_and_groups_stay_what_they_are() {
    let town = Town::new("").await;
    let (acting, member) = town.pair().await;
    let target = guid(&member).await;
    let mut admin = Admin::new().await;
    let unit = admin.unit(&format!("Flyttet {}", town.name)).await;
    admin.rename(&member.dn, &format!("Nyt navn {}", town.name), Some(&unit)).await;
    admin.rename(&town.circle, &format!("Omdøbt {}", town.name), None).await;
    assert_eq!(town.set(&town.login(&acting), target, NEW).await, SetOutcome::Done);
    // A group outside the unit of circles is not a circle.
    admin.rename(&format!("CN=Omdøbt {},{}", town.name, town.circles), &format!("Omdøbt {}", town.name), Some(&unit)).await;
    assert_eq!(town.set(&town.login(&acting), target, OTHER).await, denied(Denial::NoRelation));
}

#[tokio::test(flavor = "multi_thread")]
async fn protected_accounts_are_known_by_number_however_their_groups_are_called() {
    let town = Town::new("").await;
    let desk = town.person(&[&town.desk]).await;
    let mut admin = Admin::new().await;
    let inner = admin.group(&format!("Uskyldig {}", town.name)).await;
    let operators = format!("CN=Account Operators,CN=Builtin,{}", environment().fact("BASE_DN"));
    admin.add_to_group(&operators, &inner).await;
    let member = town.person(&[&inner]).await;
    assert_eq!(admin.value(&member.sam, "adminCount").await, "", "no flag, only the group");
    assert_eq!(town.set(&town.login(&desk), guid(&member).await, NEW).await, denied(Denial::Protected));
    let page = town.browser(&desk).await.get(&format!("/delegation/accounts/{}", guid(&member).await)).await;
    page.says("særligt beskyttet");
    assert_eq!(town.set(&town.login(&desk), admin.guid("beate").await, NEW).await, denied(Denial::Protected), "a Domain Admin");
    assert_eq!(bind(&member.dn, PASSWORD).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn guids_of_groups_of_nobody_and_of_others_lead_nowhere() {
    let town = Town::new("").await;
    let (acting, member) = town.pair().await;
    let stranger = town.person(&[]).await;
    let browser = town.browser(&acting).await;
    let group = Admin::new().await.guid(&format!("Kreds {}", town.name)).await;
    let service_account = Admin::new().await.guid("svc-nykode").await;
    let made_up = ObjectGuid::parse("11111111-2222-4333-8444-555555555555").expect("a GUID");
    for target in [group, made_up, guid(&stranger).await, service_account] {
        assert_eq!(town.set(&town.login(&acting), target, NEW).await, denied(Denial::NoRelation), "{target}");
        for path in [format!("/delegation/accounts/{target}"), format!("/delegation/accounts/{target}/password")] {
            assert_eq!(browser.get(&path).await.status, 404, "{path}");
        }
        // With the token of a form for an authorized target.
        let form = browser.get(&format!("/delegation/accounts/{}/password", guid(&member).await)).await;
        let fields = [("csrf", form.token()), ("attempt", form.attempt()), ("new", NEW.to_owned()), ("repeat", NEW.to_owned())];
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(browser.post(&format!("/delegation/accounts/{target}/password"), &fields).await.status, 404);
        assert_eq!(browser.post(&format!("/delegation/accounts/{target}/unlock"), &[("csrf", &form.token())]).await.status, 404);
    }
    for path in [
        "/delegation/accounts/x",
        "/delegation/accounts/*",
        "/delegation/group/S-1-5-32-544",
        "/delegation/group/x",
        "/delegation/desk/desk",
        "/delegation/x/y",
    ] {
        assert_eq!(browser.get(path).await.status, 404, "{path}");
    }
    assert_eq!(bind(&stranger.dn, PASSWORD).await, Ok(()));
    assert_eq!(history(&town.service, guid(&stranger).await).await, [], "and it leaves no line in a stranger's history");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_weak_or_old_login_sees_why_and_sets_nothing() {
    let town = Town::new("").await;
    let (acting, member) = town.pair().await;
    let target = guid(&member).await;
    let weak = os2faktor(&town.service, &acting, AssuranceLevel::Low);
    let known = knows_password(&town.service, guid(&acting).await, &acting);
    for identity in [&weak, &known] {
        assert_eq!(town.set(identity, target, NEW).await, denied(Denial::TooWeak(AssuranceLevel::Substantial)));
        let page = visitor(&town.service, identity).await.get(&format!("/delegation/accounts/{target}")).await;
        page.says("Dit login er ikke sikkert nok til denne konto");
    }
    let identity = town.login(&acting);
    town.service.clock.shift_to(3601);
    assert_eq!(town.set(&identity, target, NEW).await, denied(Denial::LoginTooOld));
    assert_eq!(bind(&member.dn, PASSWORD).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_barred_do_not_act_on_anybody_not_even_themselves() {
    let town = Town::new("").await;
    let person = town.person(&[&town.barred, &town.desk, &town.admins, &town.circle]).await;
    let member = town.person(&[&town.circle]).await;
    let own = guid(&person).await;
    let browser = town.browser(&person).await;
    for path in ["/delegation".to_owned(), format!("/delegation/accounts/{}", guid(&member).await), "/delegation/desk/desk".to_owned()] {
        let page = browser.get(&path).await;
        assert_eq!(page.status, 403, "{path}");
        page.says("der ikke kan bruge denne tjeneste");
    }
    let page = browser.get(&format!("/accounts/{own}/password")).await;
    assert_eq!(page.status, 403);
    let attempt = AttemptId::from_random([9; 16]);
    for identity in [town.login(&person), knows_password(&town.service, own, &person)] {
        let request =
            SetRequest { target: own, attempt, current: Some(password(PASSWORD)), new: password(NEW), whose: Whose::Own { asking: None } };
        let answer = set_password::set(&town.service.app, &visit(&identity), &identity, request).await.expect("an answer");
        assert_eq!(answer, denied(Denial::Barred));
    }
    assert_eq!(bind(&person.dn, PASSWORD).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_is_missing_denies() {
    let town = Town::new("").await;
    let (acting, member) = town.pair().await;
    let target = guid(&member).await;
    Admin::new().await.delete(&town.closed).await;
    assert_eq!(town.set(&town.login(&acting), target, NEW).await, denied(Denial::Unreadable));
    town.browser(&acting).await.get(&format!("/delegation/accounts/{target}")).await.says("kan ikke læses lige nu");
    assert_eq!(bind(&member.dn, PASSWORD).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_account_has_its_own_rules_whatever_form_it_is_sent_by() {
    let town = Town::new("").await;
    let person = town.person(&[&town.desk, &town.admins, &town.circle]).await;
    let own = guid(&person).await;
    let known = knows_password(&town.service, own, &person);
    assert_eq!(town.set(&known, own, NEW).await, denied(Denial::NoRelation), "without the current password");
    assert_eq!(town.set(&town.login(&person), own, NEW).await, denied(Denial::NoRelation));
    let browser = town.browser(&person).await;
    assert_eq!(browser.get(&format!("/delegation/accounts/{own}")).await.path, format!("/accounts/{own}"));
    assert_eq!(bind(&person.dn, PASSWORD).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_sent_twice_acts_once_and_anothers_result_is_not_shown() {
    let town = Town::new("").await;
    let (acting, member) = town.pair().await;
    let target = guid(&member).await;
    let browser = town.browser(&acting).await;
    let path = format!("/delegation/accounts/{target}/password");
    let form = browser.get(&path).await;
    let (token, attempt) = (form.token(), form.attempt());
    let fields = [("csrf", token.as_str()), ("attempt", &attempt), ("new", NEW), ("repeat", NEW)];
    let (first, second) = tokio::join!(browser.post(&path, &fields), browser.post(&path, &fields));
    for page in [&first, &second] {
        assert_eq!(page.path, format!("{path}/{attempt}"));
    }
    let resets = history(&town.service, target).await.len();
    assert_eq!(resets, 1, "one attempt and its outcome");
    let other = town.person(&[&town.admins, &town.circle]).await;
    assert_eq!(town.browser(&other).await.get(&format!("{path}/{attempt}")).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_text_wherever_they_are_shown_and_searched_for() {
    let town = Town::new("").await;
    let acting = town.person(&[&town.admins, &town.circle]).await;
    let mut admin = Admin::new().await;
    let sam = unique("x");
    let member = admin.person_named(&sam, "Bo<b>", "\"'><script>alert(1)</script>&amp;*)(cn=*").await;
    admin.add_to_group(&town.circle, &member.dn).await;
    let browser = town.browser(&acting).await;
    let page = browser.get("/delegation").await;
    let path = page
        .html
        .split("href=\"")
        .filter_map(|rest| rest.split('"').next())
        .find(|path| path.starts_with("/delegation/group/"))
        .expect("a list");
    for query in ["", "?page=-1", "?page=99999999999999999999", "?q=%22%3E%3Cscript%3Ealert", "?page[]=1"] {
        let list = browser.get(&format!("{path}{query}")).await;
        assert_eq!(list.status, 200, "{query}");
        assert!(!list.html.contains("<script>alert"), "{query}: {}", list.html);
    }
    for words in ["Bo<b>", "*", ")(cn=*", "\0\0", "\\2a\\2a", "\"><script>alert(1)</script>", &"x".repeat(5000)] {
        let list = search(&browser, path, words).await;
        assert_eq!(list.status, 200, "{words}");
        assert!(!list.html.contains("<script>alert"), "{words}: {}", list.html);
    }
    search(&browser, path, "Bo<b>").await.says("1 fundet.");
    search(&browser, path, ")(cn=*").await.says("1 fundet."); // as text, it matches a part of the name
    for wild in ["**", ")(mail=*", "*)", "*"] {
        let found = search(&browser, path, wild).await;
        assert!(!found.text.contains(&sam), "{wild}: {}", found.text);
    }
    assert_eq!(browser.post(path, &[("q", "Bo")]).await.status, 400, "no search without the form's own token");
    let account = browser.get(&format!("/delegation/accounts/{}", guid(&member).await)).await;
    assert!(!account.html.contains("<script>alert"));
}
