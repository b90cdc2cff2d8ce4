//! The alerts job: one instance searches the audit log for signs of attacks and mistakes.
//!
//! Invariants:
//! - An alert is an audit entry before it counts as raised.
//! - The same alert is raised once in a window, also after a restart.

use std::{collections::BTreeSet, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tracing::warn;
use uuid::Uuid;

use crate::flow::{FlowError, RequestContext, event, sign_in::local_account::new_stamp};
use crate::{
    app::App,
    audit::export::feed::{SealedEntry, What},
    model::audit::{
        AuditEvent, AuditOutcome, EventKind,
        alerts::{Alert, AlertRule, AlertSubject, ObservedEntry, Thresholds, Watch},
    },
    store::cursors::Cursor,
};

const NAME: &str = "alerts";
/// Audit entries in one batch.
const BATCH: u32 = 200;
const POLL: Duration = Duration::from_secs(1);
const STAND_BY: Duration = Duration::from_secs(5);
const LEASE: SignedDuration = SignedDuration::from_secs(30);
/// How often the active instance renews its lease.
const RENEW: SignedDuration = SignedDuration::from_secs(10);
/// Tolerance for the clock of another instance.
const AHEAD: SignedDuration = SignedDuration::from_hours(1);
/// After a restart the job reads back the entries of this time, at most [`LONGEST_HISTORY`] of them.
const HISTORY: SignedDuration = SignedDuration::from_hours(24);
const LONGEST_HISTORY: usize = 10_000;

/// Runs the job forever.
pub async fn run_alerts(app: &App) {
    let Some(thresholds) = app.config.audit.alerts else { return };
    let mut watcher = loop {
        match AlertJob::new(app, thresholds) {
            Ok(watcher) => break watcher,
            Err(fault) => warn!(error = %fault, "alerts job could not start"),
        }
        tokio::time::sleep(STAND_BY).await;
    };
    let mut well = true;
    loop {
        let pause = match watcher.round(app).await {
            Ok(Some(more)) => {
                well = true;
                if more { Duration::ZERO } else { POLL }
            }
            Ok(None) => STAND_BY,
            Err(fault) => {
                if well {
                    warn!(error = %fault, "audit log could not be searched for alerts");
                }
                well = false;
                STAND_BY
            }
        };
        tokio::time::sleep(pause).await;
    }
}

/// The job's state in one instance.
#[derive(Debug)]
pub struct AlertJob {
    holder: Uuid,
    thresholds: Thresholds,
    /// Time of the last lease renewal.
    held: Option<Timestamp>,
    /// Events seen so far; `None` where another instance was active.
    watch: Option<Watch>,
}

impl AlertJob {
    pub fn new(app: &App, thresholds: Thresholds) -> Result<Self, FlowError> {
        Ok(Self { holder: new_stamp(app.keys.random()?), thresholds, held: None, watch: None })
    }

    /// Reads the next batch. `None`: another instance holds the lease. `Some(true)`: there may be more.
    pub async fn round(&mut self, app: &App) -> Result<Option<bool>, FlowError> {
        let now = app.clock.now();
        if self.held.is_none_or(|held| now.duration_since(held).abs() >= RENEW) {
            if !app.leases.hold(NAME, self.holder, now, LEASE).await? {
                (self.watch, self.held) = (None, None);
                return Ok(None);
            }
            self.held = Some(now);
        }
        let at = if let Some(at) = app.cursors.get(NAME).await? {
            at
        } else {
            // Entries older than the job's first start raise no alerts.
            let now = Cursor { number: app.feed.head().await?, checkpoint: 0 };
            app.cursors.advance(NAME, now).await?;
            now
        };
        let mut watch = match self.watch.take() {
            Some(watch) => watch,
            None => remembered(app, self.thresholds, at.number).await?,
        };
        let batch = app.feed.after(at.number, BATCH).await?;
        // Many entries lead to the same alert about the log; the store is asked once about each.
        let mut about_log = BTreeSet::new();
        for sealed in &batch {
            for alert in see(&mut watch, sealed) {
                if matches!(alert.subject, AlertSubject::Log(_)) && !about_log.insert(alert.rule) {
                    continue;
                }
                raise(app, &alert, self.thresholds).await?; // after an error the batch is read again
            }
        }
        if batch.is_empty() && app.feed.head().await? < at.number {
            // The cursor points beyond the end of the log: later entries would never be read.
            app.cursors.forget(NAME).await?;
            return Err(FlowError::Store(crate::store::StoreError::Corrupt("audit_seals")));
        }
        if let Some(last) = batch.last() {
            app.cursors.advance(NAME, Cursor { number: last.number, ..at }).await?;
        }
        self.watch = Some(watch);
        Ok(Some(batch.len() == BATCH as usize))
    }
}

/// Rebuilds the state from the log, up to a number.
async fn remembered(app: &App, thresholds: Thresholds, number: i64) -> Result<Watch, FlowError> {
    let mut seen: Vec<SealedEntry> = Vec::new();
    let mut since = None;
    loop {
        let below = seen.last().map_or(number, |oldest| oldest.number - 1);
        let batch = app.feed.up_to(below, BATCH).await?;
        let times = || batch.iter().filter_map(SealedEntry::event).map(|event| event.at);
        let since = *since.get_or_insert_with(|| times().next().map(|latest| latest - HISTORY.max(thresholds.window)));
        let over = since.is_none_or(|since| times().any(|at| at < since));
        let last = batch.len() < BATCH as usize;
        seen.extend(batch);
        if over || last || seen.len() >= LONGEST_HISTORY {
            break;
        }
    }
    let mut watch = Watch::new(thresholds);
    for sealed in seen.iter().rev() {
        see(&mut watch, sealed);
    }
    Ok(watch)
}

fn see(watch: &mut Watch, sealed: &SealedEntry) -> Vec<Alert> {
    match &sealed.what {
        What::Entry(_) => match sealed.event().filter(|_| sealed.authentic) {
            Some(event) => watch.see(sealed.number, ObservedEntry::Event(&event)),
            None => watch.see(sealed.number, ObservedEntry::Unsound),
        },
        What::Purged => Vec::new(),
        What::Missing => watch.see(sealed.number, ObservedEntry::Missing),
        What::Unreadable => watch.see(sealed.number, ObservedEntry::Unsound),
    }
}

/// Raises an alert about the log itself, unless it was raised in this window.
pub(crate) async fn raise_about_log(app: &App, rule: AlertRule, number: i64) -> Result<(), FlowError> {
    let Some(thresholds) = app.config.audit.alerts else { return Ok(()) };
    let alert = Alert { rule, subject: AlertSubject::Log(number), count: 1, at: app.clock.now() };
    raise(app, &alert, thresholds).await
}

/// Appends the alert to the audit log, unless it was raised in this window.
async fn raise(app: &App, alert: &Alert, thresholds: Thresholds) -> Result<(), FlowError> {
    let name = alert.name();
    let now = app.clock.now();
    let at = match &alert.subject {
        // By our own clock: an attacker who writes into the log must not choose the time until which alerts are
        // suppressed.
        AlertSubject::Log(_) => now,
        AlertSubject::Account(_)
        | AlertSubject::Unknown(_)
        | AlertSubject::Address(_)
        | AlertSubject::Helper(_)
        | AlertSubject::Provider(..) => alert.at.min(now),
    };
    let latest = now.saturating_add(thresholds.window + AHEAD).unwrap_or(Timestamp::MAX);
    if app.cursors.is_raised(&name, at, latest).await? {
        return Ok(());
    }
    let visit = RequestContext {
        id: new_stamp(app.keys.random()?),
        client: std::net::Ipv4Addr::UNSPECIFIED.into(),
        user_agent: None,
        browser: None,
    };
    let minutes = thresholds.window.as_mins();
    let mut entry = AuditEvent {
        client: None,
        note: Some(format!("count={} minutes={minutes}", alert.count)),
        ..event(&visit, now, EventKind::AlertRaised, AuditOutcome::Succeeded, alert.rule.code())
    };
    match &alert.subject {
        AlertSubject::Account(party) => entry.target = Some(party.clone()),
        AlertSubject::Unknown(fingerprint) => entry.unknown_name = Some(fingerprint.clone()),
        AlertSubject::Address(address) => entry.client = Some(*address),
        AlertSubject::Helper(party) => entry.actor = Some(party.clone()),
        AlertSubject::Provider(provider, level) => {
            entry.provider = Some(provider.clone());
            entry.level = Some(*level);
        }
        AlertSubject::Log(number) => entry.note = Some(format!("number={number}")),
    }
    app.audit.append(&entry).await?;
    metrics::counter!("os2nykode_audit_alerts_total", "rule" => alert.rule.code()).increment(1);
    warn!(rule = alert.rule.code(), count = alert.count, "alert raised");
    let until = at.saturating_add(thresholds.window).unwrap_or(Timestamp::MAX);
    app.cursors.raised(&name, until).await?;
    Ok(())
}
