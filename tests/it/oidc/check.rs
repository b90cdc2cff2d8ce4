//! Findings of the check command about OpenID providers.

use os2nykode::{
    check::{self, FindingLevel, Options, Report},
    clock::ShiftedClock,
};
use serde_json::json;

use super::{
    BY_CPR,
    liar::{DISCOVERY, Liar, Says},
    real::Op,
    section,
};
use crate::{oidc_forge::but, service::Setup};

async fn check(more: String, clock: &ShiftedClock) -> Report {
    let dir = tempfile::tempdir().expect("a folder");
    let config = Setup { more: more.leak(), ..Setup::default() }.config(dir.path());
    check::run(&config, &Options::default(), clock).await
}

fn has(report: &Report, level: FindingLevel, what: &str, advice: &str) {
    let found = report
        .findings
        .iter()
        .any(|f| f.area.starts_with("oidc") && f.level == level && f.what.contains(what) && f.advice.contains(advice));
    assert!(found, "{level:?} {what:?} → {advice:?} in\n{report}");
    assert!(!report.to_string().contains("s3cret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_provider_that_knows_us_has_no_problem_and_one_that_does_not_says_so() {
    let clock = ShiftedClock::default();
    let right = Op::Neb.configuration("https://localhost", "");
    let report = check(right.clone(), &clock).await;
    assert!(report.is_good(), "{report}");
    has(&report, FindingLevel::Ok, "is usable, with 2 signing keys; requests are pushed", "");
    has(&report, FindingLevel::Ok, "accepts the service's credentials", "");
    has(&report, FindingLevel::Ok, "clock and this machine's agree", "");
    has(&report, FindingLevel::Ok, "RSA key of 3072 bits", "");
    has(&report, FindingLevel::Ok, "back-channel logout", "");
    let wrong = check(right.replace("s3:cret %", "another"), &clock).await;
    has(
        &wrong,
        FindingLevel::Problem,
        "rejects the service's credentials (invalid_client)",
        "client_secret".split('_').next().expect("a word"),
    );
    let nobody = check(right.replace("client_id = \"", "client_id = \"x"), &clock).await;
    has(&nobody, FindingLevel::Problem, "rejects the service's credentials (invalid_client)", "client_id");
    let late = ShiftedClock::default();
    late.shift_to(1000);
    has(&check(right, &late).await, FindingLevel::Warning, "its clock and this machine's differ by", "time server");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_or_is_unsafe_is_told_of_with_what_to_do() {
    let clock = ShiftedClock::default();
    let liar = Liar::start().await;
    let told = async |changes, more: &str| {
        liar.says(DISCOVERY, Says::Json(200, but(liar.discovery(), changes)));
        check(section("liar", &liar, &format!("{BY_CPR}\n{more}")), &clock).await
    };
    liar.says("/token", Says::Json(400, json!({ "error": "invalid_grant" })));
    let methods = json!({ "token_endpoint_auth_methods_supported": ["private_key_jwt"] });
    has(&told(methods, "").await, FindingLevel::Warning, "does not list client_secret_basic", "client_auth");
    let algorithms = json!({ "id_token_signing_alg_values_supported": ["RS512"] });
    has(&told(algorithms, "").await, FindingLevel::Problem, "it signs with RS512; `algorithms` accepts RS256", "algorithms");
    has(&told(json!({ "end_session_endpoint": null }), "").await, FindingLevel::Warning, "supports no logout", "");
    has(&told(json!({}), "require_auth_time = false").await, FindingLevel::Warning, "without the time of the login", "require_auth_time");
    has(&told(json!({}), "prompt_login = false").await, FindingLevel::Warning, "no fresh login is requested", "prompt_login");
    has(&told(json!({ "issuer": "https://evil.dk" }), "").await, FindingLevel::Problem, "another issuer", "issuer");
    let claims = json!({ "claims_supported": ["sub", "dk.cpr"], "scopes_supported": ["openid"] });
    let report = told(claims, "").await;
    has(&report, FindingLevel::Ok, "a login has to contain: dk.cpr (the cpr of the person); a level in loa (", "");
    has(&report, FindingLevel::Warning, "does not list these claims: auth_time, ", "docs/providers");
    liar.says("/token", Says::Text("text/html", "<html>".to_owned()));
    has(&told(json!({}), "").await, FindingLevel::Warning, "is unclear", "try a login");
    liar.says("/jwks", Says::Json(200, json!({ "keys": [] })));
    has(&told(json!({}), "").await, FindingLevel::Problem, "no key that fits", "");
    let gone = section("liar", &liar, BY_CPR).replace(&liar.issuer, "http://127.0.0.1:1");
    has(&check(gone, &clock).await, FindingLevel::Problem, "is not usable", ".well-known/openid-configuration");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_provider_is_looked_at_alone_where_that_is_asked() {
    let liar = Liar::start().await;
    let dir = tempfile::tempdir().expect("a folder");
    let more = format!("{}\n{}", section("liar", &liar, BY_CPR), section("other", &liar, BY_CPR));
    let config = Setup { more: more.leak(), ..Setup::default() }.config(dir.path());
    let options = Options { provider: Some("other".to_owned()), ..Options::default() };
    let report = check::run(&config, &options, &ShiftedClock::default()).await;
    let areas: Vec<_> = report.findings.iter().map(|finding| finding.area.as_str()).collect();
    assert!(areas.contains(&"oidc other") && areas.iter().all(|area| ["configuration", "oidc other"].contains(area)), "{areas:?}");
}
