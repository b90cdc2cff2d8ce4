//! Retention under a wrong clock, and under purges that the service has not signed.

use jiff::{SignedDuration, Timestamp};
use os2nykode::{
    audit::{AuditLog, chain::sealer::ChainMemory},
    model::audit::{AuditEvent, EventKind, RetentionClass, signing::Signer},
    store::Store,
};

use super::{
    audit_log,
    chain::{signer, verified, write},
    log::{at, event},
    place::each_store,
};

const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Ten weeks with an entry and a checkpoint each. Returns the time of the last one.
async fn weeks(store: &Store) -> (AuditLog, Signer, Timestamp) {
    let (signer, memory) = (signer(), ChainMemory::default());
    let log = audit_log(store).knowing(signer.known());
    for week in 0..10_u8 {
        let now = at(0) + WEEK * i32::from(week);
        log.append(&AuditEvent { at: now, kind: EventKind::SignIn, ..event(week) }).await.expect("appended");
        log.seal(&memory).await.expect("sealed");
        log.checkpoint(&signer, &memory, now).await.expect("signed");
    }
    (log, signer, at(0) + WEEK * 9)
}

#[tokio::test]
async fn a_clock_is_steady_only_when_each_of_the_last_weeks_has_a_checkpoint() {
    each_store(async |store, _| {
        let (log, signer, now) = weeks(&store).await;
        let is_steady = async |now| log.clock_is_steady(&signer, now).await.expect("read");
        assert!(is_steady(now + SignedDuration::from_hours(1)).await);
        let ahead = now + SignedDuration::from_hours(900 * 24);
        assert!(!is_steady(ahead).await);
        // The wrong clock signs, and the service is restarted: it is still wrong.
        let memory = ChainMemory::default();
        for hour in 0..3_u8 {
            let now = ahead + SignedDuration::from_hours(hour.into());
            log.append(&AuditEvent { at: now, ..event(100 + hour) }).await.expect("appended");
            log.seal(&memory).await.expect("sealed");
            log.checkpoint(&signer, &memory, now).await.expect("signed");
        }
        assert!(!is_steady(ahead + SignedDuration::from_hours(3)).await);
        assert!(is_steady(now + SignedDuration::from_hours(2)).await, "the right clock is not held up by those of the wrong one");
        // Checkpoints of another key prove nothing.
        assert!(!log.clock_is_steady(&self::signer(), now).await.expect("read"));
    })
    .await;
}

#[tokio::test]
async fn what_a_clock_that_was_behind_has_written_is_not_old() {
    each_store(async |store, place| {
        let (log, signer, now) = weeks(&store).await;
        let memory = ChainMemory::default();
        // The clock starts in 1970, and is set right later.
        log.append(&AuditEvent { at: Timestamp::UNIX_EPOCH, kind: EventKind::SignIn, ..event(50) }).await.expect("appended");
        log.seal(&memory).await.expect("sealed");
        log.checkpoint(&signer, &memory, Timestamp::UNIX_EPOCH).await.expect("signed");
        let before = now - WEEK * 5;
        assert_eq!(log.purge_class(&signer, RetentionClass::Logins, before, now, u64::MAX).await.expect("deleted"), 4);
        assert_eq!(place.one::<i64>("SELECT COUNT(*) FROM audit WHERE at = 0").await, 1);
        assert_eq!(log.purge_seals(&signer, before, now, u64::MAX).await.expect("deleted"), 4);
        assert_eq!(verified(place, &signer).await.expect("whole").first, 5);
    })
    .await;
}

#[tokio::test]
async fn a_run_deletes_a_bounded_share_and_leaves_a_whole_chain_after_each() {
    each_store(async |store, place| {
        let (log, signer, now) = weeks(&store).await;
        assert_eq!(log.retention_share(&signer).await.expect("read"), 2);
        let mut left = 10;
        while left > 0 {
            let most = log.retention_share(&signer).await.expect("read");
            let deleted = log.purge_class(&signer, RetentionClass::Logins, now + WEEK, now + WEEK, most).await.expect("deleted");
            assert!((1..=2).contains(&deleted));
            left -= deleted;
            assert_eq!(verified(place, &signer).await.expect("whole").entries, left);
        }
        // The seals go segment by segment.
        assert_eq!(log.purge_seals(&signer, now + WEEK, now + WEEK, 3).await.expect("deleted"), 3);
        assert_eq!(verified(place, &signer).await.expect("whole").first, 4);
    })
    .await;
}

#[tokio::test]
async fn nothing_is_deleted_under_a_purge_that_the_service_has_not_signed() {
    each_store(async |store, place| {
        let (log, signer, now) = weeks(&store).await;
        let through = 4;
        place
            .run(&format!(
                "INSERT INTO audit_purges (class, through, at, key_id, signature) SELECT 'logins', {through}, 0, '{}', signature
                 FROM audit_checkpoints WHERE number = 1",
                signer.id()
            ))
            .await
            .expect("inserted");
        let before = now - WEEK * 5;
        log.purge_class(&signer, RetentionClass::Logins, before, now, u64::MAX).await.expect_err("a foreign purge");
        assert_eq!(place.one::<i64>("SELECT COUNT(*) FROM audit").await, 10);
        // The next day's segment is another one.
        assert_eq!(log.purge_class(&signer, RetentionClass::Logins, before + WEEK, now, u64::MAX).await.expect("deleted"), 5);
        write(&log, 20..21).await;
    })
    .await;
}
