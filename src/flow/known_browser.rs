//! Browsers that owners have used: how they are recognised, and whose tries count where. `docs/decisions/0018` says why.

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::{Fault, Visit};
use crate::{
    app::App,
    model::{
        guid::ObjectGuid,
        identity::{Identity, Proof},
        known_browser::KnownBrowser,
        throttle::Limits,
    },
    store::throttle::ThrottleKey,
};

/// What the cookie's seal is bound to.
const SEAL: &str = "known browser";

/// Reads what a browser has kept. `None`: nothing, or nothing of ours.
pub fn open(app: &App, sealed: &str) -> Option<Arc<KnownBrowser>> {
    serde_json::from_slice(&app.keys.open(SEAL, sealed)?).ok()
}

/// What the browser keeps from now on: the account's owner has just proven to be at it.
pub fn after_login(app: &App, visit: &Visit, owner: ObjectGuid) -> Result<String, Fault> {
    let id = Uuid::from_bytes(app.keys.random()?);
    let known = KnownBrowser::after_login(visit.browser.as_deref(), id, owner, app.clock.now());
    let text = serde_json::to_vec(&known).map_err(|_| Fault::Crashed)?;
    Ok(app.keys.seal(SEAL, &text)?)
}

/// Whose browser it is by a login with a password of theirs; `None` for other logins.
pub fn owner(app: &App, identity: &Identity) -> Option<ObjectGuid> {
    match &identity.proof {
        Proof::AdPassword { account, .. } => Some((*account).into()),
        Proof::Local { id, stamp, .. } => Some(staff_owner(app, *id, *stamp)),
        Proof::Code { .. } | Proof::Provider(_) => None,
    }
}

/// A local staff account as a browser's owner: another one as soon as it has other credentials.
pub(super) fn staff_owner(app: &App, id: Uuid, stamp: Uuid) -> ObjectGuid {
    app.keys.pseudonym(format!("staff {id} {stamp}").as_bytes()).into()
}

/// The browser, if the account's owner has used it since the account has its password.
pub(super) fn known(visit: &Visit, owner: ObjectGuid, password_set: Option<Timestamp>, now: Timestamp) -> Option<&KnownBrowser> {
    visit.browser.as_deref().filter(|browser| browser.vouches_for(owner, password_set, now))
}

/// What a try is counted on before it is known whose account the name is: on the name and the network; in a browser that somebody has used, on that.
pub(super) fn first_charges(app: &App, visit: &Visit, name: (ThrottleKey, Limits)) -> Vec<(ThrottleKey, Limits)> {
    match &visit.browser {
        Some(browser) => vec![(ThrottleKey::browser(browser.id), app.config.throttle.address)],
        None => strangers_charges(app, visit, name),
    }
}

/// What a stranger's try is counted on.
pub(super) fn strangers_charges(app: &App, visit: &Visit, name: (ThrottleKey, Limits)) -> Vec<(ThrottleKey, Limits)> {
    let mut charges = ThrottleKey::address(visit.client, app.config.throttle.address);
    charges.push(name);
    charges
}

/// What an owner's try is counted on in a known browser: nobody else can add to it.
pub(super) fn owners_charge(app: &App, browser: &KnownBrowser, owner: ObjectGuid) -> [(ThrottleKey, Limits); 1] {
    [(ThrottleKey::account_in_browser(owner, browser.id), app.config.throttle.name)]
}
