//! Notifications: the events that are sent to addresses outside at once.

use super::audit::{AuditEvent, AuditOutcome, EventKind};

/// A kind of notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// A password was set by another person.
    ResetByAnother,
    /// A one-time code was issued.
    CodeIssued,
    /// A lockout was ended by another person.
    UnlockedByAnother,
    /// An alert was raised.
    Alert,
    /// Every entry of a kind, with any outcome.
    Every(EventKind),
}

impl Notice {
    /// The defaults: events that concern the account's owner, and alerts.
    pub const USUAL: [Self; 4] = [Self::ResetByAnother, Self::CodeIssued, Self::UnlockedByAnother, Self::Alert];

    /// The stable code in the configuration and in messages.
    pub fn code(self) -> &'static str {
        match self {
            Self::ResetByAnother => "reset_by_another",
            Self::CodeIssued => "code_issued",
            Self::UnlockedByAnother => "unlocked_by_another",
            Self::Alert => "alert",
            Self::Every(kind) => kind.code(),
        }
    }

    /// Reads a code: of one of the notifications, or of a kind of event.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::USUAL.into_iter().find(|notice| notice.code() == code).or_else(|| EventKind::from_code(code).map(Self::Every))
    }

    /// True if the event causes this notification.
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
