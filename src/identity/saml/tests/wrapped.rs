//! Tests of forged, wrapped, moved and mixed signatures.

use super::forge::{ASSERTION, Content, EVERYBODY, Forge, KeyWay, metadata, now, provider, read, read_by, seal, sign, signing_key};
use crate::identity::saml::Refused;

/// The attacker's assertion, for the account `evil`.
fn evil() -> String {
    ASSERTION.replace("ID=\"_a\"", "ID=\"_evil\"").replace(">anna<", ">evil<")
}

/// A Response around any content.
fn around(inner: &str) -> String {
    let message = Forge { assertion: "@".to_owned(), sign_assertion: false, ..Forge::default() }.message();
    message.replace('@', inner)
}

/// A signed assertion, and its signature separately.
fn apart() -> (String, String) {
    let signed = Forge::default().assertion_text();
    let (start, end) =
        (signed.find("<ds:Signature").expect("there"), signed.find("</ds:Signature>").expect("there") + "</ds:Signature>".len());
    (format!("{}{}", &signed[..start], &signed[end..]), signed[start..end].to_owned())
}

#[test]
fn nothing_unsigned_or_signed_by_another_is_taken() {
    assert_eq!(read(&Forge::signed(false, false).message()), Err(Refused::Unsigned));
    for (assertion, response) in [(true, false), (false, true), (true, true)] {
        // The attacker's certificate is in KeyInfo, which is ignored.
        let forge = Forge { by_attacker: true, ..Forge::signed(assertion, response) };
        assert_eq!(read(&forge.message()), Err(Refused::Signature));
        let encrypted = Forge { encrypted: Some((Content::Aes128Gcm, KeyWay::Mgf1p)), ..forge };
        assert_eq!(read(&encrypted.message()), Err(Refused::Signature));
    }
    let unsigned = Forge { sign_assertion: false, ..Forge::encrypted(Content::Aes256Cbc, KeyWay::Mgf1p) };
    assert_eq!(read(&unsigned.message()), Err(Refused::Unsigned), "anybody can encrypt to us");
}

#[test]
fn either_of_two_keys_in_the_metadata_is_taken_and_without_keys_nothing() {
    let mut both = metadata();
    both.keys.insert(0, signing_key(&EVERYBODY.attacker.signing)); // the next key of a rollover
    for by_attacker in [false, true] {
        let message = Forge { by_attacker, ..Forge::signed(true, true) }.message();
        assert!(read_by(&provider(), &both, message.as_bytes(), now(), true).is_ok());
    }
    // Each signature by another key: a provider whose components roll over one after the other.
    let inside = sign(ASSERTION, "</saml:Issuer>", "_a", &EVERYBODY.attacker.signing);
    let mixed = Forge { assertion: inside, ..Forge::signed(false, true) };
    for message in [mixed.message(), Forge { encrypted: Some((Content::Aes256Gcm, KeyWay::Oaep11)), ..mixed.clone() }.message()] {
        assert!(read_by(&provider(), &both, message.as_bytes(), now(), true).is_ok(), "{message}");
        assert_eq!(read_by(&provider(), &metadata(), message.as_bytes(), now(), true), Err(Refused::Signature));
        let changed = message.replace(">anna</saml:AttributeValue>", ">lone</saml:AttributeValue>");
        assert!(changed == message || read_by(&provider(), &both, changed.as_bytes(), now(), true) == Err(Refused::Signature));
    }
    let mut none = metadata();
    none.keys.clear();
    for forge in [Forge::default(), Forge::signed(false, false), Forge::encrypted(Content::Aes128Cbc, KeyWay::Mgf1p)] {
        assert!(read_by(&provider(), &none, forge.message().as_bytes(), now(), true).is_err());
    }
}

#[test]
fn no_wrapping_of_a_right_signature_makes_another_assertion_count() {
    let signed_response = Forge::signed(false, true).message();
    let (bare, signature) = apart();
    let signed = Forge::default().assertion_text();
    let with_signature = |assertion: &str, signature: &str| assertion.replacen("</saml:Issuer>", &format!("</saml:Issuer>{signature}"), 1);
    let object = |inner: &str| format!("<ds:Object>{inner}</ds:Object></ds:Signature>");
    let whole_evil = |inner: &str| {
        around(&evil()).replace("ID=\"_r\"", "ID=\"_evil_r\"").replacen("<samlp:Status>", &format!("{inner}<samlp:Status>"), 1)
    };
    let response_signature = {
        let (start, end) =
            (signed_response.find("<ds:Signature").expect("there"), signed_response.find("</ds:Signature>").expect("there") + 15);
        signed_response[start..end].to_owned()
    };
    let moved = response_signature.replace("</ds:Signature>", &object(&signed_response));
    for (what, message) in [
        ("1: the signed Response inside the Signature of another", whole_evil(&moved)),
        ("2: the signed Response before a detached Signature", whole_evil(&format!("{signed_response}{response_signature}"))),
        ("3: the evil assertion beside the signed one", around(&format!("{}{signed}", evil()))),
        ("3 the other way round", around(&format!("{signed}{}", evil()))),
        (
            "4: the signed assertion inside the evil one",
            around(&evil().replace("</saml:Assertion>", &format!("{signed}</saml:Assertion>"))),
        ),
        ("5: the signature in the evil one, the signed one beside", around(&format!("{}{bare}", with_signature(&evil(), &signature)))),
        (
            "6: the signed one inside the signature of the evil one",
            around(&with_signature(&evil(), &signature.replace("</ds:Signature>", &object(&bare)))),
        ),
        ("7: the signed one inside Extensions", around(&format!("<samlp:Extensions>{signed}</samlp:Extensions>{}", evil()))),
        (
            "8: the signed one in an Object of a signature of the evil one",
            around(&with_signature(&evil(), &signature.replace("</ds:Signature>", &object(&signed)))),
        ),
        ("the same id twice", around(&format!("{}{signed}", evil().replace("_evil", "_a")))),
        (
            "an evil one under another namespace",
            around(&format!(
                "{}{signed}",
                evil().replace("saml:Assertion", "x:Assertion").replace("<x:Assertion", "<x:Assertion xmlns:x=\"urn:x\"")
            )),
        ),
    ] {
        let reason = read(&message).expect_err(what);
        let screened = [
            Refused::AssertionCount,
            Refused::AssertionPlace,
            Refused::SignaturePlace,
            Refused::SignatureShape,
            Refused::Reference,
            Refused::Id,
        ];
        assert!(screened.contains(&reason), "{what}: refused by the screen, not later ({reason:?})");
        // The same with the attacker's assertion encrypted, or the valid one, or both.
        for sealed in [
            message.replace(&evil(), &seal(&evil(), Content::Aes128Cbc, KeyWay::Mgf1p, false)),
            message.replace(&signed, &seal(&signed, Content::Aes256Gcm, KeyWay::Oaep11, true)),
        ] {
            assert!(read(&sealed).is_err(), "{what}, mixed");
        }
        // All of it inside the encryption.
        let inside = message.replacen("<samlp:Response", "<samlp:X", 1);
        assert!(read(&around(&seal(&inside, Content::Aes128Cbc, KeyWay::Mgf1p, false))).is_err(), "{what}, encrypted");
    }
    let two =
        format!("{}{}", seal(&signed, Content::Aes128Cbc, KeyWay::Mgf1p, false), seal(&signed, Content::Aes128Cbc, KeyWay::Mgf1p, false));
    assert_eq!(read(&around(&two)), Err(Refused::AssertionCount));
    let nested = with_signature(&evil(), &signature).replace("</saml:Assertion>", &format!("{bare}</saml:Assertion>"));
    assert_eq!(read(&around(&seal(&nested, Content::Aes128Cbc, KeyWay::Mgf1p, false))), Err(Refused::AssertionCount));
}

#[test]
fn a_signature_is_of_its_parent_with_listed_algorithms_and_nothing_more() {
    let right = Forge::default().message();
    let hmac = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256";
    let enveloped = "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"></ds:Transform>";
    let exclusive = "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:Transform>";
    let transform = |algorithm: &str| format!("<ds:Transform Algorithm=\"{algorithm}\"></ds:Transform>");
    let xslt = format!(
        "{enveloped}<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xslt-19991116\"><xsl:stylesheet xmlns:xsl=\"http://www.w3.org/1999/XSL/Transform\" \
         version=\"1.0\"></xsl:stylesheet></ds:Transform>"
    );
    let xpath = format!(
        "{enveloped}<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\"><ds:XPath>1</ds:XPath></ds:Transform>"
    );
    let reference_start = right.find("<ds:Reference ").expect("there");
    let reference_end = right.find("</ds:Reference>").expect("there") + "</ds:Reference>".len();
    let reference = &right[reference_start..reference_end];
    let certificate_start = right.find("<ds:X509Data>").expect("there");
    let certificate_end = right.find("</ds:X509Data>").expect("there") + "</ds:X509Data>".len();
    let data = &right[certificate_start..certificate_end];
    let info_start = right.find("<ds:Signature ").expect("there");
    let info_end = right.find("</ds:Signature>").expect("there") + "</ds:Signature>".len();
    let signature = &right[info_start..info_end];
    let twice = |text: &str| format!("{text}{text}");
    for (what, from, to, reason) in [
        ("SHA-1", "xmldsig-more#rsa-sha256", "xmldsig-more#rsa-sha1", Refused::SignatureAlgorithm),
        (
            "SHA-1 by its name",
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
            Refused::SignatureAlgorithm,
        ),
        ("HMAC", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", hmac, Refused::SignatureAlgorithm),
        (
            "DSA",
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            "http://www.w3.org/2009/xmldsig11#dsa-sha256",
            Refused::SignatureAlgorithm,
        ),
        (
            "an HMAC's length",
            "></ds:SignatureMethod>",
            "><ds:HMACOutputLength>0</ds:HMACOutputLength></ds:SignatureMethod>",
            Refused::SignatureAlgorithm,
        ),
        (
            "a digest by SHA-1",
            "http://www.w3.org/2001/04/xmlenc#sha256",
            "http://www.w3.org/2000/09/xmldsig#sha1",
            Refused::DigestAlgorithm,
        ),
        (
            "a digest by MD5",
            "http://www.w3.org/2001/04/xmlenc#sha256",
            "http://www.w3.org/2001/04/xmldsig-more#md5",
            Refused::DigestAlgorithm,
        ),
        (
            "inclusive canonicalisation",
            "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\">",
            "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\">",
            Refused::Canonicalization,
        ),
        (
            "with comments",
            "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\">",
            "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#WithComments\">",
            Refused::Canonicalization,
        ),
        ("a transform with comments", exclusive, &transform("http://www.w3.org/2001/10/xml-exc-c14n#WithComments"), Refused::Transform),
        ("base64", exclusive, &transform("http://www.w3.org/2000/09/xmldsig#base64"), Refused::Transform),
        ("XSLT", enveloped, &xslt, Refused::Transform),
        ("XPath", enveloped, &xpath, Refused::Transform),
        ("no enveloped-signature", enveloped, "", Refused::Transform),
        ("no transforms", &format!("<ds:Transforms>{enveloped}{exclusive}</ds:Transforms>"), "", Refused::SignatureShape),
        ("a reference to http", "URI=\"#_a\"", "URI=\"http://127.0.0.1:1/x\"", Refused::Reference),
        ("a reference to a file", "URI=\"#_a\"", "URI=\"file:///etc/passwd\"", Refused::Reference),
        ("a reference to the whole", "URI=\"#_a\"", "URI=\"\"", Refused::Reference),
        ("no reference", " URI=\"#_a\"", "", Refused::Reference),
        ("an XPointer", "URI=\"#_a\"", "URI=\"#xpointer(id('_a'))\"", Refused::Reference),
        ("a reference to another", "URI=\"#_a\"", "URI=\"#_r\"", Refused::Reference),
        ("two references", reference, &twice(reference), Refused::Reference),
        ("two signatures", signature, &twice(signature), Refused::SignatureCount),
        ("an object", "</ds:KeyInfo>", "</ds:KeyInfo><ds:Object></ds:Object>", Refused::SignatureShape),
        ("a key by name", data, "<ds:KeyName>idp</ds:KeyName>", Refused::KeyInfo),
        ("a key by value", data, "<ds:KeyValue><ds:RSAKeyValue></ds:RSAKeyValue></ds:KeyValue>", Refused::KeyInfo),
        ("a key to be fetched", data, "<ds:RetrievalMethod URI=\"http://127.0.0.1:1/key\"></ds:RetrievalMethod>", Refused::KeyInfo),
        ("an id that is no name", "ID=\"_a\"", "ID=\"#_a\"", Refused::Id),
        ("an id twice", "<saml:Subject>", "<saml:Subject ID=\"_a\">", Refused::Id),
        ("an id twice in another spelling", "<saml:Subject>", "<saml:Subject Id=\"_a\">", Refused::Id),
        ("an xml:id", "<saml:Subject>", "<saml:Subject xml:id=\"_r\">", Refused::Id),
        // xmlsec reads attributes by local name: it would follow the first of these and fetch it.
        (
            "a second URI in a namespace",
            "URI=\"#_a\"",
            "xmlns:e=\"urn:e\" e:URI=\"http://127.0.0.1:1/x\" URI=\"#_a\"",
            Refused::SignatureShape,
        ),
        (
            "a second algorithm in a namespace",
            "<ds:SignatureMethod Algorithm",
            "<ds:SignatureMethod xmlns:e=\"urn:e\" e:Algorithm=\"x\" Algorithm",
            Refused::SignatureShape,
        ),
        ("an id in a namespace", "<saml:Subject>", "<saml:Subject xmlns:e=\"urn:e\" e:ID=\"_other\">", Refused::Id),
        ("a comment in a name", ">anna</saml:NameID>", ">anna<!-- x -->.evil</saml:NameID>", Refused::Markup),
        ("CDATA in a value", ">anna</saml:AttributeValue>", "><![CDATA[anna]]></saml:AttributeValue>", Refused::Markup),
        ("an instruction", "<saml:Subject>", "<?x y?><saml:Subject>", Refused::Markup),
        ("an entity", ">anna</saml:NameID>", ">&anna;</saml:NameID>", Refused::NotXml),
        ("a changed value", ">anna</saml:AttributeValue>", ">evil</saml:AttributeValue>", Refused::Signature),
    ] {
        let wrong = right.replace(from, to);
        assert_ne!(wrong, right, "{what}");
        assert_eq!(read(&wrong), Err(reason), "{what}");
    }
    for (what, start) in [
        ("a DTD", "<!DOCTYPE samlp:Response>"),
        ("an entity", "<!DOCTYPE x [<!ENTITY anna \"evil\">]>"),
        ("an external entity", "<!DOCTYPE x [<!ENTITY anna SYSTEM \"file:///etc/passwd\">]>"),
        ("a parameter entity", "<!DOCTYPE x [<!ENTITY % x SYSTEM \"http://127.0.0.1:1/x\"> %x;]>"),
    ] {
        assert_eq!(read(&format!("{start}{right}")), Err(Refused::Markup), "{what}");
    }
    let include = "<saml:Subject><xi:include xmlns:xi=\"http://www.w3.org/2001/XInclude\" href=\"file:///etc/passwd\"></xi:include>";
    let included = Forge::default().say("<saml:Subject>", include).message();
    assert_eq!(read(&included), Err(Refused::Subject), "XInclude is an element like any other");
    let list = right.replace(
        exclusive,
        &format!(
            "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"><x:InclusiveNamespaces \
             xmlns:x=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"{}\"></x:InclusiveNamespaces></ds:Transform>",
            "a ".repeat(20_000)
        ),
    );
    assert_eq!(read(&list), Err(Refused::Transform), "minutes of work for the library");
    let prefixes = right.replace(
        exclusive,
        "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"><x:InclusiveNamespaces \
        xmlns:x=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"saml\"></x:InclusiveNamespaces></ds:Transform>",
    );
    assert_eq!(read(&prefixes), Err(Refused::Signature), "allowed, but it was not signed so");
}

#[test]
fn what_is_wrong_inside_an_encryption_is_found_there() {
    let right = Forge::default().assertion_text();
    let sealed = |text: &str| read(&around(&seal(text, Content::Aes256Gcm, KeyWay::Oaep11, false)));
    assert!(sealed(&right).is_ok());
    for (what, text, reason) in [
        ("not an assertion", "<x></x>".to_owned(), Refused::Root),
        ("a Response", around(&right), Refused::Root),
        ("not XML", "\u{1}".to_owned(), Refused::NotXml),
        ("a DTD", format!("<!DOCTYPE x>{right}"), Refused::Markup),
        ("changed", right.replace(">anna<", ">evil<"), Refused::Signature),
        ("too deep", "<a>".repeat(100) + &"</a>".repeat(100), Refused::TooDeep),
        ("two", format!("{right}{right}"), Refused::NotXml),
    ] {
        assert_eq!(sealed(&text), Err(reason), "{what}");
    }
    let message = around(&seal(&right, Content::Aes256Cbc, KeyWay::Mgf1p, false));
    for (what, from, to, reason) in [
        ("RSA-1_5", "xmlenc#rsa-oaep-mgf1p", "xmlenc#rsa-1_5", Refused::KeyEncryption),
        ("triple DES", "xmlenc#aes256-cbc", "xmlenc#tripledes-cbc", Refused::ContentEncryption),
        ("another length", "xmlenc#aes256-cbc", "xmlenc#aes128-cbc", Refused::Undecipherable),
        (
            "a reference to follow",
            "<xenc:CipherValue>",
            "<xenc:CipherReference URI=\"http://127.0.0.1:1/\"></xenc:CipherReference><xenc:CipherValue2>",
            Refused::NotXml,
        ),
        ("content only", "xmlenc#Element", "xmlenc#Content", Refused::EncryptionShape),
    ] {
        let wrong = message.replace(from, to);
        assert_ne!(wrong, message, "{what}");
        assert_eq!(read(&wrong), Err(reason), "{what}");
    }
    let reference = message
        .replace("<xenc:CipherValue>", "<xenc:CipherReference URI=\"http://127.0.0.1:1/\">")
        .replace("</xenc:CipherValue>", "</xenc:CipherReference>");
    assert_eq!(read(&reference), Err(Refused::EncryptionShape));
    let no_key = Forge { sign_assertion: false, ..Forge::default() };
    assert_eq!(read(&no_key.message()), Err(Refused::Unsigned));
    let signed_by_response =
        sign(&around(&seal(&evil(), Content::Aes128Cbc, KeyWay::Mgf1p, false)), "</saml:Issuer>", "_r", &EVERYBODY.attacker.signing);
    assert_eq!(read(&signed_by_response), Err(Refused::Signature));
}

mod mutated {
    use proptest::{prelude::*, sample::Index};

    use super::{Content, Forge, KeyWay, evil, read};
    use crate::identity::answer::LoginAnswer;

    /// Content that an attacker would insert.
    fn snippets() -> Vec<String> {
        let evil = evil();
        let signature = "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"></ds:Signature>";
        let texts = [
            "",
            " ",
            "<",
            ">",
            "\"",
            "'",
            "&",
            "&#0;",
            "&#xA;",
            "<!---->",
            "<![CDATA[x]]>",
            "<?x?>",
            "/>",
            "</saml:Assertion>",
            "</samlp:Response>",
            "ID=\"_a\"",
            " xmlns=\"\"",
            "evil",
            "\u{0}",
            "\u{feff}",
            "ø",
            signature,
            &evil,
        ];
        texts.into_iter().map(str::to_owned).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]

        /// Cutting, doubling, moving and inserting, anywhere, up to four times: no panic, and accepted messages contain only signed
        /// content.
        #[test]
        fn no_mutation_makes_another_login_count(
            which in 0..4_usize,
            steps in prop::collection::vec((0..4_u8, any::<Index>(), any::<Index>(), any::<Index>(), any::<Index>()), 1..5),
        ) {
            let forge = [
                Forge::signed(true, false),
                Forge::signed(false, true),
                Forge::signed(true, true),
                Forge { sign_response: true, ..Forge::encrypted(Content::Aes256Cbc, KeyWay::Mgf1p) },
            ][which].clone();
            let right = forge.message();
            let mut text = right.clone();
            for (kind, from, to, place, snippet) in steps {
                let at = |index: Index, text: &str| {
                    let mut at = index.index(text.len() + 1);
                    while !text.is_char_boundary(at) { at -= 1; }
                    at
                };
                let (a, b) = (at(from, &text), at(to, &text));
                let (a, b) = (a.min(b), a.max(b));
                match kind {
                    0 => text.replace_range(a..b, ""),
                    1 => { let part = text[a..b].to_owned(); let place = at(place, &text); text.insert_str(place, &part); }
                    2 => { let part = text[a..b].to_owned(); text.replace_range(a..b, ""); let place = at(place, &text); text.insert_str(place, &part); }
                    _ => { let all = snippets(); let place = at(place, &text); text.insert_str(place, &all[snippet.index(all.len())]); }
                }
            }
            if let Ok(LoginAnswer::Login(login)) = read(&text) {
                let Ok(LoginAnswer::Login(signed)) = read(&right) else { panic!("the right one is taken") };
                prop_assert_eq!(login, signed);
            }
        }
    }
}
