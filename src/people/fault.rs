//! What can go wrong between the service and another register. For the log only: it names the register and no person.

/// A register could not be asked, or did not answer as configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{register}: {trouble}")]
pub struct Fault {
    /// Its `id` in the configuration; `parents` for the family service.
    pub register: String,
    /// What went wrong.
    pub trouble: Trouble,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// No connection, or it broke off.
    #[error("can't be reached: {0}")]
    Unreachable(String),
    /// No answer in time.
    #[error("did not answer in time")]
    TimedOut,
    /// It does not know us; its code.
    #[error("does not take our credentials ({0})")]
    NotLetIn(String),
    /// A database refused the query; its code.
    #[error("refused the query ({0})")]
    Refused(String),
    /// An HTTP status that is no answer.
    #[error("answered {0}")]
    Status(u16),
    /// More than was thought of.
    #[error("{0}")]
    TooLarge(String),
    /// Something else than what the configuration says.
    #[error("its answer is not as configured: {0}")]
    NotAsConfigured(String),
    /// More for one person than one person has.
    #[error("named more than {0} for one person: it can't say whose they are")]
    TooMany(usize),
    /// A task of ours ended with a panic.
    #[error("a task of the service ended unexpectedly")]
    Crashed,
}

impl Trouble {
    pub(super) fn not_as_configured(what: impl Into<String>) -> Self {
        Self::NotAsConfigured(what.into())
    }

    pub(super) fn of(self, register: &str) -> Fault {
        Fault { register: register.to_owned(), trouble: self }
    }
}
