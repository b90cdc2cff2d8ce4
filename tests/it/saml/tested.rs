//! Tests of SAML logins by auditors: the report, and the absence of any effect.

use os2nykode::model::identity::level::AssuranceLevel;
use reqwest::{Response, StatusCode};

use crate::{
    environment::unique,
    idp::{Answer, Idp, Wishes, configuration, introduce},
    people::{Admin, Person},
    provider_reset::{guid, os2faktor, visitor},
    service::{Service, Setup},
    visitor::{Page, Visitor, client},
};

const PAGE: &str = "/audit/login-test";

/// A service with the three providers, and an auditor with access to the whole log.
struct Bench {
    service: Service,
    person: Person,
}

impl Bench {
    async fn new() -> Self {
        let mut admin = Admin::new().await;
        let auditors = admin.group(&unique("Revision ")).await;
        let (text, entity) = configuration(&format!("[audit]\nauditors = [\"{auditors}\"]\n"));
        introduce(&entity, "https://localhost", Wishes::USUAL);
        let service = Setup { more: text.leak(), ..Setup::default() }.start().await;
        let person = admin.person().await;
        admin.add_to_group(&auditors, &person.dn).await;
        Self { service, person }
    }

    async fn browser(&self) -> Visitor {
        visitor(&self.service, &os2faktor(&self.service, &self.person, AssuranceLevel::Substantial)).await
    }

    /// Outcome and reason of every login test, and the number of successful logins.
    async fn logged(&self) -> (Vec<(String, String)>, i64) {
        let pool = sqlx::AnyPool::connect(&format!("sqlite://{}/os2nykode.db", self.service.dir.path().display())).await.expect("open");
        let tests = "SELECT outcome, reason FROM audit WHERE kind = 'login_tested' AND method = 'saml' ORDER BY seq";
        let tests = sqlx::query_as(tests).fetch_all(&pool).await.expect("read");
        let logins = "SELECT COUNT(*) FROM audit WHERE kind = 'sign_in' AND outcome = 'succeeded'";
        let logins: i64 = sqlx::query_scalar(logins).fetch_one(&pool).await.expect("read");
        pool.close().await;
        (tests, logins)
    }
}

async fn press(browser: &Visitor, idp: Idp) -> Response {
    let token = browser.get(PAGE).await.token();
    let response = browser.send(&format!("{PAGE}/{}", idp.name()), &[("csrf", &token)]).await;
    assert_eq!(response.status(), StatusCode::OK);
    response
}

fn cookie(response: &Response) -> String {
    response.headers()["set-cookie"].to_str().expect("text").split(';').next().unwrap_or_default().to_owned()
}

/// A browser that keeps no cookies.
fn nobody(bench: &Bench) -> Visitor {
    Visitor { client: client().build().expect("a client"), ..bench.service.visitor() }
}

async fn nobody_is_in(browser: &Visitor) {
    assert!(browser.get("/account").await.path.starts_with("/?"), "nobody is logged in");
}

fn refused(page: &Page) {
    page.says("Du blev ikke logget ind");
    assert_eq!(page.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_sees_an_assertion_part_by_part_and_stays_who_they_are() {
    let bench = Bench::new().await;
    let browser = bench.browser().await;
    for (idp, user, words, secrets) in [
        (Idp::Os2faktor, "anna", &["1 konto", "sAMAccountName", "a…a (4 tegn)", "fører til kontoen"][..], &["Anna Andersen"][..]),
        (Idp::Nemlogin, "birgit", &["2 konti", "https://data.gov.dk/model/core/eid/cprNumber", "vises ikke"], &["birgit", "Birgit"]),
    ] {
        let answer = browser.answer_to(press(&browser, idp).await, user).await;
        let page = browser.bring(&answer).await;
        assert_eq!((page.status.as_u16(), page.path.as_str()), (200, "/saml/acs"), "{}", page.text);
        for words in words.iter().chain(&[
            "Loginnet ville blive godtaget",
            "Conditions/NotOnOrAfter",
            "AuthnContextClassRef",
            "set bort fra",
            "protokollens egne kontroller",
        ]) {
            page.says(words);
        }
        for secret in secrets {
            page.does_not_hold(secret);
        }
        page.does_not_hold(&answer.relay);
        // A replay in the same browser, whose cookie is gone.
        refused(&browser.bring(&answer).await);
    }
    assert_eq!(browser.get("/audit").await.status, 200, "still the auditor");
    assert!(browser.get("/account").await.path.contains(&guid(&bench.person).await.to_string()));
    let (tests, logins) = bench.logged().await;
    assert_eq!((tests, logins), (vec![("succeeded".to_owned(), String::new()); 2], 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_marks_its_attribute() {
    let bench = Bench::new().await;
    let browser = bench.browser().await;
    for (idp, user, reason, words) in [
        (Idp::Unilogin, "ekstern", "saml_required_attribute", "dk:unilogin:aktoergruppe"),
        (Idp::Nemlogin, "uden-cpr", "saml_no_claim", "https://data.gov.dk/model/core/eid/cprNumber"),
    ] {
        let answer = browser.answer_to(press(&browser, idp).await, user).await;
        let page = browser.bring(&answer).await;
        for words in ["Loginnet ville blive afvist", "afviste loginnet", reason, words] {
            page.says(words);
        }
    }
    assert_eq!(bench.logged().await.1, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_a_test_logs_nobody_in_anywhere() {
    let bench = Bench::new().await;
    let begun = press(&bench.browser().await, Idp::Os2faktor).await;
    let test = cookie(&begun);
    let other = bench.service.visitor();
    let answer = other.answer_to(begun, "anna").await;
    // An auditor's test sent this person to the provider. The response is refused in the person's browser.
    refused(&other.bring(&answer).await);
    nobody_is_in(&other).await;
    // It is also refused for a login that was begun there.
    let own = other.answer_of("/login/os2faktor", "niels").await;
    refused(&other.bring(&Answer { response: answer.response.clone(), relay: own.relay.clone() }).await);
    // The test's cookie under the name of a login, and vice versa.
    let (of_login, login) = bench.service.visitor().answer_and_cookie("/login/os2faktor", "niels").await;
    let value = |cookie: &str| cookie.split_once('=').map(|(_, value)| value.to_owned()).unwrap_or_default();
    let under = |relay: &str, cookie: &str| format!("__Host-os2nykode-at-{relay}={}", value(cookie));
    for (answer, cookie) in [(&of_login, under(&of_login.relay, &test)), (&answer, under(&answer.relay, &login))] {
        refused(&nobody(&bench).bring_with(answer, &cookie).await);
    }
    // A thief of the cookie sees the report once and is not logged in.
    let thief = nobody(&bench);
    let page = thief.bring_with(&answer, &test).await;
    page.says("Loginnet ville blive godtaget");
    thief.bring_with(&answer, &test).await.says("saml_replayed");
    assert_eq!(
        bench.logged().await,
        (vec![("succeeded".to_owned(), String::new()), ("refused".to_owned(), "saml_replayed".to_owned())], 0)
    );
    // The login itself still works.
    bench.service.visitor().bring_with(&of_login, &login).await.says("Niels");
    assert_eq!(bench.logged().await.1, 1);
}
