//! Can the service do its work?

use crate::app::App;

/// The store and at least one controller answer.
pub async fn ready(app: &App) -> bool {
    let (store, directory) = tokio::join!(app.store.ping(), app.directory.ready());
    store.is_ok() && directory
}
