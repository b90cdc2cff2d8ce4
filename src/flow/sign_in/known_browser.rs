//! Known browsers: browsers that account owners have used, and the rate limits that attempts from them count on
//! (`docs/decisions/0018`).

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use crate::flow::{FlowError, RequestContext};
use crate::{
    app::App,
    model::{
        ad::guid::ObjectGuid,
        identity::{Identity, Proof},
        rate_limit::{delay::DelayLimits, known_browser::KnownBrowser},
    },
    store::rate_limit::ThrottleKey,
};

/// Purpose of the cookie's seal.
const SEAL: &str = "known browser";

/// Opens the cookie's content. `None`: there is none, or its seal is not ours.
pub fn open(app: &App, sealed: &str) -> Option<Arc<KnownBrowser>> {
    serde_json::from_slice(&app.keys.open(SEAL, sealed)?).ok()
}

/// The cookie's new content after the account's owner has logged in.
pub fn after_login(app: &App, visit: &RequestContext, owner: ObjectGuid) -> Result<String, FlowError> {
    let id = Uuid::from_bytes(app.keys.random()?);
    let known = KnownBrowser::after_login(visit.browser.as_deref(), id, owner, app.clock.now());
    let text = serde_json::to_vec(&known).map_err(|_| FlowError::Crashed)?;
    Ok(app.keys.seal(SEAL, &text)?)
}

/// Owner of the browser after a login with an own password; `None` for other logins.
pub fn owner(app: &App, identity: &Identity) -> Option<ObjectGuid> {
    match &identity.proof {
        Proof::AdPassword { account, .. } => Some((*account).into()),
        Proof::Local { id, stamp, .. } => Some(staff_owner(app, *id, *stamp)),
        Proof::Code { .. } | Proof::Provider(_) => None,
    }
}

/// A local account as a browser's owner. New credentials give a new id.
pub(crate) fn staff_owner(app: &App, id: Uuid, stamp: Uuid) -> ObjectGuid {
    app.keys.pseudonym(format!("staff {id} {stamp}").as_bytes()).into()
}

/// The browser, if the account's owner has used it since the account got its current password.
pub(crate) fn known(visit: &RequestContext, owner: ObjectGuid, password_set: Option<Timestamp>, now: Timestamp) -> Option<&KnownBrowser> {
    visit.browser.as_deref().filter(|browser| browser.vouches_for(owner, password_set, now))
}

/// Keys that an attempt counts on before its account is known: the name and the network, or the browser where an owner
/// has used it.
pub(crate) fn first_charges(app: &App, visit: &RequestContext, name: (ThrottleKey, DelayLimits)) -> Vec<(ThrottleKey, DelayLimits)> {
    match &visit.browser {
        Some(browser) => vec![(ThrottleKey::browser(browser.id), app.config.rate_limit.address)],
        None => strangers_charges(app, visit, name),
    }
}

/// Keys of a stranger's attempt: the network and the name.
pub(crate) fn strangers_charges(app: &App, visit: &RequestContext, name: (ThrottleKey, DelayLimits)) -> Vec<(ThrottleKey, DelayLimits)> {
    let mut charges = ThrottleKey::address(visit.client, app.config.rate_limit.address);
    charges.push(name);
    charges
}

/// Key of an owner's attempt in a known browser. No other person can add to its count.
pub(crate) fn owners_charge(app: &App, browser: &KnownBrowser, owner: ObjectGuid) -> [(ThrottleKey, DelayLimits); 1] {
    [(ThrottleKey::account_in_browser(owner, browser.id), app.config.rate_limit.name)]
}
