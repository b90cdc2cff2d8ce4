//! Logout at the provider, started here or there. The session here ends first and in every case.

pub mod saml;

use std::sync::Arc;

use crate::flow::{FlowError, RequestContext, event, sign_in::provider::seal};
use crate::{
    app::App,
    identity::{
        answer::SessionThere,
        oidc::{self, logout::LoggedOut},
        transport::Transport,
    },
    model::{
        audit::{AuditOutcome, EventKind},
        identity::{LoginMethod, provider::ProviderId},
    },
};

/// A started logout.
#[derive(Debug)]
pub struct LogoutBegun {
    /// Redirect or form that leads to the provider.
    pub transport: Transport,
    /// State that the browser keeps until the answer; `None` where no answer is expected.
    pub kept: Option<SealedLogoutState>,
}

/// Sealed state with its name.
#[derive(Debug)]
pub struct SealedLogoutState {
    /// RelayState: returns with the answer.
    pub relay: String,
    pub sealed: String,
}

/// Asks the provider to end its session too. `None`: it supports no logout, or cannot be used now.
pub async fn begin(app: &App, provider: &ProviderId, there: &SessionThere) -> Result<Option<LogoutBegun>, FlowError> {
    match there {
        SessionThere::Saml(subject) => crate::flow::sign_out::at_provider::saml::begin(app, provider, subject).await,
        SessionThere::Oidc(session) => {
            let transport = app.oidc.as_ref().and_then(|oidc| oidc.log_out(provider, session));
            Ok(transport.map(|transport| LogoutBegun { transport, kept: None }))
        }
    }
}

/// The result of a logout token from an OpenID provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogoutTokenOutcome {
    /// The sessions have ended, or there were none.
    Done,
    /// The token proves nothing. The reason is in the log.
    Refused,
    /// The provider's keys cannot be read now; the provider may send the token again.
    NotNow,
}

/// Handles a logout token (OpenID Connect Back-Channel Logout).
pub async fn told(app: &Arc<App>, visit: &RequestContext, provider: &ProviderId, token: String) -> Result<LogoutTokenOutcome, FlowError> {
    let now = app.clock.now();
    let Some(oidc) = app.oidc.as_ref().filter(|_| app.config.provider(provider).is_some()) else {
        return Ok(refused(LoginMethod::Oidc, "unknown_provider"));
    };
    let LoggedOut { jti, sub, sid, until } = match oidc.told_of_logout(provider, token, now).await {
        Ok(told) => told,
        Err(trouble) => {
            return Ok(match trouble {
                oidc::OidcLoginError::Refused(reason) => refused(LoginMethod::Oidc, reason.refused.code()),
                oidc::OidcLoginError::Provider(_) => {
                    refused(LoginMethod::Oidc, "provider_unusable");
                    LogoutTokenOutcome::NotNow
                }
            });
        }
    };
    let name = format!("logout:{provider}:{}", app.keys.fingerprint(&jti));
    if app.used.is_used(&name).await? {
        return Ok(refused(LoginMethod::Oidc, oidc::OidcRefused::Replayed.code()));
    }
    let ended = match (sid, sub) {
        (Some(sid), sub) => app.sessions.end_of_sessions_there(provider.as_str(), &[sid], sub.as_deref()).await?,
        (None, Some(sub)) => app.sessions.end_of_person_there(provider.as_str(), &sub).await?,
        (None, None) => 0,
    };
    ended_by_provider(app, visit, provider, LoginMethod::Oidc, ended).await?;
    // Marked as used afterwards: a logout that failed halfway may be sent again.
    app.used.first_time(&name, until).await?;
    Ok(LogoutTokenOutcome::Done)
}

/// Counted and logged, but not in the audit log, which any client could fill this way.
fn refused(method: LoginMethod, reason: &'static str) -> LogoutTokenOutcome {
    metrics::counter!("os2nykode_provider_refused_total", "method" => method.code(), "reason" => reason).increment(1);
    tracing::info!(reason, "logout message refused");
    LogoutTokenOutcome::Refused
}

async fn ended_by_provider(
    app: &App,
    visit: &RequestContext,
    provider: &ProviderId,
    method: LoginMethod,
    ended: u64,
) -> Result<(), FlowError> {
    if ended > 0 {
        let mut entry = event(visit, app.clock.now(), EventKind::SignOut, AuditOutcome::Succeeded, "asked_by_provider");
        entry.method = Some(method);
        entry.provider = Some(provider.clone());
        app.audit.append(&entry).await?;
    }
    Ok(())
}
