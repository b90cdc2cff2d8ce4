//! OpenID Connect endpoints: callback, public keys, and logouts.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, RawQuery, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use crate::http::routes::sign_in::provider::arrive;
use crate::{
    app::App,
    flow::{
        sign_in::provider::{
            oidc::{self, Reply},
            unseal,
        },
        sign_out::at_provider::{self, LogoutTokenOutcome},
    },
    http::{
        extract::sealed_cookie,
        middleware::limits,
        page::{AnonymousRequest, ErrorPages, PageError},
    },
    identity::oidc::{OidcRefused, client_auth},
    model::identity::provider::ProviderId,
};

/// Largest answer or logout token, bytes. A code may be an encrypted ticket of several KB.
const LARGEST_FORM: usize = 64 * 1024;

/// `GET /oidc/callback/{provider}`: a provider's answer in the query.
///
/// The protocol lets this GET start a session. An answer is accepted once, and only in the browser that began the login.
pub(crate) async fn answer_by_query(
    State(app): State<Arc<App>>,
    Path(provider): Path<String>,
    RawQuery(query): RawQuery,
    guest: AnonymousRequest,
) -> Result<Response, PageError> {
    let reply = serde_urlencoded::from_str(&query.unwrap_or_default()).map_err(|_| OidcRefused::Query);
    answer(&app, guest, &provider, reply).await
}

/// `POST /oidc/callback/{provider}`: the same by form.
pub(crate) async fn answer_by_form(
    State(app): State<Arc<App>>,
    Path(provider): Path<String>,
    guest: AnonymousRequest,
    body: Body,
) -> Result<Response, PageError> {
    let reply = limits::arrival::whole(body, LARGEST_FORM).await.map_err(|_| OidcRefused::Query);
    let reply = reply.and_then(|bytes| serde_urlencoded::from_bytes(&bytes).map_err(|_| OidcRefused::Query));
    answer(&app, guest, &provider, reply).await
}

async fn answer(app: &Arc<App>, guest: AnonymousRequest, provider: &str, reply: Result<Reply, OidcRefused>) -> Result<Response, PageError> {
    let state = reply.as_ref().map(|reply| reply.state.clone()).unwrap_or_default();
    let pending = sealed_cookie::kept(&guest.cookies, &state).and_then(|sealed| unseal(app, &state, &sealed));
    let had_one = pending.is_some();
    let finished = oidc::finish(app, &guest.visit, ProviderId::parse(provider), pending, reply).await?;
    arrive(guest, &state, had_one, finished).await
}

/// `GET /oidc/jwks`: our public keys, for providers that fetch them.
pub(crate) async fn jwks(State(app): State<Arc<App>>) -> Response {
    match app.oidc.as_ref().and_then(|oidc| oidc.keys.as_ref()) {
        Some(keys) => {
            let content_type = (header::CONTENT_TYPE, HeaderValue::from_static("application/jwk-set+json"));
            ([content_type], client_auth::published(keys).to_string()).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// `GET /oidc/logged-out`: return from the provider's logout. Our session has ended before.
pub(crate) async fn logged_out() -> Redirect {
    Redirect::to("/?logged-out")
}

#[derive(Deserialize)]
struct LogoutForm {
    logout_token: String,
}

/// `POST /oidc/logout/{provider}`: a provider ends a person's sessions (Back-Channel Logout 1.0, section 2.5). The provider calls it, not
/// the browser.
pub(crate) async fn told_of_logout(
    State(app): State<Arc<App>>,
    Path(provider): Path<String>,
    ErrorPages { visit, .. }: ErrorPages,
    body: Body,
) -> Result<Response, PageError> {
    let form =
        limits::arrival::whole(body, LARGEST_FORM).await.ok().and_then(|bytes| serde_urlencoded::from_bytes::<LogoutForm>(&bytes).ok());
    let token = form.map(|form| form.logout_token);
    let told = match (ProviderId::parse(&provider), token) {
        (Some(provider), Some(token)) => at_provider::told(&app, &visit, &provider, token).await?,
        (None, _) | (_, None) => LogoutTokenOutcome::Refused,
    };
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok(match told {
        LogoutTokenOutcome::Done => (StatusCode::OK, no_store).into_response(),
        LogoutTokenOutcome::NotNow => (StatusCode::SERVICE_UNAVAILABLE, no_store).into_response(),
        LogoutTokenOutcome::Refused => {
            let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
            (StatusCode::BAD_REQUEST, no_store, json, r#"{"error":"invalid_request"}"#).into_response()
        }
    })
}
