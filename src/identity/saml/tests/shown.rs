//! What a test of a login shows of an assertion.

use super::forge::{ACS, ASSERTION, Content, ENTITY, EVERYBODY, Forge, KeyWay, REQUEST, metadata, now, proven, provider};
use crate::{
    config::{SamlProvider, Source},
    identity::{
        answer::LoginAnswer,
        saml::{
            Refused,
            response::ExpectedResponse,
            shown::{Examined, examine},
        },
        shown::{Line, Place, Shown, Use},
    },
    model::identity::{claim::ClaimKind, level::AssuranceLevel},
};

fn examined(provider: &SamlProvider, message: &str) -> Examined {
    let metadata = metadata();
    let asked = "2026-11-23T08:09:00Z".parse().expect("a time");
    let expected =
        ExpectedResponse { provider, metadata: &metadata, entity_id: ENTITY, acs: ACS, request: REQUEST, asked, forced: true, now: now() };
    examine(message.as_bytes(), &EVERYBODY.ours, &expected)
}

fn line<'a>(examined: &'a Examined, name: &str) -> &'a Line {
    let lines = &examined.findings.lines;
    lines.iter().find(|line| line.name == name).unwrap_or_else(|| panic!("{name} in {lines:#?}"))
}

#[test]
fn every_part_is_shown_with_its_use_however_the_message_is_signed_and_encrypted() {
    let mut config = provider();
    config.name = Some("displayName".to_owned());
    for forge in [Forge::signed(true, false), Forge::signed(false, true), Forge::encrypted(Content::Aes256Cbc, KeyWay::Mgf1p)] {
        let message = forge.message();
        let examined = examined(&config, &message);
        assert_eq!(examined.answer, Ok(LoginAnswer::Login(Box::new(proven(&message)))), "a test proves what a login proves");
        assert_eq!((examined.findings.field.as_str(), examined.findings.check), ("", ""));
        assert_eq!(examined.findings.level, Some(AssuranceLevel::Substantial));
        for (name, value, uses) in [
            ("Issuer", Shown::Whole("https://idp.test/saml".to_owned()), &[Use::Protocol][..]),
            ("NameID", Shown::Masked { first: 'a', last: 'a', length: 4 }, &[Use::Protocol]),
            ("InResponseTo", Shown::Hidden, &[Use::Protocol]),
            ("Recipient", Shown::Whole(ACS.to_owned()), &[Use::Protocol]),
            ("Audience", Shown::Whole(ENTITY.to_owned()), &[Use::Protocol]),
            ("Conditions/NotOnOrAfter", Shown::Time("2026-11-23T08:15:00Z".parse().expect("a time")), &[Use::Protocol]),
            ("AuthnContextClassRef", Shown::Whole("https://data.gov.dk/concept/core/nsis/loa/High".to_owned()), &[]),
            ("account", Shown::Masked { first: 'a', last: 'a', length: 4 }, &[Use::Account]),
            ("https://data.gov.dk/concept/core/nsis/loa", Shown::Whole("Substantial".to_owned()), &[Use::Level]),
            ("displayName", Shown::Missing, &[Use::Name]),
            ("role", Shown::Masked { first: 'E', last: 'v', length: 4 }, &[]),
        ] {
            let line = line(&examined, name);
            assert_eq!((&line.value, &line.uses), (&value, &uses.iter().copied().collect()), "{name}");
        }
    }
}

#[test]
fn a_refusal_names_the_part_and_shows_the_rest() {
    let mut config = provider();
    config.require.insert("role".to_owned(), vec!["Elev".to_owned()]);
    for (from, to, reason, field) in [
        ("<saml:Audience>https://os2nykode.test/saml/metadata<", "<saml:Audience>https://other.test<", Refused::Audience, "Audience"),
        ("Recipient=\"https://os2nykode.test/saml/acs\"", "Recipient=\"https://other.test\"", Refused::Recipient, "Recipient"),
        ("AuthnInstant=\"2026-11-23T08:09:45Z\"", "AuthnInstant=\"2026-11-23T07:09:45Z\"", Refused::NotFresh, "AuthnInstant"),
        (">Elev<", ">Medarbejder<", Refused::Required, "role"),
        ("Name=\"account\"", "Name=\"konto\"", Refused::NoClaim, "account"),
    ] {
        let examined = examined(&config, &Forge::default().say(from, to).message());
        assert_eq!((&examined.answer, examined.findings.field.as_str()), (&Err(reason), field));
        assert_eq!(examined.findings.check, reason.meaning());
        line(&examined, field);
        assert_eq!(line(&examined, "Issuer").value, Shown::Whole("https://idp.test/saml".to_owned()));
    }
    // Made for another address: the assertion is signed, what is around it is not.
    let elsewhere = Forge::default().around("Destination=\"https://os2nykode.test", "Destination=\"https://other.test").message();
    let examined = examined(&config, &elsewhere);
    assert_eq!((examined.answer, examined.findings.field.as_str()), (Err(Refused::Destination), "Destination"));
    assert!(!examined.findings.lines.is_empty());
}

#[test]
fn nothing_is_shown_of_what_the_provider_has_not_signed() {
    let by_attacker = Forge { by_attacker: true, ..Forge::default() };
    let sealed = Forge { by_attacker: true, ..Forge::encrypted(Content::Aes256Gcm, KeyWay::Oaep11) };
    let unsigned_inside = Forge { sign_assertion: false, ..Forge::encrypted(Content::Aes256Cbc, KeyWay::Mgf1p) };
    let changed = Forge::default().message().replace(">Elev<", ">Leder<");
    for message in [by_attacker.message(), sealed.message(), unsigned_inside.message(), changed, "<a/>".to_owned(), String::new()] {
        let examined = examined(&provider(), &message);
        assert!(examined.answer.is_err() && examined.findings.lines.is_empty() && examined.findings.level.is_none(), "{message}");
    }
}

#[test]
fn no_cpr_number_is_shown_and_names_are_plain_text() {
    let mut config = provider();
    (config.claim, config.common.match_by) = (Source::NameId, ClaimKind::Cpr);
    let extra = "<saml:Attribute Name=\"0103711234\"><saml:AttributeValue>010371-1234</saml:AttributeValue></saml:Attribute>\
                 <saml:Attribute Name=\"\u{202e}&lt;b>\"><saml:AttributeValue>0103711234</saml:AttributeValue><saml:AttributeValue>\
                 <saml:x></saml:x></saml:AttributeValue></saml:Attribute></saml:AttributeStatement>";
    assert!(ASSERTION.contains("</saml:AttributeStatement>"));
    let forge = Forge::default().say("</saml:AttributeStatement>", extra).say(">anna</saml:NameID>", ">0103711234</saml:NameID>");
    let examined = examined(&config, &forge.message());
    assert_eq!(line(&examined, "NameID").value, Shown::Hidden);
    assert_eq!(line(&examined, "NameID").uses, [Use::Account, Use::Protocol].into());
    assert_eq!(line(&examined, "…").value, Shown::Hidden);
    let strange = line(&examined, "·<b>");
    assert_eq!((strange.place, &strange.value), (Place::Attribute, &Shown::List { first: vec![Shown::Hidden, Shown::Structure], all: 2 }));
    let all = format!("{:?}", examined.findings);
    assert!(!all.contains("0103711234") && !all.contains("010371"), "{all}");
}
