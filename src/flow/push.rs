//! The log is sent to its targets, by one instance each, as far as they take it.
//!
//! Invariants: a cursor moves on only over what was taken, or what the target is not told of; a target that is away, slow or wrong holds up nothing but
//! itself; the same entry is the same message whenever it is sent again.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;
use tracing::{info, warn};
use uuid::Uuid;

use super::Fault;
use crate::{
    app::App,
    audit::{export_line::Line, feed::Sealed, public::PublicEvent},
    model::{
        audit::{AuditEvent, AuditOutcome, EventKind},
        notice::Notice,
    },
    push::{Delivery, Parcel, Severity, Target, Trouble},
    store::cursors::Cursor,
};

/// Places of the log that are sent together.
const BATCH: u32 = 200;
/// How often a target that has everything is looked at again.
const POLL: Duration = Duration::from_millis(500);
/// How often an instance that does not send looks whether it has to.
const STAND_BY: Duration = Duration::from_secs(5);
/// How long an instance that has died keeps others from sending.
const LEASE: SignedDuration = SignedDuration::from_secs(20);
/// How often the one that sends says so.
const RENEW: SignedDuration = SignedDuration::from_secs(5);
/// After a failure.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// After many.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// What is left at a stop gets this long.
const LAST: Duration = Duration::from_secs(3);
/// A message that a hook says it never takes is left out after so many tries.
const TRIES: u32 = 5;

/// What one round came to.
#[derive(Debug)]
pub enum Round {
    /// Another instance sends.
    NotOurs,
    /// It has everything.
    Done,
    /// There may be more.
    More,
    /// It did not take what came next.
    Failed(Trouble),
}

/// Sends to every target, for ever.
pub fn start(app: &Arc<App>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for target in &app.push {
        let (app, target) = (app.clone(), target.clone());
        tasks.spawn(async move { keep_sending(&app, &target).await });
    }
    tasks
}

/// Sends what is left, as far as that goes quickly: the stop itself and the checkpoint over it. At a graceful stop; the rest goes at the next start.
pub async fn last_word(app: &Arc<App>, mut tasks: JoinSet<()>) {
    tasks.shutdown().await;
    for target in &app.push {
        let (app, target) = (app.clone(), target.clone());
        tasks.spawn(async move {
            let mut sender = Sender::new(&app);
            while let Ok(Round::More) = sender.round(&app, &target).await {}
            // So that who starts next need not wait.
            if let Err(error) = app.leases.release(&lease(&target), app.instance, app.clock.now()).await {
                warn!(error = %error, "a lease could not be given back; it runs out by itself");
            }
        });
    }
    let all = async { while tasks.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(LAST, all).await; // who is slow gets it at the next start
}

/// Sends to one target, for ever.
async fn keep_sending(app: &App, target: &Target) {
    let mut sender = Sender::new(app);
    let mut failures = 0_u32;
    loop {
        let pause = match sender.round(app, target).await {
            Ok(Round::NotOurs) => STAND_BY,
            Ok(done @ (Round::Done | Round::More)) => {
                if failures > 0 {
                    info!(target = target.id, "the log is taken again");
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

fn failed(target: &Target, failures: &mut u32, error: &dyn std::fmt::Display) -> Duration {
    if *failures == 0 {
        warn!(target = target.id, error = %error, "the log is not taken; it is tried again");
    }
    metrics::counter!("audit_push_failures_total", "target" => target.id.clone()).increment(1);
    *failures = failures.saturating_add(1);
    FIRST_WAIT.saturating_mul(1 << (*failures - 1).min(10)).min(LONGEST_WAIT)
}

/// What the lease and the cursor of a target are called.
fn lease(target: &Target) -> String {
    format!("push:{}", target.id)
}

/// One instance's hand at one target.
#[derive(Debug)]
pub struct Sender {
    holder: Uuid,
    /// When it last took or kept the lease.
    held: Option<Timestamp>,
    /// The number of a message that was refused for what it is, and how often.
    refused: (i64, u32),
}

impl Sender {
    /// Not sending yet.
    pub fn new(app: &App) -> Self {
        Self { holder: app.instance, held: None, refused: (0, 0) }
    }

    /// Sends what comes next, if no other instance does.
    pub async fn round(&mut self, app: &App, target: &Target) -> Result<Round, Fault> {
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
            // It stands at what there is not (any more): what comes next would never be sent.
            app.cursors.forget(&name).await?;
            return Err(Fault::Store(crate::store::StoreError::Corrupt("audit_seals")));
        }
        let parcels: Vec<Parcel> = batch.iter().filter_map(|sealed| parcel(target, sealed, app.clock.now())).collect();
        let Delivery { mut taken, mut trouble } =
            if parcels.is_empty() { Delivery { taken: 0, trouble: None } } else { self.send(app, target, &name, &parcels).await? };
        metrics::counter!("audit_push_sent_total", "target" => target.id.clone()).increment(taken as u64);
        if let (Some(Trouble::Refused(_)), Some(parcel)) = (&trouble, parcels.get(taken))
            && self.gives_up(target, parcel.number)
        {
            taken += 1;
            trouble = None;
        }
        let mut at = start;
        at.number = match parcels.get(taken) {
            Some(next) => next.number - 1, // numbers between two parcels are what the target is not told of
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
        metrics::gauge!("audit_push_behind", "target" => target.id.clone()).set(behind as f64);
        Ok(match trouble {
            Some(trouble) => Round::Failed(trouble),
            None if whole => Round::Done,
            None => Round::More,
        })
    }

    /// Sends, and goes on saying so meanwhile.
    async fn send(&mut self, app: &App, target: &Target, name: &str, parcels: &[Parcel]) -> Result<Delivery, Fault> {
        let sending = target.send(parcels, app.clock.now());
        tokio::pin!(sending);
        loop {
            tokio::select! {
                delivery = &mut sending => return Ok(delivery),
                () = tokio::time::sleep(RENEW.unsigned_abs()) => { self.holds(app, name).await?; }
            }
        }
    }

    /// Does this instance send? Asked of the store now and then: a lease is written each time.
    async fn holds(&mut self, app: &App, name: &str) -> Result<bool, Fault> {
        let now = app.clock.now();
        if self.held.is_some_and(|held| now.duration_since(held).abs() < RENEW) {
            return Ok(true);
        }
        let holds = app.leases.hold(name, self.holder, now, LEASE).await?;
        self.held = holds.then_some(now);
        Ok(holds)
    }

    /// Has it been refused so often that it is left out?
    fn gives_up(&mut self, target: &Target, number: i64) -> bool {
        let tries = if self.refused.0 == number { self.refused.1 + 1 } else { 1 };
        self.refused = (number, tries);
        if tries >= TRIES {
            metrics::counter!("audit_push_left_out_total", "target" => target.id.clone(), "why" => "refused").increment(1);
            warn!(target = target.id, number, "a message that the target never takes is left out");
        }
        tries >= TRIES
    }

    /// Checkpoints follow the entries that they cover: who has them outside sees that the log was cut off or rewritten.
    async fn checkpoints(&mut self, app: &App, target: &Target, name: &str, at: &mut Cursor) -> Result<Option<Trouble>, Fault> {
        if target.hook().is_some() {
            return Ok(None);
        }
        let due = app.feed.checkpoints(at.checkpoint, at.number, BATCH).await?;
        let Some(last) = due.last() else { return Ok(None) };
        let parcels: Vec<Parcel> = due
            .iter()
            .map(|checkpoint| Parcel {
                number: checkpoint.number,
                at: Timestamp::from_microsecond(checkpoint.at).unwrap_or(Timestamp::UNIX_EPOCH),
                name: "checkpoint".to_owned(),
                severity: Severity::Informational,
                body: Line::Checkpoint { checkpoint: checkpoint.clone() }.json(),
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

/// A log goes to syslog and to a file from its beginning, so that they have all of it. A hook tells of what happens from now on.
async fn begin(app: &App, target: &Target, name: &str) -> Result<Cursor, Fault> {
    let number = if target.hook().is_some() { app.feed.head().await? } else { 0 };
    let at = Cursor { number, checkpoint: 0 };
    app.cursors.advance(name, at).await?;
    Ok(at)
}

/// The message about what is at a place; `None` where nothing is, or nothing that this target is told of.
fn parcel(target: &Target, sealed: &Sealed, now: Timestamp) -> Option<Parcel> {
    let public = PublicEvent::of(sealed)?;
    let event = sealed.event();
    let at = event.as_ref().map_or(now, |event| event.at);
    let severity = severity(sealed.sound, event.as_ref());
    let name = public.kind.clone();
    let number = sealed.number;
    let body = if let Some(hook) = target.hook() {
        let event = event.filter(|_| sealed.sound)?; // nobody is told of something that somebody wrote into the log
        let notice = hook.notices.iter().find(|notice| notice.is(&event))?;
        if now.duration_since(at) > hook.max_age {
            metrics::counter!("audit_push_left_out_total", "target" => target.id.clone(), "why" => "old").increment(1);
            return None;
        }
        told(*notice, &public)
    } else {
        match target.largest() {
            Some(largest) => public.json_within(largest),
            None => public.json(),
        }
    };
    Some(Parcel { number, at, name, severity, body })
}

fn told(notice: Notice, event: &PublicEvent) -> String {
    serde_json::json!({ "id": event.number, "notice": notice.code(), "event": event }).to_string()
}

fn severity(sound: bool, event: Option<&AuditEvent>) -> Severity {
    let Some(event) = event.filter(|event| sound && event.kind != EventKind::AlertRaised) else { return Severity::Alert };
    match event.outcome {
        AuditOutcome::Started | AuditOutcome::Succeeded => Severity::Informational,
        AuditOutcome::Refused => Severity::Notice,
        AuditOutcome::Failed | AuditOutcome::Unknown => Severity::Warning,
    }
}
