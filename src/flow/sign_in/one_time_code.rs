//! Redeeming a one-time code: a login with an account name and the code.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::flow::one_time_code::NOBODYS;
use crate::{
    app::App,
    directory::LoginMatch,
    flow::{
        FlowError, RequestContext, event, party_of, run_to_completion,
        sign_in::{
            ad_password::{failed_all, hold_answer, refund_all},
            known_browser,
        },
    },
    identity::local::hash::{HashError, HashSlot},
    model::{
        account::{Account, name::LoginName},
        audit::{AuditEvent, AuditOutcome, EventKind},
        authorization::Denial,
        credential::{one_time_code::Code, slow_hash::SlowHash},
        identity::{Identity, LoginMethod, Proof},
        rate_limit::delay::DelayLimits,
    },
    store::{
        codes::{StoredCode, Try},
        rate_limit::{Charge, Receipt, ThrottleKey},
    },
};

/// Delay after too many parallel logins.
const BUSY: SignedDuration = SignedDuration::from_secs(10);

/// Longest delay after wrong codes with a name from a network. The caller is on the telephone and may be in the same
/// network as the attacker.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_secs(10);

/// The result of a login by code.
#[derive(Debug)]
pub enum Redeemed {
    Welcome(Identity),
    /// Every other outcome of the login, with one answer for all.
    Refused,
    /// The rate limit of this name or address is reached.
    Throttled {
        /// When the next attempt is possible.
        until: Timestamp,
    },
}

/// Logs in with a code. Runs to completion, audit entry included, even if the client disconnects.
pub async fn redeem(app: &Arc<App>, visit: &RequestContext, name: &str, code: &str) -> Result<Redeemed, FlowError> {
    let (app, visit, name, code) = (app.clone(), visit.clone(), LoginName::parse(name), Code::parse(code));
    let key = name.as_ref().map(LoginName::key).unwrap_or_default();
    run_to_completion(async move { OneTimeCodeAttempt { app: &app, visit: &visit, key, receipts: Vec::new() }.run(name, code).await }).await
}

/// The result of an attempt.
enum OneTimeCodeOutcome {
    Right(Identity),
    /// Refused, and logged.
    Wrong,
    /// Rate limited until this time.
    Wait(Timestamp),
}

struct OneTimeCodeAttempt<'a> {
    app: &'a App,
    visit: &'a RequestContext,
    /// The name as the rate limit counts it.
    key: String,
    /// Counts of this attempt, for a refund.
    receipts: Vec<Receipt>,
}

impl OneTimeCodeAttempt<'_> {
    async fn run(&mut self, name: Option<LoginName>, code: Option<Code>) -> Result<Redeemed, FlowError> {
        let (app, started) = (self.app, tokio::time::Instant::now());
        // A code with the right prefix comes from the person who has heard it. Strangers do not delay that person, and
        // the attempts on the code itself are limited.
        let selected = match &code {
            Some(code) if app.code_probes.take(self.visit.client, app.clock.now()) => {
                app.codes.selects(&self.key, code, app.clock.now()).await?
            }
            Some(_) | None => false,
        };
        if !selected && let Some(until) = self.count_attempt(&known_browser::first_charges(app, self.visit, self.by_name())).await? {
            return self.rate_limited(until).await;
        }
        let tried = self.try_code(name.as_ref(), code, selected).await;
        let receipts = std::mem::take(&mut self.receipts);
        match tried {
            Ok(OneTimeCodeOutcome::Right(identity)) => {
                refund_all(app, receipts, false).await;
                Ok(Redeemed::Welcome(identity))
            }
            Ok(OneTimeCodeOutcome::Wrong) => {
                failed_all(app, receipts).await;
                hold_answer(started, app.config.login.ad_password.answer_after_ms).await;
                Ok(Redeemed::Refused)
            }
            Ok(OneTimeCodeOutcome::Wait(until)) => {
                refund_all(app, receipts, false).await;
                self.rate_limited(until).await
            }
            Err(fault) => {
                refund_all(app, receipts, false).await; // an error of ours is no failed attempt
                if matches!(fault, FlowError::Hash(HashError::Busy)) {
                    return Ok(Redeemed::Throttled { until: app.clock.now() + BUSY });
                }
                Err(fault)
            }
        }
    }

    fn by_name(&self) -> (ThrottleKey, DelayLimits) {
        (ThrottleKey::code(&self.app.keys, &self.key, self.visit.client), self.app.config.rate_limit.name.at_most(LONGEST_WAIT))
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

    async fn rate_limited(&self, until: Timestamp) -> Result<Redeemed, FlowError> {
        if self.app.reported_delays.report_once(self.visit.client, until) {
            log_nobody(self.app, self.visit, &self.key, "throttled").await?;
        }
        Ok(Redeemed::Throttled { until })
    }

    /// Compares one code in every case, so that the response time shows no difference. A flood of decoys that fills its
    /// places is the exception.
    async fn try_code(&mut self, name: Option<&LoginName>, code: Option<Code>, selected: bool) -> Result<OneTimeCodeOutcome, FlowError> {
        let (app, visit) = (self.app, self.visit);
        let found = find(app, name).await?;
        if !selected && visit.browser.is_some() {
            let known = found.as_ref().ok().and_then(|account| {
                let browser = known_browser::known(visit, account.guid, account.password.last_set, app.clock.now())?;
                Some(known_browser::owners_charge(app, browser, account.guid))
            });
            let waits = match known {
                Some(count_attempt) => self.count_attempt(&count_attempt).await?,
                None => self.count_attempt(&known_browser::strangers_charges(app, visit, self.by_name())).await?,
            };
            if let Some(until) = waits {
                return Ok(OneTimeCodeOutcome::Wait(until));
            }
        }
        let account = match found {
            Ok(account) => account,
            Err(reason) => {
                compare_with_nobodys(app, code).await?;
                log_nobody(app, visit, &self.key, reason).await?;
                return Ok(OneTimeCodeOutcome::Wrong);
            }
        };
        // Before an attempt on the code is counted: a flood that fills all places must not use up the code's attempts.
        let place = if selected { Some(app.code_hasher.place().await?) } else { None };
        let kept = match app.codes.begin(account.guid, code.as_ref(), app.clock.now()).await? {
            Try::Compare(kept) => kept,
            Try::No(reason) => {
                compare_with_nobodys(app, code).await?;
                return refused(app, visit, &account, None, reason).await;
            }
        };
        let place = match place {
            Some(place) => place,
            None => app.code_hasher.place().await?,
        };
        if !compare(place, code, kept.hash).await? {
            return refused(app, visit, &account, Some(&kept), "wrong_code").await;
        }
        welcome(app, visit, &account, &kept).await
    }
}

/// Takes as long as the comparison with a code, where a place is free.
async fn compare_with_nobodys(app: &App, code: Option<Code>) -> Result<(), FlowError> {
    if let Some(place) = app.decoy_hasher.free_place() {
        compare(place, code, NOBODYS).await?;
    }
    Ok(())
}

/// The account of a name. Holds no connection while others hash. `Err`: the audit reason.
async fn find(app: &App, name: Option<&LoginName>) -> Result<Result<Account, &'static str>, FlowError> {
    let Some(name) = name else { return Ok(Err("unknown_account")) };
    match app.directory.find(name).await {
        Ok(LoginMatch::Account(account, _)) => Ok(Ok(*account)),
        Ok(LoginMatch::Nobody(_)) => Ok(Err("unknown_account")),
        Err(cause) if cause.is_about_one_account() => {
            tracing::error!(error = %cause, "account not fully readable; its codes are refused; run `os2nykode check`");
            Ok(Err("unreadable"))
        }
        Err(cause) => Err(cause.into()),
    }
}

/// Whether the code matches the hash. Input that cannot be a code is compared too, and never matches.
async fn compare(place: HashSlot, code: Option<Code>, hash: SlowHash) -> Result<bool, FlowError> {
    let compared = move || {
        let same = hash.is_of(code.as_ref().map_or(b"", Code::bytes)).ok_or(HashError::Failed)?;
        Ok(same && code.is_some())
    };
    Ok(place.work(compared).await?)
}

/// Begins the one login that the code is good for, if the account as read now may still be helped.
async fn welcome(app: &App, visit: &RequestContext, found: &Account, kept: &StoredCode) -> Result<OneTimeCodeOutcome, FlowError> {
    let (Some(account), mut pinned) = app.directory.account(found.guid).await? else {
        return refused(app, visit, found, Some(kept), "not_usable").await;
    };
    if let Some(denial) = crate::flow::one_time_code::forbidden(app, &mut pinned, &account, kept.id).await? {
        // A denial about the account keeps its own reason. A denial about the issuer gets one reason.
        let reason = match denial {
            Denial::NoRelation | Denial::NotThisAction => "issuer_not_allowed",
            Denial::Barred
            | Denial::Unreadable
            | Denial::NotUsable
            | Denial::ClosedToOthers
            | Denial::Protected
            | Denial::MasterAdmin
            | Denial::PasswordAdmin
            | Denial::Helper
            | Denial::Auditor
            | Denial::Teacher
            | Denial::TooWeak(_)
            | Denial::LoginTooOld
            | Denial::PasswordChangedSince
            | Denial::TooOften(_) => denial.code(),
        };
        return refused(app, visit, &account, Some(kept), reason).await;
    }
    drop(pinned);
    let now = app.clock.now();
    if !app.codes.redeem(account.guid, kept.id, now).await? {
        return refused(app, visit, &account, Some(kept), "code_redeemed").await;
    }
    let issuer = kept.issuer.account_name.clone();
    let proof = Proof::Code { account: account.guid.into(), account_name: account.sam.clone(), code: kept.id, issuer };
    let identity = Identity { proof, name: account.name().to_owned(), at: now, visit: visit.id };
    let mut entry = about(app, visit, &account, Some(kept), AuditOutcome::Succeeded, "");
    entry.actor = Some(party_of(&account));
    app.audit.append(&entry).await?;
    Ok(OneTimeCodeOutcome::Right(identity))
}

async fn refused(
    app: &App,
    visit: &RequestContext,
    account: &Account,
    kept: Option<&StoredCode>,
    reason: &str,
) -> Result<OneTimeCodeOutcome, FlowError> {
    app.audit.append(&about(app, visit, account, kept, AuditOutcome::Refused, reason)).await?;
    Ok(OneTimeCodeOutcome::Wrong)
}

fn about(
    app: &App,
    visit: &RequestContext,
    account: &Account,
    kept: Option<&StoredCode>,
    outcome: AuditOutcome,
    reason: &str,
) -> AuditEvent {
    let mut entry = event(visit, app.clock.now(), EventKind::CodeRedeemed, outcome, reason);
    entry.method = Some(LoginMethod::Code);
    entry.target = Some(party_of(account));
    entry.authority = kept.map(|kept| format!("code:{}", kept.issuer.account_name));
    entry
}

async fn log_nobody(app: &App, visit: &RequestContext, key: &str, reason: &str) -> Result<(), FlowError> {
    let mut entry = event(visit, app.clock.now(), EventKind::CodeRedeemed, AuditOutcome::Refused, reason);
    entry.method = Some(LoginMethod::Code);
    entry.unknown_name = Some(app.keys.fingerprint(key));
    app.audit.append(&entry).await?;
    Ok(())
}
