//! The caller logs in with an account name and the code.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

use super::NOBODYS;
use crate::{
    app::App,
    directory::LoginMatch,
    flow::{
        Fault, Visit, event, known_browser, party_of,
        sign_in::{failed_all, forgive_all, hold_answer},
        to_its_end,
    },
    identity::local::hash::{HashError, Place},
    model::{
        account::Account,
        account_name::LoginName,
        audit::{AuditEvent, AuditOutcome, EventKind},
        authority::Denial,
        code::Code,
        identity::{Identity, LoginMethod, Proof},
        rate::{Bucket, Rate},
        slow_hash::SlowHash,
        throttle::Limits,
    },
    store::{
        codes::{Kept, Try},
        throttle::{Charge, Receipt, ThrottleKey, site},
    },
};

/// How soon somebody may try again where too many try at once.
const BUSY: SignedDuration = SignedDuration::from_secs(10);

/// Wrong codes with a name from a network make nobody there wait longer: the caller is on the telephone, and may sit there too.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_secs(10);

/// Codes of one network that are looked up whoever has to wait there: over the life of a code a few hundred of the 331,776 beginnings that there are.
const PROBES: Rate = Rate { burst: 60.0, per_second: 0.5 };
/// Networks that are remembered.
const REMEMBERED: usize = 10_000;

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
    let key = name.as_ref().map(LoginName::key).unwrap_or_default();
    to_its_end(async move { Attempt { app: &app, visit: &visit, key, receipts: Vec::new() }.run(name, code).await }).await
}

/// How many codes each network has typed of late. Bounded: what is looked up without a wait must not be asked for without end.
#[derive(Debug, Default)]
pub struct Probes(Mutex<HashMap<IpAddr, Bucket>>);

impl Probes {
    fn take(&self, client: IpAddr, now: Timestamp) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= REMEMBERED {
            all.clear();
        }
        all.entry(site(client)).or_insert_with(|| Bucket::full(PROBES, now)).take(PROBES, now).is_ok()
    }
}

/// How a try ended.
enum Tried {
    Right(Identity),
    /// Refused, and logged as such.
    Wrong,
    /// Not before this time.
    Wait(Timestamp),
}

struct Attempt<'a> {
    app: &'a App,
    visit: &'a Visit,
    /// What the name is counted by.
    key: String,
    /// What this try is counted on.
    receipts: Vec<Receipt>,
}

impl Attempt<'_> {
    async fn run(&mut self, name: Option<LoginName>, code: Option<Code>) -> Result<Redeemed, Fault> {
        let (app, started) = (self.app, tokio::time::Instant::now());
        // Who begins like the account's code has been told it: they do not wait for strangers, and the code's own tries are what bounds them.
        let selected = match &code {
            Some(code) if app.code_probes.take(self.visit.client, app.clock.now()) => {
                app.codes.selects(&self.key, code, app.clock.now()).await?
            }
            Some(_) | None => false,
        };
        if !selected && let Some(until) = self.charge(&known_browser::first_charges(app, self.visit, self.by_name())).await? {
            return self.throttled(until).await;
        }
        let tried = self.try_code(name.as_ref(), code, selected).await;
        let receipts = std::mem::take(&mut self.receipts);
        match tried {
            Ok(Tried::Right(identity)) => {
                forgive_all(app, receipts, false).await;
                Ok(Redeemed::Welcome(identity))
            }
            Ok(Tried::Wrong) => {
                failed_all(app, receipts).await;
                hold_answer(started, app.config.login.ad_password.answer_after_ms).await;
                Ok(Redeemed::Refused)
            }
            Ok(Tried::Wait(until)) => {
                forgive_all(app, receipts, false).await;
                self.throttled(until).await
            }
            Err(fault) => {
                forgive_all(app, receipts, false).await; // our failure is not theirs
                if matches!(fault, Fault::Hash(HashError::Busy)) {
                    return Ok(Redeemed::Throttled { until: app.clock.now() + BUSY });
                }
                Err(fault)
            }
        }
    }

    fn by_name(&self) -> (ThrottleKey, Limits) {
        (ThrottleKey::code(&self.app.keys, &self.key, self.visit.client), self.app.config.throttle.name.at_most(LONGEST_WAIT))
    }

    /// Counts the try on these too; or until when to wait.
    async fn charge(&mut self, keys: &[(ThrottleKey, Limits)]) -> Result<Option<Timestamp>, Fault> {
        Ok(match self.app.throttles.charge(keys, self.app.clock.now()).await? {
            Charge::Taken(receipt) => {
                self.receipts.push(receipt);
                None
            }
            Charge::Wait(until) => Some(until),
        })
    }

    async fn throttled(&self, until: Timestamp) -> Result<Redeemed, Fault> {
        if self.app.waits.first_word(self.visit.client, until) {
            log_nobody(self.app, self.visit, &self.key, "throttled").await?;
        }
        Ok(Redeemed::Throttled { until })
    }

    /// One code is compared, whatever there is, unless a flood has taken all places for those that are none.
    async fn try_code(&mut self, name: Option<&LoginName>, code: Option<Code>, selected: bool) -> Result<Tried, Fault> {
        let (app, visit) = (self.app, self.visit);
        let found = find(app, name).await?;
        if !selected && visit.browser.is_some() {
            let known = found.as_ref().ok().and_then(|account| {
                let browser = known_browser::known(visit, account.guid, account.password.last_set, app.clock.now())?;
                Some(known_browser::owners_charge(app, browser, account.guid))
            });
            let waits = match known {
                Some(charge) => self.charge(&charge).await?,
                None => self.charge(&known_browser::strangers_charges(app, visit, self.by_name())).await?,
            };
            if let Some(until) = waits {
                return Ok(Tried::Wait(until));
            }
        }
        let account = match found {
            Ok(account) => account,
            Err(reason) => {
                compare_with_nobodys(app, code).await?;
                log_nobody(app, visit, &self.key, reason).await?;
                return Ok(Tried::Wrong);
            }
        };
        // Before a try is taken: a flood that fills all places must not use up the tries of a code.
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

/// Takes as long as a comparison with a code, where there is a place for it.
async fn compare_with_nobodys(app: &App, code: Option<Code>) -> Result<(), Fault> {
    if let Some(place) = app.decoy_hasher.free_place() {
        compare(place, code, NOBODYS).await?;
    }
    Ok(())
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
async fn welcome(app: &App, visit: &Visit, found: &Account, kept: &Kept) -> Result<Tried, Fault> {
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
    Ok(Tried::Right(identity))
}

async fn refused(app: &App, visit: &Visit, account: &Account, kept: Option<&Kept>, reason: &str) -> Result<Tried, Fault> {
    app.audit.append(&about(app, visit, account, kept, AuditOutcome::Refused, reason)).await?;
    Ok(Tried::Wrong)
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
