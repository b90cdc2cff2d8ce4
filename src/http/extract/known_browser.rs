//! Cookie of a known browser: one that an account's owner has logged in with. It proves nothing; it has a rate limit of its own.

use axum_extra::extract::{
    CookieJar,
    cookie::{Cookie, SameSite},
};

use crate::{
    app::App,
    flow::{RequestContext, sign_in::known_browser::after_login},
    model::{ad::guid::ObjectGuid, rate_limit::known_browser::LIFE},
};

/// The cookie outlives the session.
pub(crate) const COOKIE: &str = "__Host-os2nykode-browser";

/// The cookie that marks the browser after a login by `owner`. On an error it is empty, and the browser stays unknown.
pub(crate) fn remember(app: &App, visit: &RequestContext, owner: Option<ObjectGuid>) -> CookieJar {
    let jar = CookieJar::new();
    let Some(owner) = owner else { return jar };
    match after_login(app, visit, owner) {
        Ok(sealed) => {
            let life = time::Duration::seconds(LIFE.as_secs());
            // Strict: all forms that use it are on our own pages.
            jar.add(Cookie::build((COOKIE, sealed)).path("/").secure(true).http_only(true).same_site(SameSite::Strict).max_age(life))
        }
        Err(fault) => {
            tracing::warn!(error = %fault, "known-browser cookie not set");
            jar
        }
    }
}
