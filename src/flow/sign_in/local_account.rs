//! Login with a local account: name, password and code in one step.
//!
//! Invariants:
//! - Unknown, wrong, disabled and used-up credentials get the same answer after the same time.
//! - A code counts once over all instances, and only with the right password.
//! - A login ends as soon as its account is disabled, removed or given new credentials.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::flow::{
    FlowError, RequestContext, event, event_of, run_to_completion,
    sign_in::{
        ad_password::{SignIn, failed_all, hold_answer, refund_all},
        known_browser,
    },
};
use crate::{
    app::App,
    identity::local::{hash::HashError, totp::TotpSecret},
    model::{
        ad::guid::ObjectGuid,
        audit::{AuditEvent, AuditOutcome, EventKind, Party},
        credential::{
            local_account::{Role, StaffAccount, StaffName},
            password::{NotAPassword, Password},
        },
        identity::{Identity, LoginMethod, Proof},
        rate_limit::delay::DelayLimits,
    },
    store::rate_limit::{Charge, Receipt, ThrottleKey},
};

/// Delay after too many parallel logins.
const BUSY: SignedDuration = SignedDuration::from_secs(10);

/// Longest delay after wrong attempts with a name from a network. The credentials are strong, and the owner may be in
/// the same network as the attacker.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_secs(10);

/// The login form.
#[derive(Debug)]
pub struct LocalLoginForm {
    pub name: String,
    /// The password as typed, or why it cannot be one.
    pub password: Result<Password, NotAPassword>,
    /// The code of the authenticator app.
    pub code: Zeroizing<String>,
}

/// Logs in. Runs to completion, audit entry included, even if the client disconnects.
pub async fn sign_in(app: &Arc<App>, visit: &RequestContext, typed: LocalLoginForm) -> Result<SignIn, FlowError> {
    let (app, visit) = (app.clone(), visit.clone());
    run_to_completion(async move { LocalAccountAttempt { app: &app, visit: &visit, typed: &typed, receipts: Vec::new() }.run().await })
        .await
}

/// The account of a login, if it is still enabled and has the same credentials, and local logins are enabled. `None`
/// for other logins.
pub async fn current(app: &App, identity: &Identity) -> Result<Option<StaffAccount>, FlowError> {
    let Proof::Local { id, stamp, .. } = &identity.proof else { return Ok(None) };
    if !app.config.local_accounts.enabled {
        return Ok(None);
    }
    Ok(app.local_accounts.current(*id).await?.filter(|account| account.stamp == *stamp))
}

/// Whether this login has ended. Only logins with local accounts end in this way.
pub async fn is_over(app: &App, identity: &Identity) -> Result<bool, FlowError> {
    match &identity.proof {
        Proof::Local { .. } => Ok(current(app, identity).await?.is_none()),
        Proof::AdPassword { .. } | Proof::Provider(_) | Proof::Code { .. } => Ok(false),
    }
}

/// Whether the local account has the helpdesk role now. Independent of the current login.
pub(crate) async fn is_helper(app: &App, account: ObjectGuid) -> Result<bool, FlowError> {
    if !app.config.local_accounts.enabled {
        return Ok(false);
    }
    let account = app.local_accounts.current(account.into()).await?;
    Ok(account.is_some_and(|account| account.roles.contains(&Role::Helpdesk)))
}

/// Why a login is refused; for the audit log only.
enum No {
    Account(StaffAccount, &'static str),
    Unknown,
}

struct LocalAccountAttempt<'a> {
    app: &'a App,
    visit: &'a RequestContext,
    typed: &'a LocalLoginForm,
    /// Counts of this attempt, for a refund.
    receipts: Vec<Receipt>,
}

/// The result of an attempt.
enum LocalAccountOutcome {
    Right(StaffAccount),
    No(No),
    /// Rate limited until this time.
    Wait(Timestamp),
}

impl LocalAccountAttempt<'_> {
    async fn run(&mut self) -> Result<SignIn, FlowError> {
        let started = tokio::time::Instant::now();
        let (app, name) = (self.app, StaffName::parse(&self.typed.name));
        if let Some(until) = self.count_attempt(&known_browser::first_charges(app, self.visit, self.by_name())).await? {
            return self.rate_limited(until).await;
        }
        let tried = self.try_account(name).await;
        let receipts = std::mem::take(&mut self.receipts);
        match tried {
            Ok(LocalAccountOutcome::Right(account)) => {
                let welcome = self.welcome(&account).await;
                refund_all(app, receipts, welcome.is_ok()).await;
                welcome
            }
            Ok(LocalAccountOutcome::No(no)) => {
                failed_all(app, receipts).await;
                match no {
                    No::Account(account, reason) => self.log_refused(reason, &account).await?,
                    No::Unknown => self.log_unknown("unknown_account").await?,
                }
                hold_answer(started, app.config.login.ad_password.answer_after_ms).await;
                Ok(SignIn::Refused)
            }
            Ok(LocalAccountOutcome::Wait(until)) => {
                refund_all(app, receipts, false).await;
                self.rate_limited(until).await
            }
            Err(fault) => {
                refund_all(app, receipts, false).await; // an error of ours is no failed attempt
                if matches!(fault, FlowError::Hash(HashError::Busy)) {
                    return Ok(SignIn::Throttled { until: app.clock.now() + BUSY });
                }
                Err(fault)
            }
        }
    }

    /// Counts by name and network: attempts from other networks do not delay the owner.
    fn by_name(&self) -> (ThrottleKey, DelayLimits) {
        let key = StaffName::parse(&self.typed.name).map(|name| name.key()).unwrap_or_default();
        (ThrottleKey::staff(&self.app.keys, &key, self.visit.client), self.app.config.rate_limit.name.at_most(LONGEST_WAIT))
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
            self.log_unknown("throttled").await?;
        }
        Ok(SignIn::Throttled { until })
    }

    /// Computes one hash and one code in every case, so that the response time shows no difference.
    async fn try_account(&mut self, name: Option<StaffName>) -> Result<LocalAccountOutcome, FlowError> {
        let app = self.app;
        let found = match &name {
            Some(name) => app.local_accounts.find(name).await?,
            None => None,
        };
        let owner = found.as_ref().map(|found| known_browser::staff_owner(app, found.account.id, found.account.stamp));
        let known = owner.and_then(|owner| {
            let browser = known_browser::known(self.visit, owner, Some(Timestamp::MIN), app.clock.now())?;
            Some(known_browser::owners_charge(app, browser, owner))
        });
        let waits = match &known {
            Some(count_attempt) => self.count_attempt(count_attempt).await?,
            None if self.visit.browser.is_some() => {
                self.count_attempt(&known_browser::strangers_charges(app, self.visit, self.by_name())).await?
            }
            None => None,
        };
        if let Some(until) = waits {
            return Ok(LocalAccountOutcome::Wait(until));
        }
        let credentials = found.as_ref().and_then(|found| found.credentials.as_ref());
        // A flood of strangers' attempts does not take the owners' places.
        let hasher = if known.is_some() { &app.hasher_for_known } else { &app.hasher };
        let right = match &self.typed.password {
            Ok(password) => hasher.verify(password, credentials.map(|known| known.hash.as_str())).await?,
            Err(_) => false,
        };
        let totp = credentials.and_then(|known| TotpSecret::from_bytes(&known.totp));
        let step = totp.as_ref().unwrap_or(&TotpSecret::new(app.keys.random()?)).step_of(&self.typed.code, app.clock.now());
        let Some(found) = found else { return Ok(LocalAccountOutcome::No(No::Unknown)) };
        let account = found.account;
        let reason = match (account.disabled, totp.is_some(), right) {
            (true, ..) => "disabled",
            (false, false, _) => {
                tracing::error!("second factor of a local account was sealed with another server.secret; run `os2nykode account reset`");
                "unreadable"
            }
            (false, true, false) => "wrong_password",
            (false, true, true) => return self.second_factor(account, step, known.is_some()).await,
        };
        Ok(LocalAccountOutcome::No(No::Account(account, reason)))
    }

    /// Checks the code after the right password. Codes then count on the account alone, from every network: only a
    /// person with the password can use them up, and that person must not guess on. The answer does not show that the
    /// password was right.
    async fn second_factor(&mut self, account: StaffAccount, step: Option<i64>, known: bool) -> Result<LocalAccountOutcome, FlowError> {
        let count_attempt = [(ThrottleKey::second_factor(account.id), self.app.config.rate_limit.name)];
        if !known && self.count_attempt(&count_attempt).await?.is_some() {
            return Ok(LocalAccountOutcome::No(No::Account(account, "throttled")));
        }
        let Some(step) = step else { return Ok(LocalAccountOutcome::No(No::Account(account, "wrong_code"))) };
        Ok(if self.app.local_accounts.use_step(&account, step).await? {
            LocalAccountOutcome::Right(account)
        } else {
            LocalAccountOutcome::No(No::Account(account, "used_code"))
        })
    }

    async fn welcome(&self, account: &StaffAccount) -> Result<SignIn, FlowError> {
        let now = self.app.clock.now();
        let identity = Identity::from_staff(account, self.app.config.local_accounts.level, now, self.visit.id);
        let mut entry = event_of(self.visit, &identity, now, EventKind::SignIn, AuditOutcome::Succeeded, "");
        entry.actor = Some(party(account));
        entry.target = entry.actor.clone();
        self.app.audit.append(&entry).await?;
        count("succeeded");
        tracing::warn!("login with a local account");
        Ok(SignIn::Welcome(identity))
    }

    async fn log_refused(&self, reason: &str, account: &StaffAccount) -> Result<(), FlowError> {
        let mut entry = self.refusal(reason);
        entry.target = Some(party(account));
        self.app.audit.append(&entry).await?;
        count("refused");
        Ok(())
    }

    /// A name without an account is stored as a fingerprint only: people type passwords into the wrong field.
    async fn log_unknown(&self, reason: &str) -> Result<(), FlowError> {
        let key = StaffName::parse(&self.typed.name).map_or_else(|| self.typed.name.to_lowercase(), |name| name.key());
        let mut entry = self.refusal(reason);
        entry.unknown_name = Some(self.app.keys.fingerprint(&key));
        self.app.audit.append(&entry).await?;
        count("refused");
        Ok(())
    }

    fn refusal(&self, reason: &str) -> AuditEvent {
        let entry = event(self.visit, self.app.clock.now(), EventKind::SignIn, AuditOutcome::Refused, reason);
        AuditEvent { method: Some(LoginMethod::Local), ..entry }
    }
}

/// Metric for an alarm: logins with local accounts are rare.
fn count(outcome: &'static str) {
    metrics::counter!("os2nykode_local_account_sign_ins_total", "outcome" => outcome).increment(1);
}

/// A local account as a party of an audit entry.
pub(crate) fn party(account: &StaffAccount) -> Party {
    Party { guid: account.id.into(), account_name: account.name.clone(), name: account.full_name.clone() }
}

/// A new stamp; no login has it yet.
pub(crate) fn new_stamp(random: [u8; 16]) -> Uuid {
    uuid::Builder::from_random_bytes(random).into_uuid()
}
