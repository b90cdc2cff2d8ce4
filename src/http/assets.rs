//! Static files: style sheet, script, fonts and icons, embedded in the program.
//!
//! Their path contains a hash of their contents, so browsers keep them for a year.

use std::{borrow::Cow, sync::LazyLock};

use axum::{
    body::Bytes,
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

/// First 12 hex digits of the SHA-256 over all files.
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

/// The path segment that changes with the files.
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
    let compressed = [("br", ".br"), ("gzip", ".gz")].into_iter().find_map(|(coding, ending)| {
        let file = accepts(accepted, coding).then(|| Files::get(&format!("{name}{ending}"))).flatten();
        file.map(|file| (file, Some(coding)))
    });
    let Some((file, coding)) = compressed.or_else(|| Files::get(&name).map(|file| (file, None))) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let content = match file.data {
        Cow::Borrowed(embedded) => Bytes::from_static(embedded),
        Cow::Owned(read) => Bytes::from(read),
    };
    let mut response = content.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(coding) = coding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    response
}

/// `GET /favicon.ico`: browsers ask for it where no page names an icon.
pub(super) async fn favicon() -> Response {
    let Some(file) = Files::get("favicon.ico") else { return StatusCode::NOT_FOUND.into_response() };
    let headers = [(header::CONTENT_TYPE, "image/x-icon"), (header::CACHE_CONTROL, "public, max-age=86400")];
    (headers, Bytes::from(file.data.into_owned())).into_response()
}

/// Whether the `Accept-Encoding` header accepts this coding (RFC 9110, section 12.5.3). A weight of zero excludes it.
fn accepts(header: &str, coding: &str) -> bool {
    header.split(',').any(|part| {
        let mut pieces = part.split(';').map(str::trim);
        let named = pieces.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
        named && pieces.find_map(|piece| piece.strip_prefix("q=")).is_none_or(|weight| weight.parse().is_ok_and(|q: f32| q > 0.0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coding_is_used_only_where_it_is_accepted() {
        for (header, br) in
            [("gzip, br", true), ("br;q=0.5", true), ("BR ; q=1", true), ("br;q=0", false), ("br; q=0.000, gzip", false), ("", false)]
        {
            assert_eq!(accepts(header, "br"), br, "{header}");
        }
    }

    #[tokio::test]
    async fn the_icon_is_an_icon() {
        let response = favicon().await;
        assert_eq!(response.headers()[header::CONTENT_TYPE], "image/x-icon");
        let bytes = axum::body::to_bytes(response.into_body(), 10_000).await.expect("a small file");
        assert!(bytes.starts_with(&[0, 0, 1, 0, 1, 0, 32, 32]), "an icon of 32 by 32");
    }

    #[test]
    fn every_file_has_a_compressed_twin_that_is_smaller() {
        for name in Files::iter().filter(|name| name.ends_with(".css") || name.ends_with(".js")) {
            let plain = Files::get(&name).expect("listed").data.len();
            for ending in [".br", ".gz"] {
                assert!(Files::get(&format!("{name}{ending}")).is_some_and(|file| file.data.len() < plain), "{name}{ending}");
            }
        }
    }

    #[test]
    fn the_first_visit_costs_at_most_250_kilobytes_fonts_and_icons_included() {
        let size = |name: &str| Files::get(name).map_or_else(|| panic!("{name}"), |file| file.data.len());
        let fonts: usize = Files::iter().filter(|name| name.ends_with(".woff2")).map(|name| size(&name)).sum();
        let icons: usize = ["error", "warning", "success", "info"]
            .iter()
            .filter_map(|i| Files::get(&format!("icons/{i}.svg")))
            .map(|f| f.data.len())
            .sum();
        let page = 10_000;
        let all = page + size("style.css.gz") + size("site.js.gz") + size("icon.svg") + fonts + icons;
        assert!(all <= 250_000, "{all} bytes");
    }
}
