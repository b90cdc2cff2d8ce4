//! Blocking work on threads of its own, with limited concurrency.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// Slots for blocking work. Callers wait for a free one.
#[derive(Debug)]
pub(super) struct WorkSlots(Arc<Semaphore>);

impl WorkSlots {
    pub(super) fn new(at_once: usize) -> Self {
        Self(Arc::new(Semaphore::new(at_once)))
    }

    /// Runs the work in a slot. The work keeps its slot until it is done, even if the caller is cancelled.
    pub(super) async fn work<T, E>(&self, otherwise: E, work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: Copy + Send + 'static,
    {
        let place = self.0.clone().acquire_owned().await.map_err(|_| otherwise)?;
        let work = move || {
            let done = work();
            drop(place);
            done
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| otherwise)?
    }
}

/// Slots with a bounded queue, for messages that strangers can send.
#[derive(Debug)]
pub(super) struct Queue {
    places: WorkSlots,
    here: Semaphore,
}

impl Queue {
    /// `at_once`: slots. `in_all`: slots and waiting callers together.
    pub(super) fn new(at_once: usize, in_all: usize) -> Self {
        Self { places: WorkSlots::new(at_once), here: Semaphore::new(in_all) }
    }

    /// As [`WorkSlots::work`], or `full` if the queue is full.
    pub(super) async fn work<T, E>(&self, full: E, otherwise: E, work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: Copy + Send + 'static,
    {
        let _here = self.here.try_acquire().map_err(|_| full)?;
        self.places.work(otherwise, work).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures_util::{FutureExt, future::join_all};

    use super::*;

    #[tokio::test]
    async fn what_comes_when_the_queue_is_full_is_told_so_at_once() {
        let queue = Queue::new(1, 3);
        let (end, ended) = mpsc::channel::<()>();
        let mut first = Box::pin(queue.work("full", "broken", move || Ok(ended.recv().is_err())));
        assert_eq!(first.as_mut().now_or_never(), None, "it works");
        let mut waiting: Vec<_> = (2..4).map(|number| Box::pin(queue.work("full", "broken", move || Ok(number == 2)))).collect();
        assert!(waiting.iter_mut().all(|one| one.as_mut().now_or_never().is_none()), "two wait");
        assert_eq!(queue.work("full", "broken", || Ok(true)).now_or_never(), Some(Err("full")));
        // A cancelled caller frees its place in the queue.
        waiting.pop();
        let mut next = Box::pin(queue.work("full", "broken", || Ok(true)));
        assert_eq!(next.as_mut().now_or_never(), None, "it waits");
        drop(end);
        assert_eq!(first.await, Ok(true));
        assert_eq!(join_all(waiting).await, [Ok(true)]);
        assert_eq!(next.await, Ok(true));
        assert_eq!(queue.work("full", "broken", || Ok(true)).await, Ok(true), "nothing is left behind");
    }
}
