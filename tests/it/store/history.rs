//! An account's history: completed actions stay visible despite many refused attempts of strangers.

use os2nykode::{
    audit::{AuditEntry, AuditLog},
    clock::SystemClock,
    model::audit::{AuditEvent, AuditOutcome, EventKind},
};

use super::{
    audit_log,
    log::{account, at},
    place::each_store,
};
use crate::siem::event;

const LINES: u32 = 20;

async fn done(log: &AuditLog, second: i64, kind: EventKind) {
    let plain = event(&SystemClock, kind, AuditOutcome::Succeeded, Some(1), Some(2));
    log.append(&AuditEvent { at: at(second), ..plain }).await.expect("written");
}

async fn refused(log: &AuditLog, second: i64, reason: &str) {
    let plain = event(&SystemClock, EventKind::SignIn, AuditOutcome::Refused, None, Some(2));
    log.append(&AuditEvent { at: at(second), reason: reason.to_owned(), ..plain }).await.expect("written");
}

async fn shown(log: &AuditLog) -> Vec<AuditEntry> {
    log.history_of(account(2), LINES, at(0)).await.expect("read")
}

fn count(entries: &[AuditEntry], outcome: AuditOutcome) -> usize {
    entries.iter().filter(|entry| entry.event.outcome == outcome).count()
}

#[tokio::test]
async fn what_was_done_stays_in_the_history_whatever_is_refused_after_it() {
    each_store(async |store, _| {
        let log = audit_log(&store);
        done(&log, 1, EventKind::ResetOutcome).await;
        // Adjacent entries differ, so that none are merged.
        for second in 2..200 {
            refused(&log, second, if second % 2 == 0 { "wrong_password" } else { "throttled" }).await;
        }
        let entries = shown(&log).await;
        assert_eq!(entries.len(), LINES as usize);
        assert_eq!(count(&entries, AuditOutcome::Succeeded), 1, "what a helper did is still told");
        assert_eq!(entries.last().map(|entry| entry.event.kind), Some(EventKind::ResetOutcome), "at its time");
        // After many completed actions, only the newest refusal is left.
        for second in 200..230 {
            done(&log, second, EventKind::SignIn).await;
        }
        assert_eq!(count(&shown(&log).await, AuditOutcome::Refused), 0);
        refused(&log, 230, "wrong_password").await;
        let entries = shown(&log).await;
        assert_eq!((entries.len(), count(&entries, AuditOutcome::Refused)), (LINES as usize, 1));
    })
    .await;
}

#[tokio::test]
async fn refusals_that_are_alike_are_one_line() {
    each_store(async |store, _| {
        let log = audit_log(&store);
        done(&log, 1, EventKind::SignIn).await;
        for second in 2..20 {
            refused(&log, second, "wrong_password").await;
        }
        done(&log, 20, EventKind::SignIn).await;
        done(&log, 21, EventKind::SignIn).await;
        refused(&log, 22, "wrong_password").await;
        refused(&log, 23, "disabled").await;
        let told: Vec<_> = shown(&log).await.into_iter().map(|entry| entry.event.reason).collect();
        assert_eq!(told, ["disabled", "wrong_password", "", "", "wrong_password", ""], "what was done is told each time");
    })
    .await;
}
