//! The forward job: sends the audit log to its targets, each target from one instance.
//!
//! Invariants:
//! - A cursor passes only entries that the target has taken or does not receive.
//! - A target that is unavailable, slow or faulty delays no other target.
//! - An entry that is sent again is the same message.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;
use tracing::{info, warn};
use uuid::Uuid;

use crate::flow::FlowError;
use crate::{
    app::App,
    audit::export::{feed::SealedEntry, json_lines::ExportLine, public_entry::PublicEvent},
    forward::{Delivery, DeliveryError, ForwardMessage, ForwardTarget, Severity},
    model::{
        audit::{AuditEvent, AuditOutcome, EventKind},
        notice::Notice,
    },
    store::cursors::Cursor,
};

/// Audit entries in one batch.
const BATCH: u32 = 200;
/// Pause after a target has received everything.
const POLL: Duration = Duration::from_millis(500);
/// Pause of an instance that does not hold the lease.
const STAND_BY: Duration = Duration::from_secs(5);
/// Duration of the lease: the delay after the sending instance has died.
const LEASE: SignedDuration = SignedDuration::from_secs(20);
/// How often the sending instance renews its lease.
const RENEW: SignedDuration = SignedDuration::from_secs(5);
/// First pause after a failure; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Longest pause after failures.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// Time limit of the last delivery at a stop.
const LAST: Duration = Duration::from_secs(3);
/// Attempts for a message that a web hook rejects, before the message is skipped.
const TRIES: u32 = 5;

/// The result of one round.
#[derive(Debug)]
pub enum Round {
    /// Another instance holds the lease.
    NotOurs,
    /// The target has everything.
    Done,
    More,
    /// The target has not taken the next message.
    Failed(DeliveryError),
}

/// Starts one task for each target.
pub fn start(app: &Arc<App>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for target in &app.forward_targets {
        let (app, target) = (app.clone(), target.clone());
        tasks.spawn(async move { keep_sending(&app, &target).await });
    }
    tasks
}

/// Sends the rest at a graceful stop, within `LAST`: the stop itself and the checkpoint over it. Anything left goes
/// at the next start.
pub async fn last_word(app: &Arc<App>, mut tasks: JoinSet<()>) {
    tasks.shutdown().await;
    for target in &app.forward_targets {
        let (app, target) = (app.clone(), target.clone());
        tasks.spawn(async move {
            let mut sender = Sender::new(&app);
            while let Ok(Round::More) = sender.round(&app, &target).await {}
            // The next instance to start does not have to wait for the lease.
            if let Err(error) = app.leases.release(&lease(&target), app.instance, app.clock.now()).await {
                warn!(error = %error, "lease could not be released; it expires by itself");
            }
        });
    }
    let all = async { while tasks.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(LAST, all).await; // a slow target continues at the next start
}

/// Sends to one target forever.
async fn keep_sending(app: &App, target: &ForwardTarget) {
    let mut sender = Sender::new(app);
    let mut failures = 0_u32;
    loop {
        let pause = match sender.round(app, target).await {
            Ok(Round::NotOurs) => STAND_BY,
            Ok(done @ (Round::Done | Round::More)) => {
                if failures > 0 {
                    info!(target = target.id, "target takes the log again");
                }
                failures = 0;
                if matches!(done, Round::More) { Duration::ZERO } else { POLL }
            }
            Ok(Round::Failed(trouble)) => failed(target, &mut failures, &trouble),
            Err(fault) => failed(target, &mut failures, &fault),
        };
        tokio::time::sleep(pause).await;
    }
}

fn failed(target: &ForwardTarget, failures: &mut u32, error: &dyn std::fmt::Display) -> Duration {
    if *failures == 0 {
        warn!(target = target.id, error = %error, "target does not take the log; delivery is retried");
    }
    metrics::counter!("os2nykode_audit_forward_failures_total", "target" => target.id.clone()).increment(1);
    *failures = failures.saturating_add(1);
    FIRST_WAIT.saturating_mul(1 << (*failures - 1).min(10)).min(LONGEST_WAIT)
}

/// Name of a target's lease and cursor.
fn lease(target: &ForwardTarget) -> String {
    format!("push:{}", target.id)
}

/// State of one instance for one target.
#[derive(Debug)]
pub struct Sender {
    holder: Uuid,
    /// Time of the last lease renewal.
    held: Option<Timestamp>,
    /// The number of a rejected message, and the attempts so far.
    refused: (i64, u32),
}

impl Sender {
    pub fn new(app: &App) -> Self {
        Self { holder: app.instance, held: None, refused: (0, 0) }
    }

    /// Sends the next batch, unless another instance holds the lease.
    pub async fn round(&mut self, app: &App, target: &ForwardTarget) -> Result<Round, FlowError> {
        let name = lease(target);
        if !self.holds(app, &name).await? {
            return Ok(Round::NotOurs);
        }
        let start = match app.cursors.get(&name).await? {
            Some(at) => at,
            None => begin(app, target, &name).await?,
        };
        let batch = app.feed.after(start.number, BATCH).await?;
        if batch.is_empty() && app.feed.head().await? < start.number {
            // The cursor points beyond the end of the log: later entries would never be sent.
            app.cursors.forget(&name).await?;
            return Err(FlowError::Store(crate::store::StoreError::Corrupt("audit_seals")));
        }
        let parcels: Vec<ForwardMessage> = batch.iter().filter_map(|sealed| parcel(target, sealed, app.clock.now())).collect();
        let Delivery { mut taken, mut trouble } =
            if parcels.is_empty() { Delivery { taken: 0, trouble: None } } else { self.send(app, target, &name, &parcels).await? };
        metrics::counter!("os2nykode_audit_forward_sent_total", "target" => target.id.clone()).increment(taken as u64);
        if let (Some(DeliveryError::Refused(_)), Some(parcel)) = (&trouble, parcels.get(taken))
            && self.gives_up(target, parcel.number)
        {
            taken += 1;
            trouble = None;
        }
        let mut at = start;
        at.number = match parcels.get(taken) {
            Some(next) => next.number - 1, // the target does not receive the numbers between two messages
            None => batch.last().map_or(at.number, |last| last.number),
        };
        if at != start {
            app.cursors.advance(&name, at).await?;
        }
        if trouble.is_none() {
            trouble = self.checkpoints(app, target, &name, &mut at).await?;
        }
        let whole = trouble.is_none() && taken == parcels.len() && batch.len() < BATCH as usize;
        let behind = if whole { 0 } else { app.feed.head().await? - at.number };
        #[allow(clippy::cast_precision_loss, reason = "for a picture")]
        metrics::gauge!("os2nykode_audit_forward_behind", "target" => target.id.clone()).set(behind as f64);
        Ok(match trouble {
            Some(trouble) => Round::Failed(trouble),
            None if whole => Round::Done,
            None => Round::More,
        })
    }

    /// Sends a batch, and renews the lease meanwhile.
    async fn send(&mut self, app: &App, target: &ForwardTarget, name: &str, parcels: &[ForwardMessage]) -> Result<Delivery, FlowError> {
        let sending = target.send(parcels, app.clock.now());
        tokio::pin!(sending);
        loop {
            tokio::select! {
                delivery = &mut sending => return Ok(delivery),
                () = tokio::time::sleep(RENEW.unsigned_abs()) => { self.holds(app, name).await?; }
            }
        }
    }

    /// Whether this instance holds the lease. Asks the store only once per [`RENEW`], because each check writes.
    async fn holds(&mut self, app: &App, name: &str) -> Result<bool, FlowError> {
        let now = app.clock.now();
        if self.held.is_some_and(|held| now.duration_since(held).abs() < RENEW) {
            return Ok(true);
        }
        let holds = app.leases.hold(name, self.holder, now, LEASE).await?;
        self.held = holds.then_some(now);
        Ok(holds)
    }

    /// Whether the message was rejected so often that it is skipped.
    fn gives_up(&mut self, target: &ForwardTarget, number: i64) -> bool {
        let tries = if self.refused.0 == number { self.refused.1 + 1 } else { 1 };
        self.refused = (number, tries);
        if tries >= TRIES {
            metrics::counter!("os2nykode_audit_forward_left_out_total", "target" => target.id.clone(), "why" => "refused").increment(1);
            warn!(target = target.id, number, "rejected message skipped");
        }
        tries >= TRIES
    }

    /// Sends the checkpoints over the entries sent so far. A copy of them outside shows whether the log was cut off or
    /// rewritten.
    async fn checkpoints(
        &mut self,
        app: &App,
        target: &ForwardTarget,
        name: &str,
        at: &mut Cursor,
    ) -> Result<Option<DeliveryError>, FlowError> {
        if target.hook().is_some() {
            return Ok(None);
        }
        let due = app.feed.checkpoints(at.checkpoint, at.number, BATCH).await?;
        let Some(last) = due.last() else { return Ok(None) };
        let parcels: Vec<ForwardMessage> = due
            .iter()
            .map(|checkpoint| ForwardMessage {
                number: checkpoint.number,
                at: Timestamp::from_microsecond(checkpoint.at).unwrap_or(Timestamp::UNIX_EPOCH),
                name: "checkpoint".to_owned(),
                severity: Severity::Informational,
                body: ExportLine::Checkpoint { checkpoint: checkpoint.clone() }.json(),
            })
            .collect();
        let delivery = self.send(app, target, name, &parcels).await?;
        if delivery.trouble.is_none() {
            at.checkpoint = last.number;
            app.cursors.advance(name, *at).await?;
        }
        Ok(delivery.trouble)
    }
}

/// Cursor of a new target. Syslog and files receive the log from its beginning, a web hook only new events.
async fn begin(app: &App, target: &ForwardTarget, name: &str) -> Result<Cursor, FlowError> {
    let number = if target.hook().is_some() { app.feed.head().await? } else { 0 };
    let at = Cursor { number, checkpoint: 0 };
    app.cursors.advance(name, at).await?;
    Ok(at)
}

/// The message for a number of the log; `None` where there is no entry, or none that this target receives.
fn parcel(target: &ForwardTarget, sealed: &SealedEntry, now: Timestamp) -> Option<ForwardMessage> {
    let public = PublicEvent::of(sealed)?;
    let event = sealed.event();
    let at = event.as_ref().map_or(now, |event| event.at);
    let severity = severity(sealed.authentic, event.as_ref());
    let name = public.kind.clone();
    let number = sealed.number;
    let body = if let Some(hook) = target.hook() {
        let event = event.filter(|_| sealed.authentic)?; // forged entries are not sent
        let notice = hook.notices.iter().find(|notice| notice.is(&event))?;
        if now.duration_since(at) > hook.max_age {
            metrics::counter!("os2nykode_audit_forward_left_out_total", "target" => target.id.clone(), "why" => "old").increment(1);
            return None;
        }
        told(*notice, &public)
    } else {
        match target.largest() {
            Some(largest) => public.json_within(largest),
            None => public.json(),
        }
    };
    Some(ForwardMessage { number, at, name, severity, body })
}

fn told(notice: Notice, event: &PublicEvent) -> String {
    serde_json::json!({ "id": event.number, "notice": notice.code(), "event": event }).to_string()
}

fn severity(authentic: bool, event: Option<&AuditEvent>) -> Severity {
    let Some(event) = event.filter(|event| authentic && event.kind != EventKind::AlertRaised) else { return Severity::Alert };
    match event.outcome {
        AuditOutcome::Started | AuditOutcome::Succeeded => Severity::Informational,
        AuditOutcome::Refused => Severity::Notice,
        AuditOutcome::Failed | AuditOutcome::Unknown => Severity::Warning,
    }
}
