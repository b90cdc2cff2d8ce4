//! A login by a password that has been replaced authorizes no delegation, regardless of how the password was replaced.

use os2nykode::model::audit::EventKind;

use super::*;

/// A town with circle admins, helpdesks and auditors by AD password.
async fn town() -> (Town, String) {
    let auditors = Admin::new().await.group(&unique("Auditorer")).await;
    let more = format!("[audit]\nauditors = [\"{auditors}\"]\nlevel = \"substantial\"\n");
    let mut town = Town::new("").await;
    let text = format!("{}{more}", town.text.replacen("[delegation]\n", "[delegation]\nad_password_level = \"substantial\"\n", 1));
    town.service = setup(&text).start().await;
    (town, auditors)
}

/// Resets a password as an administrator does with AD's own tools.
async fn set_elsewhere(person: &Person, new: &str) {
    let quoted = String::from_utf8(crate::people::utf16(new)).expect("ASCII in UTF-16 is UTF-8 as well");
    Admin::new().await.replace(&person.dn, "unicodePwd", &quoted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_changed_elsewhere_ends_what_its_login_may_do_to_others() {
    let (town, auditors) = town().await;
    let (acting, member) = (town.person(&[&town.admins, &town.circle, &town.desk, &auditors]).await, town.person(&[&town.circle]).await);
    let target = guid(&member).await;
    let browser = town.service.visitor();
    browser.logged_in(&acting.sam, PASSWORD).await;
    let pages =
        ["/delegation".to_owned(), "/delegation/desk/desk".to_owned(), format!("/delegation/accounts/{target}"), "/audit".to_owned()];
    for path in &pages {
        assert_eq!(browser.get(path).await.status, 200, "{path}");
    }
    let form = browser.get(&format!("/delegation/accounts/{target}/password")).await;
    let (token, attempt) = (form.token(), form.attempt());
    set_elsewhere(&acting, "Ny-Udefra-4711").await;
    for path in &pages {
        let page = browser.get(path).await;
        assert_eq!(page.status, 403, "{path}");
        page.says("Din adgangskode er ændret, siden du loggede ind");
    }
    let fields = [("csrf", token.as_str()), ("attempt", &attempt), ("new", NEW), ("repeat", NEW)];
    let page = browser.post(&format!("/delegation/accounts/{target}/password"), &fields).await;
    page.says("Din adgangskode er ændret, siden du loggede ind");
    browser.post(&format!("/delegation/accounts/{target}/unlock"), &[("csrf", &token)]).await.says("Din adgangskode er ændret");
    assert_eq!(bind(&member.dn, PASSWORD).await, Ok(()));
    let told = town.service.app.audit.history_of(guid(&acting).await, 100, jiff::Timestamp::UNIX_EPOCH).await.expect("read");
    assert!(told.iter().all(|entry| entry.event.kind != EventKind::ResetOutcome), "nothing of it is about them");
    // A new login restores the access.
    let browser = town.service.visitor();
    browser.logged_in(&acting.sam, "Ny-Udefra-4711").await;
    assert_eq!(browser.get(&pages[2]).await.status, 200);
}

/// An own change replaces the password of the login too.
#[tokio::test(flavor = "multi_thread")]
async fn after_an_own_change_somebody_logs_in_again_to_act_on_others() {
    let (town, _) = town().await;
    let (acting, member) = (town.person(&[&town.desk]).await, town.person(&[]).await);
    let path = format!("/delegation/accounts/{}", guid(&member).await);
    let browser = town.service.visitor();
    let account = browser.logged_in(&acting.sam, PASSWORD).await;
    assert_eq!(browser.get(&path).await.status, 200);
    browser.change(&account, PASSWORD, NEW).await.says("Din adgangskode er skiftet");
    assert_eq!(browser.get(&account.account_path()).await.status, 200, "their own account stays theirs");
    let page = browser.get(&path).await;
    assert_eq!(page.status, 403);
    page.says("log ind igen med den nye");
    let browser = town.service.visitor();
    browser.logged_in(&acting.sam, NEW).await;
    assert_eq!(browser.get(&path).await.status, 200);
}
