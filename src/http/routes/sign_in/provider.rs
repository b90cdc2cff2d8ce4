//! Logins and logouts at identity providers, of both protocols: the way to the provider, the result, and the logout there.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, RawQuery, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use axum_extra::extract::CookieJar;

use crate::http::routes::sign_in::login_test;
use crate::{
    app::App,
    flow::{
        sign_in::provider::{self, LoginBegun, LoginFinished},
        sign_out::at_provider,
    },
    http::{
        extract::{
            sealed_cookie,
            session::{self, ProviderSession},
            way_back,
        },
        middleware::headers::FormGoesElsewhere,
        page::{AnonymousRequest, Frame, MessagePage, PageError, PageRequest, page},
    },
    identity::{answer, transport::Transport},
    model::identity::{claim::ClaimKind, provider::ProviderId},
};

/// Page with the form that goes to a provider.
#[derive(Template)]
#[template(path = "pages/send.html")]
pub(crate) struct SendPage {
    pub(crate) frame: Frame,
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) action: String,
    pub(crate) fields: Vec<(&'static str, String)>,
}

/// `GET /login/{provider}`: redirects to the provider. The login in progress is stored only in the browser.
pub(crate) async fn begin(
    State(app): State<Arc<App>>,
    Path(provider): Path<String>,
    RawQuery(query): RawQuery,
    cookies: CookieJar,
    PageRequest { frame }: PageRequest,
) -> Result<Response, PageError> {
    let again = query.as_deref() == Some("again");
    Ok(match provider::begin(&app, &provider, again, frame.words.language).await? {
        LoginBegun::Unknown => StatusCode::NOT_FOUND.into_response(),
        LoginBegun::Unusable => {
            page(StatusCode::SERVICE_UNAVAILABLE, &MessagePage::new(frame, "provider-unusable-title", "provider-unusable"))
        }
        LoginBegun::Go { transport, relay, sealed } => {
            let name = name_of(&app, &frame, &provider);
            let text = frame.words.with("provider-continue", "name", &name);
            let title = frame.t("provider-continue-title");
            (sealed_cookie::keep(cookies, &relay, &sealed, app.clock.now()), go(frame, transport, title, text)).into_response()
        }
    })
}

pub(crate) fn name_of(app: &App, frame: &Frame, provider: &str) -> String {
    let known = ProviderId::parse(provider).and_then(|id| app.config.provider(&id));
    known.map(|provider| provider.button.in_language(frame.words.language).to_owned()).unwrap_or_default()
}

/// Sends the browser to the provider: by redirect, or by a form that the script or the visitor submits.
pub(crate) fn go(frame: Frame, transport: Transport, title: String, text: String) -> Response {
    match transport {
        Transport::Redirect(address) => Redirect::to(&address).into_response(),
        Transport::Form { action, fields } => {
            let mut response = page(StatusCode::OK, &SendPage { frame, title, text, action, fields });
            response.extensions_mut().insert(FormGoesElsewhere);
            response
        }
    }
}

/// Ends a login in progress: starts the session, or shows the reason of its failure.
pub(crate) async fn arrive(guest: AnonymousRequest, relay: &str, had_one: bool, finished: LoginFinished) -> Result<Response, PageError> {
    let response = match &finished {
        LoginFinished::Welcome { identity, session, owners } => {
            session::begin(&guest.session, identity, session.as_ref(), owners, &guest.visit).await?;
            let login =
                identity.provider().map_or_else(CookieJar::new, |login| way_back::used(CookieJar::new(), &login.provider.to_string()));
            // The cookie with the way back does not come along with a provider's form; it does with the page after it.
            (login, Redirect::to("/account")).into_response()
        }
        LoginFinished::Tested(report) => login_test::result(guest.frame, report),
        LoginFinished::NoAccount { .. }
        | LoginFinished::NotForHere { .. }
        | LoginFinished::Failed { .. }
        | LoginFinished::Refused { .. }
        | LoginFinished::Throttled { .. } => told(guest.frame, &finished),
    };
    Ok(if had_one { (sealed_cookie::gone(relay), response).into_response() } else { response })
}

/// Page about a login that failed, with the next step.
fn told(frame: Frame, finished: &LoginFinished) -> Response {
    let (status, notice) = notice_of(frame, finished);
    page(status, &notice)
}

pub(crate) fn notice_of(mut frame: Frame, finished: &LoginFinished) -> (StatusCode, MessagePage) {
    frame.path = String::from("/");
    let again = |provider: Option<&ProviderId>| provider.map(|id| (format!("/login/{id}"), "provider-again"));
    let (status, title, text, way) = match finished {
        LoginFinished::Welcome { .. } | LoginFinished::Tested(_) => {
            (StatusCode::OK, "provider-continue-title", "provider-continue-title", None)
        }
        LoginFinished::NoAccount { by, .. } => (StatusCode::FORBIDDEN, "provider-no-account-title", looked_for(*by), None),
        LoginFinished::NotForHere { missing } => (StatusCode::FORBIDDEN, "provider-not-for-here-title", lacks(*missing), None),
        LoginFinished::Failed { failure: answer::LoginFailure::Busy, provider } => {
            (StatusCode::SERVICE_UNAVAILABLE, "provider-refused-title", "provider-unusable", again(Some(provider)))
        }
        LoginFinished::Failed { failure, provider } => {
            (StatusCode::FORBIDDEN, "provider-refused-title", failed(failure), again(Some(provider)))
        }
        LoginFinished::Refused { provider } => {
            (StatusCode::FORBIDDEN, "provider-refused-title", "provider-refused", again(provider.as_ref()))
        }
        LoginFinished::Throttled { .. } => (StatusCode::TOO_MANY_REQUESTS, "provider-refused-title", "provider-refused", None),
    };
    let way = way.map(|(href, key)| (href, frame.t(key)));
    let rate_limited = if let LoginFinished::Throttled { until } = finished {
        Some(frame.words.with("provider-throttled", "time", &frame.words.wait_until(*until)))
    } else {
        None
    };
    // The provider's error code, for support. Strangers can forge it: `Other` holds only a short and plain one.
    let word = if let LoginFinished::Failed { failure: answer::LoginFailure::Other(Some(code)), .. } = finished {
        Some(frame.words.with("provider-failed-code", "code", code.as_str()))
    } else {
        None
    };
    let mut notice = MessagePage::new(frame, title, text);
    notice.way = way;
    if let Some(text) = rate_limited {
        notice.paragraphs = vec![text];
    }
    notice.paragraphs.extend(word);
    if let LoginFinished::NoAccount { children_unasked: true, .. } = finished {
        notice.paragraphs.push(notice.frame.t("children-too-weak"));
    }
    (status, notice)
}

fn looked_for(by: ClaimKind) -> &'static str {
    match by {
        ClaimKind::Cpr => "provider-no-account-cpr",
        ClaimKind::AccountName | ClaimKind::Upn | ClaimKind::ObjectGuid | ClaimKind::ObjectSid => "provider-no-account-name",
        ClaimKind::Email => "provider-no-account-email",
        ClaimKind::UniloginId => "provider-no-account-unilogin",
    }
}

/// Message about the claim that a login lacks.
fn lacks(missing: Option<ClaimKind>) -> &'static str {
    match missing {
        Some(ClaimKind::Cpr) => "provider-lacks-cpr",
        Some(
            ClaimKind::AccountName
            | ClaimKind::Upn
            | ClaimKind::ObjectGuid
            | ClaimKind::ObjectSid
            | ClaimKind::Email
            | ClaimKind::UniloginId,
        ) => "provider-lacks-name",
        None => "provider-not-for-here",
    }
}

fn failed(failure: &answer::LoginFailure) -> &'static str {
    match failure {
        answer::LoginFailure::Cancelled => "provider-cancelled",
        answer::LoginFailure::Level => "provider-level",
        answer::LoginFailure::Passive => "provider-passive",
        answer::LoginFailure::Busy => "provider-unusable",
        answer::LoginFailure::Other(_) => "provider-failed",
    }
}

/// Ends the provider's session too, where the provider supports it. Our session has ended before.
pub(crate) async fn log_out_there(app: &App, mut frame: Frame, at: &ProviderSession) -> Response {
    let begun = match at_provider::begin(app, &at.provider, &at.there).await {
        Ok(Some(begun)) => begun,
        Ok(None) => return Redirect::to("/?logged-out-here").into_response(),
        Err(fault) => {
            tracing::warn!(error = %fault, "logout at the provider not started");
            return Redirect::to("/?logged-out-here").into_response();
        }
    };
    frame.person = None;
    frame.path = String::from("/");
    let (title, text) = (frame.t("provider-logout-title"), frame.t("provider-logout"));
    let cookies =
        begun.kept.map_or_else(CookieJar::new, |kept| sealed_cookie::keep(CookieJar::new(), &kept.relay, &kept.sealed, app.clock.now()));
    (cookies, leave(frame, begun.transport, title, text)).into_response()
}

/// Leads to a provider after a form of ours. No redirect: it would be the redirect of a form, which the `form-action` of our own pages blocks.
pub(crate) fn leave(frame: Frame, transport: Transport, title: String, text: String) -> Response {
    match transport {
        Transport::Redirect(address) => {
            let way = Some((address.clone(), frame.t("provider-continue-button")));
            let mut response = page(StatusCode::OK, &MessagePage { frame, title, paragraphs: vec![text], reference: None, way });
            if let Ok(refresh) = HeaderValue::from_str(&format!("0; url={address}")) {
                response.headers_mut().insert(header::REFRESH, refresh);
            }
            response
        }
        form @ Transport::Form { .. } => go(frame, form, title, text),
    }
}
