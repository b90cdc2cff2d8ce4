//! Logging out: the entry in the log. The session itself ends in the web layer, whatever becomes of the entry.

use super::{Fault, Visit, actor_of, by, event};
use crate::{
    app::App,
    model::{
        audit::{AuditOutcome, EventKind},
        identity::Identity,
    },
};

/// Logs that the person has logged out.
pub async fn sign_out(app: &App, visit: &Visit, identity: &Identity) -> Result<(), Fault> {
    let mut entry = by(event(visit, app.clock.now(), EventKind::SignOut, AuditOutcome::Succeeded, ""), identity);
    entry.actor = actor_of(identity, None);
    entry.target = entry.actor.clone();
    app.audit.append(&entry).await?;
    Ok(())
}
