//! Audit entries of the service itself.

use uuid::Uuid;

use crate::{
    app::App,
    flow::{FlowError, RequestContext, event},
    model::audit::{AuditEvent, AuditOutcome, EventKind},
};

/// An audit entry of the service itself.
pub fn service_event(
    app: &App,
    kind: EventKind,
    outcome: AuditOutcome,
    reason: &str,
    note: Option<String>,
) -> Result<AuditEvent, FlowError> {
    let visit = RequestContext {
        id: Uuid::from_bytes(app.keys.random()?),
        client: std::net::Ipv4Addr::UNSPECIFIED.into(),
        user_agent: None,
        browser: None,
    };
    Ok(AuditEvent { client: None, note, ..event(&visit, app.clock.now(), kind, outcome, reason) })
}

/// Appends an audit entry of the service itself. A failure goes to the service log.
pub async fn record(app: &App, kind: EventKind, outcome: AuditOutcome, reason: &str, note: Option<String>) {
    let written = match service_event(app, kind, outcome, reason, note) {
        Ok(entry) => app.audit.append(&entry).await.map(drop).map_err(FlowError::from),
        Err(fault) => Err(fault),
    };
    if let Err(fault) = written {
        tracing::error!(error = %fault, kind = kind.code(), "service event could not be written to the audit log");
    }
}
