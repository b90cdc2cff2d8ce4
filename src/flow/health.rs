//! Can the service do its work?

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::app::App;

/// An answer is good for this long: whoever asks more often, and anybody can ask, does not reach the controllers.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// The last answer.
#[derive(Debug, Default)]
pub struct Readiness(Mutex<Option<(Instant, bool)>>);

/// The store and at least one controller answer.
pub async fn ready(app: &App) -> bool {
    let mut last = app.readiness.0.lock().await;
    if let Some((_, ready)) = last.filter(|(at, _)| at.elapsed() < GOOD_FOR) {
        return ready;
    }
    let (store, directory) = tokio::join!(app.store.ping(), app.directory.ready());
    let ready = store.is_ok() && directory;
    *last = Some((Instant::now(), ready));
    ready
}
