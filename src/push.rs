//! Targets that the log is sent to: syslog, a file, a program that is told.
//!
//! Invariants: what is said to be taken was taken, as far as the target's protocol can tell; every try has a longest time; no error tells what was sent.

mod file;
mod hook;
mod octets;
mod syslog;

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    config::{Push, PushKind},
    outward::{HttpError, HttpSetupError},
    tls::TlsSetupError,
};

/// Something to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// The entry's number: the same whenever it is sent again.
    pub number: i64,
    /// When it happened.
    pub at: Timestamp,
    /// What it is: ASCII letters and underscores, at most 32.
    pub name: String,
    /// How urgent it is.
    pub severity: Severity,
    /// One line of JSON.
    pub body: String,
}

/// Of RFC 5424, section 6.2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Somebody has to look at once.
    Alert,
    /// Something failed.
    Warning,
    /// Something was refused.
    Notice,
    /// All in order.
    Informational,
}

/// How many of the parcels were taken, from the first on, and what was wrong with the next.
#[derive(Debug)]
pub struct Delivery {
    /// So many were taken.
    pub taken: usize,
    /// `None`: all were, or the time was up.
    pub trouble: Option<Trouble>,
}

/// Why something was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// No connection, or it broke off.
    #[error("can't be reached: {0}")]
    Unreachable(String),
    /// It stalls.
    #[error("no answer in time")]
    TimedOut,
    /// It went away before it had read everything.
    #[error("it closed the connection before everything was read")]
    ClosedEarly,
    /// It answered that it did not take it.
    #[error("answered {0}")]
    Status(u16),
    /// It answered that it will never take this one.
    #[error("answered {0}: it does not take this message")]
    Refused(u16),
    /// The file can't be written.
    #[error("can't be written: {0}")]
    File(String),
}

impl From<HttpError> for Trouble {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Unreachable(what) => Self::Unreachable(what),
            HttpError::TimedOut => Self::TimedOut,
            HttpError::TooLarge(_) => Self::Unreachable("its answer is too large".to_owned()),
        }
    }
}

/// A target can't be prepared.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Trust, or our certificate.
    #[error("audit.push {id:?}: {source}")]
    Tls {
        /// Which.
        id: String,
        /// What.
        source: TlsSetupError,
    },
    /// The HTTP client.
    #[error("audit.push {id:?}: {source}")]
    Http {
        /// Which.
        id: String,
        /// What.
        source: HttpSetupError,
    },
    /// The host's name.
    #[error("audit.push {id:?}: host is no name that a certificate could have")]
    Host {
        /// Which.
        id: String,
    },
}

/// A target, ready.
#[derive(Debug)]
pub struct Target {
    /// Its name.
    pub id: String,
    timeout: Duration,
    way: Way,
}

#[derive(Debug)]
enum Way {
    Syslog(syslog::Syslog),
    File(file::Lines),
    Hook(Box<hook::Hook>),
}

impl Target {
    /// Prepares it. Nothing is asked. `hostname`: what we call ourselves.
    pub fn new(push: &Push, hostname: &str) -> Result<Self, SetupError> {
        let way = match &push.kind {
            PushKind::Syslog { host, port, tls } => Way::Syslog(syslog::Syslog::new(&push.id, host, *port, tls.as_ref(), hostname)?),
            PushKind::File(path) => Way::File(file::Lines::new(path)),
            PushKind::Hook(hook) => Way::Hook(Box::new(hook::Hook::new(&push.id, hook, push.timeout)?)),
        };
        Ok(Self { id: push.id.clone(), timeout: push.timeout, way })
    }

    /// What it is told of, and until what age; `None`: of everything.
    pub fn hook(&self) -> Option<&crate::config::Hook> {
        match &self.way {
            Way::Syslog(_) | Way::File(_) => None,
            Way::Hook(hook) => Some(&hook.config),
        }
    }

    /// The largest body that it takes, bytes.
    pub fn largest(&self) -> Option<usize> {
        match &self.way {
            Way::Syslog(_) => Some(syslog::LARGEST),
            Way::File(_) | Way::Hook(_) => None,
        }
    }

    /// Sends them in order. `now`: for signatures. What comes after one that was not taken is not sent. Takes no longer than twice the configured time,
    /// or begins no new message after it.
    pub async fn send(&self, parcels: &[Parcel], now: Timestamp) -> Delivery {
        let whole = |done: Result<(), Trouble>| match done {
            Ok(()) => Delivery { taken: parcels.len(), trouble: None },
            Err(trouble) => Delivery { taken: 0, trouble: Some(trouble) },
        };
        match &self.way {
            Way::Syslog(syslog) => whole(within(self.timeout, syslog.send(parcels)).await),
            Way::File(lines) => whole(within(self.timeout, lines.append(parcels)).await),
            Way::Hook(hook) => {
                let end = tokio::time::Instant::now() + self.timeout;
                for (taken, parcel) in parcels.iter().enumerate() {
                    if taken > 0 && tokio::time::Instant::now() >= end {
                        return Delivery { taken, trouble: None };
                    }
                    if let Err(trouble) = hook.tell(parcel, now).await {
                        return Delivery { taken, trouble: Some(trouble) };
                    }
                }
                whole(Ok(()))
            }
        }
    }

    /// Could something be sent? Sends nothing.
    pub async fn probe(&self) -> Result<(), Trouble> {
        match &self.way {
            Way::Syslog(syslog) => within(self.timeout, syslog.send(&[])).await,
            Way::File(lines) => lines.probe(),
            Way::Hook(hook) => hook.probe().await,
        }
    }
}

async fn within(timeout: Duration, work: impl Future<Output = Result<(), Trouble>>) -> Result<(), Trouble> {
    tokio::time::timeout(timeout, work).await.unwrap_or(Err(Trouble::TimedOut))
}
