//! All routes. Each file holds a group of pages, each page's struct beside its handler.

mod account;
mod audit_api;
mod code;
mod front;
mod health;
mod log;
mod log_overview;
mod log_search;
mod login;
mod login_test;
mod oidc;
mod other_account;
mod other_code;
mod other_password;
mod others;
mod password;
mod provider;
mod saml;
#[cfg(test)]
mod samples;
mod slips;
mod staff;

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
        .route("/", get(front::show))
        .route("/language", post(front::choose_language))
        .route("/was", get(front::accessibility))
        .route("/logo", get(front::logo))
        .route("/static/{version}/{*name}", get(assets::get))
        .route("/saml/metadata", get(saml::metadata))
        .route("/oidc/jwks", get(oidc::jwks))
        .route("/oidc/logged-out", get(oidc::logged_out))
        .route("/oidc/logout/{provider}", post(oidc::told_of_logout))
        .route("/saml/slo", get(saml::logout_by_redirect).post(saml::logout_by_form))
        .route("/api/v1/audit/events", get(audit_api::events))
        .route("/api/v1/audit/head", get(audit_api::head))
        .route("/api/v1/openapi.json", get(audit_api::openapi))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
}

/// Routes of visitors who log in or are logged in.
pub(super) fn with_session() -> Router<Arc<App>> {
    Router::new()
        .route("/login", get(login::show).post(login::submit))
        .route("/staff", get(staff::show).post(staff::submit))
        .route("/login/{provider}", get(provider::begin))
        .route("/saml/acs", post(saml::answer))
        .route("/oidc/callback/{provider}", get(oidc::answer_by_query).post(oidc::answer_by_form))
        .route("/code", get(code::show).post(code::submit))
        .route("/logout", post(login::log_out))
        .route("/account", get(account::own))
        .route("/accounts/{account}", get(account::show))
        .route("/accounts/{account}/sessions/end", post(account::end_sessions))
        .route("/accounts/{account}/sessions/{session}/end", post(account::end_session))
        .route("/accounts/{account}/password", get(password::show).post(password::submit))
        .route("/accounts/{account}/password/{attempt}", get(password::result))
        .route("/audit", get(log::form).post(log::search))
        .route("/audit/login-test", get(login_test::show))
        .route("/audit/login-test/{provider}", post(login_test::begin))
        .route("/audit/overview", get(log_overview::show))
        .route("/audit/export", post(log_overview::export))
        .route("/audit/entries/{number}", get(log::entry))
        .route("/audit/entries/{number}/cpr/{party}", post(log::reveal))
        .route("/audit/visits/{visit}", get(log::visit))
        .route("/audit/accounts/{account}", get(log::account))
        .route("/audit/kept", post(log::keep))
        .route("/audit/kept/{id}", post(log::drop_kept))
        .route("/others", get(others::choose))
        .route("/others/{kind}/{id}", get(others::list).post(others::search))
        .route("/others/group/{group}/slips", post(slips::submit))
        .route("/others/accounts/{account}", get(other_account::show))
        .route("/others/accounts/{account}/unlock", post(other_account::unlock))
        .route("/others/accounts/{account}/sessions/end", post(other_account::end_sessions))
        .route("/others/accounts/{account}/code", get(other_code::show).post(other_code::submit))
        .route("/others/accounts/{account}/password", get(other_password::show).post(other_password::submit))
        .route("/others/accounts/{account}/password/{attempt}", get(other_password::result))
}

pub(super) async fn not_found() -> StatusCode {
    StatusCode::NOT_FOUND
}
