//! Front page, language choice, accessibility statement and logo.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{RawForm, RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use axum_extra::extract::{
    CookieJar,
    cookie::{Cookie, SameSite},
};
use serde::Deserialize;

use crate::{
    app::App,
    config::{Language, Provider, Text},
    http::{
        extract::way_back,
        i18n::language,
        page::{Frame, PageRequest, page},
    },
};

#[derive(Template)]
#[template(path = "pages/front.html")]
pub(super) struct FrontPage {
    pub(super) frame: Frame,
    /// The login that the browser used last is the first.
    pub(super) logins: Vec<LoginButton>,
    /// Whether logins with local accounts are enabled and not among `logins`.
    pub(super) staff: bool,
    /// Whether there are providers.
    pub(super) providers: bool,
    /// The reason for the front page, with the kind of its alert.
    pub(super) notice: Option<(&'static str, String)>,
}

/// A login's button.
pub(super) struct LoginButton {
    pub(super) address: String,
    pub(super) text: String,
    pub(super) hint: Option<String>,
    /// Whether the button has MitID's design.
    pub(super) mitid: bool,
}

impl LoginButton {
    fn of(provider: &Provider, language: Language) -> Self {
        let text = |text: &Text| text.in_language(language).to_owned();
        let address = format!("/login/{}", provider.id);
        Self { address, text: text(&provider.button), hint: provider.hint.as_ref().map(text), mitid: provider.mitid }
    }

    fn plain(address: &str, text: String) -> Self {
        Self { address: address.to_owned(), text, hint: None, mitid: false }
    }
}

/// The configured logins; the one that the browser used last is the first.
fn logins(app: &App, frame: &Frame, last: Option<&str>) -> Vec<LoginButton> {
    let mut all: Vec<_> =
        app.config.providers().map(|provider| (provider.id.to_string(), LoginButton::of(provider, frame.words.language))).collect();
    if app.config.login.ad_password.enabled {
        all.push((way_back::AD_PASSWORD.to_owned(), LoginButton::plain("/login", frame.t("method-ad-password"))));
    }
    if app.config.codes.enabled {
        all.push((String::new(), LoginButton::plain("/code", frame.t("method-code"))));
    }
    if app.config.local_accounts.enabled && last == Some(way_back::LOCAL_ACCOUNT) {
        all.push((way_back::LOCAL_ACCOUNT.to_owned(), LoginButton::plain("/staff", frame.t("staff-link"))));
    }
    all.sort_by_key(|(id, _)| last != Some(id.as_str())); // stable: the others keep their order
    all.into_iter().map(|(_, login)| login).collect()
}

/// `GET /`.
pub(in crate::http) async fn show(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    PageRequest { frame }: PageRequest,
) -> Response {
    // A link from outside can carry a reason: with an open session, it is not true.
    let told = query.as_deref().filter(|_| frame.person.is_none());
    let notice = match told {
        Some("logged-out") => Some(("success", frame.t("front-logged-out"))),
        Some("logged-out-everywhere") => Some(("success", frame.t("front-logged-out-everywhere"))),
        Some("logged-out-here") => Some(("success", frame.t("front-logged-out-here"))),
        Some("ended") => Some(("info", frame.t("front-ended"))),
        Some("ended-form") => Some(("info", format!("{} {}", frame.t("front-ended-form"), frame.t("front-ended")))),
        Some("login") => Some(("info", frame.t("front-login"))),
        _ => None,
    };
    let last = way_back::last_login(&headers);
    let logins = logins(&app, &frame, last.as_deref());
    let staff = app.config.local_accounts.enabled && last.as_deref() != Some(way_back::LOCAL_ACCOUNT);
    let providers = app.config.providers().next().is_some();
    page(StatusCode::OK, &FrontPage { frame, logins, staff, providers, notice })
}

/// `GET /.well-known/change-password`: where a password manager sends its owner.
pub(in crate::http) async fn change_password() -> Redirect {
    Redirect::to("/account")
}

#[derive(Deserialize)]
struct LanguageForm {
    language: String,
    back: String,
}

/// `POST /language`: stores the choice for a year.
///
/// The form has no token: another site could at most change the language, and Fetch Metadata refuses even that.
pub(in crate::http) async fn choose_language(cookies: CookieJar, RawForm(body): RawForm) -> Response {
    let Ok(choice) = serde_urlencoded::from_bytes::<LanguageForm>(&body) else { return StatusCode::BAD_REQUEST.into_response() };
    let Some(chosen) = language::parse(&choice.language) else { return StatusCode::BAD_REQUEST.into_response() };
    let cookie = Cookie::build((language::COOKIE, chosen.code())).path("/").secure(true).http_only(true).same_site(SameSite::Lax);
    (
        cookies.add(cookie.max_age(time::Duration::days(365))),
        Redirect::to(if way_back::is_local(&choice.back) { &choice.back } else { "/" }),
    )
        .into_response()
}

/// `GET /was`: redirects to the accessibility statement. Danish law's register expects this address.
pub(in crate::http) async fn accessibility(State(app): State<Arc<App>>) -> Response {
    match &app.config.site.accessibility_url {
        Some(url) => Redirect::to(url).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// `GET /logo`.
pub(in crate::http) async fn logo(State(app): State<Arc<App>>) -> Response {
    let Some(logo) = &app.config.site.logo else { return StatusCode::NOT_FOUND.into_response() };
    let mut response = logo.bytes.clone().into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(logo.media_type));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    response
}
