//! Slips: new passwords for several members of a class or circle at once, for printing. The passwords are shown once
//! and stored nowhere.
//!
//! Invariants:
//! - Each account is authorized and written on its own, as if its form had been sent.
//! - A list that is sent twice writes once.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use tokio::time::{Instant, timeout_at};

use crate::flow::delegation::{Household, MayDeny, counted, lists::choices_of, log_denied, log_nobody, propose, standing, usual};
use crate::{
    app::App,
    flow::{
        FlowError, RequestContext, event_of, party_of, password_policy,
        set_password::{self, SetRequest, Whose},
    },
    model::{
        ad::{guid::ObjectGuid, sid::Sid},
        audit::{AuditOutcome, EventKind, attempt::AttemptId},
        authorization::{Action, Denial, Grant, barred},
        credential::password::Password,
        identity::Identity,
        refusal::Refusal,
    },
};

/// Accounts in one request: one page of a list.
pub const MOST: usize = crate::flow::delegation::lists::PAGE;
/// Accounts in parallel. A controller writes them one after the other; the reads and proofs around the writes overlap.
const AT_ONCE: usize = 4;

/// The result for one account.
#[derive(Debug)]
pub struct Slip {
    /// The display name; empty where the actor may not see the account.
    pub name: String,
    /// sAMAccountName; empty where the name is empty.
    pub account_name: String,
    /// The password, or why there is none.
    pub outcome: Result<Password, Missing>,
}

/// Why a slip has no password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// Nothing was changed.
    Refused(Refusal),
    /// No passphrase suggestion meets the account's policy.
    NoProposal,
    /// This list was sent before.
    AlreadySent,
    /// The outcome is unknown.
    Unknown,
    /// The time ran out and nothing was done. The passwords already set have to be shown before the request ends.
    NoTime,
}

/// The result for a list.
#[derive(Debug)]
pub enum Made {
    /// In the order of the request.
    Slips(Grant, Vec<Slip>),
    /// The actor may not use the list.
    Denied(Denial),
}

/// A submitted list.
#[derive(Debug)]
pub struct Chosen {
    /// SID of the class or circle.
    pub group: Sid,
    /// At most [`MOST`]; further targets are ignored.
    pub targets: Vec<ObjectGuid>,
    /// The form's attempt number.
    pub attempt: AttemptId,
}

/// Sets a suggested password for each target. An error with one account leaves the other slips untouched. `ends`: the
/// time at which the request is cut off and its passwords would be lost. No account is begun in the second half of the
/// remaining time, and none is awaited in its last tenth.
pub async fn make(app: &Arc<App>, visit: &RequestContext, identity: &Identity, chosen: &Chosen, ends: Instant) -> Result<Made, FlowError> {
    let began = Instant::now();
    let time = ends.saturating_duration_since(began);
    let (last_begin, last_wait) = (began + time / 2, began + time * 9 / 10);
    let ground = match counted(app, visit, identity, EventKind::SlipsMade, Box::pin(begin(app, visit, identity, chosen))).await? {
        Ok(ground) => ground,
        Err(denial) => return Ok(Made::Denied(denial)),
    };
    let slips = stream::iter(chosen.targets.iter().take(MOST).copied()).map(|target| async move {
        let nobody = |missing| Slip { name: String::new(), account_name: String::new(), outcome: Err(missing) };
        if Instant::now() >= last_begin {
            return nobody(Missing::NoTime);
        }
        let ready = counted(app, visit, identity, EventKind::SlipsMade, Box::pin(ready(app, visit, identity, &chosen.group, target)));
        let ready = match timeout_at(last_wait, ready).await {
            Ok(Ok(Ok(ready))) => ready,
            Ok(Ok(Err(slip))) => return slip,
            Ok(Err(fault)) => {
                tracing::error!(error = %fault, "a slip could not be made");
                return nobody(Missing::Unknown);
            }
            Err(_elapsed) => return nobody(Missing::NoTime),
        };
        set(app, visit, identity, chosen.attempt, ready, last_wait).await
    });
    Ok(Made::Slips(ground, slips.buffered(AT_ONCE).collect().await))
}

/// Authorizes the list, and logs the start or the denial.
async fn begin(app: &App, visit: &RequestContext, identity: &Identity, chosen: &Chosen) -> Result<Result<Grant, Denial>, FlowError> {
    let standing = match standing(app, identity).await? {
        Ok(standing) => standing,
        Err(denial) => return Ok(Err(denial)),
    };
    if let Some(denial) = barred(&standing.rules, &standing.actor) {
        return Ok(Err(denial));
    }
    let mut entry = event_of(visit, identity, app.clock.now(), EventKind::SlipsMade, AuditOutcome::Refused, Denial::NoRelation.code());
    entry.actor = Some(standing.somebody(app, identity));
    let theirs = choices_of(app, &standing).into_iter().find(|choice| choice.ground.group().is_some_and(|group| group.sid == chosen.group));
    let Some(choice) = theirs else {
        log_denied(app, visit, identity, &entry).await?;
        return Ok(Err(Denial::NoRelation));
    };
    (entry.outcome, entry.reason) = (AuditOutcome::Started, String::new());
    entry.authority = Some(choice.ground.code());
    entry.note = Some(format!("{} accounts", chosen.targets.len().min(MOST)));
    app.audit.append(&entry).await?;
    Ok(Ok(choice.ground))
}

/// An account whose password can be set.
struct ReadyForSlip {
    target: ObjectGuid,
    name: String,
    account_name: String,
    must_change: bool,
    password: Password,
}

impl MayDeny for Result<ReadyForSlip, Slip> {
    fn denied(denial: Denial) -> Self {
        let outcome = Err(Missing::Refused(Refusal::Denied(denial)));
        Err(Slip { name: String::new(), account_name: String::new(), outcome })
    }

    fn denial(&self) -> Option<Denial> {
        match self {
            Err(Slip { outcome: Err(Missing::Refused(Refusal::Denied(denial))), .. }) => Some(*denial),
            Ok(_) | Err(_) => None,
        }
    }
}

/// Reads and authorizes one account and suggests its password. Changes nothing.
async fn ready(
    app: &App,
    visit: &RequestContext,
    identity: &Identity,
    group: &Sid,
    target: ObjectGuid,
) -> Result<Result<ReadyForSlip, Slip>, FlowError> {
    // Slips need membership in the list: parenthood plays no part.
    let mut standing = match standing(app, identity).await? {
        Ok(standing) => standing,
        Err(denial) => return Ok(MayDeny::denied(denial)),
    };
    let Some(seen) = standing.look_at(app, identity, target, &Household::none()).await? else {
        log_nobody(app, visit, identity, EventKind::SlipsMade).await?;
        return Ok(MayDeny::denied(Denial::NoRelation));
    };
    // The form can name any account: only members of the list count.
    let member = seen.account.groups.contains(group);
    let decided = standing.authorize(app, &seen, Action::See).and_then(|ground| if member { Ok(ground) } else { Err(Denial::NoRelation) });
    if let Err(denial) = decided {
        let mut entry = event_of(visit, identity, app.clock.now(), EventKind::SlipsMade, AuditOutcome::Refused, denial.code());
        entry.actor = Some(standing.somebody(app, identity));
        entry.target = Some(party_of(&seen.account));
        entry.controller = Some(standing.pinned.name().to_owned());
        log_denied(app, visit, identity, &entry).await?;
        return Ok(MayDeny::denied(denial));
    }
    let policy = password_policy::in_force(app, &mut standing.pinned, &seen.account).await?;
    let usual = usual(app, &mut standing, &seen).await?;
    drop(standing);
    let (name, account_name) = (seen.account.name().to_owned(), seen.account.sam.clone());
    Ok(match propose(app, &policy, &seen.account, usual.ease)? {
        Some(password) => Ok(ReadyForSlip { target, name, account_name, must_change: usual.must_change, password }),
        None => Err(Slip { name, account_name, outcome: Err(Missing::NoProposal) }),
    })
}

/// Sets the password. A write that is not awaited runs to completion, and its outcome is in the audit log.
async fn set(
    app: &Arc<App>,
    visit: &RequestContext,
    identity: &Identity,
    list: AttemptId,
    ready: ReadyForSlip,
    last_wait: Instant,
) -> Slip {
    let ReadyForSlip { target, name, account_name, must_change, password } = ready;
    // The same list sent again gives the same attempt number for each account.
    let attempt = AttemptId::from_random(app.keys.pseudonym(format!("{list} {target}").as_bytes()).into_bytes());
    let request = SetRequest { target, attempt, current: None, new: password.clone(), whose: Whose::Anothers { must_change } };
    let outcome = match timeout_at(last_wait, set_password::set(app, visit, identity, request)).await {
        Ok(Ok(
            set_password::SetOutcome::Done
            | set_password::SetOutcome::StillLocked
            | set_password::SetOutcome::NotLetIn(_)
            | set_password::SetOutcome::NotTried,
        )) => Ok(password),
        Ok(Ok(set_password::SetOutcome::Refused(refusal))) => Err(Missing::Refused(refusal)),
        Ok(Ok(set_password::SetOutcome::AlreadySent)) => Err(Missing::AlreadySent),
        Ok(Ok(set_password::SetOutcome::Unknown)) | Err(_) => Err(Missing::Unknown),
        Ok(Err(fault)) => {
            tracing::error!(error = %fault, "a slip could not be made");
            Err(Missing::Unknown)
        }
    };
    Slip { name, account_name, outcome }
}
