//! Reading of untrusted XML.
//!
//! Invariant: text that [`Plain::parse`] accepts has no DTD, comment, CDATA section or processing instruction, and is UTF-8 and within
//! [`Bounds`]. It means the same to every reader and costs none of them much. The reader is roxmltree, which resolves no entities and
//! fetches nothing.

pub mod canonical;
mod lexical;
mod time;

use roxmltree::{Document, Node, ParsingOptions};

pub use self::{
    lexical::Bounds,
    time::{later, time},
};
use super::Refused;

/// SAML protocol. Namespaces and algorithm names are identifiers; they are never fetched.
pub const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
/// SAML assertions.
pub const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
/// SAML metadata.
pub const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
/// XML signatures.
pub const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
/// XML encryption.
pub const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";

/// Largest Response, bytes. Usual ones have 5 to 20 KB; see [`Bounds::MESSAGE`] for large ones.
pub const LARGEST: usize = 384 * 1024;
/// Largest logout message, bytes.
pub const LARGEST_LOGOUT: usize = 32 * 1024;

/// XML text that is safe for every reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plain<'a>(&'a str);

impl<'a> Plain<'a> {
    /// Removes the XML declaration and checks the rest in one pass.
    pub fn parse(bytes: &'a [u8], bounds: Bounds) -> Result<Self, Refused> {
        if bytes.len() > bounds.bytes {
            return Err(Refused::TooLarge);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Refused::NotUtf8)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text); // byte order mark
        let text = without_declaration(text)?.trim_matches(is_blank);
        if !text.starts_with('<') {
            return Err(Refused::NotXml);
        }
        lexical::look_through(text, bounds)?;
        Ok(Self(text))
    }

    /// Marks text that we have written from checked text.
    pub fn canonical(text: &'a str) -> Self {
        Self(text)
    }

    /// The text without XML declaration.
    pub fn text(self) -> &'a str {
        self.0
    }

    /// Parses the text.
    pub fn document(self) -> Result<Document<'a>, Refused> {
        Document::parse_with_options(self.0, ParsingOptions { allow_dtd: false, ..ParsingOptions::default() }).map_err(|_| Refused::NotXml)
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// Removes the XML declaration. It may declare version 1.0 and UTF-8; with another encoding another reader would read another text.
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

/// Whether the node is this element.
pub fn is(node: Node<'_, '_>, namespace: &str, name: &str) -> bool {
    node.is_element() && node.tag_name().namespace() == Some(namespace) && node.tag_name().name() == name
}

/// Child elements with this name.
pub fn children<'a, 'i>(node: Node<'a, 'i>, namespace: &'a str, name: &'a str) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |child| is(*child, namespace, name))
}

/// More than one child element has the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct More;

/// The only child element with this name.
pub fn only<'a, 'i>(node: Node<'a, 'i>, namespace: &'a str, name: &'a str) -> Result<Option<Node<'a, 'i>>, More> {
    let mut found = children(node, namespace, name);
    match (found.next(), found.next()) {
        (one, None) => Ok(one),
        (_, Some(_)) => Err(More),
    }
}

/// An element's text without surrounding white space, if it contains only text. Providers indent, and no name or number starts or ends with
/// white space.
pub fn text<'a>(node: Node<'a, '_>) -> Option<&'a str> {
    let mut children = node.children();
    match (children.next(), children.next()) {
        (None, _) => Some(""),
        (Some(only), None) if only.is_text() => only.text().map(trimmed),
        _ => None,
    }
}

/// Without surrounding white space, as XML Schema normalises addresses, identifiers and times (`collapse`).
pub fn trimmed(text: &str) -> &str {
    text.trim_matches(is_blank)
}

/// An attribute without namespace. All SAML attributes have types whose surrounding white space is ignored.
pub fn attribute<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    exact_attribute(node, name).map(trimmed)
}

/// An attribute without namespace, unchanged.
pub fn exact_attribute<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    node.attributes().find(|attribute| attribute.namespace().is_none() && attribute.name() == name).map(|attribute| attribute.value())
}

/// Text of an element in canonical spelling (Canonical XML 1.0, section 2.3).
pub fn content(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    canonical::push_content(&mut out, text);
    out
}

/// Value of an attribute in canonical spelling.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    canonical::push_escaped(&mut out, text);
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
            ("<a/>\u{feff}", Refused::NotXml),
            ("\u{feff}\u{feff}<a/>", Refused::NotXml),
            ("<p:a/>", Refused::NotXml),
        ] {
            assert_eq!(refused(text), Some(reason), "{text}");
        }
        assert_eq!(Plain::parse(b"<a>\xff</a>", Bounds::MESSAGE), Err(Refused::NotUtf8));
    }

    #[test]
    fn more_than_a_message_has_is_refused_before_any_reader_sees_it() {
        let attributes: String = (0..40).map(|n| format!(" a{n}=''")).collect();
        let namespaces: String = (0..20).map(|n| format!(" xmlns:a{n}='urn:x'")).collect();
        for (text, reason) in [
            ("<a>".repeat(2000) + &"</a>".repeat(2000), Refused::TooDeep),
            (format!("<a>{}</a>", "<b/>".repeat(20_000)), Refused::TooMany),
            (format!("<a{attributes}/>"), Refused::TooMany),
            (format!("<a>{}</a>", format!("<b{namespaces}/>").repeat(500)), Refused::TooMany),
            (format!("<a{namespaces}><b{namespaces}/></a>"), Refused::TooMany),
            (format!("<a>{}</a>", "<b c='' d='' e='' f=''/>".repeat(2500)), Refused::TooMany),
            (format!("<a>{}</a>", "x".repeat(LARGEST)), Refused::TooLarge),
        ] {
            assert_eq!(refused(&text), Some(reason));
        }
        // Declarations of sibling elements are not in scope together.
        assert_eq!(refused(&format!("<a>{}</a>", format!("<b{namespaces}/>").repeat(20))), None);
    }

    #[test]
    fn characters_that_xml_has_not_are_refused_however_they_are_spelled() {
        for bad in [
            "&#0;",
            "&#x0;",
            "&#1;",
            "&#x8;",
            "&#11;",
            "&#x1F;",
            "&#xD800;",
            "&#xDFFF;",
            "&#xFFFE;",
            "&#xFFFF;",
            "&#x110000;",
            "&#99999999999;",
            "&#;",
            "&#x;",
            "&#+9;",
            "&#-1;",
            "&# 9;",
            "&#xG;",
            "&#X41;",
            "&;",
            "&",
            "&amp",
            "&foo;",
            "&#0000000000000065;",
            "\u{1}",
            "\u{b}",
            "\u{fffe}",
            "\u{ffff}",
            "\0",
        ] {
            assert_eq!(refused(&format!("<a>{bad}</a>")), Some(Refused::NotXml), "{bad:?} as text");
            assert_eq!(refused(&format!("<a b=\"{bad}\"/>")), Some(Refused::NotXml), "{bad:?} as a value");
        }
        for good in [
            "&#9;",
            "&#xA;",
            "&#xd;",
            "&#32;",
            "&#xD7FF;",
            "&#xE000;",
            "&#xFFFD;",
            "&#x10FFFF;",
            "&amp;&lt;&gt;&quot;&apos;",
            "\u{fffd}",
            "\u{10ffff}",
        ] {
            assert_eq!(refused(&format!("<a b=\"{good}\">{good}</a>")), None, "{good:?}");
        }
    }

    #[test]
    fn namespaces_that_are_undeclared_reserved_or_relative_are_refused() {
        for bad in [
            "xmlns:p=''",
            "xmlns:p = \"\"",
            "xmlns:p\n='\t'",
            "xmlns:xmlns='urn:a'",
            "xmlns:xml='urn:a'",
            "xmlns:xml='http://www.w3.org/XML/1998/namespace'",
            "xmlns:p='http://www.w3.org/XML/1998/namespace'",
            "xmlns='http://www.w3.org/2000/xmlns/'",
            "xmlns:='urn:a'",
            "xmlns='relative'",
            "xmlns:p='../a'",
            "xmlns:p='urn a:b'",
            "xmlns:p=' urn:a'",
            "xmlns:p=':a'",
            "xmlns:p='1:a'",
            "xmlns:p='urn:å'",
        ] {
            assert_eq!(refused(&format!("<a {bad}/>")), Some(Refused::Namespace), "{bad}");
            assert_eq!(refused(&format!("<a><b c='xmlns:p'  {bad} d=''/></a>")), Some(Refused::Namespace), "{bad}");
        }
        for good in ["xmlns=''", "xmlns='urn:a'", "xmlns:p='http://a.test/b?c=d;e#f'", "b='xmlns:p=\"\"'"] {
            assert_eq!(refused(&format!("<a {good}/>")), None, "{good}");
        }
    }
}
