//! The way back after a login: the page that a visitor without a session asked for, and the login that the browser used last.
//!
//! Invariants:
//! - A way back is a GET page of ours, named by its path alone. No other origin can be written into it.
//! - No link carries it: the browser holds it in a cookie for a short time.
//! - It leads to no account but one of the login's own. On a shared computer, the next person does not land on the last one's account.
//! - The page that it leads to decides about access as if its address had been typed.

use axum::{
    http::{HeaderMap, Method, request::Parts},
    response::Redirect,
};
use axum_extra::extract::{
    CookieJar,
    cookie::{Cookie, SameSite},
};

use crate::model::ad::guid::ObjectGuid;

/// Holds the path of the page that was asked for.
const WAY_BACK: &str = "__Host-os2nykode-back";
/// Lifetime, seconds: time for a login with MitID and a forgotten phone.
const WAY_BACK_FOR: i64 = 15 * 60;
/// Holds the name of the login that was used last.
const LAST_LOGIN: &str = "__Host-os2nykode-login";
const LAST_LOGIN_FOR_DAYS: i64 = 365;
/// Name of the login with the AD password in [`LAST_LOGIN`]. Providers have their ids there, which hold no dot.
pub(crate) const AD_PASSWORD: &str = "ad.password";
/// Name of the login with a local account.
pub(crate) const LOCAL_ACCOUNT: &str = "local.account";

/// Longest path that is followed, bytes.
const LONGEST: usize = 200;
/// Pages that need a login, by the beginning of their path.
const PAGES: [&str; 3] = ["/accounts", "/delegation", "/audit"];
/// Ends of paths that have both a form (GET) and its submission (POST).
const FORMS: [&str; 2] = ["/password", "/code"];

/// Whether the path is one of ours: one slash and then plain characters, so that no browser reads a host into it.
pub(crate) fn is_local(path: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_');
    path.starts_with('/') && !path.contains("//") && path.len() <= LONGEST && path.chars().all(plain)
}

fn needs_login(path: &str) -> bool {
    is_local(path) && PAGES.iter().any(|page| path.strip_prefix(page).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// The cookie for the page that was asked for; an empty jar where there is no way back to it.
pub(crate) fn remember(parts: &Parts) -> CookieJar {
    let jar = CookieJar::new();
    let path = parts.uri.path();
    let has_page = match parts.method {
        Method::GET => true,
        Method::POST => path == "/audit" || FORMS.iter().any(|end| path.ends_with(end)),
        _ => false,
    };
    // A frame, an image or a script is no page that the visitor looks at.
    let is_shown = parts.headers.get("sec-fetch-dest").is_none_or(|kind| kind == "document");
    if !(has_page && is_shown && needs_login(path)) {
        return jar;
    }
    jar.add(cookie(WAY_BACK, path.to_owned(), time::Duration::seconds(WAY_BACK_FOR)))
}

/// The page that was asked for before the login. `owns`: whether an account is one of the login's own.
pub(crate) fn asked_before(cookies: &CookieJar, owns: impl Fn(ObjectGuid) -> bool) -> Option<String> {
    let path = cookies.get(WAY_BACK).map(Cookie::value).filter(|path| needs_login(path))?;
    let account = path.strip_prefix("/accounts").map(|rest| rest.split('/').nth(1).and_then(ObjectGuid::parse));
    account.is_none_or(|account| account.is_some_and(owns)).then(|| path.to_owned())
}

/// Redirects after a login: to the page that was asked for, or else to `otherwise`.
pub(crate) fn go(cookies: &CookieJar, owns: impl Fn(ObjectGuid) -> bool, otherwise: &str) -> (CookieJar, Redirect) {
    (forget(), Redirect::to(asked_before(cookies, owns).as_deref().unwrap_or(otherwise)))
}

/// Removes the way back.
pub(crate) fn forget() -> CookieJar {
    CookieJar::new().add(cookie(WAY_BACK, String::new(), time::Duration::ZERO))
}

/// Adds the login that was used to the cookies.
pub(crate) fn used(cookies: CookieJar, login: &str) -> CookieJar {
    cookies.add(cookie(LAST_LOGIN, login.to_owned(), time::Duration::days(LAST_LOGIN_FOR_DAYS)))
}

/// The login that the browser used last. Only the browser's owner can change it, to another order of their own front page.
pub(crate) fn last_login(headers: &HeaderMap) -> Option<String> {
    CookieJar::from_headers(headers).get(LAST_LOGIN).map(|cookie| cookie.value().to_owned())
}

/// Lax: a provider's answer comes from another site, and the page after it reads the cookie.
fn cookie(name: &'static str, value: String, life: time::Duration) -> Cookie<'static> {
    Cookie::build((name, value)).path("/").secure(true).http_only(true).same_site(SameSite::Lax).max_age(life).build()
}

#[cfg(test)]
mod tests {
    use axum::http::{Request, header};
    use axum::response::IntoResponse as _;

    use super::*;

    const OWN: &str = "03020100-0504-0706-0809-0a0b0c0d0e0f";

    fn parts(method: &str, uri: &str, kind: Option<&str>) -> Parts {
        let request = Request::builder().method(method).uri(uri);
        let request = kind.into_iter().fold(request, |request, kind| request.header("sec-fetch-dest", kind));
        request.body(()).expect("a request").into_parts().0
    }

    fn remembered(method: &str, uri: &str, kind: Option<&str>) -> Option<String> {
        remember(&parts(method, uri, kind)).get(WAY_BACK).map(|cookie| cookie.value().to_owned())
    }

    fn led_to(value: &str) -> String {
        let jar = CookieJar::new().add(Cookie::new(WAY_BACK, value.to_owned()));
        let (gone, redirect) = go(&jar, |account| Some(account) == ObjectGuid::parse(OWN), "/otherwise");
        assert_eq!(gone.get(WAY_BACK).map(Cookie::value), Some(""), "a way back is good for one login");
        redirect.into_response().headers()[header::LOCATION].to_str().expect("text").to_owned()
    }

    #[test]
    fn the_way_back_never_leads_to_another_host() {
        for path in ["/login", "/accounts/03020100-0504-0706-0809-0a0b0c0d0e0f/password", "/"] {
            assert!(is_local(path), "{path}");
        }
        let hostile = [
            "//evil.dk",
            "/\\evil.dk",
            "/\\/evil.dk",
            "https://evil.dk",
            "/a?b",
            "/%2f/evil.dk",
            "/\t/evil.dk",
            "",
            "evil.dk",
            "/a//evil.dk",
            "/%5cevil.dk",
            "/@evil.dk",
            "/a:b",
            "/a#b",
            "/..//evil.dk",
            "/æ",
        ];
        for path in hostile {
            assert!(!is_local(path), "{path:?}");
            assert_eq!(led_to(path), "/otherwise", "{path:?}");
        }
        assert!(!is_local(&format!("/{}", "a".repeat(LONGEST))));
    }

    #[test]
    fn only_a_page_that_needs_a_login_is_remembered_and_only_where_it_was_looked_at() {
        let own = format!("/accounts/{OWN}/password");
        for (method, uri, kind, kept) in [
            ("GET", own.as_str(), Some("document"), true),
            ("GET", "/delegation/group/S-1-5-21-1-2-3-1105?page=2", None, true),
            ("GET", "/audit", None, true),
            ("POST", own.as_str(), Some("document"), true),
            ("POST", "/delegation/group/S-1-5-21-1-2-3-1105/slips", None, false),
            ("POST", "/logout", None, false),
            ("HEAD", "/audit", None, false),
            ("GET", "/audit", Some("iframe"), false),
            ("GET", "/audit", Some("image"), false),
            ("POST", "/delegation/group/S-1-5-21-1-2-3-1105", Some("empty"), false),
            ("GET", "/login", None, false),
            ("GET", "/logout", None, false),
            ("GET", "/auditor", None, false),
            ("GET", "/account", None, false),
        ] {
            assert_eq!(remembered(method, uri, kind).is_some(), kept, "{method} {uri} {kind:?}");
        }
        assert_eq!(remembered("GET", "/delegation/group/S-1-5?x=//evil.dk", None).as_deref(), Some("/delegation/group/S-1-5"));
    }

    #[test]
    fn the_next_person_at_the_computer_does_not_land_on_the_last_ones_account() {
        let own = format!("/accounts/{OWN}/password");
        assert_eq!(led_to(&own), own);
        for path in ["/accounts/13020100-0504-0706-0809-0a0b0c0d0e0f/password", "/accounts", "/accounts/x", "/login", "/account"] {
            assert_eq!(led_to(path), "/otherwise", "{path}");
        }
        assert_eq!(led_to("/delegation"), "/delegation");
    }
}
