//! Lexical check of a message, in one pass over its bytes before any reader sees it.
//!
//! Invariants of accepted text:
//! - No DTD, comment, CDATA section or processing instruction.
//! - Only characters of XML's `Char`, literal or referenced.
//! - All counts are within [`Bounds`], including products such as the declarations in scope at each element, because readers and
//!   canonicalisers look up prefixes among all declarations in scope, at every element.

use super::super::Refused;

/// Bounds on the parts of a message.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub(super) bytes: usize,
    /// Elements, attributes and namespace declarations together.
    nodes: usize,
    depth: usize,
    /// Attributes and namespace declarations of one element.
    attributes: usize,
    /// Namespace declarations in scope at an element.
    in_scope: usize,
    /// Whether namespaces may be relative addresses, which libxml2 does not canonicalise.
    relative: bool,
}

impl Bounds {
    /// For Responses. A usual one has 5 to 20 KB and 200 nodes. AD FS and OS2faktor may list all groups of a person: 1,100 groups are 80 to
    /// 280 KB (up to 370 KB encrypted) and up to 8,800 nodes, because OpenSAML declares two namespaces on each value.
    pub const MESSAGE: Self = Self { bytes: super::LARGEST, nodes: 10_000, depth: 24, attributes: 24, in_scope: 32, relative: false };
    /// For logout messages, which strangers can send. Real ones have 2 to 4 KB and 60 nodes.
    pub const LOGOUT: Self = Self { bytes: super::LARGEST_LOGOUT, nodes: 600, depth: 16, attributes: 24, in_scope: 32, relative: false };
    /// For metadata, which may describe a whole federation.
    pub const METADATA: Self = Self { bytes: 8 * 1024 * 1024, nodes: 1_000_000, depth: 24, attributes: 64, in_scope: 64, relative: true };
}

/// Checks a text in one pass.
pub(super) fn look_through(text: &str, bounds: Bounds) -> Result<(), Refused> {
    let mut rest = text.as_bytes();
    let (mut nodes, mut in_scope) = (0, 0);
    let mut open: Vec<usize> = Vec::new(); // number of declarations of each open element
    while let Some(start) = rest.iter().position(|byte| *byte == b'<') {
        rest = &rest[start + 1..];
        let closing = match rest.first() {
            Some(b'!' | b'?') => return Err(Refused::Markup),
            Some(b'/') => true,
            Some(_) => false,
            None => return Err(Refused::NotXml),
        };
        let Tag { length, attributes, declared } = tag(rest, bounds.relative)?;
        let empty = length > 0 && rest[length - 1] == b'/';
        rest = &rest[length + 1..];
        if closing {
            in_scope -= open.pop().ok_or(Refused::NotXml)?;
            continue;
        }
        nodes += 1 + attributes;
        if open.len() + 1 > bounds.depth {
            return Err(Refused::TooDeep);
        }
        if attributes > bounds.attributes || nodes > bounds.nodes || in_scope + declared > bounds.in_scope {
            return Err(Refused::TooMany);
        }
        if !empty {
            in_scope += declared;
            open.push(declared);
        }
    }
    if open.is_empty() { characters(text.as_bytes()) } else { Err(Refused::NotXml) }
}

struct Tag {
    length: usize,
    /// Including namespace declarations.
    attributes: usize,
    declared: usize,
}

/// Parses a tag from after its `<` to before its `>`. A `<` within it is malformed.
fn tag(rest: &[u8], relative: bool) -> Result<Tag, Refused> {
    let wrong = Refused::NotXml;
    let (mut from, mut attributes, mut declared) = (0, 0, 0);
    loop {
        let next = from + rest[from..].iter().position(|byte| matches!(byte, b'=' | b'>' | b'<' | b'"' | b'\'')).ok_or(wrong)?;
        match rest[next] {
            b'>' => return Ok(Tag { length: next, attributes, declared }),
            b'=' => {}
            _ => return Err(wrong),
        }
        let name = rest[from..next].trim_ascii_end();
        let name = name.rsplit(u8::is_ascii_whitespace).next().unwrap_or_default();
        let opens = next + 1 + rest[next + 1..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let quote = *rest.get(opens).filter(|byte| matches!(byte, b'"' | b'\'')).ok_or(wrong)?;
        let value = &rest[opens + 1..];
        let value = &value[..value.iter().position(|byte| *byte == quote).ok_or(wrong)?];
        if value.contains(&b'<') {
            return Err(wrong);
        }
        attributes += 1;
        if name == b"xmlns" || name.starts_with(b"xmlns:") {
            namespace(name.strip_prefix(b"xmlns:"), value, relative)?;
            declared += 1;
        }
        from = opens + 1 + value.len() + 1;
    }
}

/// Checks a namespace declaration (Namespaces in XML 1.0, sections 2.2 and 3): no undeclared or reserved prefix, and an absolute address
/// without `&`, because libxml2 canonicalises no relative ones and writes `&` unescaped.
fn namespace(prefix: Option<&[u8]>, name: &[u8], relative: bool) -> Result<(), Refused> {
    let wrong = Err(Refused::Namespace);
    match (prefix, name) {
        (None, b"") => return Ok(()), // removes the default namespace
        (Some(b"" | b"xmlns" | b"xml"), _)
        | (Some(_), b"")
        | (_, b"http://www.w3.org/XML/1998/namespace" | b"http://www.w3.org/2000/xmlns/") => return wrong,
        (Some(_) | None, _) if relative => return Ok(()),
        (Some(_) | None, _) => {}
    }
    let Some(colon) = name.iter().position(|byte| *byte == b':') else { return wrong };
    let (scheme, rest) = name.split_at(colon);
    let scheme_fits = scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte));
    let rest_fits = rest.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/?#@!$'()*+,;=%".contains(byte));
    if scheme_fits && rest_fits { Ok(()) } else { wrong }
}

/// Checks that all characters are XML's `Char` (XML 1.0, section 2.2), literal or referenced, and that entities are the five predefined
/// ones.
fn characters(text: &[u8]) -> Result<(), Refused> {
    let control = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r');
    // U+FFFE and U+FFFF are the only others that UTF-8 can encode and XML excludes.
    let beyond = |three: &[u8]| matches!(three, [0xEF, 0xBF, 0xBE | 0xBF]);
    if text.iter().any(control) || (text.contains(&0xEF) && text.windows(3).any(beyond)) {
        return Err(Refused::NotXml);
    }
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| *byte == b'&') {
        rest = &rest[at + 1..];
        // The longest reference without leading zeros has eight characters; twice that is accepted.
        let end = rest.iter().take(LONGEST_REFERENCE).position(|byte| *byte == b';').ok_or(Refused::NotXml)?;
        let (name, after) = rest.split_at(end);
        if !refers(name) {
            return Err(Refused::NotXml);
        }
        rest = after;
    }
    Ok(())
}

const LONGEST_REFERENCE: usize = 16;

fn refers(name: &[u8]) -> bool {
    let Some(number) = name.strip_prefix(b"#") else { return matches!(name, b"amp" | b"lt" | b"gt" | b"quot" | b"apos") };
    let (digits, base) = number.strip_prefix(b"x").map_or((number, 10), |digits| (digits, 16));
    let plain = digits.iter().all(|byte| char::from(*byte).is_digit(base)); // Rust would also parse `+9`
    let Some(number) = std::str::from_utf8(digits).ok().filter(|_| plain).and_then(|digits| u32::from_str_radix(digits, base).ok()) else {
        return false;
    };
    match char::from_u32(number) {
        None | Some('\u{fffe}' | '\u{ffff}') => false,
        Some(c) => c >= ' ' || matches!(c, '\t' | '\n' | '\r'),
    }
}
