//! Reading XML that somebody else has written.
//!
//! Invariants: what [`Plain::parse`] lets through has no DTD, comment, CDATA or processing instruction, is UTF-8, small, flat and narrow, so that it means
//! the same to every reader and costs none of them much. It is read with a plain reader (roxmltree), which knows no entities and fetches nothing.

use jiff::Timestamp;
use roxmltree::{Document, Node, ParsingOptions};

use super::Refused;

/// Namespaces and algorithm names are addresses that nobody ever asks.
pub const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
/// SAML assertions.
pub const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
/// SAML metadata.
pub const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
/// XML signatures.
pub const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
/// XML encryption.
pub const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";

/// Largest message, bytes. Real ones have 5 to 20 KB; the dearest that can be made of twice as much cost more than 5 ms to refuse.
pub const LARGEST: usize = 64 * 1024;
/// Bounds on what a message is made of.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    bytes: usize,
    elements: usize,
    depth: usize,
    attributes: usize,
    all_attributes: usize,
    namespaces: usize,
}

impl Bounds {
    /// For messages. A real one has about 60 elements, 10 deep, with 10 namespaces. Canonicalising takes libxml2 0.7 µs for each attribute.
    pub const MESSAGE: Self = Self { bytes: LARGEST, elements: 1000, depth: 24, attributes: 24, all_attributes: 2000, namespaces: 400 };
    /// For metadata, which may describe a whole federation.
    pub const METADATA: Self =
        Self { bytes: 8 * 1024 * 1024, elements: 200_000, depth: 24, attributes: 24, all_attributes: 1_000_000, namespaces: 20_000 };
}

/// Text that is plain XML: safe for every reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plain<'a>(&'a str);

impl<'a> Plain<'a> {
    /// Takes off the XML declaration and looks through the rest once.
    pub fn parse(bytes: &'a [u8], bounds: Bounds) -> Result<Self, Refused> {
        if bytes.len() > bounds.bytes {
            return Err(Refused::TooLarge);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Refused::NotUtf8)?;
        let text = without_declaration(text)?.trim_matches(is_blank);
        if !text.starts_with('<') {
            return Err(Refused::NotXml);
        }
        look_through(text.as_bytes(), bounds)?;
        Ok(Self(text))
    }

    /// The text, without XML declaration.
    pub fn text(self) -> &'a str {
        self.0
    }

    /// Reads it.
    pub fn document(self) -> Result<Document<'a>, Refused> {
        Document::parse_with_options(self.0, ParsingOptions { allow_dtd: false, ..ParsingOptions::default() }).map_err(|_| Refused::NotXml)
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// A declaration may say version 1.0 and UTF-8; another encoding would make another reader see another text.
fn without_declaration(text: &str) -> Result<&str, Refused> {
    let Some(rest) = text.strip_prefix("<?xml") else { return Ok(text) };
    let (declaration, rest) = rest.split_once("?>").ok_or(Refused::NotXml)?;
    let spaced = declaration.replace(['\'', '"'], " ").replace('=', " = ").to_ascii_lowercase();
    let words: Vec<_> = spaced.split_whitespace().collect();
    let (version, encoding, standalone) = (["version", "=", "1.0"], ["encoding", "=", "utf-8"], ["standalone", "="]);
    let words = words.strip_prefix(&version).ok_or(Refused::NotUtf8)?;
    let words = words.strip_prefix(&encoding).unwrap_or(words);
    match words.strip_prefix(&standalone).unwrap_or(words) {
        [] | ["yes" | "no"] => Ok(rest),
        _ => Err(Refused::NotUtf8),
    }
}

/// One pass over the bytes, before any reader sees them: what is markup beyond tags is refused, the rest is counted.
fn look_through(text: &[u8], bounds: Bounds) -> Result<(), Refused> {
    let (mut depth, mut elements, mut all_attributes, mut namespaces) = (0_usize, 0_usize, 0_usize, 0_usize);
    let mut rest = text;
    while let Some(start) = rest.iter().position(|b| *b == b'<') {
        rest = &rest[start + 1..];
        let closing = match rest.first() {
            Some(b'!' | b'?') => return Err(Refused::Markup),
            Some(b'/') => true,
            Some(_) => false,
            None => return Err(Refused::NotXml),
        };
        let (length, attributes, declared) = tag(rest)?;
        let empty = length > 0 && rest[length - 1] == b'/';
        rest = &rest[length + 1..];
        if closing {
            depth = depth.checked_sub(1).ok_or(Refused::NotXml)?;
            continue;
        }
        elements += 1;
        all_attributes += attributes;
        namespaces += declared;
        if depth + 1 > bounds.depth {
            return Err(Refused::TooDeep);
        }
        let too_many = attributes > bounds.attributes || all_attributes > bounds.all_attributes || namespaces > bounds.namespaces;
        if elements > bounds.elements || too_many {
            return Err(Refused::TooMany);
        }
        depth += usize::from(!empty);
    }
    if depth == 0 { Ok(()) } else { Err(Refused::NotXml) }
}

/// Length of a tag's inside, and how many attributes and namespace declarations it has. A `<` in it is not XML.
fn tag(rest: &[u8]) -> Result<(usize, usize, usize), Refused> {
    let (mut quote, mut attributes, mut namespaces) = (None, 0, 0);
    for (at, byte) in rest.iter().enumerate() {
        match (quote, byte) {
            (_, b'<') => return Err(Refused::NotXml),
            (Some(open), byte) if open == *byte => quote = None,
            (None, b'"' | b'\'') => quote = Some(*byte),
            (None, b'=') => attributes += 1,
            (None, b'x') if rest[at..].starts_with(b"xmlns") => namespaces += 1,
            (None, b'>') => return Ok((at, attributes, namespaces)),
            (Some(_) | None, _) => {}
        }
    }
    Err(Refused::NotXml)
}

/// Is it this element?
pub fn is(node: Node<'_, '_>, namespace: &str, name: &str) -> bool {
    node.is_element() && node.tag_name().namespace() == Some(namespace) && node.tag_name().name() == name
}

/// The child elements of this name.
pub fn children<'a, 'i>(node: Node<'a, 'i>, namespace: &'a str, name: &'a str) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |child| is(*child, namespace, name))
}

/// There are more than one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct More;

/// The only child element of this name.
pub fn only<'a, 'i>(node: Node<'a, 'i>, namespace: &'a str, name: &'a str) -> Result<Option<Node<'a, 'i>>, More> {
    let mut found = children(node, namespace, name);
    match (found.next(), found.next()) {
        (one, None) => Ok(one),
        (_, Some(_)) => Err(More),
    }
}

/// All of an element's text, if it holds nothing but text.
pub fn text<'a>(node: Node<'a, '_>) -> Option<&'a str> {
    let mut children = node.children();
    match (children.next(), children.next()) {
        (None, _) => Some(""),
        (Some(only), None) if only.is_text() => only.text(),
        _ => None,
    }
}

/// An attribute without namespace.
pub fn attribute<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    node.attributes().find(|attribute| attribute.namespace().is_none() && attribute.name() == name).map(|attribute| attribute.value())
}

/// A SAML time: xs:dateTime in UTC (SAML Core 1.3.3). `None` where it is anything else.
pub fn time(text: &str) -> Option<Timestamp> {
    text.ends_with('Z').then(|| text.parse().ok()).flatten()
}

/// Later by so much, or the last time that there is: a message may say 9999.
pub fn later(at: Timestamp, by: jiff::SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// Text of an element, spelled as canonical XML spells it (Canonical XML 1.0, 2.3).
pub fn content(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\r', "&#xD;")
}

/// The value of an attribute, spelled in the same way.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push_str("&#x9;"),
            '\n' => out.push_str("&#xA;"),
            '\r' => out.push_str("&#xD;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Option<Refused> {
        match Plain::parse(text.as_bytes(), Bounds::MESSAGE) {
            Err(reason) => Some(reason),
            Ok(plain) => plain.document().err(),
        }
    }

    #[test]
    fn plain_xml_passes_with_or_without_its_declaration() {
        for text in [
            "<a/>",
            "<?xml version=\"1.0\"?><a b='>'>x</a>",
            "<?xml version='1.0' encoding='utf-8' standalone=\"no\" ?>\n<a>&amp;&#x41;</a>\n",
        ] {
            assert_eq!(refused(text), None, "{text}");
        }
    }

    #[test]
    fn what_another_reader_may_see_otherwise_is_refused() {
        for (text, reason) in [
            ("<!DOCTYPE a><a/>", Refused::Markup),
            ("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", Refused::Markup),
            ("<a><!-- x --></a>", Refused::Markup),
            ("<a><![CDATA[x]]></a>", Refused::Markup),
            ("<a><?x y?></a>", Refused::Markup),
            ("<?xml-stylesheet href='http://x'?><a/>", Refused::NotUtf8),
            ("<?xml version=\"1.0\" encoding=\"UTF-7\"?><a/>", Refused::NotUtf8),
            ("<?xml version=\"1.0\" encoding=\"utf-16\"?><a/>", Refused::NotUtf8),
            ("<?xml version=\"1.1\"?><a/>", Refused::NotUtf8),
            ("<?xml version=\"1.0\"", Refused::NotXml),
            ("<a>&unknown;</a>", Refused::NotXml),
            ("<a><b></a></b>", Refused::NotXml),
            ("<a", Refused::NotXml),
            ("<a>", Refused::NotXml),
            ("</a>", Refused::NotXml),
            ("<a b='<'/>", Refused::NotXml),
            ("", Refused::NotXml),
            ("x", Refused::NotXml),
            ("<a/><b/>", Refused::NotXml),
            ("<a b='1' b='2'/>", Refused::NotXml),
            ("\u{feff}<a/>", Refused::NotXml),
            ("<p:a/>", Refused::NotXml),
        ] {
            assert_eq!(refused(text), Some(reason), "{text}");
        }
        assert_eq!(Plain::parse(b"<a>\xff</a>", Bounds::MESSAGE), Err(Refused::NotUtf8));
    }

    #[test]
    fn more_than_a_message_has_is_refused_before_any_reader_sees_it() {
        let attributes: String = (0..40).map(|n| format!(" a{n}=''")).collect();
        let namespaces: String = (0..20).map(|n| format!(" xmlns:a{n}='x'")).collect();
        for (text, reason) in [
            ("<a>".repeat(2000) + &"</a>".repeat(2000), Refused::TooDeep),
            (format!("<a>{}</a>", "<b/>".repeat(2000)), Refused::TooMany),
            (format!("<a{attributes}/>"), Refused::TooMany),
            (format!("<a>{}</a>", format!("<b{namespaces}/>").repeat(50)), Refused::TooMany),
            (format!("<a>{}</a>", "<b c='' d='' e='' f=''/>".repeat(600)), Refused::TooMany),
            (format!("<a>{}</a>", "x".repeat(LARGEST)), Refused::TooLarge),
        ] {
            assert_eq!(refused(&text), Some(reason));
        }
    }

    #[test]
    fn times_are_utc_or_nothing() {
        assert_eq!(time("2026-11-23T08:10:00.5Z").map(Timestamp::as_millisecond), Some(1_795_421_400_500));
        for text in ["", "2026-11-23T08:10:00", "2026-11-23T08:10:00+01:00", "2026-11-23", "2026-13-23T08:10:00Z", "now"] {
            assert_eq!(time(text), None, "{text}");
        }
    }
}
