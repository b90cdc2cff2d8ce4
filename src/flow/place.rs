//! The place that a request has among those that are worked on at once.
//!
//! Invariant: work that goes on after its request has ended (the person went away, the time was over) keeps the request's place until it is done.

use std::{any::Any, sync::Arc};

use super::Fault;

tokio::task_local! {
    static PLACE: Place;
}

/// A place; it is free again when the last copy is dropped.
#[derive(Clone)]
pub struct Place(#[expect(dead_code, reason = "held, never looked at")] Arc<dyn Any + Send + Sync>);

impl Place {
    /// A place that is held by holding this.
    pub fn held_by(permit: impl Any + Send + Sync) -> Self {
        Self(Arc::new(permit))
    }

    /// Does the work of a request in its place.
    pub async fn hold<T>(self, work: impl Future<Output = T>) -> T {
        PLACE.scope(self, work).await
    }
}

/// Does it to its end, though the person goes away in the middle. The request's place is held till then.
pub(super) async fn to_its_end<T: Send + 'static>(work: impl Future<Output = Result<T, Fault>> + Send + 'static) -> Result<T, Fault> {
    let task = match PLACE.try_with(Clone::clone) {
        Ok(place) => tokio::spawn(place.hold(work)),
        Err(_) => tokio::spawn(work), // a command or a test: no limit holds there
    };
    task.await.map_err(|_| Fault::Crashed)?
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::{Semaphore, oneshot};

    use super::*;

    #[tokio::test]
    async fn work_that_outlives_its_request_keeps_its_place() {
        let places = Arc::new(Semaphore::new(1));
        let place = Place::held_by(places.clone().try_acquire_owned().expect("a place"));
        let (finish, finished) = oneshot::channel::<()>();
        let work = to_its_end(async move {
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
