//! Where wrong tries are counted: every controller counts its own, and the PDC emulator is told of all of them, so its count is the highest.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tracing::warn;

use super::{Connection, Controller, Directory, Fault, Pinned, controller::Place, lookup::wrong_tries, readable};
use crate::model::account::{Account, WrongTries};

/// The role moves seldom.
const FRESH: Duration = Duration::from_mins(10);

/// DN of the settings object of the controller that has the PDC emulator's role.
pub(super) type PdcCache = Mutex<Option<(Instant, String)>>;

impl Directory {
    /// The account's wrong tries, the highest count that can be had: the pinned controller's as just read, and the PDC emulator's where it is
    /// another configured controller that answers. Where it is not, the log says so.
    pub async fn wrong_tries(&self, pinned: &mut Pinned, account: &Account) -> Result<WrongTries, Fault> {
        let controller = pinned.controller.clone();
        let own = shown(&controller, pinned.connection(), account.wrong_tries, account).await?;
        let pdc = self.pdc(pinned).await?;
        if controller.root_dse(pinned.connection()).await?.settings_dn.eq_ignore_ascii_case(&pdc) {
            return Ok(own);
        }
        let known =
            |c: &&Arc<Controller>| c.is_up() && c.root_dse_if_known().is_none_or(|root| root.settings_dn.eq_ignore_ascii_case(&pdc));
        for other in self.controllers.iter().filter(|c| !Arc::ptr_eq(c, &controller)).filter(known) {
            // Waiting ends: who has a place at the PDC emulator needs none elsewhere.
            let place = other.place().await?;
            match tokio::time::timeout(self.timeout / 2, tries_on(other, place, &pdc, account)).await {
                Ok(Ok(Some(tries))) => {
                    return Ok(WrongTries { count: own.count.max(tries.count), last: own.last.max(tries.last) });
                }
                Ok(Ok(None)) => {}
                Ok(Err(fault)) if fault.is_the_controllers() => other.mark_down(&fault),
                Ok(Err(fault)) => warn!(controller = other.name(), error = %fault, "wrong tries can't be read there"),
                Err(_) => other.mark_down(&Fault::TimedOut),
            }
        }
        warn!(controller = controller.name(), "the PDC emulator can't be asked: wrong tries are counted as this controller knows them");
        Ok(own)
    }

    /// The PDC emulator, by the DN of its settings object (fSMORoleOwner of the domain, MS-ADTS 6.1.5.3).
    async fn pdc(&self, pinned: &mut Pinned) -> Result<String, Fault> {
        let cached = self.pdc.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, dn)) = cached.filter(|(at, _)| at.elapsed() < FRESH) {
            return Ok(dn);
        }
        let entry = pinned.connection().read_object(&self.base_dn, "(objectClass=*)", &["fSMORoleOwner"]).await?;
        let dn = entry.as_ref().and_then(|e| e.text("fSMORoleOwner")).ok_or(Fault::Unreadable("fSMORoleOwner"))?.to_owned();
        *self.pdc.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), dn.clone()));
        Ok(dn)
    }
}

/// A count that isn't there is zero only where it could be read.
async fn shown(controller: &Controller, connection: &mut Connection, tries: WrongTries, account: &Account) -> Result<WrongTries, Fault> {
    if tries.count != WrongTries::NOT_SHOWN {
        return Ok(tries);
    }
    if readable::counts(controller, connection, account).await? {
        Ok(WrongTries { count: 0, ..tries })
    } else {
        Err(Fault::Unreadable("badPwdCount"))
    }
}

/// The count on another controller, if that is the PDC emulator and knows the account.
async fn tries_on(controller: &Arc<Controller>, place: Place, pdc: &str, account: &Account) -> Result<Option<WrongTries>, Fault> {
    let mut pinned = controller.connect(place).await?;
    if !controller.root_dse(pinned.connection()).await?.settings_dn.eq_ignore_ascii_case(pdc) {
        return Ok(None);
    }
    let attributes = &["badPwdCount", "badPasswordTime"];
    let found = pinned.connection().read_object(&account.guid.as_dn(), "(objectClass=*)", attributes).await?;
    let Some(tries) = found.as_ref().map(wrong_tries) else { return Ok(None) };
    Ok(Some(shown(controller, pinned.connection(), tries, account).await?))
}
