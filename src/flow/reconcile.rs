//! Settles changes whose outcome nobody knows, from what AD says afterwards: at start and then every ten seconds.

use std::time::Duration;

use jiff::SignedDuration;

use super::Fault;
use crate::{
    app::App,
    model::audit::{AuditEvent, AuditOutcome, EventKind},
};

/// For the service's own work.
const SPARE: Duration = Duration::from_secs(2);
/// Settled at most so many at once.
const BATCH: u32 = 100;
/// Looks at every attempt that is old enough to be over. Returns how many were settled. One that can't be settled now stays for the next time.
pub async fn settle(app: &App) -> Result<usize, Fault> {
    // Besides its write, a change may take the time of connecting again, looking, connecting for the proof, and proving.
    let directory = &app.config.directory;
    let longest = directory.write_timeout + directory.timeout * 4 + SPARE;
    let before = app.clock.now() - SignedDuration::try_from(longest).unwrap_or(SignedDuration::from_mins(5));
    let mut settled = 0;
    for attempt in app.audit.unsettled(before, BATCH).await? {
        if let Some(entry) = look(app, &attempt).await? {
            settled += usize::from(app.audit.settle(&entry).await?);
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

async fn look(app: &App, attempt: &AuditEvent) -> Result<Option<AuditEvent>, Fault> {
    let (Some(target), Some(before)) = (&attempt.target, attempt.password_set_before) else { return Ok(None) };
    let (account, pinned) = app.directory.account(target.guid).await?;
    let (outcome, reason) = match account {
        Some(account) if account.password.last_set_ticks != before => (AuditOutcome::Succeeded, "password_set_since"),
        Some(_) => (AuditOutcome::Failed, "password_not_set_since"),
        None => (AuditOutcome::Unknown, "account_gone"),
    };
    Ok(Some(AuditEvent {
        at: app.clock.now(),
        kind: EventKind::ChangeReconciled,
        outcome,
        reason: reason.to_owned(),
        controller: Some(pinned.name().to_owned()),
        ..attempt.clone()
    }))
}
