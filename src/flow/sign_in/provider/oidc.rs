//! OpenID Connect logins: the authorization request, and the answer to it.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::flow::sign_in::provider::{AT_MOST, Arrival, LoginBegun, LoginFinished, NoLoginReason, Unfit, in_time, seal};
use crate::{
    app::App,
    config::{Language, OidcProvider},
    flow::{FlowError, RequestContext, run_to_completion},
    identity::{
        answer::{ErrorCode, LoginAnswer, LoginFailure},
        oidc::{self, ExchangedCode, OidcProviders, OidcRefused, OidcRequest, authorize::Begin, shown},
        shown::Findings,
        transport::Transport,
    },
    model::identity::{Identity, LoginMethod, provider::ProviderId},
};

/// A login in progress, kept by the browser, sealed under its `state`.
#[derive(Clone, Serialize, Deserialize)]
pub struct PendingOidcLogin {
    asked_at: ProviderId,
    nonce: String,
    verifier: String,
    asked: Timestamp,
    forced: bool,
    /// The auditor whose test it is. A login has none; nobody but us can write one, since all of it is sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    test: Option<Box<Identity>>,
}

/// Parameters of the answer: RFC 6749, section 4.1.2, and RFC 9207.
#[derive(Debug, Default, Deserialize)]
pub struct Reply {
    /// Names the cookie with the sealed state.
    #[serde(default)]
    pub state: String,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

pub(crate) async fn begin(
    app: &App,
    oidc: &OidcProviders,
    provider: &OidcProvider,
    again: bool,
    language: Language,
    test: Option<&Identity>,
) -> Result<LoginBegun, FlowError> {
    let (now, id) = (app.clock.now(), &provider.common.id);
    let begin = Begin {
        state: oidc::random_text(&[app.keys.random()?]),
        nonce: oidc::random_text(&[app.keys.random()?]),
        verifier: oidc::random_text(&[app.keys.random()?, app.keys.random()?]),
        force: provider.prompt_login || again,
        language: language.code(),
    };
    let address = match oidc.begin(id, &begin, now, app.keys.random()?).await {
        Ok(address) => address,
        Err(trouble) => {
            if let oidc::OidcLoginError::Provider(why) = trouble {
                tracing::warn!(provider = id.as_str(), error = why, "login at the provider could not be started");
            }
            return Ok(LoginBegun::Unusable);
        }
    };
    let Begin { state, nonce, verifier, force, .. } = begin;
    let pending = PendingOidcLogin { asked_at: id.clone(), nonce, verifier, asked: now, forced: force, test: test.cloned().map(Box::new) };
    Ok(LoginBegun::Go { transport: Transport::Redirect(address), sealed: seal(app, &state, &pending)?, relay: state })
}

/// Completes a login with the answer that came to the address of `provider`. Runs to completion, audit entries
/// included, even if the client disconnects.
pub async fn finish(
    app: &Arc<App>,
    visit: &RequestContext,
    provider: Option<ProviderId>,
    pending: Option<PendingOidcLogin>,
    reply: Result<Reply, OidcRefused>,
) -> Result<LoginFinished, FlowError> {
    let (app, visit) = (app.clone(), visit.clone());
    run_to_completion(async move {
        let asked = pending.as_ref().and_then(|pending| app.config.provider(&pending.asked_at));
        let arrival = Arrival { app: &app, visit: &visit, method: LoginMethod::Oidc, provider: asked };
        let test = pending.as_ref().and_then(|pending| pending.test.clone());
        let read = async {
            let mut findings = Findings::default();
            let answer = async {
                let pending = pending.ok_or(OidcRefused::NotAsked)?;
                if provider.as_ref() != Some(&pending.asked_at) {
                    return Err(OidcRefused::NotAsked.into());
                }
                read(&app, pending, reply?, &mut findings).await
            };
            (answer.await, findings)
        };
        match test {
            None => arrival.conclude(Box::pin(async { read.await.0 })).await,
            Some(by) => arrival.conclude_test(&by, Box::pin(read)).await,
        }
    })
    .await
}

/// Verifies the answer. `findings`: details for a login test.
async fn read(app: &App, pending: PendingOidcLogin, reply: Reply, findings: &mut Findings) -> Result<LoginAnswer, NoLoginReason> {
    let now = app.clock.now();
    let oidc = app.oidc.as_ref().ok_or(OidcRefused::NotAsked)?;
    if !in_time(pending.asked, now) {
        return Err(OidcRefused::NotAsked.into());
    }
    if !oidc.may_answer(&pending.asked_at, reply.iss.as_deref(), reply.error.is_some()) {
        return Err(OidcRefused::AnswerIssuer.into());
    }
    // Before the provider is asked: an answer that is sent many times causes one request.
    let once = format!("state:{}", app.keys.fingerprint(&reply.state));
    if !app.used.first_time(&once, now + AT_MOST).await? {
        return Err(OidcRefused::Replayed.into());
    }
    let code = match (reply.code, reply.error) {
        (Some(code), None) => code,
        (None, Some(error)) => return Ok(LoginAnswer::Failure(failure(&error))),
        (Some(_), Some(_)) | (None, None) => return Err(OidcRefused::Query.into()),
    };
    let PendingOidcLogin { asked_at: provider, nonce, verifier, asked: at, forced, test } = pending;
    let asked = OidcRequest { provider: provider.clone(), nonce, verifier, at, forced };
    let random = app.keys.random().map_err(|error| NoLoginReason::Fault(error.into()))?;
    let ExchangedCode { said, login } = oidc.finish(asked, &code, now, random).await;
    if let (Some(_), Some(said), Some(config)) = (test, &said, app.config.oidc.provider(&provider)) {
        (findings.lines, findings.level) = (shown::lines(said, config), Some(said.level(config)));
    }
    match &login {
        Ok(_) => {}
        Err(oidc::OidcLoginError::Provider(why)) => {
            tracing::warn!(provider = provider.as_str(), error = why, "provider failed during a login");
        }
        Err(oidc::OidcLoginError::Refused(oidc::Denied { refused, field, check })) => {
            tracing::info!(provider = provider.as_str(), reason = refused.code(), field, check, "login at a provider refused");
            (findings.field, findings.check) = (field.clone(), check);
        }
    }
    Ok(LoginAnswer::Login(Box::new(login?)))
}

/// Meaning of a provider's error code (RFC 6749, section 4.1.2.1; OpenID Connect Core 3.1.2.6; Unmet Authentication
/// Requirements 1.0).
fn failure(error: &str) -> LoginFailure {
    match error {
        "access_denied" => LoginFailure::Cancelled,
        "unmet_authentication_requirements" => LoginFailure::Level,
        "login_required" | "interaction_required" | "account_selection_required" | "consent_required" => LoginFailure::Passive,
        "server_error" | "temporarily_unavailable" => LoginFailure::Busy,
        other => LoginFailure::Other(ErrorCode::parse(other)),
    }
}

impl From<OidcRefused> for NoLoginReason {
    /// These three refusals come only after the provider's signature has been verified.
    fn from(refused: OidcRefused) -> Self {
        let code = refused.code();
        if refused == OidcRefused::NoClaim {
            Self::Unfit(code, Unfit::Claim)
        } else if refused == OidcRefused::Required {
            Self::Unfit(code, Unfit::Kind)
        } else if refused == OidcRefused::Level {
            Self::Unfit(code, Unfit::Level)
        } else {
            Self::Refused(code)
        }
    }
}

impl From<oidc::OidcLoginError> for NoLoginReason {
    fn from(trouble: oidc::OidcLoginError) -> Self {
        match trouble {
            oidc::OidcLoginError::Refused(denied) => denied.refused.into(),
            oidc::OidcLoginError::Provider(_) => Self::Provider("provider_unreachable"),
        }
    }
}
