//! One pass over the bytes of a message, before any reader sees them: markup beyond tags is refused, the rest is counted.
//!
//! Invariants of what passes: no DTD, comment, CDATA section or processing instruction; only characters of XML's `Char`, spelled or referenced; at most
//! [`Bounds`] of everything. The bounds are on products (what is in scope at each element), not only on parts: readers and canonicalisers look up prefixes
//! among everything that is in scope, at every element.

use super::super::Refused;

/// Bounds on what a message is made of.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub(super) bytes: usize,
    /// Elements, attributes and namespace declarations, together.
    nodes: usize,
    depth: usize,
    /// Attributes and namespace declarations of one element.
    attributes: usize,
    /// Namespace declarations of an element and of all that it is in.
    in_scope: usize,
    /// Are namespaces taken that are no absolute addresses? libxml2 does not canonicalise where there are.
    relative: bool,
}

impl Bounds {
    /// For Responses. A usual one has 5 to 20 KB and 200 nodes. AD FS and OS2faktor may list every group of a person: with 1,100 groups that is 80 to 280 KB
    /// (up to 370 KB encrypted) and up to 8,800 nodes, because OpenSAML declares two namespaces on each value.
    pub const MESSAGE: Self = Self { bytes: super::LARGEST, nodes: 10_000, depth: 24, attributes: 24, in_scope: 32, relative: false };
    /// For logouts, which anybody may send: a real one has 2 to 4 KB and 60 nodes.
    pub const LOGOUT: Self = Self { bytes: super::LARGEST_LOGOUT, nodes: 600, depth: 16, attributes: 24, in_scope: 32, relative: false };
    /// For metadata, which may describe a whole federation.
    pub const METADATA: Self = Self { bytes: 8 * 1024 * 1024, nodes: 1_000_000, depth: 24, attributes: 64, in_scope: 64, relative: true };
}

/// Looks through a text once.
pub(super) fn look_through(text: &str, bounds: Bounds) -> Result<(), Refused> {
    let mut rest = text.as_bytes();
    let (mut nodes, mut in_scope) = (0, 0);
    let mut open: Vec<usize> = Vec::new(); // what each open element has declared
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
            in_scope -= open.pop().ok_or(Refused::NotXml)?; // what was added when it was opened
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
    /// Namespace declarations included.
    attributes: usize,
    declared: usize,
}

/// From behind the `<` of a tag to before its `>`. A `<` in it is not XML.
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

/// A namespace declaration (Namespaces in XML 1.0, 2.2 and 3): no prefix is undeclared or reserved, and its name is an absolute address without `&`, because libxml2
/// canonicalises no relative ones, and writes `&` as it is.
fn namespace(prefix: Option<&[u8]>, name: &[u8], relative: bool) -> Result<(), Refused> {
    let wrong = Err(Refused::Namespace);
    match (prefix, name) {
        (None, b"") => return Ok(()), // no default namespace from here on
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

/// XML's `Char` (XML 1.0, 2.2), whether spelled or referenced; of entities only the five that every reader knows.
fn characters(text: &[u8]) -> Result<(), Refused> {
    let control = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r');
    // U+FFFE and U+FFFF are the only others that UTF-8 can spell and XML has not.
    let beyond = |three: &[u8]| matches!(three, [0xEF, 0xBF, 0xBE | 0xBF]);
    if text.iter().any(control) || (text.contains(&0xEF) && text.windows(3).any(beyond)) {
        return Err(Refused::NotXml);
    }
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| *byte == b'&') {
        rest = &rest[at + 1..];
        // The longest reference that is not padded with zeros has eight characters; twice that is borne with.
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
    let plain = digits.iter().all(|byte| char::from(*byte).is_digit(base)); // `+9` is a number to Rust only
    let Some(number) = std::str::from_utf8(digits).ok().filter(|_| plain).and_then(|digits| u32::from_str_radix(digits, base).ok()) else {
        return false;
    };
    match char::from_u32(number) {
        None | Some('\u{fffe}' | '\u{ffff}') => false,
        Some(c) => c >= ' ' || matches!(c, '\t' | '\n' | '\r'),
    }
}
