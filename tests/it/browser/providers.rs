//! Logins at real identity providers in a real browser, which withholds its cookies from forms of other sites.

use serde_json::json;

use super::{Browser, NEW};
use crate::{
    environment::environment,
    idp::{Idp, Wishes, configuration, introduce, pupil},
    oidc::real::{self, Op},
    people::{Admin, bind},
    service::{Service, Setup},
};

/// A service at an address that the providers can redirect to.
async fn service() -> Service {
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound").port();
    let (text, entity) = configuration("");
    introduce(&entity, &format!("https://localhost:{port}"), Wishes::USUAL);
    Setup { more: text.leak(), port: Some(port), ..Setup::default() }.start().await
}

impl Browser {
    async fn log_in_there(&self, user: &str) {
        self.fill("input[name=username]", user).await;
        self.fill("input[name=password]", environment().fact("IDP_PASSWORD")).await;
        self.press("#submit_button, button[type=submit]").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_employee_comes_back_from_the_provider_resets_and_logs_out_on_both_sides() {
    let service = service().await;
    let mut admin = Admin::new().await;
    let person = admin.person().await;
    let nsis = "https://data.gov.dk/concept/core/nsis/loa";
    Idp::Os2faktor.person(&person.sam, &[("NameID", &person.sam), ("sAMAccountName", &person.sam), (nsis, "Substantial")]);
    let browser = Browser::open(true, 1280).await;
    browser.go(&service, "/").await;
    browser.look("front-with-providers-1280").await;
    browser.press("a[href='/login/os2faktor']").await;
    browser.log_in_there(&person.sam).await;
    browser.says("Testa Prøvesen").await;
    browser.press("main a.button").await;
    browser.fill("#new", NEW).await;
    browser.fill("#repeat", NEW).await;
    browser.press("main button[type=submit]").await;
    browser.says("Din adgangskode er skiftet").await;
    assert_eq!(bind(&person.dn, NEW).await, Ok(()));
    browser.press("form[action='/logout'] button").await;
    browser.says("Skift din adgangskode").await;
    let at = browser.client.current_url().await.expect("an address");
    assert_eq!((at.host_str(), at.query()), (Some("localhost"), Some("logged-out")), "by way of the provider");
    browser.press("a[href='/login/os2faktor']").await;
    browser.fill("input[name=username]", "").await; // the login form shows that the provider's session has ended
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pupil_goes_to_uni_login_by_form_on_a_phone_with_and_without_javascript() {
    let service = service().await;
    let mut admin = Admin::new().await;
    for javascript in [true, false] {
        let (_, uniid) = pupil(&mut admin, true).await;
        // Without JavaScript, the driver cannot press anything on an emulated phone.
        let browser = Browser::open(javascript, if javascript { 390 } else { 1280 }).await;
        browser.go(&service, "/").await;
        browser.press("a[href='/login/unilogin']").await;
        if !javascript {
            browser.press("form[data-send] button").await;
        }
        browser.log_in_there(&uniid).await;
        if !javascript {
            // The provider's form to the service, not the button of the page before.
            browser.press("form[action$='/saml/acs'] button[type=submit]").await;
        }
        browser.says("Testa Prøvesen").await;
        if javascript {
            browser.look("account-of-a-pupil-390").await;
            assert_eq!(browser.script("return document.cookie").await, json!(""), "no script sees a cookie");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_without_an_account_is_told_so_on_a_page_that_a_screen_reader_can_read() {
    let service = service().await;
    let browser = Browser::open(true, 390).await;
    browser.go(&service, "/login/nemlogin").await;
    browser.log_in_there("ukendt").await;
    browser.says("CPR-nummer").await;
    browser.look("no-account-390").await;
    assert!(!browser.client.source().await.expect("a page").contains("1212825104"));
}

/// A service that is registered at the OpenID providers, at an address that they can redirect to.
async fn mitid(response_mode: &str) -> Service {
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound").port();
    let text = Op::Neb.configuration(&format!("https://localhost:{port}"), &format!("response_mode = \"{response_mode}\""));
    let service = Setup { more: text.leak(), port: Some(port), ..Setup::default() }.start().await;
    real::asked(&service).await;
    service
}

#[tokio::test(flavor = "multi_thread")]
async fn a_citizen_logs_in_with_mitid_resets_and_logs_out_whatever_way_the_answer_travels() {
    let mut admin = Admin::new().await;
    for (response_mode, javascript, width) in [("query", true, 390), ("form_post", true, 1280), ("form_post", false, 1280)] {
        let service = mitid(response_mode).await;
        let (person, _) = real::known_to(Op::Neb, &mut admin, "Substantial").await;
        let browser = Browser::open(javascript, width).await;
        browser.go(&service, "/").await;
        browser.says("Log ind med MitID").await;
        if javascript {
            browser.look(&format!("front-with-mitid-{width}")).await;
        }
        browser.press("a[href='/login/neb']").await;
        browser.fill("#user", &person.sam).await;
        browser.fill("#password", environment().fact("OIDC_PASSWORD")).await;
        browser.press("#login").await;
        if !javascript {
            browser.press("button[type=submit], input[type=submit]").await; // the provider's form to the service
        }
        browser.says("Testa Prøvesen").await;
        browser.press("main a.button").await;
        browser.fill("#new", NEW).await;
        browser.fill("#repeat", NEW).await;
        browser.press("main button[type=submit]").await;
        browser.says("Din adgangskode er skiftet").await;
        assert_eq!(bind(&person.dn, NEW).await, Ok(()));
        browser.press("form[action='/logout'] button").await;
        if !javascript {
            browser.press("form[data-send] button").await;
        }
        browser.press("#logout").await; // the provider asks for a confirmation
        browser.says("Skift din adgangskode").await;
        let at = browser.client.current_url().await.expect("an address");
        assert_eq!((at.host_str(), at.query()), (Some("localhost"), Some("logged-out")), "by way of the provider");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_gives_up_mitid_is_told_so_and_can_begin_again() {
    let service = mitid("query").await;
    let browser = Browser::open(true, 390).await;
    browser.go(&service, "/login/neb").await;
    browser.press("#cancel").await;
    browser.says("afbrudt eller afvist").await;
    browser.look("mitid-cancelled-390").await;
    browser.press("a[href='/login/neb']").await;
    browser.fill("#user", "anna").await;
}
