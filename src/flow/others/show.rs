//! The page of another person's account: its state, the allowed actions with the reasons for denials, and its history.
//! Each view is logged.

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

/// Entries of the history on the page.
const ENTRIES: u32 = 20;
/// Period of the history on the page.
const PERIOD: SignedDuration = SignedDuration::from_hours(24 * 400);

/// The account page of delegation.
#[derive(Debug)]
pub struct OtherView {
    /// The account as read now.
    pub account: Account,
    /// The grant to see the account.
    pub ground: Ground,
    /// Each action with its decision.
    pub actions: Vec<(Action, Result<Ground, Denial>)>,
    /// Every rule for its next password.
    pub rules: Vec<Rule>,
    /// The policy in force, for suggestions.
    pub policy: PasswordPolicy,
    /// Defaults of the form.
    pub usual: Usual,
    /// Newest first; `None` where the actor may not see the history.
    pub history: Option<Vec<audit::Entry>>,
}

impl OtherView {
    /// Whether the action is allowed.
    pub fn may(&self, action: Action) -> bool {
        self.actions.iter().any(|(of, allowed)| *of == action && allowed.is_ok())
    }

    /// A passphrase suggestion that meets the account's policy; `None` where the words cannot meet it.
    pub fn propose(&self, app: &App) -> Result<Option<Password>, Fault> {
        propose(app, &self.policy, &self.account, self.usual.ease)
    }

    /// The denial to show where the actor may neither set a password nor issue a code.
    pub fn hindrance(&self) -> Option<Denial> {
        let denied = |action| self.actions.iter().find(|(of, _)| *of == action).and_then(|(_, allowed)| allowed.as_ref().err().copied());
        match (denied(Action::SetPassword), denied(Action::IssueCode)) {
            (Some(first), Some(second)) => Some(if first == Denial::NotThisAction { second } else { first }),
            (None, _) | (_, None) => None,
        }
    }
}

/// The result of opening the page.
#[derive(Debug)]
pub enum Shown {
    Account(Box<OtherView>),
    /// The target is the actor's own account, which has its own page.
    Own,
    /// The actor may not see the account, or may not use the service.
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

/// Reads the account for the actor, and logs the view.
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
            log_denied(app, visit, identity, &entry).await?;
            return Ok(Shown::Denied(denial));
        }
    };
    app.audit.append(&entry).await?;
    let actions = Action::ALL.into_iter().map(|action| (action, standing.decide(app, &seen, action))).collect();
    let policy = policy::in_force(app, &mut standing.pinned, &seen.account).await?;
    let usual = usual(app, &mut standing, &seen).await?;
    // The minimum age applies to changes by the owner only.
    let rules = policy.rules().into_iter().filter(|rule| !matches!(rule, Rule::MinAge(_))).collect();
    let sees_history = standing.sees_history(app, &seen);
    drop(standing); // with its connection
    let history = if sees_history { Some(app.audit.history_of(target, ENTRIES, now - PERIOD).await?) } else { None };
    Ok(Shown::Account(Box::new(OtherView { account: seen.account, ground, actions, rules, policy, usual, history })))
}
