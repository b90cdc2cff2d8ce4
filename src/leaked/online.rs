//! The range API: five digits of a digest are asked for, everything that begins with them is answered, and the comparison is made here.
//!
//! Invariants: five hexadecimal digits leave the house and nothing else; a question takes [`LIMIT`] at most; many questions for one range at
//! once are one request; no error and no log line names a prefix.

mod cache;
mod range;

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::{Request, Response, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use tokio::{
    sync::{Semaphore, watch},
    time::timeout,
};

use self::{
    cache::Cache,
    range::{BadRange, Range},
};
use super::digest::{Digest, HashKind, Prefix};
use crate::{
    clock::Clock,
    http_client::{ClientLimits, HttpClient, HttpError, HttpSetupError},
    model::credential::password::Password,
};

/// Longest time for a question, from the moment it is asked.
pub const LIMIT: Duration = Duration::from_millis(1500);
/// Bytes of an answer: a padded range has less than 100 KB.
const LARGEST: usize = 1024 * 1024;
/// Requests at once.
const REQUESTS: usize = 8;
/// Ranges that are asked for or waited for at once.
const UNDER_WAY: usize = 64;
/// How long a service that answers 429 is left alone, seconds: its Retry-After, within these bounds.
const PAUSE: std::ops::RangeInclusive<i64> = 1..=60;
const PAUSE_UNSAID: i64 = 5;
/// A password that every list holds, by which a service is tried.
const KNOWN: &str = "password";

/// Why the service gave no answer that counts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OnlineError {
    /// No whole answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// An answer with another status than 200.
    #[error("answered {0}")]
    Status(u16),
    /// It asked for a pause (429), which is not over.
    #[error("asks for a pause (429)")]
    Pause,
    /// It is no answer of a range API.
    #[error("is no range API: {0}")]
    NotRange(String),
    /// It gives the same answer to every question.
    #[error("gives the same answer for different ranges")]
    SameAnswer,
    /// It does not know the password that every list holds.
    #[error("does not know one of the most common passwords")]
    Unknowing,
    /// Too many questions are under way.
    #[error("too many questions are under way")]
    Busy,
    /// A fault of ours.
    #[error("the task ended unexpectedly")]
    Ended,
}

impl From<BadRange> for OnlineError {
    fn from(bad: BadRange) -> Self {
        Self::NotRange(bad.to_string())
    }
}

/// The answer, and whether it came from the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeakLookup {
    /// How often the password was seen in leaks; `None`: the service does not hold it.
    pub count: Option<u64>,
    /// Nothing had to be asked.
    pub remembered: bool,
}

type Answer = Result<Arc<Range>, OnlineError>;

#[derive(Default)]
struct OnlineState {
    cache: Cache,
    under_way: HashMap<Prefix, watch::Receiver<Option<Answer>>>,
    /// Nothing is asked before this time.
    pause_until: Option<Timestamp>,
}

/// What the tasks that ask share.
struct Shared {
    http: HttpClient,
    /// What stands before the five digits.
    address: String,
    state: Mutex<OnlineState>,
    requests: Semaphore,
    clock: Arc<dyn Clock>,
}

/// A range API.
#[derive(Clone)]
pub struct Online(Arc<Shared>);

impl std::fmt::Debug for Online {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Online").field("address", &self.0.address).finish_non_exhaustive()
    }
}

impl Online {
    /// The API at this address, to which `/range/` and the digits are added. Trusts the CA of this file, or the system's.
    pub fn new(address: &str, ca_file: Option<&Path>, clock: Arc<dyn Clock>) -> Result<Self, HttpSetupError> {
        let proxy = address.starts_with("https:");
        let http = HttpClient::on(ClientLimits { ca_file, certificate: None, patience: LIMIT, connect: LIMIT, largest: LARGEST, proxy })?;
        let address = format!("{}/range/", address.trim_end_matches('/'));
        Ok(Self(Arc::new(Shared { http, address, state: Mutex::default(), requests: Semaphore::new(REQUESTS), clock })))
    }

    /// How often the password was seen in leaks. Two spellings (NFC, NFD) are two questions, at once.
    pub async fn look_up(&self, password: &Password) -> Result<LeakLookup, OnlineError> {
        let digests = Digest::of(password, HashKind::Sha1);
        match digests.as_slice() {
            [typed, composed, ..] => {
                let (a, b) = tokio::join!(self.find(typed), self.find(composed));
                let (a, b) = (a?, b?);
                Ok(LeakLookup { count: a.count.max(b.count), remembered: a.remembered && b.remembered })
            }
            [typed] => self.find(typed).await,
            [] => Err(OnlineError::Ended),
        }
    }

    /// Asks for a password that every list holds, past the cache; how often it was seen.
    pub async fn probe(&self) -> Result<u64, OnlineError> {
        let digest = Digest::of_text(KNOWN, HashKind::Sha1);
        let range = timeout(LIMIT, self.0.fetch(digest.prefix())).await.unwrap_or(Err(HttpError::TimedOut.into()))?;
        range.find(digest.suffix()).ok_or(OnlineError::Unknowing)
    }

    /// Ranges that are remembered.
    pub fn remembered(&self) -> usize {
        self.0.state().cache.len()
    }

    async fn find(&self, digest: &Digest) -> Result<LeakLookup, OnlineError> {
        let prefix = digest.prefix();
        let found = |range: &Range, remembered| LeakLookup { count: range.find(digest.suffix()), remembered };
        let mut answer = {
            let mut state = self.0.state();
            let now = self.0.clock.now();
            if let Some(range) = state.cache.get(prefix, now) {
                return Ok(found(&range, true));
            }
            match state.under_way.get(&prefix) {
                Some(answer) => answer.clone(),
                None => self.begin(&mut state, prefix, now)?,
            }
        };
        let answered = answer.wait_for(Option::is_some).await; // the task has a limit
        match answered.as_deref() {
            Ok(Some(Ok(range))) => Ok(found(range, false)),
            Ok(Some(Err(error))) => Err(error.clone()),
            Ok(None) | Err(_) => Err(OnlineError::Ended),
        }
    }

    /// Asks in a task of its own: the first caller may go away while others wait for the answer.
    fn begin(&self, state: &mut OnlineState, prefix: Prefix, now: Timestamp) -> Result<watch::Receiver<Option<Answer>>, OnlineError> {
        if state.pause_until.is_some_and(|until| now < until && until.duration_since(now).as_secs() <= *PAUSE.end()) {
            return Err(OnlineError::Pause);
        }
        if state.under_way.len() >= UNDER_WAY {
            return Err(OnlineError::Busy);
        }
        let (sender, receiver) = watch::channel(None);
        state.under_way.insert(prefix, receiver.clone());
        let task = UnderWay { shared: Arc::clone(&self.0), prefix };
        tokio::spawn(async move {
            let answer = timeout(LIMIT, task.shared.fetch(prefix)).await.unwrap_or(Err(HttpError::TimedOut.into()));
            let answer = task.end(answer);
            sender.send_replace(Some(answer));
        });
        Ok(receiver)
    }
}

/// A question under way; it is none any more when this is dropped, after a panic too.
struct UnderWay {
    shared: Arc<Shared>,
    prefix: Prefix,
}

impl UnderWay {
    /// Remembers the answer.
    fn end(self, answer: Answer) -> Answer {
        let now = self.shared.clock.now();
        let range = answer?;
        let mut state = self.shared.state();
        if state.cache.has_for_another(self.prefix, &range) {
            state.cache = Cache::default(); // the one before is no truer
            return Err(OnlineError::SameAnswer);
        }
        state.cache.put(self.prefix, Arc::clone(&range), now);
        drop(state);
        Ok(range)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.shared.state().under_way.remove(&self.prefix);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, OnlineState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fetch(&self, prefix: Prefix) -> Answer {
        let _place = self.requests.acquire().await.map_err(|_| OnlineError::Ended)?;
        let request = Request::builder()
            .uri(format!("{}{}", self.address, prefix.digits()))
            .header("Add-Padding", "true") // so that the length of an answer does not tell the range
            .header(header::ACCEPT, "text/plain")
            .header(header::USER_AGENT, "OS2nykode") // without one the public service answers 403
            .body(Vec::new())
            .map_err(|error| OnlineError::NotRange(error.to_string()))?;
        let response = self.http.send(request).await?;
        match response.status() {
            StatusCode::OK => Ok(Arc::new(Range::parse(response.body())?)),
            StatusCode::TOO_MANY_REQUESTS => {
                let now = self.clock.now();
                self.state().pause_until = Some(now + pause(&response));
                Err(OnlineError::Pause)
            }
            other => Err(OnlineError::Status(other.as_u16())),
        }
    }
}

/// The wait that a 429 asks for (RFC 9110, section 10.2.3), as far as it is a number of seconds.
fn pause(response: &Response<Vec<u8>>) -> SignedDuration {
    let said = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse::<i64>().ok());
    SignedDuration::from_secs(said.unwrap_or(PAUSE_UNSAID).clamp(*PAUSE.start(), *PAUSE.end()))
}
