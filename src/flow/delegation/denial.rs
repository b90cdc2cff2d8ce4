//! Rate limit and audit entries of denied delegation requests.
//!
//! Invariants:
//! - The limit applies to the actor, not to the IP address: other people at the same address are not delayed.
//! - An attempt counts from its beginning, before it costs AD any work. Neither parallel requests nor a closed
//!   connection make it free.
//! - The number of audit entries is limited as well, so that an attacker cannot flood the log.

use jiff::Timestamp;

use crate::flow::delegation::context::person;
use crate::{
    app::App,
    flow::{FlowError, RequestContext, actor_of, event_of, sign_in::ad_password::refund},
    model::{
        ad::guid::ObjectGuid,
        audit::{AuditEvent, AuditOutcome, EventKind},
        authorization::Denial,
        identity::Identity,
    },
    store::rate_limit::{Charge, ThrottleKey},
};

/// A result that may be a denial.
pub(crate) trait MayDeny {
    /// The result for a denied request: nothing was done.
    fn denied(denial: Denial) -> Self;
    /// The reason of a denial, if the result is one.
    fn denial(&self) -> Option<Denial>;
}

impl<T> MayDeny for Result<T, Denial> {
    fn denied(denial: Denial) -> Self {
        Err(denial)
    }

    fn denial(&self) -> Option<Denial> {
        self.as_ref().err().copied()
    }
}

/// Counts an attempt on another person's account before the work begins. Refunds it unless the denial shows that the
/// actor has no relation to the account. `kind`: the event in the audit entry.
pub(crate) async fn counted<T: MayDeny>(
    app: &App,
    visit: &RequestContext,
    identity: &Identity,
    kind: EventKind,
    work: impl Future<Output = Result<T, FlowError>>,
) -> Result<T, FlowError> {
    let who = person(app, identity).guid;
    let key = ThrottleKey::stranger(who);
    let receipt = match app.rate_limits.count_attempt(&[(key, app.config.rate_limit.address)], app.clock.now()).await? {
        Charge::Taken(receipt) => receipt,
        Charge::Wait(until) => {
            let denial = Denial::TooOften(until);
            let entry = without_account(app, visit, identity, kind, denial);
            tell(app, visit, who, entry, Some(until)).await?;
            return Ok(T::denied(denial));
        }
    };
    let answer = work.await;
    let denial = answer.as_ref().ok().and_then(MayDeny::denial);
    if !denial.is_some_and(is_a_strangers) {
        refund(app, receipt, false).await;
    }
    if denial == Some(Denial::PasswordChangedSince) {
        log_denied(app, visit, identity, &without_account(app, visit, identity, kind, Denial::PasswordChangedSince)).await?;
    }
    answer
}

/// Whether the denial means that the actor has no relation to the target.
fn is_a_strangers(denial: Denial) -> bool {
    match denial {
        Denial::NoRelation | Denial::Barred => true,
        Denial::Unreadable
        | Denial::NotUsable
        | Denial::ClosedToOthers
        | Denial::Protected
        | Denial::MasterAdmin
        | Denial::PasswordAdmin
        | Denial::Helper
        | Denial::Auditor
        | Denial::Teacher
        | Denial::TooWeak(_)
        | Denial::LoginTooOld
        | Denial::PasswordChangedSince
        | Denial::NotThisAction
        | Denial::TooOften(_) => false,
    }
}

/// Logs an attempt on an account that does not exist.
pub(crate) async fn log_nobody(app: &App, visit: &RequestContext, identity: &Identity, kind: EventKind) -> Result<(), FlowError> {
    log_denied(app, visit, identity, &without_account(app, visit, identity, kind, Denial::NoRelation)).await
}

/// Appends the entry. Over the rate limit, only the first entry of each delay is written, with the number of the
/// entries left out before.
pub(crate) async fn log_denied(app: &App, visit: &RequestContext, identity: &Identity, entry: &AuditEvent) -> Result<(), FlowError> {
    let who = person(app, identity).guid;
    let wait = match app.rate_limits.count_attempt(&[(ThrottleKey::denied(who), app.config.rate_limit.address)], app.clock.now()).await? {
        Charge::Taken(_counted) => None,
        Charge::Wait(until) => Some(until),
    };
    tell(app, visit, who, entry.clone(), wait).await
}

/// Appends the entry, or counts it where the log already mentions this delay.
async fn tell(app: &App, visit: &RequestContext, who: ObjectGuid, mut entry: AuditEvent, wait: Option<Timestamp>) -> Result<(), FlowError> {
    if let Some(until) = wait
        && !app.reported_delays.report_once(visit.client, until)
    {
        app.reported_delays.leave_out(who, &entry, until);
        return Ok(());
    }
    if let Some(entries) = app.reported_delays.left_out(who) {
        entry.note = Some(with_number(entry.note, entries));
    }
    app.audit.append(&entry).await?;
    Ok(())
}

/// Logs how many entries were left out, for every person whose delay is over.
pub async fn tell_left_out(app: &App) -> Result<(), FlowError> {
    for (last, entries) in app.reported_delays.over(app.clock.now()) {
        let reason = Denial::TooOften(last.at).code().to_owned();
        let note = Some(with_number(None, entries));
        let entry = AuditEvent { at: app.clock.now(), reason, note, target: None, target_cpr: None, attempt: None, ticket: None, ..last };
        app.audit.append(&entry).await?;
    }
    Ok(())
}

fn with_number(note: Option<String>, entries: u64) -> String {
    let number = format!("left_out={entries}");
    note.map_or(number.clone(), |note| format!("{note}; {number}"))
}

pub(crate) fn without_account(app: &App, visit: &RequestContext, identity: &Identity, kind: EventKind, denial: Denial) -> AuditEvent {
    let mut entry = event_of(visit, identity, app.clock.now(), kind, AuditOutcome::Refused, denial.code());
    entry.actor = actor_of(identity, None).or_else(|| Some(person(app, identity)));
    entry
}
