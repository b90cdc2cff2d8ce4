//! OpenID Connect through the whole service, against a provider under the test's control: refusals, messages, and effects on others.

mod check;
mod guesses;
pub mod liar;
pub mod real;
mod tested;

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use jiff::Timestamp;
use os2nykode::{
    clock::Clock,
    model::{
        audit::{AuditEvent, AuditOutcome, EventKind},
        identity::{LoginMethod, level::AssuranceLevel, provider::ProviderId},
    },
};
use reqwest::{Method, Url};
use serde_json::{Value, json};

use self::liar::{DISCOVERY, Liar, Says};
use crate::{
    oidc_forge::{EC, NSIS, RSA, STRANGER, basic, but},
    people::{Admin, PASSWORD, Person, bind},
    service::{Service, Setup},
    visitor::{Page, Visitor},
};

const NEW: &str = "Blå-Sejlbåd-4711";

/// A CPR number that is unique in this run.
pub fn cpr() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // The process id is part of it, because several runs may share an environment.
    let n = std::process::id() % 1000 * 250 + NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{:02}0371{:04}", 1 + n / 9000, 1000 + n % 9000)
}

/// An account with a CPR number of its own.
pub async fn citizen(admin: &mut Admin) -> (Person, String) {
    let (person, cpr) = (admin.person().await, cpr());
    admin.replace(&person.dn, "employeeNumber", &cpr).await;
    (person, cpr)
}

/// A provider's section of the configuration. CPR number and level come from the ID token unless `more` overrides it.
fn section(id: &str, liar: &Liar, more: &str) -> String {
    format!(
        "[[oidc.provider]]\nid = \"{id}\"\nmitid = true\nissuer = \"{}\"\nclient_id = \"{id}-client\"\nclient_secret = \"s3cret\"\nscopes = [\"openid\", \"ssn\"]\n\
         name = {{ from = \"name\" }}\n{more}\n\
         [[oidc.provider.level]]\nfrom = \"loa\"\nvalues = {{ \"{NSIS}Low\" = \"low\", \"{NSIS}Substantial\" = \"substantial\" }}\n\
         [[oidc.provider.require]]\nfrom = \"identity_type\"\nvalues = [\"private\"]\n",
        liar.issuer
    )
}

const BY_CPR: &str = "match = { by = \"cpr\", from = \"dk.cpr\", ad_attribute = \"employeeNumber\" }";
const CALM: &str = "[rate_limit.name]\nattempts_before_delay = 100\n[rate_limit.address]\nattempts_before_delay = 1000\n[login.ad_password]\nanswer_after_ms = 0\n";

/// A service with these providers, whose metadata was read once.
async fn service(sections: &[String]) -> Service {
    let text = format!("{CALM}{}", sections.concat());
    let service = Setup { more: text.leak(), ..Setup::default() }.start().await;
    let oidc = service.app.oidc.as_ref().expect("configured");
    for id in oidc.ids() {
        let _ = oidc.refresh(id).await; // the test may have given the provider bad metadata
    }
    service
}

async fn with_liar(more: &str) -> (Service, Liar) {
    let liar = Liar::start().await;
    let service = service(&[section("liar", &liar, more)]).await;
    (service, liar)
}

/// A begun login: the authorization request as the provider sees it.
struct Begun {
    url: Url,
}

impl Begun {
    fn parameter(&self, name: &str) -> String {
        self.url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    }

    /// A valid ID token for this login, with these claims changed.
    fn token(&self, liar: &Liar, service: &Service, changes: Value) -> String {
        RSA.token("RS256", &self.claims(liar, service, changes))
    }

    fn claims(&self, liar: &Liar, service: &Service, changes: Value) -> Value {
        let second = service.clock.now().as_second();
        let right = json!({
            "iss": liar.issuer, "sub": "6d0c", "aud": self.parameter("client_id"), "exp": second + 300, "iat": second, "auth_time": second, "jti": "t-1",
            "sid": "s-1", "nonce": self.parameter("nonce"), "loa": format!("{NSIS}Substantial"), "identity_type": "private", "name": "Testa Testesen",
        });
        but(right, changes)
    }

    fn answer(&self, liar: &Liar) -> String {
        format!("/oidc/callback/liar?code=c-1&state={}&iss={}", self.parameter("state"), liar.issuer)
    }
}

async fn begin(visitor: &Visitor, provider: &str) -> Begun {
    let response = visitor.request(Method::GET, &format!("/login/{provider}")).send().await.expect("an answer");
    let to = response.headers().get("location").unwrap_or_else(|| panic!("{}", response.status())).to_str().expect("text");
    Begun { url: to.parse().expect("an address") }
}

/// Follows the callback address like a browser that comes from another site.
async fn bring(visitor: &Visitor, path: &str) -> Page {
    let response = visitor.request(Method::GET, path).header("sec-fetch-site", "cross-site").send().await.expect("an answer");
    visitor.follow(path.split('?').next().expect("a path"), response).await
}

/// A complete login.
async fn log_in(service: &Service, liar: &Liar, visitor: &Visitor, changes: Value) -> Page {
    let begun = begin(visitor, "liar").await;
    liar.gives(&begun.token(liar, service, changes));
    bring(visitor, &begun.answer(liar)).await
}

/// Asserts that the visitor is not logged in and that the page gives no reason.
async fn refused(visitor: &Visitor, page: &Page, what: &str) {
    assert_eq!(page.status, 403, "{what}: {} {}", page.path, page.text);
    assert!(page.text.contains("Du blev ikke logget ind") && page.text.contains("Start forfra"), "{what}: {}", page.text);
    assert!(visitor.get("/account").await.path.starts_with("/?"), "{what}: nobody is logged in");
}

/// Reason of the last login that did not succeed.
async fn last_reason(service: &Service) -> String {
    crate::saml::reasons(&format!("sqlite://{}/os2nykode.db", service.dir.path().display())).await.pop().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_resets_the_password_of_whoever_has_the_cpr_number() {
    let (service, liar) = with_liar(&format!(
        "{BY_CPR}\nparameters = {{ idp_values = \"mitid\", idp_params = {{ mitid = {{ loa = 2 }} }} }}\nmax_age_seconds = 0"
    ))
    .await;
    let mut admin = Admin::new().await;
    let (person, cpr) = citizen(&mut admin).await;
    let visitor = service.visitor();
    let begun = begin(&visitor, "liar").await;
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", "liar-client"),
        ("scope", "openid ssn"),
        ("redirect_uri", "https://localhost/oidc/callback/liar"),
        ("prompt", "login"),
        ("max_age", "0"),
        ("code_challenge_method", "S256"),
        ("idp_values", "mitid"),
        ("idp_params", "{\"mitid\":{\"loa\":2}}"),
        ("ui_locales", "da"),
    ] {
        assert_eq!(begun.parameter(name), value, "{name}");
    }
    liar.gives(&begun.token(&liar, &service, json!({ "dk.cpr": cpr })));
    let account = bring(&visitor, &begun.answer(&liar)).await;
    account.says("Testa");
    account.does_not_hold(&cpr);
    let question = liar.asked("/token").pop().expect("asked");
    assert_eq!(question.authorization.as_deref(), Some(basic("liar-client", "s3cret").as_str()));
    let verifier = &question.form["code_verifier"];
    let hash = ring::digest::digest(&ring::digest::SHA256, verifier.as_bytes());
    assert_eq!(data_encoding::BASE64URL_NOPAD.encode(hash.as_ref()), begun.parameter("code_challenge"));
    assert_eq!((question.form["code"].as_str(), question.form["redirect_uri"].as_str()), ("c-1", "https://localhost/oidc/callback/liar"));
    assert!(liar.asked("/userinfo").is_empty(), "nothing comes from there");

    visitor.reset(&account.account_path(), NEW).await.says("Din adgangskode er skiftet");
    assert_eq!(bind(&person.dn, NEW).await, Ok(()));
    assert_eq!(bind(&person.dn, PASSWORD).await, Err("52e".to_owned()));
    let guid = admin.guid(&person.sam).await;
    let all: Vec<AuditEvent> =
        service.app.audit.history_of(guid, 50, Timestamp::MIN).await.expect("read").into_iter().map(|entry| entry.event).collect();
    assert!(all.iter().any(|event| event.kind == EventKind::ResetOutcome && event.outcome == AuditOutcome::Succeeded));
    for event in &all {
        assert_eq!((event.method, event.level), (Some(LoginMethod::Oidc), Some(AssuranceLevel::Substantial)), "{event:?}");
        assert_eq!((event.provider.as_ref().map(ProviderId::as_str), event.assertion.as_deref()), (Some("liar"), Some("t-1")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_counts_once_in_the_browser_that_asked_for_the_provider_that_was_asked() {
    let (first, second) = (Liar::start().await, Liar::start().await);
    let service = service(&[section("liar", &first, BY_CPR), section("other", &second, BY_CPR)]).await;
    let mut admin = Admin::new().await;
    let (_, cpr) = citizen(&mut admin).await;
    let (victim, attacker) = (service.visitor(), service.visitor());
    let begun = begin(&victim, "liar").await;
    for liar in [&first, &second] {
        liar.gives(&begun.token(&first, &service, json!({ "dk.cpr": cpr })));
    }
    let (state, iss) = (begun.parameter("state"), &first.issuer);
    let other = &second.issuer;
    for (what, path, reason) in [
        ("no state", format!("/oidc/callback/liar?code=c&iss={iss}"), "oidc_not_asked"),
        ("another state", format!("/oidc/callback/liar?code=c&state={}&iss={iss}", "0".repeat(32)), "oidc_not_asked"),
        ("another provider's address", format!("/oidc/callback/other?code=c&state={state}&iss={other}"), "oidc_not_asked"),
        ("another provider's name", format!("/oidc/callback/liar?code=c&state={state}&iss={other}"), "oidc_answer_issuer"),
        ("no name, where it has promised one", format!("/oidc/callback/liar?code=c&state={state}"), "oidc_answer_issuer"),
        ("nobody's address", format!("/oidc/callback/nobody?code=c&state={state}&iss={iss}"), "oidc_not_asked"),
        ("two states", format!("/oidc/callback/liar?code=c&state={state}&state=x&iss={iss}"), "oidc_not_asked"),
    ] {
        // A cookie is used up by the first answer to its state. Hence each case has a browser and a login of its own.
        let visitor = service.visitor();
        let own = begin(&visitor, "liar").await;
        let page = bring(&visitor, &path.replace(&state, &own.parameter("state"))).await;
        refused(&visitor, &page, what).await;
        assert_eq!(last_reason(&service).await, reason, "{what}");
    }
    let page = bring(&attacker, &begun.answer(&first)).await;
    refused(&attacker, &page, "another browser").await;
    assert!(first.asked("/token").is_empty() && second.asked("/token").is_empty(), "nobody was asked because of any of these");

    let again = service.visitor();
    let begun = begin(&again, "liar").await;
    let cookie = format!("__Host-os2nykode-at-{}", begun.parameter("state"));
    assert_eq!(cookie.len(), "__Host-os2nykode-at-".len() + 32);
    first.gives(&begun.token(&first, &service, json!({ "dk.cpr": cpr })));
    assert!(bring(&again, &begun.answer(&first)).await.path.starts_with("/accounts/"));
    let page = bring(&again, &begun.answer(&first)).await;
    assert_eq!(page.status, 403, "the same answer again, in the same browser");
    assert_eq!(first.asked("/token").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_somebody_keeps_is_used_up_whoever_brings_it_and_old_ones_do_not_count() {
    let (service, liar) = with_liar(BY_CPR).await;
    let mut admin = Admin::new().await;
    let (_, cpr) = citizen(&mut admin).await;
    // A thief who has the cookie too.
    let nobody = Visitor { client: crate::visitor::client().build().expect("a client"), ..service.visitor() };
    let response = nobody.request(Method::GET, "/login/liar").send().await.expect("an answer");
    let cookie = response.headers()["set-cookie"].to_str().expect("text").split(';').next().unwrap_or_default().to_owned();
    let begun = Begun { url: response.headers()["location"].to_str().expect("text").parse().expect("an address") };
    liar.gives(&begun.token(&liar, &service, json!({ "dk.cpr": cpr })));
    let send = || nobody.request(Method::GET, &begun.answer(&liar)).header("cookie", &cookie).send();
    let (one, two) = tokio::join!(send(), send());
    let statuses = [one.expect("an answer").status(), two.expect("an answer").status()];
    assert_eq!(statuses.iter().filter(|status| status.is_redirection()).count(), 1, "one of two at once: {statuses:?}");
    assert_eq!(liar.asked("/token").len(), 1);
    let late = service.visitor();
    let begun = begin(&late, "liar").await;
    service.clock.shift_to(16 * 60);
    liar.gives(&begun.token(&liar, &service, json!({ "dk.cpr": cpr })));
    let page = bring(&late, &begun.answer(&liar)).await;
    refused(&late, &page, "after a quarter of an hour").await;
}

/// Makes a token from claims.
type Forge = fn(&Value) -> String;

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_counts_once_over_all_instances() {
    let liar = Liar::start().await;
    let dir = tempfile::tempdir().expect("a folder");
    let text: &'static str = format!("{CALM}{}", section("liar", &liar, BY_CPR)).leak();
    let url = format!("sqlite://{}/shared.db", dir.path().display());
    let mut admin = Admin::new().await;
    let (_, cpr) = citizen(&mut admin).await;
    let mut services = Vec::new();
    for _ in 0..2 {
        let service = Setup { more: text, store: Some(url.clone()), ..Setup::default() }.start().await;
        real::asked(&service).await;
        services.push(service);
    }
    let nobody = |service: &Service| Visitor { client: crate::visitor::client().build().expect("a client"), ..service.visitor() };
    let response = nobody(&services[0]).request(Method::GET, "/login/liar").send().await.expect("an answer");
    let cookie = response.headers()["set-cookie"].to_str().expect("text").split(';').next().unwrap_or_default().to_owned();
    let begun = Begun { url: response.headers()["location"].to_str().expect("text").parse().expect("an address") };
    liar.gives(&begun.token(&liar, &services[0], json!({ "dk.cpr": cpr })));
    let mut statuses = Vec::new();
    for service in [&services[1], &services[0]] {
        let sent = nobody(service).request(Method::GET, &begun.answer(&liar)).header("cookie", &cookie).send();
        statuses.push(sent.await.expect("an answer").status().as_u16());
    }
    assert_eq!(statuses, [303, 403], "begun at one, finished at the other, and over");
    assert_eq!(liar.asked("/token").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_down_is_told_of() {
    let liar = Liar::start().await;
    let nowhere = "http://127.0.0.1:1";
    liar.says(DISCOVERY, Says::Json(200, but(liar.discovery(), json!({ "token_endpoint": format!("{nowhere}/token") }))));
    let service = service_with(&liar).await;
    let visitor = service.visitor();
    let begun = begin(&visitor, "liar").await;
    let page = bring(&visitor, &begun.answer(&liar)).await;
    assert_eq!((page.status.as_u16(), last_reason(&service).await.as_str()), (503, "provider_unreachable"));
    page.says("Prøv igen om lidt");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_key_of_the_provider_has_signed_for_this_login_logs_nobody_in() {
    let (service, liar) = with_liar(BY_CPR).await;
    let mut admin = Admin::new().await;
    let (_, cpr) = citizen(&mut admin).await;
    let second = service.clock.now().as_second();
    let plain: Forge = |claims| RSA.token("RS256", claims);
    let table: [(&str, Value, Forge, &str); 14] = [
        ("a stranger's key", json!({}), |claims| STRANGER.token("RS256", claims), "oidc_signature"),
        ("none", json!({}), |claims| RSA.token_with(&json!({ "alg": "none" }), claims), "oidc_algorithm"),
        (
            "HS256 with the public key",
            json!({}),
            |claims| RSA.token_with(&json!({ "alg": "HS256", "kid": "rsa" }), claims),
            "oidc_algorithm",
        ),
        ("RS512", json!({}), |claims| RSA.token("RS512", claims), "oidc_algorithm"),
        ("an encrypted one, where none is expected", json!({}), |_| "a.b.c.d.e".to_owned(), "oidc_encryption"),
        ("another login's nonce", json!({ "nonce": "0".repeat(32) }), plain, "oidc_nonce"),
        ("another client's token", json!({ "aud": "another" }), plain, "oidc_audience"),
        ("another issuer's", json!({ "iss": "http://127.0.0.1:1" }), plain, "oidc_issuer"),
        ("expired", json!({ "exp": second - 1000, "iat": second - 10, "auth_time": second }), plain, "oidc_expired"),
        ("from the future", json!({ "iat": second + 1000 }), plain, "oidc_issued_at"),
        ("no iat", json!({ "iat": null }), plain, "oidc_issued_at"),
        ("a stale login", json!({ "auth_time": second - 1000 }), plain, "oidc_auth_time"),
        ("no time of login", json!({ "auth_time": null }), plain, "oidc_auth_time"),
        ("another's access token", json!({ "at_hash": "AAAAAAAAAAAAAAAAAAAAAA" }), plain, "oidc_at_hash"),
    ];
    for (what, changes, forge, reason) in table {
        let visitor = service.visitor();
        let begun = begin(&visitor, "liar").await;
        let claims = but(begun.claims(&liar, &service, json!({ "dk.cpr": cpr })), changes);
        liar.gives(&forge(&claims));
        let page = bring(&visitor, &begun.answer(&liar)).await;
        refused(&visitor, &page, what).await;
        assert_eq!(last_reason(&service).await, reason, "{what}");
    }
    for (what, answer, reason) in [
        ("no ID token", json!({ "access_token": "x", "token_type": "Bearer" }), "oidc_no_id_token"),
        ("an empty one", json!({ "access_token": "x", "token_type": "Bearer", "id_token": "" }), "oidc_not_jwt"),
    ] {
        let visitor = service.visitor();
        let begun = begin(&visitor, "liar").await;
        liar.says("/token", Says::Json(200, answer));
        let page = bring(&visitor, &begun.answer(&liar)).await;
        refused(&visitor, &page, what).await;
        assert_eq!(last_reason(&service).await, reason, "{what}");
    }
    let visitor = service.visitor();
    let begun = begin(&visitor, "liar").await;
    liar.says("/token", Says::Json(400, json!({ "error": "invalid_grant" })));
    let page = bring(&visitor, &begun.answer(&liar)).await;
    refused(&visitor, &page, "somebody else's code").await;
    assert_eq!(last_reason(&service).await, "oidc_code");
}

#[tokio::test(flavor = "multi_thread")]
async fn userinfo_counts_only_for_the_person_of_the_token() {
    let more = "match = { by = \"cpr\", from = \"dk.cpr\", in = \"userinfo\", ad_attribute = \"employeeNumber\" }";
    let (service, liar) = with_liar(more).await;
    let mut admin = Admin::new().await;
    let (person, cpr) = citizen(&mut admin).await;
    for (what, sub, reason) in [("another person", "another", "oidc_subject"), ("the right one", "6d0c", "")] {
        let visitor = service.visitor();
        liar.says("/userinfo", Says::Json(200, json!({ "sub": sub, "dk.cpr": cpr })));
        let page = log_in(&service, &liar, &visitor, json!({})).await;
        if reason.is_empty() {
            page.says("Testa");
            assert_eq!(page.path, format!("/accounts/{}", admin.guid(&person.sam).await));
            assert_eq!(
                liar.asked("/userinfo").last().and_then(|question| question.authorization.clone()).as_deref(),
                Some("Bearer an access token")
            );
        } else {
            refused(&visitor, &page, what).await;
            assert_eq!(last_reason(&service).await, reason);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_right_login_lacks_is_told() {
    let (service, liar) = with_liar(&format!("{BY_CPR}\nminimum_level = \"low\"")).await;
    let mut admin = Admin::new().await;
    let (_, cpr) = citizen(&mut admin).await;
    let unknown = crate::oidc::cpr();
    for (changes, text) in [
        (json!({}), "oplyser ikke dit CPR-nummer"),
        (json!({ "dk.cpr": cpr, "identity_type": "professional" }), "ikke for dem"),
        (json!({ "dk.cpr": cpr, "loa": "x" }), "ikke sikkert nok"),
        (json!({ "dk.cpr": unknown }), "ingen aktiv konto her med dit CPR-nummer"),
    ] {
        let visitor = service.visitor();
        let page = log_in(&service, &liar, &visitor, changes).await;
        page.says(text);
        page.does_not_hold(&unknown);
        assert_eq!(page.status, 403);
    }
    let visitor = service.visitor();
    let account = log_in(&service, &liar, &visitor, json!({ "dk.cpr": cpr, "loa": format!("{NSIS}Low") })).await;
    account.says("niveauet Betydelig"); // the account page explains why a reset is not possible
    let begun = begin(&service.visitor(), "liar").await;
    assert_eq!(begun.parameter("prompt"), "login");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_providers_error_is_told_in_words_or_by_its_plain_code_only() {
    let (service, liar) = with_liar(BY_CPR).await;
    for (error, text, reason) in [
        ("access_denied", "afbrudt eller afvist", "provider_cancelled"),
        ("login_required", "ikke logget ind i forvejen", "provider_no_passive"),
        ("unmet_authentication_requirements", "ikke sikkert nok", "provider_level_not_reached"),
        ("temporarily_unavailable", "Prøv igen om lidt", "provider_busy"),
        ("x_broker_7.1", "x_broker_7.1", "provider_failed"),
        ("%3Cb%3EGaa+til+evil.dk", "Der gik noget galt", "provider_failed"),
    ] {
        let visitor = service.visitor();
        let begun = begin(&visitor, "liar").await;
        // Some providers leave `iss` out of errors although all their other answers have it.
        let path = format!("/oidc/callback/liar?error={error}&error_description=Ring+til+70+00+00+00&state={}", begun.parameter("state"));
        let page = bring(&visitor, &path).await;
        page.says(text);
        assert!(!page.html.contains("70 00 00 00") && !page.html.contains("evil"), "{}", page.text);
        assert_eq!(last_reason(&service).await, reason, "{error}");
        page.says("Log ind igen");
    }
    let visitor = service.visitor();
    let begun = begin(&visitor, "liar").await;
    let page =
        bring(&visitor, &format!("/oidc/callback/liar?error=access_denied&iss=https://evil.dk&state={}", begun.parameter("state"))).await;
    refused(&visitor, &page, "another provider's error").await;
    let both = begin(&visitor, "liar").await;
    let page = bring(&visitor, &format!("{}&error=access_denied", both.answer(&liar))).await;
    refused(&visitor, &page, "a code and an error").await;
    assert!(liar.asked("/token").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_unknown_keys_is_one_question_and_a_new_key_is_found() {
    let (service, liar) = with_liar(BY_CPR).await;
    let mut admin = Admin::new().await;
    let (_, cpr) = citizen(&mut admin).await;
    let before = liar.asked("/jwks").len();
    let header = json!({ "alg": "RS256", "kid": "new" });
    let visitors: Vec<_> = (0..20).map(|_| service.visitor()).collect();
    for visitor in &visitors {
        let begun = begin(visitor, "liar").await;
        liar.gives(&STRANGER.token_with(&header, &begun.claims(&liar, &service, json!({ "dk.cpr": cpr }))));
        let page = bring(visitor, &begun.answer(&liar)).await;
        refused(visitor, &page, "an unknown key").await;
        assert_eq!(last_reason(&service).await, "oidc_key");
    }
    assert_eq!(liar.asked("/jwks").len() - before, 1, "one question for twenty tokens");
    // After a key rollover STRANGER's key belongs to the provider. After a minute the keys may be fetched again.
    liar.says("/jwks", Says::Json(200, json!({ "keys": [EC.jwk(), but(STRANGER.jwk(), json!({ "kid": "new" }))] })));
    service.clock.shift_to(61);
    let visitor = service.visitor();
    let begun = begin(&visitor, "liar").await;
    liar.gives(&STRANGER.token_with(&header, &begun.claims(&liar, &service, json!({ "dk.cpr": cpr }))));
    assert!(bring(&visitor, &begun.answer(&liar)).await.path.starts_with("/accounts/"));
    assert_eq!(liar.asked("/jwks").len() - before, 2);
    let visitor = service.visitor();
    let page = log_in(&service, &liar, &visitor, json!({ "dk.cpr": cpr })).await;
    refused(&visitor, &page, "the old key is gone").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_does_not_do_its_part_is_told_of_and_harms_nobody_else() {
    let more = "match = { by = \"cpr\", from = \"dk.cpr\", in = \"userinfo\", ad_attribute = \"employeeNumber\" }";
    let page_of_html = || Says::Text("text/html", "<html><body>502</body></html>".to_owned());
    let cases = [
        ("silent", Says::Nothing),
        ("redirecting", Says::Redirect("http://127.0.0.1:1/".to_owned())),
        ("HTML", page_of_html()),
        ("100 MB", Says::Much(100_000_000)),
        ("no JSON", Says::Text("application/json", "{\"access_token\": ".to_owned())),
        ("another status", Says::Json(503, json!({}))),
        ("we are not known", Says::Json(401, json!({ "error": "invalid_client" }))),
    ];
    let mut running = Vec::new();
    for at in ["/token", "/userinfo"] {
        for (what, says) in cases.clone() {
            running.push(tokio::spawn(async move {
                let (service, liar) = with_liar(more).await;
                let visitor = service.visitor();
                let begun = begin(&visitor, "liar").await;
                liar.gives(&begun.token(&liar, &service, json!({})));
                liar.says("/userinfo", Says::Json(200, json!({ "sub": "6d0c", "dk.cpr": "0101901234" })));
                liar.says(at, says);
                let (path, started) = (begun.answer(&liar), std::time::Instant::now());
                let (page, front) = tokio::join!(bring(&visitor, &path), async {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                    let asked = std::time::Instant::now();
                    let visitor = service.visitor();
                    visitor.get("/").await;
                    asked.elapsed()
                });
                assert!(front < Duration::from_secs(3), "{at} {what}: another visitor waited {front:?}");
                assert!(started.elapsed() < Duration::from_secs(25), "{at} {what}: {:?}", started.elapsed());
                assert!(visitor.get("/account").await.path.starts_with("/?"), "{at} {what}");
                let reason = last_reason(&service).await;
                let fair = if at == "/userinfo" && matches!(what, "HTML" | "no JSON") { "oidc_userinfo" } else { "provider_unreachable" };
                assert_eq!(reason, fair, "{at} {what}");
                assert_eq!(page.status, if fair == "oidc_userinfo" { 403 } else { 503 }, "{at} {what}: {}", page.text);
            }));
        }
    }
    for done in running {
        done.await.expect("as it should be");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_can_not_be_believed_about_itself_is_not_used() {
    let liar = Liar::start().await;
    let right = liar.discovery();
    let evil = |name: &str| but(right.clone(), json!({ name: "http://broker.dk/x" }));
    let service = service(&[section("liar", &liar, BY_CPR)]).await;
    let oidc = service.app.oidc.clone().expect("configured");
    let id = ProviderId::parse("liar").expect("an id");
    let cases = [
        ("another issuer", Says::Json(200, but(right.clone(), json!({ "issuer": "http://127.0.0.1:1" }))), "issuer"),
        ("an issuer with a slash", Says::Json(200, but(right.clone(), json!({ "issuer": format!("{}/", liar.issuer) }))), "issuer"),
        ("a token endpoint in clear", Says::Json(200, evil("token_endpoint")), "token_endpoint"),
        ("an authorization endpoint in clear", Says::Json(200, evil("authorization_endpoint")), "authorization_endpoint"),
        ("no token endpoint", Says::Json(200, but(right.clone(), json!({ "token_endpoint": null }))), "token_endpoint"),
        ("HTML", Says::Text("text/html", "<html>".to_owned()), ""),
        ("no JSON", Says::Text("application/json", "{".to_owned()), "JSON"),
        ("100 MB", Says::Much(100_000_000), "256 KiB"),
        ("a redirect", Says::Redirect(format!("{}/elsewhere", liar.issuer)), "302"),
        ("an error", Says::Json(500, json!({})), "500"),
    ];
    for (what, says, told) in cases {
        liar.says(DISCOVERY, says);
        let error = oidc.refresh(&id).await.expect_err(what).to_string();
        assert!(error.contains(told), "{what}: {error}");
        assert!(begin(&service.visitor(), "liar").await.url.as_str().starts_with(&liar.issuer), "{what}: the last good state stays in use");
    }
    liar.says(DISCOVERY, Says::Json(200, right.clone()));
    for (what, keys) in
        [("no key", json!({ "keys": [] })), ("a shared secret", json!({ "keys": [{ "kty": "oct", "k": "eA" }] })), ("no set", json!([]))]
    {
        liar.says("/jwks", Says::Json(200, keys));
        oidc.refresh(&id).await.expect_err(what);
    }
    // A service that starts now has no earlier metadata.
    let late = service_with(&liar).await;
    let page = late.visitor().get("/login/liar").await;
    assert_eq!(page.status, 503);
    page.says("virker ikke lige nu");
    late.visitor().get("/").await.says("Log ind med MitID");
}

async fn service_with(liar: &Liar) -> Service {
    service(&[section("liar", liar, BY_CPR)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_providers_logout_ends_the_sessions_of_that_login_and_nothing_else_does() {
    let (service, liar) = with_liar(BY_CPR).await;
    let mut admin = Admin::new().await;
    let (_, cpr) = citizen(&mut admin).await;
    let (one, other) = (service.visitor(), service.visitor());
    log_in(&service, &liar, &one, json!({ "dk.cpr": cpr, "sid": "s-1" })).await.says("Testa");
    log_in(&service, &liar, &other, json!({ "dk.cpr": cpr, "sid": "s-2" })).await.says("Testa");
    let second = service.clock.now().as_second();
    let says = json!({
        "iss": liar.issuer, "aud": "liar-client", "iat": second, "exp": second + 100, "jti": "l-1", "sid": "s-1",
        "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
    });
    let header = json!({ "alg": "RS256", "kid": "rsa", "typ": "logout+jwt" });
    let tell = async |token: String| {
        // The request comes from a server: it has no cookie and no Fetch Metadata.
        let nobody = service.visitor();
        let response = nobody.request(Method::POST, "/oidc/logout/liar").form(&[("logout_token", token)]).send().await.expect("an answer");
        assert_eq!(response.headers()["cache-control"], "no-store");
        response.status().as_u16()
    };
    let logged_in = async |visitor: &Visitor| visitor.get("/account").await.path.starts_with("/accounts/");
    for (what, token) in [
        ("a stranger's", STRANGER.token_with(&header, &says)),
        ("for another client", RSA.token_with(&header, &but(says.clone(), json!({ "aud": "x" })))),
        ("an ID token", RSA.token("RS256", &but(says.clone(), json!({ "nonce": "x" })))),
        ("nothing", String::new()),
    ] {
        assert_eq!(tell(token).await, 400, "{what}");
    }
    assert!(logged_in(&one).await && logged_in(&other).await);
    let right = RSA.token_with(&header, &says);
    assert_eq!(tell(right.clone()).await, 200);
    assert!(!logged_in(&one).await && logged_in(&other).await, "that session and no other");
    assert_eq!(tell(right).await, 400, "once");
    let person = but(says.clone(), json!({ "sid": null, "sub": "6d0c", "jti": "l-2" }));
    assert_eq!(tell(RSA.token_with(&header, &person)).await, 200);
    assert!(!logged_in(&other).await, "every session of the person");
    // Without a session id from the provider, the login may belong to the session that ends now, so it ends too.
    let (unnamed, named) = (service.visitor(), service.visitor());
    log_in(&service, &liar, &unnamed, json!({ "dk.cpr": cpr, "sid": null })).await.says("Testa");
    log_in(&service, &liar, &named, json!({ "dk.cpr": cpr, "sid": "s-3" })).await.says("Testa");
    let both = but(says.clone(), json!({ "sid": "s-4", "sub": "6d0c", "jti": "l-3" }));
    assert_eq!(tell(RSA.token_with(&header, &both)).await, 200);
    assert!(!logged_in(&unnamed).await && logged_in(&named).await);
    // The token stays valid when ending the sessions has failed.
    let ends = RSA.token_with(&header, &but(says.clone(), json!({ "sid": "s-3", "jti": "l-4" })));
    let pool = sqlx::AnyPool::connect(&format!("sqlite://{}/os2nykode.db", service.dir.path().display())).await.expect("open");
    let run = async |sql: &'static str| sqlx::query(sql).execute(&pool).await.expect("done");
    run("CREATE TRIGGER stuck BEFORE DELETE ON sessions BEGIN SELECT RAISE(ABORT, 'stuck'); END").await;
    assert_eq!(tell(ends.clone()).await, 503);
    run("DROP TRIGGER stuck").await;
    pool.close().await;
    assert!(logged_in(&named).await);
    assert_eq!(tell(ends).await, 200);
    assert!(!logged_in(&named).await);
    let gone =
        service.visitor().request(Method::POST, "/oidc/logout/nobody").form(&[("logout_token", "x")]).send().await.expect("an answer");
    assert_eq!(gone.status(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_is_taken_to_the_provider_as_a_form_without_a_cpr_number() {
    let (service, liar) = with_liar(BY_CPR).await;
    let mut admin = Admin::new().await;
    let (person, cpr) = citizen(&mut admin).await;
    let by_name = "match = { by = \"account_name\", from = \"account\" }";
    let named = crate::oidc::service(&[section("liar", &liar, by_name)]).await;
    let by_address = crate::oidc::service(&[section("liar", &liar, &format!("{by_name}\nlogout_by = \"address\""))]).await;
    let visitor = by_address.visitor();
    let account = log_in(&by_address, &liar, &visitor, json!({ "account": person.sam })).await;
    let token = crate::page_check::attribute(&account.html, "input[name=csrf]", "value").expect("a token");
    let page = visitor.post("/logout", &[("csrf", &token)]).await;
    let there = page.headers["refresh"].to_str().expect("text");
    assert!(there.starts_with(&format!("0; url={}/logout?client_id=liar-client&post_logout_redirect_uri=https", liar.issuer)), "{there}");
    assert!(!there.contains("id_token"), "a token goes in no address");
    for (service, changes, hinted) in [(&service, json!({ "dk.cpr": cpr }), false), (&named, json!({ "account": person.sam }), true)] {
        let visitor = service.visitor();
        let account = log_in(service, &liar, &visitor, changes).await;
        account.says("Testa");
        let page = visitor
            .post("/logout", &[("csrf", &crate::page_check::attribute(&account.html, "input[name=csrf]", "value").expect("a token"))])
            .await;
        page.says("Du er logget ud her");
        let (action, fields) = crate::idp::form(&page.html);
        assert_eq!(action, format!("{}/logout", liar.issuer));
        let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        assert_eq!(field("post_logout_redirect_uri").as_deref(), Some("https://localhost/oidc/logged-out"));
        assert_eq!(field("client_id").as_deref(), Some("liar-client"));
        assert_eq!(field("id_token_hint").is_some(), hinted);
        assert!(visitor.get("/account").await.path.starts_with("/?"));
        visitor.get("/oidc/logged-out").await.says("Du er logget ud");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_pushed_where_the_provider_takes_that_and_never_half() {
    let liar = Liar::start().await;
    let par = format!("{}/par", liar.issuer);
    liar.says(DISCOVERY, Says::Json(200, but(liar.discovery(), json!({ "pushed_authorization_request_endpoint": par }))));
    liar.says("/par", Says::Json(201, json!({ "request_uri": "urn:ietf:params:oauth:request_uri:x", "expires_in": 60 })));
    let service = service_with(&liar).await;
    let begun = begin(&service.visitor(), "liar").await;
    let names: Vec<_> = begun.url.query_pairs().map(|(name, _)| name.into_owned()).collect();
    assert_eq!(names, ["client_id", "request_uri"], "nothing else stands in the address");
    let pushed = liar.asked("/par").pop().expect("asked");
    assert_eq!((pushed.form["prompt"].as_str(), pushed.form["code_challenge_method"].as_str()), ("login", "S256"));
    assert_eq!(pushed.authorization.as_deref(), Some(basic("liar-client", "s3cret").as_str()));
    for says in
        [Says::Json(400, json!({ "error": "invalid_request" })), Says::Text("text/html", "x".to_owned()), Says::Json(201, json!({}))]
    {
        liar.says("/par", says);
        let page = service.visitor().get("/login/liar").await;
        assert_eq!(page.status, 503);
    }
}

/// With other keys of a provider an attacker can log in as any person. Hence the audit log records every change.
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_with_other_keys_is_told_of_in_the_log_once() {
    let (service, _liar) = with_liar(BY_CPR).await;
    let id = os2nykode::model::identity::provider::ProviderId::parse("liar").expect("an id");
    let app = &service.app;
    let known = app.oidc.as_ref().expect("configured").refresh(&id).await.expect("read").fingerprint();
    assert_eq!(known, app.oidc.as_ref().expect("configured").refresh(&id).await.expect("read").fingerprint(), "the same each time");
    for fingerprint in [&known, &known, &"other".to_owned(), &"other".to_owned()] {
        os2nykode::jobs::provider_changes::note_if_new(app, &id, fingerprint.clone()).await.expect("noted");
    }
    let search = os2nykode::audit::search::Search { kind: Some("provider_changed".to_owned()), oldest_first: true, ..Default::default() };
    let hits = app.audit.search(&search, None).await.expect("read").expect("clear");
    let told: Vec<_> = hits.entries.iter().map(|entry| (entry.event.reason.as_str(), entry.event.note.as_deref())).collect();
    assert_eq!(told, [("first_seen", Some(known.as_str())), ("changed", Some("other"))]);
}
