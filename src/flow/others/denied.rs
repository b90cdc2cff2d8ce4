//! What somebody tries on accounts without a right to: told in the log, but not more often than failures may be, and slowed down before it costs AD anything.
//!
//! Invariants: whoever has tried too many accounts that are none of theirs waits alone, nobody at the same address does; a try counts from its beginning, so that
//! neither many at once nor going away before the answer makes it free.

use super::standing::person;
use crate::{
    app::App,
    flow::{Fault, Visit, actor_of, event_of, sign_in::forgive},
    model::{
        audit::{AuditEvent, AuditOutcome, EventKind},
        authority::Denial,
        identity::Identity,
    },
    store::throttle::{Charge, ThrottleKey},
};

/// An answer that may be a denial.
pub(in crate::flow) trait Answer {
    /// Nothing is done, and why.
    fn denied(denial: Denial) -> Self;
    /// Why nothing was done, if it was a denial.
    fn denial(&self) -> Option<Denial>;
}

impl<T> Answer for Result<T, Denial> {
    fn denied(denial: Denial) -> Self {
        Err(denial)
    }

    fn denial(&self) -> Option<Denial> {
        self.as_ref().err().copied()
    }
}

/// Counts what somebody asks about another's account before it is begun, and takes it off again unless nothing there turns out to be theirs. `kind`: what the log
/// calls it.
pub(in crate::flow) async fn counted<T: Answer>(
    app: &App,
    visit: &Visit,
    identity: &Identity,
    kind: EventKind,
    work: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    let key = ThrottleKey::stranger(person(app, identity).guid);
    let receipt = match app.throttles.charge(&[(key, app.config.throttle.address)], app.clock.now()).await? {
        Charge::Taken(receipt) => receipt,
        Charge::Wait(until) => {
            let denial = Denial::TooOften(until);
            if app.waits.first_word(visit.client, until) {
                app.audit.append(&without_account(app, visit, identity, kind, denial)).await?;
            }
            return Ok(T::denied(denial));
        }
    };
    let answer = work.await;
    let denial = answer.as_ref().ok().and_then(Answer::denial);
    if !denial.is_some_and(is_a_strangers) {
        forgive(app, receipt, false).await;
    }
    if denial == Some(Denial::PasswordChangedSince) {
        log_denied(app, visit, &without_account(app, visit, identity, kind, Denial::PasswordChangedSince)).await?;
    }
    answer
}

/// Does it say that nothing there is theirs?
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

/// Logs that somebody tried an account that there is not.
pub(in crate::flow) async fn log_nobody(app: &App, visit: &Visit, identity: &Identity, kind: EventKind) -> Result<(), Fault> {
    log_denied(app, visit, &without_account(app, visit, identity, kind, Denial::NoRelation)).await
}

/// Logs it. From an address that has tried too often, only the first word of each wait.
pub(in crate::flow) async fn log_denied(app: &App, visit: &Visit, entry: &AuditEvent) -> Result<(), Fault> {
    let charges = [(ThrottleKey::denied(visit.client), app.config.throttle.address)];
    let told = match app.throttles.charge(&charges, app.clock.now()).await? {
        Charge::Taken(_) => true,
        Charge::Wait(until) => app.waits.first_word(visit.client, until),
    };
    if told {
        app.audit.append(entry).await?;
    }
    Ok(())
}

pub(super) fn without_account(app: &App, visit: &Visit, identity: &Identity, kind: EventKind, denial: Denial) -> AuditEvent {
    let mut entry = event_of(visit, identity, app.clock.now(), kind, AuditOutcome::Refused, denial.code());
    entry.actor = actor_of(identity, None).or_else(|| Some(person(app, identity)));
    entry
}
