//! SAML logins: the AuthnRequest, and the Response to it.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::flow::sign_in::provider::{AT_MOST, Arrival, LoginBegun, LoginFinished, NoLoginReason, Unfit, in_time, seal};
use crate::{
    app::App,
    config::{Binding, SamlProvider},
    flow::{FlowError, RequestContext, run_to_completion},
    identity::{
        answer::LoginAnswer,
        saml::{
            MessageRoute, Refused, SamlProviders, SamlRequest,
            message::{self, AuthnRequest},
            xml::LARGEST,
        },
        shown::Findings,
    },
    model::identity::{Identity, LoginMethod, provider::ProviderId},
};

/// A login in progress, kept by the browser, sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingSamlLogin {
    provider: ProviderId,
    request: String,
    asked: Timestamp,
    forced: bool,
    /// The auditor whose test it is. Only a test has one, and only we can write it: all of this is sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    test: Option<Box<Identity>>,
}

pub(crate) async fn begin(
    app: &App,
    saml: &Arc<SamlProviders>,
    provider: &SamlProvider,
    again: bool,
    test: Option<&Identity>,
) -> Result<LoginBegun, FlowError> {
    let now = app.clock.now();
    let id = &provider.common.id;
    let Some(metadata) = saml.metadata(id, now) else { return Ok(LoginBegun::Unusable) };
    let request = message::id(app.keys.random()?);
    let relay = message::id(app.keys.random()?);
    let (endpoint, by_form) = match (provider.binding, &metadata.sign_on.redirect, &metadata.sign_on.post) {
        (Binding::Redirect, Some(endpoint), _) | (Binding::Post, Some(endpoint), None) => (endpoint, false),
        (Binding::Post, _, Some(endpoint)) | (Binding::Redirect, None, Some(endpoint)) => (endpoint, true),
        (Binding::Redirect | Binding::Post, None, None) => return Ok(LoginBegun::Unusable),
    };
    let address = &endpoint.location;
    let forced = provider.force_authn || again;
    let asks = AuthnRequest {
        id: &request,
        at: now,
        destination: address,
        entity_id: &saml.at.entity_id,
        acs: &saml.at.acs,
        force: forced,
        provider,
    };
    let way = MessageRoute { address: address.clone(), by_form, relay: Some(relay.clone()), pss: provider.pss };
    let transport = saml.send(asks.message(), way).await?;
    let pending = PendingSamlLogin { provider: id.clone(), request, asked: now, forced, test: test.cloned().map(Box::new) };
    Ok(LoginBegun::Go { transport, sealed: seal(app, &relay, &pending)?, relay })
}

/// Completes a login with the provider's answer. Runs to completion, audit entries included, even if the client
/// disconnects.
pub async fn finish(
    app: &Arc<App>,
    visit: &RequestContext,
    pending: Option<PendingSamlLogin>,
    answer: Result<String, Refused>,
) -> Result<LoginFinished, FlowError> {
    let (app, visit) = (app.clone(), visit.clone());
    run_to_completion(async move {
        let provider = pending.as_ref().and_then(|pending| app.config.provider(&pending.provider));
        let arrival = Arrival { app: &app, visit: &visit, method: LoginMethod::Saml, provider };
        let test = pending.as_ref().and_then(|pending| pending.test.as_deref());
        let read = async {
            let mut findings = Findings::default();
            let answer = async { read(&app, pending.as_ref().ok_or(Refused::NotAsked)?, &answer?, &mut findings).await };
            (answer.await, findings)
        };
        match test {
            None => arrival.conclude(Box::pin(async { read.await.0 })).await,
            Some(by) => arrival.conclude_test(by, Box::pin(read)).await,
        }
    })
    .await
}

/// Verifies the answer. `findings`: details for a login test.
async fn read(app: &App, pending: &PendingSamlLogin, answer: &str, findings: &mut Findings) -> Result<LoginAnswer, NoLoginReason> {
    let now = app.clock.now();
    let saml = app.saml.as_ref().ok_or(Refused::ProviderUnusable)?;
    if !in_time(pending.asked, now) {
        return Err(Refused::NotAsked.into());
    }
    let asked = SamlRequest {
        provider: pending.provider.clone(),
        request: pending.request.clone(),
        at: pending.asked,
        forced: pending.forced,
        now,
    };
    let message = message::decoded(answer, LARGEST)?;
    let read = if pending.test.is_some() {
        let examined = saml.test_response(asked, message).await?;
        *findings = examined.findings;
        examined.answer?
    } else {
        saml.read_response(asked, message).await?
    };
    if let LoginAnswer::Login(login) = &read {
        let assertion = format!("assertion:{}:{}", pending.provider, app.keys.fingerprint(&login.assertion));
        let request = format!("request:{}", pending.request);
        // An assertion may be valid for longer than a login may take: it is remembered for the longer of the two.
        let until = login.until.max(now + AT_MOST);
        if !app.used.first_time(&assertion, until).await? || !app.used.first_time(&request, until).await? {
            return Err(Refused::Replayed.into());
        }
    }
    Ok(read)
}

impl From<Refused> for NoLoginReason {
    /// These two refusals come only after the provider's signature has been verified.
    fn from(refused: Refused) -> Self {
        let code = refused.code();
        if refused == Refused::NoClaim {
            Self::Unfit(code, Unfit::Claim)
        } else if refused == Refused::Required {
            Self::Unfit(code, Unfit::Kind)
        } else {
            Self::Refused(code)
        }
    }
}
