//! One password attempt on a controller, with a change of controller where the first cannot be reached.
//!
//! Invariants:
//! - A password that a controller may have counted is tried on another one only where the lockout guard allows it with
//!   that attempt counted.
//! - No attempt is made on a controller that knows the account with another password.

use crate::flow::{FlowError, account_lock};
use crate::{
    app::App,
    directory::{BindAnswer, BindFault, ControllerSession},
    model::{
        account::Account,
        credential::password::Password,
        rate_limit::lockout_guard::{Guard, Trier},
    },
};

/// Moves to the next controller, which reads the account again. False: the controller does not have the account, or has
/// it with another password, so that the right password would count as wrong there.
pub(crate) async fn moved(app: &App, pinned: &mut ControllerSession, account: &mut Account) -> Result<bool, FlowError> {
    let (fresh, there) = app.directory.account(account.guid).await?;
    let Some(fresh) = fresh.filter(|fresh| fresh.password.last_set_ticks == account.password.last_set_ticks) else { return Ok(false) };
    (*account, *pinned) = (fresh, there);
    Ok(true)
}

/// An attempt that was not made, or whose outcome is unknown.
#[derive(Debug)]
pub(crate) struct Lost {
    pub fault: FlowError,
    /// Whether a controller may have counted the attempt.
    pub may_count: bool,
}

/// Tries a login's password once, under the account lock. Where the controller cannot be reached, the next one is
/// asked.
pub(crate) async fn once(
    app: &App,
    pinned: &mut ControllerSession,
    account: &mut Account,
    password: &Password,
    by: Trier,
) -> Result<BindAnswer, Lost> {
    let failed = match pinned.bind(&account.dn, password).await {
        Ok(answer) => return Ok(answer),
        Err(failed) => failed,
    };
    let may_count = failed.may_count;
    if !failed.fault.is_the_controllers() {
        return Err(Lost { fault: failed.into(), may_count });
    }
    match guarded_elsewhere(app, pinned, account, &failed, by).await {
        Ok(Guard::Try) => {}
        Ok(Guard::Hold) => return Err(Lost { fault: failed.into(), may_count }),
        Err(fault) => return Err(Lost { fault, may_count }),
    }
    let again = pinned.bind(&account.dn, password).await;
    again.map_err(|lost| Lost { may_count: may_count || lost.may_count, fault: lost.into() })
}

/// Whether the password may be tried on the next controller, with the lost attempt counted.
async fn guarded_elsewhere(
    app: &App,
    pinned: &mut ControllerSession,
    account: &mut Account,
    failed: &BindFault,
    by: Trier,
) -> Result<Guard, FlowError> {
    let tried_on = pinned.name().to_owned();
    pinned.pass_over(&failed.fault);
    if !moved(app, pinned, account).await? || pinned.name() == tried_on {
        return Ok(Guard::Hold);
    }
    account_lock::guard_beyond(app, pinned, account, by, u32::from(failed.may_count)).await
}

/// Tries a password on a DN without an account. Takes as long as a wrong password of an account.
pub(crate) async fn on_nobody(app: &App, pinned: &ControllerSession, nobody: &str, password: &Password) -> Result<BindAnswer, Lost> {
    let lost = |failed: BindFault| Lost { may_count: failed.may_count, fault: failed.into() };
    let failed = match pinned.bind(nobody, password).await {
        Ok(answer) => return Ok(answer),
        Err(failed) => failed,
    };
    if !failed.fault.is_the_controllers() {
        return Err(lost(failed));
    }
    pinned.pass_over(&failed.fault);
    let next = app.directory.any().await.map_err(|fault| Lost { fault: fault.into(), may_count: failed.may_count })?;
    // Without another controller there is no second attempt, as for an account.
    if next.name() == pinned.name() {
        return Err(lost(failed));
    }
    next.bind(nobody, password).await.map_err(|again| Lost { may_count: failed.may_count || again.may_count, fault: again.into() })
}

/// Proves a password that AD has just set. A lost bind is repeated once: on a new connection, or on the open one where
/// the controller takes no new one.
pub(crate) async fn prove(pinned: &mut ControllerSession, account: &Account, new: &Password) -> Result<BindAnswer, BindFault> {
    let lost = match pinned.bind(&account.dn, new).await {
        Ok(answer) => return Ok(answer),
        Err(lost) => lost,
    };
    tracing::warn!(controller = pinned.name(), error = %lost, "proof of a new password lost; it is repeated once");
    if lost.may_count {
        return pinned.bind(&account.dn, new).await;
    }
    let proven = pinned.bind_in_place(&account.dn, new).await;
    pinned.pass_over(&lost.fault);
    proven
}
