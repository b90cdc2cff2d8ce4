//! Targets of log forwarding: syslog, file and web hook.
//!
//! Invariants: a message counts as taken only if the target took it, as far as the protocol can tell; every attempt has a timeout; no error
//! contains a message.

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

/// A message to a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// The sequence number of the audit entry, the same in every repetition.
    pub number: i64,
    pub at: Timestamp,
    /// Kind of the message: ASCII letters and underscores, at most 32.
    pub name: String,
    pub severity: Severity,
    /// One line of JSON.
    pub body: String,
}

/// Severities of RFC 5424, section 6.2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Immediate action is needed.
    Alert,
    /// An operation failed.
    Warning,
    /// An operation was refused.
    Notice,
    /// Normal operation.
    Informational,
}

/// The result of sending several messages.
#[derive(Debug)]
pub struct Delivery {
    /// Number of messages taken, from the first on.
    pub taken: usize,
    /// The error of the next message. `None`: all were taken, or the time was over.
    pub trouble: Option<Trouble>,
}

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// No connection, or the connection was lost.
    #[error("can't be reached: {0}")]
    Unreachable(String),
    #[error("no answer in time")]
    TimedOut,
    /// The target closed the connection before it had read everything.
    #[error("it closed the connection before everything was read")]
    ClosedEarly,
    /// HTTP status of a failure that may pass.
    #[error("answered {0}")]
    Status(u16),
    /// HTTP status of a permanent refusal of this message.
    #[error("answered {0}: it refuses this message")]
    Refused(u16),
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

/// A target could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The CA certificates or the client certificate.
    #[error("audit.push {id:?}: {source}")]
    Tls { id: String, source: TlsSetupError },
    /// The HTTP client.
    #[error("audit.push {id:?}: {source}")]
    Http { id: String, source: HttpSetupError },
    /// The host name is not valid for TLS.
    #[error("audit.push {id:?}: host is not a name that a certificate could have")]
    Host { id: String },
}

/// A target, ready to send.
#[derive(Debug)]
pub struct Target {
    /// `id` in the configuration.
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
    /// Prepares the target without connecting. `hostname`: our host name in syslog messages.
    pub fn new(push: &Push, hostname: &str) -> Result<Self, SetupError> {
        let way = match &push.kind {
            PushKind::Syslog { host, port, tls } => Way::Syslog(syslog::Syslog::new(&push.id, host, *port, tls.as_ref(), hostname)?),
            PushKind::File(path) => Way::File(file::Lines::new(path)),
            PushKind::Hook(hook) => Way::Hook(Box::new(hook::Hook::new(&push.id, hook, push.timeout)?)),
        };
        Ok(Self { id: push.id.clone(), timeout: push.timeout, way })
    }

    /// The web hook's configuration; `None` for other targets, which get every entry.
    pub fn hook(&self) -> Option<&crate::config::Hook> {
        match &self.way {
            Way::Syslog(_) | Way::File(_) => None,
            Way::Hook(hook) => Some(&hook.config),
        }
    }

    /// The largest body in bytes; `None` = no limit.
    pub fn largest(&self) -> Option<usize> {
        match &self.way {
            Way::Syslog(_) => Some(syslog::LARGEST),
            Way::File(_) | Way::Hook(_) => None,
        }
    }

    /// Sends messages in order and stops at the first that is not taken. `now`: time of the signatures. Takes at most twice the configured
    /// timeout: a web hook gets no further message once the timeout is over.
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

    /// Tests whether the target can be reached, without sending a message.
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
