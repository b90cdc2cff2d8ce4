//! Exclusive canonicalisation of an element without comments (Exclusive XML Canonicalization 1.0).
//!
//! It lets us verify a signature before any C code reads the message. xmlsec verifies accepted messages again and must produce the same
//! bytes. The input has passed [`super::Plain`]: no DTD, comment, CDATA section or processing instruction.

use std::collections::BTreeSet;

use roxmltree::{Attribute, Node};

use super::super::Refused;

/// Parameters of a canonicalisation.
#[derive(Debug, Clone, Copy)]
pub struct CanonicalRules<'a> {
    /// Child element to leave out (enveloped-signature).
    pub without: Option<Node<'a, 'a>>,
    /// PrefixList of InclusiveNamespaces.
    pub prefixes: &'a str,
    /// Largest output, bytes.
    pub largest: usize,
}

/// The canonical text of an element.
pub fn canonical<'a>(element: Node<'a, 'a>, rules: CanonicalRules<'a>) -> Result<String, Refused> {
    let inclusive = rules.prefixes.split_ascii_whitespace().map(|prefix| if prefix == "#default" { "" } else { prefix }).collect();
    let mut writer =
        Writer { rules, inclusive, rendered: Vec::new(), out: String::with_capacity(element.range().len().min(rules.largest)) };
    writer.element(element)?;
    Ok(writer.out)
}

struct Writer<'a> {
    rules: CanonicalRules<'a>,
    inclusive: BTreeSet<&'a str>,
    /// Prefix and namespace of the declarations of open elements, the innermost last.
    rendered: Vec<(&'a str, &'a str)>,
    out: String,
}

impl<'a> Writer<'a> {
    /// Recursive; the depth is bounded by [`super::Bounds`].
    fn element(&mut self, node: Node<'a, 'a>) -> Result<(), Refused> {
        let source = node.document().input_text();
        let name = source[node.range()].strip_prefix('<').ok_or(Refused::NotXml)?;
        let name = &name[..name.find([' ', '\t', '\r', '\n', '/', '>']).ok_or(Refused::NotXml)?];
        self.out.push('<');
        self.out.push_str(name);
        let outer = self.rendered.len();
        let mut attributes: Vec<_> = node.attributes().map(|attribute| (attribute, &source[attribute.range_qname()])).collect();
        self.namespaces(node, prefix_of(name), &attributes);
        attributes.sort_unstable_by_key(|(attribute, _)| (attribute.namespace().unwrap_or_default(), attribute.name()));
        for (attribute, name) in attributes {
            self.attribute(name, attribute.value());
        }
        self.out.push('>');
        let without = self.rules.without;
        for child in node.children().filter(|child| Some(*child) != without) {
            if self.out.len() > self.rules.largest {
                return Err(Refused::TooLarge);
            }
            if child.is_element() {
                self.element(child)?;
            } else if child.is_text() {
                push_content(&mut self.out, child.text().unwrap_or_default());
            } else {
                return Err(Refused::Markup);
            }
        }
        self.rendered.truncate(outer);
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
        if self.out.len() > self.rules.largest { Err(Refused::TooLarge) } else { Ok(()) }
    }

    /// Declares the namespaces that the element and its attributes use, and listed ones, unless an outer element has the same declaration.
    fn namespaces(&mut self, node: Node<'a, 'a>, own: &'a str, attributes: &[(Attribute<'a, 'a>, &'a str)]) {
        let mut used: BTreeSet<&str> = attributes.iter().map(|(_, name)| prefix_of(name)).filter(|prefix| !prefix.is_empty()).collect();
        used.insert(own);
        used.extend(self.inclusive.iter().copied());
        for prefix in used {
            let in_scope = node.lookup_namespace_uri(Some(prefix).filter(|prefix| !prefix.is_empty()));
            // Not in scope: a listed prefix without declaration, or no default namespace, which is written only inside a declared one.
            let namespace = in_scope.unwrap_or_default();
            let said = self.rendered.iter().rev().find(|(said, _)| *said == prefix).map_or("", |(_, namespace)| *namespace);
            if prefix == "xml" || namespace == said || (namespace.is_empty() && !prefix.is_empty()) {
                continue;
            }
            self.rendered.push((prefix, namespace));
            self.out.push_str(" xmlns");
            if !prefix.is_empty() {
                self.out.push(':');
                self.out.push_str(prefix);
            }
            self.out.push_str("=\"");
            push_escaped(&mut self.out, namespace);
            self.out.push('"');
        }
    }

    fn attribute(&mut self, name: &str, value: &str) {
        self.out.push(' ');
        self.out.push_str(name);
        self.out.push_str("=\"");
        push_escaped(&mut self.out, value);
        self.out.push('"');
    }
}

fn prefix_of(name: &str) -> &str {
    name.split_once(':').map_or("", |(prefix, _)| prefix)
}

/// Text of an element (Canonical XML 1.0, section 2.3).
pub fn push_content(out: &mut String, text: &str) {
    push(out, text, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'\r' => Some("&#xD;"),
        _ => None,
    });
}

/// Value of an attribute (Canonical XML 1.0, section 2.3).
pub fn push_escaped(out: &mut String, text: &str) {
    push(out, text, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'"' => Some("&quot;"),
        b'\t' => Some("&#x9;"),
        b'\n' => Some("&#xA;"),
        b'\r' => Some("&#xD;"),
        _ => None,
    });
}

/// Copies runs of plain text as a whole.
fn push(out: &mut String, text: &str, spelled: impl Fn(u8) -> Option<&'static str>) {
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        if let Some(spelled) = spelled(byte) {
            out.push_str(&text[from..at]);
            out.push_str(spelled);
            from = at + 1;
        }
    }
    out.push_str(&text[from..]);
}
