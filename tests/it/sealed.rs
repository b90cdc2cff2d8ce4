//! The sealed log in operation: kills and stops of the program, verification, tampering.

mod clock;
mod stalled;

use std::{path::Path, process::Output, time::Duration};

use sqlx::Connection;

use crate::{
    people::{Admin, PASSWORD},
    process::{PROGRAM, free_address, start, write_config},
    service::Setup,
    visitor::Visitor,
};

fn run(dir: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output: Output =
        std::process::Command::new(PROGRAM).arg("--config").arg(dir.join("config.toml")).args(arguments).output().expect("run");
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

fn verify(dir: &Path) -> (Option<i32>, String) {
    run(dir, &["audit", "verify"])
}

async fn database(dir: &Path) -> sqlx::AnyConnection {
    sqlx::any::install_default_drivers();
    sqlx::AnyConnection::connect(&format!("sqlite://{}/os2nykode.db", dir.display())).await.expect("open")
}

async fn count(dir: &Path, table: &str) -> i64 {
    let mut connection = database(dir).await;
    let query = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
    let number = sqlx::query_scalar(query).fetch_one(&mut connection).await.expect("counted");
    connection.close().await.expect("closed");
    number
}

/// Waits until the condition holds. `what` describes it in the failure.
async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    for _ in 0..200 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_whole_after_a_kill_and_after_a_stop_and_not_after_an_intruder() {
    let dir = tempfile::tempdir().expect("a folder");
    let key = dir.path().join("audit.key");
    let (code, public) = run(dir.path(), &["audit", "keygen", &key.display().to_string()]);
    assert_eq!(code, Some(0), "{public}");
    assert!(public.starts_with("-----BEGIN PUBLIC KEY-----"));
    assert_eq!(run(dir.path(), &["audit", "keygen", &key.display().to_string()]).0, Some(1), "never over another key");
    let more =
        format!("[login.ad_password]\nanswer_after_ms = 0\n[audit]\nsigning_key_file = \"{}\"\ncheckpoint_entries = 10\n", key.display());
    let address = free_address();
    write_config(dir.path(), &Setup { more: more.leak(), ..Setup::default() }, address);
    let mut running = start(dir.path(), address).await;
    let person = Admin::new().await.person().await;
    Visitor::new(address).logged_in(&person.sam, PASSWORD).await;
    until("sealed", async || count(dir.path(), "audit_seals").await >= 2).await;
    let visitors: Vec<_> = (0..8)
        .map(|n| tokio::spawn(async move { Visitor::new(address).log_in(&format!("ukendt{n}"), "Forkert-Kode-1").await.status }))
        .collect();
    tokio::time::sleep(Duration::from_millis(60)).await;
    running.child.kill().expect("killed");
    running.child.wait().expect("gone");
    drop(visitors);
    let (code, text) = verify(dir.path());
    assert_eq!(code, Some(0), "{text}");
    // The next start seals the waiting entries. A graceful stop signs a checkpoint over all entries.
    let mut running = start(dir.path(), address).await;
    Visitor::new(address).logged_in(&person.sam, PASSWORD).await;
    rustix::process::kill_process(rustix::process::Pid::from_child(&running.child), rustix::process::Signal::TERM).expect("sent");
    assert!(running.child.wait().expect("ended").success());
    let (entries, seals) = (count(dir.path(), "audit").await, count(dir.path(), "audit_seals").await);
    assert_eq!((entries, count(dir.path(), "audit_unsealed").await), (seals, 0));
    let (code, text) = verify(dir.path());
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(&format!("cover it up to number {seals}.")), "{text}");
    // The log has the service's stop, and an entry for each verification.
    let mut connection = database(dir.path()).await;
    let kinds: Vec<String> =
        sqlx::query_scalar("SELECT kind FROM audit WHERE kind IN ('service_started', 'service_stopped', 'log_verified') ORDER BY seq")
            .fetch_all(&mut connection)
            .await
            .expect("read");
    assert_eq!(kinds, ["service_started", "log_verified", "service_started", "service_stopped", "log_verified"]);
    let hashes: Vec<String> = sqlx::query_scalar("SELECT DISTINCT note FROM audit WHERE kind = 'service_started'")
        .fetch_all(&mut connection)
        .await
        .expect("read");
    assert!(hashes.len() == 1 && hashes[0].len() == 64, "one configuration: {hashes:?}");
    for statement in ["DROP TRIGGER audit_no_update", "UPDATE audit SET target_name = 'Nobody' WHERE seq = 2"] {
        sqlx::query(statement).execute(&mut connection).await.expect("done");
    }
    connection.close().await.expect("closed");
    let (code, text) = verify(dir.path());
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("entry number 2 (seq 2) or its seal was changed"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn verifying_without_a_key_says_what_is_missing() {
    let dir = tempfile::tempdir().expect("a folder");
    write_config(dir.path(), &Setup::default(), free_address());
    let (code, text) = verify(dir.path());
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("no public key"), "{text}");
    let missing = run(dir.path(), &["audit", "verify", "--public-key", "/nowhere.pub"]);
    assert_eq!(missing.0, Some(2));
    let (code, text) = run(dir.path(), &["audit", "rotate-cpr"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("cpr_key_files is empty"), "{text}");
}
