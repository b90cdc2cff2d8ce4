//! One password try at a time per account, over all instances, and never one that could bring the account near AD's lockout.
//!
//! Invariant: between reading an account's count of wrong tries and the try itself, nobody else here tries.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::Fault;
use crate::{
    app::App,
    directory::Pinned,
    model::{
        account::Account,
        lockout::{self, Guard},
    },
};

/// Longest wait for somebody else's try on the same account.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);
/// A holder that never released it has crashed, or does not know how its try ended.
const HELD_AT_MOST: SignedDuration = SignedDuration::from_secs(60);
/// An account read this long before the lock was taken says nothing new, if somebody held the lock meanwhile.
const QUIET: SignedDuration = SignedDuration::from_secs(30);

/// The right to try one password on one account. Released by [`AccountLock::release`]; kept until it runs out when the outcome of a try is unknown.
#[derive(Debug)]
pub(super) struct AccountLock {
    name: String,
    holder: Uuid,
}

/// The answer to "may one password be tried?".
#[derive(Debug)]
pub(super) enum Leave {
    /// Yes, while the lock is held.
    Try(AccountLock),
    /// No: too near to the lockout, or somebody else is trying all the time.
    Hold,
}

/// Takes the lock and asks the guard. `account` is read again where somebody else may have tried since it was read.
pub(super) async fn ask(app: &App, pinned: &mut Pinned, account: &mut Account) -> Result<Leave, Fault> {
    let name = format!("try:{}", account.guid);
    let holder = Uuid::from_bytes(app.keys.random()?);
    let Some(last_released) = acquire(app, &name, holder).await? else { return Ok(Leave::Hold) };
    let lock = AccountLock { name, holder };
    match guard(app, pinned, account, last_released).await {
        Ok(Guard::Try) => Ok(Leave::Try(lock)),
        Ok(Guard::Hold) => {
            lock.release(app).await;
            Ok(Leave::Hold)
        }
        Err(fault) => {
            lock.release(app).await;
            Err(fault)
        }
    }
}

async fn guard(app: &App, pinned: &mut Pinned, account: &mut Account, last_released: Option<Timestamp>) -> Result<Guard, Fault> {
    let now = app.clock.now();
    if last_released.is_some_and(|at| now.duration_since(at) < QUIET)
        && let Some(fresh) = app.directory.account_again(pinned, account.guid).await?
    {
        *account = fresh;
    }
    let rules = app.directory.policy(pinned, account).await?.lockout;
    let tries = app.directory.wrong_tries(pinned, account).await?;
    Ok(lockout::decide(rules, tries, app.config.login.ad_password.lockout_reserve, now))
}

/// `None`: not within [`PATIENCE`]. Else when the lock was last given back, if it is known.
async fn acquire(app: &App, name: &str, holder: Uuid) -> Result<Option<Option<Timestamp>>, Fault> {
    let attempts = PATIENCE.as_millis() / PAUSE.as_millis();
    for _ in 0..attempts {
        if let Some(acquired) = app.leases.try_acquire(name, holder, app.clock.now(), HELD_AT_MOST).await? {
            return Ok(Some(acquired.last_released));
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(None)
}

impl AccountLock {
    /// Gives it back. A store that fails here only makes the next try wait until the lock runs out.
    pub(super) async fn release(self, app: &App) {
        if let Err(error) = app.leases.release(&self.name, self.holder, app.clock.now()).await {
            tracing::warn!(error = %error, "an account's lock could not be released; it runs out by itself");
        }
    }
}
