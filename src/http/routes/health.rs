//! Health checks for load balancers and monitoring.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};

use crate::{app::App, flow};

/// `GET /health/live`: the process answers.
pub(in crate::http) async fn live() -> &'static str {
    "live\n"
}

/// `GET /health/ready`: the store and a controller answer.
pub(in crate::http) async fn ready(State(app): State<Arc<App>>) -> (StatusCode, &'static str) {
    if flow::health::ready(&app).await { (StatusCode::OK, "ready\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready\n") }
}
