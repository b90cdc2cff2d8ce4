//! The audit API for programs: authentication, rate limits and the size of a response.
//!
//! Invariants:
//! - No entry leaves without a token that is valid for it now.
//! - Each token's access is in the audit log once an hour, on disk before the first entry of that hour leaves.

use jiff::SignedDuration;

use crate::flow::{FlowError, RequestContext, event};
use crate::{
    app::App,
    audit::export::public_entry::PublicEvent,
    model::{
        audit::{AuditEvent, AuditOutcome, EventKind},
        credential::api_token::{ApiToken, BadToken, Presented, TokenScope},
        rate_limit::delay::DelayLimits,
    },
    store::rate_limit::{Charge, ThrottleKey},
};

/// Most entries in one response, whatever the request asks for.
pub const MOST_EVENTS: u32 = 1000;
/// Bytes after which a response ends. Its first entry is always included.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;
/// Entries in one read from the store.
const BATCH: u32 = 200;
/// Rate limit of wrong tokens from one address. A token has 256 bits and cannot be guessed; the limit keeps noise out
/// of the log.
const WRONG: DelayLimits = DelayLimits {
    attempts_before_delay: 5,
    first_delay: SignedDuration::from_secs(10),
    max_delay: SignedDuration::from_mins(5),
    reset_after: SignedDuration::from_hours(1),
};

/// The result of authenticating a request.
#[derive(Debug)]
pub enum Admission {
    Granted(ApiToken),
    Refused(BadToken),
    /// Rate limit reached; seconds until the next request.
    Wait(f64),
}

/// Authenticates a request. A wrong token is logged, unless the rate limit of its address is reached.
pub async fn admit(app: &App, visit: &RequestContext, shown: Option<&str>, needed: TokenScope) -> Result<Admission, FlowError> {
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
    match app.rate_limits.count_attempt(&ThrottleKey::api(visit.client, WRONG), now).await? {
        Charge::Wait(until) => Ok(Admission::Wait(until.duration_since(now).as_secs_f64())),
        Charge::Taken(_) => {
            let entry = event(visit, now, EventKind::LogExported, AuditOutcome::Refused, bad.0.code());
            app.audit.append(&AuditEvent { note: bad.1.map(|name| format!("api token={name}")), ..entry }).await?;
            Ok(Admission::Refused(bad.0))
        }
    }
}

/// A range of audit entries.
#[derive(Debug)]
pub struct Page {
    /// In the order of their numbers.
    pub events: Vec<PublicEvent>,
    /// Cursor of the next request. Every entry up to this number is in the response or no longer exists.
    pub next: i64,
    /// Highest number in the log.
    pub head: i64,
}

/// The entries after a number, at most `limit`.
pub async fn events(app: &App, visit: &RequestContext, token: &ApiToken, after: i64, limit: u32) -> Result<Page, FlowError> {
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
