//! Outages: errors that end by themselves, by the system that causes them.

use super::FlowError;
use crate::{directory, identity::local::hash::HashError, store::StoreError};

/// The unavailable system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// No controller can do the work.
    Directory,
    Database,
    /// A register or the family service.
    Register,
    /// No system is unavailable, but the load is too high.
    Busy,
}

impl FlowError {
    /// The unavailable system. `None`: the error lasts until an operator repairs its cause.
    pub fn away(&self) -> Option<Outage> {
        match self {
            Self::Directory(directory::DirectoryError::Busy)
            | Self::Hash(HashError::Busy)
            | Self::Store(StoreError::Contended)
            | Self::Busy { .. }
            | Self::TooManyQuestions => Some(Outage::Busy),
            Self::Directory(directory::DirectoryError::NotReplicated) => Some(Outage::Directory),
            Self::Directory(cause) => cause.is_the_controllers().then_some(Outage::Directory),
            Self::People(_) => Some(Outage::Register),
            Self::Store(StoreError::Unavailable(_) | StoreError::TimedOut) => Some(Outage::Database),
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
    use crate::flow::outage::*;

    #[test]
    fn an_outage_is_told_from_a_fault_that_somebody_has_to_mend() {
        let directory = |fault| FlowError::Directory(fault).away();
        assert_eq!(directory(directory::DirectoryError::TimedOut), Some(Outage::Directory));
        assert_eq!(directory(directory::DirectoryError::Answer { rc: 52, text: String::new() }), Some(Outage::Directory));
        assert_eq!(directory(directory::DirectoryError::Answer { rc: 50, text: String::new() }), None);
        assert_eq!(directory(directory::DirectoryError::PolicyUnreadable(String::new())), None);
        assert_eq!(directory(directory::DirectoryError::Busy), Some(Outage::Busy));
        assert_eq!(FlowError::Store(StoreError::TimedOut).away(), Some(Outage::Database));
        assert_eq!(FlowError::Store(StoreError::Corrupt("sessions")).away(), None);
        assert_eq!(FlowError::Crashed.away(), None);
    }
}
