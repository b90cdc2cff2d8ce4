//! Requests that failed because of an error or an outage.

use std::fmt::Display;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use tower_sessions::session_store;

use crate::http::page::outage;
use crate::{app::App, flow::outage::Outage, telemetry};

#[derive(Debug, Clone)]
pub(crate) enum PageError {
    /// An error of ours. It is logged once, under a reference; the page shows only the reference.
    Fault {
        /// Finds the error in the service's log.
        reference: String,
    },
    /// A system that the service needs is unavailable. The page names the system.
    Outage(Outage),
}

impl PageError {
    pub(crate) fn new(cause: &(impl Display + ?Sized)) -> Self {
        let reference = telemetry::reference();
        tracing::error!(reference, error = %cause, "request failed");
        metrics::counter!("os2nykode_errors_total").increment(1);
        Self::Fault { reference }
    }

    fn away(away: Outage, cause: &(impl Display + ?Sized)) -> Self {
        outage::note(away, cause);
        Self::Outage(away)
    }

    /// The reference of an error; `None` for an outage, which is logged at a bounded rate and has none.
    pub(crate) fn reference(self) -> Option<String> {
        match self {
            Self::Fault { reference } => Some(reference),
            Self::Outage(_) => None,
        }
    }

    pub(crate) fn texts(&self) -> (&'static str, &'static str) {
        match self {
            Self::Fault { .. } => ("fault-title", "fault-text"),
            Self::Outage(away) => outage::texts(*away),
        }
    }
}

impl From<crate::flow::FlowError> for PageError {
    fn from(fault: crate::flow::FlowError) -> Self {
        match fault.away() {
            Some(away) => Self::away(away, &fault),
            None => Self::new(&fault),
        }
    }
}

impl From<tower_sessions::session::Error> for PageError {
    fn from(error: tower_sessions::session::Error) -> Self {
        match error {
            tower_sessions::session::Error::Store(session_store::Error::Backend(_)) => Self::away(Outage::Database, &error),
            tower_sessions::session::Error::Store(_) | tower_sessions::session::Error::SerdeJson(_) => Self::new(&error),
        }
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Fault { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Outage(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        let mut response = status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The failure behind a bare 500 of a library: the session layer answers so when it can't store a session.
///
/// An unwritable store is reported as an outage of the database. Any other cause is an error and gets a reference.
pub(crate) async fn of_a_layer(app: &App) -> PageError {
    match app.store.writable(app.instance, app.clock.now()).await {
        Err(error) => PageError::away(Outage::Database, &error),
        Ok(()) => PageError::new("a middleware layer answered 500"),
    }
}
