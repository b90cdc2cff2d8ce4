//! Logging in with a local staff account: name, password and code in one step.
//!
//! Invariants: unknown, wrong, disabled and used up look and take alike; a code counts once over all instances, and only where the password was right; a
//! login is over as soon as its account is disabled, removed or given other credentials.

use std::sync::Arc;

use uuid::Uuid;
use zeroize::Zeroizing;

use super::{
    Fault, Visit, event, event_of,
    sign_in::{SignIn, forgive, hold_answer},
};
use crate::{
    app::App,
    identity::local::{hash::HashError, totp::TotpSecret},
    model::{
        audit::{AuditEvent, AuditOutcome, EventKind, Party},
        guid::ObjectGuid,
        identity::{Identity, LoginMethod, Proof},
        password::{NotAPassword, Password},
        staff::{Role, StaffAccount, StaffName},
    },
    store::throttle::{Charge, ThrottleKey},
};

/// How soon somebody may try again where too many try at once.
const BUSY: jiff::SignedDuration = jiff::SignedDuration::from_secs(10);

/// What was typed.
#[derive(Debug)]
pub struct Typed {
    /// The account's name.
    pub name: String,
    /// The password, if it can be one.
    pub password: Result<Password, NotAPassword>,
    /// The code of the authenticator app.
    pub code: Zeroizing<String>,
}

/// Logs in. It goes on to its end, audit entry included, when the person goes away in the middle.
pub async fn sign_in(app: &Arc<App>, visit: &Visit, typed: Typed) -> Result<SignIn, Fault> {
    let (app, visit) = (app.clone(), visit.clone());
    let task = tokio::spawn(async move { Attempt { app: &app, visit: &visit, typed: &typed }.run().await });
    task.await.map_err(|_| Fault::Crashed)?
}

/// The account of a login, if it still is what it was: enabled, with the same credentials, and such logins are still taken. `None` for other logins.
pub async fn current(app: &App, identity: &Identity) -> Result<Option<StaffAccount>, Fault> {
    let Proof::Local { id, stamp, .. } = &identity.proof else { return Ok(None) };
    if !app.config.staff.enabled {
        return Ok(None);
    }
    Ok(app.staff.current(*id).await?.filter(|account| account.stamp == *stamp))
}

/// Is this login over? Only those of local staff accounts end in this way.
pub async fn is_over(app: &App, identity: &Identity) -> Result<bool, Fault> {
    match &identity.proof {
        Proof::Local { .. } => Ok(current(app, identity).await?.is_none()),
        Proof::AdPassword { .. } | Proof::Provider(_) | Proof::Code { .. } => Ok(false),
    }
}

/// Does a local staff account work at helpdesks now, whoever is logged in?
pub(super) async fn is_helper(app: &App, account: ObjectGuid) -> Result<bool, Fault> {
    if !app.config.staff.enabled {
        return Ok(false);
    }
    let account = app.staff.current(account.into()).await?;
    Ok(account.is_some_and(|account| account.roles.contains(&Role::Helpdesk)))
}

/// Why somebody is not let in; for the log alone.
enum No {
    Account(StaffAccount, &'static str),
    Unknown,
}

struct Attempt<'a> {
    app: &'a App,
    visit: &'a Visit,
    typed: &'a Typed,
}

impl Attempt<'_> {
    async fn run(&self) -> Result<SignIn, Fault> {
        let started = tokio::time::Instant::now();
        let (app, name) = (self.app, StaffName::parse(&self.typed.name));
        let key = name.as_ref().map(StaffName::key).unwrap_or_default();
        let charges = [
            (ThrottleKey::staff(&app.keys, &key), app.config.throttle.name),
            (ThrottleKey::address(self.visit.client), app.config.throttle.address),
        ];
        let receipt = match app.throttles.charge(&charges, app.clock.now()).await? {
            Charge::Taken(receipt) => receipt,
            Charge::Wait(until) => {
                if app.waits.first_word(self.visit.client, until) {
                    self.log_unknown("throttled").await?;
                }
                return Ok(SignIn::Throttled { until });
            }
        };
        match self.try_account(name).await {
            Ok(Ok(account)) => {
                let welcome = self.welcome(&account).await;
                forgive(app, receipt, welcome.is_ok()).await;
                welcome
            }
            Ok(Err(no)) => {
                match no {
                    No::Account(account, reason) => self.log_refused(reason, &account).await?,
                    No::Unknown => self.log_unknown("unknown_account").await?,
                }
                hold_answer(started, app.config.login.ad_password.answer_after_ms).await;
                Ok(SignIn::Refused)
            }
            Err(fault) => {
                forgive(app, receipt, false).await; // our failure is not theirs
                match fault {
                    Fault::Hash(HashError::Busy) => Ok(SignIn::Throttled { until: app.clock.now() + BUSY }),
                    Fault::Directory(_)
                    | Fault::People(_)
                    | Fault::Store(_)
                    | Fault::NoRandomness(_)
                    | Fault::Unsent(_)
                    | Fault::Hash(HashError::Failed)
                    | Fault::TooManyQuestions
                    | Fault::Crashed => Err(fault),
                }
            }
        }
    }

    /// One hash and one code are computed, whatever there is.
    async fn try_account(&self, name: Option<StaffName>) -> Result<Result<StaffAccount, No>, Fault> {
        let app = self.app;
        let found = match &name {
            Some(name) => app.staff.find(name).await?,
            None => None,
        };
        let credentials = found.as_ref().and_then(|found| found.credentials.as_ref());
        let right = match &self.typed.password {
            Ok(password) => app.hasher.verify(password, credentials.map(|known| known.hash.as_str())).await?,
            Err(_) => false,
        };
        let totp = credentials.and_then(|known| TotpSecret::from_bytes(&known.totp));
        let step = totp.as_ref().unwrap_or(&TotpSecret::new(app.keys.random()?)).step_of(&self.typed.code, app.clock.now());
        let Some(found) = found else { return Ok(Err(No::Unknown)) };
        let account = found.account;
        Ok(match (account.disabled, totp.is_some(), right, step) {
            (true, ..) => Err(No::Account(account, "disabled")),
            (false, false, ..) => {
                tracing::error!(
                    "the second factor of a local staff account was sealed with another server.secret: `os2nykode account reset` it"
                );
                Err(No::Account(account, "unreadable"))
            }
            (false, true, false, _) => Err(No::Account(account, "wrong_password")),
            (false, true, true, None) => Err(No::Account(account, "wrong_code")),
            (false, true, true, Some(step)) if app.staff.use_step(&account, step).await? => Ok(account),
            (false, true, true, Some(_)) => Err(No::Account(account, "used_code")),
        })
    }

    async fn welcome(&self, account: &StaffAccount) -> Result<SignIn, Fault> {
        let now = self.app.clock.now();
        let identity = Identity::from_staff(account, self.app.config.staff.level, now, self.visit.id);
        let mut entry = event_of(self.visit, &identity, now, EventKind::SignIn, AuditOutcome::Succeeded, "");
        entry.actor = Some(party(account));
        entry.target = entry.actor.clone();
        self.app.audit.append(&entry).await?;
        count("succeeded");
        tracing::warn!("somebody has logged in with a local staff account; the audit log says who");
        Ok(SignIn::Welcome(identity))
    }

    async fn log_refused(&self, reason: &str, account: &StaffAccount) -> Result<(), Fault> {
        let mut entry = self.refusal(reason);
        entry.target = Some(party(account));
        self.app.audit.append(&entry).await?;
        count("refused");
        Ok(())
    }

    /// A name that belongs to no account is not kept: people type their password into the wrong field.
    async fn log_unknown(&self, reason: &str) -> Result<(), Fault> {
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

/// For an alarm: such a login is rare.
fn count(outcome: &'static str) {
    metrics::counter!("staff_sign_ins_total", "outcome" => outcome).increment(1);
}

/// An account as the log names it.
pub(super) fn party(account: &StaffAccount) -> Party {
    Party { guid: account.id.into(), account_name: account.name.clone(), name: account.full_name.clone() }
}

/// A stamp that no login has.
pub(super) fn new_stamp(random: [u8; 16]) -> Uuid {
    uuid::Builder::from_random_bytes(random).into_uuid()
}
