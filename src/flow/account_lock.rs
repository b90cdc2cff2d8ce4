//! The account lock: one password attempt at a time per account, over all instances, and none that could bring the
//! account near AD's lockout.
//!
//! Invariant: between the read of an account's count of wrong passwords and the attempt itself, no other instance or
//! request tries a password on the account.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::FlowError;
use crate::{
    app::App,
    config,
    directory::{self, ControllerSession},
    model::{
        account::Account,
        ad::guid::ObjectGuid,
        audit::attempt::AttemptId,
        rate_limit::lockout_guard::{self, Guard, Trier},
    },
};

/// Longest wait for another attempt on the same account.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);
/// Shortest duration of the lease. A holder that has not released the lock after this time, and after all work under
/// the lock can be done, has crashed or does not know how its attempt ended.
const HELD_AT_LEAST: Duration = Duration::from_mins(1);
/// Time limit of the authorization under the lock. Delegation needs many reads from AD.
pub(super) const JUDGED_WITHIN: Duration = Duration::from_secs(20);
/// Reads under the lock after the authorization, at most, one after the other: a new connection, the account, its
/// policy, the counts on this controller and on the PDC emulator, a check after a lost answer, the proof.
const READS: u32 = 8;
/// Writes under the lock: the password and an unlock.
const WRITES: u32 = 2;
/// Binds under the lock: an attempt on one controller or its successor, or a proof that is tried twice.
const BINDS: u32 = 2;
/// Age limit of a read. An account that was read before the lock was taken may predate the last holder's attempt, if
/// that holder released the lock within this time.
const QUIET: SignedDuration = SignedDuration::from_secs(30);

/// The right to try one password on one account. [`AccountLock::release`] ends it. After an attempt with an unknown
/// outcome it is kept until it expires.
#[derive(Debug)]
pub(super) struct AccountLock {
    name: String,
    holder: Uuid,
    /// Another attempt ended so recently that an account read earlier has to be read again.
    pub(super) read_again: bool,
}

/// The result of taking the lock.
#[derive(Debug)]
pub(super) enum Taken {
    Lock(AccountLock),
    /// Another attempt held the lock all the time, or was cut off.
    Busy {
        /// When the lock expires.
        until: Timestamp,
    },
}

pub(super) async fn take(app: &App, account: ObjectGuid) -> Result<Taken, FlowError> {
    take_named(app, name_of(account), Uuid::from_bytes(app.keys.random()?)).await
}

/// Takes a lock for a name without an account, so that the response time shows no difference.
pub(super) async fn take_for_nobody(app: &App, fingerprint: &str) -> Result<Taken, FlowError> {
    take_named(app, format!("try:?{fingerprint}"), Uuid::from_bytes(app.keys.random()?)).await
}

/// Takes the lock for an attempt in the audit log, so that its reconciliation can free the lock.
pub(super) async fn take_for(app: &App, account: ObjectGuid, attempt: AttemptId) -> Result<Taken, FlowError> {
    take_named(app, name_of(account), holder_of(app, account, attempt)).await
}

/// Frees the lock that a reconciled attempt has left behind. Does nothing where another attempt holds the lock.
pub(crate) async fn free_after(app: &App, account: ObjectGuid, attempt: AttemptId) {
    AccountLock { name: name_of(account), holder: holder_of(app, account, attempt), read_again: false }.release(app).await;
}

fn name_of(account: ObjectGuid) -> String {
    format!("try:{account}")
}

fn holder_of(app: &App, account: ObjectGuid, attempt: AttemptId) -> Uuid {
    app.keys.pseudonym(format!("lock {account} {attempt}").as_bytes())
}

async fn take_named(app: &App, name: String, holder: Uuid) -> Result<Taken, FlowError> {
    let held = held_at_most(&app.config.directory);
    for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
        let now = app.clock.now();
        if let Some(acquired) = app.leases.try_acquire(&name, holder, now, held).await? {
            let read_again = acquired.last_released.is_some_and(|at| now.duration_since(at) < QUIET);
            return Ok(Taken::Lock(AccountLock { name, holder, read_again }));
        }
        tokio::time::sleep(PAUSE).await;
    }
    let now = app.clock.now();
    Ok(Taken::Busy { until: app.leases.held_until(&name).await?.filter(|until| *until > now).unwrap_or(now) })
}

fn held_at_most(directory: &config::DirectoryConfig) -> SignedDuration {
    let longest = JUDGED_WITHIN + directory.timeout * READS + directory.write_timeout * WRITES + directory.bind_timeout * BINDS;
    SignedDuration::try_from(longest.max(HELD_AT_LEAST)).unwrap_or(SignedDuration::MAX)
}

/// Asks the lockout guard whether one password may be tried on an account that was read under the lock.
pub(super) async fn guard(app: &App, pinned: &mut ControllerSession, account: &Account, by: Trier) -> Result<Guard, FlowError> {
    guard_beyond(app, pinned, account, by, 0).await
}

/// Like [`guard`], with a number of attempts that the controller may not have counted yet.
pub(super) async fn guard_beyond(
    app: &App,
    pinned: &mut ControllerSession,
    account: &Account,
    by: Trier,
    uncounted: u32,
) -> Result<Guard, FlowError> {
    if app.directory.is_behind(pinned, account) {
        return Err(directory::DirectoryError::NotReplicated.into());
    }
    let rules = app.directory.policy(pinned, account).await?.lockout;
    let mut tries = app.directory.wrong_tries(pinned, account).await?;
    if uncounted > 0 {
        tries.count = tries.count.saturating_add(uncounted);
        tries.last = tries.last.max(Some(app.clock.now()));
    }
    Ok(lockout_guard::authorize(rules, tries, app.config.login.ad_password.lockout_reserve, by, app.clock.now()))
}

impl AccountLock {
    /// Releases the lock. If the store fails here, the next attempt waits until the lock expires.
    pub(super) async fn release(self, app: &App) {
        if let Err(error) = app.leases.release(&self.name, self.holder, app.clock.now()).await {
            tracing::warn!(error = %error, "account lock could not be released; it expires by itself");
        }
    }
}
