//! Identity providers: on the way there, on the way back, and logging out on either side.

use std::sync::Arc;

use askama::Template;
use axum::{
    body::Body,
    extract::{Path, RawQuery, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use axum_extra::extract::{
    CookieJar,
    cookie::{Cookie, SameSite},
};
use serde::Deserialize;

use crate::{
    app::App,
    flow::{
        provider_sign_in::{self, Begun, Finished, unseal},
        provider_sign_out::{self, Heard},
    },
    http::{
        form,
        headers::FormGoesElsewhere,
        session::{self, ProviderSession},
        view::{Anybody, Failure, Frame, Guest, Messenger, Notice, page},
    },
    identity::saml::{Refused, logout::Incoming, message::Transport, response, sp_metadata},
    model::{claim::ClaimKind, provider::ProviderId},
};

/// What the browser keeps for us while a login or logout is under way: one cookie for each, so that two tabs do not undo one another.
const KEPT: &str = "__Host-os2nykode-at-";
/// So many at most: more would make the headers too large.
const KEPT_AT_MOST: usize = 5;
/// Seconds.
const KEPT_FOR: i64 = 15 * 60;
/// A message in base64, percent-encoded at worst, and its RelayState.
const LARGEST_FORM: usize = 600 * 1024;

/// The page that takes a form to a provider.
#[derive(Template)]
#[template(path = "pages/send.html")]
pub(super) struct SendPage {
    pub(super) frame: Frame,
    pub(super) title: String,
    pub(super) text: String,
    pub(super) action: String,
    pub(super) fields: Vec<(&'static str, String)>,
}

/// `GET /login/{provider}`: on the way there. Nothing is stored but in the browser.
pub(in crate::http) async fn begin(
    State(app): State<Arc<App>>,
    Path(provider): Path<String>,
    RawQuery(query): RawQuery,
    cookies: CookieJar,
    Anybody { frame }: Anybody,
) -> Result<Response, Failure> {
    let again = query.as_deref() == Some("again");
    Ok(match provider_sign_in::begin(&app, &provider, again).await? {
        Begun::Unknown => StatusCode::NOT_FOUND.into_response(),
        Begun::Unusable => page(StatusCode::SERVICE_UNAVAILABLE, &Notice::new(frame, "saml-unusable-title", "saml-unusable")),
        Begun::Go { transport, relay, sealed } => {
            let name = name_of(&app, &frame, &provider);
            let text = frame.words.with("saml-continue", "name", &name);
            let title = frame.t("saml-continue-title");
            (keep(cookies, &relay, sealed), go(frame, transport, title, text)).into_response()
        }
    })
}

fn name_of(app: &App, frame: &Frame, provider: &str) -> String {
    let known = ProviderId::parse(provider).and_then(|id| app.config.saml.provider(&id));
    known.map(|provider| provider.button.in_language(frame.words.language).to_owned()).unwrap_or_default()
}

/// Keeps it in the browser. SameSite=None: the provider's answer is a form of another site. Older ones go when there are too many.
fn keep(cookies: CookieJar, relay: &str, sealed: String) -> CookieJar {
    let old: Vec<_> = cookies.iter().map(|cookie| cookie.name().to_owned()).filter(|name| name.starts_with(KEPT)).collect();
    let cookies = if old.len() >= KEPT_AT_MOST { old.into_iter().fold(cookies, |cookies, name| cookies.add(ended(name))) } else { cookies };
    let cookie = Cookie::build((format!("{KEPT}{relay}"), sealed)).path("/").secure(true).http_only(true).same_site(SameSite::None);
    cookies.add(cookie.max_age(time::Duration::seconds(KEPT_FOR)))
}

fn ended(name: String) -> Cookie<'static> {
    Cookie::build((name, "")).path("/").secure(true).http_only(true).same_site(SameSite::None).max_age(time::Duration::ZERO).build()
}

/// What the browser has kept under a RelayState.
fn kept(cookies: &CookieJar, relay: &str) -> Option<String> {
    cookies.get(&format!("{KEPT}{relay}")).map(|cookie| cookie.value().to_owned())
}

/// To the provider: by redirect, or by a page whose form the script sends, or the person.
fn go(frame: Frame, transport: Transport, title: String, text: String) -> Response {
    match transport {
        Transport::Redirect(address) => Redirect::to(&address).into_response(),
        Transport::Form { action, fields } => {
            let mut response = page(StatusCode::OK, &SendPage { frame, title, text, action, fields });
            response.extensions_mut().insert(FormGoesElsewhere);
            response
        }
    }
}

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

async fn sent(body: Body) -> Result<Sent, Refused> {
    let bytes = form::whole(body, LARGEST_FORM).await.map_err(|_| Refused::TooLarge)?;
    serde_urlencoded::from_bytes(&bytes).map_err(|_| Refused::Query)
}

/// `POST /saml/acs`: back from the provider.
pub(in crate::http) async fn answer(State(app): State<Arc<App>>, guest: Guest, body: Body) -> Result<Response, Failure> {
    let cookies = guest.cookies.clone();
    let sent = sent(body).await;
    let relay = sent.as_ref().ok().and_then(|sent| sent.relay.clone()).unwrap_or_default();
    let pending = kept(&cookies, &relay).and_then(|sealed| unseal(&app, &relay, &sealed));
    let had_one = pending.is_some();
    let message = sent.and_then(|sent| sent.response.ok_or(Refused::Query));
    let finished = provider_sign_in::finish(&app, &guest.visit, pending, message).await?;
    let response = match &finished {
        Finished::Welcome { identity, subject } => {
            session::begin(&guest.session, identity, subject.as_ref()).await?;
            Redirect::to("/account").into_response()
        }
        Finished::NoAccount { .. }
        | Finished::NotForHere { .. }
        | Finished::Failed { .. }
        | Finished::Refused { .. }
        | Finished::Throttled { .. } => told(guest.frame, &finished),
    };
    Ok(if had_one { (CookieJar::new().add(ended(format!("{KEPT}{relay}"))), response).into_response() } else { response })
}

/// What became of a login that did not succeed, and where to go on.
fn told(frame: Frame, finished: &Finished) -> Response {
    let (status, notice) = notice_of(frame, finished);
    page(status, &notice)
}

pub(super) fn notice_of(mut frame: Frame, finished: &Finished) -> (StatusCode, Notice) {
    frame.path = String::from("/");
    let again = |provider: Option<&ProviderId>| provider.map(|id| (format!("/login/{id}"), "saml-again"));
    let (status, title, text, way) = match finished {
        Finished::Welcome { .. } => (StatusCode::OK, "saml-continue-title", "saml-continue-title", None),
        Finished::NoAccount { by, .. } => (StatusCode::FORBIDDEN, "saml-no-account-title", looked_for(*by), None),
        Finished::NotForHere { missing } => (StatusCode::FORBIDDEN, "saml-not-for-here-title", lacks(*missing), None),
        Finished::Failed { failure, provider } => (StatusCode::FORBIDDEN, "saml-refused-title", failed(*failure), again(Some(provider))),
        Finished::Refused { provider } => (StatusCode::FORBIDDEN, "saml-refused-title", "saml-refused", again(provider.as_ref())),
        Finished::Throttled { .. } => (StatusCode::TOO_MANY_REQUESTS, "saml-refused-title", "saml-refused", None),
    };
    let way = way.map(|(href, key)| (href, frame.t(key)));
    let throttled = if let Finished::Throttled { until } = finished {
        Some(frame.words.with("saml-throttled", "time", &frame.words.time(*until)))
    } else {
        None
    };
    let mut notice = Notice::new(frame, title, text);
    notice.way = way;
    if let Some(text) = throttled {
        notice.paragraphs = vec![text];
    }
    (status, notice)
}

fn looked_for(by: ClaimKind) -> &'static str {
    match by {
        ClaimKind::Cpr => "saml-no-account-cpr",
        ClaimKind::AccountName | ClaimKind::Upn | ClaimKind::ObjectGuid => "saml-no-account-name",
        ClaimKind::Email => "saml-no-account-email",
        ClaimKind::UniloginId => "saml-no-account-unilogin",
    }
}

/// What a login does not tell.
fn lacks(missing: Option<ClaimKind>) -> &'static str {
    match missing {
        Some(ClaimKind::Cpr) => "saml-lacks-cpr",
        Some(ClaimKind::AccountName | ClaimKind::Upn | ClaimKind::ObjectGuid | ClaimKind::Email | ClaimKind::UniloginId) => {
            "saml-lacks-name"
        }
        None => "saml-not-for-here",
    }
}

fn failed(failure: response::Failure) -> &'static str {
    match failure {
        response::Failure::Cancelled => "saml-cancelled",
        response::Failure::Level => "saml-level",
        response::Failure::Passive => "saml-passive",
        response::Failure::Other => "saml-failed",
    }
}

/// `GET /saml/metadata`: who we are.
pub(in crate::http) async fn metadata(State(app): State<Arc<App>>) -> Result<Response, Failure> {
    let Some(saml) = &app.saml else { return Ok(StatusCode::NOT_FOUND.into_response()) };
    let text =
        sp_metadata::document(&saml.at, &saml.keys, &app.config.saml, &app.config.site.name).map_err(|error| Failure::new(&error))?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("application/samlmetadata+xml"))], text).into_response())
}

/// Ends the provider's session as well, where it takes logouts. Our own has ended already.
pub(super) async fn log_out_there(app: &App, mut frame: Frame, at: &ProviderSession) -> Response {
    let begun = match provider_sign_out::begin(app, &at.provider, &at.subject).await {
        Ok(Some(begun)) => begun,
        Ok(None) => return Redirect::to("/?logged-out-here").into_response(),
        Err(fault) => {
            tracing::warn!(error = %fault, "a provider could not be told of a logout");
            return Redirect::to("/?logged-out-here").into_response();
        }
    };
    frame.person = None;
    frame.path = String::from("/");
    let (title, text) = (frame.t("saml-logout-title"), frame.t("saml-logout"));
    let cookies = keep(CookieJar::new(), &begun.relay, begun.sealed);
    let response = match begun.transport {
        // Not a redirect: it would be one of a form, and our own pages' policy lets no form end elsewhere.
        Transport::Redirect(address) => {
            let mut notice = Notice::new(frame, "saml-logout-title", "saml-logout");
            notice.way = Some((address.clone(), notice.frame.t("saml-continue-button")));
            let mut response = page(StatusCode::OK, &notice);
            if let Ok(refresh) = HeaderValue::from_str(&format!("0; url={address}")) {
                response.headers_mut().insert(header::REFRESH, refresh);
            }
            response
        }
        form @ Transport::Form { .. } => go(frame, form, title, text),
    };
    (cookies, response).into_response()
}

/// `GET /saml/slo`: a provider's logout, or its answer to one of ours. A GET that changes something, as the profile has it; what it may do is in its signature.
pub(in crate::http) async fn logout_by_redirect(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
    cookies: CookieJar,
    visitor: Messenger,
) -> Result<Response, Failure> {
    let query = query.unwrap_or_default();
    hear(&app, visitor, &cookies, Incoming::Query(&query)).await
}

/// `POST /saml/slo`: the same by form.
pub(in crate::http) async fn logout_by_form(
    State(app): State<Arc<App>>,
    cookies: CookieJar,
    visitor: Messenger,
    body: Body,
) -> Result<Response, Failure> {
    let Ok(sent) = sent(body).await else { return Ok(logout_refused(visitor.frame)) };
    let (message, request) = match (&sent.request, &sent.response) {
        (Some(message), None) => (message, true),
        (None, Some(message)) => (message, false),
        (Some(_), Some(_)) | (None, None) => return Ok(logout_refused(visitor.frame)),
    };
    hear(&app, visitor, &cookies, Incoming::Form { message, request, relay: sent.relay.as_deref() }).await
}

async fn hear(app: &Arc<App>, visitor: Messenger, cookies: &CookieJar, incoming: Incoming<'_>) -> Result<Response, Failure> {
    let Messenger { frame, visit } = visitor;
    Ok(match provider_sign_out::hear(app, &visit, incoming, |relay| kept(cookies, relay)).await? {
        Heard::LoggedOut(Some(transport)) => {
            let (title, text) = (frame.t("saml-logged-out-title"), frame.t("saml-logout"));
            go(frame, transport, title, text)
        }
        Heard::LoggedOut(None) | Heard::Answered { everywhere: true } => Redirect::to("/?logged-out").into_response(),
        Heard::Answered { everywhere: false } => Redirect::to("/?logged-out-here").into_response(),
        Heard::Refused => logout_refused(frame),
    })
}

fn logout_refused(frame: Frame) -> Response {
    page(StatusCode::FORBIDDEN, &Notice::new(frame, "saml-logged-out-title", "saml-logout-refused"))
}
