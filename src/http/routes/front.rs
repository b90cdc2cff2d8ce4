//! Front page, language choice, accessibility statement and logo.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{RawForm, RawQuery, State},
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
    config::{Language, Provider, Text},
    http::{
        i18n::language,
        page::{Frame, PageRequest, page},
    },
};

#[derive(Template)]
#[template(path = "pages/front.html")]
pub(super) struct FrontPage {
    pub(super) frame: Frame,
    pub(super) ad_password: bool,
    pub(super) codes: bool,
    /// Whether logins with local accounts are enabled.
    pub(super) staff: bool,
    pub(super) providers: Vec<LoginButton>,
    pub(super) notice: Option<String>,
}

/// A provider's login button.
pub(super) struct LoginButton {
    pub(super) id: String,
    pub(super) text: String,
    pub(super) hint: Option<String>,
    /// Whether the button has MitID's design.
    pub(super) mitid: bool,
}

impl LoginButton {
    pub(super) fn of(provider: &Provider, language: Language) -> Self {
        let text = |text: &Text| text.in_language(language).to_owned();
        Self { id: provider.id.to_string(), text: text(&provider.button), hint: provider.hint.as_ref().map(text), mitid: provider.mitid }
    }
}

/// `GET /`.
pub(in crate::http) async fn show(State(app): State<Arc<App>>, RawQuery(query): RawQuery, PageRequest { frame }: PageRequest) -> Response {
    let notice = match query.as_deref() {
        Some("logged-out") => Some(frame.t("front-logged-out")),
        Some("logged-out-everywhere") => Some(frame.t("front-logged-out-everywhere")),
        Some("logged-out-here") => Some(frame.t("front-logged-out-here")),
        _ => None,
    };
    let providers = app.config.providers().map(|provider| LoginButton::of(provider, frame.words.language)).collect();
    let (ad_password, codes, staff) = (app.config.login.ad_password.enabled, app.config.codes.enabled, app.config.local_accounts.enabled);
    page(StatusCode::OK, &FrontPage { frame, ad_password, codes, staff, providers, notice })
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
    (cookies.add(cookie.max_age(time::Duration::days(365))), Redirect::to(local(&choice.back))).into_response()
}

/// The path to return to, if it is one of ours: one slash and then plain characters, so that no browser reads a host into it.
fn local(back: &str) -> &str {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_');
    let ours = back.starts_with('/') && !back.starts_with("//") && back.len() <= 200 && back.chars().all(plain);
    if ours { back } else { "/" }
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

#[cfg(test)]
mod tests {
    use super::local;

    #[test]
    fn the_way_back_never_leads_to_another_host() {
        for (back, to) in [
            ("/login", "/login"),
            ("/accounts/03020100-0504-0706-0809-0a0b0c0d0e0f/password", "/accounts/03020100-0504-0706-0809-0a0b0c0d0e0f/password"),
            ("//evil.dk", "/"),
            ("/\\evil.dk", "/"),
            ("https://evil.dk", "/"),
            ("/a?b", "/"),
            ("/%2f/evil.dk", "/"),
            ("/\t/evil.dk", "/"),
            ("", "/"),
        ] {
            assert_eq!(local(back), to, "{back:?}");
        }
    }
}
