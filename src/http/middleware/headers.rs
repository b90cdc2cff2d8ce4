//! Response headers of every answer.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};

use crate::app::App;

/// Content-Security-Policy of all pages but those with [`FormGoesElsewhere`].
///
/// - `default-src 'none'`, and `'self'` for the kinds that pages use: pages load from and send to our own origin only.
/// - No `'unsafe-inline'`: an injected script or style does not run.
/// - `form-action 'self'`: a form can't send a password to another origin.
/// - `frame-ancestors 'none'`: other sites can't frame our pages.
/// - `base-uri 'none'`: an injected `<base>` can't redirect relative links.
const CSP: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

/// Headers that every answer gets.
///
/// - `nosniff`: browsers use the declared media type.
/// - Referrer-Policy: other hosts learn no path of ours. Not `no-referrer`: with it, browsers send our own forms with `Origin: null`, which
///   shuts out browsers without Fetch Metadata (Safari before 16.4).
/// - Permissions-Policy: no page needs sensors, camera or payments, so no script may ask for them.
/// - Cross-Origin-Opener-Policy and Cross-Origin-Resource-Policy: pages of other origins get no handle on our windows and can't embed our
///   files.
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

/// Response extension of a page that carries a signed message to a provider. Its form goes to the provider, and providers redirect onwards,
/// so its policy has no `form-action`. Such a page takes no input.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FormGoesElsewhere;

const CSP_ELSEWHERE: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; font-src 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

/// Clear-Site-Data of a logout: the browser drops our pages, so that the Back button shows none of them.
///
/// Cookies stay: the session's cookie is removed separately, and the language is no secret.
const CLEAR: &str = "\"cache\", \"storage\"";

/// Redirects away from a session that has ended, with [`CLEAR`].
pub(crate) fn logged_out(to: &str) -> Response {
    cleared(Redirect::to(to).into_response())
}

/// Adds [`CLEAR`] to an answer.
pub(crate) fn cleared(mut response: Response) -> Response {
    response.headers_mut().insert(HeaderName::from_static("clear-site-data"), HeaderValue::from_static(CLEAR));
    response
}

/// Adds the headers. Answers without Cache-Control get `no-store`.
pub(crate) async fn add(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
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
