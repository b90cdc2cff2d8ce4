//! Logging out: the entry in the log. The session itself ends in the web layer, whatever becomes of the entry.

use super::{Fault, Visit, actor_of, event_of};
use crate::{
    app::App,
    model::{
        audit::{AuditOutcome, EventKind},
        identity::Identity,
    },
};

/// Logs that the person has logged out.
pub async fn sign_out(app: &App, visit: &Visit, identity: &Identity) -> Result<(), Fault> {
    let mut entry = event_of(visit, identity, app.clock.now(), EventKind::SignOut, AuditOutcome::Succeeded, "");
    entry.actor = actor_of(identity, None);
    entry.target = entry.actor.clone();
    app.audit.append(&entry).await?;
    Ok(())
}
