//! OpenID Connect endpoints: callback, public keys, and logouts.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, RawQuery, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::provider::arrive;
use crate::{
    app::App,
    flow::{
        provider_sign_in::{
            oidc::{self, Reply},
            unseal,
        },
        provider_sign_out::{self, Told},
    },
    http::{
        kept, limits,
        view::{Failure, Guest, Messenger},
    },
    identity::oidc::{Refused, client_auth},
    model::provider::ProviderId,
};

/// Largest answer or logout token, bytes. A code may be an encrypted ticket of several KB.
const LARGEST_FORM: usize = 64 * 1024;

/// `GET /oidc/callback/{provider}`: a provider's answer in the query.
///
/// The protocol lets this GET start a session. An answer is accepted once, and only in the browser that began the login.
pub(in crate::http) async fn answer_by_query(
    State(app): State<Arc<App>>,
    Path(provider): Path<String>,
    RawQuery(query): RawQuery,
    guest: Guest,
) -> Result<Response, Failure> {
    let reply = serde_urlencoded::from_str(&query.unwrap_or_default()).map_err(|_| Refused::Query);
    answer(&app, guest, &provider, reply).await
}

/// `POST /oidc/callback/{provider}`: the same by form.
pub(in crate::http) async fn answer_by_form(
    State(app): State<Arc<App>>,
    Path(provider): Path<String>,
    guest: Guest,
    body: Body,
) -> Result<Response, Failure> {
    let reply = limits::whole(body, LARGEST_FORM).await.map_err(|_| Refused::Query);
    let reply = reply.and_then(|bytes| serde_urlencoded::from_bytes(&bytes).map_err(|_| Refused::Query));
    answer(&app, guest, &provider, reply).await
}

async fn answer(app: &Arc<App>, guest: Guest, provider: &str, reply: Result<Reply, Refused>) -> Result<Response, Failure> {
    let state = reply.as_ref().map(|reply| reply.state.clone()).unwrap_or_default();
    let pending = kept::kept(&guest.cookies, &state).and_then(|sealed| unseal(app, &state, &sealed));
    let had_one = pending.is_some();
    let finished = oidc::finish(app, &guest.visit, ProviderId::parse(provider), pending, reply).await?;
    arrive(guest, &state, had_one, finished).await
}

/// `GET /oidc/jwks`: our public keys, for providers that fetch them.
pub(in crate::http) async fn jwks(State(app): State<Arc<App>>) -> Response {
    match app.oidc.as_ref().and_then(|oidc| oidc.keys.as_ref()) {
        Some(keys) => {
            let content_type = (header::CONTENT_TYPE, HeaderValue::from_static("application/jwk-set+json"));
            ([content_type], client_auth::published(keys).to_string()).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// `GET /oidc/logged-out`: return from the provider's logout. Our session has ended before.
pub(in crate::http) async fn logged_out() -> Redirect {
    Redirect::to("/?logged-out")
}

#[derive(Deserialize)]
struct LogoutForm {
    logout_token: String,
}

/// `POST /oidc/logout/{provider}`: a provider ends a person's sessions (Back-Channel Logout 1.0, section 2.5). The provider calls it, not
/// the browser.
pub(in crate::http) async fn told_of_logout(
    State(app): State<Arc<App>>,
    Path(provider): Path<String>,
    Messenger { visit, .. }: Messenger,
    body: Body,
) -> Result<Response, Failure> {
    let form = limits::whole(body, LARGEST_FORM).await.ok().and_then(|bytes| serde_urlencoded::from_bytes::<LogoutForm>(&bytes).ok());
    let token = form.map(|form| form.logout_token);
    let told = match (ProviderId::parse(&provider), token) {
        (Some(provider), Some(token)) => provider_sign_out::told(&app, &visit, &provider, token).await?,
        (None, _) | (_, None) => Told::Refused,
    };
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok(match told {
        Told::Done => (StatusCode::OK, no_store).into_response(),
        Told::NotNow => (StatusCode::SERVICE_UNAVAILABLE, no_store).into_response(),
        Told::Refused => {
            let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
            (StatusCode::BAD_REQUEST, no_store, json, r#"{"error":"invalid_request"}"#).into_response()
        }
    })
}
