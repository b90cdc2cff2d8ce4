//! SAML Single Logout, started here or at the provider.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::flow::sign_out::at_provider::{LogoutBegun, SealedLogoutState, ended_by_provider, refused, seal};
use crate::{
    app::App,
    flow::{FlowError, RequestContext, sign_in::provider::unseal},
    identity::{
        saml::{
            LogoutAsked, MessageRoute, Refused,
            logout::{self, Incoming},
            message,
            metadata::ProviderAddresses,
            subject::LogoutSubject,
        },
        transport::Transport,
    },
    model::{
        cpr::Cpr,
        identity::{LoginMethod, provider::ProviderId},
    },
};

/// Longest time between a logout request and its answer.
const AT_MOST: SignedDuration = SignedDuration::from_mins(10);

/// A logout in progress, kept by the browser, sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct PendingSamlLogout {
    logout_at: ProviderId,
    request: String,
    asked: Timestamp,
}

/// Asks the provider to end its session too. `None`: it supports no logout, or cannot be used now.
pub(crate) async fn begin(app: &App, provider: &ProviderId, subject: &LogoutSubject) -> Result<Option<LogoutBegun>, FlowError> {
    let now = app.clock.now();
    let Some(saml) = &app.saml else { return Ok(None) };
    let Some(metadata) = saml.metadata(provider, now) else { return Ok(None) };
    // A CPR number must not be in a URL: a NameID with one travels as a form or not at all.
    let redirect = metadata.log_out.redirect.as_ref().filter(|_| Cpr::parse(&subject.name_id).is_none());
    let Some(endpoint) = redirect.or(metadata.log_out.post.as_ref()) else { return Ok(None) };
    let address = &endpoint.location;
    let request = message::id(app.keys.random()?);
    let relay = message::id(app.keys.random()?);
    let message = message::logout_request(&request, now, address, &saml.at.entity_id, subject);
    let way = way(app, provider, address, redirect.is_none(), Some(relay.clone()));
    let transport = saml.send(message, way).await?;
    let sealed = seal(app, &relay, &PendingSamlLogout { logout_at: provider.clone(), request, asked: now })?;
    Ok(Some(LogoutBegun { transport, kept: Some(SealedLogoutState { relay, sealed }) }))
}

fn way(app: &App, provider: &ProviderId, address: &str, by_form: bool, relay: Option<String>) -> MessageRoute {
    let pss = app.config.saml.provider(provider).is_some_and(|provider| provider.pss);
    MessageRoute { address: address.to_owned(), by_form, relay, pss }
}

/// The result of a message to our logout address.
#[derive(Debug)]
pub enum LogoutHeard {
    /// The provider's logout was carried out. The transport takes our answer back; `None`: the provider takes none.
    LoggedOut(Option<Transport>),
    /// The provider has answered our logout.
    Answered {
        /// Whether the logout was carried out everywhere.
        everywhere: bool,
    },
    /// The message proves nothing. The reason is in the log.
    Refused,
    /// Too many messages wait: this one was not read, and may be sent again.
    Busy,
}

/// Handles a logout message of a provider: a request, or an answer to ours. `kept`: the cookie's content for a
/// RelayState.
pub async fn hear(
    app: &Arc<App>,
    visit: &RequestContext,
    incoming: Incoming<'_>,
    kept: impl Fn(&str) -> Option<String>,
) -> Result<LogoutHeard, FlowError> {
    let heard = match logout::unpack(incoming) {
        Ok(unpacked) if unpacked.request => asked(app, visit, unpacked).await?,
        Ok(unpacked) => answered(app, unpacked, kept).await,
        Err(refused) => Err(refused),
    };
    match heard {
        Ok(heard) => Ok(heard),
        Err(reason) => {
            refused(LoginMethod::Saml, reason.code());
            Ok(if reason == Refused::Busy { LogoutHeard::Busy } else { LogoutHeard::Refused })
        }
    }
}

async fn answered(app: &Arc<App>, unpacked: logout::Unpacked, kept: impl Fn(&str) -> Option<String>) -> Result<LogoutHeard, Refused> {
    let saml = app.saml.as_ref().ok_or(Refused::ProviderUnusable)?;
    let now = app.clock.now();
    let relay = unpacked.relay.clone().ok_or(Refused::NotAsked)?;
    let pending: PendingSamlLogout = kept(&relay).and_then(|sealed| unseal(app, &relay, &sealed)).ok_or(Refused::NotAsked)?;
    if now.duration_since(pending.asked) > AT_MOST {
        return Err(Refused::NotAsked);
    }
    let everywhere = saml.read_logout_answer(unpacked, pending.logout_at, pending.request, now).await?;
    Ok(LogoutHeard::Answered { everywhere })
}

async fn asked(app: &Arc<App>, visit: &RequestContext, unpacked: logout::Unpacked) -> Result<Result<LogoutHeard, Refused>, FlowError> {
    let Some(saml) = &app.saml else { return Ok(Err(Refused::ProviderUnusable)) };
    let now = app.clock.now();
    let LogoutAsked { providers, request, by_form, relay } = match saml.read_logout(unpacked, now).await {
        Ok(read) => read,
        Err(refused) => return Ok(Err(refused)),
    };
    let Some(answers) = providers.first() else { return Ok(Err(Refused::Issuer)) };
    let name = format!("logout:{answers}:{}", app.keys.fingerprint(&request.id));
    if app.used.is_used(&name).await? {
        return Ok(Err(Refused::Replayed));
    }
    for provider in &providers {
        let ended = if request.sessions.is_empty() {
            app.sessions.end_of_person_there(provider.as_str(), &request.name_id).await?
        } else {
            let sessions: Vec<_> = request.sessions.iter().map(|session| LogoutSubject::session(&request.name_id, session)).collect();
            app.sessions.end_of_sessions_there(provider.as_str(), &sessions, Some(&request.name_id)).await?
        };
        ended_by_provider(app, visit, provider, LoginMethod::Saml, ended).await?;
    }
    // Marked as used afterwards: a logout that failed halfway may be sent again.
    app.used.first_time(&name, request.until).await?;
    let Some(metadata) = saml.metadata(answers, now) else { return Ok(Ok(LogoutHeard::LoggedOut(None))) };
    // With the binding of the request, where the provider takes answers with it: each binding has its own address for
    // them.
    let ProviderAddresses { redirect, post } = &metadata.log_out;
    let (first, second) = if by_form { (post, redirect) } else { (redirect, post) };
    let Some(endpoint) = first.as_ref().or(second.as_ref()) else { return Ok(Ok(LogoutHeard::LoggedOut(None))) };
    let address = endpoint.for_answers();
    let answer = message::logout_response(&message::id(app.keys.random()?), now, address, &saml.at.entity_id, &request.id);
    let way = way(app, answers, address, first.is_some() == by_form, relay);
    Ok(Ok(LogoutHeard::LoggedOut(Some(saml.send(answer, way).await?))))
}
