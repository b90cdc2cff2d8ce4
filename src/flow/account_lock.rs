//! One password try at a time per account, over all instances, and never one that could bring the account near AD's lockout.
//!
//! Invariant: between reading an account's count of wrong tries and the try itself, nobody else here tries.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::Fault;
use crate::{
    app::App,
    config,
    directory::{self, Pinned},
    model::{
        account::Account,
        attempt::AttemptId,
        guid::ObjectGuid,
        lockout::{self, Guard, Trier},
    },
};

/// Longest wait for somebody else's try on the same account.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);
/// A holder that has not released it for so long, and for longer than everything under the lock can take, has crashed or does not know how its try ended.
const HELD_AT_LEAST: Duration = Duration::from_mins(1);
/// Who may act on the account is judged from AD within this time, or not at all: it takes many questions where somebody acts for another.
pub(super) const JUDGED_WITHIN: Duration = Duration::from_secs(20);
/// What can be asked of a controller under the lock after that, one after the other, at most: a connection made anew, the account, its policy, the count here
/// and on the PDC emulator, a look after a lost answer, the proof;
const READS: u32 = 8;
/// and the password and an unlocking.
const WRITES: u32 = 2;
/// A password, on one controller or the other, or a proof that is tried twice.
const BINDS: u32 = 2;
/// An account that was read just before the lock was taken may be older than the try of the last holder, if that gave the lock back within this time.
const QUIET: SignedDuration = SignedDuration::from_secs(30);

/// The right to try one password on one account. Released by [`AccountLock::release`]; kept until it runs out when the outcome of a try is unknown.
#[derive(Debug)]
pub(super) struct AccountLock {
    name: String,
    holder: Uuid,
    /// Somebody has tried so shortly before that an account read earlier has to be read again.
    pub(super) read_again: bool,
}

/// Whether the lock was got.
#[derive(Debug)]
pub(super) enum Taken {
    /// It was.
    Lock(AccountLock),
    /// Somebody else was trying all the time, or a try was cut off.
    Busy {
        /// When it runs out.
        until: Timestamp,
    },
}

/// Takes the lock.
pub(super) async fn take(app: &App, account: ObjectGuid) -> Result<Taken, Fault> {
    take_named(app, name_of(account), Uuid::from_bytes(app.keys.random()?)).await
}

/// The same for a name that leads to no account, so that it is told apart by nothing.
pub(super) async fn take_for_nobody(app: &App, fingerprint: &str) -> Result<Taken, Fault> {
    take_named(app, format!("try:?{fingerprint}"), Uuid::from_bytes(app.keys.random()?)).await
}

/// The same for an attempt that is in the log: whoever settles it can free the lock.
pub(super) async fn take_for(app: &App, account: ObjectGuid, attempt: AttemptId) -> Result<Taken, Fault> {
    take_named(app, name_of(account), holder_of(app, account, attempt)).await
}

/// Frees the lock that a settled attempt has left behind. Without effect where somebody else holds it.
pub(super) async fn free_after(app: &App, account: ObjectGuid, attempt: AttemptId) {
    AccountLock { name: name_of(account), holder: holder_of(app, account, attempt), read_again: false }.release(app).await;
}

fn name_of(account: ObjectGuid) -> String {
    format!("try:{account}")
}

fn holder_of(app: &App, account: ObjectGuid, attempt: AttemptId) -> Uuid {
    app.keys.pseudonym(format!("lock {account} {attempt}").as_bytes())
}

async fn take_named(app: &App, name: String, holder: Uuid) -> Result<Taken, Fault> {
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

fn held_at_most(directory: &config::Directory) -> SignedDuration {
    let longest = JUDGED_WITHIN + directory.timeout * READS + directory.write_timeout * WRITES + directory.bind_timeout * BINDS;
    SignedDuration::try_from(longest.max(HELD_AT_LEAST)).unwrap_or(SignedDuration::MAX)
}

/// May one password be tried on an account that was read while the lock was held?
pub(super) async fn guard(app: &App, pinned: &mut Pinned, account: &Account, by: Trier) -> Result<Guard, Fault> {
    guard_beyond(app, pinned, account, by, 0).await
}

/// The same where so many tries were made just now that the controller may not have counted yet.
pub(super) async fn guard_beyond(app: &App, pinned: &mut Pinned, account: &Account, by: Trier, uncounted: u32) -> Result<Guard, Fault> {
    if app.directory.is_behind(pinned, account) {
        return Err(directory::Fault::NotReplicated.into());
    }
    let rules = app.directory.policy(pinned, account).await?.lockout;
    let mut tries = app.directory.wrong_tries(pinned, account).await?;
    if uncounted > 0 {
        tries.count = tries.count.saturating_add(uncounted);
        tries.last = tries.last.max(Some(app.clock.now()));
    }
    Ok(lockout::decide(rules, tries, app.config.login.ad_password.lockout_reserve, by, app.clock.now()))
}

impl AccountLock {
    /// Gives it back. A store that fails here only makes the next try wait until the lock runs out.
    pub(super) async fn release(self, app: &App) {
        if let Err(error) = app.leases.release(&self.name, self.holder, app.clock.now()).await {
            tracing::warn!(error = %error, "an account's lock could not be released; it runs out by itself");
        }
    }
}
