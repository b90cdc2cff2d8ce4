//! Login with a local account.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{RawQuery, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::{
    app::App,
    flow::{
        self,
        sign_in::SignIn,
        staff_sign_in::{Typed, sign_in},
    },
    http::{
        form::Form,
        known_browser, session,
        view::{Errors, Failure, Frame, Guest, page},
    },
    model::password::Password,
};

#[derive(Template)]
#[template(path = "pages/staff.html")]
pub(super) struct StaffPage {
    pub(super) frame: Frame,
    pub(super) token: String,
    pub(super) notice: Option<String>,
    pub(super) errors: Errors,
}

/// Fields of the login form. [`Password::parse`] takes over the password's text and wipes it.
#[derive(Deserialize)]
pub(in crate::http) struct StaffForm {
    name: String,
    password: String,
    code: Zeroizing<String>,
}

/// `GET /staff`.
pub(in crate::http) async fn show(State(app): State<Arc<App>>, RawQuery(query): RawQuery, guest: Guest) -> Response {
    if !app.config.staff.enabled {
        return StatusCode::NOT_FOUND.into_response();
    }
    let notice = (query.as_deref() == Some("ended")).then(|| guest.frame.t("staff-ended"));
    form(StatusCode::OK, guest, notice, Errors::default())
}

/// `POST /staff`.
pub(in crate::http) async fn submit(
    State(app): State<Arc<App>>,
    guest: Guest,
    Form(StaffForm { name, password, code }): Form<StaffForm>,
) -> Result<Response, Failure> {
    if !app.config.staff.enabled {
        return Ok(StatusCode::NOT_FOUND.into_response());
    }
    let typed = Typed { name, password: Password::parse(password), code };
    let (status, text) = match sign_in(&app, &guest.visit, typed).await? {
        SignIn::Welcome(identity) => {
            session::begin(&guest.session, &identity, None, &[], &guest.visit).await?;
            let cookies = known_browser::remember(&app, &guest.visit, flow::known_browser::owner(&app, &identity));
            return Ok((cookies, Redirect::to("/others")).into_response());
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
    Ok(form(status, guest, None, errors))
}

fn form(status: StatusCode, guest: Guest, notice: Option<String>, errors: Errors) -> Response {
    let Guest { frame, token, cookies, .. } = guest;
    (cookies, page(status, &StaffPage { frame, token, notice, errors })).into_response()
}
