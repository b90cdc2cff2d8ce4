//! What the browser keeps for us, sealed, while a login or logout is under way at a provider.

use axum_extra::extract::{
    CookieJar,
    cookie::{Cookie, SameSite},
};

/// The beginning of the cookie's name: one cookie for each, so that two tabs do not undo one another.
const KEPT: &str = "__Host-os2nykode-at-";
/// So many at most: more would make the headers too large.
const KEPT_AT_MOST: usize = 5;
/// Seconds.
const KEPT_FOR: i64 = 15 * 60;

/// Keeps it in the browser. SameSite=None: the provider's answer is a form of another site. Older ones go when there are too many.
pub(super) fn keep(cookies: CookieJar, relay: &str, sealed: String) -> CookieJar {
    let old: Vec<_> = cookies.iter().map(|cookie| cookie.name().to_owned()).filter(|name| name.starts_with(KEPT)).collect();
    let cookies = if old.len() >= KEPT_AT_MOST { old.into_iter().fold(cookies, |cookies, name| cookies.add(ended(name))) } else { cookies };
    let cookie = Cookie::build((format!("{KEPT}{relay}"), sealed)).path("/").secure(true).http_only(true).same_site(SameSite::None);
    cookies.add(cookie.max_age(time::Duration::seconds(KEPT_FOR)))
}

fn ended(name: String) -> Cookie<'static> {
    Cookie::build((name, "")).path("/").secure(true).http_only(true).same_site(SameSite::None).max_age(time::Duration::ZERO).build()
}

/// What the browser has kept under a RelayState or `state`.
pub(super) fn kept(cookies: &CookieJar, relay: &str) -> Option<String> {
    cookies.get(&format!("{KEPT}{relay}")).map(|cookie| cookie.value().to_owned())
}

/// Takes it away again.
pub(super) fn gone(relay: &str) -> CookieJar {
    CookieJar::new().add(ended(format!("{KEPT}{relay}")))
}
