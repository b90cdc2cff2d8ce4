//! Can the service do its work? It can where the store takes a write, and a controller lets somebody in who comes anew.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::app::App;

/// An answer is good for this long: whoever asks more often, and anybody can ask, does not reach the controllers.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// The last answer.
#[derive(Debug, Default)]
pub struct Readiness(Mutex<Option<(Instant, bool)>>);

/// The store can be written to, and at least one controller takes a new connection, as each login needs one.
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
            tracing::error!(reason, "the service can't do its work: /health/ready says so");
        } else {
            tracing::info!("the service can do its work again");
        }
    }
    metrics::gauge!("ready").set(if ready { 1.0 } else { 0.0 });
    *last = Some((Instant::now(), ready));
    ready
}
