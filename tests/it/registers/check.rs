//! Findings of the check command about registers and the family service.

use os2nykode::{
    check::{self, FindingLevel, Options, Report},
    clock::ShiftedClock,
};
use serde_json::json;

use super::{
    lookups,
    peer::{Peer, trusted},
    tells_nothing,
};
use crate::{
    environment::environment,
    oidc::liar::{Liar, Says},
    service::Setup,
};

async fn check(more: &str, clock: &ShiftedClock) -> Report {
    let dir = tempfile::tempdir().expect("a folder");
    let config = Setup { more: more.to_owned().leak(), ..Setup::default() }.config(dir.path());
    check::run(&config, &Options::default(), clock).await
}

fn has(report: &Report, area: &str, level: FindingLevel, what: &str, advice: &str) {
    let found = report.findings.iter().any(|f| f.area == area && f.level == level && f.what.contains(what) && f.advice.contains(advice));
    assert!(found, "{area} {level:?} {what:?} → {advice:?} in\n{report}");
    tells_nothing(&report.to_string());
}

fn postgres(query: &str) -> String {
    format!(
        "[[registers.sql]]\nid = \"db\"\nurl = \"{}\"\nquery = \"{query}\"\naccount_key = \"account_name\"\n",
        environment().fact("PG_URL")
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_tried_with_nobodys_number_and_told_of_in_its_own_words() {
    let clock = ShiftedClock::default();
    let good = check(&postgres("SELECT 'x' WHERE $1 = 'nobody'"), &clock).await;
    assert!(good.is_good(), "{good}");
    has(&good, "people db", FindingLevel::Ok, "answers as configured", "");
    let missing = check(&postgres("SELECT a FROM nowhere WHERE cpr = $1"), &clock).await;
    has(&missing, "people db", FindingLevel::Problem, "relation \"nowhere\" does not exist", "correct the query");
    let everybody = check(&postgres("SELECT 'anna' WHERE $1 <> ''"), &clock).await;
    has(&everybody, "people db", FindingLevel::Warning, "returns 1 account(s) for an unassigned CPR number", "selects by the CPR number");
    assert!(everybody.is_good());
    let seen = check(&postgres("SELECT a FROM b WHERE c = ($1::text)::int4"), &clock).await;
    assert!(!seen.is_good());
    let number = check(&postgres("SELECT 1 WHERE $1 <> ''"), &clock).await;
    has(&number, "people db", FindingLevel::Problem, "a column is no text", "account_key");
    let gone =
        check(&postgres("SELECT 'x' WHERE $1 = ''").replace("postgres://", "postgres://a:s3cret@127.0.0.1:1/x?host=127.0.0.1&x="), &clock)
            .await;
    has(&gone, "people db", FindingLevel::Problem, "can't be reached: Connection refused", "this machine can reach it");
    let host = environment().fact("MARIADB_HOST");
    let mysql = |user: &str, password: &str, rest: &str| {
        format!(
            "[[registers.sql]]\nid = \"my\"\nurl = \"mysql://{user}:{password}@{host}:{}/people{rest}\"\nquery = \"SELECT 'x' FROM dual WHERE ? = 'nobody'\"\naccount_key = \"upn\"\n",
            environment().fact("MARIADB_PORT")
        )
    };
    let password = environment().fact("MARIADB_PASSWORD");
    let verified = format!("?ssl-mode=VERIFY_IDENTITY&ssl-ca={}", environment().fact("CA_FILE"));
    has(&check(&mysql("reader", password, &verified), &clock).await, "people my", FindingLevel::Ok, "answers as configured", "");
    has(
        &check(&mysql("reader", "wrong", &verified), &clock).await,
        "people my",
        FindingLevel::Problem,
        "does not take our credentials",
        "compare",
    );
    let elsewhere = mysql("a", "s3cret", "?ssl-mode=REQUIRED").replace(host, "register.invalid");
    has(&check(&elsewhere, &clock).await, "people my", FindingLevel::Warning, "does not require a verified certificate", "VERIFY_IDENTITY");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_service_is_tried_with_nobodys_number() {
    let clock = ShiftedClock::default();
    let peer = Peer::start();
    let rest = |more: &str| {
        format!("[[registers.rest]]\nid = \"idm\"\naccount_key = \"account_name\"\nurl = \"{}\"\n{}{more}\n", peer.url("/x"), trusted())
    };
    let parents = || format!("[parents]\nurl = \"{}\"\ncpr_format = \"dashed\"\n{}", peer.url("/x"), trusted());
    peer.says(Says::Json(200, json!([])));
    let good = check(&(rest("") + &parents()), &clock).await;
    assert!(good.is_good(), "{good}");
    for area in ["people idm", "parents"] {
        has(&good, area, FindingLevel::Ok, "answers as configured", "");
        has(&good, area, FindingLevel::Ok, "the client certificate is valid until", "");
    }
    let asked: Vec<_> = peer.asked().into_iter().map(|question| question.body).collect();
    assert_eq!(asked, ["{\"cpr\":\"0000000000\"}", "{\"cpr\":\"000000-0000\"}"], "and no person is asked about");
    for (says, level, what, advice) in [
        (Says::Status(401), FindingLevel::Problem, "does not take our credentials (401)", "compare the configured credentials"),
        (Says::Status(404), FindingLevel::Warning, "answered 404 to an unassigned CPR number", "not_found_statuses"),
        (Says::Status(500), FindingLevel::Problem, "answered 500", "its own log"),
        (Says::Redirect("https://localhost/".into()), FindingLevel::Problem, "answered 302", "redirects are not followed"),
        (Says::Text("text/html", "x".into()), FindingLevel::Problem, "not as configured", "compare account_key"),
        (Says::Much(10 << 20), FindingLevel::Problem, "larger than 256 KiB", "selects by the CPR number"),
        (Says::Json(200, json!(["anna"])), FindingLevel::Warning, "returns 1 account(s)", "selects by the CPR number"),
    ] {
        peer.says(says);
        has(&check(&rest(""), &clock).await, "people idm", level, what, advice);
    }
    peer.says(Says::Json(200, json!([{ "name": "x", "cpr": "0101154000" }])));
    has(&check(&parents(), &clock).await, "parents", FindingLevel::Warning, "returns 1 child(s)", "selects by the CPR number");
    // Findings that need no request.
    let later = ShiftedClock::default();
    later.shift_to(345 * 24 * 3600);
    has(&check(&rest(""), &later).await, "people idm", FindingLevel::Warning, "the client certificate expires on", "get a new one");
    later.shift_to(400 * 24 * 3600);
    has(&check(&rest(""), &later).await, "people idm", FindingLevel::Problem, "the client certificate expired on", "get a new one");
    let bare = "[[registers.rest]]\nid = \"bare\"\naccount_key = \"upn\"\nurl = \"http://127.0.0.1:1/{cpr}\"\nmethod = \"get\"\ncpr_in_address = true\n";
    let report = check(bare, &clock).await;
    has(&report, "people bare", FindingLevel::Warning, "the CPR number in the address", "POST");
    has(&report, "people bare", FindingLevel::Warning, "without credentials", "client certificate");
    has(&report, "people bare", FindingLevel::Problem, "can't be reached", "this machine can reach it");
    let unreadable = rest("").replace("client.pem", "ca.key");
    let report = check(&unreadable, &clock).await;
    has(&report, "people", FindingLevel::Problem, "the client certificate", "client_certificate_file");
    assert!(lookups("").is_empty(), "nothing is configured where nothing is");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_of_the_environment_never_sees_what_is_asked_in_clear() {
    let proxy = Liar::start().await;
    proxy.says("/x", Says::Json(200, json!([])));
    let service = Liar::start().await;
    service.says("/x", Says::Json(200, json!([])));
    let dir = tempfile::tempdir().expect("a folder");
    let section =
        |id: &str, url: &str| format!("[[registers.rest]]\nid = \"{id}\"\naccount_key = \"upn\"\nurl = \"{url}\"\ntoken = \"s3cret\"\n");
    let more = section("clear", &format!("{}/x", service.issuer)) + &section("tls", "https://127.0.0.1:1/x");
    crate::service::write_private(
        dir.path().join("config.toml"),
        Setup { more: more.leak(), ..Setup::default() }.text(dir.path(), "127.0.0.1:0"),
    )
    .expect("written");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_os2nykode"));
    command.arg("--config").arg(dir.path().join("config.toml")).args(["check", "--json"]);
    command.env("http_proxy", &proxy.issuer).env("https_proxy", &proxy.issuer);
    let check = tokio::task::spawn_blocking(move || command.output().expect("run")).await.expect("joined");
    let told = String::from_utf8_lossy(&check.stdout);
    assert!(told.contains("answers as configured") && told.contains("people tls"), "{told}");
    assert_eq!((service.asked("/x").len(), proxy.asked("/x").len()), (1, 0), "{told}");
}
