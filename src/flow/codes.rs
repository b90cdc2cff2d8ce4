//! One-time codes: a helper gives one out, the caller logs in with it and chooses a password that the helper never knows.
//!
//! Invariants: the code is on no disk and in no log; unknown, wrong, used, expired and replaced look and take alike; a login by code is good for one
//! password of one account.

mod issue;
mod redeem;

pub use issue::{Issue, Issued, issue};
pub use redeem::{Redeemed, redeem};

use uuid::Uuid;

use super::Fault;
use crate::{
    app::App,
    model::{account::Account, guid::ObjectGuid, identity::Identity, refusal::Refusal, slow_hash::SlowHash},
};

/// What keeps a login by code from setting the password, whatever it is.
pub(super) async fn hindrance(app: &App, identity: &Identity, code: Uuid, account: &Account) -> Result<Option<Refusal>, Fault> {
    let age = app.clock.now().duration_since(identity.at);
    let fresh = age <= app.config.codes.lasts && app.config.codes.enabled;
    if !fresh || !app.codes.is_good(account.guid, code).await? {
        return Ok(Some(Refusal::CodeOver));
    }
    Ok((account.locked && !app.config.reset.unlock).then_some(Refusal::Locked))
}

/// Its password is set. Where that can't be kept in mind, the login could set another until it is too old.
pub(super) async fn spend(app: &App, account: ObjectGuid, code: Uuid) {
    if let Err(error) = app.codes.spend(account, code, app.clock.now()).await {
        tracing::error!(error = %error, "a one-time code could not be marked as spent; it ends by itself");
    }
}

/// Off the threads that serve requests, and few at once.
async fn hashed<T: Send + 'static>(app: &App, work: impl FnOnce() -> Option<T> + Send + 'static) -> Result<T, Fault> {
    let place = app.hashing.acquire().await.map_err(|_| Fault::Crashed)?;
    let done = tokio::task::spawn_blocking(work).await.map_err(|_| Fault::Crashed)?.ok_or(Fault::NoMemory);
    drop(place);
    done
}

/// A hash that no code has, to compare with where there is none.
const NOBODYS: SlowHash = SlowHash { salt: [0; 16], hash: [0; 32] };
