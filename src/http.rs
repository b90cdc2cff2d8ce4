//! Web interface: routes, pages, sessions and forms. Handlers translate between HTTP and use cases; use cases decide.
//!
//! Invariants:
//! - GET changes nothing.
//! - A form is accepted only from our own pages and with its CSRF token.
//! - Every page is `no-store`; only static files are cached.
//! - A visitor sees the reference number of an error, never its cause.

mod assets;
pub mod extract;
pub mod i18n;
pub mod middleware;
pub mod page;
mod routes;
#[cfg(test)]
mod script_agrees;
mod serve;

pub use crate::http::page::outage::OUTAGES;
pub use serve::{Certificate, ListenError, Listening, bind};

use std::sync::Arc;

use axum::{Router, extract::DefaultBodyLimit, middleware::from_fn_with_state};
use tower_sessions::{SessionManagerLayer, cookie::SameSite};

use crate::app::App;

/// The service's router. The last layer is the outermost.
pub fn router(app: Arc<App>) -> Router {
    let sessions = SessionManagerLayer::new(app.sessions.clone())
        .with_name(crate::http::extract::session::COOKIE)
        .with_secure(true)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_path("/");
    let people = routes::with_session().layer(sessions);
    let limits = crate::http::middleware::limits::RequestLimits::new(&app);
    routes::without_session()
        .merge(people)
        .fallback(routes::not_found)
        .layer(DefaultBodyLimit::max(crate::http::middleware::limits::arrival::LARGEST_BODY))
        .layer(from_fn_with_state(app.clone(), crate::http::extract::form::same_site_only))
        .layer(from_fn_with_state(app.clone(), crate::http::page::person_on_errors))
        .layer(from_fn_with_state(limits, crate::http::middleware::limits::limit))
        .layer(from_fn_with_state(app.clone(), crate::http::page::error_pages))
        .layer(from_fn_with_state(app.clone(), crate::http::middleware::client::log_request))
        .layer(from_fn_with_state(app.clone(), crate::http::middleware::headers::add))
        .with_state(app)
}
