//! Sealed cookies that hold a login or logout in progress at a provider.

use axum_extra::extract::{
    CookieJar,
    cookie::{Cookie, SameSite},
};
use jiff::Timestamp;

/// Prefix of the cookie's name. Each login has a cookie of its own, so that two tabs do not disturb each other.
const KEPT: &str = "__Host-os2nykode-at-";
/// Maximum number of these cookies in a browser; more would make the request headers too large.
const KEPT_AT_MOST: usize = 5;
/// Lifetime, seconds.
const KEPT_FOR: i64 = 15 * 60;

/// Adds a cookie for `relay` and removes the oldest ones beyond [`KEPT_AT_MOST`].
///
/// `SameSite=None`: the provider's answer is a cross-site form. Each value starts with its time in milliseconds. The time is not sealed:
/// only the browser's owner can change it, to their own loss.
pub(crate) fn keep(cookies: CookieJar, relay: &str, sealed: &str, now: Timestamp) -> CookieJar {
    let kept_at = |cookie: &Cookie<'_>| cookie.value().split_once('.').and_then(|(at, _)| at.parse::<i64>().ok()).unwrap_or_default();
    let there = cookies.iter().filter(|cookie| cookie.name().starts_with(KEPT));
    let mut there: Vec<_> = there.map(|cookie| (kept_at(cookie), cookie.name().to_owned())).collect();
    there.sort_unstable();
    let too_many = (there.len() + 1).saturating_sub(KEPT_AT_MOST);
    let cookies = there.into_iter().take(too_many).fold(cookies, |cookies, (_, name)| cookies.add(ended(name)));
    let value = format!("{}.{sealed}", now.as_millisecond());
    let cookie = Cookie::build((format!("{KEPT}{relay}"), value)).path("/").secure(true).http_only(true).same_site(SameSite::None);
    cookies.add(cookie.max_age(time::Duration::seconds(KEPT_FOR)))
}

fn ended(name: String) -> Cookie<'static> {
    Cookie::build((name, "")).path("/").secure(true).http_only(true).same_site(SameSite::None).max_age(time::Duration::ZERO).build()
}

/// The sealed value for a RelayState or `state`.
pub(crate) fn kept(cookies: &CookieJar, relay: &str) -> Option<String> {
    let value = cookies.get(&format!("{KEPT}{relay}"))?.value().to_owned();
    value.split_once('.').map(|(_, sealed)| sealed.to_owned())
}

/// Whether the browser has any of these cookies, valid or not.
pub(crate) fn any(cookies: &CookieJar) -> bool {
    cookies.iter().any(|cookie| cookie.name().starts_with(KEPT))
}

/// Removes the cookie.
pub(crate) fn gone(relay: &str) -> CookieJar {
    CookieJar::new().add(ended(format!("{KEPT}{relay}")))
}

#[cfg(test)]
mod tests {
    use crate::http::extract::sealed_cookie::*;

    #[test]
    fn a_sixth_login_under_way_ends_the_oldest_and_no_other() {
        let at = |second: i64| Timestamp::from_second(second).expect("a time");
        let mut jar = CookieJar::new();
        // The order of times differs from the order of names.
        for (relay, second) in [("_c", 3), ("_a", 1), ("_e", 5), ("_b", 2), ("_d", 4)] {
            jar = keep(jar, relay, &format!("sealed.{relay}"), at(second));
        }
        jar = keep(jar, "_0", "sealed", at(6));
        let value = |relay: &str| kept(&jar, relay).filter(|value| !value.is_empty());
        assert_eq!(value("_a"), None);
        for relay in ["_b", "_c", "_d", "_e"] {
            assert_eq!(value(relay), Some(format!("sealed.{relay}")), "{relay}");
        }
        assert_eq!(value("_0").as_deref(), Some("sealed"));
    }
}
