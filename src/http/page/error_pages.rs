//! Error pages in the visitor's language, and problem details for the API.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::Response,
};

use crate::http::page::{
    failure::{PageError, of_a_layer},
    frame::{Frame, Person},
    problem,
    render::{MessagePage, page},
};
use crate::{app::App, flow::outage::Outage};

/// Retry-After, seconds.
const AFTER_AN_OUTAGE: &str = "60";
/// The same, where only the load is too high.
const AFTER_A_PEAK: &str = "5";

/// Middleware: replaces bare error answers by pages in the visitor's language, and by problem details below [`problem::PROGRAMS`].
pub(crate) async fn error_pages(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let mut frame = Frame::new(&app, &parts);
    let for_machines = frame.path.starts_with("/health/");
    let for_programs = frame.path.starts_with(problem::PROGRAMS);
    frame.path = String::from("/"); // an error page leads back to the front page
    let response = next.run(Request::from_parts(parts, body)).await;
    let mut status = response.status();
    let is_page = response.headers().get(header::CONTENT_TYPE).is_some_and(|t| t.as_bytes().starts_with(b"text/html"));
    let is_told = response.headers().get(header::CONTENT_TYPE).is_some_and(|t| t == "application/problem+json");
    if !(status.is_client_error() || status.is_server_error()) || is_page || is_told || for_machines {
        return response;
    }
    let failure = match response.extensions().get::<PageError>().cloned() {
        None if status == StatusCode::INTERNAL_SERVER_ERROR => Some(of_a_layer(&app).await),
        failure => failure,
    };
    let mut retry_after = HeaderValue::from_static(AFTER_AN_OUTAGE);
    if let Some(PageError::Outage(outage)) = &failure {
        status = StatusCode::SERVICE_UNAVAILABLE;
        if *outage == Outage::Busy {
            retry_after = HeaderValue::from_static(AFTER_A_PEAK);
        }
    }
    if for_programs {
        return problem::instead_of(status, &response, failure);
    }
    frame.person = response.extensions().get::<Person>().cloned();
    let (title, text) = match status {
        _ if failure.is_some() => failure.as_ref().map_or(("fault-title", "fault-text"), PageError::texts),
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => ("not-found-title", "not-found-text"),
        StatusCode::FORBIDDEN => ("forbidden-title", "forbidden-text"),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::REQUEST_TIMEOUT => ("busy-title", "busy-text"),
        _ if status.is_client_error() => ("bad-request-title", "bad-request-text"),
        _ => ("fault-title", "fault-text"),
    };
    let way = frame.person.as_ref().map(|_| ("/account".to_owned(), frame.t("to-account")));
    let mut notice = MessagePage::new(frame, title, text);
    notice.way = way;
    notice.reference = failure.and_then(PageError::reference);
    let mut answer = page(status, &notice);
    for (name, value) in response.headers() {
        if name == header::SET_COOKIE || name == header::ALLOW {
            answer.headers_mut().append(name.clone(), value.clone());
        }
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        answer.headers_mut().insert(header::RETRY_AFTER, retry_after);
    }
    answer
}
