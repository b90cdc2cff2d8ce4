//! Visitors without a session: the reason, all logins, and the way back. Also the logged-in person on pages that need no login.

use reqwest::Method;

use crate::{
    page_check::attribute,
    people::{Admin, PASSWORD},
    service::Service,
    visitor::Visitor,
};

async fn log_out(visitor: &Visitor) {
    let front = visitor.get("/").await;
    let token = attribute(&front.html, "header input[name=csrf]", "value").expect("a button to log out");
    visitor.post("/logout", &[("csrf", &token)]).await.says("Du er logget ud");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_leads_back_to_the_page_that_was_asked_for_but_never_to_another_persons() {
    let service = Service::start().await;
    let mut admin = Admin::new().await;
    let (first, second) = (admin.person().await, admin.person().await);
    let form = format!("{}/password", service.visitor().logged_in(&first.sam, PASSWORD).await.account_path());

    let visitor = service.visitor();
    let front = visitor.get(&form).await;
    assert_eq!(front.path, "/?login");
    front.says("Log ind for at komme til siden");
    assert!(front.html.contains("href=\"/login\""), "all logins: {}", front.html);
    assert_eq!(visitor.log_in(&first.sam, PASSWORD).await.path, form);
    log_out(&visitor).await;
    assert!(visitor.log_in(&first.sam, PASSWORD).await.path.starts_with("/accounts/"), "a way back is good for one login");
    log_out(&visitor).await;

    visitor.get(&form).await;
    let page = visitor.log_in(&second.sam, PASSWORD).await;
    page.says(&second.sam);
    assert!(page.path.starts_with("/accounts/") && !form.starts_with(&page.path), "{}", page.path);

    // A form sent after the end of the session has no effect, and the page of the form is the way back.
    let token = visitor.get(&page.path).await.token();
    service.clock.shift_to(24 * 3600);
    let own = format!("{}/password", page.path);
    let sent = visitor.post(&own, &[("csrf", &token)]).await;
    assert_eq!(sent.path, "/?ended-form");
    sent.says("Det, du lige har sendt, er ikke gennemført. Du er logget ud, fordi");
    assert_eq!(visitor.log_in(&second.sam, PASSWORD).await.path, own);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_without_a_login_says_who_is_logged_in_and_lets_them_out() {
    let service = Service::start().await;
    let person = Admin::new().await.person().await;
    let visitor = service.visitor();
    for path in ["/", "/login", "/findes-ikke"] {
        assert!(!visitor.get(path).await.html.contains("action=\"/logout\""), "{path}: nobody is logged in");
    }
    let account = visitor.logged_in(&person.sam, PASSWORD).await;
    for path in ["/", "/?logged-out", "/login", "/findes-ikke", "/accounts/x"] {
        let page = visitor.get(path).await;
        assert!(page.html.contains("action=\"/logout\"") && page.html.contains("Testa Prøvesen"), "{path}: {}", page.html);
        page.says("Gå til din konto");
        assert!(!page.text.contains("Du er logget ud"), "a link can't claim it: {}", page.text);
    }
    log_out(&visitor).await;
    assert!(!visitor.get("/").await.html.contains("Testa Prøvesen"));
    assert_eq!(visitor.get(&account.path).await.path, "/?login");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_login_keeps_the_user_name_but_not_a_password_in_its_place() {
    let service = Service::start().await;
    let person = Admin::new().await.person().await;
    let visitor = service.visitor();
    let name = async |name: &str, password: &str| {
        let page = visitor.log_in(name, password).await;
        assert_eq!(page.status, 422);
        attribute(&page.html, "#name", "value").unwrap_or_default()
    };
    assert_eq!(name(&person.sam, "Helt-Forkert-99").await, person.sam);
    assert_eq!(name("Helt-Forkert-99", "Helt-Forkert-99").await, "", "a password in both fields");
}

#[tokio::test(flavor = "multi_thread")]
async fn password_managers_and_browsers_find_what_they_ask_for() {
    let service = Service::start().await;
    let person = Admin::new().await.person().await;
    let visitor = service.visitor();
    let change = "/.well-known/change-password";
    assert_eq!(visitor.get(change).await.path, "/?login");
    assert_eq!(visitor.get("/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200").await.status, 404);
    let account = visitor.logged_in(&person.sam, PASSWORD).await;
    assert_eq!(visitor.get(change).await.path, account.path);
    let icon = visitor.request(Method::GET, "/favicon.ico").send().await.expect("an answer");
    assert_eq!((icon.status().as_u16(), icon.headers()["content-type"].to_str().expect("text")), (200, "image/x-icon"));
}
