//! A person changes the password of an account that they have proven to be theirs.
//!
//! A *change* proves the old password (AD: delete and add); a *reset* replaces it, on the word of an identity provider. Which of them it is follows from how
//! the person logged in, never from the form.
//!
//! Invariants: the account in the request is authorised and read again here; the attempt is on disk before AD is asked to write; the read, the
//! write and the proof go to one controller; once begun, it goes on to its outcome though the person goes away.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    Fault, Visit, account_lock, actor_of,
    authority::{self, Own},
    by, event, party_of, policy, strength,
};
use crate::{
    app::App,
    audit::Begun,
    directory::{self, Pinned, WriteAnswer, answer::PolicyDetail},
    model::{
        account::Account,
        attempt::AttemptId,
        audit::{AuditEvent, AuditOutcome, EventKind},
        guid::ObjectGuid,
        identity::{Identity, Proof, ProviderLogin},
        lockout::Guard,
        password::Password,
        policy::{Broken, Candidate, PasswordPolicy, changeable_at, evaluate},
        refusal::Refusal,
    },
    store::throttle::{Charge, ThrottleKey},
};

/// A submitted form.
#[derive(Debug)]
pub struct Request {
    /// The account to change, as the form names it.
    pub target: ObjectGuid,
    /// The form's own number.
    pub attempt: AttemptId,
    /// The current password, as typed; a login at a provider has none to give.
    pub current: Option<Password>,
    /// The new password, as typed.
    pub new: Password,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// Done, and proven by a bind with the new password.
    Done,
    /// AD has set the new password, but the account is still locked: it could not be unlocked, and so the password could not be proven.
    DoneButLocked,
    /// Nothing was changed, and why.
    Refused(Refusal),
    /// Nobody knows: the connection was lost in the middle, or the proof failed.
    Unknown,
    /// This form was sent before; its outcome is in the log.
    AlreadySent,
}

/// What AD is asked to do.
#[derive(Debug, Clone, Copy)]
enum Operation<'a> {
    /// Delete the current password and add the new one.
    Change {
        /// The current password.
        current: &'a Password,
    },
    /// Replace whatever it is.
    Reset {
        /// On whose word.
        login: &'a ProviderLogin,
    },
}

impl Operation<'_> {
    fn attempt(self) -> EventKind {
        match self {
            Self::Change { .. } => EventKind::ChangeAttempt,
            Self::Reset { .. } => EventKind::ResetAttempt,
        }
    }

    fn outcome(self) -> EventKind {
        match self {
            Self::Change { .. } => EventKind::ChangeOutcome,
            Self::Reset { .. } => EventKind::ResetOutcome,
        }
    }
}

/// Sets the password, or says why not.
pub async fn set(app: &Arc<App>, visit: &Visit, identity: &Identity, request: Request) -> Result<Changed, Fault> {
    let (app, visit, identity) = (app.clone(), *visit, identity.clone());
    let task = tokio::spawn(async move {
        let operation = match (&identity.proof, &request.current) {
            (Proof::AdPassword { .. }, Some(current)) => Operation::Change { current },
            (Proof::AdPassword { .. }, None) => return Ok(Changed::Refused(Refusal::WrongCurrent)), // our form always asks for it
            (Proof::Provider(login), _) => Operation::Reset { login },
        };
        Setting { app: &app, visit: &visit, identity: &identity, request: &request, operation }.run().await
    });
    task.await.map_err(|_| Fault::Crashed)?
}

/// How an earlier change of this person ended, by its form's number: one of this visit, or of the account whose password they have proven.
pub async fn outcome_of(app: &App, identity: &Identity, target: ObjectGuid, attempt: AttemptId) -> Result<Option<AuditEvent>, Fault> {
    let outcome = app.audit.outcome_of(target, attempt).await?;
    let theirs = |event: &AuditEvent| event.visit == identity.visit || identity.password_of() == Some(target);
    Ok(outcome.filter(theirs))
}

/// The reason in the log where AD has set the password and the account is locked still.
pub const STILL_LOCKED: &str = "still_locked";

struct Setting<'a> {
    app: &'a App,
    visit: &'a Visit,
    identity: &'a Identity,
    request: &'a Request,
    operation: Operation<'a>,
}

impl Setting<'_> {
    async fn run(&self) -> Result<Changed, Fault> {
        let Request { target, .. } = *self.request;
        let now = self.app.clock.now();
        let mut charges = vec![(ThrottleKey::address(self.visit.client), self.app.config.throttle.address)];
        // Only its owner's tries count for an account: a stranger's must keep nobody from changing.
        if self.identity.password_of() == Some(target) {
            charges.push((ThrottleKey::change(target), self.app.config.throttle.name));
        }
        let receipt = match self.app.throttles.charge(&charges, now).await? {
            Charge::Taken(receipt) => receipt,
            Charge::Wait(until) if self.app.waits.first_word(self.visit.client, until) => {
                return self.refused(None, None, Refusal::Throttled { until }).await;
            }
            Charge::Wait(until) => return Ok(Changed::Refused(Refusal::Throttled { until })),
        };
        let outcome = self.authorised(target).await;
        // Only a wrong current password is a failure that counts; a refused new one is not a guess at anything.
        let forgiven = match &outcome {
            Ok(Changed::Done | Changed::DoneButLocked) => self.app.throttles.forgive(receipt, true).await,
            Ok(Changed::Refused(refusal)) if !counts(refusal) => self.app.throttles.forgive(receipt, false).await,
            Ok(Changed::AlreadySent) | Err(_) => self.app.throttles.forgive(receipt, false).await,
            Ok(Changed::Refused(_) | Changed::Unknown) => Ok(()),
        };
        if let Err(error) = forgiven {
            tracing::warn!(error = %error, "a try that was no failure could not be taken off the count");
        }
        outcome
    }

    /// Takes the account's lock around everything that follows, so that what is read there is still true at the try.
    async fn authorised(&self, target: ObjectGuid) -> Result<Changed, Fault> {
        let Some(lock) = account_lock::take(self.app, target).await? else {
            return self.refused(None, None, Refusal::NearLockout).await;
        };
        let outcome = self.locked(target).await;
        // Where nobody knows, the try may still be counted: the lock is not given back, but runs out.
        if !matches!(outcome, Ok(Changed::Unknown)) {
            lock.release(self.app).await;
        }
        outcome
    }

    /// Reads the account and its policy afresh, and goes on only if both allow it.
    async fn locked(&self, target: ObjectGuid) -> Result<Changed, Fault> {
        // Before the rules are looked at: after the change, the same form would be refused as too young.
        if self.app.audit.outcome_of(target, self.request.attempt).await?.is_some() {
            return Ok(Changed::AlreadySent);
        }
        let (account, mut pinned) = match authority::own(self.app, self.identity, target).await? {
            Own::Yes(account, pinned) => (*account, pinned),
            Own::NotUsable(pinned) => return self.refused(None, Some(&pinned), Refusal::NotUsable).await,
            Own::No => return self.refused(None, None, Refusal::NotYours).await,
        };
        let now = self.app.clock.now();
        if let Operation::Reset { login } = self.operation
            && let Some(refusal) = strength::refusal(self.app, &mut pinned, &account, login, self.identity.at).await?
        {
            return self.refused(Some(&account), Some(&pinned), refusal).await;
        }
        let policy = policy::in_force(self.app, &mut pinned, &account).await?;
        let current = match self.operation {
            Operation::Change { current } => Some(current),
            Operation::Reset { .. } => None,
        };
        let candidate = Candidate { new: &self.request.new, current, account: &account, now };
        let broken = evaluate(&policy, candidate);
        if !broken.is_empty() {
            return self.refused(Some(&account), Some(&pinned), Refusal::Policy(broken)).await;
        }
        if account.locked && !self.unlocks() {
            return self.refused(Some(&account), Some(&pinned), Refusal::Locked).await;
        }
        // A reset tries no password that could be wrong.
        if let Operation::Change { .. } = self.operation
            && account_lock::guard(self.app, &mut pinned, &account).await? == Guard::Hold
        {
            return self.refused(Some(&account), Some(&pinned), Refusal::NearLockout).await;
        }
        let mut attempt = self.entry(self.operation.attempt(), AuditOutcome::Started, "", Some(&account), Some(&pinned));
        attempt.password_set_before = Some(account.password.last_set_ticks);
        match self.app.audit.begin(&attempt).await? {
            Begun::New => {}
            Begun::AlreadySent => return Ok(Changed::AlreadySent),
        }
        let written = self.write(&mut pinned, &account, &policy).await;
        self.conclude(&account, &pinned, written).await
    }

    /// Is a locked account unlocked with its new password?
    fn unlocks(&self) -> bool {
        match self.operation {
            Operation::Change { .. } => false,
            Operation::Reset { .. } => self.app.config.reset.unlock,
        }
    }

    /// Writes and proves. `Err` only where AD has said that nothing was done; a lost answer is [`Changed::Unknown`].
    async fn write(&self, pinned: &mut Pinned, account: &Account, policy: &PasswordPolicy) -> Result<Changed, directory::Fault> {
        let written = match self.operation {
            Operation::Change { current } => pinned.change_password(account.guid, current, &self.request.new).await,
            Operation::Reset { .. } => pinned.reset_password(account.guid, &self.request.new).await,
        };
        match written {
            Ok(WriteAnswer::Done) => Ok(self.unlock_and_prove(pinned, account).await),
            Ok(answer) => refusal_of(answer, account, policy, self.app.clock.now()).map(Changed::Refused),
            Err(fault) => {
                tracing::warn!(controller = pinned.name(), error = %fault, "the answer to a change was lost; looking whether it was done");
                Ok(self.look(pinned, account).await)
            }
        }
    }

    /// The answer was lost. A later pwdLastSet shows that it was done; an equal one, or 0, shows nothing.
    async fn look(&self, pinned: &mut Pinned, account: &Account) -> Changed {
        match self.app.directory.account_again(pinned, account.guid).await {
            Ok(Some(now)) if now.password.last_set > account.password.last_set => self.unlock_and_prove(pinned, account).await,
            Ok(_) | Err(_) => Changed::Unknown,
        }
    }

    /// A locked account is unlocked first: nobody can log in to one, with the right password neither.
    async fn unlock_and_prove(&self, pinned: &mut Pinned, account: &Account) -> Changed {
        if account.locked && self.unlocks() {
            match pinned.unlock(account.guid).await {
                Ok(WriteAnswer::Done) => {}
                answer => {
                    tracing::warn!(controller = pinned.name(), answer = ?answer, "an account could not be unlocked with its new password");
                    return Changed::DoneButLocked;
                }
            }
        }
        self.prove(pinned, account).await
    }

    async fn prove(&self, pinned: &Pinned, account: &Account) -> Changed {
        match pinned.bind(&account.dn, &self.request.new).await {
            Ok(answer) if answer.proves_password() => Changed::Done,
            Ok(answer) => {
                tracing::warn!(
                    controller = pinned.name(),
                    answer = answer.code(),
                    "a change that AD confirmed could not be proven by a bind"
                );
                Changed::Unknown
            }
            Err(fault) => {
                tracing::warn!(controller = pinned.name(), error = %fault, "a change that AD confirmed could not be proven by a bind");
                Changed::Unknown
            }
        }
    }

    /// Logs the outcome. Where that fails, the person is told all the same what happened, and the lone attempt is settled later.
    async fn conclude(&self, account: &Account, pinned: &Pinned, written: Result<Changed, directory::Fault>) -> Result<Changed, Fault> {
        let (outcome, reason) = match &written {
            Ok(Changed::Done) => (AuditOutcome::Succeeded, String::new()),
            Ok(Changed::DoneButLocked) => (AuditOutcome::Succeeded, STILL_LOCKED.to_owned()),
            Ok(Changed::Refused(refusal)) => (AuditOutcome::Refused, refusal.code()),
            Ok(Changed::Unknown | Changed::AlreadySent) => (AuditOutcome::Unknown, "answer_lost".to_owned()),
            Err(_) => (AuditOutcome::Failed, "controller_error".to_owned()),
        };
        let mut entry = self.entry(self.operation.outcome(), outcome, &reason, Some(account), Some(pinned));
        entry.password_set_before = Some(account.password.last_set_ticks);
        if let Err(error) = self.app.audit.append(&entry).await {
            tracing::error!(error = %error, "the outcome of a change could not be logged; it will be settled from AD");
        }
        Ok(written?)
    }

    /// Logs a refusal that came before AD was asked to write. It is no word on the attempt of that number: a form sent again could belie what became of it.
    async fn refused(&self, account: Option<&Account>, pinned: Option<&Pinned>, refusal: Refusal) -> Result<Changed, Fault> {
        let mut entry = self.entry(self.operation.outcome(), AuditOutcome::Refused, &refusal.code(), account, pinned);
        entry.attempt = None;
        self.app.audit.append(&entry).await?;
        Ok(Changed::Refused(refusal))
    }

    fn entry(
        &self,
        kind: EventKind,
        outcome: AuditOutcome,
        reason: &str,
        account: Option<&Account>,
        pinned: Option<&Pinned>,
    ) -> AuditEvent {
        let mut entry = by(event(self.visit, self.app.clock.now(), kind, outcome, reason), self.identity);
        entry.actor = actor_of(self.identity, account);
        entry.target = account.map(party_of).or_else(|| {
            let guid = self.request.target;
            Some(crate::model::audit::Party { guid, account_name: String::new(), name: String::new() })
        });
        entry.controller = pinned.map(|p| p.name().to_owned());
        entry.attempt = Some(self.request.attempt);
        entry
    }
}

/// Is it a guess at the current password that went wrong, or may have?
fn counts(refusal: &Refusal) -> bool {
    match refusal {
        Refusal::WrongCurrent | Refusal::Locked | Refusal::NearLockout | Refusal::NotYours => true,
        Refusal::Policy(_)
        | Refusal::Throttled { .. }
        | Refusal::CannotChange
        | Refusal::NoRight
        | Refusal::NotUsable
        | Refusal::PolicyUnexplained
        | Refusal::OtherProvider(_)
        | Refusal::TooWeak(_)
        | Refusal::LoginTooOld => false,
    }
}

/// AD's answer as a refusal. `Err`: an answer that no user can do anything about; nothing was changed.
fn refusal_of(answer: WriteAnswer, account: &Account, policy: &PasswordPolicy, now: Timestamp) -> Result<Refusal, directory::Fault> {
    let broken = |broken| Refusal::Policy(vec![broken]);
    let rc = match answer {
        WriteAnswer::Policy(detail) => return Ok(policy_refusal(detail, account, policy, now).map_or(Refusal::PolicyUnexplained, broken)),
        WriteAnswer::WrongCurrent => return Ok(Refusal::WrongCurrent),
        WriteAnswer::Locked => return Ok(Refusal::Locked),
        WriteAnswer::CannotChange => return Ok(Refusal::CannotChange),
        WriteAnswer::NoRight => return Ok(Refusal::NoRight),
        WriteAnswer::Gone => return Ok(Refusal::NotUsable),
        WriteAnswer::Done => 0,
        WriteAnswer::ControlRefused => 12,
        WriteAnswer::Other(rc) => rc,
    };
    Err(directory::Fault::Answer { rc, text: "to a change of a password".to_owned() })
}

/// Which rule AD refused by. Where it does not say (Windows): length, complexity and age were held against the policy before, so it is history or a
/// password filter, and the answer names both.
fn policy_refusal(detail: PolicyDetail, account: &Account, policy: &PasswordPolicy, now: Timestamp) -> Option<Broken> {
    match detail {
        PolicyDetail::History => Some(Broken::UsedBefore(policy.history)),
        PolicyDetail::TooYoung => changeable_at(policy, account).filter(|at| now < *at).map(Broken::TooYoung),
        PolicyDetail::TooShort => Some(Broken::TooShort(policy.min_length)),
        PolicyDetail::Complexity => Some(Broken::NotComplex),
        PolicyDetail::Unsaid => None,
    }
}
