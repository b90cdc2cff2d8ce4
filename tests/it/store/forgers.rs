//! An attacker with the service's database password, but without its keys and with the triggers in place.
//!
//! Forged rows are not trusted and do not stop the service.

use os2nykode::{
    audit::{
        chain::{
            sealer::{ChainMemory, SignOutcome},
            verify::Tampering,
        },
        export::feed::{Feed, What},
    },
    model::audit::{EventKind, RetentionClass, signing::Signer},
    store::leases::Leases,
};
use uuid::Uuid;

use super::{
    audit_log,
    chain::{intrude, sealed_log, verified, write},
    log::{account, at, event},
    place::{Place, each_store},
};

/// Inserts a forged checkpoint at this number, dated at the beginning of time.
async fn forge_checkpoint(place: &Place, number: i64, key: &str) {
    let forged =
        format!("INSERT INTO audit_checkpoints SELECT {number}, 0, chain, '{key}', signature FROM audit_checkpoints WHERE number = 8");
    assert_eq!(place.run(&forged).await.expect("nothing refuses it"), 1);
}

#[tokio::test]
async fn a_forged_checkpoint_has_nothing_deleted_and_keeps_nothing_from_being_signed() {
    for number in [10, 20, 9_000_000_000_000_000_000_i64] {
        each_store(async |store, place| {
            let (log, signer, memory) = sealed_log(&store).await;
            forge_checkpoint(place, number, "x").await;
            forge_checkpoint(place, number + 1, signer.id()).await;
            // The genuine checkpoints are from 100 and 200.
            for class in RetentionClass::ALL {
                assert_eq!(log.purge_class(&signer, *class, at(50), at(2000), u64::MAX).await.expect("asked"), 0, "{number}");
            }
            assert_eq!(log.purge_seals(&signer, at(50), at(2000), u64::MAX).await.expect("asked"), 0);
            assert_eq!(place.one::<i64>("SELECT COUNT(*) FROM audit_purges").await, 0, "nothing was signed that would allow it");
            write(&log, 40..44).await;
            log.seal(&memory).await.expect("sealed");
            assert_eq!(log.checkpoint(&signer, &memory, at(1001)).await.expect("asked"), SignOutcome::UpTo(16), "it goes on");
        })
        .await;
    }
}

#[tokio::test]
async fn where_a_forged_checkpoint_is_in_the_way_that_is_told_and_another_comes() {
    each_store(async |store, place| {
        let (log, signer, memory) = sealed_log(&store).await;
        forge_checkpoint(place, 14, "x").await;
        write(&log, 20..22).await;
        log.seal(&memory).await.expect("sealed");
        assert_eq!(log.checkpoint(&signer, &memory, at(400)).await.expect("asked"), SignOutcome::Changed(14), "it stands in its place");
        write(&log, 22..23).await;
        log.seal(&memory).await.expect("sealed");
        assert_eq!(log.checkpoint(&signer, &memory, at(401)).await.expect("asked"), SignOutcome::UpTo(15));
        let told = verified(place, &signer).await;
        assert!(matches!(told, Err(Tampering::UnknownKey { what: "checkpoint", number: 14, .. })), "{told:?}");
    })
    .await;
}

/// Here the attacker is the database's owner: deletes an entry and the seals after it, and lets the service seal the rest again.
#[tokio::test]
async fn what_was_taken_away_behind_the_last_checkpoint_is_missed_by_the_running_service() {
    each_store(async |store, place| {
        let (log, signer, memory) = sealed_log(&store).await;
        write(&log, 20..24).await;
        log.seal(&memory).await.expect("sealed");
        intrude(
            place,
            &[
                "DELETE FROM audit_seals WHERE number > 13",
                "DELETE FROM audit WHERE seq = 14",
                "INSERT INTO audit_unsealed (seq) SELECT seq FROM audit WHERE seq > 14",
            ],
        )
        .await;
        assert_eq!(log.seal(&memory).await.expect("sealed").unsound, 0, "the rest is ours");
        assert_eq!(log.checkpoint(&signer, &memory, at(400)).await.expect("asked"), SignOutcome::Changed(16));
        write(&log, 30..34).await;
        log.seal(&memory).await.expect("sealed");
        assert!(matches!(log.checkpoint(&signer, &memory, at(500)).await.expect("asked"), SignOutcome::Changed(_)), "and it stays so");
    })
    .await;
}

#[tokio::test]
async fn a_log_whose_signed_end_was_cut_off_is_not_signed_by_the_next_instance() {
    each_store(async |store, place| {
        let (log, signer, _) = sealed_log(&store).await;
        intrude(place, &["DELETE FROM audit_seals WHERE number > 10", "DELETE FROM audit WHERE seq > 10"]).await;
        let next = ChainMemory::default();
        log.remember(&next).await.expect("read");
        assert_eq!(log.checkpoint(&signer, &next, at(400)).await.expect("asked"), SignOutcome::Changed(11));
    })
    .await;
}

#[tokio::test]
async fn an_attempt_that_nobody_made_is_not_ours_and_holds_up_none_that_is() {
    each_store(async |store, place| {
        let log = audit_log(&store);
        let forged = |visit: &str, n: u8| {
            format!(
                "INSERT INTO audit (at, visit, kind, outcome, reason, actor_guid, target_guid, attempt, password_set_before)
                 VALUES (1, '{visit}', 'reset_attempt', 'started', '', '{0}', '{0}', '{1}', 5)",
                account(1),
                event(n).attempt.expect("an attempt")
            )
        };
        place.run(&forged("x", 90)).await.expect("inserted");
        place.run(&forged(&Uuid::from_u128(1).to_string(), 91)).await.expect("inserted");
        log.begin(&event(1)).await.expect("begun");
        let open = log.unsettled(at(100), 10).await.expect("read");
        // The forged row of visit 'x' cannot be read.
        assert_eq!(open.iter().map(|open| open.ours).collect::<Vec<_>>(), [false, true]);
        assert_eq!(log.unsettled(at(100), 1).await.expect("read").len(), 1);
    })
    .await;
}

/// Inserts an entry whose forged seal has the right chain hash and claims authenticity, so that the chain is consistent.
async fn seal_by_hand(place: &Place, log: &os2nykode::audit::AuditLog) {
    let forger = os2nykode::audit::AuditLog::new(&place.open().await, &os2nykode::store::DerivedKeys::new(&[66; 32]));
    forger.append(&os2nykode::model::audit::AuditEvent { kind: EventKind::SignIn, ..event(90) }).await.expect("inserted");
    forger.seal(&ChainMemory::default()).await.expect("sealed");
    assert_eq!(log.seal(&ChainMemory::default()).await.expect("asked").entries, 0, "nothing waits");
}

#[tokio::test]
async fn a_seal_by_hand_makes_no_entry_ours_for_anybody_who_reads_the_log_nor_after_a_restart() {
    each_store(async |store, place| {
        let (log, signer, memory) = sealed_log(&store).await;
        let feed = Feed::new(&store).judged_by(&log);
        let authentic = async || feed.after(0, 100).await.expect("read").iter().map(|sealed| sealed.authentic).collect::<Vec<_>>();
        seal_by_hand(place, &log).await;
        let mut expected = vec![true; 12];
        expected.push(false);
        assert_eq!(authentic().await, expected);
        // Neither this instance nor one that starts later signs it.
        let next = ChainMemory::default();
        log.remember(&next).await.expect("read");
        for memory in [&memory, &next] {
            assert_eq!(log.checkpoint(&signer, memory, at(400)).await.expect("asked"), SignOutcome::Changed(13));
        }
        // An operator can sign it after an inspection.
        assert_eq!(log.vouch(&signer, at(500)).await.expect("signed"), SignOutcome::UpTo(13));
        write(&log, 20..21).await;
        log.seal(&next).await.expect("sealed");
        assert_eq!(log.checkpoint(&signer, &next, at(600)).await.expect("signed"), SignOutcome::UpTo(14));
        // A broken chain can't be signed by the operator either.
        write(&log, 21..23).await;
        log.seal(&next).await.expect("sealed");
        intrude(place, &["UPDATE audit SET note = 'x' WHERE seq = 15"]).await;
        assert_eq!(log.vouch(&signer, at(700)).await.expect("asked"), SignOutcome::Changed(15));
    })
    .await;
}

/// SQLite accepts any type of value in any column.
#[tokio::test]
async fn an_entry_that_cannot_be_read_keeps_nobody_from_the_others() {
    each_store(async |store, place| {
        if !place.sqlite {
            return;
        }
        let (log, signer, memory) = sealed_log(&store).await;
        place
            .run("INSERT INTO audit (at, visit, kind, outcome, reason) VALUES ('x', 'x', 'sign_in', 'succeeded', '')")
            .await
            .expect("inserted");
        write(&log, 20..22).await;
        log.seal(&memory).await.expect("sealed");
        log.checkpoint(&signer, &memory, at(400)).await.expect("signed");
        let feed = Feed::new(&store).judged_by(&log);
        let read = feed.after(0, 100).await.expect("read");
        assert_eq!(read.iter().map(|sealed| sealed.number).collect::<Vec<_>>(), (1..=15).collect::<Vec<_>>());
        assert_eq!((&read[12].what, read[12].authentic), (&What::Unreadable, false));
        assert!(read[13].authentic && read[14].event().is_some());
        assert_eq!(log.sealed_after(0, 100).await.expect("read").iter().filter(|line| line.entry.is_none()).count(), 1);
        // Retention passes over it.
        let deleted = log.purge_class(&signer, RetentionClass::Logins, at(900), at(2000), u64::MAX).await.expect("deleted");
        assert_eq!(deleted, place.one::<i64>("SELECT COUNT(*) FROM audit_seals WHERE class = 'logins'").await.unsigned_abs());
        assert!(deleted > 2);
    })
    .await;
}

#[tokio::test]
async fn a_seal_far_away_is_behind_a_gap_and_nobody_goes_there() {
    each_store(async |store, place| {
        let (log, _, _) = sealed_log(&store).await;
        let far = "INSERT INTO audit_seals SELECT 9000000000000000000, 9000000000000000000, 1, chain, NULL, NULL FROM audit_seals WHERE number = 12";
        place.run(far).await.expect("inserted");
        let feed = Feed::new(&store).judged_by(&log);
        assert_eq!(feed.after(0, 100).await.expect("read").len(), 12);
        assert_eq!(feed.after(12, 100).await.expect("read"), []);
    })
    .await;
}

#[tokio::test]
async fn a_lease_that_nobody_of_ours_can_hold_so_long_is_taken() {
    each_store(async |store, place| {
        let leases = Leases::new(&store);
        let minute = jiff::SignedDuration::from_mins(1);
        assert!(leases.hold("a", Uuid::from_u128(1), at(0), minute).await.expect("an answer"));
        assert!(!leases.hold("a", Uuid::from_u128(2), at(1), minute).await.expect("an answer"));
        place.run("UPDATE leases SET until = 9000000000000000000").await.expect("done");
        assert!(leases.hold("a", Uuid::from_u128(2), at(2), minute).await.expect("an answer"));
        place.run("UPDATE leases SET until = 9000000000000000000").await.expect("done");
        assert!(leases.try_acquire("a", Uuid::from_u128(3), at(3), minute).await.expect("an answer").is_some());
    })
    .await;
}

/// Checkpoints by an earlier key count if its public key is known.
#[tokio::test]
async fn checkpoints_of_an_earlier_key_count_where_it_is_known() {
    each_store(async |store, _| {
        let (log, old, _) = sealed_log(&store).await;
        let pem = Signer::generate(&ring::rand::SystemRandom::new()).expect("random");
        let (alone, mut knowing) = (Signer::from_pem(pem.as_bytes()).expect("a key"), Signer::from_pem(pem.as_bytes()).expect("a key"));
        knowing.also_knows(old.public_pem().as_bytes()).expect("a key");
        assert_eq!(log.purge_class(&alone, RetentionClass::Logins, at(900), at(1000), u64::MAX).await.expect("asked"), 0);
        assert_eq!(log.purge_class(&knowing, RetentionClass::Logins, at(150), at(1000), u64::MAX).await.expect("deleted"), 2);
    })
    .await;
}
