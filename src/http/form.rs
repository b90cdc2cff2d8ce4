//! Forms: from our own pages, with their token, in UTF-8, and not larger than an honest one.
//!
//! Invariant: [`Form`] is the only way for a handler to get at what was sent; it checks the token before it gives anything out.

use std::sync::Arc;

use axum::{
    body::to_bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use axum_extra::extract::CookieJar;
use serde::{Deserialize, de::DeserializeOwned};
use tower_sessions::Session;

use super::{limits::LARGEST_BODY, view::Failure};
use crate::app::App;

/// Binds a form to the browser of somebody who is not logged in yet.
pub(super) const VISIT_COOKIE: &str = "__Host-os2nykode-visit";

/// Refuses a form that another site sent (Fetch Metadata, and Origin for browsers without it). What is neither, such as a program without a browser's
/// headers, is left to the token.
pub(super) async fn same_site_only(request: Request, next: Next) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    // HTTP/2 has the host in the address, HTTP/1 in a header.
    let host = request.uri().authority().map(|a| a.as_str().to_owned());
    if safe || from_here(request.headers(), host.as_deref()) { next.run(request).await } else { StatusCode::FORBIDDEN.into_response() }
}

fn from_here(headers: &HeaderMap, authority: Option<&str>) -> bool {
    let text = |name: header::HeaderName| headers.get(name).map(|v| v.to_str().unwrap_or("?"));
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    match (text(header::ORIGIN), authority.or_else(|| text(header::HOST))) {
        (None, _) => true,
        (Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, authority)| authority == host),
        (Some(_), None) => false,
    }
}

/// What a form's token is bound to: the session once there is one, else the visit cookie. Different for each, so that a token from before a login does not
/// count after it.
pub(super) fn binding(session: &Session, cookies: &CookieJar) -> Option<String> {
    match session.id() {
        Some(id) => Some(format!("session {id}")),
        None => cookies.get(VISIT_COOKIE).map(|cookie| format!("visit {}", cookie.value())),
    }
}

/// A form whose token was right.
pub(super) struct Form<T>(pub T);

#[derive(Deserialize)]
struct Token {
    csrf: String,
}

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Form<T> {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let session = Session::from_request_parts(&mut parts, app).await.map_err(IntoResponse::into_response)?;
        // Loads the session, so that an id which is not in the store does not count as one.
        super::session::identity(&session).await.map_err(|e| Failure::new(&e).into_response())?;
        let cookies = CookieJar::from_headers(&parts.headers);
        let bytes = to_bytes(body, LARGEST_BODY).await.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE.into_response())?;
        // The form library reads what is not UTF-8 as something else; a password must be written as it was typed or not at all.
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

    use super::*;

    fn here(headers: &[(&'static str, &str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_str(value).expect("a header"));
        }
        from_here(&map, None)
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
        let origin: HeaderMap = [(header::ORIGIN, HeaderValue::from_static("https://a.dk"))].into_iter().collect();
        assert!(from_here(&origin, Some("a.dk")) && !from_here(&origin, Some("b.dk")) && !from_here(&origin, None));
    }
}
