//! Rate limits of provider logins, and the metric of a provider's availability.

use os2nykode::model::identity::provider::ProviderId;

use super::{liar::DISCOVERY, *};
use crate::process::{free_address, start};

/// A cancelled login, one without a session at the provider, and one at a busy provider claim no identity.
#[tokio::test(flavor = "multi_thread")]
async fn logins_without_an_answer_to_verify_are_no_guesses() {
    let liar = Liar::start().await;
    let text = format!(
        "[rate_limit.address]\nattempts_before_delay = 3\n[login.ad_password]\nanswer_after_ms = 0\n{}",
        section("liar", &liar, BY_CPR)
    );
    let service = Setup { more: text.leak(), ..Setup::default() }.start().await;
    let id = ProviderId::parse("liar").expect("an id");
    service.app.oidc.as_ref().expect("configured").refresh(&id).await.expect("read");
    let (_, cpr) = citizen(&mut Admin::new().await).await;
    for error in ["access_denied", "login_required", "temporarily_unavailable", "server_error"] {
        for _ in 0..4 {
            let visitor = service.visitor();
            let begun = begin(&visitor, "liar").await;
            let path = format!("/oidc/callback/liar?error={error}&state={}", begun.parameter("state"));
            assert_ne!(bring(&visitor, &path).await.status, 429, "{error}");
        }
    }
    let page = log_in(&service, &liar, &service.visitor(), json!({ "dk.cpr": cpr })).await;
    assert!(page.path.starts_with("/accounts/"), "{} {}", page.path, page.text);
    // A forged token counts as a guess.
    let mut statuses = Vec::new();
    for _ in 0..5 {
        let visitor = service.visitor();
        statuses.push(log_in(&service, &liar, &visitor, json!({ "dk.cpr": cpr, "nonce": "another" })).await.status.as_u16());
    }
    assert_eq!(statuses, [403, 403, 403, 429, 429]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_does_not_answer_does_not_count_as_usable() {
    let liar = Liar::start().await;
    let dir = tempfile::tempdir().expect("a folder");
    let (address, metrics) = (free_address(), free_address());
    let more = section("liar", &liar, BY_CPR).leak();
    let text = Setup { more, ..Setup::default() }.text(dir.path(), &address.to_string());
    let text = text.replace("[server]\n", &format!("[server]\nmetrics_listen = \"{metrics}\"\n"));
    crate::service::write_private(dir.path().join("config.toml"), text).expect("written");
    let running = start(dir.path(), address).await;
    let usable = async |value: &str| {
        let line = format!("os2nykode_provider_usable{{provider=\"liar\"}} {value}");
        crate::stays_up::until(&line, 30, async || {
            let told = reqwest::get(format!("http://{metrics}/metrics")).await.expect("metrics").text().await.expect("text");
            told.contains(&line)
        })
        .await;
    };
    let look_again = || {
        let sent = std::process::Command::new("kill").args(["-HUP", &running.child.id().to_string()]).status();
        assert!(sent.expect("kill").success());
    };
    usable("1").await;
    liar.says(DISCOVERY, Says::Status(503));
    look_again();
    usable("0").await;
    // The last copy of the metadata still serves visitors.
    let begun = Visitor::new(address).request(Method::GET, "/login/liar").send().await.expect("an answer");
    assert_eq!(begun.status(), 303);
    liar.says(DISCOVERY, Says::Json(200, liar.discovery()));
    look_again();
    usable("1").await;
}

/// Between two refreshes of the metadata, the service only checks whether the provider answers.
#[tokio::test(flavor = "multi_thread")]
async fn whether_a_provider_is_there_is_seen_between_two_readings() {
    let (service, liar) = with_liar(BY_CPR).await;
    let id = ProviderId::parse("liar").expect("an id");
    let oidc = service.app.oidc.as_ref().expect("configured");
    assert!(oidc.answers(&id).await);
    for away in [Says::Status(503), Says::Status(404), Says::Nothing] {
        liar.says(DISCOVERY, away.clone());
        assert!(!oidc.answers(&id).await, "{away:?}");
    }
}
