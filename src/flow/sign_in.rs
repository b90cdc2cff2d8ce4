//! Logging in with an AD account name and password.
//!
//! Invariants: one bind per attempt; unknown, wrong, locked, disabled and guarded look and take alike; AD's lockout is never reached from here.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use uuid::Uuid;

use super::{
    Fault, Visit,
    account_lock::{self, AccountLock},
    event, party_of,
};
use crate::{
    app::App,
    directory::{self, LoginMatch, Pinned},
    model::{
        account::Account,
        account_name::LoginName,
        audit::{AuditEvent, AuditOutcome, EventKind},
        identity::{Identity, LoginMethod},
        lockout::Guard,
        password::{NotAPassword, Password},
    },
    store::throttle::{Charge, Receipt, ThrottleKey},
};

/// How a login ended.
#[derive(Debug)]
pub enum SignIn {
    /// The password was right.
    Welcome(Identity),
    /// Anything else that has to do with the account: one answer for all.
    Refused,
    /// Too many tries with this name or from this address.
    Throttled {
        /// From when another try is taken.
        until: Timestamp,
    },
}

/// Logs in. It goes on to its end, audit entry included, when the person goes away in the middle.
pub async fn with_ad_password(
    app: &Arc<App>,
    visit: &Visit,
    name: &str,
    password: Result<Password, NotAPassword>,
) -> Result<SignIn, Fault> {
    let (app, visit, name) = (app.clone(), visit.clone(), LoginName::parse(name));
    let task = tokio::spawn(async move { sign_in(&app, &visit, name, password.ok()).await });
    task.await.map_err(|_| Fault::Crashed)?
}

async fn sign_in(app: &App, visit: &Visit, name: Option<LoginName>, password: Option<Password>) -> Result<SignIn, Fault> {
    let started = tokio::time::Instant::now();
    let key = name.as_ref().map(LoginName::key).unwrap_or_default();
    let charges =
        [(ThrottleKey::name(&app.keys, &key), app.config.throttle.name), (ThrottleKey::address(visit.client), app.config.throttle.address)];
    let receipt = match app.throttles.charge(&charges, app.clock.now()).await? {
        Charge::Taken(receipt) => receipt,
        Charge::Wait(until) if !app.waits.first_word(visit.client, until) => return Ok(SignIn::Throttled { until }),
        Charge::Wait(until) => {
            let mut entry = refusal(app, visit, "throttled");
            entry.unknown_name = Some(app.keys.fingerprint(&key));
            app.audit.append(&entry).await?;
            return Ok(SignIn::Throttled { until });
        }
    };
    let outcome = match (name, password) {
        (Some(name), Some(password)) => try_password(app, visit, &name, &password).await,
        _ => log_unknown(app, visit, &key).await.map(|()| None),
    };
    match outcome {
        Ok(Some((account, identity))) => {
            forgive(app, receipt, account.sam.to_lowercase() == key).await;
            Ok(SignIn::Welcome(identity))
        }
        Ok(None) => {
            hold_answer(started, app.config.login.ad_password.answer_after_ms).await;
            Ok(SignIn::Refused)
        }
        Err(fault) => {
            forgive(app, receipt, false).await; // our failure is not theirs
            if let Fault::Directory(cause) = &fault
                && cause.is_about_one_account()
            {
                tracing::error!(error = %cause, "nobody can log in to an account that can't be read whole; run `os2nykode check`");
                hold_answer(started, app.config.login.ad_password.answer_after_ms).await;
                return Ok(SignIn::Refused);
            }
            Err(fault)
        }
    }
}

/// Finds the account and tries the password once. `None`: refused, and logged as such.
async fn try_password(app: &App, visit: &Visit, name: &LoginName, password: &Password) -> Result<Option<(Account, Identity)>, Fault> {
    let (mut account, mut pinned) = match app.directory.find(name).await? {
        LoginMatch::Account(account, pinned) => (*account, pinned),
        LoginMatch::Nobody(pinned) => {
            // A bind that AD refuses, as it would a wrong password, so that both take as long.
            let nobody = format!("CN={},{}", Uuid::from_bytes(app.keys.random()?), app.config.directory.base_dn);
            pinned.bind(&nobody, password).await?;
            log_unknown(app, visit, &name.key()).await?;
            return Ok(None);
        }
    };
    let charge = [(ThrottleKey::account(account.guid), app.config.throttle.name)];
    let receipt = match app.throttles.charge(&charge, app.clock.now()).await? {
        Charge::Taken(receipt) => receipt,
        Charge::Wait(until) => {
            // Under another spelling of its name, or in the change form, the account has had its tries: the answer tells nothing of that.
            if app.waits.first_word(visit.client, until) {
                log_refused(app, visit, &account, &pinned, "throttled").await?;
            }
            return Ok(None);
        }
    };
    let outcome = try_account(app, visit, &mut account, &mut pinned, password).await;
    match &outcome {
        Ok(Some(_)) => forgive(app, receipt, true).await,
        Ok(None) => {}
        Err(_) => forgive(app, receipt, false).await, // our failure is not theirs
    }
    Ok(outcome?.map(|identity| (account, identity)))
}

/// Tries the password once on an account that may be tried.
async fn try_account(
    app: &App,
    visit: &Visit,
    account: &mut Account,
    pinned: &mut Pinned,
    password: &Password,
) -> Result<Option<Identity>, Fault> {
    let Some(lock) = account_lock::take(app, account.guid).await? else {
        log_refused(app, visit, account, pinned, "tried_elsewhere").await?;
        return Ok(None);
    };
    match may_try(app, pinned, account, &lock).await {
        Ok(Guard::Try) => {}
        Ok(Guard::Hold) => {
            lock.release(app).await;
            log_refused(app, visit, account, pinned, "near_lockout").await?;
            return Ok(None);
        }
        Err(fault) => {
            lock.release(app).await;
            return Err(fault);
        }
    }
    // Where the answer of the bind is lost, the try may still be counted: the lock is not given back, but runs out.
    let answer = pinned.bind(&account.dn, password).await;
    // An error that the controller answered itself is an answer: it did not look at the password.
    if matches!(answer, Ok(_) | Err(directory::Fault::Answer { .. })) {
        lock.release(app).await;
    }
    let answer = answer?;
    if !answer.proves_password() {
        log_refused(app, visit, account, pinned, &answer.reason()).await?;
        return Ok(None);
    }
    let now = app.clock.now();
    let identity = Identity::from_ad_bind(account, now, visit.id);
    let entry = about(event(visit, now, EventKind::SignIn, AuditOutcome::Succeeded, answer.code()), account, pinned);
    app.audit.append(&entry).await?;
    Ok(Some(identity))
}

/// Takes a try that was no failure off the count. Where that can't be done, it only makes the next wait longer.
pub(super) async fn forgive(app: &App, receipt: Receipt, reset: bool) {
    if let Err(error) = app.throttles.forgive(receipt, reset).await {
        tracing::warn!(error = %error, "a login that was no failure could not be taken off the count of failures");
    }
}

/// The guard's word, on an account that nobody else can have tried since it was read.
async fn may_try(app: &App, pinned: &mut Pinned, account: &mut Account, lock: &AccountLock) -> Result<Guard, Fault> {
    if lock.read_again {
        match app.directory.account_again(pinned, account.guid).await? {
            Some(fresh) => *account = fresh,
            None => return Ok(Guard::Hold),
        }
    }
    account_lock::guard(app, pinned, account).await
}

fn refusal(app: &App, visit: &Visit, reason: &str) -> AuditEvent {
    let mut entry = event(visit, app.clock.now(), EventKind::SignIn, AuditOutcome::Refused, reason);
    entry.method = Some(LoginMethod::AdPassword);
    entry
}

fn about(mut entry: AuditEvent, account: &Account, pinned: &Pinned) -> AuditEvent {
    entry.method = Some(LoginMethod::AdPassword);
    entry.target = Some(party_of(account));
    entry.controller = Some(pinned.name().to_owned());
    entry.actor = (entry.outcome == AuditOutcome::Succeeded).then(|| party_of(account));
    entry
}

async fn log_refused(app: &App, visit: &Visit, account: &Account, pinned: &Pinned, reason: &str) -> Result<(), Fault> {
    app.audit.append(&about(refusal(app, visit, reason), account, pinned)).await?;
    Ok(())
}

async fn log_unknown(app: &App, visit: &Visit, key: &str) -> Result<(), Fault> {
    let mut entry = refusal(app, visit, "unknown_account");
    entry.unknown_name = Some(app.keys.fingerprint(key));
    app.audit.append(&entry).await?;
    Ok(())
}

/// Waits until a whole number of `step_ms` has passed, so that the time of an answer says nothing of its cause.
pub(super) async fn hold_answer(started: tokio::time::Instant, step_ms: u64) {
    if step_ms == 0 {
        return;
    }
    let elapsed = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let steps = elapsed / step_ms + 1;
    tokio::time::sleep_until(started + Duration::from_millis(steps.saturating_mul(step_ms))).await;
}
