//! Entries that an attacker with database access inserts while the service runs, and their treatment by the service and its tools.

use os2nykode::{
    audit::{
        AuditLog,
        chain::{
            sealer::{ChainMemory, SealOutcome, SignOutcome},
            verify::Tampering,
        },
        log::cpr::Vault,
    },
    model::{
        audit::{AuditEvent, AuditOutcome, EventKind, RetentionClass},
        cpr::Cpr,
    },
    store::{DerivedKeys, Store},
};

use super::{
    audit_log,
    chain::{intrude, sealed_log, signer, verified, write},
    log::{at, event},
    place::{Place, each_store},
};

const INSERT: &str = "INSERT INTO audit (at, visit, kind, outcome, reason) VALUES (1, 'x', 'sign_in', 'succeeded', '')";

/// SQLite accepts any type of value in any column.
#[tokio::test]
async fn a_value_that_cannot_be_read_is_found_and_named_and_holds_up_nobody() {
    let changed = |number| Tampering::Changed { number, seq: number };
    let gone = |number| Tampering::Deleted { number, seq: number };
    for (statement, expected) in [
        ("UPDATE audit SET at = 'x' WHERE seq = 5", gone(5)),
        ("UPDATE audit SET at = 1.5 WHERE seq = 5", gone(5)),
        ("UPDATE audit SET note = x'ff' WHERE seq = 5", gone(5)),
        ("UPDATE audit SET note = CAST(x'ff' AS TEXT) WHERE seq = 5", gone(5)),
        ("UPDATE audit SET password_set_before = 'x' WHERE seq = 5", gone(5)),
        ("UPDATE audit_seals SET chain = 'x' WHERE number = 5", changed(5)),
        ("UPDATE audit_seals SET authentic = 'x' WHERE number = 5", changed(5)),
        ("UPDATE audit_seals SET authentic = 1.5 WHERE number = 5", changed(5)),
        ("UPDATE audit_seals SET number = 'x' WHERE number = 5", Tampering::Foreign("audit_seals")),
        ("UPDATE audit_seals SET seq = 'x' WHERE number = 5", Tampering::Foreign("audit_seals")),
        ("UPDATE audit_checkpoints SET at = 'x' WHERE number = 8", Tampering::Foreign("audit_checkpoints")),
    ] {
        each_store(async |store, place| {
            if !place.sqlite {
                return; // PostgreSQL enforces types
            }
            let (_, signer, _) = sealed_log(&store).await;
            intrude(place, &[statement]).await;
            assert_eq!(verified(place, &signer).await, Err(expected.clone()), "{statement}");
        })
        .await;
    }
    each_store(async |store, place| {
        if !place.sqlite {
            return;
        }
        // Unsealed garbage is marked as not authentic, and later entries get their seals.
        let (log, signer, memory) = sealed_log(&store).await;
        for garbage in [
            "'x', 'x', 'sign_in', 'succeeded', ''",
            "1, x'ff', 'sign_in', 'succeeded', ''",
            "1, 'x', 'sign_in', 'succeeded', CAST(x'ff' AS TEXT)",
        ] {
            place.run(&format!("INSERT INTO audit (at, visit, kind, outcome, reason) VALUES ({garbage})")).await.expect("inserted");
        }
        for waits in ["'x'", "1.5"] {
            place.run(&format!("INSERT INTO audit_unsealed (seq) VALUES ({waits})")).await.expect("inserted");
        }
        write(&log, 20..24).await;
        assert_eq!(log.seal(&memory).await.expect("sealed"), SealOutcome { entries: 7, unsound: 3 });
        assert_eq!(log.checkpoint(&signer, &memory, at(400)).await.expect("signed"), SignOutcome::UpTo(19));
        let whole = verified(place, &signer).await.expect("the chain is whole");
        assert_eq!((whole.unsound.as_slice(), whole.vouched), ([13, 14, 15].as_slice(), 19));
    })
    .await;
}

/// With the triggers in place, as for the service's own database user.
#[tokio::test]
async fn nothing_that_is_there_is_replaced() {
    each_store(async |store, place| {
        let (log, signer, memory) = sealed_log(&store).await;
        let copied = "SELECT number, seq, 0, chain, NULL, NULL FROM audit_seals WHERE number = 5";
        let statements: &[&str] = if place.sqlite {
            &[
                "INSERT OR REPLACE INTO audit (seq, at, visit, kind, outcome, reason) VALUES (5, 1, 'x', 'sign_in', 'succeeded', '')",
                "REPLACE INTO audit_checkpoints SELECT number, at + 1, chain, key_id, signature FROM audit_checkpoints",
                "UPDATE OR REPLACE audit_unsealed SET seq = 3",
            ]
        } else {
            &[
                "INSERT INTO audit (seq, at, visit, kind, outcome, reason) VALUES (5, 1, 'x', 'sign_in', 'succeeded', '') ON CONFLICT (seq) DO UPDATE SET at = 1",
                "INSERT INTO audit_checkpoints SELECT number, at + 1, chain, key_id, signature FROM audit_checkpoints ON CONFLICT (number) DO UPDATE SET at = excluded.at",
                "TRUNCATE audit_seals",
            ]
        };
        for statement in statements {
            let _refused_or_ignored = place.run(statement).await;
        }
        if place.sqlite {
            let _ignored = place.run(&format!("REPLACE INTO audit_seals {copied}")).await;
            // An attempt is not replaced by another one with the same attempt id either.
            write_attempt(&log).await;
            let other = "INSERT OR REPLACE INTO audit (at, visit, kind, outcome, reason, actor_guid, attempt)
                SELECT at, 'y', kind, outcome, reason, actor_guid, attempt FROM audit WHERE kind = 'change_attempt'";
            assert_eq!(place.run(other).await.expect("ignored"), 0);
            log.seal(&memory).await.expect("sealed");
        }
        let whole = verified(place, &signer).await.expect("whole");
        assert_eq!(whole.unsound, [] as [i64; 0]);
        write(&log, 40..42).await;
        assert_eq!(log.seal(&memory).await.expect("sealed").unsound, 0);
        assert!(matches!(log.checkpoint(&signer, &memory, at(500)).await, Ok(SignOutcome::UpTo(_))));
    })
    .await;
}

async fn write_attempt(log: &AuditLog) {
    log.begin(&event(77)).await.expect("begun");
}

/// An attacker who knows the algorithm writes entries and their seals between two checkpoints and marks them as authentic.
#[tokio::test]
async fn a_forged_entry_with_a_forged_seal_is_not_signed() {
    each_store(async |store, place| {
        let (log, signer, memory) = sealed_log(&store).await;
        let forger = AuditLog::new(&store, &DerivedKeys::new(&[66; 32]));
        forger.append(&AuditEvent { kind: EventKind::SignIn, outcome: AuditOutcome::Succeeded, ..event(90) }).await.expect("inserted");
        // The attacker's own secret makes it authentic. The service's sealing job must not run before.
        assert_eq!(forger.seal(&ChainMemory::default()).await.expect("sealed"), SealOutcome { entries: 1, unsound: 0 });
        assert!(verified(place, &signer).await.is_ok(), "the public key alone can't tell, before a checkpoint");
        assert_eq!(log.checkpoint(&signer, &memory, at(400)).await.expect("asked"), SignOutcome::Changed(13));
        write(&log, 40..42).await;
        log.seal(&memory).await.expect("entries get their places all the same");
        assert_eq!(log.checkpoint(&signer, &memory, at(500)).await.expect("asked"), SignOutcome::Changed(13), "and it stays so");
        assert_eq!(verified(place, &signer).await.expect("whole").vouched, 12);
    })
    .await;
}

/// The last entries are changed together with their chain hashes while the service is down. The next instance has no memory of them.
#[tokio::test]
async fn what_was_changed_after_the_last_checkpoint_is_found_by_the_next_instance() {
    each_store(async |store, place| {
        let (log, signer, memory) = sealed_log(&store).await;
        write(&log, 20..24).await;
        log.seal(&memory).await.expect("sealed");
        intrude(place, &["UPDATE audit SET note = 'x' WHERE seq = 14"]).await;
        let next = ChainMemory::default();
        log.remember(&next).await.expect("read");
        assert_eq!(log.checkpoint(&signer, &next, at(400)).await.expect("asked"), SignOutcome::Changed(14));
        assert_eq!(verified(place, &signer).await, Err(Tampering::Changed { number: 14, seq: 14 }));
        // A forged checkpoint is not a basis for signing.
        place
            .run("INSERT INTO audit_checkpoints SELECT 15, at, chain, key_id, signature FROM audit_checkpoints WHERE number = 12")
            .await
            .expect("done");
        assert_eq!(log.checkpoint(&signer, &next, at(500)).await.expect("asked"), SignOutcome::Changed(14));
    })
    .await;
}

/// PostgreSQL assigns ids before the commit, so a lower id may appear later.
#[tokio::test]
async fn an_entry_that_is_committed_late_gets_its_place_when_it_is_there() {
    use sqlx::Connection;
    each_store(async |store, place| {
        if place.sqlite {
            return; // SQLite has one writer at a time
        }
        let (log, signer, memory) = sealed_log(&store).await;
        let mut late = place.intruder().await;
        let mut transaction = late.begin().await.expect("begun");
        sqlx::query(INSERT).execute(&mut *transaction).await.expect("inserted, as 13");
        write(&log, 20..22).await;
        assert_eq!(log.seal(&memory).await.expect("sealed").entries, 2, "nobody waits for it");
        log.checkpoint(&signer, &memory, at(400)).await.expect("signed");
        transaction.commit().await.expect("committed");
        assert_eq!(log.seal(&memory).await.expect("sealed").entries, 1);
        log.checkpoint(&signer, &memory, at(500)).await.expect("signed");
        let whole = verified(place, &signer).await.expect("whole");
        assert_eq!((whole.last, whole.vouched), (15, 15));
        assert_eq!(place.one::<i64>("SELECT seq FROM audit_seals WHERE number = 15").await, 13);
    })
    .await;
}

/// An attacker inserts a seal for a waiting entry and keeps the row that marks it as unsealed.
#[tokio::test]
async fn a_seal_put_in_by_hand_holds_up_nobody_and_nothing_is_signed_over_it() {
    each_store(async |store, place| {
        let (log, signer, memory) = sealed_log(&store).await;
        write(&log, 20..22).await;
        place
            .run("INSERT INTO audit_seals SELECT 13, 13, 1, chain, NULL, NULL FROM audit_seals WHERE number = 12")
            .await
            .expect("inserted");
        assert_eq!(log.seal(&memory).await.expect("sealed").entries, 1, "the other one");
        let backlog = log.backlog().await.expect("read");
        assert_eq!((backlog.waiting, backlog.first, backlog.unsigned), (1, Some(13), 2), "the watch tells of it");
        assert_eq!(log.checkpoint(&signer, &memory, at(400)).await.expect("asked"), SignOutcome::Changed(13));
        assert_eq!(verified(place, &signer).await, Err(Tampering::Changed { number: 13, seq: 13 }));
    })
    .await;
}

#[tokio::test]
async fn a_log_that_was_never_signed_is_signed_part_by_part() {
    each_store(async |store, place| {
        // 20,500 entries of an older version, without MACs.
        let fill = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20500)
            INSERT INTO audit (at, visit, kind, outcome, reason) SELECT i, 'x', 'sign_in', 'succeeded', '' FROM n";
        place.run(fill).await.expect("filled");
        let (log, signer, memory) = (audit_log(&store), signer(), ChainMemory::default());
        log.remember(&memory).await.expect("read");
        while log.seal(&memory).await.expect("sealed").entries > 0 {}
        assert_eq!(log.checkpoint(&signer, &memory, at(0)).await.expect("signed"), SignOutcome::Part(20_000));
        assert_eq!(log.checkpoint(&signer, &memory, at(1)).await.expect("signed"), SignOutcome::UpTo(20_500));
        assert_eq!(log.checkpoint(&signer, &memory, at(2)).await.expect("asked"), SignOutcome::NothingNew);
        let whole = verified(place, &signer).await.expect("whole");
        assert_eq!((whole.entries, whole.unsound_entries, whole.unsound.len(), whole.vouched), (20_500, 20_500, 100, 20_500));
    })
    .await;
}

#[tokio::test]
async fn a_cpr_number_that_was_taken_out_is_missed() {
    each_store(async |store, place| {
        let log = audit_log(&store).with(Vault::new([&[1; 32]]), "kommune.test");
        let (signer, memory) = (signer(), ChainMemory::default());
        for n in 0..3 {
            let cpr = Cpr::parse("010190-1234");
            log.append(&AuditEvent { actor_cpr: cpr.clone(), target_cpr: cpr, kind: EventKind::SignIn, ..event(n) })
                .await
                .expect("appended");
        }
        log.seal(&memory).await.expect("sealed");
        log.checkpoint(&signer, &memory, at(100)).await.expect("signed");
        place.run("DELETE FROM audit_cpr WHERE seq = 2").await.expect_err("refused");
        assert_eq!(verified(place, &signer).await.expect("whole").cpr_missing, 0);
        intrude(place, &["DELETE FROM audit_cpr WHERE seq = 2 AND party = 'target'"]).await;
        let whole = verified(place, &signer).await.expect("the chain is whole");
        assert_eq!(whole.cpr_missing, 1);
        // Retention deletes CPR numbers together with their entries.
        log.purge_class(&signer, RetentionClass::Logins, at(150), at(1000), u64::MAX).await.expect("deleted");
        assert_eq!(place.one::<i64>("SELECT COUNT(*) FROM audit_cpr").await, 0);
        assert_eq!(verified(place, &signer).await.expect("whole").cpr_missing, 0);
    })
    .await;
}

/// Verification changes no database and creates none.
#[tokio::test]
async fn looking_writes_nothing_and_makes_nothing() {
    each_store(async |store, place| {
        let (_, signer, _) = sealed_log(&store).await;
        store.close().await;
        if !place.sqlite {
            assert!(verified(place, &signer).await.is_ok());
            return;
        }
        let file = os2nykode::store::file(&place.url).expect("a file");
        let before = std::fs::read(&file).expect("read");
        assert!(verified(place, &signer).await.is_ok());
        assert!(before == std::fs::read(&file).expect("read"), "not a byte");
        std::fs::remove_file(&file).expect("removed");
        assert!(os2nykode::audit::chain::inspect::LogInspection::open(&place.url).await.is_err());
        assert!(!file.exists(), "it makes no database");
    })
    .await;
}

/// The disk is full when the seal is to be written.
#[tokio::test]
async fn a_seal_that_cannot_be_written_leaves_the_entry_waiting() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = Place { url: format!("sqlite://{}/store.db", folder.path().display()), sqlite: true };
    let store: Store = place.open().await;
    let (log, signer, memory) = sealed_log(&store).await;
    write(&log, 20..120).await;
    store.refuse_to_grow().await.expect("limited");
    // Each of these entries eventually needs more room.
    let mut refused = 0;
    for n in 0..2000_u32 {
        let wrote = log.append(&AuditEvent { note: Some(format!("{n} {}", "x".repeat(900))), kind: EventKind::SignIn, ..event(1) }).await;
        refused += u32::from(wrote.is_err());
        if refused > 2 {
            break;
        }
    }
    assert!(refused > 2, "the disk is full");
    let sealed = log.seal(&memory).await;
    store.close().await;
    // With room again, every confirmed entry is sealed exactly once.
    let store = place.open().await;
    let log = audit_log(&store);
    while log.seal(&memory).await.expect("sealed").entries > 0 {}
    assert!(matches!(log.checkpoint(&signer, &memory, at(400)).await, Ok(SignOutcome::UpTo(_))), "{sealed:?}");
    let whole = verified(&place, &signer).await.expect("whole");
    assert_eq!((i64::try_from(whole.entries).ok(), whole.waiting), (Some(place.one::<i64>("SELECT COUNT(*) FROM audit").await), 0));
    assert_eq!(whole.unsound, [] as [i64; 0]);
    store.close().await;
}
