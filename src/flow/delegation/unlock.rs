//! Unlocking another person's account without a new password.

use std::sync::Arc;

use crate::flow::delegation::{MayDeny as _, TargetLookup, counted, log_denied, log_nobody};
use crate::{
    app::App,
    directory::{self, WriteAnswer},
    flow::{FlowError, RequestContext, event_of, party_of, run_to_completion},
    model::{
        ad::guid::ObjectGuid,
        audit::{AuditEvent, AuditOutcome, EventKind},
        authorization::{Action, Denial},
        identity::Identity,
        refusal::Refusal,
    },
    store::rate_limit::{Charge, ThrottleKey},
};

/// The result of an unlock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnlockOutcome {
    /// AD has confirmed that the account is unlocked.
    Done,
    /// The account was not locked; nothing was done.
    NotLocked,
    /// Nothing was changed.
    Refused(Refusal),
    /// The connection was lost during the write; the outcome is unknown. Another attempt does no harm.
    Unknown,
}

/// Unlocks an account. Runs to completion even if the client disconnects.
pub async fn unlock(app: &Arc<App>, visit: &RequestContext, identity: &Identity, target: ObjectGuid) -> Result<UnlockOutcome, FlowError> {
    let (app, visit, identity) = (app.clone(), visit.clone(), identity.clone());
    run_to_completion(async move {
        counted(&app, &visit, &identity, EventKind::UnlockOutcome, Box::pin(run(&app, &visit, &identity, target))).await
    })
    .await
}

impl crate::flow::delegation::MayDeny for UnlockOutcome {
    fn denied(denial: Denial) -> Self {
        Self::Refused(Refusal::Denied(denial))
    }

    fn denial(&self) -> Option<Denial> {
        match self {
            Self::Refused(Refusal::Denied(denial)) => Some(*denial),
            Self::Done | Self::NotLocked | Self::Refused(_) | Self::Unknown => None,
        }
    }
}

async fn run(app: &App, visit: &RequestContext, identity: &Identity, target: ObjectGuid) -> Result<UnlockOutcome, FlowError> {
    let TargetLookup { mut standing, seen, .. } =
        match crate::flow::delegation::look_at(app, visit, identity, EventKind::UnlockOutcome, target).await? {
            Ok(looked) => looked,
            Err(denial) => return Ok(UnlockOutcome::denied(denial)),
        };
    let Some(seen) = seen else {
        log_nobody(app, visit, identity, EventKind::UnlockOutcome).await?;
        return Ok(UnlockOutcome::denied(Denial::NoRelation));
    };
    let decided = standing.authorize(app, &seen, Action::Unlock);
    let mut entry = event_of(visit, identity, app.clock.now(), EventKind::UnlockOutcome, AuditOutcome::Refused, "");
    entry.target = Some(party_of(&seen.account));
    entry.target_cpr.clone_from(&seen.child);
    entry.controller = Some(standing.pinned.name().to_owned());
    // An owner who could end the own lockout could guess passwords without a limit.
    let ground = if standing.owns(target) { Err(Denial::NoRelation) } else { decided };
    let ground = match ground {
        Ok(ground) => ground,
        Err(denial) => {
            entry.actor = Some(standing.somebody(app, identity));
            denial.code().clone_into(&mut entry.reason);
            log_denied(app, visit, identity, &entry).await?;
            return Ok(UnlockOutcome::denied(denial));
        }
    };
    entry.actor = Some(standing.party(app, identity, &ground, target));
    entry.authority = Some(ground.code());
    if !seen.account.locked {
        "not_locked".clone_into(&mut entry.reason);
        app.audit.append(&entry).await?;
        return Ok(UnlockOutcome::NotLocked);
    }
    // A lockout ends by itself. Without a rate limit on unlocks, an attacker with a helper could guess without a limit.
    let unlockings = [(ThrottleKey::unlock(target), app.config.rate_limit.name)];
    if let Charge::Wait(until) = app.rate_limits.count_attempt(&unlockings, app.clock.now()).await? {
        let refusal = Refusal::Throttled { until };
        entry.reason = refusal.code();
        log_denied(app, visit, identity, &entry).await?;
        return Ok(UnlockOutcome::Refused(refusal));
    }
    let attempt = AuditEvent { kind: EventKind::UnlockAttempt, outcome: AuditOutcome::Started, ..entry.clone() };
    app.audit.append(&attempt).await?;
    let written = standing.pinned.unlock(target).await;
    let (outcome, reason, answer) = judged(&written);
    (entry.at, entry.outcome) = (app.clock.now(), outcome);
    reason.clone_into(&mut entry.reason);
    if let Err(error) = app.audit.append(&entry).await {
        tracing::error!(error = %error, "outcome of an unlock could not be logged");
    }
    match (answer, written) {
        (Some(answer), _) => Ok(answer),
        (None, Err(fault) | Ok(WriteAnswer::Failed(fault))) => Err(fault.into()),
        (None, Ok(_)) => {
            Err(directory::DirectoryError::Answer { rc: 19, text: "answer to an unlock fits a password write".to_owned() }.into())
        }
    }
}

/// The audit outcome and reason, and the result for the page; no result for an error.
fn judged(written: &Result<WriteAnswer, directory::DirectoryError>) -> (AuditOutcome, &'static str, Option<UnlockOutcome>) {
    let refused = |refusal: Refusal, code| (AuditOutcome::Refused, code, Some(UnlockOutcome::Refused(refusal)));
    match written {
        Ok(WriteAnswer::Done) => (AuditOutcome::Succeeded, "", Some(UnlockOutcome::Done)),
        Ok(WriteAnswer::NoRight) => refused(Refusal::NoRight, "no_right"),
        Ok(WriteAnswer::Gone) => refused(Refusal::NotUsable, "not_usable"),
        Ok(
            WriteAnswer::Policy(_) | WriteAnswer::WrongCurrent | WriteAnswer::Locked | WriteAnswer::CannotChange | WriteAnswer::Failed(_),
        ) => (AuditOutcome::Failed, "controller_error", None),
        Err(_) => (AuditOutcome::Unknown, "answer_lost", Some(UnlockOutcome::Unknown)),
    }
}
