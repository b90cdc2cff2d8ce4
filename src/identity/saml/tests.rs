//! Tests of valid and invalid messages. Each invalid message has exactly one fault.

#[expect(clippy::too_many_lines, reason = "the table of all that can be wrong")]
mod said;
#[expect(clippy::too_many_lines, reason = "the table of all that can be wrong")]
mod wrapped;

mod canonical;
mod compared;
#[path = "../../../tests/it/saml_forge.rs"]
mod forge;
mod meant;
mod recorded;
mod shown;

use forge::{Content, Forge, KeyWay, proven};

use super::{Refused, decrypt, logout, message, metadata};
use crate::model::identity::{claim::Claim, level::AssuranceLevel};

#[test]
fn a_right_message_is_taken_however_it_is_signed_and_encrypted() {
    for (assertion, response) in [(true, false), (false, true), (true, true)] {
        let login = proven(&Forge::signed(assertion, response).message());
        assert_eq!(
            (login.claim, login.level, login.assertion.as_str()),
            (Claim::AccountName("anna".into()), AssuranceLevel::Substantial, "_a")
        );
        for content in [Content::Aes128Cbc, Content::Aes256Cbc, Content::Aes128Gcm, Content::Aes256Gcm] {
            for way in [KeyWay::Mgf1p, KeyWay::Oaep11] {
                for key_beside in [false, true] {
                    let forge = Forge { key_beside, sign_assertion: assertion, sign_response: response, ..Forge::encrypted(content, way) };
                    proven(&forge.message());
                }
            }
        }
    }
}

#[test]
fn a_message_cut_off_anywhere_proves_nothing() {
    let message = Forge::signed(true, true).message();
    for end in 0..message.len() {
        assert!(forge::read(&message[..end]).is_err(), "{end}");
    }
}

#[test]
fn a_changed_byte_anywhere_proves_nothing_else() {
    let whole = Forge::signed(false, true).message();
    let right = proven(&whole);
    // Each byte of the assertion is changed, mostly so that the XML stays well-formed.
    let start = whole.find("<saml:Assertion").expect("there");
    for at in start..whole.len() {
        let mut changed = whole.clone().into_bytes();
        changed[at] = if changed[at] == b'x' { b'y' } else { b'x' };
        if let Ok(crate::identity::answer::LoginAnswer::Login(login)) = forge::read(&String::from_utf8_lossy(&changed)) {
            assert_eq!(*login, right, "byte {at}");
        }
    }
}

#[test]
fn deflated_bombs_and_large_messages_are_refused_while_they_are_unpacked() {
    use std::io::Write;
    let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    deflate.write_all(&vec![b' '; 20_000_000]).expect("packed");
    let bomb = data_encoding::BASE64.encode(&deflate.finish().expect("packed"));
    assert!(bomb.len() < super::xml::LARGEST_LOGOUT);
    assert_eq!(message::inflated(&bomb), Err(Refused::TooLarge));
    assert_eq!(message::inflated("AAAA"), Err(Refused::NotDeflated));
    assert_eq!(message::inflated("*"), Err(Refused::NotBase64));
    assert_eq!(message::decoded(&"A".repeat(10_000_000), super::xml::LARGEST), Err(Refused::TooLarge));
    assert_eq!(forge::read(&format!("<a>{}</a>", "x".repeat(10_000_000))), Err(Refused::TooLarge));
    assert!(decrypt::base64(" YQ\r\n= = ").is_some());
}

#[test]
fn our_requests_carry_a_signature_that_xmlsec_verifies() {
    use super::{
        message::AuthnRequest,
        screen, signature,
        xml::{Bounds, Plain},
    };
    let everybody = &*forge::EVERYBODY;
    let mut provider = forge::provider();
    provider.request_level = AssuranceLevel::Substantial;
    provider.request_id_type = Some(crate::config::IdType::Person);
    let asks = AuthnRequest {
        id: "_x",
        at: forge::now(),
        destination: "https://idp.test/sso?a=1&b=\"2\"",
        entity_id: "https://os2nykode.test/æ<&>\"'",
        acs: forge::ACS,
        force: true,
        provider: &provider,
    };
    let sent = asks.message().form("https://idp.test/sso", Some("relay"), &everybody.ours.signing, false).expect("made");
    let crate::identity::transport::Transport::Form { fields, .. } = sent else { panic!("a form") };
    let xml = data_encoding::BASE64.decode(fields[0].1.as_bytes()).expect("base64");
    let verified = |plain: Plain<'_>| {
        let document = plain.document().expect("XML");
        signature::verified(plain, &[document.root_element()], &[forge::signing_key(&everybody.ours.signing)]).expect("verified")
    };
    let plain = Plain::parse(&xml, Bounds::MESSAGE).expect("plain");
    assert_eq!(screen::message(&plain.document().expect("XML"), "AuthnRequest"), Ok(true));
    let told = verified(plain);
    assert!(told.contains("ForceAuthn=\"true\"") && told.contains("nsis/loa/Substantial") && told.contains("eid/Person"));
    let at = super::sp_metadata::OwnAddresses { entity_id: forge::ENTITY.into(), acs: forge::ACS.into(), slo: "https://x/slo".into() };
    let config =
        crate::config::Saml { sign_metadata: true, contact: Some("it@kommune.dk".into()), providers: vec![provider], ..Default::default() };
    let ours = super::sp_metadata::document(&at, &everybody.ours, &config, "Prøve <&> Kommune").expect("made");
    let plain = Plain::parse(ours.as_bytes(), Bounds::METADATA).expect("plain");
    assert_eq!(screen::metadata(&plain.document().expect("XML")), Ok(true));
    verified(plain);
}

#[test]
fn a_query_is_signed_as_it_was_sent_and_counts_in_no_other_way() {
    use super::{message::logout_request, subject::LogoutSubject};
    let everybody = &*forge::EVERYBODY;
    let slo = "https://os2nykode.test/saml/slo";
    let subject = LogoutSubject {
        name_id: "anna & søn".into(),
        format: None,
        name_qualifier: None,
        sp_name_qualifier: None,
        session_index: Some("_s".into()),
    };
    let asks = logout_request("_l", forge::now(), slo, forge::IDP, &subject);
    let metadata = forge::metadata();
    let expected = logout::ExpectedLogout { metadata: &metadata, slo, skew: jiff::SignedDuration::from_mins(3), now: forge::now() };
    let read = |query: &str| {
        let unpacked = logout::unpack(logout::Incoming::Query(query))?;
        logout::request(&unpacked, &expected)
    };
    for pss in [false, true] {
        let crate::identity::transport::Transport::Redirect(address) =
            asks.redirect(slo, Some("r 1"), &everybody.idp.signing, pss).expect("made")
        else {
            panic!()
        };
        let query = address.split_once('?').expect("a query").1;
        let told = read(query).expect("taken");
        assert_eq!((told.name_id.as_str(), told.sessions.as_slice()), ("anna & søn", &["_s".to_owned()][..]));
        let parts: Vec<_> = query.split('&').collect();
        let [request, relay, algorithm, signature] = parts.as_slice() else { panic!("{query}") };
        assert!(read(&format!("{signature}&{algorithm}&{relay}&{request}")).is_ok(), "the order that counts is the profile's");
        for (wrong, reason) in [
            (format!("{request}&{algorithm}&{signature}"), Refused::Signature),
            (format!("{request}&RelayState=other&{algorithm}&{signature}"), Refused::Signature),
            (format!("{request}&{relay}&{relay}&{algorithm}&{signature}"), Refused::Query),
            (format!("{request}&{request}&{relay}&{algorithm}&{signature}"), Refused::Query),
            (
                format!("{request}&{relay}&SigAlg=http%3A%2F%2Fwww.w3.org%2F2000%2F09%2Fxmldsig%23rsa-sha1&{signature}"),
                Refused::SignatureAlgorithm,
            ),
            (format!("{request}&{relay}&{algorithm}"), Refused::Unsigned),
            (format!("{request}&{relay}"), Refused::Unsigned),
            (format!("{relay}&{algorithm}&{signature}"), Refused::Query),
            (query.replace("%2B", "+").replacen("SAMLRequest=", "SAMLRequest=%20", 1), Refused::NotBase64),
        ] {
            assert_eq!(read(&wrong), Err(reason), "{wrong}");
        }
        let crate::identity::transport::Transport::Redirect(forged) =
            asks.redirect(slo, None, &everybody.attacker.signing, pss).expect("made")
        else {
            panic!()
        };
        assert_eq!(read(forged.split_once('?').expect("a query").1), Err(Refused::Signature));
    }
    for (message, reason) in [
        (logout_request("_l", forge::now(), "https://other.test/slo", forge::IDP, &subject), Refused::Destination),
        (logout_request("_l", forge::now(), slo, "https://other.test", &subject), Refused::Issuer),
        (logout_request("_l", forge::now() - jiff::SignedDuration::from_mins(30), slo, forge::IDP, &subject), Refused::IssueInstant),
        (logout_request("_l", forge::now() + jiff::SignedDuration::from_mins(30), slo, forge::IDP, &subject), Refused::IssueInstant),
    ] {
        let crate::identity::transport::Transport::Form { fields, .. } =
            message.form(slo, None, &everybody.idp.signing, false).expect("made")
        else {
            panic!()
        };
        let unpacked = logout::unpack(logout::Incoming::Form { message: &fields[0].1, request: true, relay: None }).expect("unpacked");
        assert_eq!(logout::request(&unpacked, &expected), Err(reason));
    }
}

#[test]
fn metadata_without_a_usable_key_or_over_or_of_another_is_refused() {
    use data_encoding::BASE64;
    use metadata::{Metadata, MetadataError};
    let idp = &forge::EVERYBODY.idp.signing;
    let key = |certificate: &[u8], usage: &str| {
        format!(
            "<md:KeyDescriptor{usage}><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data><ds:X509Certificate>{}\
             </ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>",
            BASE64.encode(certificate)
        )
    };
    let entity = |attributes: &str, keys: &str, location: &str| {
        format!(
            "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" ID=\"_m\"{attributes} entityID=\"{}\"><md:IDPSSODescriptor \
             protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{keys}<md:SingleSignOnService \
             Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"{location}\"></md:SingleSignOnService>\
             </md:IDPSSODescriptor></md:EntityDescriptor>",
            forge::IDP
        )
    };
    let read = |text: &str, id: Option<&str>| Metadata::parse(text.as_bytes(), id, None, forge::now());
    let (signs, encrypts) = (key(idp.certificate(), " use=\"signing\""), key(idp.certificate(), " use=\"encryption\""));
    let there = "https://idp.test/sso";
    let both = key(idp.certificate(), "") + &key(forge::EVERYBODY.attacker.signing.certificate(), " use=\"signing\"");
    assert_eq!(read(&entity("", &both, there), None).expect("two keys are taken").keys.len(), 2);
    let issuer = format!("<ds:X509Certificate>{}</ds:X509Certificate>", BASE64.encode(forge::EVERYBODY.attacker.signing.certificate()));
    let chain = signs.replace("</ds:X509Certificate>", &format!("</ds:X509Certificate>{issuer}"));
    let told = read(&entity("", &chain, there), None).expect("a chain is taken");
    assert_eq!(
        told.keys.iter().map(|key| key.certificate.clone()).collect::<Vec<_>>(),
        [forge::certificate(idp)],
        "who issued the certificate may not speak for the provider"
    );
    assert!(read(&format!("\u{feff}<?xml version=\"1.0\"?><!-- made by hand -->{}", entity("", &signs, there)), Some(forge::IDP)).is_ok());
    let weak = {
        use openssl::{asn1::Asn1Time, hash::MessageDigest, pkey::PKey, rsa::Rsa, x509::X509};
        let key = PKey::from_rsa(Rsa::generate(1024).expect("a key")).expect("a key");
        let mut builder = X509::builder().expect("set up");
        builder.set_pubkey(&key).expect("set up");
        builder.set_not_before(&Asn1Time::days_from_now(0).expect("a time")).expect("set up");
        builder.set_not_after(&Asn1Time::days_from_now(9).expect("a time")).expect("set up");
        builder.sign(&key, MessageDigest::sha256()).expect("signed");
        builder.build().to_der().expect("DER")
    };
    let over = " validUntil=\"2026-11-23T08:09:59Z\"";
    let federation = |inner: &str, until: &str| {
        format!("<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" ID=\"_f\"{until}>{inner}</md:EntitiesDescriptor>")
    };
    let good = entity("", &signs, there);
    for (text, id, matches) in [
        (entity("", "", there), None, "no usable signing key"),
        (entity("", &encrypts, there), None, "no usable signing key"),
        (entity("", &key(&weak, ""), there), None, "no usable signing key"),
        (entity("", &key(b"not a certificate", ""), there), None, "no usable signing key"),
        (entity(over, &signs, there), None, "it ended on"),
        (federation(&good, over), None, "it ended on"),
        (entity(" validUntil=\"soon\"", &signs, there), None, "validUntil"),
        (good.clone(), Some("https://other.test"), "holds no identity provider"),
        (federation(&format!("{good}{}", good.replace("_m", "_n")), ""), None, "several"),
        (entity("", &signs, "http://idp.test/sso"), None, "not https"),
        (entity("", &signs, "javascript:alert(1)"), None, "not https"),
        ("<!DOCTYPE a><a/>".to_owned(), None, "not readable"),
        (String::new(), None, "not readable"),
    ] {
        let told = read(&text, id).expect_err("refused").to_string();
        assert!(told.contains(matches), "{told} for {text}");
    }
    // Signed metadata: the right signer, the whole document, and no other content.
    let signer = forge::signing_key(idp);
    let demand = |text: &str| Metadata::parse(text.as_bytes(), None, Some(&signer), forge::now());
    let right = forge::sign(&good, "<none>", "_m", idp);
    assert!(demand(&right).is_ok());
    assert_eq!(demand(&good).expect_err("unsigned"), MetadataError::Signature);
    assert_eq!(
        demand(&forge::sign(&good, "<none>", "_m", &forge::EVERYBODY.attacker.signing)).expect_err("another's"),
        MetadataError::Signature
    );
    assert_eq!(demand(&right.replace("idp.test/sso", "evil.test/sso")).expect_err("changed"), MetadataError::Signature);
    assert!(
        matches!(demand(&federation(&format!("{right}{}", good.replace("_m", "_n")), "")), Err(MetadataError::Unreadable(_))),
        "wrapped"
    );
}
