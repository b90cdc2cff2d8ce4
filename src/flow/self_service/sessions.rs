//! A person's sessions: listing and ending them, by the owner, a helper or an operator.
//!
//! Invariants:
//! - Sessions are listed and ended only for accounts that are the person's own, as AD and the registers have them now,
//!   or that the actor may unlock.
//! - The end of sessions is logged before it happens.

use std::sync::Arc;

use crate::flow::{
    FlowError, RequestContext, actor_of, at_command_line,
    delegation::{self, MayDeny as _, TargetLookup},
    event_of, party_of, run_to_completion,
    self_service::linked_accounts::{self, Registered},
};
use crate::{
    app::App,
    audit::AuditLog,
    model::{
        ad::guid::ObjectGuid,
        audit::{AuditEvent, AuditOutcome, EventKind, Party},
        authorization::{Action, Denial},
        identity::Identity,
    },
    store::sessions::{Asking, ListedSession, Sessions},
};

/// Reasons in audit entries.
const EVERYWHERE: &str = "everywhere";
const ONE: &str = "one_session";
const BY_HELPER: &str = "by_helper";
const BY_OPERATOR: &str = "by_operator";

/// The person as an owner of a provider's session, besides the linked accounts.
pub(crate) fn person(app: &App, identity: &Identity) -> Option<ObjectGuid> {
    identity.provider().map(|login| delegation::person_of(app, login).into())
}

/// The sessions of an account's owner. Only for an account that was just authorized as the person's own.
pub async fn list(app: &App, identity: &Identity, account: ObjectGuid, asking: Option<Asking>) -> Result<Vec<ListedSession>, FlowError> {
    Ok(app.sessions.all_of(&owners(app, identity, account), asking).await?)
}

/// Ends all sessions of the account's owner, the current one included. False: the account is not the person's own.
pub async fn end_everywhere(app: &App, visit: &RequestContext, identity: &Identity, account: ObjectGuid) -> Result<bool, FlowError> {
    let registered = Registered::ask(app, identity).await?;
    if !linked_accounts::owns(app, identity, &registered, account).await? {
        return Ok(false);
    }
    let entry = own_entry(app, visit, identity, account, EVERYWHERE);
    end(&app.audit, &app.sessions, entry, &owners(app, identity, account)).await?;
    Ok(true)
}

/// Ends one session of the account's owner, by its handle in the list. `None`: the account is not the person's own.
/// False: the session has ended already.
pub async fn end_one(
    app: &App,
    visit: &RequestContext,
    identity: &Identity,
    account: ObjectGuid,
    handle: &str,
) -> Result<Option<bool>, FlowError> {
    let registered = Registered::ask(app, identity).await?;
    if !linked_accounts::owns(app, identity, &registered, account).await? {
        return Ok(None);
    }
    let owners = owners(app, identity, account);
    if !app.sessions.all_of(&owners, None).await?.iter().any(|known| known.handle == handle) {
        return Ok(Some(false));
    }
    let mut entry = own_entry(app, visit, identity, account, ONE);
    app.audit.append(&entry).await?;
    match app.sessions.end_one_of(&owners, handle).await {
        Ok(ended) => Ok(Some(ended)),
        Err(error) => {
            entry.outcome = AuditOutcome::Failed;
            app.audit.append(&entry).await?;
            Err(error.into())
        }
    }
}

/// The account, and the person of a provider's login.
fn owners(app: &App, identity: &Identity, account: ObjectGuid) -> Vec<ObjectGuid> {
    [account].into_iter().chain(person(app, identity)).collect()
}

/// The audit entry about an own logout.
fn own_entry(app: &App, visit: &RequestContext, identity: &Identity, account: ObjectGuid, reason: &str) -> AuditEvent {
    let mut entry = event_of(visit, identity, app.clock.now(), EventKind::SignOut, AuditOutcome::Succeeded, reason);
    entry.actor = actor_of(identity, None);
    entry.target = entry.actor.clone().or_else(|| Some(Party { guid: account, account_name: String::new(), name: identity.name.clone() }));
    entry
}

/// The result of ending another person's sessions.
pub type Ended = Result<(), Denial>;

/// Ends all sessions of another person. Needs the grant to unlock the account.
pub async fn end_for_another(app: &Arc<App>, visit: &RequestContext, identity: &Identity, target: ObjectGuid) -> Result<Ended, FlowError> {
    let (app, visit, identity) = (app.clone(), visit.clone(), identity.clone());
    run_to_completion(async move {
        delegation::counted(&app, &visit, &identity, EventKind::SignOut, Box::pin(end_theirs(&app, &visit, &identity, target))).await
    })
    .await
}

async fn end_theirs(app: &App, visit: &RequestContext, identity: &Identity, target: ObjectGuid) -> Result<Ended, FlowError> {
    let TargetLookup { standing, seen, .. } = match delegation::look_at(app, visit, identity, EventKind::SignOut, target).await? {
        Ok(looked) => looked,
        Err(denial) => return Ok(Ended::denied(denial)),
    };
    let Some(seen) = seen else {
        delegation::log_nobody(app, visit, identity, EventKind::SignOut).await?;
        return Ok(Err(Denial::NoRelation));
    };
    let mut entry = event_of(visit, identity, app.clock.now(), EventKind::SignOut, AuditOutcome::Succeeded, BY_HELPER);
    entry.target = Some(party_of(&seen.account));
    entry.target_cpr.clone_from(&seen.child);
    let decided = if standing.owns(target) { Err(Denial::NoRelation) } else { standing.authorize(app, &seen, Action::Unlock) };
    match decided {
        Ok(ground) => {
            entry.actor = Some(standing.party(app, identity, &ground, target));
            entry.authority = Some(ground.code());
            drop(standing); // with its connection
            end(&app.audit, &app.sessions, entry, &[target]).await?;
            Ok(Ok(()))
        }
        Err(denial) => {
            entry.actor = Some(standing.somebody(app, identity));
            (entry.outcome, entry.reason) = (AuditOutcome::Refused, denial.code().to_owned());
            delegation::log_denied(app, visit, identity, &entry).await?;
            Ok(Err(denial))
        }
    }
}

/// Ends all sessions of an account, on an operator's command. Returns their number.
pub async fn end_by_operator(
    audit: &AuditLog,
    sessions: &Sessions,
    visit: &RequestContext,
    at: jiff::Timestamp,
    owner: Party,
) -> Result<u64, FlowError> {
    let mut entry = at_command_line(visit, at, EventKind::SignOut, AuditOutcome::Succeeded, None);
    BY_OPERATOR.clone_into(&mut entry.reason);
    let guid = owner.guid;
    entry.target = Some(owner);
    end(audit, sessions, entry, &[guid]).await
}

/// Logs the end of the sessions before it happens, and logs a failure as well.
async fn end(audit: &AuditLog, sessions: &Sessions, mut entry: AuditEvent, owners: &[ObjectGuid]) -> Result<u64, FlowError> {
    audit.append(&entry).await?;
    let mut ended = 0;
    for owner in owners {
        match sessions.end_all_of(*owner, None).await {
            Ok(some) => ended += some,
            Err(error) => {
                entry.outcome = AuditOutcome::Failed;
                audit.append(&entry).await?;
                return Err(error.into());
            }
        }
    }
    Ok(ended)
}
