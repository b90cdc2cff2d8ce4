//! SAML 2.0 endpoints: assertion consumer, metadata, and logouts from both sides.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{RawQuery, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use axum_extra::extract::CookieJar;
use serde::Deserialize;

use crate::http::routes::sign_in::provider::{arrive, go};
use crate::{
    app::App,
    flow::{
        sign_in::provider::{saml, unseal},
        sign_out::at_provider::saml::{LogoutHeard, hear as heard},
    },
    http::{
        extract::sealed_cookie,
        middleware::limits::arrival::{self, LARGEST_MESSAGE},
        page::{AnonymousRequest, ErrorPages, Frame, MessagePage, PageError, page},
    },
    identity::saml::{Refused, logout::Incoming, sp_metadata},
};

/// Largest form with a logout message, bytes: base64 with worst-case percent-encoding, and its RelayState.
const LARGEST_LOGOUT_FORM: usize = 96 * 1024;

/// A provider's form.
#[derive(Deserialize)]
struct Sent {
    #[serde(rename = "SAMLResponse")]
    response: Option<String>,
    #[serde(rename = "SAMLRequest")]
    request: Option<String>,
    #[serde(rename = "RelayState")]
    relay: Option<String>,
}

async fn sent(body: Body, largest: usize) -> Result<Sent, Refused> {
    let bytes = arrival::whole(body, largest).await.map_err(|_| Refused::TooLarge)?;
    serde_urlencoded::from_bytes(&bytes).map_err(|_| Refused::Query)
}

/// `POST /saml/acs`: a provider's answer to a login.
pub(crate) async fn answer(State(app): State<Arc<App>>, guest: AnonymousRequest, body: Body) -> Result<Response, PageError> {
    let cookies = guest.cookies.clone();
    // Only a browser with a login in progress may send a large answer.
    let largest = if sealed_cookie::any(&cookies) { LARGEST_MESSAGE } else { LARGEST_LOGOUT_FORM };
    let sent = sent(body, largest).await;
    let relay = sent.as_ref().ok().and_then(|sent| sent.relay.clone()).unwrap_or_default();
    let pending = sealed_cookie::kept(&cookies, &relay).and_then(|sealed| unseal(&app, &relay, &sealed));
    let had_one = pending.is_some();
    let message = sent.and_then(|sent| sent.response.ok_or(Refused::Query));
    let finished = saml::finish(&app, &guest.visit, pending, message).await?;
    arrive(guest, &relay, had_one, finished).await
}

/// `GET /saml/metadata`: our metadata as a service provider.
pub(crate) async fn metadata(State(app): State<Arc<App>>) -> Result<Response, PageError> {
    let Some(saml) = &app.saml else { return Ok(StatusCode::NOT_FOUND.into_response()) };
    let text =
        sp_metadata::document(&saml.at, &saml.keys, &app.config.saml, &app.config.site.name).map_err(|error| PageError::new(&error))?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("application/samlmetadata+xml"))], text).into_response())
}

/// `GET /saml/slo`: a provider's logout request, or its answer to one of ours.
///
/// The SAML profile lets this GET change state. The message's signature decides what it may do.
pub(crate) async fn logout_by_redirect(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
    cookies: CookieJar,
    visitor: ErrorPages,
) -> Result<Response, PageError> {
    let query = query.unwrap_or_default();
    hear(&app, visitor, &cookies, Incoming::Query(&query)).await
}

/// `POST /saml/slo`: the same by form.
pub(crate) async fn logout_by_form(
    State(app): State<Arc<App>>,
    cookies: CookieJar,
    visitor: ErrorPages,
    body: Body,
) -> Result<Response, PageError> {
    let Ok(sent) = sent(body, LARGEST_LOGOUT_FORM).await else { return Ok(logout_refused(visitor.frame)) };
    let (message, request) = match (&sent.request, &sent.response) {
        (Some(message), None) => (message, true),
        (None, Some(message)) => (message, false),
        (Some(_), Some(_)) | (None, None) => return Ok(logout_refused(visitor.frame)),
    };
    hear(&app, visitor, &cookies, Incoming::Form { message, request, relay: sent.relay.as_deref() }).await
}

async fn hear(app: &Arc<App>, visitor: ErrorPages, cookies: &CookieJar, incoming: Incoming<'_>) -> Result<Response, PageError> {
    let ErrorPages { frame, visit } = visitor;
    Ok(match heard(app, &visit, incoming, |relay| sealed_cookie::kept(cookies, relay)).await? {
        LogoutHeard::LoggedOut(Some(transport)) => {
            let (title, text) = (frame.t("provider-logged-out-title"), frame.t("provider-logout"));
            go(frame, transport, title, text)
        }
        LogoutHeard::LoggedOut(None) | LogoutHeard::Answered { everywhere: true } => Redirect::to("/?logged-out").into_response(),
        LogoutHeard::Answered { everywhere: false } => Redirect::to("/?logged-out-here").into_response(),
        LogoutHeard::Refused => logout_refused(frame),
        LogoutHeard::Busy => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    })
}

fn logout_refused(frame: Frame) -> Response {
    page(StatusCode::FORBIDDEN, &MessagePage::new(frame, "provider-logged-out-title", "provider-logout-refused"))
}
