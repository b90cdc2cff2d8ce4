//! The reconcile job: settles changes and resets with an unknown outcome from AD, at start and then every ten seconds.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::flow::{FlowError, account_lock, one_time_code, set_password::STILL_LOCKED};
use crate::{
    app::App,
    audit::OpenAttempt,
    model::{
        account::Account,
        ad::password_version::{VersionBefore, VersionComparison},
        audit::{AuditEvent, AuditOutcome, EventKind},
    },
};

/// Margin for the service's own work.
const SPARE: Duration = Duration::from_secs(2);
/// How long to wait for the controller that an attempt was made on.
const GIVE_UP: SignedDuration = SignedDuration::from_hours(24);
/// Reason of an attempt that another write may have overwritten.
const SET_BY_ANOTHER: &str = "set_by_somebody_else";
/// Attempts in one round.
const BATCH: u32 = 100;
/// Settles every attempt that is old enough to have ended. Returns the number of settled attempts. An attempt that
/// cannot be settled now stays for the next round.
pub async fn settle(app: &App) -> Result<usize, FlowError> {
    // After its write, an attempt may take the time of a new connection, a read, an unlock, a connection for the proof,
    // and the proof.
    let directory = &app.config.directory;
    let longest = directory.write_timeout * 2 + directory.timeout * 4 + directory.bind_timeout * 2 + SPARE;
    let before = app.clock.now() - SignedDuration::try_from(longest).unwrap_or(SignedDuration::from_mins(5));
    let mut settled = 0;
    for open in app.audit.unsettled(before, BATCH).await? {
        match look(app, &open).await {
            Ok(Some(entry)) => {
                settled += usize::from(app.audit.settle(&entry).await?);
                // The attempt is over in every case: its account lock is freed.
                if let (Some(target), Some(attempt), true) = (&entry.target, entry.attempt, open.ours) {
                    account_lock::free_after(app, target.guid, attempt).await;
                }
                // After another write, later codes and sessions belong to that write.
                if let (Some(target), true) = (&entry.target, open.ours && shows_this_attempt(entry.outcome, &entry.reason)) {
                    one_time_code::void(app, target.guid).await;
                }
            }
            Ok(None) => {}
            // An attempt that cannot be read does not stop the others.
            Err(fault) => tracing::warn!(error = %fault, "attempt without an outcome could not be read"),
        }
    }
    Ok(settled)
}

/// Runs [`settle`] forever.
pub async fn run_reconcile(app: &App, every: Duration) {
    loop {
        match settle(app).await {
            Ok(0) => {}
            Ok(settled) => tracing::info!(settled, "attempts settled from AD"),
            Err(fault) => tracing::warn!(error = %fault, "attempts without an outcome could not be settled"),
        }
        tokio::time::sleep(every).await;
    }
}

/// Whether this attempt can have set the current password.
fn shows_this_attempt(outcome: AuditOutcome, reason: &str) -> bool {
    match outcome {
        AuditOutcome::Succeeded => true,
        AuditOutcome::Unknown => reason != SET_BY_ANOTHER,
        AuditOutcome::Started | AuditOutcome::Refused | AuditOutcome::Failed => false,
    }
}

/// The outcome of an attempt as AD shows it. `None`: AD shows nothing reliable yet.
async fn look(app: &App, open: &OpenAttempt) -> Result<Option<AuditEvent>, FlowError> {
    let attempt = &open.attempt;
    let (Some(target), Some(before), Some(settled_by)) = (&attempt.target, attempt.password_set_before, attempt.kind.settled_by()) else {
        return Ok(None);
    };
    let now = app.clock.now();
    if !open.ours {
        // A forged entry is not looked up in AD: the service would confirm a claim of its author.
        let (outcome, reason) = (AuditOutcome::Unknown, "not_written_by_us".to_owned());
        return Ok(Some(AuditEvent { at: now, kind: settled_by, outcome, reason, ..attempt.clone() }));
    }
    let (mut account, mut pinned) = app.directory.account(target.guid).await?;
    if let Some(account) = &mut account {
        account.password_version = pinned.password_version(account).await;
    }
    let same_controller = attempt.controller.as_deref() == Some(pinned.name());
    let locked = account.as_ref().is_some_and(|account| account.locked);
    let kept = Before { last_set_ticks: before, version: attempt.note.as_deref().and_then(VersionBefore::parse) };
    let Some((mut outcome, mut reason)) = verdict(attempt.at, kept, account.as_ref(), same_controller, now) else { return Ok(None) };
    // A later attempt has set the password: this one's answer was lost, or it never arrived.
    if outcome == AuditOutcome::Succeeded && app.audit.was_set_since(target.guid, attempt.at).await? {
        (outcome, reason) = (AuditOutcome::Unknown, SET_BY_ANOTHER);
    }
    // The attempt was cut off before the unlock, or the unlock failed.
    let still_locked = settled_by == EventKind::ResetReconciled && outcome == AuditOutcome::Succeeded && locked;
    let reason = if still_locked { STILL_LOCKED } else { reason };
    Ok(Some(AuditEvent {
        at: now,
        kind: settled_by,
        outcome,
        reason: reason.to_owned(),
        controller: Some(pinned.name().to_owned()),
        ..attempt.clone()
    }))
}

/// State read before the write.
#[derive(Debug, Clone, Copy)]
struct Before {
    /// pwdLastSet.
    last_set_ticks: i64,
    /// Metadata of the password; `None` where it could not be read.
    version: Option<VersionBefore>,
}

/// Pure: the outcome of an attempt at `at`, from the account as it is now.
///
/// Only the metadata of the password proves that it was this attempt: one write since, on the controller that was
/// asked, at that time. A new pwdLastSet alone may come from any write. A missing write shows only on the controller
/// that was asked: another one may not have replicated it yet.
fn verdict(
    at: Timestamp,
    before: Before,
    seen: Option<&Account>,
    same_controller: bool,
    now: Timestamp,
) -> Option<(AuditOutcome, &'static str)> {
    let Some(seen) = seen else { return Some((AuditOutcome::Unknown, "account_gone")) };
    let shown = match (before.version, seen.password_version) {
        (Some(before), Some(version)) => version.shows(before, at, seen.password.last_set),
        // Equal to 100 ns means the same write; 0 is no time.
        (None, _) | (_, None) if before.last_set_ticks != 0 && seen.password.last_set_ticks == before.last_set_ticks => {
            VersionComparison::Unchanged
        }
        (None, _) | (_, None) => VersionComparison::Unclear,
    };
    match shown {
        VersionComparison::ByThisAttempt => Some((AuditOutcome::Succeeded, "password_set_since")),
        VersionComparison::ByAnother => Some((AuditOutcome::Unknown, SET_BY_ANOTHER)),
        VersionComparison::Unclear => Some((AuditOutcome::Unknown, "not_provable")),
        VersionComparison::Unchanged if same_controller => Some((AuditOutcome::Failed, "password_not_set_since")),
        VersionComparison::Unchanged => (now.duration_since(at) > GIVE_UP).then_some((AuditOutcome::Unknown, "controller_never_back")),
    }
}

#[cfg(test)]
mod tests;
