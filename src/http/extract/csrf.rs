//! Binding of CSRF tokens to a browser.

use axum_extra::extract::CookieJar;
use tower_sessions::Session;

/// Binds the CSRF token of a form to the browser before there is a session.
pub(crate) const VISIT_COOKIE: &str = "__Host-os2nykode-visit";

/// The value that a form's token is bound to: the session, or the visit cookie before there is one.
///
/// They differ, so that a token from before a login is invalid after it.
pub(crate) fn binding(session: &Session, cookies: &CookieJar) -> Option<String> {
    match session.id() {
        Some(id) => Some(format!("session {id}")),
        None => cookies.get(VISIT_COOKIE).map(|cookie| format!("visit {}", cookie.value())),
    }
}
