//! Test that xmlsec verifies, for arbitrary documents, digests and signatures over our canonicalisation.

use data_encoding::BASE64;
use openssl::hash::{MessageDigest, hash};
use proptest::prelude::*;

use super::forge::{EVERYBODY, signing_key};
use crate::identity::saml::{
    signature,
    xml::{
        Bounds, Plain,
        canonical::{CanonicalRules, canonical},
    },
};

fn declaration() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "",
        " xmlns:p='urn:one'",
        " xmlns:p='urn:two'",
        " xmlns:q=\"http://q.test/?a=1;b='2'\"",
        " xmlns:q='urn:one'",
        " xmlns='urn:default'",
        " xmlns=''",
        " xmlns='urn:one'\n xmlns:unused='urn:unused'",
        " xmlns:q='urn:three' xmlns:p='urn:two'",
    ])
}

fn attributes() -> impl Strategy<Value = String> {
    let name = prop::sample::subsequence(vec!["z", "a", "p:b", "q:a", "xml:lang", "A"], 0..4);
    let value = prop::sample::select(vec![
        "",
        "1",
        "a  b",
        "&quot;'&#9;&#10;&#13;",
        "&lt;&gt;>&amp;",
        "line\nbreak\ttab",
        "\u{e6}\u{10ffff}",
        "&#x1F600;",
    ]);
    (name, value).prop_map(|(names, value)| names.iter().map(|name| format!(" {name} = \"{value}\"")).collect())
}

fn tree() -> impl Strategy<Value = String> {
    let text = prop::sample::select(vec!["", "x", "&amp;&lt;&gt;>\"'", "\r\n \r\t", "&#13;&#xD;&#x9;", "\u{e6}&#xE6;\u{feff}", "]] >"])
        .prop_map(str::to_owned);
    text.prop_recursive(5, 40, 4, |inner| {
        let name = prop::sample::select(vec!["a", "p:a", "q:a", "b", "p:B"]);
        (name, declaration(), attributes(), prop::collection::vec(inner, 0..4)).prop_map(|(name, declared, attributes, inner)| {
            let inner = inner.concat();
            if inner.is_empty() {
                format!("<{name}{attributes}{declared} />")
            } else {
                format!("<{name}{declared}{attributes}\n>{inner}</{name} >")
            }
        })
    })
}

/// A document whose root is signed over our canonicalisation.
fn signed(inner: &str, prefixes: &str) -> Option<String> {
    let list = |prefixes: &str| {
        let named = format!("<e:InclusiveNamespaces xmlns:e=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"{prefixes}\"/>");
        if prefixes.is_empty() { String::new() } else { named }
    };
    let signature = |digest: &str, value: &str| {
        format!(
            "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignedInfo>\n <ds:CanonicalizationMethod \
             Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\">{}</ds:CanonicalizationMethod><ds:SignatureMethod \
             Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"/><ds:Reference URI=\"#_x\"><ds:Transforms><ds:Transform \
             Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/><ds:Transform \
             Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\">{}</ds:Transform></ds:Transforms><ds:DigestMethod \
             Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/><ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>\
             <ds:SignatureValue>{value}</ds:SignatureValue></ds:Signature>",
            list(prefixes),
            list(prefixes)
        )
    };
    let whole = |signature: &str| {
        format!("<q:root xmlns:q='urn:root' xmlns:p='urn:one' xmlns='urn:default' ID='_x' p:a='' ><i/>{signature}{inner}</q:root>")
    };
    let part = |text: &str, info: bool| {
        let document = Plain::parse(text.as_bytes(), Bounds::MESSAGE).ok()?.document().ok()?;
        let root = document.root_element();
        let signature = root.children().find(|node| node.tag_name().name() == "Signature")?;
        let (element, without) = if info { (signature.first_element_child()?, None) } else { (root, Some(signature)) };
        canonical(element, CanonicalRules { without, prefixes, largest: 1 << 20 }).ok()
    };
    let digest = BASE64.encode(&hash(MessageDigest::sha256(), part(&whole(&signature("", "")), false)?.as_bytes()).ok()?);
    let info = part(&whole(&signature(&digest, "")), true)?;
    let value = signature::sign(EVERYBODY.idp.signing.key(), false, info.as_bytes()).ok()?;
    Some(whole(&signature(&digest, &BASE64.encode(&value))))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn xmlsec_comes_to_the_same_bytes(inner in tree(), prefixes in prop::sample::select(vec!["", "p", "#default q", "p q unused", "xsi #default"])) {
        let text = signed(&inner, prefixes);
        prop_assume!(text.is_some()); // two attributes may have received the same name
        let text = text.unwrap_or_default();
        let plain = Plain::parse(text.as_bytes(), Bounds::MESSAGE).expect("plain");
        let document = plain.document().expect("XML");
        let told = signature::verified(plain, &[document.root_element()], &[signing_key(&EVERYBODY.idp.signing)]);
        prop_assert!(told.is_ok(), "{told:?} for {text}");
    }
}
