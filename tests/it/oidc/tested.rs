//! Login tests by auditors: the report, and the absence of any effect.

use os2nykode::model::identity::level::AssuranceLevel;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::{BY_CPR, Begun, NSIS, bring, citizen, section};
use crate::{
    oidc::liar::Liar,
    oidc_forge::{RSA, STRANGER},
    others::Town,
    people::{Admin, Person},
    provider_reset::{guid, os2faktor, visitor},
    service::Setup,
    visitor::{Visitor, client},
};

const PAGE: &str = "/audit/login-test";

/// A town with a provider under the test's control, and an auditor with access to the whole log.
struct Bench {
    town: Town,
    liar: Liar,
    auditors: String,
    person: Person,
}

impl Bench {
    async fn new() -> Self {
        let (liar, mut admin) = (Liar::start().await, Admin::new().await);
        let auditors = admin.group(&crate::environment::unique("Revision ")).await;
        let more = format!("[audit]\nauditors = [\"{auditors}\"]\n{}", section("liar", &liar, BY_CPR));
        let town = Town::with(&more, Setup::default()).await;
        super::real::asked(&town.service).await;
        let person = town.person(&[&auditors]).await;
        Self { town, liar, auditors, person }
    }

    async fn browser(&self) -> Visitor {
        visitor(&self.town.service, &self.town.login(&self.person)).await
    }

    /// Logged login tests (outcome, reason, actor), and the number of successful logins.
    async fn logged(&self) -> (Vec<(String, String, Option<String>)>, i64) {
        let store = format!("sqlite://{}/os2nykode.db", self.town.service.dir.path().display());
        let pool = sqlx::AnyPool::connect(&store).await.expect("open");
        let tests = "SELECT outcome, reason, actor_name FROM audit WHERE kind = 'login_tested' AND provider = 'liar' AND method = 'oidc' ORDER BY seq";
        let tests = sqlx::query_as(tests).fetch_all(&pool).await.expect("read");
        let logins = "SELECT COUNT(*) FROM audit WHERE kind = 'sign_in' AND outcome = 'succeeded'";
        let logins: i64 = sqlx::query_scalar(logins).fetch_one(&pool).await.expect("read");
        pool.close().await;
        (tests, logins)
    }
}

async fn press(browser: &Visitor) -> Response {
    let token = browser.get(PAGE).await.token();
    browser.send(&format!("{PAGE}/liar"), &[("csrf", &token)]).await
}

/// Address of the page's refresh, and the cookie that the page set.
fn going_on(response: &Response) -> (Begun, String) {
    assert_eq!(response.status(), 200);
    let refresh = response.headers()["refresh"].to_str().expect("text");
    let url = refresh.strip_prefix("0; url=").expect("an address").parse().expect("an address");
    let cookie = response.headers()["set-cookie"].to_str().expect("text").split(';').next().unwrap_or_default().to_owned();
    (Begun { url }, cookie)
}

/// A browser that keeps no cookies.
fn nobody(bench: &Bench) -> Visitor {
    Visitor { client: client().build().expect("a client"), ..bench.town.service.visitor() }
}

async fn with_cookie(browser: &Visitor, path: &str, cookie: &str) -> Response {
    browser.request(Method::GET, path).header("cookie", cookie).header("sec-fetch-site", "cross-site").send().await.expect("an answer")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_sees_a_login_claim_by_claim_and_stays_who_they_are() {
    let bench = Bench::new().await;
    let (citizen, cpr) = citizen(&mut Admin::new().await).await;
    let browser = bench.browser().await;
    browser.get("/audit").await.says("Afprøv et login");
    let (begun, _) = going_on(&press(&browser).await);
    let changes = json!({
        "dk.cpr": cpr, "<script>alert(1)</script>": "Hemmelig værdi", "note": format!("urn:dk:cpr:{cpr}"), "groups": ["Borgere", "Andre"],
    });
    let token = begun.token(&bench.liar, &bench.town.service, changes);
    bench.liar.gives(&token);
    let page = bring(&browser, &begun.answer(&bench.liar)).await;
    assert_eq!((page.status.as_u16(), page.path.as_str()), (200, "/oidc/callback/liar"));
    for words in [
        "Loginnet ville blive godtaget",
        "1 konto",
        "Betydelig",
        "T…n (14 tegn)",
        "H…i (14 tegn)",
        "liste med 2: B…e (7 tegn), A…e (5 tegn)",
        "set bort fra",
        "fører til kontoen",
        &format!("{NSIS}Substantial"),
        &bench.liar.issuer,
    ] {
        page.says(words);
    }
    assert!(!page.html.contains("<script>alert") && page.text.contains("<script>alert(1)</script>"), "a name is text: {}", page.html);
    for secret in [cpr.as_str(), &token, &begun.parameter("nonce"), "an access token", "c-1", "Hemmelig", "Testesen", &citizen.sam] {
        page.does_not_hold(secret);
    }
    // The test logged in no person: the auditor's session is unchanged.
    assert_eq!(browser.get("/audit").await.status, 200);
    assert_eq!(browser.get(&format!("/accounts/{}", guid(&citizen).await)).await.status, 404);
    assert!(browser.get("/account").await.path.contains(&guid(&bench.person).await.to_string()));
    let (tests, logins) = bench.logged().await;
    assert_eq!(logins, 0);
    let [(outcome, reason, actor)] = tests.as_slice() else { panic!("{tests:?}") };
    assert_eq!((outcome.as_str(), reason.as_str()), ("succeeded", ""));
    assert!(actor.is_some(), "who has tested");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_tells_its_field_and_check_and_shows_nothing_before_the_signature() {
    let bench = Bench::new().await;
    let (_, cpr) = citizen(&mut Admin::new().await).await;
    let browser = bench.browser().await;
    for (changes, reason, words) in [
        (json!({ "identity_type": "professional" }), "oidc_required", ["identity_type", "does not have a required value"]),
        (json!({ "dk.cpr": null }), "oidc_no_claim", ["dk.cpr", "is missing"]),
        (json!({ "aud": "somebody-else" }), "oidc_audience", ["aud", "does not name us"]),
    ] {
        let (begun, _) = going_on(&press(&browser).await);
        let mut claims: Value = begun.claims(&bench.liar, &bench.town.service, json!({ "dk.cpr": cpr }));
        claims = crate::oidc_forge::but(claims, changes);
        bench.liar.gives(&RSA.token("RS256", &claims));
        let page = bring(&browser, &begun.answer(&bench.liar)).await;
        page.says("Loginnet ville blive afvist");
        page.says(reason);
        for words in words {
            page.says(words);
        }
        page.says("T…n (14 tegn)");
        page.does_not_hold(&cpr);
    }
    let (begun, _) = going_on(&press(&browser).await);
    bench.liar.gives(&STRANGER.token("RS256", &begun.claims(&bench.liar, &bench.town.service, json!({ "dk.cpr": cpr }))));
    let page = bring(&browser, &begun.answer(&bench.liar)).await;
    page.says("oidc_signature");
    page.says("Der vises intet");
    page.does_not_hold("identity_type");
    let (tests, logins) = bench.logged().await;
    let reasons: Vec<_> = tests.iter().map(|(_, reason, _)| reason.as_str()).collect();
    assert_eq!((reasons, logins), (vec!["oidc_required", "oidc_no_claim", "oidc_audience", "oidc_signature"], 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_and_a_login_are_never_taken_for_one_another_and_count_once() {
    let bench = Bench::new().await;
    let (_, cpr) = citizen(&mut Admin::new().await).await;
    let browser = nobody(&bench);
    let login = browser.request(Method::GET, "/login/liar").send().await.expect("an answer");
    let url = login.headers()["location"].to_str().expect("text").parse().expect("an address");
    let (of_login, login) =
        (Begun { url }, login.headers()["set-cookie"].to_str().expect("text").split(';').next().unwrap_or_default().to_owned());
    let (of_test, test) = going_on(&press(&bench.browser().await).await);
    let value = |cookie: &str| cookie.split_once('=').map(|(_, value)| value.to_owned()).unwrap_or_default();
    for (begun, sealed) in [(&of_login, value(&test)), (&of_test, value(&login))] {
        bench.liar.gives(&begun.token(&bench.liar, &bench.town.service, json!({ "dk.cpr": cpr })));
        let cookie = format!("__Host-os2nykode-at-{}={sealed}", begun.parameter("state"));
        assert_eq!(with_cookie(&browser, &begun.answer(&bench.liar), &cookie).await.status(), 403, "what was sealed under another name");
    }
    assert!(bench.liar.asked("/token").is_empty());
    // A thief of the cookie without a session gets the report, but is not logged in.
    bench.liar.gives(&of_test.token(&bench.liar, &bench.town.service, json!({ "dk.cpr": cpr })));
    let answer = with_cookie(&browser, &of_test.answer(&bench.liar), &test).await;
    assert_eq!(answer.status(), 200);
    let kept: Vec<_> = answer.headers().get_all("set-cookie").iter().filter_map(|value| value.to_str().ok()).collect();
    assert!(kept.iter().all(|cookie| cookie.starts_with("__Host-os2nykode-at-") && cookie.contains("Max-Age=0")), "{kept:?}");
    let again = with_cookie(&browser, &of_test.answer(&bench.liar), &test).await.text().await.expect("a page");
    assert!(again.contains("oidc_replayed"), "{again}");
    assert_eq!(bench.liar.asked("/token").len(), 1);
    assert_eq!(bench.logged().await.1, 0);
    // The login itself still works.
    bench.liar.gives(&of_login.token(&bench.liar, &bench.town.service, json!({ "dk.cpr": cpr })));
    assert_eq!(with_cookie(&browser, &of_login.answer(&bench.liar), &login).await.status(), 303);
    assert_eq!(bench.logged().await.1, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_an_auditor_tests_a_login_or_sees_what_came_of_one() {
    let bench = Bench::new().await;
    let town = &bench.town;
    let weak = os2faktor(&town.service, &bench.person, AssuranceLevel::Low);
    let (desk, member) = (town.person(&[&town.desk]).await, town.person(&[&town.circle]).await);
    for (who, identity, status) in [("too weak", weak, 403), ("a helpdesk", town.login(&desk), 404), ("a member", town.login(&member), 404)]
    {
        let other = visitor(&town.service, &identity).await;
        assert_eq!(other.get(PAGE).await.status, status, "{who}");
        let page = other.get("/delegation").await;
        let token = crate::page_check::attribute(&page.html, "input[name=csrf]", "value").expect("the logout's form");
        let response = other.send(&format!("{PAGE}/liar"), &[("csrf", &token)]).await;
        assert_eq!(response.status(), status, "{who}");
        assert!(response.headers().get("refresh").is_none() && response.headers().get("set-cookie").is_none(), "{who} has begun nothing");
    }
    let browser = bench.browser().await;
    assert_eq!(browser.send(&format!("{PAGE}/liar"), &[("csrf", "x")]).await.status(), 403, "without its form");
    let token = browser.get(PAGE).await.token();
    assert_eq!(browser.send(&format!("{PAGE}/nobody"), &[("csrf", &token)]).await.status(), 404);
    // The auditor loses the role between the start and the answer.
    let (begun, _) = going_on(&press(&browser).await);
    bench.liar.gives(&begun.token(&bench.liar, &town.service, json!({})));
    Admin::new().await.remove(&bench.auditors, "member", &bench.person.dn).await;
    let page = bring(&browser, &begun.answer(&bench.liar)).await;
    assert_eq!(page.status, 403);
    page.says("Du blev ikke logget ind");
    assert!(bench.liar.asked("/token").is_empty());
    let (tests, _) = bench.logged().await;
    assert_eq!(tests.iter().map(|(outcome, ..)| outcome.as_str()).collect::<Vec<_>>(), ["refused"], "{tests:?}");
}
