//! All routes. Each file holds a group of pages, each page's struct beside its handler.

pub mod account;
mod api;
pub mod audit;
pub mod delegation;
mod front;
mod health;
#[cfg(test)]
mod samples;
pub mod sign_in;

use std::sync::Arc;

use axum::{
    Router,
    http::StatusCode,
    routing::{get, post},
};

use super::assets;
use crate::app::App;

/// Routes that load no session.
pub(super) fn without_session() -> Router<Arc<App>> {
    Router::new()
        .route("/language", post(front::choose_language))
        .route("/was", get(front::accessibility))
        .route("/logo", get(front::logo))
        .route("/favicon.ico", get(assets::favicon))
        .route("/.well-known/change-password", get(front::change_password))
        .route("/static/{version}/{*name}", get(assets::get))
        .route("/saml/metadata", get(crate::http::routes::sign_in::saml::metadata))
        .route("/oidc/jwks", get(crate::http::routes::sign_in::oidc::jwks))
        .route("/oidc/logged-out", get(crate::http::routes::sign_in::oidc::logged_out))
        .route("/oidc/logout/{provider}", post(crate::http::routes::sign_in::oidc::told_of_logout))
        .route(
            "/saml/slo",
            get(crate::http::routes::sign_in::saml::logout_by_redirect).post(crate::http::routes::sign_in::saml::logout_by_form),
        )
        .route("/api/v1/audit/events", get(crate::http::routes::api::events))
        .route("/api/v1/audit/head", get(crate::http::routes::api::head))
        .route("/api/v1/openapi.json", get(crate::http::routes::api::openapi))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
}

/// Routes of visitors who log in or are logged in.
pub(super) fn with_session() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(front::show))
        .route("/login", get(crate::http::routes::sign_in::ad_password::show).post(crate::http::routes::sign_in::ad_password::submit))
        .route("/staff", get(crate::http::routes::sign_in::local_account::show).post(crate::http::routes::sign_in::local_account::submit))
        .route("/login/{provider}", get(crate::http::routes::sign_in::provider::begin))
        .route("/saml/acs", post(crate::http::routes::sign_in::saml::answer))
        .route(
            "/oidc/callback/{provider}",
            get(crate::http::routes::sign_in::oidc::answer_by_query).post(crate::http::routes::sign_in::oidc::answer_by_form),
        )
        .route("/code", get(crate::http::routes::sign_in::one_time_code::show).post(crate::http::routes::sign_in::one_time_code::submit))
        .route("/logout", post(crate::http::routes::sign_in::ad_password::log_out))
        .route("/account", get(crate::http::routes::account::show::own))
        .route("/accounts/{account}", get(crate::http::routes::account::show::show))
        .route("/accounts/{account}/sessions/end", post(crate::http::routes::account::show::end_sessions))
        .route("/accounts/{account}/sessions/{session}/end", post(crate::http::routes::account::show::end_session))
        .route(
            "/accounts/{account}/password",
            get(crate::http::routes::account::password::show).post(crate::http::routes::account::password::submit),
        )
        .route("/accounts/{account}/password/{attempt}", get(crate::http::routes::account::password::result))
        .route("/audit", get(crate::http::routes::audit::log::form).post(crate::http::routes::audit::log::search))
        .route("/audit/login-test", get(crate::http::routes::sign_in::login_test::show))
        .route("/audit/login-test/{provider}", post(crate::http::routes::sign_in::login_test::begin))
        .route("/audit/overview", get(crate::http::routes::audit::overview::show))
        .route("/audit/export", post(crate::http::routes::audit::overview::export))
        .route("/audit/entries/{number}", get(crate::http::routes::audit::log::entry))
        .route("/audit/entries/{number}/cpr/{party}", post(crate::http::routes::audit::log::reveal))
        .route("/audit/visits/{visit}", get(crate::http::routes::audit::log::visit))
        .route("/audit/accounts/{account}", get(crate::http::routes::audit::log::account))
        .route("/audit/saved-searches", post(crate::http::routes::audit::log::keep))
        .route("/audit/saved-searches/{id}", post(crate::http::routes::audit::log::drop_kept))
        .route("/delegation", get(crate::http::routes::delegation::lists::choose))
        .route(
            "/delegation/{kind}/{id}",
            get(crate::http::routes::delegation::lists::list).post(crate::http::routes::delegation::lists::search),
        )
        .route("/delegation/group/{group}/slips", post(crate::http::routes::delegation::slips::submit))
        .route("/delegation/accounts/{account}", get(crate::http::routes::delegation::account::show))
        .route("/delegation/accounts/{account}/unlock", post(crate::http::routes::delegation::account::unlock))
        .route("/delegation/accounts/{account}/sessions/end", post(crate::http::routes::delegation::account::end_sessions))
        .route(
            "/delegation/accounts/{account}/code",
            get(crate::http::routes::delegation::code::show).post(crate::http::routes::delegation::code::submit),
        )
        .route("/delegation/accounts/{account}/code/{attempt}", get(crate::http::routes::delegation::code::shown))
        .route(
            "/delegation/accounts/{account}/password",
            get(crate::http::routes::delegation::password::show).post(crate::http::routes::delegation::password::submit),
        )
        .route("/delegation/accounts/{account}/password/{attempt}", get(crate::http::routes::delegation::password::result))
}

pub(super) async fn not_found() -> StatusCode {
    StatusCode::NOT_FOUND
}
