//! Settles changes and resets whose outcome nobody knows, from what AD says afterwards: at start and then every ten seconds.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Fault, codes, set_password::STILL_LOCKED};
use crate::{
    app::App,
    audit::Open,
    model::{
        account::PasswordState,
        audit::{AuditEvent, AuditOutcome, EventKind},
    },
};

/// For the service's own work.
const SPARE: Duration = Duration::from_secs(2);
/// Clocks of the service and of controllers may differ by this much.
const CLOCKS: SignedDuration = SignedDuration::from_mins(5);
/// A controller that does not come back within this time is no longer waited for.
const GIVE_UP: SignedDuration = SignedDuration::from_hours(24);
/// Somebody else has set the password, who may have covered this attempt.
const SET_BY_ANOTHER: &str = "set_by_somebody_else";
/// Settled at most so many at once.
const BATCH: u32 = 100;
/// Looks at every attempt that is old enough to be over. Returns how many were settled. One that can't be settled now stays for the next time.
pub async fn settle(app: &App) -> Result<usize, Fault> {
    // Besides its write, a change may take the time of connecting again, looking, connecting for the proof, and proving.
    let directory = &app.config.directory;
    let longest = directory.write_timeout + directory.timeout * 4 + SPARE;
    let before = app.clock.now() - SignedDuration::try_from(longest).unwrap_or(SignedDuration::from_mins(5));
    let mut settled = 0;
    for open in app.audit.unsettled(before, BATCH).await? {
        match look(app, &open, longest).await {
            Ok(Some(entry)) => {
                settled += usize::from(app.audit.settle(&entry).await?);
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
async fn look(app: &App, open: &Open, longest: Duration) -> Result<Option<AuditEvent>, Fault> {
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
    let seen = account.map(|account| account.password);
    let Some((mut outcome, mut reason)) = verdict(attempt.at, longest, before, seen, same_controller, now) else { return Ok(None) };
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

/// Pure: what a password's state shows of an attempt at `at` that took at most `longest`.
///
/// A password that was set in its time was set by it. One that was set at another time was set by somebody else, who may have covered it. One marked "must change"
/// tells no time: it may be this attempt's, an earlier one, or somebody else's.
/// One that was not set shows that nothing was done only on the controller that was asked: another may not have heard of it yet.
fn verdict(
    at: Timestamp,
    longest: Duration,
    before: i64,
    seen: Option<PasswordState>,
    same_controller: bool,
    now: Timestamp,
) -> Option<(AuditOutcome, &'static str)> {
    let Some(seen) = seen else { return Some((AuditOutcome::Unknown, "account_gone")) };
    // A reset with "must change" leaves 0, whoever did it, and as one before it did.
    if seen.last_set_ticks == 0 {
        return Some((AuditOutcome::Unknown, "must_change_shows_nothing"));
    }
    if seen.last_set_ticks == before {
        return if same_controller {
            Some((AuditOutcome::Failed, "password_not_set_since"))
        } else {
            (now.duration_since(at) > GIVE_UP).then_some((AuditOutcome::Unknown, "controller_never_back"))
        };
    }
    let longest = SignedDuration::try_from(longest).unwrap_or(CLOCKS) + CLOCKS;
    let in_its_time = seen.last_set.is_some_and(|set| set >= at - CLOCKS && set <= at + longest);
    Some(if in_its_time { (AuditOutcome::Succeeded, "password_set_since") } else { (AuditOutcome::Unknown, SET_BY_ANOTHER) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{account::PasswordExpiry, filetime};

    fn seen(last_set: Option<Timestamp>) -> PasswordState {
        let last_set_ticks = last_set.map_or(0, filetime::ticks);
        PasswordState { last_set_ticks, last_set, expiry: PasswordExpiry::Never }
    }

    #[test]
    fn only_what_ad_really_shows_is_told() {
        let at: Timestamp = "2026-11-23T08:10:00Z".parse().expect("a time");
        let minute = SignedDuration::from_mins(1);
        let old = at - minute * 10_000;
        let before = filetime::ticks(old);
        for (state, same, hours_later, expected) in [
            (Some(seen(Some(at + minute / 6))), true, 0, Some("password_set_since")),
            (Some(seen(Some(at + minute / 6))), false, 0, Some("password_set_since")),
            (Some(seen(Some(old))), true, 0, Some("password_not_set_since")),
            (Some(seen(Some(old))), false, 0, None),
            (Some(seen(Some(old))), false, 25, Some("controller_never_back")),
            (Some(seen(Some(at + minute * 60))), true, 2, Some("set_by_somebody_else")),
            (Some(seen(None)), true, 0, Some("must_change_shows_nothing")),
            (None, true, 0, Some("account_gone")),
        ] {
            let now = at + minute + SignedDuration::from_hours(hours_later);
            let told = verdict(at, Duration::from_secs(20), before, state, same, now);
            assert_eq!(told.map(|(_, reason)| reason), expected, "{state:?} {same} {hours_later}");
        }
        // "Must change" before and after.
        let told = verdict(at, Duration::from_secs(20), 0, Some(seen(None)), true, at + minute);
        assert_eq!(told, Some((AuditOutcome::Unknown, "must_change_shows_nothing")));
    }
}
