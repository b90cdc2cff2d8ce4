//! Opening and closing of the store, and their errors.

use std::os::unix::fs::PermissionsExt;

use os2nykode::{
    audit::AttemptBegun,
    model::audit::{AuditEvent, EventKind},
    store::{Store, StoreError},
};

use super::audit_log;
use super::{
    log::event,
    place::{Place, each_place, each_store},
};

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_may_start_at_once_on_an_empty_database() {
    each_place(async |place| {
        let open = || {
            let url = place.url.clone();
            tokio::spawn(async move { Store::open(&url).await })
        };
        for started in [open(), open(), open(), open()] {
            started.await.expect("no panic").expect("opened").ping().await.expect("answers");
        }
    })
    .await;
}

#[tokio::test]
async fn two_instances_see_the_same() {
    each_store(async |first, place| {
        let second = place.open().await;
        let entry = event(1);
        audit_log(&first).append(&entry).await.expect("appended");
        let account = entry.target.as_ref().expect("a target").guid;
        assert_eq!(audit_log(&second).history_of(account, 10, jiff::Timestamp::MIN).await.expect("read").len(), 1);
        second.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_store_answers_again_after_its_connections_were_cut() {
    each_store(async |store, place| {
        if !place.sqlite {
            let cut =
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
            assert!(place.run(cut).await.expect("may cut its own") > 0);
        }
        store.ping().await.expect("answers");
    })
    .await;
}

#[tokio::test]
async fn a_row_that_somebody_locks_does_not_hold_a_request_for_ever() {
    each_store(async |store, place| {
        use sqlx::Connection;
        let mut intruder = place.intruder().await;
        let mut held = intruder.begin().await.expect("begun");
        let lock = if place.sqlite { "INSERT INTO leases VALUES ('x', 'x', 0, 0)" } else { "LOCK TABLE audit" };
        sqlx::query(lock).execute(&mut *held).await.expect("locked");
        let started = std::time::Instant::now();
        let refused = audit_log(&store).append(&event(1)).await.expect_err("locked");
        assert!(matches!(refused, StoreError::TimedOut | StoreError::Unavailable(_)), "{refused}");
        assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
        held.rollback().await.expect("unlocked");
        audit_log(&store).append(&event(2)).await.expect("goes on afterwards");
    })
    .await;
}

#[tokio::test]
async fn a_new_file_is_for_its_owner_only_with_its_journal() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("med mellemrum & æ.db");
    let url = format!("sqlite://{}", path.display()).replace(' ', "%20");
    let store = Store::open(&url).await.expect("opened");
    audit_log(&store).append(&event(1)).await.expect("appended");
    let mut files = 0;
    for file in std::fs::read_dir(folder.path()).expect("a folder").map(|f| f.expect("a file")) {
        assert_eq!(file.metadata().expect("facts").permissions().mode() & 0o777, 0o600, "{:?}", file.path());
        files += 1;
    }
    assert!(files >= 2 && path.exists(), "the database and its journal");
    store.close().await;
}

#[tokio::test]
async fn no_error_tells_the_url() {
    let secret = "hemmelig-kode";
    let unreachable = [
        format!("postgres://nykode:{secret}@127.0.0.1:1/x"),
        format!("postgres://nykode:{secret}@localhost:99999/x"),
        format!("postgres://nykode:{secret}@/x?{secret}=1&host=/nowhere"),
        format!("mysql://nykode:{secret}@localhost/x"),
        format!("sqlite:///nowhere/x.db?{secret}=1"),
        secret.to_owned(),
    ];
    for url in unreachable {
        let error = Store::open(&url).await.expect_err("nobody there");
        assert!(!format!("{error} {error:?}").contains(secret), "{error:?}");
    }
}

#[tokio::test]
async fn a_database_of_the_first_version_keeps_its_entries_and_its_open_attempts() {
    each_place(async |place: &Place| {
        let folder = tempfile::tempdir().expect("a folder");
        let kind = if place.sqlite { "sqlite" } else { "postgres" };
        let first = format!("{}/migrations/{kind}/0001_first.sql", env!("CARGO_MANIFEST_DIR"));
        std::fs::copy(first, folder.path().join("0001_first.sql")).expect("copied");
        if let Some(path) = place.url.strip_prefix("sqlite://") {
            std::fs::write(path, "").expect("a file");
        }
        let migrator = sqlx::migrate::Migrator::new(folder.path()).await.expect("one migration");
        migrator.run_direct(None, &mut place.intruder().await, false).await.expect("applied");
        let old = event(1);
        let guid = old.target.as_ref().expect("a target").guid;
        let attempt = old.attempt.expect("an attempt");
        let insert = format!(
            "INSERT INTO audit (at, visit, kind, outcome, reason, actor_guid, target_guid, attempt, password_set_before)
             VALUES (1, '{}', 'change_attempt', 'started', '', '{guid}', '{guid}', '{attempt}', 5)",
            old.visit
        );
        place.run(&insert).await.expect("inserted");
        let store = place.open().await;
        let log = audit_log(&store);
        let open = log.unsettled(jiff::Timestamp::MAX, 10).await.expect("read");
        assert_eq!(open.len(), 1);
        assert!(!open[0].ours, "nobody can tell who wrote it: it had no mac");
        let attempt = &open[0].attempt;
        assert_eq!((&attempt.provider, attempt.level, &attempt.assertion), (&None, None, &None));
        assert_eq!(log.begin(&old).await.expect("asked"), AttemptBegun::AlreadySent, "what was sent before is not sent again");
        let reset = AuditEvent { kind: EventKind::ResetAttempt, ..old };
        assert_eq!(log.begin(&reset).await.expect("asked"), AttemptBegun::AlreadySent, "nor as a reset");
        place.run("DELETE FROM audit").await.expect_err("append-only");
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    each_place(async |place: &Place| {
        place.open().await.close().await;
        let later = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
            SELECT 9999, 'later', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1";
        place.run(later).await.expect("inserted");
        let refused = Store::open(&place.url).await.expect_err("newer");
        assert!(refused.to_string().contains("newer"), "{refused}");
    })
    .await;
}
