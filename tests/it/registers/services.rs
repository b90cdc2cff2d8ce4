//! Web services as registers: requests, valid answers, and answers that are refused.

use std::time::{Duration, Instant};

use os2nykode::registers::RegisterErrorCause;
use serde_json::{Value, json};

use super::{
    ANNA, cpr, lookups, names,
    peer::{Peer, Said, certificate, trusted},
    tells_nothing, trouble,
};
use crate::{
    environment::environment,
    oidc::liar::{Liar, Says},
};

fn section(peer: &Peer, more: &str) -> String {
    let url = if more.contains("\nurl = ") || more.starts_with("url = ") {
        String::new()
    } else {
        format!("url = \"{}\"\n", peer.url("/accounts"))
    };
    format!("[[registers.rest]]\nid = \"idm\"\naccount_key = \"account_name\"\n{url}{}{more}\n", trusted())
}

#[tokio::test]
async fn the_number_goes_where_the_configuration_says_and_nowhere_else() {
    let peer = Peer::start();
    peer.says(Says::Json(200, json!(["anna"])));
    let bearer = lookups(&section(&peer, "token = \"s3cret-token\"\ncpr_format = \"dashed\"\ncpr_parameter = \"personnummer\""));
    assert_eq!(names(bearer.accounts_of(&cpr(ANNA)).await), ["anna"]);
    let basic = lookups(&section(&peer, "username = \"os2\"\npassword = \"s3:cret æ\"\nbody = \"form\""));
    assert_eq!(names(basic.accounts_of(&cpr(ANNA)).await), ["anna"]);
    let url = format!("url = \"{}\"\nmethod = \"get\"\ncpr_in_address = true", peer.url("/accounts/{cpr}?all=1"));
    let get = lookups(&section(&peer, &url));
    assert_eq!(names(get.accounts_of(&cpr(ANNA)).await), ["anna"]);
    let [bearer, basic, get] = peer.asked().try_into().expect("three questions");
    assert_eq!((bearer.method.as_str(), bearer.address.as_str()), ("POST", "/accounts"));
    assert_eq!((bearer.authorization.as_deref(), bearer.kind.as_deref()), (Some("Bearer s3cret-token"), Some("application/json")));
    assert_eq!(serde_json::from_str::<Value>(&bearer.body).expect("JSON"), json!({ "personnummer": "010280-5100" }));
    assert_eq!((basic.method.as_str(), basic.address.as_str(), basic.body.as_str()), ("POST", "/accounts", "cpr=0102805100"));
    let pair = data_encoding::BASE64.encode("os2:s3:cret æ".as_bytes());
    assert_eq!(basic.authorization, Some(format!("Basic {pair}")));
    assert_eq!((get.method.as_str(), get.address.as_str(), get.body.as_str()), ("GET", "/accounts/0102805100?all=1", ""));
    assert_eq!(get.authorization, None);
}

#[tokio::test]
async fn every_form_of_answer_that_can_be_configured_is_read() {
    let peer = Peer::start();
    let nobody: [&str; 0] = [];
    for (more, answer, accounts) in [
        ("", json!(["anna", "anna-adm", "anna"]), &["anna", "anna-adm"][..]),
        ("", json!("anna"), &["anna"]),
        ("", json!([]), &nobody),
        ("", json!(null), &nobody),
        ("", json!(["", null]), &nobody),
        ("field = \"sam\"", json!({ "sam": "anna" }), &["anna"]),
        ("field = \"sam\"", json!({ "sam": ["anna", "anna-adm"] }), &["anna", "anna-adm"]),
        ("field = \"sam\"", json!({ "sam": null }), &nobody),
        ("field = \"sam\"", json!([{ "sam": "anna", "x": 1 }, { "sam": "anna-adm" }]), &["anna", "anna-adm"]),
        ("field = \"a.b\"", json!([{ "a.b": "anna", "a": { "b": "other" } }]), &["anna"]),
        ("field = \"/a/b\"", json!([{ "a.b": "other", "a": { "b": "anna" } }]), &["anna"]),
        ("accounts_at = \"/data/0\"\nfield = \"sam\"", json!({ "data": [[{ "sam": "anna" }], "x"] }), &["anna"]),
        ("accounts_at = \"data\"", json!({ "data": ["anna"] }), &["anna"]),
        ("accounts_at = \"data\"", json!({ "data": null }), &nobody),
    ] {
        peer.says(Says::Json(200, answer.clone()));
        assert_eq!(names(lookups(&section(&peer, more)).accounts_of(&cpr(ANNA)).await), accounts, "{more} {answer}");
    }
    peer.says(Says::Text("application/hal+json; charset=utf-8", "[\"anna\"]".to_owned()));
    assert_eq!(names(lookups(&section(&peer, "")).accounts_of(&cpr(ANNA)).await), ["anna"]);
    let twenty: Vec<_> = (0..20).map(|n| format!("a{n}")).collect();
    peer.says(Says::Json(200, json!(twenty)));
    assert_eq!(names(lookups(&section(&peer, "")).accounts_of(&cpr(ANNA)).await), twenty);
}

#[tokio::test]
async fn what_is_not_as_configured_is_never_half_believed() {
    let peer = Peer::start();
    let many: Vec<_> = (0..21).map(|n| format!("a{n}")).collect();
    for (more, answer) in [
        ("", json!({ "sam": "anna" })),
        ("", json!(["anna", 7])),
        ("", json!(["anna", ["bodil"]])),
        ("", json!(true)),
        ("", json!(["an\nna"])),
        ("", json!([ANNA, "x\u{0}"])),
        ("field = \"sam\"", json!([{ "sam": "anna" }, { "name": "bodil" }])),
        ("field = \"sam\"", json!({})),
        ("field = \"sam\"", json!("anna")),
        ("field = \"sam\"", json!({ "sam": { "x": "anna" } })),
        ("field = \"sam\"", json!({ "sam": [["anna"]] })),
        ("accounts_at = \"data\"", json!(["anna"])),
        ("accounts_at = \"data\"", json!({ "error": ANNA })),
    ] {
        peer.says(Says::Json(200, answer.clone()));
        let wrong = trouble(lookups(&section(&peer, more)).accounts_of(&cpr(ANNA)).await, "idm");
        assert!(matches!(wrong, RegisterErrorCause::NotAsConfigured(_)), "{more} {answer}: {wrong:?}");
    }
    peer.says(Says::Json(200, json!(many)));
    assert_eq!(trouble(lookups(&section(&peer, "")).accounts_of(&cpr(ANNA)).await, "idm"), RegisterErrorCause::TooMany(20));
}

#[tokio::test]
async fn a_service_that_lies_is_a_fault_that_tells_nothing() {
    let peer = Peer::start();
    let lookups = lookups(&section(&peer, "token = \"s3cret\"\ntimeout_seconds = 0.5"));
    let elsewhere = Liar::start().await;
    for says in [
        Says::Redirect(format!("{}/jwks?{ANNA}", elsewhere.issuer)),
        Says::Text("text/html", format!("<html>{ANNA}</html>")),
        Says::Text("text/html", "[\"anna\"]".to_owned()),
        Says::Text("application/json", format!("{{ \"hemmelig {ANNA}\": oops")),
        Says::Text("application/json", String::new()),
        Says::Text("application/json", "[".repeat(100_000)),
        Says::Much(10 << 20),
        Says::Nothing,
        Says::Json(500, json!(["anna"])),
        Says::Json(201, json!(["anna"])),
        Says::Json(404, json!([])),
        Says::Status(204),
        Says::Status(401),
        Says::Status(403),
        Says::Status(429),
    ] {
        peer.says(says.clone());
        let started = Instant::now();
        let wrong = trouble(lookups.accounts_of(&cpr(ANNA)).await, "idm");
        assert!(started.elapsed() < Duration::from_secs(2));
        let right = match &says {
            Says::Redirect(_) => wrong == RegisterErrorCause::Status(302),
            Says::Text(..) => matches!(wrong, RegisterErrorCause::NotAsConfigured(_)),
            Says::Much(_) => wrong == RegisterErrorCause::TooLarge("the answer is larger than 256 KiB".into()),
            Says::Nothing => wrong == RegisterErrorCause::TimedOut,
            Says::Status(status @ (401 | 403)) => wrong == RegisterErrorCause::NotLetIn(status.to_string()),
            Says::Json(status, _) | Says::Status(status) => wrong == RegisterErrorCause::Status(*status),
        };
        assert!(right, "{says:?}: {wrong:?}");
    }
    assert!(elsewhere.asked("/jwks").is_empty(), "a redirect is not followed");
    peer.says(Says::Json(200, json!(["anna"])));
    assert_eq!(names(lookups.accounts_of(&cpr(ANNA)).await), ["anna"]);
    peer.stop();
    assert!(matches!(trouble(lookups.accounts_of(&cpr(ANNA)).await, "idm"), RegisterErrorCause::Unreachable(_)));
}

#[tokio::test]
async fn only_statuses_that_the_operator_names_mean_that_it_knows_nobody() {
    let peer = Peer::start();
    let lookups = lookups(&section(&peer, "not_found_statuses = [204, 404]"));
    for status in [204, 404] {
        peer.says(Says::Status(status));
        assert_eq!(names(lookups.accounts_of(&cpr(ANNA)).await), [""; 0]);
    }
    peer.says(Says::Status(410));
    assert_eq!(trouble(lookups.accounts_of(&cpr(ANNA)).await, "idm"), RegisterErrorCause::Status(410));
}

#[tokio::test]
async fn each_side_proves_itself_by_its_certificate() {
    let peer = Peer::start();
    peer.says(Says::Json(200, json!(["anna"])));
    let ca = format!("ca_file = \"{}\"\n", environment().fact("CA_FILE"));
    let other_ca = format!("ca_file = \"{}\"\n", environment().tls("other-ca.pem").display());
    let bare = format!("[[registers.rest]]\nid = \"idm\"\naccount_key = \"account_name\"\nurl = \"{}\"\n", peer.url("/"));
    let by_address = bare.replace("localhost", "127.0.0.2");
    for (what, section) in [
        ("no certificate of ours", bare.clone() + &ca),
        ("one of another CA", bare.clone() + &ca + &certificate("foreign-client")),
        ("a server's of another CA", bare.clone() + &other_ca + &certificate("client")),
        ("the system's CAs do not know the server", bare.clone() + &certificate("client")),
        ("the server has another name", by_address + &ca + &certificate("client")),
    ] {
        let wrong = trouble(lookups(&section).accounts_of(&cpr(ANNA)).await, "idm");
        assert!(matches!(wrong, RegisterErrorCause::Unreachable(_)), "{what}: {wrong:?}");
    }
    assert!(peer.asked().is_empty(), "and nobody is asked");
    assert_eq!(names(lookups(&(bare.clone() + &ca + &certificate("client"))).accounts_of(&cpr(ANNA)).await), ["anna"]);
    // A key that does not match the certificate is refused at the start.
    let swapped = bare + &ca + &certificate("client").replace("client.key", "foreign-client.key");
    let error = os2nykode::registers::Lookups::new(&super::config(&swapped).registers).expect_err("refused").to_string();
    assert!(error.contains("client.pem"), "{error}");
}

/// Captures the log output of all libraries at all levels, including failed requests and a CPR number in the URL.
#[tokio::test]
async fn no_library_says_the_number() {
    let peer = Peer::start();
    let url = format!("url = \"{}\"\nmethod = \"get\"\ncpr_in_address = true\ntimeout_seconds = 0.4", peer.url("/{cpr}"));
    let all = [lookups(&section(&peer, "token = \"s3cret\"")), lookups(&section(&peer, &url))];
    let said = Said::default();
    for says in
        [Says::Json(200, json!([ANNA])), Says::Nothing, Says::Redirect("https://localhost/".into()), Says::Text("text/html", ANNA.into())]
    {
        peer.says(says);
        for lookups in &all {
            let _listening = said.listen();
            let _ = lookups.accounts_of(&cpr(ANNA)).await;
        }
    }
    assert!(said.text().contains("rustls"), "it was listened to");
    tells_nothing(&said.text());
}
