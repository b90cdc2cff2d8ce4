//! Tokens of the audit API: created and revoked by an operator at the command line.
//!
//! Invariant: the audit entry about an operation is on disk before the operation.

use std::{net::Ipv4Addr, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use crate::flow::{FlowError, RequestContext, event, sign_in::local_account::new_stamp};
use crate::{
    audit::AuditLog,
    clock::Clock,
    model::{
        audit::{AuditEvent, AuditOutcome, EventKind},
        credential::api_token::{ApiToken, LONGEST_DAYS, Presented, TokenName, TokenScope},
    },
    store::{DerivedKeys, StoreError, tokens::ApiTokens},
};

/// Dependencies of the token commands.
#[derive(Debug)]
pub struct ApiTokenAdmin {
    pub tokens: ApiTokens,
    pub audit: AuditLog,
    /// Source of randomness.
    pub keys: DerivedKeys,
    pub clock: Arc<dyn Clock>,
}

/// Why a command was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum ApiTokenError {
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
    Fault(#[from] FlowError),
}

impl ApiTokenAdmin {
    /// Creates a token, valid for 1 to `LONGEST_DAYS` days. Returns the token, which is shown this once, and its
    /// expiry.
    pub async fn add(&self, name: &str, scope: TokenScope, days: u32) -> Result<(Presented, Timestamp), ApiTokenError> {
        let name = TokenName::parse(name).ok_or(ApiTokenError::BadName)?;
        if !(1..=LONGEST_DAYS).contains(&days) {
            return Err(ApiTokenError::BadDays);
        }
        let token = Presented::from_random(self.keys.random().map_err(FlowError::from)?, self.keys.random().map_err(FlowError::from)?);
        let now = self.clock.now();
        let expires = now + SignedDuration::from_hours(24 * i64::from(days));
        let what = format!("{} {} until={}", name.as_str(), scope.code(), expires.strftime("%Y-%m-%d"));
        let adding = async { self.tokens.add(&token, &name, scope, now, expires).await };
        if self.logged("added", what, adding).await? { Ok((token, expires)) } else { Err(ApiTokenError::Taken) }
    }

    /// All tokens, revoked and expired ones included.
    pub async fn all(&self) -> Result<Vec<ApiToken>, ApiTokenError> {
        Ok(self.tokens.all().await.map_err(FlowError::from)?)
    }

    /// Revokes a token, effective at once.
    pub async fn revoke(&self, name: &str) -> Result<(), ApiTokenError> {
        let name = TokenName::parse(name).ok_or(ApiTokenError::BadName)?;
        let revoking = async { self.tokens.revoke(&name, self.clock.now()).await };
        if self.logged("revoked", name.as_str().to_owned(), revoking).await? { Ok(()) } else { Err(ApiTokenError::Unknown) }
    }

    async fn logged(
        &self,
        reason: &str,
        note: String,
        work: impl Future<Output = Result<bool, StoreError>>,
    ) -> Result<bool, ApiTokenError> {
        let visit = RequestContext {
            id: new_stamp(self.keys.random().map_err(FlowError::from)?),
            client: Ipv4Addr::UNSPECIFIED.into(),
            user_agent: None,
            browser: None,
        };
        let entry = |outcome| AuditEvent {
            client: None, // at the command line
            note: Some(note.clone()),
            ..event(&visit, self.clock.now(), EventKind::ApiToken, outcome, reason)
        };
        self.audit.append(&entry(AuditOutcome::Started)).await.map_err(FlowError::from)?;
        let done = work.await;
        let outcome = match &done {
            Ok(true) => AuditOutcome::Succeeded,
            Ok(false) => AuditOutcome::Refused,
            Err(_) => AuditOutcome::Unknown,
        };
        self.audit.append(&entry(outcome)).await.map_err(FlowError::from)?;
        Ok(done.map_err(FlowError::from)?)
    }
}
