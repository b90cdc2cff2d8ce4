//! Another's account: its state, what can be done about it and why not, and its history. Looking at it is logged.

use std::sync::Arc;

use jiff::SignedDuration;

use super::{Answer, Looked, Usual, counted, log_denied, log_nobody, propose, usual};
use crate::{
    app::App,
    audit,
    flow::{Fault, Visit, event_of, party_of, policy, to_its_end},
    model::{
        account::Account,
        audit::{AuditOutcome, EventKind},
        authority::{Action, Denial, Ground},
        guid::ObjectGuid,
        identity::Identity,
        password::Password,
        policy::{PasswordPolicy, Rule},
    },
};

/// Entries of the history that are shown.
const ENTRIES: u32 = 20;
/// How far back the history goes.
const PERIOD: SignedDuration = SignedDuration::from_hours(24 * 400);

/// What a helper sees.
#[derive(Debug)]
pub struct OtherView {
    /// As read now.
    pub account: Account,
    /// Why it is a matter of theirs.
    pub ground: Ground,
    /// What can be done about it, or why not.
    pub actions: Vec<(Action, Result<Ground, Denial>)>,
    /// Every rule for its next password.
    pub rules: Vec<Rule>,
    /// The same for a machine to judge by.
    pub policy: PasswordPolicy,
    /// What the form proposes.
    pub usual: Usual,
    /// Newest first; `None` where it is not theirs to see.
    pub history: Option<Vec<audit::Entry>>,
}

impl OtherView {
    /// May this be done?
    pub fn may(&self, action: Action) -> bool {
        self.actions.iter().any(|(of, allowed)| *of == action && allowed.is_ok())
    }

    /// A password that fits the account's policy; `None` where words can't.
    pub fn propose(&self, app: &App) -> Result<Option<Password>, Fault> {
        propose(app, &self.policy, &self.account, self.usual.ease)
    }

    /// Why a new password can't be set, nor a code given.
    pub fn hindrance(&self) -> Option<Denial> {
        let denied = |action| self.actions.iter().find(|(of, _)| *of == action).and_then(|(_, allowed)| allowed.as_ref().err().copied());
        match (denied(Action::SetPassword), denied(Action::IssueCode)) {
            (Some(first), Some(second)) => Some(if first == Denial::NotThisAction { second } else { first }),
            (None, _) | (_, None) => None,
        }
    }
}

/// What there is to show.
#[derive(Debug)]
pub enum Shown {
    /// The account.
    Account(Box<OtherView>),
    /// It is the person's own: it has a page of its own.
    Own,
    /// Not theirs to see, or they may not use the service.
    Denied(Denial),
}

impl Answer for Shown {
    fn denied(denial: Denial) -> Self {
        Self::Denied(denial)
    }

    fn denial(&self) -> Option<Denial> {
        match self {
            Self::Denied(denial) => Some(*denial),
            Self::Account(_) | Self::Own => None,
        }
    }
}

/// Reads the account for somebody who may act on it, and logs that they looked.
pub async fn show(app: &Arc<App>, visit: &Visit, identity: &Identity, target: ObjectGuid) -> Result<Shown, Fault> {
    let (app, visit, identity) = (app.clone(), visit.clone(), identity.clone());
    to_its_end(
        async move { counted(&app, &visit, &identity, EventKind::AccountSeen, Box::pin(look_at(&app, &visit, &identity, target))).await },
    )
    .await
}

async fn look_at(app: &App, visit: &Visit, identity: &Identity, target: ObjectGuid) -> Result<Shown, Fault> {
    let Looked { mut standing, seen, .. } = match super::look_at(app, visit, identity, EventKind::AccountSeen, target).await? {
        Ok(looked) => looked,
        Err(denial) => return Ok(Shown::Denied(denial)),
    };
    let Some(seen) = seen else {
        log_nobody(app, visit, identity, EventKind::AccountSeen).await?;
        return Ok(Shown::Denied(Denial::NoRelation));
    };
    let decided = standing.decide(app, &seen, Action::See);
    let now = app.clock.now();
    let (outcome, reason) = match &decided {
        Ok(Ground::Own) => return Ok(Shown::Own),
        Ok(_) => (AuditOutcome::Succeeded, ""),
        Err(denial) => (AuditOutcome::Refused, denial.code()),
    };
    let mut entry = event_of(visit, identity, now, EventKind::AccountSeen, outcome, reason);
    entry.target = Some(party_of(&seen.account));
    entry.target_cpr.clone_from(&seen.child);
    entry.controller = Some(standing.pinned.name().to_owned());
    entry.authority = decided.as_ref().ok().map(Ground::code);
    entry.actor = Some(match &decided {
        Ok(ground) => standing.party(app, identity, ground, target),
        Err(_) => standing.somebody(app, identity),
    });
    let ground = match decided {
        Ok(ground) => ground,
        Err(denial) => {
            log_denied(app, visit, &entry).await?;
            return Ok(Shown::Denied(denial));
        }
    };
    app.audit.append(&entry).await?;
    let actions = Action::ALL.into_iter().map(|action| (action, standing.decide(app, &seen, action))).collect();
    let policy = policy::in_force(app, &mut standing.pinned, &seen.account).await?;
    let usual = usual(app, &mut standing, &seen).await?;
    // A password that was set today can be set again today: the minimum age binds its owner only.
    let rules = policy.rules().into_iter().filter(|rule| !matches!(rule, Rule::MinAge(_))).collect();
    let sees_history = standing.sees_history(app, &seen);
    drop(standing); // with its connection
    let history = if sees_history { Some(app.audit.history_of(target, ENTRIES, now - PERIOD).await?) } else { None };
    Ok(Shown::Account(Box::new(OtherView { account: seen.account, ground, actions, rules, policy, usual, history })))
}
