//! A parent's children, and the accounts that belong to them: asked of the family service each time, and matched by the rule of the provider at which the
//! parent has logged in.
//!
//! Invariant: without a sure login with a CPR number nobody is asked, and nobody is a parent.

use std::collections::HashMap;

use super::standing::scope_of;
use crate::{
    app::App,
    clock,
    config::Parents,
    directory::Pinned,
    flow::{
        Fault,
        authority::{leads_to, led_to},
        list_accounts::Listed,
    },
    model::{
        account::Account,
        claim::Claim,
        cpr::Cpr,
        guid::ObjectGuid,
        identity::{Identity, ProviderLogin},
        level::Level,
    },
    people::{Child, Family},
};

/// A child and what can be picked.
#[derive(Debug, Clone)]
pub struct OfChild {
    /// The child's name, as the family service tells it.
    pub name: String,
    /// Usable accounts only.
    pub accounts: Vec<Listed>,
}

/// What is known of somebody's children.
#[derive(Debug, Clone)]
pub enum Children {
    /// Nobody asks here: there is no family service, or the login tells no CPR number.
    NotAsked,
    /// The login is not sure enough to ask.
    TooWeak,
    /// The family service can't be asked now.
    Unavailable,
    /// All of them, with an account or without.
    These(Vec<OfChild>),
}

/// Every child under the age limit, with the accounts that can be acted on.
pub async fn children(app: &App, identity: &Identity) -> Result<Children, Fault> {
    let Some((family, login, cpr)) = parent(app, identity) else { return Ok(Children::NotAsked) };
    if login.level < Level::Substantial {
        return Ok(Children::TooWeak);
    }
    let told = match family.children_of(cpr, clock::danish(app.clock.now()).date()).await {
        Ok(told) => told,
        Err(fault) => {
            tracing::error!(error = %fault, "a parent's children can't be looked up");
            return Ok(Children::Unavailable);
        }
    };
    let now = app.clock.now();
    let mut children = Vec::with_capacity(told.len());
    for child in told {
        let (mut accounts, mut pinned) = match led_to(app, &as_child(login, &child)).await? {
            Some(found) => found,
            None => (Vec::new(), app.directory.any().await?),
        };
        accounts.retain(|account| account.usable(now));
        if let Some(parents) = app.config.parents.as_ref().filter(|parents| !parents.every_account()) {
            accounts = within(app, parents, &mut pinned, accounts).await?;
        }
        let listed = |account: Account| Listed { guid: account.guid, name: account.name().to_owned(), account_name: account.sam };
        children.push(OfChild { accounts: accounts.into_iter().map(listed).collect(), name: child.name });
    }
    Ok(Children::These(children))
}

/// Those that `[parents]` says are the parents' matter.
async fn within(app: &App, parents: &Parents, pinned: &mut Pinned, accounts: Vec<Account>) -> Result<Vec<Account>, Fault> {
    let groups: Vec<&str> = parents.groups.iter().map(String::as_str).collect();
    let known = if groups.is_empty() { HashMap::new() } else { app.directory.group_sids(pinned, &groups).await? };
    let scope = scope_of(false, &parents.units, &parents.groups, &known);
    let mut held = Vec::with_capacity(accounts.len());
    for account in accounts {
        // Only read by itself does an account tell its groups.
        let account = if groups.is_empty() { Some(account) } else { app.directory.account_again(pinned, account.guid).await? };
        held.extend(account.filter(|account| scope.holds(account)));
    }
    Ok(held)
}

/// The child of theirs whose account it is, if any. Asked anew each time, of AD on the connection at hand; what can't be asked is a fault.
pub(super) async fn child_of(app: &App, identity: &Identity, pinned: &mut Pinned, target: ObjectGuid) -> Result<Option<Cpr>, Fault> {
    let Some((family, login, cpr)) = parent(app, identity).filter(|(_, login, _)| login.level >= Level::Substantial) else {
        return Ok(None);
    };
    for child in family.children_of(cpr, clock::danish(app.clock.now()).date()).await? {
        if leads_to(app, &as_child(login, &child), pinned, target).await? {
            return Ok(Some(child.cpr));
        }
    }
    Ok(None)
}

fn parent<'a>(app: &'a App, identity: &'a Identity) -> Option<(&'a Family, &'a ProviderLogin, &'a Cpr)> {
    let (family, login) = (app.family.as_ref()?, identity.provider()?);
    match &login.claim {
        Claim::Cpr(cpr) => Some((family, login, cpr)),
        Claim::AccountName(_) | Claim::Upn(_) | Claim::Email(_) | Claim::ObjectGuid(_) | Claim::ObjectSid(_) | Claim::UniloginId(_) => None,
    }
}

/// As if the child had logged in there: its accounts are found by the same rule.
fn as_child(login: &ProviderLogin, child: &Child) -> ProviderLogin {
    ProviderLogin { claim: Claim::Cpr(child.cpr.clone()), ..login.clone() }
}
