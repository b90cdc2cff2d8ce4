//! Wrong passwords that count towards a lockout. Each controller has its own badPwdCount; the PDC emulator is informed by all, so its count
//! is the highest.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tracing::warn;

use crate::directory::{
    Connection, Controller, ControllerSession, Directory, DirectoryError, lookup::wrong_tries, password::bad_pwd_count,
    session::controller::ControllerSlot,
};
use crate::model::account::{Account, WrongTries};

/// Lifetime of the cached role owner, which rarely changes.
const FRESH: Duration = Duration::from_mins(10);

/// DN of the settings object of the PDC emulator.
pub(crate) type PdcCache = Mutex<Option<(Instant, String)>>;

impl Directory {
    /// The highest known count of wrong passwords: that of the session's controller, as just read, and that of the PDC emulator, if another
    /// configured controller has the role and answers. A failure to ask it is logged.
    pub async fn wrong_tries(&self, pinned: &mut ControllerSession, account: &Account) -> Result<WrongTries, DirectoryError> {
        let controller = pinned.controller.clone();
        let own = shown(&controller, pinned.connection(), account.wrong_tries, account).await?;
        let pdc = self.pdc(pinned).await?;
        if controller.root_dse(pinned.connection()).await?.settings_dn.eq_ignore_ascii_case(&pdc) {
            return Ok(own);
        }
        let known =
            |c: &&Arc<Controller>| c.is_up() && c.root_dse_if_known().is_none_or(|root| root.settings_dn.eq_ignore_ascii_case(&pdc));
        for other in self.controllers.iter().filter(|c| !Arc::ptr_eq(c, &controller)).filter(known) {
            // This wait can't deadlock: an operation with a slot on the PDC emulator needs none elsewhere.
            let place = other.place().await?;
            match tokio::time::timeout(self.timeout / 2, tries_on(other, place, &pdc, account)).await {
                Ok(Ok(Some(tries))) => {
                    return Ok(WrongTries { count: own.count.max(tries.count), last: own.last.max(tries.last) });
                }
                Ok(Ok(None)) => {}
                Ok(Err(fault)) if fault.is_the_controllers() => other.mark_down(&fault),
                Ok(Err(fault)) => warn!(controller = other.name(), error = %fault, "badPwdCount unreadable on this controller"),
                Err(_) => other.mark_down(&DirectoryError::TimedOut),
            }
        }
        warn!(controller = controller.name(), "the PDC emulator can't be asked; only this controller's badPwdCount is used");
        Ok(own)
    }

    /// DN of the PDC emulator's settings object: fSMORoleOwner of the domain (MS-ADTS 6.1.5.3).
    async fn pdc(&self, pinned: &mut ControllerSession) -> Result<String, DirectoryError> {
        let cached = self.pdc.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, dn)) = cached.filter(|(at, _)| at.elapsed() < FRESH) {
            return Ok(dn);
        }
        let entry = pinned.connection().read_object(&self.base_dn, "(objectClass=*)", &["fSMORoleOwner"]).await?;
        let dn = entry.as_ref().and_then(|e| e.text("fSMORoleOwner")).ok_or(DirectoryError::Unreadable("fSMORoleOwner"))?.to_owned();
        *self.pdc.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), dn.clone()));
        Ok(dn)
    }
}

/// A missing count is zero only if the service account may read it.
async fn shown(
    controller: &Controller,
    connection: &mut Connection,
    tries: WrongTries,
    account: &Account,
) -> Result<WrongTries, DirectoryError> {
    if tries.count != WrongTries::NOT_SHOWN {
        return Ok(tries);
    }
    if bad_pwd_count::counts(controller, connection, account).await? {
        Ok(WrongTries { count: 0, ..tries })
    } else {
        Err(DirectoryError::Unreadable("badPwdCount"))
    }
}

/// The count on another controller; `None` if it is not the PDC emulator or does not know the account.
async fn tries_on(
    controller: &Arc<Controller>,
    place: ControllerSlot,
    pdc: &str,
    account: &Account,
) -> Result<Option<WrongTries>, DirectoryError> {
    let mut pinned = controller.connect(place).await?;
    if !controller.root_dse(pinned.connection()).await?.settings_dn.eq_ignore_ascii_case(pdc) {
        return Ok(None);
    }
    let attributes = &["badPwdCount", "badPasswordTime"];
    let found = pinned.connection().read_object(&account.guid.as_dn(), "(objectClass=*)", attributes).await?;
    let Some(tries) = found.as_ref().map(wrong_tries) else { return Ok(None) };
    Ok(Some(shown(controller, pinned.connection(), tries, account).await?))
}
