//! What somebody outside may want to be told of at once, by name.

use super::audit::{AuditEvent, AuditOutcome, EventKind};

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// Somebody set another's password.
    ResetByAnother,
    /// Somebody got a one-time code for another.
    CodeIssued,
    /// Somebody ended another's lockout.
    UnlockedByAnother,
    /// Something in the log looks like an attack or a mistake.
    Alert,
    /// Every entry of a kind, however it ended.
    Every(EventKind),
}

impl Notice {
    /// What a person whose account it is wants to know, and alerts.
    pub const USUAL: [Self; 4] = [Self::ResetByAnother, Self::CodeIssued, Self::UnlockedByAnother, Self::Alert];

    /// The word in the configuration and in what is sent.
    pub fn code(self) -> &'static str {
        match self {
            Self::ResetByAnother => "reset_by_another",
            Self::CodeIssued => "code_issued",
            Self::UnlockedByAnother => "unlocked_by_another",
            Self::Alert => "alert",
            Self::Every(kind) => kind.code(),
        }
    }

    /// Reads the word: one of the notices, or a kind of event.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::USUAL.into_iter().find(|notice| notice.code() == code).or_else(|| EventKind::from_code(code).map(Self::Every))
    }

    /// Is this what it tells of?
    pub fn is(self, event: &AuditEvent) -> bool {
        let done = event.outcome == AuditOutcome::Succeeded;
        match self {
            Self::ResetByAnother => {
                let set = matches!(event.kind, EventKind::ResetOutcome | EventKind::ResetReconciled);
                set && done && event.is_by_another()
            }
            Self::CodeIssued => event.kind == EventKind::CodeIssued && done,
            Self::UnlockedByAnother => event.kind == EventKind::UnlockOutcome && done && event.is_by_another(),
            Self::Alert => event.kind == EventKind::AlertRaised,
            Self::Every(kind) => event.kind == kind,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_as_it_is_written() {
        for notice in
            Notice::USUAL.into_iter().chain(EventKind::ALL.iter().copied().filter(|kind| *kind != EventKind::CodeIssued).map(Notice::Every))
        {
            assert_eq!(Notice::from_code(notice.code()), Some(notice));
        }
        assert_eq!(Notice::from_code("reset"), None);
    }
}
