//! The caller logs in with an account name and the code.

use std::sync::Arc;

use jiff::Timestamp;

use super::{NOBODYS, hashed};
use crate::{
    app::App,
    directory::LoginMatch,
    flow::{
        Fault, Visit, event, others, party_of,
        sign_in::{forgive, hold_answer},
    },
    model::{
        account::Account,
        account_name::LoginName,
        audit::{AuditEvent, AuditOutcome, EventKind},
        code::Code,
        identity::{Identity, LoginMethod, Proof},
        slow_hash::SlowHash,
    },
    store::{
        codes::{Kept, Try},
        throttle::{Charge, ThrottleKey},
    },
};

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
    let (app, visit, name, code) = (app.clone(), *visit, LoginName::parse(name), Code::parse(code));
    let task = tokio::spawn(async move { run(&app, &visit, name, code).await });
    task.await.map_err(|_| Fault::Crashed)?
}

async fn run(app: &App, visit: &Visit, name: Option<LoginName>, code: Option<Code>) -> Result<Redeemed, Fault> {
    let started = tokio::time::Instant::now();
    let key = name.as_ref().map(LoginName::key).unwrap_or_default();
    let charges =
        [(ThrottleKey::name(&app.keys, &key), app.config.throttle.name), (ThrottleKey::address(visit.client), app.config.throttle.address)];
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
            Err(fault)
        }
    }
}

/// `None`: refused, and logged as such.
async fn try_code(app: &App, visit: &Visit, name: Option<&LoginName>, key: &str, code: Option<Code>) -> Result<Option<Identity>, Fault> {
    let found = match name {
        Some(name) => app.directory.find(name).await?,
        None => LoginMatch::Nobody(app.directory.any().await?),
    };
    let (account, mut pinned) = match found {
        LoginMatch::Account(account, pinned) => (*account, pinned),
        LoginMatch::Nobody(_) => {
            right(app, code.as_ref(), NOBODYS).await?; // takes as long
            log_nobody(app, visit, key, "unknown_account").await?;
            return Ok(None);
        }
    };
    let (kept, reason) = match app.codes.begin(account.guid, app.clock.now()).await? {
        Try::Compare(kept) if right(app, code.as_ref(), kept.hash).await? => (kept, None),
        Try::Compare(kept) => (kept, Some("wrong_code")),
        Try::No(reason) => {
            right(app, code.as_ref(), NOBODYS).await?;
            return refused(app, visit, &account, None, reason).await;
        }
    };
    if let Some(reason) = reason {
        return refused(app, visit, &account, Some(&kept), reason).await;
    }
    let Some(account) = app.directory.account_again(&mut pinned, account.guid).await? else {
        return refused(app, visit, &account, Some(&kept), "not_usable").await;
    };
    if let Some(denial) = others::closed(app, &mut pinned, &account).await? {
        return refused(app, visit, &account, Some(&kept), denial.code()).await;
    }
    let now = app.clock.now();
    if !app.codes.redeem(account.guid, kept.id, now).await? {
        return refused(app, visit, &account, Some(&kept), "code_used").await;
    }
    let issuer = kept.issuer.account_name.clone();
    let proof = Proof::Code { account: account.guid.into(), account_name: account.sam.clone(), code: kept.id, issuer };
    let identity = Identity { proof, name: account.name().to_owned(), at: now, visit: visit.id };
    let mut entry = about(app, visit, &account, Some(&kept), AuditOutcome::Succeeded, "");
    entry.actor = Some(party_of(&account));
    app.audit.append(&entry).await?;
    Ok(Some(identity))
}

/// Compares in the same time whether or not there is anything to compare.
async fn right(app: &App, code: Option<&Code>, hash: SlowHash) -> Result<bool, Fault> {
    let (typed, code) = (code.is_some(), code.cloned());
    let same = hashed(app, move || hash.is_of(code.as_ref().map_or(b"          ", Code::bytes))).await?;
    Ok(typed && same)
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
