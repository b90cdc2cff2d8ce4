//! The report of a test of a login.

use crate::{
    identity::shown::Line,
    model::identity::{level::AssuranceLevel, provider::ProviderId},
};

/// The result of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginReport {
    pub provider: ProviderId,
    /// Whether the login would have been accepted.
    pub verdict: Verdict,
    /// `None` where the signature is invalid.
    pub level: Option<AssuranceLevel>,
    /// Received values; empty where the signature is invalid.
    pub lines: Vec<Line>,
}

/// Whether the login would have been accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Accepted {
        /// Number of linked accounts.
        accounts: usize,
    },
    Refused {
        /// Reason code in the audit log.
        reason: &'static str,
        /// The deciding claim or field; empty if no single one decided.
        field: String,
        /// The check that it failed; may be empty.
        check: &'static str,
    },
}
