//! Formatting of audit log values for pages.

use crate::http::i18n::{
    catalogue::{TextValue, text},
    words::Wording,
};
use crate::model::audit::{AuditOutcome, EventKind};

impl Wording {
    /// Name of an event.
    pub fn kind(&self, kind: EventKind) -> String {
        self.t(match kind {
            EventKind::SignIn => "kind-sign-in",
            EventKind::SignOut => "kind-sign-out",
            EventKind::ChangeAttempt => "kind-change-attempt",
            EventKind::ChangeOutcome => "kind-change-outcome",
            EventKind::ChangeReconciled => "kind-change-reconciled",
            EventKind::ResetAttempt => "kind-reset-attempt",
            EventKind::ResetOutcome => "kind-reset-outcome",
            EventKind::ResetReconciled => "kind-reset-reconciled",
            EventKind::UnlockAttempt => "kind-unlock-attempt",
            EventKind::UnlockOutcome => "kind-unlock-outcome",
            EventKind::AccountViewed => "kind-account-viewed",
            EventKind::ListViewed => "kind-list-viewed",
            EventKind::CodeIssued => "kind-code-issued",
            EventKind::CodeRedeemed => "kind-code-redeemed",
            EventKind::SlipsMade => "kind-slips-made",
            EventKind::StaffAccount => "kind-staff-account",
            EventKind::CodeExpired => "kind-code-expired",
            EventKind::AuditLogViewed => "kind-audit-log-viewed",
            EventKind::LogExported => "kind-log-exported",
            EventKind::CprRevealed => "kind-cpr-revealed",
            EventKind::ServiceStarted => "kind-service-started",
            EventKind::ServiceStopped => "kind-service-stopped",
            EventKind::ProviderChanged => "kind-provider-changed",
            EventKind::ApiToken => "kind-api-token",
            EventKind::RetentionRan => "kind-retention-ran",
            EventKind::LogVerified => "kind-log-verified",
            EventKind::CprKeyRotated => "kind-cpr-key-rotated",
            EventKind::AlertRaised => "kind-alert-raised",
            EventKind::LoginTested => "kind-login-tested",
        })
    }

    /// Sum and maximum of a chart by day, as text.
    pub fn days_in_all(&self, all: i64, most: i64) -> String {
        let (all, most) = (all.to_string(), most.to_string());
        text(self.language, "log-days", &[("all", TextValue::Word(&all)), ("most", TextValue::Word(&most))])
    }

    /// Name of an outcome.
    pub fn outcome(&self, outcome: AuditOutcome) -> String {
        self.t(match outcome {
            AuditOutcome::Started => "outcome-started",
            AuditOutcome::Succeeded => "outcome-succeeded",
            AuditOutcome::Refused => "outcome-refused",
            AuditOutcome::Failed => "outcome-failed",
            AuditOutcome::Unknown => "outcome-unknown",
        })
    }
}
