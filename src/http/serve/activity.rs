//! Activity of one connection, which decides when an idle connection is closed.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    response::Response,
};
use tokio::time::{Instant, sleep_until};

/// Longest periods without activity.
#[derive(Debug, Clone, Copy)]
pub(super) struct IdleLimits {
    /// Without a request.
    idle: Duration,
    /// Without a read by the client while an answer is sent.
    unread: Duration,
}

/// The limits in use.
pub(super) const PATIENCE: IdleLimits = IdleLimits { idle: Duration::from_mins(1), unread: Duration::from_secs(30) };

/// State of one connection.
#[derive(Debug)]
pub(super) struct Activity {
    state: Mutex<ConnectionState>,
    patience: IdleLimits,
}

#[derive(Debug)]
struct ConnectionState {
    /// Requests in progress. Their own time limits apply.
    working: usize,
    /// Answers being sent.
    sending: usize,
    /// The connection closes at this time unless there is new activity.
    ends: Instant,
}

impl Activity {
    /// A new connection. Its first request must have arrived by `first`.
    pub(super) fn until(first: Instant, patience: IdleLimits) -> Self {
        Self { state: Mutex::new(ConnectionState { working: 0, sending: 0, ends: first }), patience }
    }

    fn state(&self) -> MutexGuard<'_, ConnectionState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records the end of one activity and sets the time at which the connection closes.
    fn less(&self, what: impl FnOnce(&mut ConnectionState)) {
        let mut state = self.state();
        what(&mut state);
        state.ends = Instant::now() + if state.sending > 0 { self.patience.unread } else { self.patience.idle };
    }

    /// Records the start of a request.
    pub(super) fn begin(self: &Arc<Self>) -> Working {
        self.state().working += 1;
        Working(self.clone())
    }

    /// Completes when the connection has been inactive for too long.
    pub(super) async fn over(&self) {
        loop {
            let (working, ends) = {
                let state = self.state();
                (state.working > 0, state.ends)
            };
            let now = Instant::now();
            if !working && now >= ends {
                return;
            }
            // Each request sets a new end when it is done. While one runs, check again after the shortest time in which that end could
            // pass.
            sleep_until(if working { now + self.patience.unread } else { ends }).await;
        }
    }
}

/// A request in progress.
#[derive(Debug)]
pub(super) struct Working(Arc<Activity>);

impl Working {
    /// Its answer. It counts as activity for as long as the client reads it.
    pub(super) fn answered(self, response: Result<Response, std::convert::Infallible>) -> axum::http::Response<Held> {
        let Ok(response) = response;
        self.0.state().sending += 1;
        response.map(|body| Held { body, sending: Sending(self.0.clone()) })
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.less(|state| state.working -= 1);
    }
}

/// An answer's body, which records its progress.
#[derive(Debug)]
pub(super) struct Held {
    body: Body,
    sending: Sending,
}

#[derive(Debug)]
struct Sending(Arc<Activity>);

impl Drop for Sending {
    fn drop(&mut self) {
        self.0.less(|state| state.sending -= 1);
    }
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        // The client has read all frames so far.
        self.sending.0.less(|_| ());
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    const FIRST: Duration = Duration::from_millis(200);
    const QUICK: IdleLimits = IdleLimits { idle: Duration::from_millis(200), unread: Duration::from_millis(200) };

    async fn ends_after(activity: &Activity) -> Duration {
        let began = Instant::now();
        tokio::time::timeout(Duration::from_secs(20), activity.over()).await.expect("it ends");
        began.elapsed()
    }

    async fn goes_on(activity: &Activity) -> bool {
        tokio::time::timeout(QUICK.idle * 3, activity.over()).await.is_err()
    }

    fn new() -> Arc<Activity> {
        Arc::new(Activity::until(Instant::now() + FIRST, QUICK))
    }

    #[tokio::test]
    async fn a_connection_that_asks_nothing_is_over() {
        assert!(ends_after(&new()).await >= FIRST * 9 / 10);
    }

    #[tokio::test]
    async fn work_keeps_it_open_and_silence_after_work_ends_it() {
        let activity = new();
        let work = activity.begin();
        assert!(goes_on(&activity).await, "a request's own limits hold");
        let answer = work.answered(Ok(Response::new(Body::from("x"))));
        assert_eq!(answer.into_body().collect().await.expect("a body").to_bytes(), "x");
        assert!(ends_after(&activity).await <= Duration::from_secs(19));
    }

    #[tokio::test]
    async fn an_answer_that_nobody_reads_is_given_up() {
        let activity = new();
        let answer = activity.begin().answered(Ok(Response::new(Body::from("x"))));
        assert!(ends_after(&activity).await <= Duration::from_secs(19));
        drop(answer);
    }
}
