//! The caller logs in with an account name and the code.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::NOBODYS;
use crate::{
    app::App,
    directory::LoginMatch,
    flow::{
        Fault, Visit, event, party_of,
        sign_in::{forgive, hold_answer},
    },
    identity::local::hash::{HashError, Place},
    model::{
        account::Account,
        account_name::LoginName,
        audit::{AuditEvent, AuditOutcome, EventKind},
        authority::Denial,
        code::Code,
        identity::{Identity, LoginMethod, Proof},
        slow_hash::SlowHash,
        throttle::Limits,
    },
    store::{
        codes::{Kept, Try},
        throttle::{Charge, ThrottleKey},
    },
};

/// How soon somebody may try again where too many try at once.
const BUSY: SignedDuration = SignedDuration::from_secs(10);

/// Somebody who types wrong codes with a name keeps its owner out no longer than this: the caller is on the telephone, and five tries are all that a code
/// has anyhow.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(1);

/// How it ended.
#[derive(Debug)]
pub enum Redeemed {
    /// The code was right.
    Welcome(Identity),
    /// Anything else: one answer for all.
    Refused,
    /// Too many tries with this name or from this address.
    Throttled {
        /// From when another try is taken.
        until: Timestamp,
    },
}

/// Logs in with a code. It goes on to its end, audit entry included, when the person goes away in the middle.
pub async fn redeem(app: &Arc<App>, visit: &Visit, name: &str, code: &str) -> Result<Redeemed, Fault> {
    let (app, visit, name, code) = (app.clone(), visit.clone(), LoginName::parse(name), Code::parse(code));
    let task = tokio::spawn(async move { run(&app, &visit, name, code).await });
    task.await.map_err(|_| Fault::Crashed)?
}

async fn run(app: &App, visit: &Visit, name: Option<LoginName>, code: Option<Code>) -> Result<Redeemed, Fault> {
    let started = tokio::time::Instant::now();
    let key = name.as_ref().map(LoginName::key).unwrap_or_default();
    let by_name = app.config.throttle.name;
    let by_name = Limits { longest_wait: by_name.longest_wait.min(LONGEST_WAIT), ..by_name };
    let charges = [(ThrottleKey::code(&app.keys, &key), by_name), (ThrottleKey::address(visit.client), app.config.throttle.address)];
    let receipt = match app.throttles.charge(&charges, app.clock.now()).await? {
        Charge::Taken(receipt) => receipt,
        Charge::Wait(until) => {
            if app.waits.first_word(visit.client, until) {
                log_nobody(app, visit, &key, "throttled").await?;
            }
            return Ok(Redeemed::Throttled { until });
        }
    };
    match try_code(app, visit, name.as_ref(), &key, code).await {
        Ok(Some(identity)) => {
            forgive(app, receipt, false).await;
            Ok(Redeemed::Welcome(identity))
        }
        Ok(None) => {
            hold_answer(started, app.config.login.ad_password.answer_after_ms).await;
            Ok(Redeemed::Refused)
        }
        Err(fault) => {
            forgive(app, receipt, false).await; // our failure is not theirs
            if matches!(fault, Fault::Hash(HashError::Busy)) {
                return Ok(Redeemed::Throttled { until: app.clock.now() + BUSY });
            }
            Err(fault)
        }
    }
}

/// `None`: refused, and logged as such. One code is compared, whatever there is.
async fn try_code(app: &App, visit: &Visit, name: Option<&LoginName>, key: &str, code: Option<Code>) -> Result<Option<Identity>, Fault> {
    let found = find(app, name).await?;
    // Before a try is taken: a flood that fills all places must not use up the tries of a code.
    let place = app.code_hasher.place().await?;
    let account = match found {
        Ok(account) => account,
        Err(reason) => {
            compare(place, code, NOBODYS).await?;
            log_nobody(app, visit, key, reason).await?;
            return Ok(None);
        }
    };
    let kept = match app.codes.begin(account.guid, app.clock.now()).await? {
        Try::Compare(kept) => kept,
        Try::No(reason) => {
            compare(place, code, NOBODYS).await?;
            return refused(app, visit, &account, None, reason).await;
        }
    };
    if !compare(place, code, kept.hash).await? {
        return refused(app, visit, &account, Some(&kept), "wrong_code").await;
    }
    welcome(app, visit, &account, &kept).await
}

/// The account of a name, without a connection that would be held while others hash. `Err`: why there is none, for the log.
async fn find(app: &App, name: Option<&LoginName>) -> Result<Result<Account, &'static str>, Fault> {
    let Some(name) = name else { return Ok(Err("unknown_account")) };
    match app.directory.find(name).await {
        Ok(LoginMatch::Account(account, _)) => Ok(Ok(*account)),
        Ok(LoginMatch::Nobody(_)) => Ok(Err("unknown_account")),
        Err(cause) if cause.is_about_one_account() => {
            tracing::error!(error = %cause, "nobody can use a code for an account that can't be read whole; run `os2nykode check`");
            Ok(Err("unreadable"))
        }
        Err(cause) => Err(cause.into()),
    }
}

/// Is it the code of this hash? What can't be a code is compared too, and is not.
async fn compare(place: Place, code: Option<Code>, hash: SlowHash) -> Result<bool, Fault> {
    let compared = move || {
        let same = hash.is_of(code.as_ref().map_or(b"", Code::bytes)).ok_or(HashError::Failed)?;
        Ok(same && code.is_some())
    };
    Ok(place.work(compared).await?)
}

/// The code was right: begins the one login that it is good for, if the account, as it is now, may still be helped.
async fn welcome(app: &App, visit: &Visit, found: &Account, kept: &Kept) -> Result<Option<Identity>, Fault> {
    let (Some(account), mut pinned) = app.directory.account(found.guid).await? else {
        return refused(app, visit, found, Some(kept), "not_usable").await;
    };
    if let Some(denial) = super::forbidden(app, &mut pinned, &account, kept.id).await? {
        // What is true of the account is said as such; what is not, is about who gave the code out.
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
        return refused(app, visit, &account, Some(kept), "code_used").await;
    }
    let issuer = kept.issuer.account_name.clone();
    let proof = Proof::Code { account: account.guid.into(), account_name: account.sam.clone(), code: kept.id, issuer };
    let identity = Identity { proof, name: account.name().to_owned(), at: now, visit: visit.id };
    let mut entry = about(app, visit, &account, Some(kept), AuditOutcome::Succeeded, "");
    entry.actor = Some(party_of(&account));
    app.audit.append(&entry).await?;
    Ok(Some(identity))
}

async fn refused(app: &App, visit: &Visit, account: &Account, kept: Option<&Kept>, reason: &str) -> Result<Option<Identity>, Fault> {
    app.audit.append(&about(app, visit, account, kept, AuditOutcome::Refused, reason)).await?;
    Ok(None)
}

fn about(app: &App, visit: &Visit, account: &Account, kept: Option<&Kept>, outcome: AuditOutcome, reason: &str) -> AuditEvent {
    let mut entry = event(visit, app.clock.now(), EventKind::CodeUsed, outcome, reason);
    entry.method = Some(LoginMethod::Code);
    entry.target = Some(party_of(account));
    entry.authority = kept.map(|kept| format!("code:{}", kept.issuer.account_name));
    entry
}

async fn log_nobody(app: &App, visit: &Visit, key: &str, reason: &str) -> Result<(), Fault> {
    let mut entry = event(visit, app.clock.now(), EventKind::CodeUsed, AuditOutcome::Refused, reason);
    entry.method = Some(LoginMethod::Code);
    entry.unknown_name = Some(app.keys.fingerprint(key));
    app.audit.append(&entry).await?;
    Ok(())
}
