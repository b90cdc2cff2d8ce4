//! Language of a request: the visitor's choice, else Accept-Language, else the configured default.

use axum::http::{HeaderMap, header};
use axum_extra::extract::CookieJar;

use crate::config::Language;

/// Cookie of the visitor's choice. It is no secret.
pub(crate) const COOKIE: &str = "__Host-os2nykode-language";

pub(crate) fn of(headers: &HeaderMap, default: Language) -> Language {
    let chosen = CookieJar::from_headers(headers).get(COOKIE).and_then(|cookie| parse(cookie.value()));
    chosen.or_else(|| accepted(headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?)).unwrap_or(default)
}

/// Parses `da` or `en`.
pub(crate) fn parse(code: &str) -> Option<Language> {
    Language::ALL.into_iter().find(|language| language.code() == code)
}

/// The supported language with the highest weight (RFC 9110, section 12.5.4); of equal weights the first.
fn accepted(header: &str) -> Option<Language> {
    let mut best: Option<(f32, Language)> = None;
    for part in header.split(',') {
        let mut pieces = part.split(';').map(str::trim);
        let Some(language) = pieces.next().and_then(|range| parse(&range.split('-').next()?.to_ascii_lowercase())) else { continue };
        let weight = pieces.find_map(|p| p.strip_prefix("q=")).map_or(1.0, |q| q.parse().unwrap_or(0.0));
        if weight > 0.0 && best.is_none_or(|(highest, _)| weight > highest) {
            best = Some((weight, language));
        }
    }
    best.map(|(_, language)| language)
}

#[cfg(test)]
mod tests {
    use crate::http::i18n::language::*;

    #[test]
    fn the_browser_is_asked_by_weight() {
        for (header, expected) in [
            ("da", Some(Language::Da)),
            ("en-GB,en;q=0.9,da;q=0.8", Some(Language::En)),
            ("de, en;q=0.3, da;q=0.7", Some(Language::Da)),
            ("da;q=0, en;q=0.1", Some(Language::En)),
            ("DA-dk", Some(Language::Da)),
            ("de, *", None),
            ("en;q=x", None),
            ("", None),
        ] {
            assert_eq!(accepted(header), expected, "{header}");
        }
    }
}
