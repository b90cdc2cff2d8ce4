//! schemathesis tests the API against its own description.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use jiff::SignedDuration;
use os2nykode::{clock::Clock, model::credential::api_token::TokenScope};

use super::{checkpoint, place, token, write};
use crate::{environment::environment, service::Service};

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_nothing_that_is_not_as_described() {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/env/schemathesis/venv/bin/schemathesis");
    assert!(program.exists(), "schemathesis is missing: run scripts/setup");
    let service = Service::start().await;
    let expires = service.clock.now() + SignedDuration::from_hours(1);
    let token = token(&service.app, "schemathesis", TokenScope::AuditRead, expires).await;
    write(&service, 300).await;
    checkpoint(&place(&service), 300).await;
    let base = format!("https://localhost:{}", service.address.port());
    let mut command = Command::new(program);
    command.args(["run", &format!("{base}/api/v1/openapi.json")]).args(["--url", &base]);
    command.args(["--header", &format!("Authorization: Bearer {token}")]);
    command.args(["--tls-verify", environment().fact("CA_FILE")]);
    // Without a stored failing example and coloured output, and within the rate limit of a token.
    command.args(["--phases", "examples,coverage,fuzzing", "--max-examples", "60", "--seed", "1", "--rate-limit", "18/s", "--no-color"]);
    command.args(["--generation-database", "none"]).args(["--request-timeout", "10"]);
    command.current_dir(service.dir.path()).env("HOME", service.dir.path()).stdin(Stdio::null());
    // schemathesis sends invalid tokens on purpose, more than the address limit allows.
    // Their count is reset all the time, so that it sees the answer to an invalid token.
    let counts = place(&service);
    let forgetting = tokio::spawn(async move {
        loop {
            counts.run("DELETE FROM throttles").await.expect("forgotten");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    });
    let done = tokio::task::spawn_blocking(move || command.output().expect("it runs")).await.expect("joined");
    forgetting.abort();
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    std::fs::create_dir_all("tests/artefacts").expect("a folder");
    std::fs::write("tests/artefacts/schemathesis.txt", said.replace(&token, "…")).expect("written");
    assert!(done.status.success(), "{said}");
    for needed in ["Coverage", "Fuzzing"] {
        assert!(said.contains(needed), "{needed} was run: {said}");
    }
}
