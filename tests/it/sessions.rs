//! Sessions: their list, their end by the owner, and their end by other events.

use std::sync::Arc;

use os2nykode::{
    admin::local_accounts::LocalAccountAdmin,
    model::{
        ad::guid::ObjectGuid,
        audit::{AuditOutcome, EventKind, Party},
        identity::{Identity, level::AssuranceLevel},
    },
};

use crate::{
    others::{Town, set_for},
    people::{Admin, PASSWORD, Person},
    provider_reset::{guid, history, os2faktor},
    service::Service,
    visitor::Visitor,
};

const NEW: &str = "Blå-Sejlbåd-4711";
const FIREFOX: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0";

/// A session as after a login at a provider with these linked accounts.
async fn at_provider(service: &Service, identity: &Identity, owners: &[ObjectGuid]) -> Visitor {
    let session = tower_sessions::Session::new(None, Arc::new(service.app.sessions.clone()), None);
    session.insert("identity", identity).await.expect("kept");
    let label = serde_json::json!({ "method": "saml", "provider": "os2faktor", "device": { "browser": "Safari", "system": "iPhone" } });
    session.insert("label", label).await.expect("kept");
    session.insert("owners", owners.iter().map(ToString::to_string).collect::<Vec<_>>()).await.expect("kept");
    session.save().await.expect("saved");
    Visitor::with_session(service.address, &session.id().expect("an id").to_string())
}

async fn is_in(visitor: &Visitor, target: ObjectGuid) -> bool {
    visitor.get(&format!("/accounts/{target}")).await.path.starts_with("/accounts/")
}

/// Outcomes and reasons of logouts in the account's history, newest first.
async fn logouts(service: &Service, target: ObjectGuid) -> Vec<(AuditOutcome, String)> {
    let all = history(service, target).await.into_iter();
    all.filter(|event| event.kind == EventKind::SignOut).map(|event| (event.outcome, event.reason)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_sees_where_they_are_logged_in_and_logs_out_everywhere() {
    let town = Town::new("").await;
    let service = &town.service;
    let person = town.person(&[]).await;
    let target = guid(&person).await;
    let phone = at_provider(service, &os2faktor(service, &person, AssuranceLevel::Substantial), &[target]).await;
    let mut browser = service.visitor();
    browser.client = crate::visitor::client().cookie_store(true).user_agent(FIREFOX).build().expect("a client");
    let page = browser.logged_in(&person.sam, PASSWORD).await;
    page.says("Her er du logget ind");
    page.says("Firefox på Windows");
    page.says("Safari på iPhone");
    assert_eq!(page.html.matches("Denne enhed").count(), 1, "{}", page.text);
    let out = browser.send(&format!("{}/sessions/end", page.path), &[("csrf", &page.token())]).await;
    assert_eq!(out.headers()["clear-site-data"], "\"cache\", \"storage\"");
    browser.follow("/", out).await.says("Du er logget ud alle steder");
    for visitor in [&phone, &browser] {
        assert!(!is_in(visitor, target).await, "here and there");
    }
    assert_eq!(logouts(service, target).await, [(AuditOutcome::Succeeded, "everywhere".to_owned())]);
}

/// Targets of the list's buttons.
fn ends(html: &str) -> Vec<String> {
    let forms = html.split("action=\"").skip(1).filter_map(|rest| rest.split('"').next());
    forms.filter(|action| action.ends_with("/end") && !action.ends_with("/sessions/end")).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_login_of_the_list_is_ended_and_only_by_its_owner() {
    let town = Town::new("").await;
    let service = &town.service;
    let (person, other) = (town.person(&[]).await, town.person(&[]).await);
    let target = guid(&person).await;
    let phone = at_provider(service, &os2faktor(service, &person, AssuranceLevel::Substantial), &[target]).await;
    let (browser, tablet, stranger) = (service.visitor(), service.visitor(), service.visitor());
    tablet.logged_in(&person.sam, PASSWORD).await;
    let page = browser.logged_in(&person.sam, PASSWORD).await;
    let listed = ends(&page.html);
    assert_eq!(listed.len(), 2, "all but the one that asks: {listed:?}");
    // Another person who knows the address cannot end the session, neither there nor under their own account.
    let theirs = stranger.logged_in(&other.sam, PASSWORD).await;
    let handle = listed[0].split('/').nth(4).expect("a handle");
    assert_eq!(stranger.post(&listed[0], &[("csrf", &theirs.token())]).await.status, 404);
    let own = format!("/accounts/{}/sessions/{handle}/end", guid(&other).await);
    assert_eq!(stranger.post(&own, &[("csrf", &theirs.token())]).await.status, 200, "their own list, where it is not");
    assert_eq!(browser.send(&listed[0], &[]).await.status(), 400, "without the token");
    assert!(is_in(&phone, target).await && is_in(&tablet, target).await);
    assert!(logouts(service, target).await.is_empty());
    // The entry with Safari is the login at the provider.
    let at = listed.iter().position(|action| {
        let handle = action.split('/').nth(4).unwrap_or_default();
        page.html.split(&format!("id=\"session-{handle}\"")).nth(1).is_some_and(|rest| rest.starts_with("><strong>Safari"))
    });
    let after = browser.post(&listed[at.expect("the phone is listed")], &[("csrf", &page.token())]).await;
    assert_eq!((after.status.as_u16(), ends(&after.html).len()), (200, 1));
    assert!(!is_in(&phone, target).await, "this one");
    assert!(is_in(&tablet, target).await && is_in(&browser, target).await, "no other");
    assert_eq!(logouts(service, target).await, [(AuditOutcome::Succeeded, "one_session".to_owned())]);
    // A repetition has no further effect.
    browser.post(&listed[at.expect("the phone was listed")], &[("csrf", &page.token())]).await.says("Her er du logget ind");
    assert_eq!(logouts(service, target).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_ends_anothers_sessions() {
    let town = Town::new("").await;
    let service = &town.service;
    let (victim, attacker) = (town.person(&[]).await, town.person(&[]).await);
    let target = guid(&victim).await;
    let theirs = service.visitor();
    let page = theirs.logged_in(&victim.sam, PASSWORD).await;
    let browser = service.visitor();
    let own = browser.logged_in(&attacker.sam, PASSWORD).await;
    assert!(!own.html.contains(&victim.sam), "nobody else's are listed");
    let end = format!("/accounts/{target}/sessions/end");
    assert_eq!(browser.post(&end, &[("csrf", &own.token())]).await.status, 404, "another's account");
    assert_eq!(browser.post(&format!("/delegation{end}"), &[("csrf", &own.token())]).await.status, 404, "as a helper, who they are not");
    // Without the token, with another session's, from another site, by GET.
    assert_eq!(theirs.send(&end, &[]).await.status(), 400);
    assert_eq!(theirs.send(&end, &[("csrf", &own.token())]).await.status(), 403);
    let foreign = theirs.request(reqwest::Method::POST, &end).header("sec-fetch-site", "cross-site").form(&[("csrf", page.token())]);
    assert_eq!(foreign.send().await.expect("an answer").status(), 403);
    let get = theirs.request(reqwest::Method::GET, &end).header("sec-fetch-site", "same-origin").send().await.expect("an answer");
    assert_eq!(get.status(), 405);
    assert_eq!(service.visitor().send(&end, &[("csrf", &own.token())]).await.status(), 303, "nobody is logged in");
    assert!(is_in(&theirs, target).await);
    assert!(logouts(service, target).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_helper_logs_somebody_out_everywhere_and_the_owner_sees_who() {
    let town = Town::new("").await;
    let service = &town.service;
    let (helper, person, colleague) = (town.person(&[&town.desk]).await, town.person(&[]).await, town.person(&[&town.admins]).await);
    let target = guid(&person).await;
    let phone = at_provider(service, &os2faktor(service, &person, AssuranceLevel::Substantial), &[target]).await;
    let browser = service.visitor();
    browser.logged_in(&person.sam, PASSWORD).await;
    let helping = crate::provider_reset::visitor(service, &town.login(&helper)).await;
    let path = format!("/delegation/accounts/{target}");
    let page = helping.get(&path).await;
    page.says("Log personen ud alle steder");
    helping.post(&format!("{path}/sessions/end"), &[("csrf", &page.token())]).await.says("Personen er logget ud alle steder");
    assert!(!is_in(&phone, target).await && !is_in(&browser, target).await);
    assert_eq!(logouts(service, target).await, [(AuditOutcome::Succeeded, "by_helper".to_owned())]);
    let again = service.visitor();
    again.logged_in(&person.sam, PASSWORD).await.says("Testa Prøvesen loggede dig ud alle steder");
    // A target that the actor has no authority over stays logged in.
    let beyond = guid(&colleague).await;
    let busy = service.visitor();
    busy.logged_in(&colleague.sam, PASSWORD).await;
    let answer = helping.post(&format!("/delegation/accounts/{beyond}/sessions/end"), &[("csrf", &page.token())]).await;
    assert_eq!(answer.status, 403, "{}", answer.text);
    assert!(is_in(&busy, beyond).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_the_sessions_that_providers_began() {
    let town = Town::new("").await;
    let service = &town.service;
    let (helper, person, other) = (town.person(&[&town.desk]).await, town.person(&[]).await, town.person(&[]).await);
    let (target, second) = (guid(&person).await, guid(&other).await);
    let phone = at_provider(service, &os2faktor(service, &person, AssuranceLevel::Substantial), &[target, second]).await;
    let stranger = at_provider(service, &os2faktor(service, &other, AssuranceLevel::Substantial), &[second]).await;
    let helping = crate::provider_reset::visitor(service, &town.login(&helper)).await;
    set_for(&helping, target, NEW, false).await.says("Adgangskoden er sat");
    assert!(!is_in(&phone, target).await, "begun at a provider, and ended with the password");
    assert!(is_in(&stranger, second).await, "nobody else's");
}

/// Resets a password as an administrator does with AD's own tools.
async fn set_elsewhere(person: &Person, new: &str) {
    let quoted = String::from_utf8(crate::people::utf16(new)).expect("ASCII in UTF-16 is UTF-8 as well");
    Admin::new().await.replace(&person.dn, "unicodePwd", &quoted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_ends_with_its_password_wherever_that_is_changed_but_here() {
    let town = Town::new("").await;
    let service = &town.service;
    let person = town.person(&[]).await;
    let browser = service.visitor();
    let page = browser.logged_in(&person.sam, PASSWORD).await;
    let done = browser.change(&page, PASSWORD, NEW).await;
    done.says("Din adgangskode er skiftet");
    for _ in 0..2 {
        assert!(is_in(&browser, guid(&person).await).await, "who has changed it goes on");
    }
    set_elsewhere(&person, "Ny-Udefra-4711").await;
    assert!(!is_in(&browser, guid(&person).await).await);
    let login = browser.get("/account").await;
    assert!(login.path.starts_with("/?"), "{}", login.path);
    // Opening the form ends the session too.
    let browser = service.visitor();
    let page = browser.logged_in(&person.sam, "Ny-Udefra-4711").await;
    set_elsewhere(&person, "Igen-Udefra-4712").await;
    browser.get(&format!("{}/password", page.path)).await.says("Du er logget ud, fordi");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_ends_somebodys_sessions() {
    let town = Town::new("").await;
    let service = &town.service;
    let person = town.person(&[]).await;
    let target = guid(&person).await;
    let phone = at_provider(service, &os2faktor(service, &person, AssuranceLevel::Substantial), &[target]).await;
    let app = &service.app;
    let desk = LocalAccountAdmin {
        staff: app.local_accounts.clone(),
        sessions: app.sessions.clone(),
        audit: app.audit.clone(),
        keys: app.keys.clone(),
        hasher: app.hasher.clone(),
        clock: service.clock.clone(),
    };
    let owner = Party { guid: target, account_name: person.sam.clone(), name: String::new() };
    assert_eq!(desk.end_sessions(owner).await.expect("ended"), 1);
    assert!(!is_in(&phone, target).await);
    assert_eq!(logouts(service, target).await, [(AuditOutcome::Succeeded, "by_operator".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_tells_the_browser_to_forget() {
    let service = Service::start().await;
    let person = Admin::new().await.person().await;
    let browser = service.visitor();
    let page = browser.logged_in(&person.sam, PASSWORD).await;
    let out = browser.send("/logout", &[("csrf", &page.token())]).await;
    assert_eq!(out.headers()["clear-site-data"], "\"cache\", \"storage\"");
    let cookies = out.headers().get_all("set-cookie").iter().map(|line| line.to_str().expect("text").to_owned()).collect::<Vec<_>>();
    assert!(cookies.iter().all(|line| line.starts_with("__Host-os2nykode=")), "the browser stays known to its owner: {cookies:?}");
    let other = browser.request(reqwest::Method::GET, "/").send().await.expect("an answer");
    assert!(!other.headers().contains_key("clear-site-data"));
}
