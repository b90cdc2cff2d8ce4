//! Settles changes and resets whose outcome nobody knows, from what AD says afterwards: at start and then every ten seconds.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Fault, account_lock, codes, set_password::STILL_LOCKED};
use crate::{
    app::App,
    audit::Open,
    model::{
        account::Account,
        audit::{AuditEvent, AuditOutcome, EventKind},
        password_version::{Shown, VersionBefore},
    },
};

/// For the service's own work.
const SPARE: Duration = Duration::from_secs(2);
/// A controller that does not come back within this time is no longer waited for.
const GIVE_UP: SignedDuration = SignedDuration::from_hours(24);
/// Somebody else has set the password, who may have covered this attempt.
const SET_BY_ANOTHER: &str = "set_by_somebody_else";
/// Settled at most so many at once.
const BATCH: u32 = 100;
/// Looks at every attempt that is old enough to be over. Returns how many were settled. One that can't be settled now stays for the next time.
pub async fn settle(app: &App) -> Result<usize, Fault> {
    // Besides its write, an attempt may take the time of connecting again, looking, unlocking, connecting for the proof, and proving.
    let directory = &app.config.directory;
    let longest = directory.write_timeout * 2 + directory.timeout * 4 + directory.bind_timeout * 2 + SPARE;
    let before = app.clock.now() - SignedDuration::try_from(longest).unwrap_or(SignedDuration::from_mins(5));
    let mut settled = 0;
    for open in app.audit.unsettled(before, BATCH).await? {
        match look(app, &open).await {
            Ok(Some(entry)) => {
                settled += usize::from(app.audit.settle(&entry).await?);
                // Whatever came of it, it is over: nobody has to wait for its lock.
                if let (Some(target), Some(attempt), true) = (&entry.target, entry.attempt, open.ours) {
                    account_lock::free_after(app, target.guid, attempt).await;
                }
                // Where somebody else has set the password since, what was given out after that is theirs.
                if let (Some(target), true) = (&entry.target, open.ours && shows_this_attempt(entry.outcome, &entry.reason)) {
                    codes::void(app, target.guid).await;
                }
            }
            Ok(None) => {}
            // One that can't be read keeps no other from being settled.
            Err(fault) => tracing::warn!(error = %fault, "a change without an outcome can't be looked into now"),
        }
    }
    Ok(settled)
}

/// Runs [`settle`] for ever.
pub async fn keep_settling(app: &App, every: Duration) {
    loop {
        match settle(app).await {
            Ok(0) => {}
            Ok(settled) => tracing::info!(settled, "changes without an outcome were settled from AD"),
            Err(fault) => tracing::warn!(error = %fault, "changes without an outcome can't be settled now"),
        }
        tokio::time::sleep(every).await;
    }
}

/// Can it have been this attempt that set the password as it is now?
fn shows_this_attempt(outcome: AuditOutcome, reason: &str) -> bool {
    match outcome {
        AuditOutcome::Succeeded => true,
        AuditOutcome::Unknown => reason != SET_BY_ANOTHER,
        AuditOutcome::Started | AuditOutcome::Refused | AuditOutcome::Failed => false,
    }
}

/// What AD says of an attempt. `None`: nothing that can be relied on yet.
async fn look(app: &App, open: &Open) -> Result<Option<AuditEvent>, Fault> {
    let attempt = &open.attempt;
    let (Some(target), Some(before), Some(settled_by)) = (&attempt.target, attempt.password_set_before, attempt.kind.settled_by()) else {
        return Ok(None);
    };
    let now = app.clock.now();
    if !open.ours {
        // Nothing is asked for it: we would put our word to what somebody says that somebody did.
        let (outcome, reason) = (AuditOutcome::Unknown, "not_written_by_us".to_owned());
        return Ok(Some(AuditEvent { at: now, kind: settled_by, outcome, reason, ..attempt.clone() }));
    }
    let (account, pinned) = app.directory.account(target.guid).await?;
    let same_controller = attempt.controller.as_deref() == Some(pinned.name());
    let locked = account.as_ref().is_some_and(|account| account.locked);
    let kept = Before { last_set_ticks: before, version: attempt.note.as_deref().and_then(VersionBefore::parse) };
    let Some((mut outcome, mut reason)) = verdict(attempt.at, kept, account.as_ref(), same_controller, now) else { return Ok(None) };
    // The next attempt did it, then: this one's answer was lost, or it never arrived.
    if outcome == AuditOutcome::Succeeded && app.audit.was_set_since(target.guid, attempt.at).await? {
        (outcome, reason) = (AuditOutcome::Unknown, SET_BY_ANOTHER);
    }
    // It was cut off before it came to the unlocking, or that failed.
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

/// What was read before the write.
#[derive(Debug, Clone, Copy)]
struct Before {
    /// pwdLastSet.
    last_set_ticks: i64,
    /// The metadata of the password; `None` where it could not be read.
    version: Option<VersionBefore>,
}

/// Pure: what an account as it is now shows of an attempt at `at`.
///
/// That it was this attempt is told only by the metadata of the password: one write since, on the controller that was asked, at that time. pwdLastSet alone is
/// anybody's. That nothing was done shows only on the controller that was asked: another may not have heard of it yet.
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
        // The same time to 100 ns is the same writing; 0 is no time.
        (None, _) | (_, None) if before.last_set_ticks != 0 && seen.password.last_set_ticks == before.last_set_ticks => Shown::Unchanged,
        (None, _) | (_, None) => Shown::Unclear,
    };
    match shown {
        Shown::ByThisAttempt => Some((AuditOutcome::Succeeded, "password_set_since")),
        Shown::ByAnother => Some((AuditOutcome::Unknown, SET_BY_ANOTHER)),
        Shown::Unclear => Some((AuditOutcome::Unknown, "not_provable")),
        Shown::Unchanged if same_controller => Some((AuditOutcome::Failed, "password_not_set_since")),
        Shown::Unchanged => (now.duration_since(at) > GIVE_UP).then_some((AuditOutcome::Unknown, "controller_never_back")),
    }
}

#[cfg(test)]
mod tests;
