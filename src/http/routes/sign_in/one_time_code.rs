//! Login with a one-time code that a helper has read aloud.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::{
    app::App,
    flow::one_time_code::{Redeemed, redeem},
    http::{
        extract::{form::Form, session, way_back},
        page::{AnonymousRequest, Errors, Frame, PageError, page},
        routes::sign_in::ad_password::shown_again,
    },
};

#[derive(Template)]
#[template(path = "pages/code.html")]
pub(crate) struct CodePage {
    pub(crate) frame: Frame,
    pub(crate) token: String,
    /// User name as typed, shown again after a refusal.
    pub(crate) name: String,
    pub(crate) errors: Errors,
}

/// Fields of the form.
#[derive(Deserialize)]
pub(crate) struct RedeemForm {
    name: String,
    code: Zeroizing<String>,
}

/// `GET /code`.
pub(crate) async fn show(State(app): State<Arc<App>>, guest: AnonymousRequest) -> Response {
    if !app.config.codes.enabled {
        return StatusCode::NOT_FOUND.into_response();
    }
    form(StatusCode::OK, guest, String::new(), Errors::default())
}

/// `POST /code`.
pub(crate) async fn submit(
    State(app): State<Arc<App>>,
    guest: AnonymousRequest,
    Form(RedeemForm { name, code }): Form<RedeemForm>,
) -> Result<Response, PageError> {
    if !app.config.codes.enabled {
        return Ok(StatusCode::NOT_FOUND.into_response());
    }
    let (status, text) = match redeem(&app, &guest.visit, &name, &code).await? {
        Redeemed::Welcome(identity) => {
            session::begin(&guest.session, &identity, None, &[], &guest.visit).await?;
            let form = identity.only_account().map_or_else(|| "/account".to_owned(), |account| format!("/accounts/{account}/password"));
            return Ok((way_back::forget(), Redirect::to(&form)).into_response());
        }
        Redeemed::Refused => (StatusCode::UNPROCESSABLE_ENTITY, guest.frame.t("code-refused")),
        Redeemed::Throttled { until } => {
            let time = guest.frame.words.wait_until(until);
            (StatusCode::TOO_MANY_REQUESTS, guest.frame.words.with("code-throttled", "time", &time))
        }
    };
    Ok(form(status, guest, shown_again(&name, &code), std::iter::once(("", text)).collect()))
}

fn form(status: StatusCode, guest: AnonymousRequest, name: String, errors: Errors) -> Response {
    let AnonymousRequest { frame, token, cookies, .. } = guest;
    (cookies, page(status, &CodePage { frame, token, name, errors })).into_response()
}
