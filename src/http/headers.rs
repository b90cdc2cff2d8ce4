//! Headers that every answer has.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};

use crate::app::App;

/// - `default-src 'none'` and our own origin for what is needed: nothing is loaded from, or sent to, anybody else.
/// - no `'unsafe-inline'`: a script or style that was smuggled into a page does not run.
/// - `form-action 'self'`: a form can't be turned to send a password elsewhere.
/// - `frame-ancestors 'none'`: nobody can lay our pages under theirs. `base-uri 'none'`: relative links stay ours.
const CSP: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

/// - `nosniff`: a file is what we say that it is.
/// - Referrer-Policy: no other host learns an address of ours. Not `no-referrer`: with that, browsers send our own forms with `Origin: null`, and one
///   without Fetch Metadata (Safari before 16.4) could send none.
/// - Permissions-Policy: nothing here needs a sensor, a camera or a payment, so no script may ask for it.
/// - Opener and resource policy: a page that opened ours, or wants to embed a file of ours, gets no hold of it.
const ALWAYS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, CSP),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), microphone=(), midi=(), payment=(), \
            serial=(), usb=()",
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// For a page that carries a signed message to a provider: its form goes there, and providers pass people on to others. Such a page takes no input.
#[derive(Debug, Clone, Copy)]
pub(super) struct FormGoesElsewhere;

const CSP_ELSEWHERE: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; font-src 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

/// What a browser has kept of our pages goes with the session: what was on the screen does not come back by the Back button. Not the cookies: the session's has
/// ended by itself, and the language is no secret.
const CLEAR: &str = "\"cache\", \"storage\"";

/// Leads away from a session that has ended.
pub(super) fn logged_out(to: &str) -> Response {
    cleared(Redirect::to(to).into_response())
}

/// The same for another answer.
pub(super) fn cleared(mut response: Response) -> Response {
    response.headers_mut().insert(HeaderName::from_static("clear-site-data"), HeaderValue::from_static(CLEAR));
    response
}

/// Adds them; `no-store` where a handler has not said otherwise.
pub(super) async fn add(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let elsewhere = response.extensions().get::<FormGoesElsewhere>().is_some();
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if elsewhere {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP_ELSEWHERE));
    }
    if app.config.server.public_url.starts_with("https://") {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
