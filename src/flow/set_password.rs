//! Setting a new password. For an own account a *change* with the current password, or a *reset* after a login at an
//! identity provider or by one-time code; for another person's account a *reset* by delegation.
//!
//! Invariants:
//! - The login decides between change and reset of an own account, never the form.
//! - The account in the request is authorized and read again here; for a reset so are the strength and age of the
//!   login.
//! - The attempt is on disk before AD is asked to write.
//! - Whether the new password is leaked is asked after authorization and before the account lock is taken: it may take seconds.
//! - The read, the write and the proof use one controller.
//! - Once begun, the operation runs to completion even if the client disconnects.

pub(crate) mod assurance;
mod leak;
mod outcome;
mod record;
mod write;

use std::sync::Arc;

use uuid::Uuid;

use super::{
    FlowError, RequestContext,
    account_lock::{self, Taken},
    run_to_completion,
};
use crate::flow::set_password::outcome::counts;
use crate::flow::{
    delegation::{self, MayDeny as _, RegisterAnswers, TargetLookup},
    one_time_code, password_policy,
    self_service::linked_accounts::{self, LinkedAccounts, Registered},
};
use crate::{
    app::App,
    audit::AttemptBegun,
    directory::{self, BindAnswer, ControllerSession},
    model::{
        account::Account,
        ad::guid::ObjectGuid,
        audit::{AuditEvent, AuditOutcome, EventKind, Party, attempt::AttemptId},
        authorization::{Action, Denial, Grant},
        cpr::Cpr,
        credential::password::Password,
        identity::{Identity, Proof, ProviderLogin},
        password_policy::{BrokenRule, Candidate, PasswordPolicy, evaluate},
        rate_limit::{
            delay::DelayLimits,
            lockout_guard::{Guard, Trier},
        },
        refusal::Refusal,
    },
    store::{
        rate_limit::{Charge, ThrottleKey},
        sessions::Asking,
    },
};

/// Audit reason of a reset whose account is still locked.
pub const STILL_LOCKED: &str = "still_locked";

/// Prefix of the audit reason where AD has confirmed the new password but refuses the bind for another cause, which
/// follows.
pub const NOT_LET_IN: &str = "not_let_in";

/// Audit reason where AD has confirmed the new password and could not be asked to prove it.
pub const NOT_TRIED: &str = "not_tried";

/// A submitted password form.
#[derive(Debug)]
pub struct SetRequest {
    /// The account that the form names. Not yet authorized.
    pub target: ObjectGuid,
    /// The form's attempt number.
    pub attempt: AttemptId,
    /// The current password, as typed. A change needs it; a reset ignores it.
    pub current: Option<Password>,
    /// The new password, as typed.
    pub new: Password,
    /// Self-service or delegation.
    pub whose: Whose,
}

/// Self-service or delegation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Self-service: the account is the person's own.
    Own {
        /// The current session, which stays; the account's other sessions end.
        asking: Option<Asking>,
    },
    /// Delegation: another person's account.
    Anothers {
        /// Whether the password has to be changed at the next logon.
        must_change: bool,
    },
}

/// The result of a change or reset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetOutcome {
    /// The password is set, and a bind with it has proven it.
    Done,
    /// AD has confirmed the new password. The account is locked, so no bind could prove it.
    StillLocked,
    /// AD has confirmed the new password, but refuses the bind for a cause that says nothing of the password.
    NotLetIn(BindAnswer),
    /// AD has confirmed the new password. It could not be proven.
    NotTried,
    /// Nothing was changed.
    Refused(Refusal),
    /// The outcome is unknown: the connection was lost during the write, or the proof failed.
    Unknown,
    /// The form was sent before. Its outcome is in the audit log.
    AlreadySent,
}

impl delegation::MayDeny for SetOutcome {
    fn denied(denial: Denial) -> Self {
        Self::Refused(Refusal::Denied(denial))
    }

    fn denial(&self) -> Option<Denial> {
        match self {
            Self::Refused(Refusal::Denied(denial)) => Some(*denial),
            Self::Done | Self::StillLocked | Self::NotLetIn(_) | Self::NotTried | Self::Refused(_) | Self::Unknown | Self::AlreadySent => {
                None
            }
        }
    }
}

/// The operation that AD performs.
#[derive(Debug, Clone, Copy)]
enum Operation<'a> {
    /// Delete the old and add the new password; AD checks the old one.
    Change { current: &'a Password },
    /// Replace the password with the service account's right; no old password is checked.
    Reset { login: &'a ProviderLogin },
    /// A reset after a login by one-time code.
    ResetByCode { code: Uuid },
    /// A reset by delegation.
    ResetOther { must_change: bool },
}

/// Delegation as the audit log names it; `None` in its place means self-service.
#[derive(Debug)]
struct Delegated {
    actor: Party,
    ground: Grant,
    /// CPR number of the actor's child, where the target is the child's account.
    child: Option<Cpr>,
    /// Answers of the registers and the family service.
    said: RegisterAnswers,
}

/// Changes or resets the password, as the login allows, or returns the refusal.
pub async fn set(app: &Arc<App>, visit: &RequestContext, identity: &Identity, request: SetRequest) -> Result<SetOutcome, FlowError> {
    let (app, visit, identity) = (app.clone(), visit.clone(), identity.clone());
    run_to_completion(async move {
        let registered = Registered::default();
        let submitted =
            Submitted { app: &app, visit: &visit, identity: &identity, request: &request, registered: &registered, behalf: None };
        submitted.run().await
    })
    .await
}

/// The outcome of an earlier change or reset of an own account, by its attempt number: an attempt of this visit, or of
/// the account whose password the login has proven. `actor`: the person who sent the form, the account itself or a
/// delegated actor.
pub async fn outcome_of(
    app: &App,
    identity: &Identity,
    actor: ObjectGuid,
    target: ObjectGuid,
    attempt: AttemptId,
) -> Result<Option<AuditEvent>, FlowError> {
    let outcome = app.audit.outcome_of(actor, attempt).await?;
    let theirs = |event: &AuditEvent| event.visit == identity.visit || identity.only_account() == Some(target);
    Ok(outcome.filter(theirs))
}

/// The outcome of an earlier reset by delegation, in this visit.
pub async fn outcome_for(app: &App, identity: &Identity, target: ObjectGuid, attempt: AttemptId) -> Result<Option<AuditEvent>, FlowError> {
    for actor in delegation::actors(app, identity).await? {
        let outcome = app.audit.outcome_of(actor, attempt).await?;
        let of_target = |event: &AuditEvent| event.target.as_ref().is_some_and(|party| party.guid == target);
        if let Some(event) = outcome.filter(|event| event.visit == identity.visit && of_target(event)) {
            return Ok(Some(event));
        }
    }
    Ok(None)
}

/// The account, the controller session, the policy in force, and a refusal that makes the write superfluous.
type ReadyToWrite = (Account, ControllerSession, PasswordPolicy, Option<Refusal>);

struct Submitted<'a> {
    app: &'a App,
    visit: &'a RequestContext,
    identity: &'a Identity,
    request: &'a SetRequest,
    /// Read before the account lock is taken: only AD is asked while it is held.
    registered: &'a Registered,
    behalf: Option<&'a Delegated>,
}

impl Submitted<'_> {
    async fn run(&self) -> Result<SetOutcome, FlowError> {
        match self.request.whose {
            Whose::Own { .. } => {
                let count_attempt = ThrottleKey::address(self.visit.client, self.app.config.rate_limit.address);
                Box::pin(self.counted(count_attempt, false, self.authorised())).await
            }
            // No rate limit on the address: a whole school shares one.
            Whose::Anothers { must_change } => {
                let work = Box::pin(self.for_another(must_change));
                delegation::counted(self.app, self.visit, self.identity, EventKind::ResetOutcome, work).await
            }
        }
    }

    /// Counts an attempt before the work begins, and refunds it where it was no failure. `theirs`: the account is known
    /// to be the person's own.
    async fn counted(
        &self,
        count_attempt: Vec<(ThrottleKey, DelayLimits)>,
        theirs: bool,
        work: impl Future<Output = Result<SetOutcome, FlowError>>,
    ) -> Result<SetOutcome, FlowError> {
        let receipt = match self.app.rate_limits.count_attempt(&count_attempt, self.app.clock.now()).await? {
            Charge::Taken(receipt) => receipt,
            Charge::Wait(until) => {
                if self.app.reported_delays.report_once(self.visit.client, until) {
                    let mut entry = self.refusal(None, None, &Refusal::Throttled { until });
                    // A form can name any account: a name without authorization must not add to that account's history.
                    entry.target = entry.target.filter(|_| theirs);
                    self.app.audit.append(&entry).await?;
                }
                return Ok(SetOutcome::Refused(Refusal::Throttled { until }));
            }
        };
        let answer = work.await;
        let forgiven = match &answer {
            Ok(SetOutcome::Done | SetOutcome::StillLocked | SetOutcome::NotLetIn(_) | SetOutcome::NotTried) => {
                self.app.rate_limits.refund(receipt, true).await
            }
            Ok(SetOutcome::Refused(refusal)) if !counts(refusal) => self.app.rate_limits.refund(receipt, false).await,
            Ok(SetOutcome::AlreadySent) | Err(_) => self.app.rate_limits.refund(receipt, false).await,
            Ok(SetOutcome::Refused(_) | SetOutcome::Unknown) => self.app.rate_limits.failed(receipt).await,
        };
        if let Err(error) = forgiven {
            tracing::warn!(error = %error, "attempt could not be refunded to the rate limit");
        }
        answer
    }

    /// Only the owner's attempts count on the account: no other person can use them up.
    async fn authorised(&self) -> Result<SetOutcome, FlowError> {
        let registered = Registered::ask(self.app, self.identity).await?;
        if !linked_accounts::owns(self.app, self.identity, &registered, self.request.target).await? {
            return self.refused(None, None, Refusal::NoRelation).await;
        }
        let Some(operation) = self.operation() else { return self.refused(None, None, Refusal::WrongCurrent).await };
        let count_attempt = vec![(ThrottleKey::change(self.request.target), self.app.config.rate_limit.name)];
        let theirs = Submitted { registered: &registered, ..*self };
        Box::pin(self.counted(count_attempt, true, theirs.with_account_lock(operation))).await
    }

    /// Takes the account lock only after authorization. Nothing can be guessed here, so no attempts count on the
    /// account.
    async fn for_another(&self, must_change: bool) -> Result<SetOutcome, FlowError> {
        let looked = delegation::look_at(self.app, self.visit, self.identity, EventKind::ResetOutcome, self.request.target).await?;
        let TargetLookup { standing, seen, said } = match looked {
            Ok(looked) => looked,
            Err(denial) => return Ok(SetOutcome::denied(denial)),
        };
        // An own account has its own form with its own rules.
        let Some(seen) = seen.filter(|seen| !standing.owns(seen.account.guid)) else {
            delegation::log_denied(self.app, self.visit, self.identity, &self.refusal(None, None, &Refusal::Denied(Denial::NoRelation)))
                .await?;
            return Ok(SetOutcome::denied(Denial::NoRelation));
        };
        match standing.authorize(self.app, &seen, Action::SetPassword) {
            Ok(ground) => {
                let actor = standing.party(self.app, self.identity, &ground, self.request.target);
                let behalf = Delegated { actor, ground, child: seen.child.clone(), said };
                drop(standing);
                Submitted { behalf: Some(&behalf), ..*self }.with_account_lock(Operation::ResetOther { must_change }).await
            }
            Err(denial) => {
                let actor = standing.somebody(self.app, self.identity);
                let mut entry = self.refusal(Some(&seen.account), Some(&standing.pinned), &Refusal::Denied(denial));
                entry.actor = Some(actor);
                delegation::log_denied(self.app, self.visit, self.identity, &entry).await?;
                Ok(SetOutcome::denied(denial))
            }
        }
    }

    /// The account as it is now, if the actor is still authorized.
    async fn still(&self) -> Result<Result<(Account, ControllerSession), Refusal>, FlowError> {
        let Some(behalf) = self.behalf else {
            return Ok(match linked_accounts::own(self.app, self.identity, self.registered, self.request.target).await? {
                LinkedAccounts::Yes(read) => Ok(*read),
                LinkedAccounts::Denied(denial) => Err(Refusal::Denied(denial)),
                LinkedAccounts::NotUsable => Err(Refusal::NotUsable),
                LinkedAccounts::No => Err(Refusal::NoRelation),
            });
        };
        let TargetLookup { standing, seen, .. } = match behalf.said.look_again(self.app, self.identity, self.request.target).await? {
            Ok(looked) => looked,
            Err(denial) => return Ok(Err(Refusal::Denied(denial))),
        };
        let Some(seen) = seen else { return Ok(Err(Refusal::Denied(Denial::NoRelation))) };
        Ok(match standing.authorize(self.app, &seen, Action::SetPassword) {
            Ok(ground) if ground == behalf.ground => Ok((seen.account, standing.pinned)),
            // The grant has changed since the first decision. A new request is decided on the new grant.
            Ok(_) => Err(Refusal::Denied(Denial::NoRelation)),
            Err(denial) => Err(Refusal::Denied(denial)),
        })
    }

    /// The operation that the login allows. `None`: a change without the current password, which must never become a
    /// reset.
    fn operation(&self) -> Option<Operation<'_>> {
        match (&self.identity.proof, &self.request.current) {
            (Proof::AdPassword { .. }, Some(current)) => Some(Operation::Change { current }),
            (Proof::AdPassword { .. }, None) | (Proof::Local { .. }, _) => None,
            (Proof::Provider(login), _) => Some(Operation::Reset { login }),
            (Proof::Code { code, .. }, _) => Some(Operation::ResetByCode { code: *code }),
        }
    }

    /// Takes the account lock around the rest, so that the facts are still true at the write.
    async fn with_account_lock(&self, operation: Operation<'_>) -> Result<SetOutcome, FlowError> {
        let SetRequest { target, attempt, .. } = *self.request;
        let leak = leak::broken(self.app, &self.request.new).await;
        let lock = match account_lock::take_for(self.app, target, attempt).await? {
            Taken::Lock(lock) => lock,
            // An earlier attempt is not over, or its outcome is unknown.
            Taken::Busy { until } => return self.refused(None, None, Refusal::Busy { until }).await,
        };
        let answer = self.locked(operation, leak.as_ref()).await;
        // After an unknown outcome the attempt may still count: the lock is not released, but expires.
        if !matches!(answer, Ok(SetOutcome::Unknown)) {
            lock.release(self.app).await;
        }
        answer
    }

    /// Reads the account and its policy again, and continues only if every rule allows it.
    async fn locked(&self, operation: Operation<'_>, leak: Option<&BrokenRule>) -> Result<SetOutcome, FlowError> {
        let SetRequest { target, attempt, .. } = *self.request;
        // Before the policy is checked: after the change, the same form would be refused as too young.
        if self.app.audit.outcome_of(self.behalf.map_or(target, |behalf| behalf.actor.guid), attempt).await?.is_some() {
            return Ok(SetOutcome::AlreadySent);
        }
        let ready = tokio::time::timeout(account_lock::JUDGED_WITHIN, self.ready(operation, leak)).await;
        let (account, mut pinned, policy, hindrance) = match ready.map_err(|_| directory::DirectoryError::TimedOut)?? {
            Ok(read) => read,
            Err(refusal) => return self.refused(None, None, refusal).await,
        };
        if let Some(refusal) = hindrance {
            return self.refused(Some(&account), Some(&pinned), refusal).await;
        }
        let mut begun = self.entry(self.kinds().0, AuditOutcome::Started, "", Some(&account), Some(&pinned));
        begun.password_set_before = Some(account.password.last_set_ticks);
        let before = pinned.version_before(&account).await;
        begun.note = before.map(|before| before.to_string());
        match self.app.audit.begin(&begun).await? {
            AttemptBegun::New => {}
            AttemptBegun::AlreadySent => return Ok(SetOutcome::AlreadySent),
        }
        let write = self.write(operation, &mut pinned, &account, &policy, before);
        let written = match operation {
            Operation::ResetByCode { code } => one_time_code::once(self.app, target, code, write).await?,
            Operation::Change { .. } | Operation::Reset { .. } | Operation::ResetOther { .. } => write.await,
        };
        self.conclude(&account, &pinned, written).await
    }

    /// Reads everything before the write on one controller; if that controller fails, on the next one.
    async fn ready(&self, operation: Operation<'_>, leak: Option<&BrokenRule>) -> Result<Result<ReadyToWrite, Refusal>, FlowError> {
        for last in [false, true] {
            let (account, mut pinned) = match self.still().await? {
                Ok(read) => read,
                Err(refusal) => return Ok(Err(refusal)),
            };
            let read = async {
                let policy = password_policy::in_force(self.app, &mut pinned, &account).await?;
                let hindrance = self.hindrance(operation, &mut pinned, &account, &policy, leak).await?;
                Ok::<_, FlowError>((policy, hindrance))
            };
            match read.await {
                Ok((policy, hindrance)) => return Ok(Ok((account, pinned, policy, hindrance))),
                Err(FlowError::Directory(fault)) if !last && fault.is_the_controllers() => pinned.pass_over(&fault),
                Err(fault) => return Err(fault),
            }
        }
        Err(directory::DirectoryError::NoController.into())
    }

    /// The refusal that makes the write superfluous. `leak`: the rule that a leaked password breaks.
    async fn hindrance(
        &self,
        operation: Operation<'_>,
        pinned: &mut ControllerSession,
        account: &Account,
        policy: &PasswordPolicy,
        leak: Option<&BrokenRule>,
    ) -> Result<Option<Refusal>, FlowError> {
        let (now, new) = (self.app.clock.now(), &self.request.new);
        let broken = |current| {
            let mut broken = evaluate(policy, Candidate { new, current, account, now });
            broken.extend(leak.cloned());
            (!broken.is_empty()).then_some(Refusal::Policy(broken))
        };
        let broken_by_itself = || {
            let mut broken = evaluate(policy, Candidate { new, current: None, account, now });
            broken.extend(leak.cloned());
            broken.retain(|broken| !matches!(broken, BrokenRule::TooYoung(_)));
            (!broken.is_empty()).then_some(Refusal::Policy(broken))
        };
        match operation {
            Operation::Change { current } => Ok(match broken(Some(current)) {
                Some(refusal) => Some(refusal),
                None if account.locked => Some(Refusal::Locked),
                None => {
                    let guard = account_lock::guard(self.app, pinned, account, Trier::Known).await?;
                    (guard == Guard::Hold).then_some(Refusal::NearLockout)
                }
            }),
            // No wrong password can be tried here: no lockout guard is needed.
            Operation::Reset { login } => {
                Ok(assurance::hindrance(self.app, self.identity, login, pinned, account).await?.or_else(|| broken(None)))
            }
            Operation::ResetByCode { code } => {
                Ok(one_time_code::hindrance(self.app, self.identity, code, account).await?.or_else(broken_by_itself))
            }
            Operation::ResetOther { .. } => {
                let locked = account.locked && !self.app.config.reset.unlock;
                Ok(locked.then_some(Refusal::Locked).or_else(broken_by_itself))
            }
        }
    }
}
