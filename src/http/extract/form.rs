//! Forms: accepted from our own pages, with their CSRF token, in UTF-8 and within a size.
//!
//! Invariant: handlers read a form only through [`Form`], which checks the token first.

use std::sync::Arc;

use axum::{
    extract::{FromRequest, FromRequestParts, Request, State},
    http::{HeaderMap, Method, StatusCode, Uri, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use axum_extra::extract::CookieJar;
use serde::{Deserialize, de::DeserializeOwned};
use tower_sessions::Session;

use crate::app::App;
use crate::http::{
    extract::csrf::binding,
    middleware::limits::arrival::{FROM_PROVIDERS, LARGEST_BODY, whole},
    page::failure::PageError,
};

/// Pages below these paths are logged under the actor's name, and viewing them may count against the actor's rate limit.
///
/// A link, frame or image of another site could abuse that. Such a request is redirected to the start page of the group, which is neither
/// logged nor counted.
const WATCHED: [&str; 2] = ["/delegation", "/audit"];

/// Whether a GET came from one of our pages or from the address bar, by Fetch Metadata.
///
/// Another subdomain of the same site does not count as ours. Browsers without Fetch Metadata (Safari before 16.4) are judged by Referer;
/// without either header the answer is no.
pub(crate) fn asked_from_here(headers: &HeaderMap, uri: &Uri, public_url: &str) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    let Some(referrer) = headers.get(header::REFERER).and_then(|referrer| referrer.to_str().ok()) else { return false };
    let Some((scheme, rest)) = referrer.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    is_ours(&format!("{scheme}://{authority}"), headers, uri, public_url)
}

/// Refuses a form that another site sent, by Fetch Metadata, or by Origin for browsers without it.
///
/// A request with neither header, such as one of a program, passes here and depends on its CSRF token.
pub(crate) async fn same_site_only(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    // A provider's answer is a cross-site form by design. It is checked by its signature and by the cookie of the login that it answers.
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
        || FROM_PROVIDERS.iter().any(|start| request.uri().path().starts_with(start));
    let watched = WATCHED.iter().find(|start| request.uri().path().strip_prefix(**start).is_some_and(|rest| rest.starts_with('/')));
    if let Some(start) = watched.filter(|_| safe && !asked_from_here(request.headers(), request.uri(), &app.config.server.public_url)) {
        return Redirect::to(start).into_response();
    }
    let ours = safe || from_here(request.headers(), request.uri(), &app.config.server.public_url);
    if ours { next.run(request).await } else { StatusCode::FORBIDDEN.into_response() }
}

/// Whether one of our pages sent the form.
///
/// Origin is compared with the configured address, because a proxy may rewrite Host, and with the requested host, which in HTTP/2 is the
/// request's authority and no header.
fn from_here(headers: &HeaderMap, uri: &Uri, public_url: &str) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    is_ours(origin, headers, uri, public_url)
}

fn is_ours(origin: &str, headers: &HeaderMap, uri: &Uri, public_url: &str) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).or_else(|| uri.authority().map(Authority::as_str));
    let asked = |host: &str| origin.split_once("://").is_some_and(|(_, authority)| authority == host);
    origin == public_url || host.is_some_and(asked)
}

/// Fields of a form with only its CSRF token.
#[derive(Deserialize)]
pub(crate) struct TokenOnly {}

/// A form whose CSRF token was valid.
pub(crate) struct Form<T>(pub T);

#[derive(Deserialize)]
struct Token {
    csrf: String,
}

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Form<T> {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let session = Session::from_request_parts(&mut parts, app).await.map_err(IntoResponse::into_response)?;
        // Loads the session, so that an id that is not in the store does not count as a session.
        crate::http::extract::session::identity(&session).await.map_err(|e| PageError::from(e).into_response())?;
        let cookies = CookieJar::from_headers(&parts.headers);
        let bytes = whole(body, LARGEST_BODY).await.map_err(IntoResponse::into_response)?;
        // The form library replaces bytes that are not UTF-8. A password must arrive as typed or be refused.
        let utf8 = percent_encoding::percent_decode(&bytes).decode_utf8().is_ok();
        let token: Option<Token> = serde_urlencoded::from_bytes(&bytes).ok();
        let (Some(token), true) = (token, utf8) else { return Err(StatusCode::BAD_REQUEST.into_response()) };
        let right = binding(&session, &cookies).is_some_and(|binding| app.keys.verify_form_token(&binding, &token.csrf));
        if !right {
            return Err(StatusCode::FORBIDDEN.into_response());
        }
        serde_urlencoded::from_bytes(&bytes).map(Self).map_err(|_| StatusCode::BAD_REQUEST.into_response())
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use crate::http::extract::form::*;

    fn here(headers: &[(&'static str, &str)]) -> bool {
        here_at("/login", headers)
    }

    fn here_at(uri: &'static str, headers: &[(&'static str, &str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_str(value).expect("a header"));
        }
        from_here(&map, &Uri::from_static(uri), "https://public.dk")
    }

    #[test]
    fn a_page_that_is_logged_is_asked_for_from_here_or_by_its_address() {
        let asked = |headers: &[(&'static str, &str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(*name, HeaderValue::from_str(value).expect("a header"));
            }
            asked_from_here(&map, &Uri::from_static("/delegation/x"), "https://public.dk")
        };
        for site in ["same-origin", "none"] {
            assert!(asked(&[("sec-fetch-site", site)]), "{site}");
        }
        for site in ["cross-site", "same-site", ""] {
            assert!(!asked(&[("sec-fetch-site", site), ("referer", "https://public.dk/others")]), "{site}");
        }
        assert!(asked(&[("referer", "https://public.dk/others")]) && asked(&[("referer", "https://public.dk")]));
        assert!(asked(&[("referer", "https://inside:8443/others"), ("host", "inside:8443")]));
        for referrer in
            ["https://evil.dk/", "https://evil.dk/https://public.dk/", "https://public.dk.evil.dk/", "https://public.dk@evil.dk/"]
        {
            assert!(!asked(&[("referer", referrer)]), "{referrer}");
        }
        assert!(!asked(&[]), "an old browser that tells nothing");
    }

    #[test]
    fn only_our_own_pages_may_send_forms() {
        assert!(here(&[("sec-fetch-site", "same-origin")]));
        for site in ["cross-site", "same-site", "none", ""] {
            assert!(!here(&[("sec-fetch-site", site)]), "{site}");
        }
        assert!(here(&[("origin", "https://a.dk"), ("host", "a.dk")]));
        assert!(!here(&[("origin", "https://b.dk"), ("host", "a.dk")]));
        assert!(!here(&[("origin", "null"), ("host", "a.dk")]));
        assert!(!here(&[("sec-fetch-site", "cross-site"), ("origin", "https://a.dk"), ("host", "a.dk")]));
        assert!(here(&[("host", "a.dk")]));
        assert!(here(&[("origin", "https://public.dk"), ("host", "10.0.0.1:8080")]), "a proxy that rewrites Host");
        assert!(!here(&[("origin", "http://public.dk"), ("host", "10.0.0.1:8080")]));
        assert!(here_at("https://a.dk/login", &[("origin", "https://a.dk")]), "HTTP/2 has no Host");
        assert!(!here_at("https://a.dk/login", &[("origin", "https://b.dk")]));
        assert!(!here(&[("origin", "https://a.dk")]), "nothing to hold it against");
    }
}
