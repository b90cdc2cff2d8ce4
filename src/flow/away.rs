//! Outages: errors that end by themselves, by the system that causes them.

use super::Fault;
use crate::{directory, identity::local::hash::HashError, store::StoreError};

/// The unavailable system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Away {
    /// No controller can do the work.
    Directory,
    Database,
    /// A register or the family service.
    Register,
    /// No system is unavailable, but the load is too high.
    Busy,
}

impl Fault {
    /// The unavailable system. `None`: the error lasts until an operator repairs its cause.
    pub fn away(&self) -> Option<Away> {
        match self {
            Self::Directory(directory::Fault::Busy)
            | Self::Hash(HashError::Busy)
            | Self::Store(StoreError::Contended)
            | Self::Busy { .. }
            | Self::TooManyQuestions => Some(Away::Busy),
            Self::Directory(directory::Fault::NotReplicated) => Some(Away::Directory),
            Self::Directory(cause) => cause.is_the_controllers().then_some(Away::Directory),
            Self::People(_) => Some(Away::Register),
            Self::Store(StoreError::Unavailable(_) | StoreError::TimedOut) => Some(Away::Database),
            Self::Store(StoreError::Corrupt(_) | StoreError::Unreadable | StoreError::NoRandomness)
            | Self::NoRandomness(_)
            | Self::Unsent(_)
            | Self::Hash(_)
            | Self::Crashed => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_told_from_a_fault_that_somebody_has_to_mend() {
        let directory = |fault| Fault::Directory(fault).away();
        assert_eq!(directory(directory::Fault::TimedOut), Some(Away::Directory));
        assert_eq!(directory(directory::Fault::Answer { rc: 52, text: String::new() }), Some(Away::Directory));
        assert_eq!(directory(directory::Fault::Answer { rc: 50, text: String::new() }), None);
        assert_eq!(directory(directory::Fault::PolicyUnreadable(String::new())), None);
        assert_eq!(directory(directory::Fault::Busy), Some(Away::Busy));
        assert_eq!(Fault::Store(StoreError::TimedOut).away(), Some(Away::Database));
        assert_eq!(Fault::Store(StoreError::Corrupt("sessions")).away(), None);
        assert_eq!(Fault::Crashed.away(), None);
    }
}
