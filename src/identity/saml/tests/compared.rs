//! Comparison of our signature verification with saml-rs, a pure Rust reader that shares no code with xmlsec.

use data_encoding::BASE64;
use saml_rs::crypto::verify::verify_signature;

use super::forge::{EVERYBODY, Forge, read};
use crate::identity::{answer::LoginAnswer, saml::Refused};

/// The content that saml-rs accepts as signed; `None` if it refuses.
fn other(message: &str) -> Option<String> {
    let certificates = [BASE64.encode(EVERYBODY.idp.signing.certificate())];
    match verify_signature(message, &certificates) {
        Ok((true, content)) => content,
        Ok((false, _)) | Err(_) => None,
    }
}

/// Messages that we accept are accepted by saml-rs with the same account.
///
/// Messages that we refuse for their signature are refused by saml-rs or accepted with only their signed content: libxml2 does not
/// canonicalise inside relative namespaces, which are not part of the signed content. Other refusals are ours alone, because we are
/// stricter on structure and check the content.
fn agree(message: &str, signed: Option<&str>) {
    let theirs = other(message);
    match read(message) {
        Ok(LoginAnswer::Login(login)) => {
            let theirs = theirs.unwrap_or_else(|| {
                panic!(
                    "only we take this (they: {:?}) {message}",
                    verify_signature(message, &[BASE64.encode(EVERYBODY.idp.signing.certificate())])
                )
            });
            let crate::model::identity::claim::Claim::AccountName(account) = login.claim else { panic!("an account name") };
            assert!(theirs.contains(&format!(">{account}</saml:AttributeValue>")), "{theirs}");
        }
        Err(Refused::Signature | Refused::Unsigned) => {
            assert!(theirs.is_none() || theirs.as_deref() == signed, "only they take {message}");
        }
        Ok(LoginAnswer::Failure(_)) | Err(_) => {}
    }
}

#[test]
fn another_reader_judges_signatures_as_we_do() {
    for (assertion, response) in [(true, false), (false, true), (true, true), (false, false)] {
        for by_attacker in [false, true] {
            let message = Forge { by_attacker, ..Forge::signed(assertion, response) }.message();
            let signed = other(&message);
            agree(&message, None);
            assert_eq!(signed.is_some(), (assertion || response) && !by_attacker, "{assertion} {response} {by_attacker}");
            // Small changes anywhere but in KeyInfo: saml-rs compares the certificate there with the metadata, and we ignore it.
            let key_info = |at: usize| message[..at].matches("<ds:KeyInfo").count() > message[..at].matches("</ds:KeyInfo>").count();
            for at in (0..message.len()).step_by(61).filter(|at| !key_info(*at)) {
                for put in [&b"x"[..], b" ", b"\n", b"&#x61;", b""] {
                    let changed = [&message.as_bytes()[..at], put, &message.as_bytes()[at + 1..]].concat();
                    if let Ok(changed) = String::from_utf8(changed) {
                        agree(&changed, signed.as_deref());
                    }
                }
            }
        }
    }
}
