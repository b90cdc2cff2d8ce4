//! Tokens of the audit API: created and revoked by an operator at the command line.
//!
//! Invariant: the audit entry about an operation is on disk before the operation.

use std::{net::Ipv4Addr, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use super::{Fault, Visit, event, staff_sign_in::new_stamp};
use crate::{
    audit::Log,
    clock::Clock,
    model::{
        api_token::{ApiToken, LONGEST_DAYS, Presented, Scope, TokenName},
        audit::{AuditEvent, AuditOutcome, EventKind},
    },
    store::{Keys, StoreError, tokens::Tokens},
};

/// Dependencies of the token commands.
#[derive(Debug)]
pub struct TokenDesk {
    pub tokens: Tokens,
    pub audit: Log,
    /// Source of randomness.
    pub keys: Keys,
    pub clock: Arc<dyn Clock>,
}

/// Why a command was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum NotDone {
    #[error("a name has 1 to 64 letters (a-z), digits, dots, hyphens and underscores")]
    BadName,
    #[error("there is a token with this name already; revoke it first")]
    Taken,
    #[error("there is no token with this name that is not revoked")]
    Unknown,
    /// The days are out of range; no token is valid forever.
    #[error("--days has to be 1 to {LONGEST_DAYS}")]
    BadDays,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl TokenDesk {
    /// Creates a token, valid for 1 to `LONGEST_DAYS` days. Returns the token, which is shown this once, and its
    /// expiry.
    pub async fn add(&self, name: &str, scope: Scope, days: u32) -> Result<(Presented, Timestamp), NotDone> {
        let name = TokenName::parse(name).ok_or(NotDone::BadName)?;
        if !(1..=LONGEST_DAYS).contains(&days) {
            return Err(NotDone::BadDays);
        }
        let token = Presented::from_random(self.keys.random().map_err(Fault::from)?, self.keys.random().map_err(Fault::from)?);
        let now = self.clock.now();
        let expires = now + SignedDuration::from_hours(24 * i64::from(days));
        let what = format!("{} {} until={}", name.as_str(), scope.code(), expires.strftime("%Y-%m-%d"));
        let adding = async { self.tokens.add(&token, &name, scope, now, expires).await };
        if self.logged("added", what, adding).await? { Ok((token, expires)) } else { Err(NotDone::Taken) }
    }

    /// All tokens, revoked and expired ones included.
    pub async fn all(&self) -> Result<Vec<ApiToken>, NotDone> {
        Ok(self.tokens.all().await.map_err(Fault::from)?)
    }

    /// Revokes a token, effective at once.
    pub async fn revoke(&self, name: &str) -> Result<(), NotDone> {
        let name = TokenName::parse(name).ok_or(NotDone::BadName)?;
        let revoking = async { self.tokens.revoke(&name, self.clock.now()).await };
        if self.logged("revoked", name.as_str().to_owned(), revoking).await? { Ok(()) } else { Err(NotDone::Unknown) }
    }

    async fn logged(&self, reason: &str, note: String, work: impl Future<Output = Result<bool, StoreError>>) -> Result<bool, NotDone> {
        let visit = Visit {
            id: new_stamp(self.keys.random().map_err(Fault::from)?),
            client: Ipv4Addr::UNSPECIFIED.into(),
            user_agent: None,
            browser: None,
        };
        let entry = |outcome| AuditEvent {
            client: None, // at the command line
            note: Some(note.clone()),
            ..event(&visit, self.clock.now(), EventKind::ApiToken, outcome, reason)
        };
        self.audit.append(&entry(AuditOutcome::Started)).await.map_err(Fault::from)?;
        let done = work.await;
        let outcome = match &done {
            Ok(true) => AuditOutcome::Succeeded,
            Ok(false) => AuditOutcome::Refused,
            Err(_) => AuditOutcome::Unknown,
        };
        self.audit.append(&entry(outcome)).await.map_err(Fault::from)?;
        Ok(done.map_err(Fault::from)?)
    }
}
