//! The last readiness of the service.

use std::time::Instant;

use tokio::sync::Mutex;

/// The last result and its time.
#[derive(Debug, Default)]
pub struct Readiness(pub(crate) Mutex<Option<(Instant, bool)>>);
