//! What somebody tries on accounts without a right to: told in the log, but not more often than failures may be, and slowed down before it costs AD anything.
//!
//! Invariant: whoever has tried too many accounts that are none of theirs waits alone; nobody at the same address does.

use super::{Standing, standing, standing::person};
use crate::{
    app::App,
    flow::{Fault, Visit},
    model::{audit::AuditEvent, authority::Denial, identity::Identity},
    store::throttle::{Charge, ThrottleKey},
};

/// Who acts and by which rules, unless they have to wait.
pub(in crate::flow) async fn admitted(app: &App, identity: &Identity) -> Result<Result<Standing, Denial>, Fault> {
    let key = ThrottleKey::stranger(person(app, identity).guid);
    match app.throttles.wait(&key, app.config.throttle.address, app.clock.now()).await? {
        Some(until) => Ok(Err(Denial::TooOften(until))),
        None => Ok(Ok(standing(app, identity).await?)),
    }
}

/// Counts a denial that says that nothing there is theirs. Gives it back.
pub(in crate::flow) async fn counted(app: &App, identity: &Identity, denial: Denial) -> Result<Denial, Fault> {
    match denial {
        Denial::NoRelation | Denial::Barred => {}
        Denial::Unreadable
        | Denial::NotUsable
        | Denial::ClosedToOthers
        | Denial::Protected
        | Denial::MasterAdmin
        | Denial::PasswordAdmin
        | Denial::Helper
        | Denial::Auditor
        | Denial::Teacher
        | Denial::TooWeak(_)
        | Denial::LoginTooOld
        | Denial::NotThisAction
        | Denial::TooOften(_) => return Ok(denial),
    }
    let key = ThrottleKey::stranger(person(app, identity).guid);
    // Many at once are counted as far as there is anything left to count.
    let _: Charge = app.throttles.charge(&[(key, app.config.throttle.address)], app.clock.now()).await?;
    Ok(denial)
}

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
