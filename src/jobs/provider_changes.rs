//! Audit entries about changes of a provider's metadata: with a provider's keys, an attacker can log in as any person.

use crate::flow::{FlowError, service_event::service_event};
use crate::{
    app::App,
    audit::search::Search,
    model::{
        audit::{AuditOutcome, EventKind},
        identity::provider::ProviderId,
    },
};

/// Logs the fingerprint, unless the provider's last entry has the same one.
pub async fn note_if_new(app: &App, provider: &ProviderId, fingerprint: String) -> Result<(), FlowError> {
    let kind = EventKind::ProviderChanged;
    let search = Search { kind: Some(kind.code().to_owned()), provider: Some(provider.to_string()), ..Search::default() };
    let known = app.audit.search(&search, None).await?.ok().and_then(|hits| hits.entries.into_iter().next());
    if known.as_ref().is_some_and(|entry| entry.event.note.as_ref() == Some(&fingerprint)) {
        return Ok(());
    }
    let reason = if known.is_some() { "changed" } else { "first_seen" };
    let mut entry = service_event(app, kind, AuditOutcome::Succeeded, reason, Some(fingerprint))?;
    entry.provider = Some(provider.clone());
    app.audit.append(&entry).await?;
    Ok(())
}
