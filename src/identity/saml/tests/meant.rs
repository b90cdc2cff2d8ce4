//! Tests that unused content never decides, and that equal meanings are equal.

use super::forge::{Content, Forge, KeyWay, metadata, now, proven, provider, read, read_by};
use crate::{
    config::{Profile, Source},
    identity::{
        answer::LoginAnswer,
        saml::{Refused, xml::LARGEST},
    },
    model::identity::{
        claim::{Claim, ClaimKind},
        level::AssuranceLevel,
    },
};

const END: &str = "</saml:AttributeStatement>";

/// The usual message with additional attributes.
fn with(attributes: &str) -> Forge {
    Forge::default().say(END, &format!("{attributes}{END}"))
}

/// The same content in plain, encrypted, and response-signed form must be read alike.
fn everywhere(forge: &Forge) -> [String; 3] {
    let encrypted = Forge { encrypted: Some((Content::Aes256Cbc, KeyWay::Mgf1p)), ..forge.clone() };
    [forge.message(), encrypted.message(), Forge { sign_assertion: false, sign_response: true, ..encrypted }.message()]
}

#[test]
fn an_attribute_that_nothing_is_configured_to_use_never_decides() {
    let value = |text: &str| format!("<saml:AttributeValue>{text}</saml:AttributeValue>");
    let attribute = |name: &str, inner: &str| format!("<saml:Attribute Name=\"{name}\">{inner}</saml:Attribute>");
    let usual = proven(&Forge::default().message());
    for more in [
        ["admin", "user", "user"].map(|role| attribute("Role", &value(role))).concat(),
        attribute("x", &value("a"))
            + "<saml:Attribute Name=\"x\" NameFormat=\"urn:other\"><saml:AttributeValue>b</saml:AttributeValue></saml:Attribute>",
        attribute("x", "<other xmlns=\"urn:other\"></other>"),
        attribute("x", &value("<y xmlns=\"urn:y\"><z></z></y>")),
        attribute("x", ""),
        attribute("", &value("a")),
        "<saml:Attribute></saml:Attribute>".to_owned(),
        "<saml:EncryptedAttribute></saml:EncryptedAttribute>".to_owned(),
        "<other xmlns=\"urn:other\"></other>".to_owned(),
        attribute("account", &value("anna")),
        "<saml:Attribute Name=\"account\" NameFormat=\"urn:other\"><saml:AttributeValue>\n  anna\n</saml:AttributeValue></saml:Attribute>"
            .to_owned(),
        attribute("https://data.gov.dk/concept/core/nsis/loa", &value("Substantial")),
        format!("{END}<saml:AttributeStatement>{}", attribute("x", &value("a"))),
    ] {
        for message in everywhere(&with(&more)) {
            assert_eq!(proven(&message), usual, "{more}");
        }
    }
    let advised = Forge::default().say("<saml:Conditions", "<saml:Advice><x xmlns=\"urn:x\"></x></saml:Advice><saml:Conditions");
    assert_eq!(proven(&advised.message()), usual);
    let levels = with(&attribute("https://data.gov.dk/concept/core/nsis/loa", &value("High")));
    assert_eq!(proven(&levels.message()).level, AssuranceLevel::None, "two levels are none");
}

#[test]
fn blanks_and_line_breaks_around_a_value_mean_nothing() {
    let usual = proven(&Forge::default().message());
    for (from, to) in [
        (">anna</saml:NameID>", ">\n    anna\n  </saml:NameID>"),
        (">anna</saml:AttributeValue>", ">\n\tanna </saml:AttributeValue>"),
        (">Substantial</", "> Substantial\n</"),
        ("<saml:Issuer>https://idp.test/saml</saml:Issuer>", "<saml:Issuer>\n  https://idp.test/saml\n</saml:Issuer>"),
        ("<saml:Audience>https://os2nykode.test/saml/metadata<", "<saml:Audience>\n https://os2nykode.test/saml/metadata <"),
        ("Recipient=\"https://os2nykode.test/saml/acs\"", "Recipient=\" https://os2nykode.test/saml/acs \""),
        ("Name=\"account\"", "Name=\" account \""),
    ] {
        for message in everywhere(&Forge::default().say(from, to)) {
            assert_eq!(proven(&message), usual, "{to}");
        }
    }
    let mut provider = provider();
    provider.require = [("role".to_owned(), vec!["Elev".to_owned()])].into();
    let message = Forge::default().say(">Elev<", ">\n  Elev <").message();
    assert!(read_by(&provider, &metadata(), message.as_bytes(), now(), true).is_ok());
    assert_eq!(proven(&format!("\u{feff}<?xml version=\"1.0\"?>\n{}", Forge::default().message())), usual, "a byte order mark");
}

#[test]
fn two_spellings_of_one_claim_are_one() {
    let mut provider = provider();
    provider.common.match_by = ClaimKind::Cpr;
    let values = |other: &str| {
        let value = "<saml:AttributeValue>anna</saml:AttributeValue>";
        let cpr = format!("<saml:AttributeValue>1407865105</saml:AttributeValue><saml:AttributeValue>{other}</saml:AttributeValue>");
        read_by(&provider, &metadata(), Forge::default().say(value, &cpr).message().as_bytes(), now(), true)
    };
    let Ok(LoginAnswer::Login(login)) = values("140786-5105") else { panic!("taken") };
    assert!(matches!(login.claim, Claim::Cpr(_)));
    assert_eq!(values("170981-5104"), Err(Refused::Claim));
    assert_eq!(values("none"), Err(Refused::Claim));
}

#[test]
fn one_time_in_any_spelling_is_the_same_time() {
    for end in [
        "2026-11-23T08:15:00.123456789012Z",
        "2026-11-23T09:15:00+01:00",
        "2026-11-23T08:15:00+00:00",
        "2026-11-23T08:15:00",
        "9999-12-31T23:59:59Z",
    ] {
        proven(&Forge::default().say("2026-11-23T08:15:00Z", end).message());
    }
    for over in ["2026-11-23T09:07:00+01:00", "2026-11-23T08:07:00", "2026-11-23T07:07:00-01:00"] {
        assert_eq!(
            read(&Forge::default().say("NotOnOrAfter=\"2026-11-23T08:15:00Z\">", &format!("NotOnOrAfter=\"{over}\">")).message()),
            Err(Refused::Expired)
        );
    }
    let ends = Forge::default().say("SessionIndex=\"_s\"", "SessionIndex=\"_s\" SessionNotOnOrAfter=\"2026-11-23T09:20:00+01:00\"");
    assert_eq!(proven(&ends.message()).ends, "2026-11-23T08:20:00Z".parse().ok());
}

#[test]
fn people_in_1100_groups_get_in_as_ad_fs_and_opensaml_tell_of_them() {
    let group = |n: usize| format!("CN=Sag og Dokument Læsere {n:04},OU=Roller,OU=Kommunen,DC=kommune,DC=dk");
    let ad_fs: String =
        (0..1100).map(|n| format!("<saml:AttributeValue>kommune.dk\\Sag og Dokument Laesere {n:04}</saml:AttributeValue>")).collect();
    let ad_fs = format!("<saml:Attribute Name=\"http://schemas.xmlsoap.org/claims/Group\">{ad_fs}</saml:Attribute>");
    let typed = |n: usize| {
        format!(
            "<saml:AttributeValue xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
             xsi:type=\"xsd:string\">{}</saml:AttributeValue>",
            group(n)
        )
    };
    let opensaml = format!("<saml:Attribute Name=\"groups\">{}</saml:Attribute>", (0..1100).map(typed).collect::<String>());
    let one_each: String = (0..1100)
        .map(|n| {
            format!(
                "<saml:Attribute FriendlyName=\"member\" Name=\"member\" NameFormat=\"urn:oasis:names:tc:SAML:2.0:attrname-format:basic\">\
                 <saml:AttributeValue xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
                 xsi:type=\"xs:string\">/skole/{n}</saml:AttributeValue></saml:Attribute>"
            )
        })
        .collect();
    for groups in [ad_fs, opensaml, one_each] {
        // Unused namespaces in the value are not canonical, so the assertion is canonicalised before it is signed.
        let groups = groups
            .replace(" xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\"", "")
            .replace(" xmlns:xs=\"http://www.w3.org/2001/XMLSchema\"", "");
        let signed = Forge { encrypted: None, ..with(&groups) };
        // Unsigned namespaces are added after signing; exclusive canonicalisation does not cover them.
        for message in everywhere(&signed) {
            assert!(message.len() <= LARGEST, "{} bytes", message.len());
            assert_eq!(proven(&message).claim, Claim::AccountName("anna".into()));
        }
        let again = signed.message().replace(" xmlns:xsi=", " xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xmlns:xsi=");
        assert_eq!(proven(&again).claim, Claim::AccountName("anna".into()), "with what OpenSAML declares beside it");
    }
}

#[test]
fn oiosaml_demands_a_name_id_and_one_statement() {
    let mut provider = provider();
    provider.profile = Profile::Oiosaml3;
    provider.claim = Source::Attribute("account".to_owned());
    let read = |forge: Forge| read_by(&provider, &metadata(), forge.message().as_bytes(), now(), true);
    let encrypted = || Forge::encrypted(Content::Aes256Gcm, KeyWay::Oaep11);
    let name_id = "<saml:NameID Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified\">anna</saml:NameID>";
    assert!(read(encrypted()).is_ok());
    assert_eq!(read(encrypted().say(name_id, "")), Err(Refused::Subject));
    assert_eq!(read(encrypted().say(END, &format!("{END}<saml:AttributeStatement>{END}"))), Err(Refused::Attributes));
    let without = Forge::default().say(name_id, "").message();
    assert_eq!(proven(&without).session, None, "plain SAML 2.0 does not demand one");
}
