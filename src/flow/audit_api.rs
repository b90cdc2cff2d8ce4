//! Programs read the log: who may, how often, and how much at once.
//!
//! Invariants: nothing is told without a token that is good for it now; that a token reads is on disk in the log before anything of that hour is told.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

use super::{Fault, Visit, event};
use crate::{
    app::App,
    audit::public::PublicEvent,
    model::{
        api_token::{ApiToken, BadToken, Presented, Scope},
        audit::{AuditEvent, AuditOutcome, EventKind},
        rate::{Bucket, Rate},
        throttle::Limits,
    },
    store::throttle::{Charge, ThrottleKey},
};

/// Entries of one answer at most, whatever is asked for.
pub const MOST_EVENTS: u32 = 1000;
/// An answer ends at the first entry beyond this, bytes.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;
/// Entries that are read from the store at once.
const BATCH: u32 = 200;
/// Of one token, in each instance.
const RATE: Rate = Rate { burst: 60.0, per_second: 20.0 };
/// Wrong tokens of one address. Nobody guesses 256 bits: this keeps noise out of the log.
const WRONG: Limits = Limits {
    free: 5,
    first_wait: SignedDuration::from_secs(10),
    longest_wait: SignedDuration::from_mins(5),
    forget_after: SignedDuration::from_hours(1),
};

/// How often each token was used lately.
#[derive(Debug, Default)]
pub struct Rates(Mutex<BTreeMap<String, Bucket>>);

impl Rates {
    /// `Err`: after so many seconds. Only tokens that are good are counted, so that nobody fills it.
    fn take(&self, token: &str, now: Timestamp) -> Result<(), f64> {
        let mut rates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rates.entry(token.to_owned()).or_insert_with(|| Bucket::full(RATE, now)).take(RATE, now)
    }
}

/// What became of a token that was shown.
#[derive(Debug)]
pub enum Admission {
    /// It is good.
    Granted(ApiToken),
    /// It is not.
    Refused(BadToken),
    /// Not now; in so many seconds.
    Wait(f64),
}

/// Judges what was shown. A wrong one is written into the log, unless that address has shown too many.
pub async fn admit(app: &App, visit: &Visit, shown: Option<&str>, needed: Scope) -> Result<Admission, Fault> {
    let now = app.clock.now();
    let shown = shown.and_then(Presented::parse);
    let found = match &shown {
        Some(shown) => app.tokens.find(shown).await?,
        None => None,
    };
    let bad = match found {
        None => (BadToken::Unknown, None),
        Some(token) => match token.judge(needed, now) {
            Ok(()) => {
                return Ok(match app.api_rates.take(&token.id, now) {
                    Ok(()) => Admission::Granted(token),
                    Err(seconds) => Admission::Wait(seconds),
                });
            }
            Err(bad) => (bad, Some(token.name)),
        },
    };
    match app.throttles.charge(&ThrottleKey::api(visit.client, WRONG), now).await? {
        Charge::Wait(until) => Ok(Admission::Wait(until.duration_since(now).as_secs_f64())),
        Charge::Taken(_) => {
            let entry = event(visit, now, EventKind::LogExported, AuditOutcome::Refused, bad.0.code());
            app.audit.append(&AuditEvent { note: bad.1.map(|name| format!("api token={name}")), ..entry }).await?;
            Ok(Admission::Refused(bad.0))
        }
    }
}

/// A part of the log.
#[derive(Debug)]
pub struct Page {
    /// In the order of their numbers.
    pub events: Vec<PublicEvent>,
    /// What to ask for next: everything up to this was told, or is there no more.
    pub next: i64,
    /// The highest number there is.
    pub head: i64,
}

/// What lies behind a number.
pub async fn events(app: &App, visit: &Visit, token: &ApiToken, after: i64, limit: u32) -> Result<Page, Fault> {
    let now = app.clock.now();
    if token.is_to_be_logged(now) {
        let entry = event(visit, now, EventKind::LogExported, AuditOutcome::Succeeded, "api");
        app.audit.append(&AuditEvent { note: Some(format!("token={} after={after}", token.name)), ..entry }).await?;
        app.tokens.logged(&token.id, now).await?;
    }
    let head = app.feed.head().await?;
    let mut page = Page { events: Vec::new(), next: after, head };
    let (mut left, mut bytes) = (limit.min(MOST_EVENTS), 0);
    while left > 0 {
        let batch = app.feed.after(page.next, left.min(BATCH)).await?;
        let Some(last) = batch.last() else { break };
        page.head = page.head.max(last.number);
        for sealed in &batch {
            left -= 1;
            let event = PublicEvent::of(sealed);
            bytes += event.as_ref().map_or(0, |event| event.json().len());
            if bytes > LARGEST_ANSWER && !page.events.is_empty() {
                return Ok(page);
            }
            page.events.extend(event);
            page.next = sealed.number;
        }
    }
    Ok(page)
}
