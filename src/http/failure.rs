//! Requests that could not be carried out.

use std::fmt::Display;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use tower_sessions::session_store;

use super::outage;
use crate::{app::App, flow::away::Away, telemetry};

/// A request that could not be carried out.
#[derive(Debug, Clone)]
pub(super) enum Failure {
    /// Something is wrong: logged here, once, under a reference; the page shows the reference only.
    Fault {
        /// What it is found by in the service's own log.
        reference: String,
    },
    /// Something is away for now; the page says what.
    Outage(Away),
}

impl Failure {
    pub(super) fn new(cause: &(impl Display + ?Sized)) -> Self {
        let reference = telemetry::reference();
        tracing::error!(reference, error = %cause, "a request could not be carried out");
        metrics::counter!("faults_total").increment(1);
        Self::Fault { reference }
    }

    fn away(away: Away, cause: &(impl Display + ?Sized)) -> Self {
        outage::note(away, cause);
        Self::Outage(away)
    }

    /// What it is found by in the service's own log; an outage by what is away.
    pub(super) fn reference(self) -> Option<String> {
        match self {
            Self::Fault { reference } => Some(reference),
            Self::Outage(_) => None,
        }
    }

    pub(super) fn texts(&self) -> (&'static str, &'static str) {
        match self {
            Self::Fault { .. } => ("fault-title", "fault-text"),
            Self::Outage(away) => outage::texts(*away),
        }
    }
}

impl From<crate::flow::Fault> for Failure {
    fn from(fault: crate::flow::Fault) -> Self {
        match fault.away() {
            Some(away) => Self::away(away, &fault),
            None => Self::new(&fault),
        }
    }
}

impl From<tower_sessions::session::Error> for Failure {
    fn from(error: tower_sessions::session::Error) -> Self {
        match error {
            tower_sessions::session::Error::Store(session_store::Error::Backend(_)) => Self::away(Away::Database, &error),
            tower_sessions::session::Error::Store(_) | tower_sessions::session::Error::SerdeJson(_) => Self::new(&error),
        }
    }
}

impl IntoResponse for Failure {
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

/// What a library has answered with a bare 500: that of sessions does where it can't store one. A fault of another's has to be found again too.
pub(super) async fn of_a_layer(app: &App) -> Failure {
    match app.store.writable(app.instance, app.clock.now()).await {
        Err(error) => Failure::away(Away::Database, &error),
        Ok(()) => Failure::new("a layer below answered with a fault"),
    }
}
