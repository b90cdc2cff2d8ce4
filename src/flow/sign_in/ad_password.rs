//! Login with an AD account name and password.
//!
//! Invariants:
//! - One bind per attempt.
//! - Unknown, wrong, locked, disabled and guarded accounts get the same answer after the same time.
//! - The service never causes AD's lockout.
//! - Attempts in a browser that the owner has used have a rate limit of their own, which strangers cannot use up.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use uuid::Uuid;

use crate::flow::{
    FlowError, RequestContext,
    account_lock::{self, AccountLock, Taken},
    event, party_of, run_to_completion,
    sign_in::{
        known_browser,
        password_attempt::{self, Lost},
    },
};
use crate::{
    app::App,
    directory::{BindAnswer, ControllerSession, LoginMatch},
    model::{
        account::{
            Account,
            name::{LoginName, names_account},
        },
        audit::{AuditEvent, AuditOutcome, EventKind},
        authorization::is_protected,
        credential::password::{NotAPassword, Password},
        identity::{Identity, LoginMethod},
        rate_limit::{
            delay::DelayLimits,
            lockout_guard::{Guard, Trier},
        },
    },
    store::rate_limit::{Charge, Receipt, ThrottleKey},
};

/// The result of a login.
#[derive(Debug)]
pub enum SignIn {
    Welcome(Identity),
    /// Every refusal that concerns the account, with one answer for all.
    Refused,
    /// An earlier attempt on the account was cut off or is not over. Not counted as a failure.
    Busy {
        /// When the next attempt is possible.
        until: Timestamp,
    },
    /// The rate limit of this name or address is reached.
    Throttled {
        /// When the next attempt is possible.
        until: Timestamp,
    },
}

/// Logs in. Runs to completion, audit entry included, even if the client disconnects.
pub async fn with_ad_password(
    app: &Arc<App>,
    visit: &RequestContext,
    name: &str,
    password: Result<Password, NotAPassword>,
) -> Result<SignIn, FlowError> {
    let (app, visit, name) = (app.clone(), visit.clone(), LoginName::parse(name));
    let key = name.as_ref().map(LoginName::key).unwrap_or_default();
    run_to_completion(
        async move { AdPasswordAttempt { app: &app, visit: &visit, key, receipts: Vec::new() }.run(name, password.ok()).await },
    )
    .await
}

struct AdPasswordAttempt<'a> {
    app: &'a App,
    visit: &'a RequestContext,
    /// The name as the rate limit counts it.
    key: String,
    /// Counts of this attempt, for a refund.
    receipts: Vec<Receipt>,
}

/// The result of an attempt.
enum AdPasswordOutcome {
    Right(Box<Account>, Identity),
    /// Refused, and logged.
    Wrong,
    /// Refused without asking AD, in a browser that the owner has used: not counted as a failure.
    Held,
    /// Rate limited until this time.
    Wait(Timestamp),
}

impl AdPasswordAttempt<'_> {
    async fn run(&mut self, name: Option<LoginName>, password: Option<Password>) -> Result<SignIn, FlowError> {
        let started = tokio::time::Instant::now();
        if let Some(until) = self.count_attempt(&known_browser::first_charges(self.app, self.visit, self.by_name())).await? {
            return self.rate_limited(until).await;
        }
        let outcome = match (name, password) {
            (Some(name), Some(password)) => self.try_password(&name, &password).await,
            _ => log_unknown(self.app, self.visit, &self.key).await.map(|()| AdPasswordOutcome::Wrong),
        };
        let receipts = std::mem::take(&mut self.receipts);
        match &outcome {
            Ok(AdPasswordOutcome::Right(account, _)) => refund_all(self.app, receipts, account.sam.to_lowercase() == self.key).await,
            // An error of ours is no failed attempt.
            Ok(AdPasswordOutcome::Held | AdPasswordOutcome::Wait(_)) | Err(_) => refund_all(self.app, receipts, false).await,
            Ok(AdPasswordOutcome::Wrong) => failed_all(self.app, receipts).await,
        }
        match outcome {
            Ok(AdPasswordOutcome::Right(_, identity)) => return Ok(SignIn::Welcome(identity)),
            Ok(AdPasswordOutcome::Wait(until)) => return self.rate_limited(until).await,
            Ok(AdPasswordOutcome::Wrong | AdPasswordOutcome::Held) => {}
            Err(FlowError::Directory(cause)) if cause.is_about_one_account() => {
                tracing::error!(error = %cause, "account not fully readable; its logins are refused; run `os2nykode check`");
            }
            Err(FlowError::Busy { until }) => return Ok(SignIn::Busy { until }),
            Err(fault) => return Err(fault),
        }
        hold_answer(started, self.app.config.login.ad_password.answer_after_ms).await;
        Ok(SignIn::Refused)
    }

    fn by_name(&self) -> (ThrottleKey, DelayLimits) {
        (ThrottleKey::name(&self.app.keys, &self.key), self.app.config.rate_limit.name)
    }

    /// Counts the attempt on more keys. `Some`: the delay ends at this time.
    async fn count_attempt(&mut self, keys: &[(ThrottleKey, DelayLimits)]) -> Result<Option<Timestamp>, FlowError> {
        Ok(match self.app.rate_limits.count_attempt(keys, self.app.clock.now()).await? {
            Charge::Taken(receipt) => {
                self.receipts.push(receipt);
                None
            }
            Charge::Wait(until) => Some(until),
        })
    }

    async fn rate_limited(&self, until: Timestamp) -> Result<SignIn, FlowError> {
        if self.app.reported_delays.report_once(self.visit.client, until) {
            let mut entry = refusal(self.app, self.visit, "throttled");
            entry.unknown_name = Some(self.app.keys.fingerprint(&self.key));
            self.app.audit.append(&entry).await?;
        }
        Ok(SignIn::Throttled { until })
    }

    /// Counts an attempt in a browser that knows another owner as a stranger's, before AD is asked.
    async fn count_attempt_as_stranger(&mut self) -> Result<Option<Timestamp>, FlowError> {
        if self.visit.browser.is_none() {
            return Ok(None); // counted before the account was looked up
        }
        self.count_attempt(&known_browser::strangers_charges(self.app, self.visit, self.by_name())).await
    }

    /// Finds the account and tries the password once.
    async fn try_password(&mut self, name: &LoginName, password: &Password) -> Result<AdPasswordOutcome, FlowError> {
        let (app, visit) = (self.app, self.visit);
        let (account, mut pinned) = match app.directory.find(name).await? {
            LoginMatch::Account(account, pinned) => (account, pinned),
            LoginMatch::Nobody(mut pinned) => {
                if let Some(until) = self.count_attempt_as_stranger().await? {
                    return Ok(AdPasswordOutcome::Wait(until));
                }
                // The same lock as for an account, so that the wait for it shows no difference.
                let lock = match account_lock::take_for_nobody(app, &app.keys.fingerprint(&self.key)).await? {
                    Taken::Lock(lock) => lock,
                    Taken::Busy { until } => return Err(FlowError::Busy { until }),
                };
                let tried = bind_nobody(app, &mut pinned, password).await;
                answer_of(app, lock, tried).await?;
                log_unknown(app, visit, &self.key).await?;
                return Ok(AdPasswordOutcome::Wrong);
            }
        };
        let now = app.clock.now();
        let known = known_browser::known(visit, account.guid, account.password.last_set, now);
        let waits = match known {
            Some(browser) => self.count_attempt(&known_browser::owners_charge(app, browser, account.guid)).await?,
            None => self.count_attempt_as_stranger().await?,
        };
        if let Some(until) = waits {
            return Ok(AdPasswordOutcome::Wait(until));
        }
        if known.is_none() {
            let count_attempt = [(ThrottleKey::account(account.guid), app.config.rate_limit.name)];
            match app.rate_limits.count_attempt(&count_attempt, now).await? {
                Charge::Taken(receipt) => return self.try_as_stranger(account, &mut pinned, password, receipt).await,
                Charge::Wait(until) => {
                    // The delay belongs to the account; reporting it would show that the account exists, and a new name
                    // for the account must not reveal it either.
                    if app.reported_delays.report_once(visit.client, until) {
                        log_refused(app, visit, &account, &pinned, "throttled").await?;
                    }
                    return Ok(AdPasswordOutcome::Wrong);
                }
            }
        }
        try_account(app, visit, account, &mut pinned, password, Trier::Known).await
    }

    /// Tries the password as a stranger. A success resets the account's count, whatever name was typed.
    async fn try_as_stranger(
        &self,
        account: Box<Account>,
        pinned: &mut ControllerSession,
        password: &Password,
        receipt: Receipt,
    ) -> Result<AdPasswordOutcome, FlowError> {
        let tried = try_account(self.app, self.visit, account, pinned, password, Trier::Stranger).await;
        match &tried {
            Ok(AdPasswordOutcome::Right(..)) => refund(self.app, receipt, true).await,
            Ok(AdPasswordOutcome::Wrong | AdPasswordOutcome::Held | AdPasswordOutcome::Wait(_)) => {}
            Err(_) => refund(self.app, receipt, false).await, // an error of ours is no failed attempt
        }
        tried
    }
}

/// A bind that AD refuses like a wrong password, after the same time.
async fn bind_nobody(app: &App, pinned: &mut ControllerSession, password: &Password) -> Result<BindAnswer, Lost> {
    let random = app.keys.random().map_err(|error| Lost { fault: error.into(), may_count: false })?;
    let nobody = format!("CN={},{}", Uuid::from_bytes(random), app.config.directory.base_dn);
    password_attempt::on_nobody(app, pinned, &nobody, password).await
}

/// Releases a lock after an attempt. Where the answer was lost, the attempt may still count: the lock is kept until it
/// expires.
async fn answer_of(app: &App, lock: AccountLock, tried: Result<BindAnswer, Lost>) -> Result<BindAnswer, FlowError> {
    if !tried.as_ref().is_err_and(|lost| lost.may_count) {
        lock.release(app).await;
    }
    tried.map_err(|lost| lost.fault)
}

/// Tries the password once on an account, unless a rule or the lockout guard forbids it.
async fn try_account(
    app: &App,
    visit: &RequestContext,
    mut account: Box<Account>,
    pinned: &mut ControllerSession,
    password: &Password,
    by: Trier,
) -> Result<AdPasswordOutcome, FlowError> {
    if let Some(reason) = never_by_password(app, pinned, &mut account).await? {
        bind_nobody(app, pinned, password).await.map_err(|lost| lost.fault)?;
        log_refused(app, visit, &account, pinned, reason).await?;
        return Ok(AdPasswordOutcome::Wrong);
    }
    let held = match by {
        Trier::Stranger => AdPasswordOutcome::Wrong, // as for an unknown name
        Trier::Known => AdPasswordOutcome::Held,
    };
    let lock = match account_lock::take(app, account.guid).await? {
        Taken::Lock(lock) => lock,
        Taken::Busy { until } => {
            let entry = AuditEvent { outcome: AuditOutcome::Failed, ..about(refusal(app, visit, "tried_elsewhere"), &account, pinned) };
            app.audit.append(&entry).await?;
            return Err(FlowError::Busy { until });
        }
    };
    match may_try(app, pinned, &mut account, &lock, by).await {
        Ok(Guard::Try) => {}
        Ok(Guard::Hold) => {
            lock.release(app).await;
            log_refused(app, visit, &account, pinned, "near_lockout").await?;
            return Ok(held);
        }
        Err(fault) => {
            lock.release(app).await;
            return Err(fault);
        }
    }
    let tried = password_attempt::once(app, pinned, &mut account, password, by).await;
    let answer = answer_of(app, lock, tried).await?;
    if !answer.proves_password() {
        log_refused(app, visit, &account, pinned, &answer.reason()).await?;
        return Ok(AdPasswordOutcome::Wrong);
    }
    let now = app.clock.now();
    let identity = Identity::from_ad_bind(&account, now, visit.id);
    let entry = about(event(visit, now, EventKind::SignIn, AuditOutcome::Succeeded, answer.code()), &account, pinned);
    app.audit.append(&entry).await?;
    Ok(AdPasswordOutcome::Right(account, identity))
}

/// Audit reason of an account whose password is never tried here. Of the service's own account, because strangers could
/// hold it just below its lockout, and the service with it. Of accounts that may administer the domain, because their
/// password is worth the domain.
async fn never_by_password(app: &App, pinned: &mut ControllerSession, account: &mut Account) -> Result<Option<&'static str>, FlowError> {
    if names_account(&app.config.directory.bind_user, account, &app.config.directory.base_dn) {
        return Ok(Some("service_account"));
    }
    if app.config.login.ad_password.protected_accounts {
        return Ok(None);
    }
    if is_protected(account) {
        return Ok(Some("protected"));
    }
    let groups = &app.config.delegation.protected_groups;
    if groups.is_empty() {
        return Ok(None);
    }
    let names: Vec<&str> = groups.iter().map(String::as_str).collect();
    let known = app.directory.group_sids(pinned, &names).await?;
    let sids: Vec<_> = groups.iter().filter_map(|name| known.get(name).cloned()).collect();
    if sids.len() < groups.len() {
        tracing::error!("group of authority.protected_groups not found; AD password logins are refused; run `os2nykode check`");
        return Ok(Some("protected"));
    }
    let Some(fresh) = app.directory.account_again(pinned, account.guid).await? else { return Ok(Some("protected")) };
    *account = fresh;
    Ok((is_protected(account) || account.is_in_any(&sids)).then_some("protected"))
}

/// Refunds attempts that were no failures.
pub(crate) async fn refund_all(app: &App, receipts: Vec<Receipt>, reset: bool) {
    for receipt in receipts {
        refund(app, receipt, reset).await;
    }
}

pub(crate) async fn failed_all(app: &App, receipts: Vec<Receipt>) {
    for receipt in receipts {
        failed(app, receipt).await;
    }
}

/// Refunds an attempt that was no failure. If that fails, the next delay is longer.
pub(crate) async fn refund(app: &App, receipt: Receipt, reset: bool) {
    if let Err(error) = app.rate_limits.refund(receipt, reset).await {
        tracing::warn!(error = %error, "login could not be refunded to the rate limit");
    }
}

/// Marks an attempt as failed. If that fails, the store counts it as failed a little later.
pub(crate) async fn failed(app: &App, receipt: Receipt) {
    if let Err(error) = app.rate_limits.failed(receipt).await {
        tracing::warn!(error = %error, "failed login could not be marked; it counts later");
    }
}

/// The lockout guard's decision, on an account that no other attempt has changed since it was read. If the controller
/// fails meanwhile, the next controller's data decides.
async fn may_try(
    app: &App,
    pinned: &mut ControllerSession,
    account: &mut Account,
    lock: &AccountLock,
    by: Trier,
) -> Result<Guard, FlowError> {
    match judged(app, pinned, account, lock, by).await {
        Err(FlowError::Directory(fault)) if fault.is_the_controllers() => {
            pinned.pass_over(&fault);
            if !password_attempt::moved(app, pinned, account).await? {
                return Err(fault.into());
            }
            account_lock::guard(app, pinned, account, by).await
        }
        word => word,
    }
}

async fn judged(
    app: &App,
    pinned: &mut ControllerSession,
    account: &mut Account,
    lock: &AccountLock,
    by: Trier,
) -> Result<Guard, FlowError> {
    if lock.read_again {
        match app.directory.account_again(pinned, account.guid).await? {
            Some(fresh) => *account = fresh,
            None => return Ok(Guard::Hold),
        }
    }
    account_lock::guard(app, pinned, account, by).await
}

fn refusal(app: &App, visit: &RequestContext, reason: &str) -> AuditEvent {
    let mut entry = event(visit, app.clock.now(), EventKind::SignIn, AuditOutcome::Refused, reason);
    entry.method = Some(LoginMethod::AdPassword);
    entry
}

fn about(mut entry: AuditEvent, account: &Account, pinned: &ControllerSession) -> AuditEvent {
    entry.method = Some(LoginMethod::AdPassword);
    entry.target = Some(party_of(account));
    entry.controller = Some(pinned.name().to_owned());
    entry.actor = (entry.outcome == AuditOutcome::Succeeded).then(|| party_of(account));
    entry
}

async fn log_refused(
    app: &App,
    visit: &RequestContext,
    account: &Account,
    pinned: &ControllerSession,
    reason: &str,
) -> Result<(), FlowError> {
    app.audit.append(&about(refusal(app, visit, reason), account, pinned)).await?;
    Ok(())
}

async fn log_unknown(app: &App, visit: &RequestContext, key: &str) -> Result<(), FlowError> {
    let mut entry = refusal(app, visit, "unknown_account");
    entry.unknown_name = Some(app.keys.fingerprint(key));
    app.audit.append(&entry).await?;
    Ok(())
}

/// Delays the answer until a multiple of `step_ms` has passed, so that its duration does not show its cause.
pub(crate) async fn hold_answer(started: tokio::time::Instant, step_ms: u64) {
    if step_ms == 0 {
        return;
    }
    let elapsed = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let steps = elapsed / step_ms + 1;
    tokio::time::sleep_until(started + Duration::from_millis(steps.saturating_mul(step_ms))).await;
}
