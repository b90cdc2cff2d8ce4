//! Readiness of the service: the store takes a write, and at least one controller takes a new login.

use std::time::{Duration, Instant};

use crate::app::App;

/// Lifetime of a result. `/health/ready` is open to everyone: more frequent requests do not reach the controllers.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// Whether the store takes a write and at least one controller takes a new connection, which each login needs.
pub async fn ready(app: &App) -> bool {
    let mut last = app.readiness.0.lock().await;
    if let Some((_, ready)) = last.filter(|(at, _)| at.elapsed() < GOOD_FOR) {
        return ready;
    }
    let (store, directory) = tokio::join!(app.store.writable(app.instance, app.clock.now()), app.directory.ready());
    let ready = store.is_ok() && directory.is_ok();
    if last.is_none_or(|(_, before)| before) != ready {
        let reason = store.err().map(|error| format!("store: {error}")).or(directory.err().map(|fault| format!("directory: {fault}")));
        if let Some(reason) = reason {
            tracing::error!(reason, "service not ready");
        } else {
            tracing::info!("service ready again");
        }
    }
    metrics::gauge!("os2nykode_ready").set(if ready { 1.0 } else { 0.0 });
    *last = Some((Instant::now(), ready));
    ready
}
