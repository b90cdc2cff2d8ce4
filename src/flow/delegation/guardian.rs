//! A parent's children and their accounts: read from the family service each time, matched by the rule of the provider
//! at which the parent has logged in.
//!
//! Invariant: the family service is asked only for a login with a CPR number at assurance level Substantial or higher.
//! Every other login has no children.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::flow::delegation::{
    context::{person, scope_of},
    denial::without_account,
};
use crate::limits::register_limit::FAMILY;
use crate::{
    app::App,
    clock,
    config::Parents,
    directory::ControllerSession,
    flow::{
        FlowError, RequestContext, event_of,
        self_service::{
            linked_accounts::{Registered, identity_leads_to, linked_by_identity},
            list::LinkedAccount,
        },
    },
    model::{
        account::Account,
        ad::guid::ObjectGuid,
        audit::{AuditOutcome, EventKind},
        authorization::{Denial, Grant},
        cpr::Cpr,
        identity::{Identity, ProviderLogin, claim::Claim, level::AssuranceLevel},
    },
    registers::{Child, Family},
    store::rate_limit::{Charge, ThrottleKey},
};

/// A child and its accounts that the parent can choose.
#[derive(Debug, Clone)]
pub struct OfChild {
    /// The child's name in the family service.
    pub name: String,
    /// Usable accounts within the scope of `[parents]`.
    pub accounts: Vec<LinkedAccount>,
}

/// The result of a request for a parent's children.
#[derive(Debug, Clone)]
pub enum Children {
    /// There is no family service, or the login has no CPR number.
    NotAsked,
    /// The assurance level of the login is below Substantial.
    TooWeak,
    /// The family service does not answer now.
    Unavailable,
    /// The rate limit of the family service is reached; the next request is possible at this time.
    TooOften(Timestamp),
    /// All children under the age limit, with an account or without.
    These(Vec<OfChild>),
}

/// The children of the actor as the family service lists them, each with the accounts that the registers name. AD
/// decides which accounts these are.
///
/// Invariant: the family service and the registers are asked while neither a connection to a controller nor a lock is
/// held. Each request counts against the rate limit of the person.
#[derive(Debug, Default)]
pub(crate) struct Household(Vec<(Child, Registered)>);

/// Why the family service was not asked.
#[derive(Debug)]
enum Unasked {
    /// The rate limit of the person is reached until this time.
    TooOften(Timestamp),
    /// The family service or a register failed.
    Fault(FlowError),
}

impl Household {
    /// A household without children, for paths on which parenthood plays no part.
    pub fn none() -> Self {
        Self::default()
    }

    /// Asks the family service because the target may be a child's account. `otherwise`: the actor may see the target
    /// by another grant. A person without children a short while ago is then taken to have none now, and a family
    /// service that fails or a reached rate limit does not stop the request.
    pub async fn ask(
        app: &App,
        visit: &RequestContext,
        identity: &Identity,
        kind: EventKind,
        otherwise: bool,
    ) -> Result<Result<Self, Denial>, FlowError> {
        if otherwise && app.register_limit.is_childless(person(app, identity).guid.into(), app.clock.now()) {
            return Ok(Ok(Self::none()));
        }
        match asked(app, identity).await {
            Ok(told) => Ok(Ok(told.map(|(_, household)| household).unwrap_or_default())),
            Err(Unasked::TooOften(_)) if otherwise => Ok(Ok(Self::none())),
            Err(Unasked::TooOften(until)) => {
                log_wait(app, visit, identity, kind, until).await?;
                Ok(Err(Denial::TooOften(until)))
            }
            Err(Unasked::Fault(fault)) if otherwise => {
                tracing::warn!(error = %fault, "family service failed; the request continues without parenthood");
                Ok(Ok(Self::none()))
            }
            Err(Unasked::Fault(fault)) => Err(fault),
        }
    }

    /// The child that the account belongs to, if any. Read from AD on the given controller session.
    pub async fn child_of(
        &self,
        app: &App,
        identity: &Identity,
        pinned: &mut ControllerSession,
        target: ObjectGuid,
    ) -> Result<Option<Cpr>, FlowError> {
        let Some((_, login, _)) = sure_parent(app, identity) else { return Ok(None) };
        for (child, registered) in &self.0 {
            if identity_leads_to(app, &as_child(login, child), registered, pinned, target).await? {
                return Ok(Some(child.cpr.clone()));
            }
        }
        Ok(None)
    }
}

/// Whether the family service would be asked for this login.
pub fn may_be_parent(app: &App, identity: &Identity) -> bool {
    sure_parent(app, identity).is_some()
}

/// Asks the family service for the children, and the registers for each child. `None`: there is no family service, or
/// the login does not qualify.
async fn asked<'a>(app: &'a App, identity: &'a Identity) -> Result<Option<(&'a ProviderLogin, Household)>, Unasked> {
    let Some((family, login, cpr)) = sure_parent(app, identity) else { return Ok(None) };
    let person = person(app, identity).guid;
    let now = app.clock.now();
    let count_attempt = app.rate_limits.count_attempt(&[(ThrottleKey::family(person), FAMILY)], now).await;
    match count_attempt.map_err(|error| Unasked::Fault(error.into()))? {
        Charge::Taken(_) => {}
        Charge::Wait(until) => return Err(Unasked::TooOften(until)),
    }
    let told = {
        let _turn = app.register_limit.turn(person.into()).await.ok_or(Unasked::Fault(FlowError::TooManyQuestions))?;
        family.children_of(cpr, clock::danish(now).date()).await.map_err(|fault| Unasked::Fault(fault.into()))?
    };
    app.register_limit.remember(person.into(), told.is_empty(), now);
    let mut household = Household::none();
    for child in told {
        let registered = Registered::of(app, &as_child(login, &child)).await.map_err(Unasked::Fault)?;
        household.0.push((child, registered));
    }
    Ok(Some((login, household)))
}

/// Logs a reached rate limit once for each client and delay.
async fn log_wait(app: &App, visit: &RequestContext, identity: &Identity, kind: EventKind, until: Timestamp) -> Result<(), FlowError> {
    if app.reported_delays.report_once(visit.client, until) {
        app.audit.append(&without_account(app, visit, identity, kind, Denial::TooOften(until))).await?;
    }
    Ok(())
}

/// Every child under the age limit with its usable accounts. The request is logged.
pub async fn children(app: &App, visit: &RequestContext, identity: &Identity) -> Result<Children, FlowError> {
    let Some((_, login, _)) = parent(app, identity) else { return Ok(Children::NotAsked) };
    if login.level < AssuranceLevel::Substantial {
        return Ok(Children::TooWeak);
    }
    let told = asked(app, identity).await;
    let (outcome, reason) = match &told {
        Ok(_) => (AuditOutcome::Succeeded, ""),
        Err(Unasked::TooOften(until)) => {
            log_wait(app, visit, identity, EventKind::ListViewed, *until).await?;
            return Ok(Children::TooOften(*until));
        }
        Err(Unasked::Fault(_)) => (AuditOutcome::Failed, "family_unavailable"),
    };
    let mut entry = event_of(visit, identity, app.clock.now(), EventKind::ListViewed, outcome, reason);
    entry.actor = Some(person(app, identity));
    entry.authority = Some(Grant::Parent.code());
    app.audit.append(&entry).await?;
    let household = match told {
        Ok(told) => told.map(|(_, household)| household).unwrap_or_default(),
        Err(Unasked::TooOften(_)) => return Ok(Children::Unavailable),
        Err(Unasked::Fault(fault)) => {
            tracing::error!(error = %fault, "children could not be read from the family service");
            return Ok(Children::Unavailable);
        }
    };
    let now = app.clock.now();
    let mut children = Vec::with_capacity(household.0.len());
    for (child, registered) in household.0 {
        let (mut accounts, mut pinned) = match linked_by_identity(app, &as_child(login, &child), &registered).await? {
            Some(found) => found,
            None => (Vec::new(), app.directory.any().await?),
        };
        accounts.retain(|account| account.usable(now));
        if let Some(parents) = app.config.parents.as_ref().filter(|parents| !parents.every_account()) {
            accounts = within(app, parents, &mut pinned, accounts).await?;
        }
        let listed = |account: Account| LinkedAccount { guid: account.guid, name: account.name().to_owned(), account_name: account.sam };
        children.push(OfChild { accounts: accounts.into_iter().map(listed).collect(), name: child.name });
    }
    Ok(Children::These(children))
}

/// The accounts that are in the scope of `[parents]`.
async fn within(app: &App, parents: &Parents, pinned: &mut ControllerSession, accounts: Vec<Account>) -> Result<Vec<Account>, FlowError> {
    let groups: Vec<&str> = parents.groups.iter().map(String::as_str).collect();
    let known = if groups.is_empty() { HashMap::new() } else { app.directory.group_sids(pinned, &groups).await? };
    let scope = scope_of(false, &parents.units, &parents.groups, &known);
    let mut held = Vec::with_capacity(accounts.len());
    for account in accounts {
        // A list of accounts comes without group memberships: each account is read by itself.
        let account = if groups.is_empty() { Some(account) } else { app.directory.account_again(pinned, account.guid).await? };
        held.extend(account.filter(|account| scope.holds(account)));
    }
    Ok(held)
}

/// The family service, the login and its CPR number, where the assurance level is high enough.
fn sure_parent<'a>(app: &'a App, identity: &'a Identity) -> Option<(&'a Family, &'a ProviderLogin, &'a Cpr)> {
    parent(app, identity).filter(|(_, login, _)| login.level >= AssuranceLevel::Substantial)
}

fn parent<'a>(app: &'a App, identity: &'a Identity) -> Option<(&'a Family, &'a ProviderLogin, &'a Cpr)> {
    let (family, login) = (app.family.as_ref()?, identity.provider()?);
    match &login.claim {
        Claim::Cpr(cpr) => Some((family, login, cpr)),
        Claim::AccountName(_) | Claim::Upn(_) | Claim::Email(_) | Claim::ObjectGuid(_) | Claim::ObjectSid(_) | Claim::UniloginId(_) => None,
    }
}

/// The login as the child's: the child's accounts are found by the same provider's rule.
fn as_child(login: &ProviderLogin, child: &Child) -> ProviderLogin {
    ProviderLogin { claim: Claim::Cpr(child.cpr.clone()), ..login.clone() }
}
