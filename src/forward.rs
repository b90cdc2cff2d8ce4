//! Targets of log forwarding: syslog, file and web hook.
//!
//! Invariants: a message counts as taken only if the target took it, as far as the protocol can tell; every attempt has a timeout; no error
//! contains a message.

mod file;
mod framing;
mod hook;
mod syslog;

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    config::{ForwardConfig, ForwardKind},
    http_client::{HttpError, HttpSetupError},
    tls::TlsSetupError,
};

/// A message to a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardMessage {
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
    pub trouble: Option<DeliveryError>,
}

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
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

impl From<HttpError> for DeliveryError {
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
    #[error("audit.forward {id:?}: {source}")]
    Tls { id: String, source: TlsSetupError },
    /// The HTTP client.
    #[error("audit.forward {id:?}: {source}")]
    Http { id: String, source: HttpSetupError },
    /// The host name is not valid for TLS.
    #[error("audit.forward {id:?}: host is not a name that a certificate could have")]
    Host { id: String },
}

/// A target, ready to send.
#[derive(Debug)]
pub struct ForwardTarget {
    /// `id` in the configuration.
    pub id: String,
    timeout: Duration,
    way: Channel,
}

#[derive(Debug)]
enum Channel {
    Syslog(crate::forward::syslog::Syslog),
    File(crate::forward::file::Lines),
    Hook(Box<crate::forward::hook::Hook>),
}

impl ForwardTarget {
    /// Prepares the target without connecting. `hostname`: our host name in syslog messages.
    pub fn new(push: &ForwardConfig, hostname: &str) -> Result<Self, SetupError> {
        let way = match &push.kind {
            ForwardKind::Syslog { host, port, tls } => {
                Channel::Syslog(crate::forward::syslog::Syslog::new(&push.id, host, *port, tls.as_ref(), hostname)?)
            }
            ForwardKind::File(path) => Channel::File(crate::forward::file::Lines::new(path)),
            ForwardKind::Hook(hook) => Channel::Hook(Box::new(crate::forward::hook::Hook::new(&push.id, hook, push.timeout)?)),
        };
        Ok(Self { id: push.id.clone(), timeout: push.timeout, way })
    }

    /// The web hook's configuration; `None` for other targets, which get every entry.
    pub fn hook(&self) -> Option<&crate::config::HookConfig> {
        match &self.way {
            Channel::Syslog(_) | Channel::File(_) => None,
            Channel::Hook(hook) => Some(&hook.config),
        }
    }

    /// The largest body in bytes; `None` = no limit.
    pub fn largest(&self) -> Option<usize> {
        match &self.way {
            Channel::Syslog(_) => Some(crate::forward::syslog::LARGEST),
            Channel::File(_) | Channel::Hook(_) => None,
        }
    }

    /// Sends messages in order and stops at the first that is not taken. `now`: time of the signatures. Takes at most twice the configured
    /// timeout: a web hook gets no further message once the timeout is over.
    pub async fn send(&self, parcels: &[ForwardMessage], now: Timestamp) -> Delivery {
        let whole = |done: Result<(), DeliveryError>| match done {
            Ok(()) => Delivery { taken: parcels.len(), trouble: None },
            Err(trouble) => Delivery { taken: 0, trouble: Some(trouble) },
        };
        match &self.way {
            Channel::Syslog(syslog) => whole(within(self.timeout, syslog.send(parcels)).await),
            Channel::File(lines) => whole(within(self.timeout, lines.append(parcels)).await),
            Channel::Hook(hook) => {
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
    pub async fn probe(&self) -> Result<(), DeliveryError> {
        match &self.way {
            Channel::Syslog(syslog) => within(self.timeout, syslog.send(&[])).await,
            Channel::File(lines) => lines.probe(),
            Channel::Hook(hook) => hook.probe().await,
        }
    }
}

async fn within(timeout: Duration, work: impl Future<Output = Result<(), DeliveryError>>) -> Result<(), DeliveryError> {
    tokio::time::timeout(timeout, work).await.unwrap_or(Err(DeliveryError::TimedOut))
}
