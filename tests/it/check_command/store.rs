//! Findings of the check command about the database, which it does not change.

use std::{
    io::Read,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use os2nykode::{
    check::{FindingLevel, Id},
    clock::ShiftedClock,
    store::Store,
};

use super::check;
use crate::{
    process::PROGRAM,
    service::Setup,
    store::{place::each_place, postgres_database},
};

fn at(url: &str) -> Setup {
    Setup { store: Some(url.to_owned()), ..Setup::default() }
}

/// The files of a folder with their bytes.
fn files(dir: &std::path::Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| (path.clone(), std::fs::read(path).expect("bytes")))
        .collect();
    files.sort();
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_tables_or_with_older_ones_is_left_as_it_is() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("x.db");
    std::fs::write(&path, "").expect("written");
    let url = format!("sqlite://{}", path.display());
    let report = check(at(&url), &[], Some("anna"), &ShiftedClock::default()).await;
    assert!(report.is_good() && report.to_string().contains("the first start creates the tables"), "{report}");
    assert_eq!(files(dir.path()), [(path.clone(), Vec::new())]);

    let url = postgres_database().await;
    let report = check(at(&url), &[], Some("anna"), &ShiftedClock::default()).await;
    assert!(report.is_good() && report.to_string().contains("the first start creates the tables"), "{report}");
    let place = crate::store::place::Place { url, sqlite: false };
    assert_eq!(place.one::<i64>("SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema()").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_an_older_or_newer_version_are_told_of_and_stay_so() {
    each_place(async |place| {
        place.open().await.close().await;
        let known = Store::version_of(&place.url);
        place.run(&format!("DELETE FROM _sqlx_migrations WHERE version = {known}")).await.expect("older");
        let report = check(at(&place.url), &[], Some("anna"), &ShiftedClock::default()).await;
        assert!(report.is_good() && report.has(Id::StoreOlder), "{report}");
        let older: i64 = place.one("SELECT MAX(version) FROM _sqlx_migrations").await;
        assert!(older < known, "nothing was brought up to date");
        place.run(&format!("UPDATE _sqlx_migrations SET version = {} WHERE version = {older}", known + 1)).await.expect("newer");
        let report = check(at(&place.url), &[], Some("anna"), &ShiftedClock::default()).await;
        assert!(report.has(Id::StoreNewer) && !report.is_good(), "{report}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_only_reads_is_told_of() {
    let url = postgres_database().await;
    let name = url.rsplit_once('/').expect("a name").1.to_owned();
    let place = crate::store::place::Place { url, sqlite: false };
    place.run(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await.expect("read-only");
    let report = check(at(&place.url), &[], Some("anna"), &ShiftedClock::default()).await;
    let found = report.findings.iter().find(|finding| finding.id == Some(Id::StoreNotWritable));
    assert!(found.is_some_and(|finding| finding.level == FindingLevel::Problem && finding.what.contains("read_only")), "{report}");
}

/// A listener with a full queue, which accepts no connection, like a firewall that drops packets.
fn swallowing() -> (std::net::TcpListener, Vec<std::net::TcpStream>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    let mut kept = Vec::new();
    while let Ok(stream) = std::net::TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
        kept.push(stream);
        assert!(kept.len() < 10_000, "the queue has an end");
    }
    (listener, kept)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_refuses_or_is_silent_is_told_of_within_seconds_and_first() {
    let (listener, kept) = swallowing();
    for port in [1, listener.local_addr().expect("bound").port()] {
        let dir = tempfile::tempdir().expect("a folder");
        let config = dir.path().join("config.toml");
        crate::service::write_private(&config, at(&format!("postgres://nykode:sesam@127.0.0.1:{port}/x")).text(dir.path(), "127.0.0.1:0"))
            .expect("written");
        let started = Instant::now();
        let mut child = Command::new(PROGRAM)
            .arg("--config")
            .arg(&config)
            .args(["check", "--account", "anna"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("started");
        let mut output = child.stdout.take().expect("piped");
        let (mut text, mut chunk) = (String::new(), [0; 4096]);
        let told = loop {
            let length = output.read(&mut chunk).expect("read");
            text += &String::from_utf8_lossy(&chunk[..length]);
            if text.contains("store_unreachable") || length == 0 {
                break started.elapsed();
            }
        };
        assert!(told < Duration::from_secs(15), "{told:?}");
        assert!(text.contains("[store_unreachable]") && !text.contains("problems\n"), "told before the end: {text}");
        output.read_to_string(&mut text).expect("the rest");
        assert_eq!(child.wait().expect("ended").code(), Some(1), "{text}");
        assert!(started.elapsed() < Duration::from_secs(30) && !text.contains("sesam"), "{:?}", started.elapsed());
        assert_eq!(text.matches("PROBLEM").count(), 1, "{text}");
    }
    drop(kept);
}
