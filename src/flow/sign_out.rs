//! The audit entry about a logout. The web layer ends the session, whether or not the entry can be written.

pub mod at_provider;

use super::{FlowError, RequestContext, actor_of, event_of};
use crate::{
    app::App,
    model::{
        audit::{AuditOutcome, EventKind},
        identity::Identity,
    },
};

/// Logs a logout.
pub async fn sign_out(app: &App, visit: &RequestContext, identity: &Identity) -> Result<(), FlowError> {
    let mut entry = event_of(visit, identity, app.clock.now(), EventKind::SignOut, AuditOutcome::Succeeded, "");
    entry.actor = actor_of(identity, None);
    entry.target = entry.actor.clone();
    app.audit.append(&entry).await?;
    Ok(())
}
