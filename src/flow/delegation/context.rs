//! The facts of one authorization decision: the actor, the authorization policy with its groups as SIDs, and the
//! target, all read from one controller.

use std::collections::HashMap;

use uuid::Uuid;
use zeroize::Zeroize;

use crate::flow::delegation::{
    guardian::Household,
    teacher::{classes, teaches},
};
use crate::{
    app::App,
    config::{Config, Helpdesk},
    directory::{ControllerSession, Directory},
    flow::{
        FlowError, party_of,
        self_service::linked_accounts::{Registered, linked, linked_by_identity},
        set_password::assurance,
        sign_in::local_account,
    },
    model::{
        account::Account,
        ad::{guid::ObjectGuid, sid::Sid},
        audit::Party,
        authorization::{
            self, AccountScope, Action, Actor, AuthorizationPolicy, Denial, Grant, HelpdeskRule, Prohibitions, Target, UnreadableRule,
        },
        cpr::Cpr,
        credential::local_account::Role,
        identity::{Identity, Proof, ProviderLogin, level::AssuranceLevel},
    },
};

/// The actor and the authorization policy.
#[derive(Debug)]
pub(crate) struct DelegationContext {
    pub actor: Actor,
    pub rules: AuthorizationPolicy,
    pub pinned: ControllerSession,
}

/// The target as read now.
#[derive(Debug)]
pub(crate) struct TargetReading {
    pub account: Account,
    pub needed: AssuranceLevel,
    /// CPR number of the actor's child to whom the account belongs. Read only where no other grant covers the account.
    pub child: Option<Cpr>,
    pub teaches: Result<bool, UnreadableRule>,
}

/// Reads the actor and the policy, or returns the denial that excludes this login from all delegation. A missing group
/// makes a denying rule unreadable and an allowing rule void.
pub(crate) async fn standing(app: &App, identity: &Identity) -> Result<Result<DelegationContext, Denial>, FlowError> {
    standing_with(app, identity, &Registered::ask(app, identity).await?).await
}

/// Like [`standing`], with answers that the registers have given before.
pub(crate) async fn standing_with(
    app: &App,
    identity: &Identity,
    registered: &Registered,
) -> Result<Result<DelegationContext, Denial>, FlowError> {
    let (mut accounts, mut pinned) = accounts_of(app, identity, registered).await?;
    // The login has proven a password that is no longer the account's. A change made here outdates it too.
    if accounts.iter().any(|account| identity.is_outlived_by(account)) {
        return Ok(Err(Denial::PasswordChangedSince));
    }
    // Based on pwdLastSet: where a password never expires, AD asks for no new one, and the administrator who has set it
    // still knows it.
    let first_an_own_password = |account: &Account| account.password.last_set_ticks == 0;
    match &identity.proof {
        Proof::Code { .. } => accounts.clear(), // a code is good for its own account only
        // The administrator who has set that password knows it too.
        Proof::AdPassword { .. } if accounts.iter().any(first_an_own_password) => accounts.clear(),
        Proof::AdPassword { .. } | Proof::Provider(_) | Proof::Local { .. } => {}
    }
    let helpdesk_role = works_at_helpdesks(app, identity).await?;
    let mut others = Vec::new();
    for account in &accounts {
        others.extend(linked(app, &mut pinned, account).await?);
    }
    let actor = Actor { accounts, linked: others, helpdesk_role, level: level_of(app, identity), at: identity.at };
    let rules = rules(&app.config, &app.directory, &mut pinned, &actor).await?;
    Ok(Ok(DelegationContext { actor, rules, pinned }))
}

/// SIDs of the groups whose members may not use the service; `None` where there is no such rule.
pub(crate) async fn barring(app: &App, pinned: &mut ControllerSession) -> Result<Option<Prohibitions>, FlowError> {
    let groups = &app.config.delegation.blocked_groups;
    if groups.is_empty() {
        return Ok(None);
    }
    let names: Vec<&str> = groups.iter().map(String::as_str).collect();
    let known = app.directory.group_sids(pinned, &names).await?;
    Ok(Some(denying(groups, &known)))
}

/// Decides on the actions of an actor who is not logged in now: for codes that the actor has issued before.
pub(crate) async fn judge_of(
    app: &App,
    pinned: &mut ControllerSession,
    actor: &Actor,
    account: &Account,
    action: Action,
) -> Result<Result<Grant, Denial>, FlowError> {
    let now = app.clock.now();
    let rules = rules(&app.config, &app.directory, pinned, actor).await?;
    if let Some(denial) = authorization::code_forbidden(&rules, account, now) {
        return Ok(Err(denial));
    }
    let mut facts = Target { account, needed: AssuranceLevel::None, child: false, teaches: Ok(false) };
    if authorization::asks_who_teaches(&rules, actor, &facts, now) {
        facts.teaches = teaches(&app.config, &app.directory, pinned, account).await?;
    }
    Ok(authorization::authorize(&rules, actor, &facts, action, now))
}

/// The ids under which audit entries name this person as an actor.
pub(crate) async fn actors(app: &App, identity: &Identity) -> Result<Vec<ObjectGuid>, FlowError> {
    let (accounts, _) = accounts_of(app, identity, &Registered::ask(app, identity).await?).await?;
    Ok(accounts.iter().map(|account| account.guid).chain([person(app, identity).guid]).collect())
}

/// Every account of the person with its groups, unusable accounts included.
async fn accounts_of(app: &App, identity: &Identity, registered: &Registered) -> Result<(Vec<Account>, ControllerSession), FlowError> {
    match &identity.proof {
        Proof::AdPassword { account, .. } | Proof::Code { account, .. } => {
            let (account, pinned) = app.directory.account((*account).into()).await?;
            Ok((account.into_iter().collect(), pinned))
        }
        Proof::Provider(login) => {
            let Some((found, mut pinned)) = linked_by_identity(app, login, registered).await? else {
                return Ok((Vec::new(), app.directory.any().await?));
            };
            let mut accounts = Vec::with_capacity(found.len());
            for account in found {
                accounts.extend(app.directory.account_again(&mut pinned, account.guid).await?);
            }
            Ok((accounts, pinned))
        }
        Proof::Local { .. } => Ok((Vec::new(), app.directory.any().await?)),
    }
}

/// Whether the login is a local account with the helpdesk role whose account is unchanged since the login.
async fn works_at_helpdesks(app: &App, identity: &Identity) -> Result<bool, FlowError> {
    let account = local_account::current(app, identity).await?;
    Ok(account.is_some_and(|account| account.roles.contains(&Role::Helpdesk)))
}

pub(crate) fn level_of(app: &App, identity: &Identity) -> AssuranceLevel {
    match &identity.proof {
        Proof::AdPassword { .. } => app.config.delegation.ad_password_level,
        Proof::Code { .. } => AssuranceLevel::None,
        Proof::Provider(login) => login.level,
        Proof::Local { level, .. } => app.config.local_accounts.level.min(*level),
    }
}

/// The part of the authorization policy that concerns the actor.
pub(crate) async fn rules(
    config: &Config,
    directory: &Directory,
    pinned: &mut ControllerSession,
    actor: &Actor,
) -> Result<AuthorizationPolicy, FlowError> {
    let (codes, auditors, parents) = (config.codes.enabled, &config.audit.auditors, &config.parents);
    let config = &config.delegation;
    let children = parents.iter().flat_map(|parents| &parents.groups);
    let names = config.named().map(|(name, _)| name).chain(auditors.iter().chain(children).map(String::as_str));
    let known = directory.group_sids(pinned, &names.collect::<Vec<_>>()).await?;
    let circles = config.circles.as_ref();
    let admins = denying(circles.map(|circles| &circles.admins), &known);
    let master_admins = denying(circles.and_then(|circles| circles.master_admins.as_ref()), &known);
    let is_admin = |groups: &Prohibitions| groups.as_ref().is_ok_and(|groups| actor.accounts.iter().any(|own| own.is_in_any(groups)));
    let sids: Vec<Sid> = actor.accounts.iter().flat_map(|own| own.groups.iter().cloned()).collect();
    let circles_of_actor = match circles {
        Some(circles) if is_admin(&admins) || is_admin(&master_admins) => {
            let mut below = directory.groups_below(pinned, &circles.ou, &sids).await?;
            // Without this, the admins' group itself would be a circle that every admin shares.
            let themselves: Vec<&Sid> = [&admins, &master_admins].into_iter().flatten().flatten().collect();
            below.retain(|circle| !themselves.contains(&&circle.sid));
            below
        }
        Some(_) | None => Vec::new(),
    };
    Ok(AuthorizationPolicy {
        cannot_use: denying(&config.blocked_groups, &known),
        closed_to_others: denying(&config.excluded_groups, &known),
        protected: denying(&config.protected_groups, &known),
        admins,
        master_admins,
        circles: circles_of_actor,
        codes,
        admins_give_codes: circles.is_some_and(|circles| circles.codes),
        classes: classes(&config.teachers, directory, pinned, &known, &sids).await?,
        parents: parents
            .as_ref()
            .map_or(AccountScope::Everybody, |parents| scope_of(parents.every_account(), &parents.units, &parents.groups, &known)),
        desks: config.helpdesks.iter().map(|desk| desk_of(desk, &known)).collect(),
        staff_known: denying(config.helpdesks.iter().filter_map(|desk| desk.group.as_ref()).chain(auditors), &known).map(|_| ()),
        auditors: auditors.iter().filter_map(|name| known.get(name).cloned()).collect(),
        max_age: config.max_age,
    })
}

/// SIDs of all the groups. Unreadable as soon as one is missing.
fn denying<'a>(names: impl IntoIterator<Item = &'a String>, known: &HashMap<String, Sid>) -> Prohibitions {
    let sid = |name: &String| {
        let sid = known.get(name).cloned();
        if sid.is_none() {
            tracing::error!(
                group = name.as_str(),
                "group of [delegation] or audit.auditors not found; delegation is denied; run `os2nykode check`"
            );
        }
        sid.ok_or(UnreadableRule)
    };
    names.into_iter().map(sid).collect()
}

fn desk_of(desk: &Helpdesk, known: &HashMap<String, Sid>) -> HelpdeskRule {
    HelpdeskRule {
        id: desk.id.clone(),
        group: desk.group.as_ref().and_then(|name| known.get(name).cloned()),
        local_accounts: desk.local_accounts,
        scope: scope_of(desk.everybody, &desk.units, &desk.groups, known),
        set_password: desk.set_password,
    }
}

pub(crate) fn scope_of(everybody: bool, units: &[String], groups: &[String], known: &HashMap<String, Sid>) -> AccountScope {
    if everybody {
        return AccountScope::Everybody;
    }
    AccountScope::Some { units: units.to_vec(), groups: groups.iter().filter_map(|name| known.get(name).cloned()).collect() }
}

impl TargetReading {
    fn facts(&self) -> Target<'_> {
        Target { account: &self.account, needed: self.needed, child: self.child.is_some(), teaches: self.teaches }
    }
}

impl DelegationContext {
    /// Reads the target with all facts for a decision. `None`: the account is gone, belongs to no person, or is outside
    /// the served units.
    pub async fn look_at(
        &mut self,
        app: &App,
        identity: &Identity,
        target: ObjectGuid,
        household: &Household,
    ) -> Result<Option<TargetReading>, FlowError> {
        let Some(account) = app.directory.account_again(&mut self.pinned, target).await? else { return Ok(None) };
        let needed = assurance::needed(&app.config, &app.directory, &mut self.pinned, &account).await?.level;
        let mut seen = TargetReading { account, needed, child: None, teaches: Ok(false) };
        seen.child = household.child_of(app, identity, &mut self.pinned, target).await?;
        if authorization::asks_who_teaches(&self.rules, &self.actor, &seen.facts(), app.clock.now()) {
            seen.teaches = teaches(&app.config, &app.directory, &mut self.pinned, &seen.account).await?;
        }
        Ok(Some(seen))
    }

    /// Whether parenthood would allow more. If not, the family service, a slow external service, is not asked.
    pub fn parenthood_matters(&self, app: &App, seen: &TargetReading) -> bool {
        authorization::parenthood_matters(&self.rules, &self.actor, &seen.facts(), app.clock.now())
    }

    /// Whether the actor may see the target's history.
    pub fn sees_history(&self, app: &App, seen: &TargetReading) -> bool {
        authorization::sees_history(&self.rules, &self.actor, &seen.facts(), app.clock.now())
    }

    /// Whether the account is one of the actor's own.
    pub fn owns(&self, target: ObjectGuid) -> bool {
        self.actor.accounts.iter().any(|own| own.guid == target)
    }

    /// Whether the account is within the scope of a helpdesk that the actor works at.
    pub fn helps(&self, app: &App, account: &Account) -> bool {
        authorization::desks_of(&self.rules, &self.actor, app.clock.now()).iter().any(|desk| desk.scope.holds(account))
    }

    /// Whether the actor may read audit entries about the target, as a helpdesk.
    pub fn reads_log_of(&self, app: &App, seen: &TargetReading) -> bool {
        authorization::reads_log_of(&self.rules, &self.actor, &seen.facts(), app.clock.now())
    }

    /// The authorization decision.
    pub fn authorize(&self, app: &App, seen: &TargetReading, action: Action) -> Result<Grant, Denial> {
        authorization::authorize(&self.rules, &self.actor, &seen.facts(), action, app.clock.now())
    }

    /// The actor in an audit entry about an attempt without a grant.
    pub fn somebody(&self, app: &App, identity: &Identity) -> Party {
        self.actor.accounts.first().map_or_else(|| person(app, identity), party_of)
    }

    /// The actor in an audit entry about a granted action.
    pub fn party(&self, app: &App, identity: &Identity, ground: &Grant, target: ObjectGuid) -> Party {
        let acting = authorization::acting_as(&self.rules, &self.actor, ground, target, app.clock.now());
        acting.map_or_else(|| if *ground == Grant::Parent { person(app, identity) } else { self.somebody(app, identity) }, party_of)
    }
}

/// A person without an account. The id is a keyed pseudonym: the same at each visit, and outsiders cannot compute it.
pub(crate) fn person(app: &App, identity: &Identity) -> Party {
    let mut key = match &identity.proof {
        Proof::Local { id, account_name, .. } => {
            return Party { guid: (*id).into(), account_name: account_name.clone(), name: identity.name.clone() };
        }
        Proof::AdPassword { account, .. } | Proof::Code { account, .. } => account.as_bytes().to_vec(),
        Proof::Provider(login) => {
            return Party { guid: person_of(app, login).into(), account_name: String::new(), name: identity.name.clone() };
        }
    };
    let guid = app.keys.pseudonym(&key).into();
    key.zeroize();
    Party { guid, account_name: String::new(), name: identity.name.clone() }
}

/// The pseudonym of a login at a provider.
pub(crate) fn person_of(app: &App, login: &ProviderLogin) -> Uuid {
    let mut key = [login.provider.as_str().as_bytes(), b" ", &login.claim.key()].concat();
    let person = app.keys.pseudonym(&key);
    key.zeroize(); // may contain a CPR number
    person
}
