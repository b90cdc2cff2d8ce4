//! Screening of messages before any C code reads them: a message passes only in the one shape in which its signature is unambiguous.
//!
//! A signature covers its own parent and nothing else. There is one assertion, and no other element can be mistaken for one. Wrapped, moved
//! and additional assertions are refused, and so are unlisted algorithms.

use std::collections::HashSet;

use roxmltree::{Document, Node};

use super::{
    Refused,
    // References of signatures are found by exact spelling, as in xmlsec.
    xml::{ASSERTION, DS, PROTOCOL, XENC, children, exact_attribute as attribute, is, only, text},
};

const SIGNATURE_ALGORITHMS: [&str; 6] = [
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
];
const DIGEST_ALGORITHMS: [&str; 3] =
    ["http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2001/04/xmldsig-more#sha384", "http://www.w3.org/2001/04/xmlenc#sha512"];
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

/// Structure of a Response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Whether the Response is signed.
    pub response_signed: bool,
    /// Whether the plain Assertion is signed.
    pub assertion_signed: bool,
    pub holds: Holds,
}

/// Content of a Response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// A plain assertion.
    Assertion,
    /// An encrypted assertion.
    Encrypted,
    /// No assertion: a failure.
    Nothing,
}

/// Screens a Response.
pub fn response(document: &Document<'_>) -> Result<Shape, Refused> {
    let root = document.root_element();
    if !is(root, PROTOCOL, "Response") {
        return Err(Refused::Root);
    }
    ids_are_unique(document)?;
    let all = || document.descendants().filter(Node::is_element);
    let assertions: Vec<_> = all().filter(|node| is(*node, ASSERTION, "Assertion") || is(*node, ASSERTION, "EncryptedAssertion")).collect();
    let holds = match assertions.as_slice() {
        [] => Holds::Nothing,
        [one] if one.parent() != Some(root) => return Err(Refused::AssertionPlace),
        [one] if is(*one, ASSERTION, "Assertion") => Holds::Assertion,
        [_encrypted] => Holds::Encrypted,
        [_, _, ..] => return Err(Refused::AssertionCount),
    };
    // In any namespace and case, so that no other reader finds an assertion that ours does not.
    let looks_like = |node: &Node<'_, '_>| node.tag_name().name().eq_ignore_ascii_case("assertion");
    if all().filter(looks_like).count() > usize::from(holds == Holds::Assertion) {
        return Err(Refused::AssertionCount);
    }
    let plain = (holds == Holds::Assertion).then(|| assertions[0]);
    signatures_are_in_place(document, &[Some(root), plain])?;
    Ok(Shape {
        response_signed: signature_of(root)?.is_some(),
        assertion_signed: plain.map(signature_of).transpose()?.flatten().is_some(),
        holds,
    })
}

/// Screens a decrypted assertion. Returns whether it is signed.
pub fn assertion(document: &Document<'_>) -> Result<bool, Refused> {
    let root = document.root_element();
    if !is(root, ASSERTION, "Assertion") {
        return Err(Refused::Root);
    }
    signed_alone(document)
}

/// Screens a message without assertions, such as a LogoutRequest. Returns whether it is signed.
pub fn message(document: &Document<'_>, name: &str) -> Result<bool, Refused> {
    let root = document.root_element();
    if !is(root, PROTOCOL, name) {
        return Err(Refused::Root);
    }
    signed_alone(document)
}

/// Screens metadata whose signature is required. Returns whether it is signed.
pub fn metadata(document: &Document<'_>) -> Result<bool, Refused> {
    let root = document.root_element();
    ids_are_unique(document)?;
    signatures_are_in_place(document, &[Some(root)])?;
    Ok(signature_of(root)?.is_some())
}

fn signed_alone(document: &Document<'_>) -> Result<bool, Refused> {
    let root = document.root_element();
    ids_are_unique(document)?;
    let inner = |node: &Node<'_, '_>| *node != root && node.tag_name().name().to_ascii_lowercase().ends_with("assertion");
    if document.descendants().any(|node| inner(&node)) {
        return Err(Refused::AssertionCount);
    }
    signatures_are_in_place(document, &[Some(root)])?;
    Ok(signature_of(root)?.is_some())
}

/// Checks that IDs, in all spellings that readers accept, are unique names without a namespace, which some readers ignore.
fn ids_are_unique(document: &Document<'_>) -> Result<(), Refused> {
    let mut seen = HashSet::new();
    for attribute in document.descendants().flat_map(|node| node.attributes()) {
        let is_id = attribute.name().eq_ignore_ascii_case("id");
        if is_id && (attribute.namespace().is_some() || !is_name(attribute.value()) || !seen.insert(attribute.value())) {
            return Err(Refused::Id);
        }
    }
    Ok(())
}

/// An ASCII NCName, the form of all real IDs.
fn is_name(id: &str) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    id.len() <= 256 && id.starts_with(first) && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// Checks that each signature is a child of one of `parents`.
fn signatures_are_in_place(document: &Document<'_>, parents: &[Option<Node<'_, '_>>]) -> Result<(), Refused> {
    let looks_like = |node: &Node<'_, '_>| node.is_element() && node.tag_name().name().eq_ignore_ascii_case("signature");
    for signature in document.descendants().filter(looks_like) {
        if !is(signature, DS, "Signature") || !signature.parent().is_some_and(|parent| parents.contains(&Some(parent))) {
            return Err(Refused::SignaturePlace);
        }
    }
    Ok(())
}

/// Parts of a screened signature.
#[derive(Debug, Clone, Copy)]
pub struct ScreenedSignature<'a> {
    /// The signed element.
    pub element: Node<'a, 'a>,
    /// The Signature element.
    pub signature: Node<'a, 'a>,
    /// SignedInfo, the text under the signature.
    pub info: Node<'a, 'a>,
    /// PrefixList of CanonicalizationMethod.
    pub info_prefixes: &'a str,
    /// Algorithm of SignatureMethod.
    pub method: &'a str,
    /// SignatureValue, base64.
    pub value: &'a str,
    /// PrefixList of the Reference's canonicalisation.
    pub prefixes: &'a str,
    /// Algorithm of DigestMethod.
    pub digest_method: &'a str,
    /// DigestValue, base64.
    pub digest: &'a str,
}

/// Parts of a screened element's signature; `None` if it has none.
pub fn signed<'a>(element: Node<'a, 'a>) -> Result<Option<ScreenedSignature<'a>>, Refused> {
    let Some(signature) = signature_of(element)? else { return Ok(None) };
    let part = |node, name| only(node, DS, name).ok().flatten().ok_or(Refused::SignatureShape);
    let algorithm = |node| attribute(node, "Algorithm").ok_or(Refused::SignatureShape);
    let info = part(signature, "SignedInfo")?;
    let reference = part(info, "Reference")?;
    let canonical = children(part(reference, "Transforms")?, DS, "Transform").last().ok_or(Refused::Transform)?;
    Ok(Some(ScreenedSignature {
        element,
        signature,
        info,
        info_prefixes: prefix_list(part(info, "CanonicalizationMethod")?),
        method: algorithm(part(info, "SignatureMethod")?)?,
        value: text(part(signature, "SignatureValue")?).ok_or(Refused::SignatureShape)?,
        prefixes: prefix_list(canonical),
        digest_method: algorithm(part(reference, "DigestMethod")?)?,
        digest: text(part(reference, "DigestValue")?).ok_or(Refused::SignatureShape)?,
    }))
}

fn prefix_list<'a>(method: Node<'a, 'a>) -> &'a str {
    only(method, EXCLUSIVE, "InclusiveNamespaces").ok().flatten().and_then(|list| attribute(list, "PrefixList")).unwrap_or_default()
}

/// The signature of an element, after checking that it covers exactly this element, uses listed algorithms and has no other parts.
fn signature_of<'a>(element: Node<'a, 'a>) -> Result<Option<Node<'a, 'a>>, Refused> {
    let Some(signature) = only(element, DS, "Signature").map_err(|_more| Refused::SignatureCount)? else { return Ok(None) };
    let id = attribute(element, "ID").ok_or(Refused::Id)?;
    // xmlsec asks libxml2 for attributes by local name alone, so `e:URI` before `URI` would be followed.
    if signature.descendants().flat_map(|node| node.attributes()).any(|attribute| attribute.namespace().is_some()) {
        return Err(Refused::SignatureShape);
    }
    let (mut info, mut value, mut key_info) = (None, None, None);
    for part in signature.children().filter(Node::is_element) {
        let place = match part.tag_name().name() {
            "SignedInfo" if value.is_none() => &mut info,
            "SignatureValue" if info.is_some() => &mut value,
            "KeyInfo" if value.is_some() => &mut key_info,
            _ => return Err(Refused::SignatureShape),
        };
        if part.tag_name().namespace() != Some(DS) || place.replace(part).is_some() {
            return Err(Refused::SignatureShape);
        }
    }
    let (Some(info), Some(value)) = (info, value) else { return Err(Refused::SignatureShape) };
    text(value).ok_or(Refused::SignatureShape)?;
    signed_info(info, id)?;
    key_info.map_or(Ok(()), only_certificates)?;
    Ok(Some(signature))
}

fn signed_info(info: Node<'_, '_>, id: &str) -> Result<(), Refused> {
    let parts: Vec<_> = info.children().filter(Node::is_element).collect();
    let [canonicalization, method, reference] = parts.as_slice() else {
        let references = children(info, DS, "Reference").count();
        return Err(if references == 1 { Refused::SignatureShape } else { Refused::Reference });
    };
    let all = [(canonicalization, "CanonicalizationMethod"), (method, "SignatureMethod"), (reference, "Reference")];
    if !all.iter().all(|(node, name)| is(**node, DS, name)) {
        return Err(Refused::SignatureShape);
    }
    exclusive(*canonicalization).map_err(|()| Refused::Canonicalization)?;
    listed(*method, &SIGNATURE_ALGORITHMS).map_err(|()| Refused::SignatureAlgorithm)?;
    if attribute(*reference, "URI").and_then(|uri| uri.strip_prefix('#')) != Some(id) {
        return Err(Refused::Reference);
    }
    let parts: Vec<_> = reference.children().filter(Node::is_element).collect();
    let [transforms, digest, value] = parts.as_slice() else { return Err(Refused::SignatureShape) };
    if !is(*transforms, DS, "Transforms") || !is(*digest, DS, "DigestMethod") || !is(*value, DS, "DigestValue") || text(*value).is_none() {
        return Err(Refused::SignatureShape);
    }
    let transforms: Vec<_> = transforms.children().filter(Node::is_element).collect();
    let [enveloped, canonical] = transforms.as_slice() else { return Err(Refused::Transform) };
    if !is(*enveloped, DS, "Transform") || !is(*canonical, DS, "Transform") {
        return Err(Refused::Transform);
    }
    listed(*enveloped, &[ENVELOPED]).map_err(|()| Refused::Transform)?;
    exclusive(*canonical).map_err(|()| Refused::Transform)?;
    listed(*digest, &DIGEST_ALGORITHMS).map_err(|()| Refused::DigestAlgorithm)
}

/// Checks that the algorithm is listed and has no parameters.
fn listed(node: Node<'_, '_>, algorithms: &[&str]) -> Result<(), ()> {
    let named = attribute(node, "Algorithm").is_some_and(|algorithm| algorithms.contains(&algorithm));
    if named && !node.children().any(|child| child.is_element()) { Ok(()) } else { Err(()) }
}

/// Longest PrefixList, bytes. Real ones are `xs` or `xsd xsi`. libxml2 looks up each prefix at every element, so thousands of them would
/// cost minutes before the signature is verified.
const LONGEST_LIST: usize = 64;

/// Checks for exclusive canonicalisation, optionally with a PrefixList.
fn exclusive(node: Node<'_, '_>) -> Result<(), ()> {
    let parts: Vec<_> = node.children().filter(Node::is_element).collect();
    let known = match parts.as_slice() {
        [] => true,
        [prefixes] => {
            let list = attribute(*prefixes, "PrefixList").unwrap_or_default();
            is(*prefixes, EXCLUSIVE, "InclusiveNamespaces") && !prefixes.has_children() && list.len() <= LONGEST_LIST
        }
        _ => false,
    };
    if known && attribute(node, "Algorithm") == Some(EXCLUSIVE) { Ok(()) } else { Err(()) }
}

/// Checks that KeyInfo contains only certificates and their names. They are ignored, because the key comes from the metadata; references
/// are refused.
fn only_certificates(key_info: Node<'_, '_>) -> Result<(), Refused> {
    let known = |node: Node<'_, '_>| {
        let name = node.tag_name().name();
        node.tag_name().namespace() == Some(DS)
            && matches!(
                name,
                "X509Data" | "X509Certificate" | "X509SubjectName" | "X509IssuerSerial" | "X509IssuerName" | "X509SerialNumber" | "X509SKI"
            )
    };
    let inside = key_info.descendants().filter(|node| node.is_element() && *node != key_info);
    if inside.into_iter().all(known) { Ok(()) } else { Err(Refused::KeyInfo) }
}

/// Parts of an EncryptedAssertion.
#[derive(Debug, Clone, Copy)]
pub struct Encrypted<'a> {
    /// Algorithm of key encryption.
    pub key_algorithm: &'a str,
    /// Digest of OAEP.
    pub key_digest: Option<&'a str>,
    /// Mask generation function of OAEP (XML Encryption 1.1).
    pub key_mask: Option<&'a str>,
    /// The encrypted content key, base64.
    pub key: &'a str,
    /// Algorithm of content encryption.
    pub content_algorithm: &'a str,
    /// The encrypted content, base64.
    pub content: &'a str,
}

/// Parts of an EncryptedAssertion: one EncryptedData and one EncryptedKey, inside or beside it, with inline values.
pub fn encrypted<'a>(assertion: Node<'a, 'a>) -> Result<Encrypted<'a>, Refused> {
    let wrong = Refused::EncryptionShape;
    let data = only(assertion, XENC, "EncryptedData").ok().flatten().ok_or(wrong)?;
    if attribute(data, "Type").is_some_and(|kind| kind != "http://www.w3.org/2001/04/xmlenc#Element") {
        return Err(wrong);
    }
    let mut keys = assertion.descendants().filter(|node| is(*node, XENC, "EncryptedKey"));
    let (Some(key), None) = (keys.next(), keys.next()) else { return Err(wrong) };
    let beside = key.parent() == Some(assertion);
    let inside = key.parent().is_some_and(|info| is(info, DS, "KeyInfo") && info.parent() == Some(data));
    if !(beside || inside) {
        return Err(wrong);
    }
    let method = |node| only(node, XENC, "EncryptionMethod").ok().flatten().ok_or(wrong);
    let algorithm = |node| attribute(node, "Algorithm").ok_or(wrong);
    let value = |node: Node<'a, 'a>| {
        let cipher = only(node, XENC, "CipherData").ok().flatten()?;
        text(only(cipher, XENC, "CipherValue").ok().flatten()?)
    };
    let key_method = method(key)?;
    if only(key_method, XENC, "OAEPparams").map_err(|_more| wrong)?.is_some() {
        return Err(Refused::KeyEncryption);
    }
    let parameter = |name: &'static str| {
        let mut found = key_method.children().filter(|child| child.is_element() && child.tag_name().name() == name);
        match (found.next(), found.next()) {
            (None, _) => Ok(None),
            (Some(one), None) => algorithm(one).map(Some),
            (Some(_), Some(_)) => Err(wrong),
        }
    };
    Ok(Encrypted {
        key_algorithm: algorithm(key_method)?,
        key_digest: parameter("DigestMethod")?,
        key_mask: parameter("MGF")?,
        key: value(key).ok_or(wrong)?,
        content_algorithm: algorithm(method(data)?)?,
        content: value(data).ok_or(wrong)?,
    })
}
