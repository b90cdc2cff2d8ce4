//! The log of what somebody tried on an account without a right to: told, but not more often than failures may be, or anybody who is logged in could fill it.

use crate::{
    app::App,
    flow::{Fault, Visit},
    model::audit::AuditEvent,
    store::throttle::{Charge, ThrottleKey},
};

/// Logs it. From an address that has tried too often, only the first word of each wait.
pub(in crate::flow) async fn log_denied(app: &App, visit: &Visit, entry: &AuditEvent) -> Result<(), Fault> {
    let charges = [(ThrottleKey::denied(visit.client), app.config.throttle.address)];
    let told = match app.throttles.charge(&charges, app.clock.now()).await? {
        Charge::Taken(_) => true,
        Charge::Wait(until) => app.waits.first_word(visit.client, until),
    };
    if told {
        app.audit.append(entry).await?;
    }
    Ok(())
}
