//! Arrival of a request: its body is read within a time and a size before the request takes a place in the concurrency limit.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{Method, StatusCode, Uri},
};
use futures_util::StreamExt;
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};
use zeroize::Zeroizing;

/// Path prefixes of the forms that identity providers send.
pub(crate) const FROM_PROVIDERS: [&str; 4] = ["/saml/acs", "/saml/slo", "/oidc/callback/", "/oidc/logout/"];
/// Largest body of a request, bytes. The largest valid one is a form with three passwords of 256 characters, percent-encoded.
pub(crate) const LARGEST_BODY: usize = 16 * 1024;
/// Largest body of a provider's message, bytes: a Response in base64, partly percent-encoded, and its RelayState.
pub(crate) const LARGEST_MESSAGE: usize = 640 * 1024;
/// Maximum number of provider messages that arrive at once.
pub(crate) const LARGE_AT_ONCE: usize = 128;
/// Same for one address.
pub(crate) const LARGE_EACH: usize = 16;
/// Longest time for receiving a body, and longest wait for [`turn`].
const SENT_WITHIN: Duration = Duration::from_secs(5);
/// Of a form that is too large, this much is read and discarded, bytes.
const THROWN_AWAY: usize = 2 * 1024 * 1024;

/// Returns the request with its whole body in memory. The memory is wiped when it is freed, because the body may hold passwords.
pub(crate) async fn arrived(request: Request, large: [&Semaphore; 2]) -> Result<Request, StatusCode> {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(request.map(|_| Body::empty()));
    }
    let from_provider = is_from_provider(request.uri());
    let _turn = if from_provider { Some(turn(large).await?) } else { None };
    let (parts, body) = request.into_parts();
    // The handler of a provider's message refuses one that is too large. One byte beyond the limit shows it the size.
    let bytes = if from_provider { cut(body, LARGEST_MESSAGE + 1).await? } else { whole(body, LARGEST_BODY).await? };
    Ok(Request::from_parts(parts, Body::from(Bytes::from_owner(bytes))))
}

/// Waits for a permit of the address, then for one of all.
async fn turn([of_address, of_all]: [&Semaphore; 2]) -> Result<[SemaphorePermit<'_>; 2], StatusCode> {
    let turns = async { Ok([of_address.acquire().await?, of_all.acquire().await?]) };
    let turns: Result<Result<_, AcquireError>, _> = tokio::time::timeout(SENT_WITHIN, turns).await;
    turns.ok().and_then(Result::ok).ok_or(StatusCode::SERVICE_UNAVAILABLE)
}

fn is_from_provider(uri: &Uri) -> bool {
    FROM_PROVIDERS.iter().any(|start| uri.path().starts_with(start))
}

/// Reads a body of at most `largest` bytes. Errors: 413 for a larger body, 408 for a slow one, 400 for a broken one.
pub(crate) async fn whole(body: Body, largest: usize) -> Result<Zeroizing<Vec<u8>>, StatusCode> {
    let (bytes, length) = in_time(read(body, largest)).await?;
    if length > largest { Err(StatusCode::PAYLOAD_TOO_LARGE) } else { Ok(bytes) }
}

/// Same, but keeps the beginning of a larger body.
async fn cut(body: Body, largest: usize) -> Result<Zeroizing<Vec<u8>>, StatusCode> {
    Ok(in_time(read(body, largest)).await?.0)
}

async fn in_time<T>(reading: impl Future<Output = Result<T, StatusCode>>) -> Result<T, StatusCode> {
    tokio::time::timeout(SENT_WITHIN, reading).await.unwrap_or(Err(StatusCode::REQUEST_TIMEOUT))
}

/// Reads a body and returns its first `largest` bytes and the length that was read.
///
/// The rest of a larger body is read and discarded, up to [`THROWN_AWAY`]: if the connection were cut under a browser that is still
/// sending, it would show its own error instead of our page.
async fn read(body: Body, largest: usize) -> Result<(Zeroizing<Vec<u8>>, usize), StatusCode> {
    let mut chunks = body.into_data_stream();
    // It may hold passwords: the full capacity at once, so that growing leaves no copy behind.
    let mut form = Zeroizing::new(Vec::with_capacity(LARGEST_BODY.min(largest)));
    let mut length = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| StatusCode::BAD_REQUEST)?;
        form.extend_from_slice(&chunk[..chunk.len().min(largest.saturating_sub(length))]);
        length += chunk.len();
        if length > largest.max(THROWN_AWAY) {
            break;
        }
    }
    Ok((form, length))
}

#[cfg(test)]
mod tests {
    use crate::http::middleware::limits::arrival::*;

    #[tokio::test]
    async fn a_form_is_read_whole_or_not_at_all() {
        let sized = |size| whole(Body::from(vec![b'x'; size]), LARGEST_BODY);
        assert_eq!(sized(0).await.map(|form| form.len()), Ok(0));
        assert_eq!(sized(LARGEST_BODY).await.map(|form| form.len()), Ok(LARGEST_BODY));
        assert_eq!(sized(LARGEST_BODY + 1).await.map(|form| form.len()), Err(StatusCode::PAYLOAD_TOO_LARGE));
        let endless = futures_util::stream::repeat_with(|| Ok::<_, std::convert::Infallible>(vec![b'x'; 1000]));
        assert_eq!(whole(Body::from_stream(endless), LARGEST_BODY).await.map(|form| form.len()), Err(StatusCode::PAYLOAD_TOO_LARGE));
    }

    #[tokio::test]
    async fn a_providers_message_that_is_too_large_comes_to_its_handler_as_that() {
        let request = |path: &str| {
            let request = Request::post(path).body(Body::from(vec![b'x'; LARGEST_MESSAGE + 5000])).expect("a request");
            async move { arrived(request, [&Semaphore::new(1), &Semaphore::new(1)]).await }
        };
        let message = request("/saml/acs").await.expect("arrived").into_body();
        assert_eq!(whole(message, LARGEST_MESSAGE).await.err(), Some(StatusCode::PAYLOAD_TOO_LARGE));
        assert_eq!(request("/login").await.err(), Some(StatusCode::PAYLOAD_TOO_LARGE));
    }

    #[tokio::test]
    async fn no_more_large_messages_arrive_at_once_than_there_is_memory_for() {
        let none = [&Semaphore::new(1), &Semaphore::new(0)];
        let request = Request::post("/saml/acs").body(Body::from("x")).expect("a request");
        assert_eq!(arrived(request, none).await.err(), Some(StatusCode::SERVICE_UNAVAILABLE));
        let request = Request::post("/login").body(Body::from("x")).expect("a request");
        assert!(arrived(request, none).await.is_ok());
    }
}
