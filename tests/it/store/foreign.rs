//! Rows that another program has put into the chain: they never count as authentic, and they do not stop the log.

use std::path::Path;

use os2nykode::{
    audit::{
        AuditLog,
        chain::{
            inspect::LogInspection,
            sealer::{ChainMemory, SignOutcome},
            verify::{NotVerified, Tampering, Whole},
        },
        export::feed::Feed,
    },
    model::audit::{
        AuditEvent, AuditOutcome, EventKind,
        signing::{Signer, Verifiers},
    },
    store::{DerivedKeys, Store},
};

use super::{
    audit_log,
    chain::{intrude, sealed_log, verified, write},
    log::{at, event},
    place::{Place, each_store},
};

/// Verifies with the secret, as the service's own command does.
async fn with_secret(place: &Place, signer: &Signer) -> Result<Whole, Tampering> {
    let mut keys = Verifiers::default();
    keys.add(signer.public_pem().as_bytes()).expect("a key");
    let inspection = LogInspection::open(&place.url).await.expect("opened").with_secret(&DerivedKeys::new(&[1; 32]));
    let found = inspection.verify(&keys, &[]).await;
    inspection.close().await;
    match found {
        Ok(whole) => Ok(whole),
        Err(NotVerified::Broken(broken)) => Err(broken),
        Err(NotVerified::Store(error)) => panic!("{error}"),
    }
}

/// A log whose anchor names number 12, with four sealed entries after it.
async fn anchored_log(store: &Store, file: &Path) -> (AuditLog, Signer, ChainMemory) {
    let (log, signer, memory) = sealed_log(store).await;
    let log = log.anchored(Some(file));
    write(&log, 20..24).await;
    log.seal(&memory).await.expect("sealed");
    (log, signer, memory)
}

/// Inserts an entry with a wrong MAC at the end, and a seal that marks it as authentic.
async fn forge_entry(store: &Store) {
    let forger = AuditLog::new(store, &DerivedKeys::new(&[66; 32]));
    forger.append(&AuditEvent { kind: EventKind::SignIn, outcome: AuditOutcome::Succeeded, ..event(90) }).await.expect("inserted");
    forger.seal(&ChainMemory::default()).await.expect("sealed");
}

async fn authentic(feed: &Feed) -> Vec<bool> {
    feed.after(0, 100).await.expect("read").iter().map(|sealed| sealed.authentic).collect()
}

#[tokio::test]
async fn a_forged_entry_is_found_with_the_secret_and_stays_foreign_after_an_operator_has_vouched() {
    each_store(async |store, place| {
        let (log, signer, memory) = sealed_log(&store).await;
        forge_entry(&store).await;
        assert_eq!(with_secret(place, &signer).await, Err(Tampering::Forged { number: 13, seq: 13 }));
        assert_eq!(log.checkpoint(&signer, &memory, at(400)).await.expect("asked"), SignOutcome::Changed(13));
        assert_eq!(log.vouch(&signer, at(500)).await.expect("signed"), SignOutcome::UpTo(13));
        write(&log, 20..22).await;
        log.seal(&memory).await.expect("sealed");
        assert_eq!(log.checkpoint(&signer, &memory, at(600)).await.expect("signed"), SignOutcome::UpTo(15));
        // The entry stays foreign for every reader, also after a restart, and without the secret.
        let next = audit_log(&store).knowing(signer.known());
        next.remember(&ChainMemory::default()).await.expect("read");
        for log in [&log, &next] {
            let mut expected = vec![true; 15];
            expected[12] = false;
            assert_eq!(authentic(&Feed::new(&store).judged_by(log)).await, expected);
        }
        for whole in [with_secret(place, &signer).await, verified(place, &signer).await] {
            assert_eq!(whole.expect("whole").unsound, [13]);
        }
    })
    .await;
}

#[tokio::test]
async fn a_seal_far_away_is_refused_or_ignored_and_can_be_set_aside() {
    each_store(async |store, place| {
        let (log, signer, memory) = sealed_log(&store).await;
        for number in [i64::MAX, 1000] {
            let far = format!(
                "INSERT INTO audit_seals (number, seq, authentic, chain) SELECT {number}, {number}, 1, chain FROM audit_seals WHERE number = 12"
            );
            assert_eq!(place.run(&far).await.expect("ignored"), 0, "with the service's rights");
            if number == 1000 {
                let drop = "DROP TRIGGER audit_seals_in_order";
                place.run(&if place.sqlite { drop.to_owned() } else { format!("{drop} ON audit_seals") }).await.expect("dropped");
                assert_eq!(place.run(&far).await.expect("inserted"), 1, "as the owner");
            }
        }
        // The log continues: entries are sealed, signed and read.
        write(&log, 20..24).await;
        assert_eq!(log.seal(&memory).await.expect("sealed").entries, 4);
        assert_eq!(log.checkpoint(&signer, &memory, at(400)).await.expect("signed"), SignOutcome::UpTo(16));
        let feed = Feed::new(&store).judged_by(&log);
        assert_eq!(feed.head().await.expect("read"), 16);
        assert_eq!(authentic(&feed).await, [true; 16]);
        assert_eq!(log.backlog().await.expect("read").unsigned, 0);
        // It is found, and set aside.
        assert_eq!(log.stray_seal().await.expect("read"), Some(1000));
        assert_eq!(verified(place, &signer).await, Err(Tampering::Gap { from: 17, to: 999 }));
        assert_eq!(log.set_aside(&signer, at(500)).await.expect("done"), 1);
        assert_eq!(log.stray_seal().await.expect("read"), None);
        assert_eq!(verified(place, &signer).await.map(|whole| (whole.last, whole.set_aside)), Ok((16, 1)));
    })
    .await;
}

#[tokio::test]
async fn a_seal_that_breaks_the_chain_is_set_aside_and_its_entry_is_sealed_again() {
    each_store(async |store, place| {
        let (log, signer, memory) = sealed_log(&store).await;
        write(&log, 20..22).await;
        place
            .run("INSERT INTO audit_seals (number, seq, authentic, chain) SELECT 13, 13, 1, chain FROM audit_seals WHERE number = 12")
            .await
            .expect("inserted");
        log.seal(&memory).await.expect("sealed");
        let feed = Feed::new(&store).judged_by(&log);
        assert_eq!((feed.head().await.expect("read"), authentic(&feed).await.len()), (12, 12), "nobody reads past it");
        assert_eq!(log.vouch(&signer, at(400)).await.expect("asked"), SignOutcome::Changed(13), "nobody can vouch for it");
        assert_eq!(log.set_aside(&signer, at(500)).await.expect("done"), 2);
        let next = ChainMemory::default();
        assert_eq!(log.seal(&next).await.expect("sealed").entries, 2);
        assert_eq!(log.vouch(&signer, at(600)).await.expect("signed"), SignOutcome::UpTo(14));
        let whole = with_secret(place, &signer).await.expect("whole");
        assert_eq!((whole.entries, whole.unsound_entries, whole.set_aside), (14, 0, 2));
        assert_eq!(authentic(&feed).await, [true; 14]);
    })
    .await;
}

#[tokio::test]
async fn a_list_that_the_service_has_not_signed_makes_no_entry_foreign_and_is_named() {
    each_store(async |store, place| {
        let (log, signer, _) = sealed_log(&store).await;
        let forged = format!(
            "INSERT INTO audit_foreign (number, seq, what, chain, at, key_id, signature)
             SELECT 5, 5, 'entry', chain, 0, '{}', signature FROM audit_checkpoints WHERE number = 8",
            signer.id()
        );
        place.run(&forged).await.expect("inserted");
        log.remember(&ChainMemory::default()).await.expect("read");
        assert_eq!(authentic(&Feed::new(&store).judged_by(&log)).await, [true; 12]);
        let found = verified(place, &signer).await;
        assert_eq!(found, Err(Tampering::Signature { what: "list of foreign rows", number: 5 }));
        place.run("DELETE FROM audit_foreign").await.expect_err("append-only");
    })
    .await;
}

#[tokio::test]
async fn what_was_cut_off_while_the_service_ran_is_not_signed_after_a_restart_until_an_operator_has_decided() {
    each_store(async |store, place| {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("audit.anchor");
        let (log, signer, memory) = anchored_log(&store, &file).await;
        intrude(place, &["DELETE FROM audit_seals WHERE number > 13", "DELETE FROM audit WHERE seq > 13"]).await;
        assert_eq!(log.checkpoint(&signer, &memory, at(400)).await.expect("asked"), SignOutcome::Changed(16), "at the stop");
        let restarted = async || {
            let (log, memory) = (audit_log(&store).knowing(signer.known()).anchored(Some(&file)), ChainMemory::default());
            log.remember(&memory).await.expect("read");
            (log, memory)
        };
        for _ in 0..2 {
            let (log, memory) = restarted().await;
            assert_eq!(log.checkpoint(&signer, &memory, at(500)).await.expect("asked"), SignOutcome::Changed(16));
        }
        let (log, _) = restarted().await;
        assert_eq!(log.vouch(&signer, at(600)).await.expect("signed"), SignOutcome::UpTo(13));
        let (log, memory) = restarted().await;
        write(&log, 30..31).await;
        log.seal(&memory).await.expect("sealed");
        assert_eq!(log.checkpoint(&signer, &memory, at(700)).await.expect("signed"), SignOutcome::UpTo(14));
    })
    .await;
}

#[tokio::test]
async fn a_restored_backup_is_noticed_by_the_anchor_and_goes_on_when_an_operator_says_so() {
    each_store(async |store, place| {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("audit.anchor");
        let (log, signer, memory) = anchored_log(&store, &file).await;
        assert_eq!(log.checkpoint(&signer, &memory, at(400)).await.expect("signed"), SignOutcome::UpTo(16));
        // The backup was made at 12.
        intrude(
            place,
            &[
                "DELETE FROM audit_checkpoints WHERE number > 12",
                "DELETE FROM audit_seals WHERE number > 12",
                "DELETE FROM audit WHERE seq > 12",
            ],
        )
        .await;
        let (next, memory) = (audit_log(&store).knowing(signer.known()).anchored(Some(&file)), ChainMemory::default());
        next.remember(&memory).await.expect("read");
        write(&next, 30..38).await;
        next.seal(&memory).await.expect("sealed");
        assert_eq!(
            next.checkpoint(&signer, &memory, at(500)).await.expect("asked"),
            SignOutcome::Changed(16),
            "the numbers are there again"
        );
        assert_eq!(next.vouch(&signer, at(500)).await.expect("asked"), SignOutcome::Changed(16));
        // A forged entry in the restored log must not leave the operator without a command.
        forge_entry(&store).await;
        assert_eq!(next.accept(&signer, at(600)).await.expect("signed"), SignOutcome::UpTo(21));
        assert_eq!(authentic(&Feed::new(&store).judged_by(&next)).await.iter().position(|ours| !ours), Some(20));
        write(&next, 40..41).await;
        next.seal(&memory).await.expect("sealed");
        assert_eq!(next.checkpoint(&signer, &memory, at(700)).await.expect("signed"), SignOutcome::UpTo(22));
        // A file that is not ours any more counts as a fault.
        std::fs::write(&file, "{}x").expect("written");
        assert_eq!(next.checkpoint(&signer, &memory, at(800)).await.expect("asked"), SignOutcome::Changed(0));
    })
    .await;
}
