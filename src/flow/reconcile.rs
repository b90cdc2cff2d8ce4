//! Settles changes whose outcome nobody knows, from what AD says afterwards: at start and then every half minute.

use std::time::Duration;

use jiff::SignedDuration;

use super::Fault;
use crate::{
    app::App,
    model::audit::{AuditEvent, AuditOutcome, EventKind},
};

/// Settled at most so many at once.
const BATCH: u32 = 100;
/// What a change may take besides its write: connecting, looking and proving.
const MARGIN: SignedDuration = SignedDuration::from_secs(20);

/// Looks at every attempt that is old enough to be over. Returns how many were settled. One that can't be settled now stays for the next time.
pub async fn settle(app: &App) -> Result<usize, Fault> {
    let longest = SignedDuration::try_from(app.config.directory.write_timeout).unwrap_or(MARGIN) + MARGIN;
    let before = app.clock.now() - longest;
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
