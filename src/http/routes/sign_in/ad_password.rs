//! Login with an AD account, and logout.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use crate::http::extract::form::TokenOnly;
use crate::{
    app::App,
    flow::{
        self,
        sign_in::ad_password::{SignIn, with_ad_password},
        sign_out::sign_out,
    },
    http::{
        extract::{form::Form, known_browser, session, way_back},
        middleware::headers::{cleared, logged_out},
        page::{AnonymousRequest, AuthenticatedRequest, Errors, Frame, PageError, page},
    },
    model::{account::name::LoginName, credential::password::Password},
};

#[derive(Template)]
#[template(path = "pages/login.html")]
pub(crate) struct LoginPage {
    pub(crate) frame: Frame,
    pub(crate) token: String,
    /// User name as typed, shown again after a refusal.
    pub(crate) name: String,
    pub(crate) errors: Errors,
}

/// Fields of the login form. [`Password::parse`] takes over the password's text and wipes it.
#[derive(Deserialize)]
pub(crate) struct LoginForm {
    name: String,
    password: String,
}

/// `GET /login`.
pub(crate) async fn show(State(app): State<Arc<App>>, guest: AnonymousRequest) -> Response {
    if !app.config.login.ad_password.enabled {
        return StatusCode::NOT_FOUND.into_response();
    }
    form(StatusCode::OK, guest, String::new(), Errors::default())
}

/// `POST /login`.
pub(crate) async fn submit(
    State(app): State<Arc<App>>,
    guest: AnonymousRequest,
    Form(LoginForm { name, password }): Form<LoginForm>,
) -> Result<Response, PageError> {
    if !app.config.login.ad_password.enabled {
        return Ok(StatusCode::NOT_FOUND.into_response());
    }
    let again = shown_again(&name, &password);
    let (status, text) = match with_ad_password(&app, &guest.visit, &name, Password::parse(password)).await? {
        SignIn::Welcome(identity) => {
            session::begin(&guest.session, &identity, None, &[], &guest.visit).await?;
            let own = identity.password_of().map_or_else(|| "/account".to_owned(), |account| format!("/accounts/{account}"));
            let known = known_browser::remember(&app, &guest.visit, flow::sign_in::known_browser::owner(&app, &identity));
            let (cookies, back) = way_back::go(&guest.cookies, |account| identity.password_of() == Some(account), &own);
            return Ok((known, way_back::used(cookies, way_back::AD_PASSWORD), back).into_response());
        }
        SignIn::Refused => (StatusCode::UNPROCESSABLE_ENTITY, guest.frame.t("login-refused")),
        SignIn::Busy { until } => {
            let time = guest.frame.words.wait_until(until);
            (StatusCode::SERVICE_UNAVAILABLE, guest.frame.words.with("refusal-busy", "time", &time))
        }
        SignIn::Throttled { until } => {
            let time = guest.frame.words.wait_until(until);
            (StatusCode::TOO_MANY_REQUESTS, guest.frame.words.with("login-throttled", "time", &time))
        }
    };
    let errors = std::iter::once(("", text)).collect();
    Ok(form(status, guest, again, errors))
}

fn form(status: StatusCode, guest: AnonymousRequest, name: String, errors: Errors) -> Response {
    let AnonymousRequest { frame, token, cookies, .. } = guest;
    (cookies, page(status, &LoginPage { frame, token, name, errors })).into_response()
}

/// A user name to be corrected after a refusal. Left out: no user name, and a secret that was typed into both fields.
pub(crate) fn shown_again(name: &str, secret: &str) -> String {
    if name != secret && LoginName::parse(name).is_some() { name.to_owned() } else { String::new() }
}

/// `POST /logout`: ends the session, even where the audit entry can't be written.
pub(crate) async fn log_out(
    State(app): State<Arc<App>>,
    member: AuthenticatedRequest,
    Form(TokenOnly {}): Form<TokenOnly>,
) -> Result<Response, PageError> {
    let provider = session::provider(&member.session).await; // an error here does not stop the logout
    session::end(&member.session).await?;
    if let Err(fault) = sign_out(&app, &member.visit, &member.identity).await {
        tracing::warn!(error = %fault, "audit entry of a logout not written");
    }
    match provider {
        Ok(Some(at)) => Ok(cleared(crate::http::routes::sign_in::provider::log_out_there(&app, member.frame, &at).await)),
        Ok(None) => Ok(logged_out("/?logged-out")),
        Err(error) => {
            tracing::warn!(error = %error, "provider of the session unreadable; logout stays local");
            Ok(logged_out("/?logged-out-here"))
        }
    }
}
