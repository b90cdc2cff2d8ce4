//! Leaked passwords: a list on this machine, the range API, and the one question that the use cases ask of both.
//!
//! Invariants: the online service is asked only where the file gives no answer; neither a password nor its digest nor a part of one is in a
//! log line, an error or a metric.

mod digest;
mod header;
mod import;
mod list;
mod metrics;
mod offline;
mod online;
mod page;
mod verify;
mod writer;

pub use digest::HashKind;
pub use header::ListHeader;
pub use import::{CHECKPOINT_PAGES, Import, ImportError, ImportedList, Progress, SourceError, Step, import};
pub use list::{List, ListError, ReadAt};
pub use metrics::begin as begin_metrics;
pub use offline::{LIMIT as OFFLINE_LIMIT, Offline, OfflineError, PLACES};
pub use online::{LIMIT as ONLINE_LIMIT, LeakLookup, Online, OnlineError};
pub use page::Damaged;
pub use verify::verify;

use std::{fmt::Display, sync::Arc, time::Instant};

use tracing::{info, warn};

use crate::{
    clock::Clock,
    config,
    http_client::HttpSetupError,
    model::{
        credential::password::Password,
        leaked::{DecidedBy, Leaked, LeakedAnswer},
    },
    telemetry::Seldom,
};

/// What knows leaked passwords.
#[derive(Debug)]
pub struct LeakedPasswords {
    offline: Option<Offline>,
    online: Option<Online>,
    min_count: u64,
    warned: Seldom,
}

impl LeakedPasswords {
    /// As configured. A list that can't be opened is logged, and its questions are not answered; at a SIGHUP the list of `before` stays in
    /// use instead.
    pub async fn open(settings: &config::LeakedConfig, clock: Arc<dyn Clock>, before: Option<&Self>) -> Result<Self, HttpSetupError> {
        let online = settings.online.as_ref();
        let online = online.map(|online| Online::new(&online.address, online.ca_file.as_deref(), clock)).transpose()?;
        let offline = match &settings.file {
            None => None,
            Some(file) => {
                let (offline, opened) = Offline::open(file, before.and_then(|before| before.offline.as_ref())).await;
                match (opened, offline.header()) {
                    (Ok(()), Some(header)) => {
                        info!(hashes = header.hashes, source_modified = %header.source_modified, "list of leaked passwords opened");
                    }
                    (Ok(()), None) => {}
                    (Err(error), Some(_)) => warn!(%error, "list of leaked passwords can't be opened; the earlier one stays in use"),
                    (Err(error), None) => warn!(%error, "list of leaked passwords can't be opened"),
                }
                Some(offline)
            }
        };
        metrics::list(offline.as_ref().and_then(Offline::header));
        Ok(Self { offline, online, min_count: settings.min_count, warned: Seldom::default() })
    }

    /// Is anything configured that could be asked?
    pub fn is_on(&self) -> bool {
        self.offline.is_some() || self.online.is_some()
    }

    /// Is the password in a known leak, at least `min_count` times?
    pub async fn ask(&self, password: &Password) -> LeakedAnswer {
        let begun = Instant::now();
        let answer = self.answer(password).await;
        let answer = LeakedAnswer { leaked: answer.leaked.at_least(self.min_count), ..answer };
        metrics::answered(answer, begun.elapsed());
        answer
    }

    async fn answer(&self, password: &Password) -> LeakedAnswer {
        if let Some(offline) = &self.offline {
            match offline.look_up(password).await {
                Ok(count) => return answered(DecidedBy::File, count),
                Err(error) => self.unavailable(DecidedBy::File, &error),
            }
        }
        if let Some(online) = &self.online {
            match online.look_up(password).await {
                Ok(LeakLookup { count, .. }) => {
                    metrics::remembered(online.remembered());
                    return answered(DecidedBy::Online, count);
                }
                Err(error) => self.unavailable(DecidedBy::Online, &error),
            }
        }
        LeakedAnswer::UNKNOWN
    }

    fn unavailable(&self, source: DecidedBy, error: &dyn Display) {
        metrics::unavailable(source);
        if let Some(times) = self.warned.due() {
            warn!(source = source.code(), %error, times, "leaked passwords can't be looked up");
        }
    }
}

fn answered(decided_by: DecidedBy, count: Option<u64>) -> LeakedAnswer {
    LeakedAnswer { leaked: count.map_or(Leaked::No, |count| Leaked::Yes { count }), decided_by }
}
