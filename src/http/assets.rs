//! Style sheet, script, fonts and icons: in the program itself, under a name that changes with their content, kept by browsers for a year.

use std::sync::LazyLock;

use axum::{
    extract::Path,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use data_encoding::HEXLOWER;
use ring::digest::{Context, SHA256};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "static/dist/"]
struct Files;

/// The first digits of a hash of all files.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut names: Vec<_> = Files::iter().collect();
    names.sort();
    let mut context = Context::new(&SHA256);
    for name in names {
        context.update(name.as_bytes());
        context.update(&Files::get(&name).expect("listed by the same collection").data);
    }
    HEXLOWER.encode(&context.finish().as_ref()[..6])
});

/// The part of the path that changes with the files.
pub(super) fn version() -> &'static str {
    &VERSION
}

/// `GET /static/{version}/{name}`.
pub(super) async fn get(Path((version, name)): Path<(String, String)>, request: HeaderMap) -> Response {
    let media_type = match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    if version != *VERSION {
        return StatusCode::NOT_FOUND.into_response();
    }
    let accepted = request.get(header::ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let offers = |coding: &str| accepted.split(',').any(|part| part.trim().split(';').next() == Some(coding) && !part.contains("q=0"));
    let compressed = [("br", ".br"), ("gzip", ".gz")].into_iter().find_map(|(coding, ending)| {
        let file = offers(coding).then(|| Files::get(&format!("{name}{ending}"))).flatten();
        file.map(|file| (file, Some(coding)))
    });
    let Some((file, coding)) = compressed.or_else(|| Files::get(&name).map(|file| (file, None))) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut response = file.data.into_owned().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(coding) = coding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    response
}
