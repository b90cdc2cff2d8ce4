//! New passwords for several members of a class or circle at once, on slips to cut: shown once, kept nowhere.
//!
//! Invariants: each account is judged and written on its own, as if its form had been sent; a list that is sent twice writes once.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};

use super::{lists::choices_of, log_denied, propose, standing, usual};
use crate::{
    app::App,
    flow::{
        Fault, Visit, event_of, policy,
        set_password::{self, Answer, Request, Whose},
    },
    model::{
        attempt::AttemptId,
        audit::{AuditOutcome, EventKind},
        authority::{Denial, Ground, barred},
        guid::ObjectGuid,
        identity::Identity,
        password::Password,
        refusal::Refusal,
        sid::Sid,
    },
};

/// Accounts in one go: a page of a list.
pub const MOST: usize = super::lists::PAGE;
/// A controller writes one after the other anyhow; what is read and proven around it goes on meanwhile.
const AT_ONCE: usize = 4;

/// What became of one account.
#[derive(Debug)]
pub struct Slip {
    /// The name to show; empty where the account is not theirs to see.
    pub name: String,
    /// sAMAccountName; empty as the name.
    pub account_name: String,
    /// The password, or why there is none.
    pub outcome: Result<Password, Missing>,
}

/// Why a slip holds no password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// Nothing was changed, and why.
    Refused(Refusal),
    /// No words fit the account's policy.
    NoProposal,
    /// This list was sent before.
    AlreadySent,
    /// Nobody knows whether it was set: try again.
    Unknown,
    /// There was no time left for it: nothing was done. The passwords that were set have to be shown before the request ends.
    NoTime,
}

/// What there is to show.
#[derive(Debug)]
pub enum Made {
    /// In the order of the request.
    Slips(Ground, Vec<Slip>),
    /// The list is not theirs.
    Denied(Denial),
}

/// A submitted list.
#[derive(Debug)]
pub struct Chosen {
    /// The class or circle.
    pub group: Sid,
    /// At most [`MOST`]; more are left out.
    pub targets: Vec<ObjectGuid>,
    /// The form's own number.
    pub attempt: AttemptId,
}

/// Sets proposed passwords. A fault with one account leaves the others' slips as they are.
pub async fn make(app: &Arc<App>, visit: &Visit, identity: &Identity, chosen: &Chosen) -> Result<Made, Fault> {
    let standing = standing(app, identity).await?;
    if let Some(denial) = barred(&standing.rules, &standing.actor) {
        return Ok(Made::Denied(denial));
    }
    let theirs = choices_of(app, &standing).into_iter().find(|choice| choice.ground.group().is_some_and(|group| group.sid == chosen.group));
    let Some(choice) = theirs else {
        let mut entry = event_of(visit, identity, app.clock.now(), EventKind::SlipsMade, AuditOutcome::Refused, Denial::NoRelation.code());
        entry.actor = Some(standing.somebody(app, identity));
        log_denied(app, visit, &entry).await?;
        return Ok(Made::Denied(Denial::NoRelation));
    };
    let mut entry = event_of(visit, identity, app.clock.now(), EventKind::SlipsMade, AuditOutcome::Started, "");
    entry.actor = Some(standing.somebody(app, identity));
    entry.authority = Some(choice.ground.code());
    entry.note = Some(format!("{} accounts", chosen.targets.len().min(MOST)));
    drop(standing);
    app.audit.append(&entry).await?;
    let began = tokio::time::Instant::now();
    let time = Duration::from_secs(app.config.server.request_timeout_seconds) / 2;
    let slips = stream::iter(chosen.targets.iter().take(MOST).copied()).map(|target| async move {
        if began.elapsed() >= time {
            return Slip { name: String::new(), account_name: String::new(), outcome: Err(Missing::NoTime) };
        }
        match slip(app, visit, identity, target, chosen.attempt).await {
            Ok(slip) => slip,
            Err(fault) => {
                tracing::error!(error = %fault, "a slip could not be made");
                Slip { name: String::new(), account_name: String::new(), outcome: Err(Missing::Unknown) }
            }
        }
    });
    Ok(Made::Slips(choice.ground, slips.buffered(AT_ONCE).collect().await))
}

async fn slip(app: &Arc<App>, visit: &Visit, identity: &Identity, target: ObjectGuid, list: AttemptId) -> Result<Slip, Fault> {
    let mut standing = standing(app, identity).await?;
    let nobody = |refusal| Slip { name: String::new(), account_name: String::new(), outcome: Err(Missing::Refused(refusal)) };
    let Some(seen) = standing.look_at(app, identity, target).await? else { return Ok(nobody(Refusal::Denied(Denial::NoRelation))) };
    if let Err(denial) = standing.decide(app, &seen, crate::model::authority::Action::See) {
        return Ok(nobody(Refusal::Denied(denial)));
    }
    let (name, account_name) = (seen.account.name().to_owned(), seen.account.sam.clone());
    let with = |outcome| Slip { name: name.clone(), account_name: account_name.clone(), outcome };
    let policy = policy::in_force(app, &mut standing.pinned, &seen.account).await?;
    let usual = usual(app, &mut standing, &seen).await?;
    drop(standing);
    let Some(password) = propose(app, &policy, &seen.account, usual.ease)? else { return Ok(with(Err(Missing::NoProposal))) };
    // The same list sent again is the same attempt for each account.
    let attempt = AttemptId::from_random(app.keys.pseudonym(format!("{list} {target}").as_bytes()).into_bytes());
    let whose = Whose::Anothers { must_change: usual.must_change };
    let request = Request { target, attempt, current: None, new: password.clone(), whose };
    let answer = set_password::set(app, visit, identity, request).await?;
    Ok(with(match answer {
        Answer::Done | Answer::StillLocked => Ok(password),
        Answer::Refused(refusal) => Err(Missing::Refused(refusal)),
        Answer::Unknown => Err(Missing::Unknown),
        Answer::AlreadySent => Err(Missing::AlreadySent),
    }))
}
