//! Which accounts a login may act on as its own: computed from AD, for the account in the request, at every use.
//!
//! Invariants: what a provider has proven is matched by that provider's own rule and by no other; what another register names for a CPR number counts as far as
//! AD has exactly one such account, and only where all registers could be asked; they are asked while neither a
//! connection nor a lock is held.

use std::collections::BTreeSet;

use super::{Fault, codes, others};
use crate::{
    app::App,
    directory::Pinned,
    model::{
        account::Account,
        account_ref::AccountRef,
        authority::Denial,
        claim::{Claim, ClaimKind, Match},
        guid::ObjectGuid,
        identity::{Identity, Proof, ProviderLogin},
    },
};

/// What a login may do with one account.
#[derive(Debug)]
pub(super) enum Own {
    /// It is theirs, as read now, with its groups.
    Yes(Box<(Account, Pinned)>),
    /// It is theirs, but this login may not act on it.
    Denied(Denial),
    /// It is theirs, but disabled, expired, gone or not served.
    NotUsable,
    /// It is not theirs.
    No,
}

/// What the registers call the accounts of whoever has logged in.
///
/// Invariant: registers are slow and not ours. They are asked before a connection to a controller is taken, and before any lock, and a person waits for a few at
/// once.
#[derive(Debug, Default)]
pub(super) struct Registered(Vec<AccountRef>);

impl Registered {
    /// Asks all registers; nobody for a login without a CPR number.
    pub(super) async fn ask(app: &App, identity: &Identity) -> Result<Self, Fault> {
        match &identity.proof {
            Proof::Provider(login) => Self::of(app, login).await,
            Proof::AdPassword { .. } | Proof::Code { .. } | Proof::Local { .. } => Ok(Self::default()),
        }
    }

    /// The same for a login that is not anybody's yet.
    pub(super) async fn of(app: &App, login: &ProviderLogin) -> Result<Self, Fault> {
        let Claim::Cpr(cpr) = &login.claim else { return Ok(Self::default()) };
        if app.people.is_empty() {
            return Ok(Self::default());
        }
        let _turn = app.outside.turn(others::person_of(app, login)).await.ok_or(Fault::TooManyQuestions)?;
        Ok(Self(app.people.accounts_of(cpr).await?))
    }
}

/// Reads the account and says whether this login owns it.
pub(super) async fn own(app: &App, identity: &Identity, registered: &Registered, target: ObjectGuid) -> Result<Own, Fault> {
    let (account, pinned) = match &identity.proof {
        Proof::AdPassword { account, .. } | Proof::Code { account, .. } if ObjectGuid::from(*account) == target => {
            app.directory.account(target).await?
        }
        Proof::AdPassword { .. } | Proof::Code { .. } | Proof::Local { .. } => return Ok(Own::No),
        Proof::Provider(login) => match theirs(app, login, registered, target).await? {
            Some(found) => found,
            None => return Ok(Own::No),
        },
    };
    let Some(account) = account.filter(|account| account.usable(app.clock.now())) else { return Ok(Own::NotUsable) };
    let mut pinned = pinned;
    let closed = match &identity.proof {
        // A helper has let them in: what the helper may not act on, they may not either.
        Proof::Code { code, .. } => codes::forbidden(app, &mut pinned, &account, *code).await?,
        Proof::AdPassword { .. } | Proof::Provider(_) | Proof::Local { .. } => None,
    };
    Ok(match closed {
        Some(denial) => Own::Denied(denial),
        None if bars(app, identity, registered, &mut pinned, &account).await? => Own::Denied(Denial::Barred),
        None => Own::Yes(Box::new((account, pinned))),
    })
}

/// Is the person in a group that never uses the service? By every account of theirs, all on the connection at hand: a second one, held beside the first,
/// could be the last that there is.
async fn bars(app: &App, identity: &Identity, registered: &Registered, pinned: &mut Pinned, account: &Account) -> Result<bool, Fault> {
    let Some(denying) = others::barring(app, pinned).await? else { return Ok(false) };
    let Ok(groups) = denying else { return Ok(true) };
    if account.is_in_any(&groups) {
        return Ok(true);
    }
    if linked(app, pinned, account).await?.iter().any(|other| other.is_in_any(&groups)) {
        return Ok(true);
    }
    let Proof::Provider(login) = &identity.proof else { return Ok(false) };
    for other in led_to_on(app, login, registered, pinned).await? {
        if other.guid != account.guid
            && app.directory.account_again(pinned, other.guid).await?.is_some_and(|other| other.is_in_any(&groups))
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The other accounts of whoever owns this one, with their groups: those that AD gives the same CPR number, by the attributes that logins with one are matched
/// by. Only where somebody may be barred, since nothing else hangs on it.
pub(super) async fn linked(app: &App, pinned: &mut Pinned, account: &Account) -> Result<Vec<Account>, Fault> {
    if app.config.authority.cannot_use_the_service.is_empty() {
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

/// Does the account belong to this login, usable or not? For counting tries only: what is written is authorised by [`own`].
pub(super) async fn owns(app: &App, identity: &Identity, registered: &Registered, target: ObjectGuid) -> Result<bool, Fault> {
    Ok(match &identity.proof {
        Proof::AdPassword { account, .. } | Proof::Code { account, .. } => ObjectGuid::from(*account) == target,
        Proof::Provider(_) => !matches!(own(app, identity, registered, target).await?, Own::No),
        Proof::Local { .. } => false,
    })
}

/// Every usable account that a provider's login leads to, without groups, in the order of their names.
pub(super) async fn all_of(app: &App, login: &ProviderLogin) -> Result<Vec<Account>, Fault> {
    let registered = Registered::of(app, login).await?;
    let Some((mut accounts, _)) = led_to(app, login, &registered).await? else { return Ok(Vec::new()) };
    let now = app.clock.now();
    accounts.retain(|account| account.usable(now));
    Ok(accounts)
}

/// Every account that a login leads to, usable or not, without groups, in the order of their names: by AD's own attribute, and for a CPR number by what the
/// registers name too. `None`: the provider's rule does not hold any more.
pub(super) async fn led_to(app: &App, login: &ProviderLogin, registered: &Registered) -> Result<Option<(Vec<Account>, Pinned)>, Fault> {
    let Some(rule) = rule(app, login) else { return Ok(None) };
    let references = &registered.0;
    let by_attribute = match rule {
        Rule::Attribute(by) => Some(app.directory.matching(&by).await?),
        Rule::RegistersOnly => None,
    };
    let (accounts, mut pinned) = match by_attribute {
        Some(found) => found,
        None => (Vec::new(), app.directory.any().await?),
    };
    let named = if references.is_empty() { Vec::new() } else { app.directory.accounts_named_again(&mut pinned, references).await? };
    Ok(Some((together(accounts, named), pinned)))
}

/// The same on the connection at hand.
async fn led_to_on(app: &App, login: &ProviderLogin, registered: &Registered, pinned: &mut Pinned) -> Result<Vec<Account>, Fault> {
    let Some(rule) = rule(app, login) else { return Ok(Vec::new()) };
    let references = &registered.0;
    let accounts = match rule {
        Rule::Attribute(by) => app.directory.matching_again(pinned, &by).await?,
        Rule::RegistersOnly => Vec::new(),
    };
    let named = if references.is_empty() { Vec::new() } else { app.directory.accounts_named_again(pinned, references).await? };
    Ok(together(accounts, named))
}

/// Each once, in the order of their names.
fn together(mut accounts: Vec<Account>, named: Vec<Account>) -> Vec<Account> {
    for account in named {
        if accounts.iter().all(|known| known.guid != account.guid) {
            accounts.push(account);
        }
    }
    accounts.sort_by(|a, b| a.sam.cmp(&b.sam));
    accounts
}

/// Does the login lead to the account? Asked now, on the connection at hand.
pub(super) async fn leads_to(
    app: &App,
    login: &ProviderLogin,
    registered: &Registered,
    pinned: &mut Pinned,
    target: ObjectGuid,
) -> Result<bool, Fault> {
    Ok(led_to_on(app, login, registered, pinned).await?.iter().any(|account| account.guid == target))
}

/// The account with its groups, if the login leads to it: read and asked again now, whatever was listed before. The account itself may be gone since.
async fn theirs(
    app: &App,
    login: &ProviderLogin,
    registered: &Registered,
    target: ObjectGuid,
) -> Result<Option<(Option<Account>, Pinned)>, Fault> {
    let Some(rule) = rule(app, login) else { return Ok(None) };
    if let Rule::Attribute(by) = rule {
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

/// What a provider's logins are held against.
enum Rule {
    /// An attribute in AD.
    Attribute(Match),
    /// Nothing in AD: what the registers name for a CPR number.
    RegistersOnly,
}

/// The provider's rule, if it still takes this kind of claim.
fn rule(app: &App, login: &ProviderLogin) -> Option<Rule> {
    let provider = app.config.provider(&login.provider).filter(|provider| provider.match_by == login.claim.kind())?;
    Some(match provider.match_attribute.clone() {
        Some(attribute) => Rule::Attribute(Match { attribute, claim: login.claim.clone() }),
        None => Rule::RegistersOnly,
    })
}
