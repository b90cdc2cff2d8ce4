//! Which accounts a login may act on as its own: computed from AD, for the account in the request, at every use.
//!
//! Invariant: what a provider has proven is matched by that provider's own rule and by no other.

use super::{Fault, others};
use crate::{
    app::App,
    directory::Pinned,
    model::{
        account::Account,
        authority::Denial,
        claim::Match,
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

/// Reads the account and says whether this login owns it.
pub(super) async fn own(app: &App, identity: &Identity, target: ObjectGuid) -> Result<Own, Fault> {
    let (account, pinned) = match &identity.proof {
        Proof::AdPassword { account, .. } | Proof::Code { account, .. } if ObjectGuid::from(*account) == target => {
            app.directory.account(target).await?
        }
        Proof::AdPassword { .. } | Proof::Code { .. } | Proof::Local { .. } => return Ok(Own::No),
        Proof::Provider(login) => {
            let Some(by) = rule(app, login) else { return Ok(Own::No) };
            match app.directory.account_matching(target, &by).await? {
                (None, _) => return Ok(Own::No),
                found => found,
            }
        }
    };
    let Some(account) = account.filter(|account| account.usable(app.clock.now())) else { return Ok(Own::NotUsable) };
    let mut pinned = pinned;
    let closed = match &identity.proof {
        // A helper has let them in: what the helper may not act on, they may not either.
        Proof::Code { .. } => others::closed(app, &mut pinned, &account).await?,
        Proof::AdPassword { .. } | Proof::Provider(_) | Proof::Local { .. } => None,
    };
    Ok(match closed {
        Some(denial) => Own::Denied(denial),
        None if others::bars(app, identity).await? => Own::Denied(Denial::Barred),
        None => Own::Yes(Box::new((account, pinned))),
    })
}

/// Does the account belong to this login, usable or not? For counting tries only: what is written is authorised by [`own`].
pub(super) async fn owns(app: &App, identity: &Identity, target: ObjectGuid) -> Result<bool, Fault> {
    Ok(match &identity.proof {
        Proof::AdPassword { account, .. } | Proof::Code { account, .. } => ObjectGuid::from(*account) == target,
        Proof::Provider(_) => !matches!(own(app, identity, target).await?, Own::No),
        Proof::Local { .. } => false,
    })
}

/// Every usable account that a provider's login leads to, without groups, in the order of their names.
pub(super) async fn all_of(app: &App, login: &ProviderLogin) -> Result<Vec<Account>, Fault> {
    let Some(by) = rule(app, login) else { return Ok(Vec::new()) };
    let (mut accounts, _) = app.directory.matching(&by).await?;
    let now = app.clock.now();
    accounts.retain(|account| account.usable(now));
    Ok(accounts)
}

/// The provider's rule, if it still takes this kind of claim.
pub(super) fn rule(app: &App, login: &ProviderLogin) -> Option<Match> {
    let provider = app.config.provider(&login.provider)?;
    let same = provider.match_by == login.claim.kind();
    same.then(|| Match { attribute: provider.match_attribute.clone(), claim: login.claim.clone() })
}
