//! The program in operation: tokens and exports by command, and log forwarding to a file across kills and stops.

use std::{path::Path, process::Command};

use reqwest::Method;
use serde_json::Value;

use super::until;
use crate::{
    process::{PROGRAM, free_address, start, start_by, write_config},
    service::Setup,
    store::{place::Place, postgres_database},
    visitor::Visitor,
};

/// Exit code, standard output and standard error.
fn run(dir: &Path, arguments: &[&str]) -> (i32, String, String) {
    let done = Command::new(PROGRAM).arg("--config").arg(dir.join("config.toml")).args(arguments).output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (done.status.code().expect("a code"), text(&done.stdout), text(&done.stderr))
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_made_used_and_revoked_while_the_service_runs() {
    let dir = tempfile::tempdir().expect("a folder");
    let address = free_address();
    write_config(dir.path(), &Setup::default(), address);
    let running = start(dir.path(), address).await;
    for (arguments, told) in [
        (&["token", "add", "siem", "--scope", "audit:read"][..], "--days"),
        (&["token", "add", "siem", "--scope", "audit:read", "--days", "0"], "--days has to be 1 to 400"),
        (&["token", "add", "siem", "--scope", "audit:read", "--days", "401"], "--days has to be 1 to 400"),
        (&["token", "add", "siem", "--scope", "everything", "--days", "1"], "audit:read or audit:head"),
        (&["token", "add", "=siem", "--scope", "audit:read", "--days", "1"], "a name has 1 to 64 letters"),
        (&["token", "revoke", "nobody"], "there is no token with this name"),
    ] {
        let (code, out, error) = run(dir.path(), arguments);
        assert!(code != 0 && error.contains(told) && out.is_empty(), "{arguments:?}: {code} {out} {error}");
    }
    let add = ["token", "add", "siem", "--scope", "audit:read", "--days", "400"];
    let (code, out, error) = run(dir.path(), &add);
    assert_eq!((code, error.as_str()), (0, ""));
    let token = out.lines().last().expect("a token").to_owned();
    assert!(token.starts_with("os2nykode_") && out.contains("valid until 20"), "{out}");
    assert!(run(dir.path(), &add).2.contains("there is a token with this name already"));
    let visitor = Visitor::new(address);
    let ask = || async {
        let answer = visitor.request(Method::GET, "/api/v1/audit/events?limit=1000").bearer_auth(&token).send().await.expect("an answer");
        let status = answer.status().as_u16();
        (status, serde_json::from_str::<Value>(&answer.text().await.expect("text")).expect("JSON"))
    };
    until("sealed within seconds", async || {
        let (status, json) = ask().await;
        assert_eq!(status, 200, "{json}");
        let kinds: Vec<_> =
            json["events"].as_array().expect("a list").iter().map(|event| event["kind"].as_str().expect("a word").to_owned()).collect();
        assert!(json["events"].as_array().expect("a list").iter().all(|event| event["authentic"] == true), "{json}");
        ["service_started", "api_token", "log_exported"].iter().all(|kind| kinds.iter().any(|known| known == kind))
    })
    .await;
    let (_, list, _) = run(dir.path(), &["token", "list"]);
    assert!(list.starts_with("siem\taudit:read\tvalid\tcreated 20") && !list.contains(&token[27..]), "{list}");
    assert_eq!(run(dir.path(), &["token", "revoke", "siem"]).0, 0);
    let (status, json) = ask().await;
    assert_eq!((status, &json["code"]), (401, &"token_revoked".into()), "at once");
    assert!(run(dir.path(), &["token", "list"]).1.contains("\trevoked 20"));
    assert_eq!(run(dir.path(), &add).0, 0, "the name is free again");
    drop(running);
    let said = std::fs::read_to_string(dir.path().join("log")).expect("a log");
    assert!(!said.contains(&token[27..]) && !said.contains("os2nykode_"), "no token in the service's own log");
    let database = std::fs::read(dir.path().join("os2nykode.db")).expect("a file");
    let secret = &token.as_bytes()[27..];
    assert!(!database.windows(secret.len()).any(|part| part == secret), "the secret is nowhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_missing_outside_though_the_service_is_killed_and_a_stop_is_told_before_it_is_over() {
    let dir = tempfile::tempdir().expect("a folder");
    let (key, out) = (dir.path().join("audit.key"), dir.path().join("out.jsonl"));
    let address = free_address();
    let more = format!(
        "[rate_limit.name]\nattempts_before_delay = 1000\n[rate_limit.address]\nattempts_before_delay = 1000\n[login.ad_password]\nanswer_after_ms = 0\n\
         [audit]\nsigning_key_file = \"{}\"\ncheckpoint_entries = 10\n[[audit.forward]]\nid = \"fil\"\nkind = \"file\"\npath = \"{}\"\n",
        key.display(),
        out.display()
    );
    let made = Command::new(PROGRAM).args(["audit", "keygen"]).arg(&key).output().expect("it runs");
    assert!(made.status.success());
    write_config(dir.path(), &Setup { more: more.leak(), ..Setup::default() }, address);
    let visitor = Visitor::new(address);
    for round in 0..3 {
        let mut running = start(dir.path(), address).await;
        let attempts = async {
            for n in 0..15 {
                visitor.log_in(&format!("ukendt{round}x{n}"), "Helt-Forkert-99").await;
            }
        };
        attempts.await;
        tokio::time::sleep(std::time::Duration::from_millis(round * 400)).await; // before, during and after forwarding
        running.child.kill().expect("killed");
        running.child.wait().expect("ended");
        // Simulates a start after the lease of the killed instance has expired.
        sqlx::any::install_default_drivers();
        let place = Place { url: format!("sqlite://{}/os2nykode.db", dir.path().display()), sqlite: true };
        place.run("UPDATE leases SET until = 0").await.expect("run out");
    }
    let mut running = start(dir.path(), address).await;
    visitor.log_in("ukendt-til-sidst", "Helt-Forkert-99").await;
    let pid = rustix::process::Pid::from_raw(running.child.id().try_into().expect("a pid")).expect("a pid");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("asked to stop");
    assert!(running.child.wait().expect("ended").success());
    let all = lines(&out);
    let numbers: Vec<_> = all.iter().filter_map(|line| line["number"].as_i64()).collect();
    // A kill between the write of the file and the cursor's update repeats that batch, at most once per kill.
    let again = numbers.windows(2).filter(|two| two[1] <= two[0]).count();
    assert!(again <= 3, "{numbers:?}");
    let mut seen = std::collections::BTreeSet::new();
    let sent: Vec<_> = all.iter().filter(|line| line["number"].as_i64().is_none_or(|number| seen.insert(number))).collect();
    let last = *seen.last().expect("some");
    let first_told: Vec<_> = sent.iter().filter_map(|line| line["number"].as_i64()).collect();
    assert_eq!(first_told, (1..=last).collect::<Vec<_>>(), "none is missing, and each in its turn");
    let kinds: Vec<_> = sent.iter().filter_map(|line| line["kind"].as_str()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "service_started").count(), 4);
    assert_eq!(kinds.last(), Some(&"service_stopped"));
    assert!(kinds.iter().filter(|kind| **kind == "sign_in").count() >= 46, "{kinds:?}");
    assert_eq!(sent.last().expect("some")["checkpoint"]["number"], last, "the last word is signed");
    // The forwarded checkpoints verify the log and an export.
    let kept = out.display().to_string();
    let (code, said, error) = run(dir.path(), &["audit", "verify", "--checkpoint", &kept]);
    assert_eq!(code, 0, "{said}{error}");
    let (code, lines, error) = run(dir.path(), &["audit", "export", "--format", "jsonl"]);
    assert_eq!((code, error.as_str()), (0, ""));
    let file = dir.path().join("export.jsonl");
    std::fs::write(&file, lines).expect("written");
    let public = format!("{}.pub", key.display());
    let arguments = ["audit", "verify", "--export", &file.display().to_string(), "--public-key", &public, "--checkpoint", &kept];
    let (code, said, error) = run(dir.path(), &arguments);
    assert_eq!(code, 0, "{said}{error}");
    let (code, table, _) = run(dir.path(), &["audit", "export", "--format", "csv", "--from", "2026-01-01"]);
    assert!(code == 0 && table.starts_with('\u{FEFF}') && table.matches("\r\n").count() > 50, "{table}");
    assert_eq!(run(dir.path(), &["audit", "export", "--format", "xlsx"]).0, 2);
    assert_eq!(run(dir.path(), &["audit", "export", "--format", "csv", "--from", "2026-13-01"]).0, 2);
}

/// Limits the file size of the process, so that a write ends early as on a full disk.
fn limit(pid: u32, bytes: &str) {
    let done =
        Command::new("prlimit").args(["--pid", &pid.to_string(), &format!("--fsize={bytes}:unlimited")]).status().expect("util-linux");
    assert!(done.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_under_the_file_holds_lines_back_and_loses_and_halves_none() {
    const FULL: u64 = 64 * 1024;
    let dir = tempfile::tempdir().expect("a folder");
    let (out, address) = (dir.path().join("out.jsonl"), free_address());
    // Lines of an earlier day already take most of the room.
    std::fs::write(&out, "{\"checkpoint\":{}}\n".repeat(3_400)).expect("written");
    let more = format!(
        "[rate_limit.name]\nattempts_before_delay = 1000\n[rate_limit.address]\nattempts_before_delay = 1000\n[login.ad_password]\nanswer_after_ms = 0\n\
         [[audit.forward]]\nid = \"fil\"\nkind = \"file\"\npath = \"{}\"\n",
        out.display()
    );
    let store = Some(postgres_database().await); // on PostgreSQL, which the limit does not affect
    write_config(dir.path(), &Setup { more: more.leak(), store, ..Setup::default() }, address);
    let mut ignoring = Command::new("sh");
    ignoring.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", PROGRAM]); // the write fails as with ENOSPC; without the trap a signal would end the program
    let running = start_by(ignoring, dir.path(), address).await;
    let visitor = Visitor::new(address);
    until("the first line is there", async || lines(&out).iter().any(|line| line["number"] == 1)).await;
    limit(running.child.id(), &FULL.to_string());
    let written = || std::fs::metadata(&out).expect("there").len();
    assert!(FULL - 6_000 < written() && written() < FULL, "{}", written());
    for n in 0..15 {
        assert_eq!(visitor.log_in(&format!("ukendt{n}"), "Helt-Forkert-99").await.status, 422, "nobody waits for the file");
    }
    let said = || std::fs::read_to_string(dir.path().join("log")).expect("a log");
    until("the operator is told", async || said().contains("File too large")).await;
    assert!(written() <= FULL && std::fs::read(&out).expect("read").ends_with(b"}\n"), "no half line");
    let numbers = || lines(&out).iter().filter_map(|line| line["number"].as_i64()).collect::<Vec<_>>();
    assert!(numbers().len() < 15, "it is full");
    limit(running.child.id(), "unlimited");
    until("everything is there", async || numbers().len() >= 16).await;
    assert_eq!(numbers(), (1..=i64::try_from(numbers().len()).expect("few")).collect::<Vec<_>>(), "each once, in its turn");
}
