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
    model::identity::{Identity, provider::ProviderId},
};

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
