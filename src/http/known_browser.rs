//! The cookie of a browser that an account's owner has used. It proves nothing; it has tries of its own.

use axum_extra::extract::{
    CookieJar,
    cookie::{Cookie, SameSite},
};

use crate::{
    app::App,
    flow::{Visit, known_browser::after_login},
    model::{guid::ObjectGuid, known_browser::LIFE},
};

/// Stays when a login ends.
pub(super) const COOKIE: &str = "__Host-os2nykode-browser";

/// To be sent to a browser in which an account's owner has just proven to be themselves. Where that can't be done, it stays unknown.
pub(super) fn remember(app: &App, visit: &Visit, owner: Option<ObjectGuid>) -> CookieJar {
    let jar = CookieJar::new();
    let Some(owner) = owner else { return jar };
    match after_login(app, visit, owner) {
        Ok(sealed) => {
            let life = time::Duration::seconds(LIFE.as_secs());
            // Strict: every form that it is for is on a page of ours.
            jar.add(Cookie::build((COOKIE, sealed)).path("/").secure(true).http_only(true).same_site(SameSite::Strict).max_age(life))
        }
        Err(fault) => {
            tracing::warn!(error = %fault, "a browser could not be remembered");
            jar
        }
    }
}
