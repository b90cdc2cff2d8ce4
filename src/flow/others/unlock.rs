//! Ending a lockout for somebody else, without a new password.

use std::sync::Arc;

use super::{log_denied, standing};
use crate::{
    app::App,
    directory::{self, WriteAnswer},
    flow::{Fault, Visit, event_of, party_of},
    model::{
        audit::{AuditEvent, AuditOutcome, EventKind},
        authority::{Action, Denial},
        guid::ObjectGuid,
        identity::Identity,
        refusal::Refusal,
    },
};

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is not locked any more, as AD has said.
    Done,
    /// It was not locked: nothing was done.
    NotLocked,
    /// Nothing was changed, and why.
    Refused(Refusal),
    /// The connection was lost in the middle: nobody knows. Trying again does no harm.
    Unknown,
}

/// Unlocks an account. Once begun, it goes on to its outcome though the person goes away.
pub async fn unlock(app: &Arc<App>, visit: &Visit, identity: &Identity, target: ObjectGuid) -> Result<Answer, Fault> {
    let (app, visit, identity) = (app.clone(), visit.clone(), identity.clone());
    let task = tokio::spawn(async move { run(&app, &visit, &identity, target).await });
    task.await.map_err(|_| Fault::Crashed)?
}

async fn run(app: &App, visit: &Visit, identity: &Identity, target: ObjectGuid) -> Result<Answer, Fault> {
    let mut standing = standing(app, identity).await?;
    let Some(seen) = standing.look_at(app, identity, target).await? else {
        return Ok(Answer::Refused(Refusal::Denied(Denial::NoRelation)));
    };
    let decided = standing.decide(app, &seen, Action::Unlock);
    let mut entry = event_of(visit, identity, app.clock.now(), EventKind::UnlockOutcome, AuditOutcome::Refused, "");
    entry.target = Some(party_of(&seen.account));
    entry.target_cpr.clone_from(&seen.child);
    entry.controller = Some(standing.pinned.name().to_owned());
    // Who could end an own lockout could try passwords without end.
    let ground = if standing.owns(target) { Err(Denial::NoRelation) } else { decided };
    let ground = match ground {
        Ok(ground) => ground,
        Err(denial) => {
            entry.actor = Some(standing.somebody(app, identity));
            denial.code().clone_into(&mut entry.reason);
            log_denied(app, visit, &entry).await?;
            return Ok(Answer::Refused(Refusal::Denied(denial)));
        }
    };
    entry.actor = Some(standing.party(app, identity, &ground, target));
    entry.authority = Some(ground.code());
    if !seen.account.locked {
        "not_locked".clone_into(&mut entry.reason);
        app.audit.append(&entry).await?;
        return Ok(Answer::NotLocked);
    }
    let attempt = AuditEvent { kind: EventKind::UnlockAttempt, outcome: AuditOutcome::Started, ..entry.clone() };
    app.audit.append(&attempt).await?;
    let written = standing.pinned.unlock(target).await;
    let (outcome, reason, answer) = judged(&written);
    (entry.at, entry.outcome) = (app.clock.now(), outcome);
    reason.clone_into(&mut entry.reason);
    if let Err(error) = app.audit.append(&entry).await {
        tracing::error!(error = %error, "the outcome of an unlocking could not be logged");
    }
    match (answer, written) {
        (Some(answer), _) => Ok(answer),
        (None, Err(fault)) => Err(fault.into()),
        (None, Ok(_)) => Err(directory::Fault::Answer { rc: 80, text: "to an unlocking".to_owned() }.into()),
    }
}

/// What is logged and told. No answer to tell: a fault.
fn judged(written: &Result<WriteAnswer, directory::Fault>) -> (AuditOutcome, &'static str, Option<Answer>) {
    let refused = |refusal: Refusal, code| (AuditOutcome::Refused, code, Some(Answer::Refused(refusal)));
    match written {
        Ok(WriteAnswer::Done) => (AuditOutcome::Succeeded, "", Some(Answer::Done)),
        Ok(WriteAnswer::NoRight) => refused(Refusal::NoRight, "no_right"),
        Ok(WriteAnswer::Gone) => refused(Refusal::NotUsable, "not_usable"),
        Ok(
            WriteAnswer::Policy(_)
            | WriteAnswer::WrongCurrent
            | WriteAnswer::Locked
            | WriteAnswer::CannotChange
            | WriteAnswer::ControlRefused
            | WriteAnswer::Other(_),
        ) => (AuditOutcome::Failed, "controller_error", None),
        Err(_) => (AuditOutcome::Unknown, "answer_lost", Some(Answer::Unknown)),
    }
}
