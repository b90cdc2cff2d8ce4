//! A test of a login: an auditor logs in at a provider and sees, claim by claim, what counted and what was ignored.
//!
//! Invariants: only who may read all of the audit log begins a test, and sees what came of it; a test logs nobody in, opens no account and touches no session;
//! it is an ordinary login in everything else, and every one is in the audit log.

use crate::flow::{
    audit::read::{LogView, auditor},
    sign_in::provider::{LoginBegun, begin_for},
};
use crate::{
    app::App,
    config::Language,
    identity::shown::Line,
    model::identity::{Identity, level::AssuranceLevel, provider::ProviderId},
};

/// What came of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The provider that was asked.
    pub provider: ProviderId,
    /// Would a login have been taken?
    pub verdict: Verdict,
    /// The level, where the answer was signed rightly.
    pub level: Option<AssuranceLevel>,
    /// What was said; nothing before the signature was right.
    pub lines: Vec<Line>,
}

/// Would a login have been taken?
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Accepted {
        /// To so many accounts it leads.
        accounts: usize,
    },
    /// No.
    Refused {
        /// The word in the audit log.
        reason: &'static str,
        /// The claim or field that decided; empty where it is none alone.
        field: String,
        /// The check that it failed; empty where there is none to tell.
        check: &'static str,
    },
}

/// May they test logins?
pub async fn may(app: &App, identity: &Identity) -> LogView<()> {
    Ok(auditor(app, identity).await?.map(|_party| ()))
}

/// The providers whose logins can be tested.
pub fn testable(app: &App) -> impl Iterator<Item = &ProviderId> {
    app.config.providers().map(|provider| &provider.id)
}

/// Begins a test at a provider.
pub async fn begin(app: &App, identity: &Identity, provider: &str, language: Language) -> LogView<LoginBegun> {
    if let Err(denial) = may(app, identity).await? {
        return Ok(Err(denial));
    }
    Ok(Ok(begin_for(app, provider, false, language, Some(identity)).await?))
}
