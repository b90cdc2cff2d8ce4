//! Limits on time and on how many requests are worked on at once. Health and static files are within them too: an overload shows.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::sync::Semaphore;

use super::view::Failure;
use crate::config;

/// Largest body of a request, bytes. The largest honest one is a form with three passwords of 256 characters, percent-encoded.
pub(super) const LARGEST_BODY: usize = 16 * 1024;

/// The limits of this service.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    places: Arc<Semaphore>,
    longest: Duration,
}

impl Limits {
    pub(super) fn new(config: &config::Server) -> Self {
        Self {
            places: Arc::new(Semaphore::new(config.max_concurrent_requests)),
            longest: Duration::from_secs(config.request_timeout_seconds),
        }
    }
}

/// When a request is given up: what has to be told before, such as passwords that are kept nowhere, has to be told by then.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ends(pub tokio::time::Instant);

/// A request beyond the limits is told to try again. A panic in one request is its own fault page; the others go on.
pub(super) async fn limit(State(limits): State<Limits>, mut request: Request, next: Next) -> Response {
    let Ok(_place) = limits.places.try_acquire() else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    let ends = tokio::time::Instant::now() + limits.longest;
    request.extensions_mut().insert(Ends(ends));
    let work = futures_util::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(next.run(request)));
    match tokio::time::timeout_at(ends, work).await {
        Ok(Ok(response)) => response,
        Ok(Err(_panic)) => Failure::new("a handler ended unexpectedly").into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
