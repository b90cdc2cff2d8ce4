//! The web: routes, pages, sessions, forms. Handlers translate; flows decide.
//!
//! Invariants: GET changes nothing; a form counts only with its token and from our own pages; every page but the static files is no-store; a
//! person sees a reference number, never a cause.

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

/// Everything that answers, outermost layer last.
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
