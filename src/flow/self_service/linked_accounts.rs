//! Linked accounts: the AD accounts that a login may act on as its own, read from AD for the account in the request, at
//! every use.
//!
//! Invariants:
//! - A claim of a provider is matched by that provider's own rule only.
//! - An account that another register names for a CPR number counts only if AD has exactly one such account, and only
//!   if all registers could be asked.
//! - The registers are asked while neither a connection to a controller nor a lock is held.

use std::collections::BTreeSet;

use crate::flow::{FlowError, delegation, one_time_code};
use crate::{
    app::App,
    directory::ControllerSession,
    model::{
        account::{Account, reference::AccountRef},
        ad::guid::ObjectGuid,
        authorization::Denial,
        identity::{
            Identity, Proof, ProviderLogin,
            claim::{Claim, ClaimKind, Match},
        },
    },
};

/// Authorization of a login on one account.
#[derive(Debug)]
pub(crate) enum LinkedAccounts {
    /// The account is the person's own, as read now, with its groups.
    Yes(Box<(Account, ControllerSession)>),
    /// The account is the person's own, but this login may not act on it.
    Denied(Denial),
    /// The account is the person's own, but disabled, expired, deleted or not served.
    NotUsable,
    /// The account is not the person's own.
    No,
}

/// The accounts that the registers name for a login.
///
/// Invariant: registers are slow external services. They are asked before a connection to a controller or a lock is
/// taken, and a person has only a few requests to them in parallel.
#[derive(Debug, Default)]
pub(crate) struct Registered(Vec<AccountRef>);

impl Registered {
    /// Asks all registers. A login without a CPR number asks none.
    pub(crate) async fn ask(app: &App, identity: &Identity) -> Result<Self, FlowError> {
        match &identity.proof {
            Proof::Provider(login) => Self::of(app, login).await,
            Proof::AdPassword { .. } | Proof::Code { .. } | Proof::Local { .. } => Ok(Self::default()),
        }
    }

    /// Like [`Registered::ask`], for a login that has no identity yet.
    pub(crate) async fn of(app: &App, login: &ProviderLogin) -> Result<Self, FlowError> {
        let Claim::Cpr(cpr) = &login.claim else { return Ok(Self::default()) };
        if app.registers.is_empty() {
            return Ok(Self::default());
        }
        let _turn = app.register_limit.turn(delegation::person_of(app, login)).await.ok_or(FlowError::TooManyQuestions)?;
        Ok(Self(app.registers.accounts_of(cpr).await?))
    }
}

/// Reads the account and decides whether this login owns it.
pub(crate) async fn own(app: &App, identity: &Identity, registered: &Registered, target: ObjectGuid) -> Result<LinkedAccounts, FlowError> {
    let (account, pinned) = match &identity.proof {
        Proof::AdPassword { account, .. } | Proof::Code { account, .. } if ObjectGuid::from(*account) == target => {
            app.directory.account(target).await?
        }
        Proof::AdPassword { .. } | Proof::Code { .. } | Proof::Local { .. } => return Ok(LinkedAccounts::No),
        Proof::Provider(login) => match theirs(app, login, registered, target).await? {
            Some(found) => found,
            None => return Ok(LinkedAccounts::No),
        },
    };
    let Some(account) = account.filter(|account| account.usable(app.clock.now())) else { return Ok(LinkedAccounts::NotUsable) };
    let mut pinned = pinned;
    let closed = match &identity.proof {
        // The issuer of the code has let them in: an account closed to the issuer is closed to the code too.
        Proof::Code { code, .. } => one_time_code::forbidden(app, &mut pinned, &account, *code).await?,
        Proof::AdPassword { .. } | Proof::Provider(_) | Proof::Local { .. } => None,
    };
    Ok(match closed {
        Some(denial) => LinkedAccounts::Denied(denial),
        None if bars(app, identity, registered, &mut pinned, &account).await? => LinkedAccounts::Denied(Denial::Barred),
        None => LinkedAccounts::Yes(Box::new((account, pinned))),
    })
}

/// Whether the person is in a group whose members may not use the service. Checks every account of the person on the
/// given controller session: a second connection held beside the first could be the last one of the pool.
async fn bars(
    app: &App,
    identity: &Identity,
    registered: &Registered,
    pinned: &mut ControllerSession,
    account: &Account,
) -> Result<bool, FlowError> {
    let Some(denying) = delegation::barring(app, pinned).await? else { return Ok(false) };
    let Ok(groups) = denying else { return Ok(true) };
    if account.is_in_any(&groups) {
        return Ok(true);
    }
    if linked(app, pinned, account).await?.iter().any(|other| other.is_in_any(&groups)) {
        return Ok(true);
    }
    let Proof::Provider(login) = &identity.proof else { return Ok(false) };
    for other in linked_by_identity_on(app, login, registered, pinned).await? {
        if other.guid != account.guid
            && app.directory.account_again(pinned, other.guid).await?.is_some_and(|other| other.is_in_any(&groups))
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The owner's other accounts, with their groups: those with the same CPR number in AD, by the attributes that
/// providers match CPR numbers with. Read only where a rule bars groups from the service; nothing else needs them.
pub(crate) async fn linked(app: &App, pinned: &mut ControllerSession, account: &Account) -> Result<Vec<Account>, FlowError> {
    if app.config.delegation.blocked_groups.is_empty() {
        return Ok(Vec::new());
    }
    let by_number = app.config.providers().filter(|provider| provider.match_by == ClaimKind::Cpr);
    let attributes: BTreeSet<String> = by_number.filter_map(|provider| provider.match_attribute.clone()).collect();
    let mut linked: Vec<Account> = Vec::new();
    for attribute in attributes {
        let Some(cpr) = app.directory.cpr_of(pinned, account.guid, &attribute).await? else { continue };
        for other in app.directory.matching_again(pinned, &Match { attribute, claim: Claim::Cpr(cpr) }).await? {
            if other.guid != account.guid && linked.iter().all(|known| known.guid != other.guid) {
                linked.extend(app.directory.account_again(pinned, other.guid).await?);
            }
        }
    }
    Ok(linked)
}

/// Whether the account belongs to this login, usable or not. For the rate limit only: writes are authorized by [`own`].
pub(crate) async fn owns(app: &App, identity: &Identity, registered: &Registered, target: ObjectGuid) -> Result<bool, FlowError> {
    Ok(match &identity.proof {
        Proof::AdPassword { account, .. } | Proof::Code { account, .. } => ObjectGuid::from(*account) == target,
        Proof::Provider(_) => !matches!(own(app, identity, registered, target).await?, LinkedAccounts::No),
        Proof::Local { .. } => false,
    })
}

/// Every usable account that a provider's login leads to, without groups, in the order of their names.
pub(crate) async fn all_of(app: &App, login: &ProviderLogin) -> Result<Vec<Account>, FlowError> {
    let registered = Registered::of(app, login).await?;
    let Some((mut accounts, _)) = linked_by_identity(app, login, &registered).await? else { return Ok(Vec::new()) };
    let now = app.clock.now();
    accounts.retain(|account| account.usable(now));
    Ok(accounts)
}

/// Every account that a login leads to, usable or not, without groups, in the order of their names: by the attribute in
/// AD, and for a CPR number also by the registers. `None`: the provider's rule does not apply any more.
pub(crate) async fn linked_by_identity(
    app: &App,
    login: &ProviderLogin,
    registered: &Registered,
) -> Result<Option<(Vec<Account>, ControllerSession)>, FlowError> {
    let Some(rule) = rule(app, login) else { return Ok(None) };
    let references = &registered.0;
    let by_attribute = match rule {
        MatchRule::Attribute(by) => Some(app.directory.matching(&by).await?),
        MatchRule::RegistersOnly => None,
    };
    let (accounts, mut pinned) = match by_attribute {
        Some(found) => found,
        None => (Vec::new(), app.directory.any().await?),
    };
    let named = if references.is_empty() { Vec::new() } else { app.directory.accounts_named_again(&mut pinned, references).await? };
    Ok(Some((together(accounts, named), pinned)))
}

/// Like [`linked_by_identity`], on the given controller session.
async fn linked_by_identity_on(
    app: &App,
    login: &ProviderLogin,
    registered: &Registered,
    pinned: &mut ControllerSession,
) -> Result<Vec<Account>, FlowError> {
    let Some(rule) = rule(app, login) else { return Ok(Vec::new()) };
    let references = &registered.0;
    let accounts = match rule {
        MatchRule::Attribute(by) => app.directory.matching_again(pinned, &by).await?,
        MatchRule::RegistersOnly => Vec::new(),
    };
    let named = if references.is_empty() { Vec::new() } else { app.directory.accounts_named_again(pinned, references).await? };
    Ok(together(accounts, named))
}

/// Each account once, in the order of their names.
fn together(mut accounts: Vec<Account>, named: Vec<Account>) -> Vec<Account> {
    for account in named {
        if accounts.iter().all(|known| known.guid != account.guid) {
            accounts.push(account);
        }
    }
    accounts.sort_by(|a, b| a.sam.cmp(&b.sam));
    accounts
}

/// Whether the login leads to the account, read now on the given controller session.
pub(crate) async fn identity_leads_to(
    app: &App,
    login: &ProviderLogin,
    registered: &Registered,
    pinned: &mut ControllerSession,
    target: ObjectGuid,
) -> Result<bool, FlowError> {
    Ok(linked_by_identity_on(app, login, registered, pinned).await?.iter().any(|account| account.guid == target))
}

/// The account with its groups, if the login leads to it, read now. The account itself may be deleted since.
async fn theirs(
    app: &App,
    login: &ProviderLogin,
    registered: &Registered,
    target: ObjectGuid,
) -> Result<Option<(Option<Account>, ControllerSession)>, FlowError> {
    let Some(rule) = rule(app, login) else { return Ok(None) };
    if let MatchRule::Attribute(by) = rule {
        let (account, pinned) = app.directory.account_matching(target, &by).await?;
        if account.is_some() {
            return Ok(Some((account, pinned)));
        }
    }
    if registered.0.is_empty() {
        return Ok(None);
    }
    let (named, mut pinned) = app.directory.accounts_named(&registered.0).await?;
    if named.iter().all(|account| account.guid != target) {
        return Ok(None);
    }
    let account = app.directory.account_again(&mut pinned, target).await?;
    Ok(Some((account, pinned)))
}

/// How a provider's logins are matched with accounts.
enum MatchRule {
    /// By an attribute in AD.
    Attribute(Match),
    /// Without AD: by the accounts that the registers name for a CPR number.
    RegistersOnly,
}

/// The provider's rule, if the provider is still configured for this kind of claim.
fn rule(app: &App, login: &ProviderLogin) -> Option<MatchRule> {
    let provider = app.config.provider(&login.provider).filter(|provider| provider.match_by == login.claim.kind())?;
    Some(match provider.match_attribute.clone() {
        Some(attribute) => MatchRule::Attribute(Match { attribute, claim: login.claim.clone() }),
        None => MatchRule::RegistersOnly,
    })
}
