//! Issuing a one-time code: the helper verifies the caller, gives a reason, and reads the code aloud.

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    app::App,
    flow::{
        FlowError, RequestContext,
        delegation::{self, MayDeny as _, TargetLookup},
        event_of, party_of, run_to_completion,
    },
    identity::local::hash::HashError,
    model::{
        account::{Account, name::LoginName},
        ad::guid::ObjectGuid,
        audit::{AuditEvent, AuditOutcome, EventKind, Party},
        authorization::{Action, Denial},
        cpr::mask_in,
        credential::{one_time_code::Code, slow_hash::SlowHash},
        identity::Identity,
    },
    store::codes::StoredCode,
};

/// The helper's form.
#[derive(Debug, Clone)]
pub struct Issue {
    /// The caller's account.
    pub target: ObjectGuid,
    /// The reason, and how the caller was verified. Never empty.
    pub reason: String,
    /// Ticket number, where the helper gives one.
    pub ticket: Option<String>,
}

/// The result of issuing a code.
#[derive(Debug)]
pub enum Issued {
    Code {
        /// Shown once, on the helper's page.
        code: Code,
        /// When the code expires.
        until: Timestamp,
        /// sAMAccountName of the caller, who has to type it.
        account_name: String,
    },
    Denied(Denial),
}

/// Issues a code for an account and replaces any earlier one. Ends the account's sessions.
pub async fn issue(app: &Arc<App>, visit: &RequestContext, identity: &Identity, sent: Issue) -> Result<Issued, FlowError> {
    let (app, visit, identity) = (app.clone(), visit.clone(), identity.clone());
    run_to_completion(async move {
        delegation::counted(&app, &visit, &identity, EventKind::CodeIssued, Box::pin(run(&app, &visit, &identity, &sent))).await
    })
    .await
}

impl delegation::MayDeny for Issued {
    fn denied(denial: Denial) -> Self {
        Self::Denied(denial)
    }

    fn denial(&self) -> Option<Denial> {
        match self {
            Self::Denied(denial) => Some(*denial),
            Self::Code { .. } => None,
        }
    }
}

/// The names that the caller may type, as the rate limit counts them: the account name, then the UPN.
pub(crate) fn typed_names(account: &Account) -> Vec<String> {
    let upn = account.upn.as_deref().and_then(LoginName::parse).map(|name| name.key());
    std::iter::once(account.sam.to_lowercase()).chain(upn).collect()
}

async fn run(app: &App, visit: &RequestContext, identity: &Identity, sent: &Issue) -> Result<Issued, FlowError> {
    let looked = match delegation::look_at(app, visit, identity, EventKind::CodeIssued, sent.target).await? {
        Ok(looked) => looked,
        Err(denial) => return Ok(Issued::denied(denial)),
    };
    let said = looked.said.clone();
    if let Err(denial) = judge(app, visit, identity, sent, looked).await? {
        return Ok(Issued::denied(denial));
    }
    let code = Code::from_random(&Zeroizing::new(app.keys.random()?)).ok_or(FlowError::NoRandomness(crate::store::NoRandomness))?;
    let (salt, secret) = (app.keys.random()?, code.clone());
    // Waiting for a place may take long: no connection is held meanwhile.
    let place = app.code_hasher.place().await?;
    let hash = place.work(move || SlowHash::of(secret.bytes(), salt).ok_or(HashError::Failed)).await?;
    // The facts may have changed meanwhile: authorized again.
    let looked = match said.look_again(app, identity, sent.target).await? {
        Ok(looked) => looked,
        Err(denial) => return Ok(Issued::denied(denial)),
    };
    let Judged { entry, issuer, account_name, names } = match judge(app, visit, identity, sent, looked).await? {
        Ok(judged) => judged,
        Err(denial) => return Ok(Issued::denied(denial)),
    };
    let now = app.clock.now();
    let until = now + app.config.codes.lasts;
    // Logged before the code works: a crash in between leaves an entry about a code that no person has.
    app.audit.append(&entry).await?;
    let kept = StoredCode { id: Uuid::from_bytes(app.keys.random()?), hash, issuer };
    let selectors = app.codes.selectors(sent.target, &names[0], names.get(1).map(String::as_str), &code);
    app.codes.issue(sent.target, &kept, &selectors, now, until).await?;
    // The caller starts without the delays that strangers have caused.
    app.rate_limits.forget_codes(&app.keys, &names).await?;
    app.sessions.end_all_of(sent.target, None).await?;
    Ok(Issued::Code { code, until, account_name })
}

/// A granted code.
struct Judged {
    /// The audit entry about the code.
    entry: AuditEvent,
    issuer: Party,
    account_name: String,
    /// Names that the caller may type.
    names: Vec<String>,
}

/// Decides whether the actor may issue a code for the target as just read. Logs a denial.
async fn judge(
    app: &App,
    visit: &RequestContext,
    identity: &Identity,
    sent: &Issue,
    looked: TargetLookup,
) -> Result<Result<Judged, Denial>, FlowError> {
    let TargetLookup { standing, seen, .. } = looked;
    let Some(seen) = seen else {
        delegation::log_nobody(app, visit, identity, EventKind::CodeIssued).await?;
        return Ok(Err(Denial::NoRelation));
    };
    let decided = if standing.owns(sent.target) { Err(Denial::NoRelation) } else { standing.authorize(app, &seen, Action::IssueCode) };
    let mut entry = event_of(visit, identity, app.clock.now(), EventKind::CodeIssued, AuditOutcome::Refused, "");
    entry.target = Some(party_of(&seen.account));
    entry.controller = Some(standing.pinned.name().to_owned());
    entry.note = Some(mask_in(&sent.reason));
    entry.ticket = sent.ticket.as_deref().map(mask_in);
    match decided {
        Ok(ground) => {
            let issuer = standing.party(app, identity, &ground, sent.target);
            (entry.actor, entry.authority, entry.outcome) = (Some(issuer.clone()), Some(ground.code()), AuditOutcome::Succeeded);
            let names = typed_names(&seen.account);
            Ok(Ok(Judged { entry, issuer, account_name: seen.account.sam, names }))
        }
        Err(denial) => {
            entry.actor = Some(standing.somebody(app, identity));
            drop(standing); // with its connection
            denial.code().clone_into(&mut entry.reason);
            delegation::log_denied(app, visit, identity, &entry).await?;
            Ok(Err(denial))
        }
    }
}
