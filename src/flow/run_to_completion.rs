//! Run to completion: work that continues after its request has ended, and the request's place in the concurrency
//! limit.
//!
//! Invariant: work that outlives its request, after a disconnect or a timeout, keeps the request's place until it is
//! done.

use std::{any::Any, sync::Arc};

use super::FlowError;

tokio::task_local! {
    static PLACE: RequestSlot;
}

/// A place in the concurrency limit. Dropping the last copy frees it.
#[derive(Clone)]
pub struct RequestSlot(#[expect(dead_code, reason = "held, never looked at")] Arc<dyn Any + Send + Sync>);

impl RequestSlot {
    /// A place that exists as long as the permit is held.
    pub fn held_by(permit: impl Any + Send + Sync) -> Self {
        Self(Arc::new(permit))
    }

    /// Runs the work of a request in its place.
    pub async fn hold<T>(self, work: impl Future<Output = T>) -> T {
        PLACE.scope(self, work).await
    }
}

/// Runs the work to completion even if the client disconnects. Holds the request's place until then.
pub(crate) async fn run_to_completion<T: Send + 'static>(
    work: impl Future<Output = Result<T, FlowError>> + Send + 'static,
) -> Result<T, FlowError> {
    let task = match PLACE.try_with(Clone::clone) {
        Ok(place) => tokio::spawn(place.hold(work)),
        Err(_) => tokio::spawn(work), // commands and tests have no limit
    };
    task.await.map_err(|_| FlowError::Crashed)?
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::{Semaphore, oneshot};

    use crate::flow::run_to_completion::*;

    #[tokio::test]
    async fn work_that_outlives_its_request_keeps_its_place() {
        let places = Arc::new(Semaphore::new(1));
        let place = RequestSlot::held_by(places.clone().try_acquire_owned().expect("a place"));
        let (finish, finished) = oneshot::channel::<()>();
        let work = run_to_completion(async move {
            let _ = finished.await;
            Ok(())
        });
        let request = tokio::time::timeout(Duration::from_millis(20), place.hold(work));
        assert!(request.await.is_err(), "the person goes away");
        assert_eq!(places.available_permits(), 0, "the work goes on in its place");
        finish.send(()).expect("it waits");
        let _free = tokio::time::timeout(Duration::from_secs(5), places.acquire()).await.expect("free when it is done");
    }
}
