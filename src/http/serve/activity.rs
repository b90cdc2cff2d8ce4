//! Whether anything goes on on a connection, and when it is closed because nothing does.

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

/// How long nothing may go on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// A connection on which nothing is asked is closed after this long.
    idle: Duration,
    /// An answer that its client does not read is given up after this long.
    unread: Duration,
}

/// Ours.
pub(super) const PATIENCE: Patience = Patience { idle: Duration::from_mins(1), unread: Duration::from_secs(30) };

/// What goes on on one connection.
#[derive(Debug)]
pub(super) struct Activity {
    state: Mutex<State>,
    patience: Patience,
}

#[derive(Debug)]
struct State {
    /// Requests that are worked on: their own time limits hold.
    working: usize,
    /// Answers on their way.
    sending: usize,
    /// When the connection is over, if nothing goes on till then.
    ends: Instant,
}

impl Activity {
    /// Of a new connection, whose first request has to be there by then.
    pub(super) fn until(first: Instant, patience: Patience) -> Self {
        Self { state: Mutex::new(State { working: 0, sending: 0, ends: first }), patience }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One thing less goes on: when it is over, if nothing more does.
    fn less(&self, what: impl FnOnce(&mut State)) {
        let mut state = self.state();
        what(&mut state);
        state.ends = Instant::now() + if state.sending > 0 { self.patience.unread } else { self.patience.idle };
    }

    /// A request begins.
    pub(super) fn begin(self: &Arc<Self>) -> Working {
        self.state().working += 1;
        Working(self.clone())
    }

    /// Ends when nothing has gone on for too long.
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
            // Work sets a new end when it is done: looked at again by the time when that could be over.
            sleep_until(if working { now + self.patience.unread } else { ends }).await;
        }
    }
}

/// A request that is worked on.
#[derive(Debug)]
pub(super) struct Working(Arc<Activity>);

impl Working {
    /// Its answer, which counts as going on for as long as its client reads it.
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

/// An answer's body.
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
        // Asked for more: the client has taken what there was.
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
    const QUICK: Patience = Patience { idle: Duration::from_millis(200), unread: Duration::from_millis(200) };

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
