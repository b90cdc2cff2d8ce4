//! Error answers of the API: problem details (RFC 9457).

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::http::page::{failure::PageError, visitor::ErrorPages};
use crate::{app::App, flow::RequestContext};

/// Path prefix of the API, whose errors are JSON and no pages.
pub(crate) const PROGRAMS: &str = "/api/";

/// A problem: status, code and explanation of an API error.
#[derive(Debug, Clone)]
pub(crate) struct ApiProblem {
    status: StatusCode,
    code: &'static str,
    detail: &'static str,
    /// Value of `WWW-Authenticate` (RFC 6750, section 3).
    challenge: Option<&'static str>,
    retry_after: Option<u64>,
}

#[derive(Serialize)]
struct ProblemBody {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: &'static str,
    reference: Option<String>,
}

impl ApiProblem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: &'static str) -> Self {
        Self { status, code, detail, challenge: None, retry_after: None }
    }

    pub(crate) fn challenged(self, challenge: &'static str) -> Self {
        Self { challenge: Some(challenge), ..self }
    }

    /// Sets Retry-After, in seconds: rounded up, at least one.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "minutes at most, and not below one")]
    pub(crate) fn later(self, seconds: f64) -> Self {
        Self { retry_after: Some(seconds.ceil().max(1.0) as u64), ..self }
    }

    fn answered(self, reference: Option<String>) -> Response {
        let body = ProblemBody {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            code: self.code,
            detail: self.detail,
            reference,
        };
        let mut response = json(self.status, "application/problem+json", &body);
        let headers = response.headers_mut();
        if let Some(challenge) = self.challenge {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl IntoResponse for ApiProblem {
    fn into_response(self) -> Response {
        self.answered(None)
    }
}

/// A JSON answer of the given media type.
pub(crate) fn json(status: StatusCode, kind: &'static str, body: &impl Serialize) -> Response {
    let text = serde_json::to_string(body).expect("texts, numbers and lists only");
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static(kind))], text).into_response()
}

/// The problem that replaces a bare error of a library or of a layer of ours.
pub(crate) fn instead_of(status: StatusCode, response: &Response, failure: Option<PageError>) -> Response {
    let problem = match status {
        _ if matches!(failure, Some(PageError::Outage(_))) => {
            let detail = "A system that the service needs is unavailable. Try again later.";
            ApiProblem::new(status, "unavailable", detail).later(60.0)
        }
        StatusCode::NOT_FOUND => ApiProblem::new(status, "not_found", "No such address; /api/v1/openapi.json describes the API."),
        StatusCode::METHOD_NOT_ALLOWED => ApiProblem::new(status, "method_not_allowed", "Method not allowed at this address; see Allow."),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::REQUEST_TIMEOUT => {
            ApiProblem::new(status, "busy", "The service is overloaded. Try again later.").later(60.0)
        }
        _ if status.is_client_error() => ApiProblem::new(status, "bad_request", "The request is malformed."),
        _ => ApiProblem::new(status, "fault", "Internal error; the service's log has its cause under the reference."),
    };
    let mut answer = problem.answered(failure.and_then(PageError::reference));
    if let Some(allow) = response.headers().get(header::ALLOW) {
        answer.headers_mut().insert(header::ALLOW, allow.clone());
    }
    answer
}

/// Extractor for API requests. It ignores sessions and cookies.
pub(crate) struct Program {
    pub visit: RequestContext,
    /// Token from `Authorization: Bearer`; `None` where the header is missing, repeated or malformed.
    pub token: Option<String>,
}

impl FromRequestParts<Arc<App>> for Program {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let ErrorPages { visit, .. } = ErrorPages::from_request_parts(parts, app).await?;
        let mut values = parts.headers.get_all(header::AUTHORIZATION).iter();
        let bearer = |value: &HeaderValue| {
            let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
        };
        let token = match (values.next(), values.next()) {
            (Some(value), None) => bearer(value),
            (Some(_), Some(_)) | (None, _) => None,
        };
        Ok(Self { visit, token })
    }
}
