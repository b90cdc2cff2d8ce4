//! Web interface: routes, pages, sessions and forms. Handlers translate between HTTP and use cases; use cases decide.
//!
//! Invariants:
//! - GET changes nothing.
//! - A form is accepted only from our own pages and with its CSRF token.
//! - Every page is `no-store`; only static files are cached.
//! - A visitor sees the reference number of an error, never its cause.

mod assets;
mod client;
mod failure;
mod form;
mod headers;
mod kept;
mod known_browser;
mod language;
mod limits;
mod log_words;
mod outage;
mod problem;
mod routes;
#[cfg(test)]
mod script_agrees;
mod serve;
mod session;
mod texts;
pub mod view;
mod words;

pub use outage::OUTAGES;
pub use serve::{Certificate, ListenError, Listening, bind};

use std::sync::Arc;

use axum::{Router, extract::DefaultBodyLimit, middleware};
use tower_sessions::{SessionManagerLayer, cookie::SameSite};

use crate::app::App;

/// The service's router. The last layer is the outermost.
pub fn router(app: Arc<App>) -> Router {
    let sessions = SessionManagerLayer::new(app.sessions.clone())
        .with_name(session::COOKIE)
        .with_secure(true)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_path("/");
    let people = routes::with_session().layer(sessions);
    let limits = limits::Limits::new(&app);
    routes::without_session()
        .merge(people)
        .fallback(routes::not_found)
        .layer(DefaultBodyLimit::max(limits::LARGEST_BODY))
        .layer(middleware::from_fn_with_state(app.clone(), form::same_site_only))
        .layer(middleware::from_fn_with_state(limits, limits::limit))
        .layer(middleware::from_fn_with_state(app.clone(), view::error_pages))
        .layer(middleware::from_fn_with_state(app.clone(), client::log_request))
        .layer(middleware::from_fn_with_state(app.clone(), headers::add))
        .with_state(app)
}
