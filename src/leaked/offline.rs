//! The list as the service asks it: on threads that may block, with a time limit and a bounded number of them.
//!
//! Invariants: a disk that hangs holds at most [`PLACES`] threads, for any number of questions and however often the list is opened again; no request
//! waits longer than [`LIMIT`] for it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

use super::{
    digest::Digest,
    header::ListHeader,
    list::{List, ListError},
};
use crate::model::credential::password::Password;

/// Threads that look up or open at once.
pub const PLACES: usize = 4;
/// Longest time for a look-up, waiting for a thread included. A disk that is well takes less than a millisecond.
pub const LIMIT: Duration = Duration::from_millis(500);
/// Longest time for opening.
const OPEN_LIMIT: Duration = Duration::from_secs(5);

/// Why the list gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// It could not be opened at the start or the last SIGHUP.
    #[error("the list of leaked passwords is not open")]
    NotOpen,
    /// The list is unreadable or damaged.
    #[error(transparent)]
    List(#[from] ListError),
    /// The disk hangs.
    #[error("the disk did not answer in time")]
    TimedOut,
    /// A fault of ours.
    #[error("the task ended unexpectedly")]
    Ended,
}

/// The list of `policy.leaked.file`.
#[derive(Debug)]
pub struct Offline {
    path: PathBuf,
    list: Option<Arc<List>>,
    places: Arc<Semaphore>,
}

impl Offline {
    /// Opens the list. Where that fails, the list of `before` stays in use; without one, the list is there without answers.
    pub async fn open(path: &Path, before: Option<&Self>) -> (Self, Result<(), OfflineError>) {
        let places = before.map_or_else(|| Arc::new(Semaphore::new(PLACES)), |before| Arc::clone(&before.places));
        let at = path.to_owned();
        let opened = on_thread(&places, OPEN_LIMIT, move || List::open(&at)).await;
        let (list, done) = match opened {
            Ok(list) => (Some(Arc::new(list)), Ok(())),
            Err(error) => (before.and_then(|before| before.list.clone()), Err(error)),
        };
        (Self { path: path.to_owned(), list, places }, done)
    }

    /// Over a list that is open already.
    pub fn over(list: List) -> Self {
        Self { path: PathBuf::new(), list: Some(Arc::new(list)), places: Arc::new(Semaphore::new(PLACES)) }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Facts about it; `None`: it is not open.
    pub fn header(&self) -> Option<&ListHeader> {
        self.list.as_ref().map(|list| list.header())
    }

    /// How often the password was seen in leaks; `None`: the list does not hold it.
    pub async fn look_up(&self, password: &Password) -> Result<Option<u64>, OfflineError> {
        let list = Arc::clone(self.list.as_ref().ok_or(OfflineError::NotOpen)?);
        let keys: Vec<u64> = Digest::of(password, list.header().kind).iter().map(Digest::key).collect();
        let keys = zeroize::Zeroizing::new(keys);
        on_thread(&self.places, LIMIT, move || {
            keys.iter().try_fold(None, |found: Option<u64>, key| Ok::<_, ListError>(found.max(list.find(*key)?)))
        })
        .await
    }
}

/// Runs work that may block. Its place is given back when the thread is done, not when its caller has gone.
async fn on_thread<T: Send + 'static>(
    places: &Arc<Semaphore>,
    limit: Duration,
    work: impl FnOnce() -> Result<T, ListError> + Send + 'static,
) -> Result<T, OfflineError> {
    let places = Arc::clone(places);
    let done = timeout(limit, async move {
        let place = places.acquire_owned().await.map_err(|_| OfflineError::Ended)?;
        let done = spawn_blocking(move || {
            let _place = place;
            work()
        });
        Ok(done.await.map_err(|_| OfflineError::Ended)??)
    });
    done.await.unwrap_or(Err(OfflineError::TimedOut))
}

#[cfg(test)]
mod tests;
