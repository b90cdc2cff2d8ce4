//! Durability after a failure of the service or of the disk.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use jiff::{SignedDuration, Timestamp};
use os2nykode::{
    audit::AttemptBegun,
    model::audit::{AuditEvent, EventKind, attempt::AttemptId},
    store::{Store, leases::Leases},
};
use uuid::Uuid;

use super::audit_log;
use super::{
    log::{account, at, event},
    place::each_place,
};

/// Environment variable with the child's database.
const URL: &str = "OS2NYKODE_TEST_STORE_URL";

fn sign_in(n: i64) -> AuditEvent {
    AuditEvent { kind: EventKind::SignIn, attempt: None, password_set_before: Some(n), ..event(1) }
}

/// The child's work: it appends and reports each entry until it is killed.
async fn append_until_killed(url: &str) {
    let store = Store::open(url).await.expect("opened");
    let log = audit_log(&store);
    for n in 0_i64.. {
        log.append(&sign_in(n)).await.expect("appended");
        writeln(&format!("told {n}"));
    }
}

fn writeln(line: &str) {
    use std::io::Write;
    std::io::stdout().write_all(format!("\n{line}\n").as_bytes()).expect("the parent reads");
}

#[tokio::test]
async fn entries_that_were_told_survive_a_kill() {
    if let Ok(url) = std::env::var(URL) {
        return append_until_killed(&url).await; // the child process
    }
    each_place(async |place| {
        for _ in 0..3 {
            let mut child = Command::new(std::env::current_exe().expect("this program"))
                .args(["--exact", "store::durability::entries_that_were_told_survive_a_kill", "--nocapture", "--test-threads=1"])
                .env(URL, &place.url)
                .stdout(Stdio::piped())
                .spawn()
                .expect("started");
            let output = BufReader::new(child.stdout.take().expect("a pipe"));
            let told = output.lines().map_while(Result::ok).filter_map(|line| line.strip_prefix("told ")?.parse::<i64>().ok()).nth(30);
            child.kill().expect("SIGKILL");
            child.wait().expect("ended");
            let last = told.expect("it appends");
            let store = place.open().await;
            let log = audit_log(&store);
            let kept: Vec<_> = log.history_of(account(1), 10_000, Timestamp::MIN).await.expect("read");
            let highest = kept.iter().filter_map(|entry| entry.event.password_set_before).max();
            assert!(highest >= Some(last), "told {last}, kept {highest:?}");
            log.append(&sign_in(-1)).await.expect("goes on");
            store.close().await;
        }
    })
    .await;
}

/// A small file system stands for the full disk.
#[tokio::test]
async fn a_full_disk_refuses_an_attempt_and_harms_nothing_that_is_there() {
    let disk = Disk::new();
    let store = Store::open(&format!("sqlite://{}/store.db", disk.0.path().display())).await.expect("opened");
    let log = audit_log(&store);
    log.append(&sign_in(0)).await.expect("there is room");
    let ballast = disk.0.path().join("ballast");
    let _full = std::fs::write(&ballast, vec![1; 64 << 20]);
    let mut told = 1;
    let refused = loop {
        match log.append(&sign_in(told)).await {
            Ok(_) => told += 1,
            Err(error) => break error,
        }
        assert!(told < 10_000, "the disk fills");
    };
    assert!(refused.to_string().contains("full"), "{refused}");
    log.begin(&event(9)).await.expect_err("no attempt without room for it");
    let leases = Leases::new(&store);
    leases.try_acquire("a", Uuid::from_u128(1), at(0), SignedDuration::from_mins(1)).await.expect_err("no lease that is not written down");
    assert_eq!(i64::try_from(log.history_of(account(1), 10_000, Timestamp::MIN).await.expect("reading needs no room").len()), Ok(told));
    std::fs::remove_file(&ballast).expect("made room");
    assert_eq!(log.outcome_of(account(1), AttemptId::from_random([9; 16])).await.expect("read"), None);
    assert_eq!(log.begin(&event(9)).await.expect("goes on"), AttemptBegun::New);
    store.close().await;
}

/// A file system of 4 MB. Needs root, as Samba does.
struct Disk(tempfile::TempDir);

impl Disk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(folder.path()).status().expect("mount runs");
        assert!(mounted.success(), "mounting a small disk needs root: run scripts/test as root");
        Self(folder)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _unmounted = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}
