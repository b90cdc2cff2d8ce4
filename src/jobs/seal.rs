//! Jobs of the audit log: sealing, checkpoints, retention.
//!
//! Invariant: requests do not wait for these jobs. An entry is on disk before it is sealed, and stays there where
//! sealing fails.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Span, Timestamp, tz::TimeZone};
use uuid::Uuid;

use crate::flow::{FlowError, service_event};
use crate::{
    app::App,
    audit::chain::sealer::{BATCH, Backlog, SealOutcome, SignOutcome},
    jobs::alerts,
    model::audit::{AuditOutcome, EventKind, RetentionClass, alerts::AlertRule, signing::Signer},
};

/// How long an entry waits for others, to be sealed with them.
const TOGETHER: Duration = Duration::from_millis(100);
/// How often entries of other instances are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Pause after a failure.
const REST: Duration = Duration::from_secs(5);
/// How often the backlog is read.
const WATCH_EVERY: Duration = Duration::from_secs(10);
/// Age of the first waiting entry that is reported as an error, again on each read of the backlog.
const STUCK: Duration = Duration::from_secs(30);
/// Time limit of the last sealing at a stop.
const LAST: Duration = Duration::from_secs(10);
/// Retention runs this often, on one instance. Its lease is not released, but expires.
const RETENTION_EVERY: SignedDuration = SignedDuration::from_hours(23);
const RETENTION: &str = "audit retention";
/// Retention waits this long after the start of an instance: an operator who sees a wrong clock can stop it.
const FIRST_HOUR: Duration = Duration::from_hours(1);

/// Seals entries and signs checkpoints forever.
pub async fn run_sealing(app: &App) {
    while let Err(error) = app.audit.remember(&app.sealed).await {
        tracing::error!(error = %error, "audit log could not be sealed; its entries wait");
        tokio::time::sleep(REST).await;
    }
    let began = Instant::now();
    let mut signed: Option<Instant> = None;
    let mut since = 0;
    loop {
        app.audit.written_or(LOOK_EVERY).await;
        tokio::time::sleep(TOGETHER).await;
        match seal_waiting(app).await {
            Ok(sealed) => since += sealed,
            Err(fault) => {
                tracing::error!(error = %fault, "audit log could not be sealed; its entries wait");
                metrics::counter!("os2nykode_audit_seal_failures_total").increment(1);
                tokio::time::sleep(REST).await;
                continue;
            }
        }
        // The first checkpoint comes at once: it covers entries sealed before a crash, and a log without a checkpoint
        // counts as foreign.
        let is_time = signed.is_none_or(|at| at.elapsed() >= app.config.audit.checkpoint_every);
        if !is_time && since < app.config.audit.checkpoint_entries as usize {
            continue;
        }
        match sign(app).await {
            Some(SignOutcome::UpTo(_) | SignOutcome::Changed(_)) => (signed, since) = (Some(Instant::now()), 0),
            Some(SignOutcome::NothingNew) if signed.is_some() || began.elapsed() >= app.config.audit.checkpoint_every => {
                (signed, since) = (Some(Instant::now()), 0);
            }
            Some(SignOutcome::NothingNew | SignOutcome::Part(_)) | None => {}
        }
    }
}

/// Reports entries that wait too long for their seal or checkpoint. A separate job, because a sealer that has died
/// reports nothing. Runs forever.
pub async fn keep_watch(app: &App) {
    let mut same: Option<(i64, Instant)> = None;
    loop {
        tokio::time::sleep(WATCH_EVERY).await;
        match app.audit.backlog().await {
            Ok(backlog) => same = watched(&backlog, same, Instant::now()),
            Err(error) => tracing::error!(error = %error, "backlog of the audit log could not be read"),
        }
    }
}

/// The first waiting entry, and since when it is the first.
#[allow(clippy::cast_precision_loss, reason = "entries are few")]
fn watched(backlog: &Backlog, same: Option<(i64, Instant)>, now: Instant) -> Option<(i64, Instant)> {
    metrics::gauge!("os2nykode_audit_unsealed_entries").set(backlog.waiting as f64);
    metrics::gauge!("os2nykode_audit_unsigned_entries").set(backlog.unsigned as f64);
    let first = backlog.first?;
    let since = same.filter(|(seq, _)| *seq == first).map_or(now, |(_, since)| since);
    if is_stuck(since, now) {
        metrics::counter!("os2nykode_audit_seal_failures_total").increment(1);
        tracing::error!(
            waiting = backlog.waiting,
            "audit entries wait too long for their seal; run `os2nykode check` and `os2nykode audit verify`"
        );
    }
    Some((first, since))
}

fn is_stuck(since: Instant, now: Instant) -> bool {
    now.duration_since(since) >= STUCK
}

/// Seals and signs the rest at a graceful stop, within `LAST`.
pub async fn last_word(app: &App) {
    let word = async {
        if let Err(fault) = seal_waiting(app).await {
            tracing::error!(error = %fault, "last audit entries could not be sealed; the next start seals them");
            return;
        }
        while let Some(SignOutcome::Part(_)) = sign(app).await {}
    };
    if tokio::time::timeout(LAST, word).await.is_err() {
        tracing::error!("last audit entries could not be sealed and signed in time; the next start does both");
    }
}

/// Seals until no entry waits. Returns the number of entries.
pub async fn seal_waiting(app: &App) -> Result<usize, FlowError> {
    let mut all = 0;
    loop {
        let SealOutcome { entries, unsound } = app.audit.seal(&app.sealed).await?;
        all += entries;
        if unsound > 0 {
            metrics::counter!("os2nykode_audit_inauthentic_entries_total").increment(unsound as u64);
            tracing::error!(
                unsound,
                "audit entries not written by the service, or changed before they were sealed: another program writes to the database"
            );
        }
        metrics::counter!("os2nykode_audit_sealed_total").increment(entries as u64);
        if entries < BATCH as usize {
            return Ok(all);
        }
    }
}

/// Signs the next checkpoint. `None`: the attempt failed. Without a key there is never anything to sign.
async fn sign(app: &App) -> Option<SignOutcome> {
    let Some(key) = &app.config.audit.signer else { return Some(SignOutcome::NothingNew) };
    let signed = match app.audit.checkpoint(key, &app.sealed, app.clock.now()).await {
        Ok(signed) => signed,
        Err(error) => {
            tracing::error!(error = %error, "checkpoint could not be signed");
            metrics::counter!("os2nykode_audit_seal_failures_total").increment(1);
            return None;
        }
    };
    match signed {
        SignOutcome::UpTo(number) | SignOutcome::Part(number) => {
            tracing::debug!(number, "checkpoint signed");
            metrics::gauge!("os2nykode_audit_checkpoint_timestamp_seconds").set(seconds(app.clock.now()));
        }
        SignOutcome::NothingNew => {}
        SignOutcome::Changed(number) => report_changed(app, number).await,
    }
    match app.audit.stray_seal().await {
        Ok(Some(number)) if !matches!(signed, SignOutcome::Changed(_)) => report_changed(app, number).await,
        Ok(_) => {}
        Err(error) => tracing::error!(error = %error, "seals behind the end of the audit log could not be looked for"),
    }
    Some(signed)
}

/// Reports a fault of the chain: by the service log, a metric and an alert, which is an entry.
async fn report_changed(app: &App, number: i64) {
    metrics::counter!("os2nykode_audit_chain_changed_total").increment(1);
    tracing::error!(
        number,
        "chain of the audit log is not the one that was signed; nothing is signed over it; run `os2nykode audit verify`, then `os2nykode audit vouch`"
    );
    if let Err(fault) = alerts::raise_about_log(app, AlertRule::ChainChanged, number).await {
        tracing::error!(error = %fault, "alert could not be raised");
    }
}

#[allow(clippy::cast_precision_loss, reason = "seconds are few")]
fn seconds(at: Timestamp) -> f64 {
    at.as_second() as f64
}

/// Runs retention once a day, on one instance.
pub async fn run_retention(app: &App, holder: Uuid) {
    loop {
        match retain_once(app, holder).await {
            Ok(_) => {}
            Err(fault) => tracing::error!(error = %fault, "retention failed; it is retried"),
        }
        tokio::time::sleep(Duration::from_hours(1)).await;
    }
}

/// Runs retention if the last run anywhere is a day ago. Returns the number of deleted entries; `None`: not due.
pub async fn retain_once(app: &App, holder: Uuid) -> Result<Option<u64>, FlowError> {
    if app.config.audit.signer.is_none() {
        return Ok(None); // without a signature nothing is deleted
    }
    if app.clock.elapsed().saturating_sub(app.started) < FIRST_HOUR {
        return Ok(None);
    }
    let now = app.clock.now();
    if app.leases.try_acquire(RETENTION, holder, now, RETENTION_EVERY).await?.is_none() {
        return Ok(None);
    }
    let deleted = retain(app, now).await;
    if deleted.is_err() {
        app.leases.release(RETENTION, holder, app.clock.now()).await?;
    }
    deleted.map(Some)
}

async fn retain(app: &App, now: Timestamp) -> Result<u64, FlowError> {
    let Some(signer) = &app.config.audit.signer else { return Ok(0) };
    let retention = &app.config.audit.retention;
    if !is_allowed(app, signer, now).await? {
        return Ok(0);
    }
    let most = app.audit.retention_share(signer).await?;
    let (mut deleted, mut told) = (0, Vec::new());
    for class in RetentionClass::ALL {
        let count = app.audit.purge_class(signer, *class, months_before(now, retention.of(*class)), now, most - deleted).await?;
        deleted += count;
        told.push(format!("{}: {count}", class.code()));
    }
    let longest = RetentionClass::ALL.iter().map(|class| retention.of(*class)).max().unwrap_or(0);
    let seals = app.audit.purge_seals(signer, months_before(now, longest), now, most).await?;
    told.push(format!("seals: {seals}"));
    if deleted == most {
        told.push("more tomorrow".to_owned());
    }
    app.audit.forget_people().await?;
    app.audit.forget_hours(months_before(now, longest)).await?;
    // Also where nothing was deleted: each day has an entry then, and so each week a checkpoint.
    service_event::record(app, EventKind::RetentionRan, AuditOutcome::Succeeded, "", Some(told.join(", "))).await;
    Ok(deleted)
}

/// Whether nothing is old enough, or the clock can be relied on. Otherwise the refusal is reported.
async fn is_allowed(app: &App, signer: &Signer, now: Timestamp) -> Result<bool, FlowError> {
    if let Some(number) = app.audit.anchor_fault().await? {
        tracing::error!(number, "retention deletes nothing: the chain is not the one that was signed, and no operator has decided");
        return Ok(false);
    }
    let mut expired = false;
    for class in RetentionClass::ALL {
        expired |= app.audit.has_expired(signer, months_before(now, app.config.audit.retention.of(*class)), now).await?;
    }
    if !expired || app.audit.clock_is_steady(signer, now).await? {
        return Ok(true);
    }
    metrics::counter!("os2nykode_audit_retention_refused_total").increment(1);
    tracing::error!(
        now = %now,
        "retention deletes nothing: the last five weeks do not all have a checkpoint; the clock has jumped, or the service was off for long"
    );
    service_event::record(app, EventKind::RetentionRan, AuditOutcome::Refused, AlertRule::ClockJumped.code(), None).await;
    alerts::raise_about_log(app, AlertRule::ClockJumped, 0).await?;
    Ok(false)
}

/// Calendar months.
fn months_before(now: Timestamp, months: u8) -> Timestamp {
    let before = now.to_zoned(TimeZone::UTC).checked_sub(Span::new().months(months));
    before.map_or(Timestamp::MIN, |zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use crate::jobs::seal::*;

    #[test]
    fn an_entry_that_stays_the_first_that_waits_is_told_of() {
        let (began, later) = (Instant::now(), |seconds| Instant::now() + Duration::from_secs(seconds));
        let backlog = |first| Backlog { waiting: 3, first, unsigned: 0 };
        let same = watched(&backlog(Some(7)), None, began);
        assert_eq!(same, Some((7, began)));
        assert_eq!(watched(&backlog(Some(7)), same, later(40)), Some((7, began)), "since the same time");
        assert!(is_stuck(began, later(40)) && !is_stuck(began, began + Duration::from_secs(20)));
        let (next, now) = (backlog(Some(8)), later(40));
        assert_eq!(watched(&next, same, now), Some((8, now)), "it goes on");
        assert_eq!(watched(&backlog(None), same, now), None);
    }

    #[test]
    fn months_are_the_calendars() {
        let now: Timestamp = "2026-03-31T10:00:00Z".parse().expect("a time");
        assert_eq!(months_before(now, 13).to_string(), "2025-02-28T10:00:00Z");
        assert_eq!(months_before(now, 1).to_string(), "2026-02-28T10:00:00Z");
    }
}
