//! The page of another person's account: its state, the allowed actions with the reasons for denials, and its history.
//! Each view is logged.

use std::sync::Arc;

use jiff::SignedDuration;

use crate::flow::delegation::{FormDefaults, MayDeny, TargetLookup, counted, log_denied, log_nobody, propose, usual};
use crate::{
    app::App,
    audit,
    flow::{FlowError, RequestContext, event_of, party_of, password_policy, run_to_completion},
    model::{
        account::Account,
        ad::guid::ObjectGuid,
        audit::{AuditOutcome, EventKind},
        authorization::{Action, Denial, Grant},
        credential::password::Password,
        identity::Identity,
        password_policy::{PasswordPolicy, PolicyRule},
    },
};

/// Entries of the history on the page.
const ENTRIES: u32 = 20;
/// Period of the history on the page.
const PERIOD: SignedDuration = SignedDuration::from_hours(24 * 400);

/// The account page of delegation.
#[derive(Debug)]
pub struct TargetView {
    /// The account as read now.
    pub account: Account,
    /// The grant to see the account.
    pub ground: Grant,
    /// Each action with its decision.
    pub actions: Vec<(Action, Result<Grant, Denial>)>,
    /// Every rule for its next password.
    pub rules: Vec<PolicyRule>,
    /// The policy in force, for suggestions.
    pub policy: PasswordPolicy,
    /// Defaults of the form.
    pub usual: FormDefaults,
    /// Newest first; `None` where the actor may not see the history.
    pub history: Option<Vec<audit::AuditEntry>>,
}

impl TargetView {
    /// Whether the action is allowed.
    pub fn may(&self, action: Action) -> bool {
        self.actions.iter().any(|(of, allowed)| *of == action && allowed.is_ok())
    }

    /// A passphrase suggestion that meets the account's policy; `None` where the words cannot meet it.
    pub fn propose(&self, app: &App) -> Result<Option<Password>, FlowError> {
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
pub enum TargetShown {
    Account(Box<TargetView>),
    /// The target is the actor's own account, which has its own page.
    Own,
    /// The actor may not see the account, or may not use the service.
    Denied(Denial),
}

impl MayDeny for TargetShown {
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
pub async fn show(app: &Arc<App>, visit: &RequestContext, identity: &Identity, target: ObjectGuid) -> Result<TargetShown, FlowError> {
    let (app, visit, identity) = (app.clone(), visit.clone(), identity.clone());
    run_to_completion(async move {
        counted(&app, &visit, &identity, EventKind::AccountViewed, Box::pin(look_at(&app, &visit, &identity, target))).await
    })
    .await
}

async fn look_at(app: &App, visit: &RequestContext, identity: &Identity, target: ObjectGuid) -> Result<TargetShown, FlowError> {
    let TargetLookup { mut standing, seen, .. } =
        match crate::flow::delegation::look_at(app, visit, identity, EventKind::AccountViewed, target).await? {
            Ok(looked) => looked,
            Err(denial) => return Ok(TargetShown::Denied(denial)),
        };
    let Some(seen) = seen else {
        log_nobody(app, visit, identity, EventKind::AccountViewed).await?;
        return Ok(TargetShown::Denied(Denial::NoRelation));
    };
    let decided = standing.authorize(app, &seen, Action::See);
    let now = app.clock.now();
    let (outcome, reason) = match &decided {
        Ok(Grant::Own) => return Ok(TargetShown::Own),
        Ok(_) => (AuditOutcome::Succeeded, ""),
        Err(denial) => (AuditOutcome::Refused, denial.code()),
    };
    let mut entry = event_of(visit, identity, now, EventKind::AccountViewed, outcome, reason);
    entry.target = Some(party_of(&seen.account));
    entry.target_cpr.clone_from(&seen.child);
    entry.controller = Some(standing.pinned.name().to_owned());
    entry.authority = decided.as_ref().ok().map(Grant::code);
    entry.actor = Some(match &decided {
        Ok(ground) => standing.party(app, identity, ground, target),
        Err(_) => standing.somebody(app, identity),
    });
    let ground = match decided {
        Ok(ground) => ground,
        Err(denial) => {
            log_denied(app, visit, identity, &entry).await?;
            return Ok(TargetShown::Denied(denial));
        }
    };
    app.audit.append(&entry).await?;
    let actions = Action::ALL.into_iter().map(|action| (action, standing.authorize(app, &seen, action))).collect();
    let policy = password_policy::in_force(app, &mut standing.pinned, &seen.account).await?;
    let usual = usual(app, &mut standing, &seen).await?;
    // The minimum age applies to changes by the owner only.
    let rules = policy.rules().into_iter().filter(|rule| !matches!(rule, PolicyRule::MinAge(_))).collect();
    let sees_history = standing.sees_history(app, &seen);
    drop(standing); // with its connection
    let history = if sees_history { Some(app.audit.history_of(target, ENTRIES, now - PERIOD).await?) } else { None };
    Ok(TargetShown::Account(Box::new(TargetView { account: seen.account, ground, actions, rules, policy, usual, history })))
}
