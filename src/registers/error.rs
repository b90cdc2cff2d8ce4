//! Errors of registers. For the log only: they name the register and no person.

/// A register could not be queried, or its answer does not match the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{register}: {trouble}")]
pub struct RegisterError {
    /// `id` in the configuration; `parents` for the family service.
    pub register: String,
    pub trouble: RegisterErrorCause,
}

/// The cause of the error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegisterErrorCause {
    /// No connection, or the connection was lost.
    #[error("can't be reached: {0}")]
    Unreachable(String),
    #[error("did not answer in time")]
    TimedOut,
    /// Authentication or authorization failed; status or code.
    #[error("does not take our credentials ({0})")]
    NotLetIn(String),
    /// A database refused the query; its code.
    #[error("refused the query ({0})")]
    Refused(String),
    /// An unexpected HTTP status.
    #[error("answered {0}")]
    Status(u16),
    /// The answer is above the size limit.
    #[error("{0}")]
    TooLarge(String),
    /// The answer does not match the configuration.
    #[error("its answer is not as configured: {0}")]
    NotAsConfigured(String),
    /// More entries for one person than this limit.
    #[error("returned more than {0} entries for one person")]
    TooMany(usize),
    /// A task of ours panicked.
    #[error("a task of the service ended unexpectedly")]
    Crashed,
}

impl RegisterErrorCause {
    pub(crate) fn not_as_configured(what: impl Into<String>) -> Self {
        Self::NotAsConfigured(what.into())
    }

    pub(crate) fn of(self, register: &str) -> RegisterError {
        RegisterError { register: register.to_owned(), trouble: self }
    }
}
