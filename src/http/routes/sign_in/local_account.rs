//! Login with a local account.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::{
    app::App,
    flow::{
        self,
        sign_in::{
            ad_password::SignIn,
            local_account::{LocalLoginForm, sign_in},
        },
    },
    http::{
        extract::{form::Form, known_browser, session, way_back},
        page::{AnonymousRequest, Errors, Frame, PageError, page},
        routes::sign_in::ad_password::shown_again,
    },
    model::credential::password::Password,
};

#[derive(Template)]
#[template(path = "pages/staff.html")]
pub(crate) struct LocalLoginPage {
    pub(crate) frame: Frame,
    pub(crate) token: String,
    /// Name as typed, shown again after a refusal.
    pub(crate) name: String,
    pub(crate) errors: Errors,
}

/// Fields of the login form. [`Password::parse`] takes over the password's text and wipes it.
#[derive(Deserialize)]
pub(crate) struct LocalLoginFields {
    name: String,
    password: String,
    code: Zeroizing<String>,
}

/// `GET /staff`.
pub(crate) async fn show(State(app): State<Arc<App>>, guest: AnonymousRequest) -> Response {
    if !app.config.local_accounts.enabled {
        return StatusCode::NOT_FOUND.into_response();
    }
    form(StatusCode::OK, guest, String::new(), Errors::default())
}

/// `POST /staff`.
pub(crate) async fn submit(
    State(app): State<Arc<App>>,
    guest: AnonymousRequest,
    Form(LocalLoginFields { name, password, code }): Form<LocalLoginFields>,
) -> Result<Response, PageError> {
    if !app.config.local_accounts.enabled {
        return Ok(StatusCode::NOT_FOUND.into_response());
    }
    let again = shown_again(&name, &password);
    let typed = LocalLoginForm { name, password: Password::parse(password), code };
    let (status, text) = match sign_in(&app, &guest.visit, typed).await? {
        SignIn::Welcome(identity) => {
            session::begin(&guest.session, &identity, None, &[], &guest.visit).await?;
            let known = known_browser::remember(&app, &guest.visit, flow::sign_in::known_browser::owner(&app, &identity));
            let (cookies, back) = way_back::go(&guest.cookies, |_| false, "/delegation");
            return Ok((known, way_back::used(cookies, way_back::LOCAL_ACCOUNT), back).into_response());
        }
        SignIn::Refused => (StatusCode::UNPROCESSABLE_ENTITY, guest.frame.t("staff-refused")),
        SignIn::Busy { until } => {
            let time = guest.frame.words.wait_until(until);
            (StatusCode::SERVICE_UNAVAILABLE, guest.frame.words.with("refusal-busy", "time", &time))
        }
        SignIn::Throttled { until } => {
            let time = guest.frame.words.wait_until(until);
            (StatusCode::TOO_MANY_REQUESTS, guest.frame.words.with("staff-throttled", "time", &time))
        }
    };
    let errors = std::iter::once(("", text)).collect();
    Ok(form(status, guest, again, errors))
}

fn form(status: StatusCode, guest: AnonymousRequest, name: String, errors: Errors) -> Response {
    let AnonymousRequest { frame, token, cookies, .. } = guest;
    (cookies, page(status, &LocalLoginPage { frame, token, name, errors })).into_response()
}
