//! Tests of the content checks on validly signed messages, each check broken alone.

use super::forge::{ASSERTION, Content, Forge, KeyWay, metadata, now, proven, provider, read, read_by};
use crate::{
    config::{LevelSource, Profile, Source},
    identity::{
        answer::{LoginAnswer, LoginFailure},
        saml::Refused,
    },
    model::identity::{claim::ClaimKind, level::AssuranceLevel},
};

#[test]
fn every_check_of_the_assertion_is_made() {
    let in_response = "InResponseTo=\"_request\" ";
    let restriction =
        "<saml:AudienceRestriction><saml:Audience>https://os2nykode.test/saml/metadata</saml:Audience></saml:AudienceRestriction>";
    let other_restriction = format!("{restriction}{}", restriction.replace("os2nykode", "other"));
    let statement_start = ASSERTION.find("<saml:AuthnStatement").expect("there");
    let statement_end = ASSERTION.find("<saml:AttributeStatement").expect("there");
    let statement = &ASSERTION[statement_start..statement_end];
    let confirmation =
        &ASSERTION[ASSERTION.find("<saml:SubjectConfirmation ").expect("there")..ASSERTION.find("</saml:Subject>").expect("there")];
    let conditions = &ASSERTION[ASSERTION.find("<saml:Conditions").expect("there")..statement_start];
    let twice = |text: &str| format!("{text}{text}");
    for (what, from, to, reason) in [
        ("version", "Version=\"2.0\"", "Version=\"1.1\"", Refused::Version),
        ("no version", " Version=\"2.0\"", "", Refused::Version),
        ("issuer", "https://idp.test/saml<", "https://evil.test/saml<", Refused::Issuer),
        ("no issuer", "<saml:Issuer>https://idp.test/saml</saml:Issuer>", "", Refused::Issuer),
        ("issued too early", "IssueInstant=\"2026-11-23T08:09:50Z\"", "IssueInstant=\"2026-11-23T08:05:59Z\"", Refused::IssueInstant),
        ("issued in the future", "IssueInstant=\"2026-11-23T08:09:50Z\"", "IssueInstant=\"2026-11-23T08:13:01Z\"", Refused::IssueInstant),
        ("issued at no time", "IssueInstant=\"2026-11-23T08:09:50Z\"", "IssueInstant=\"now\"", Refused::Time),
        ("method", "cm:bearer", "cm:holder-of-key", Refused::Confirmation),
        ("no confirmation", confirmation, "", Refused::Confirmation),
        ("two confirmations", confirmation, &twice(confirmation), Refused::Confirmation),
        ("recipient", "Recipient=\"https://os2nykode.test/saml/acs\"", "Recipient=\"https://other.test/saml/acs\"", Refused::Recipient),
        ("no recipient", " Recipient=\"https://os2nykode.test/saml/acs\"", "", Refused::Recipient),
        ("another request", in_response, "InResponseTo=\"_other\" ", Refused::InResponseTo),
        ("no request", in_response, "", Refused::InResponseTo),
        ("no end", " NotOnOrAfter=\"2026-11-23T08:15:00Z\" Recipient", " Recipient", Refused::ConfirmationTime),
        (
            "over",
            "NotOnOrAfter=\"2026-11-23T08:15:00Z\" Recipient",
            "NotOnOrAfter=\"2026-11-23T08:07:00Z\" Recipient",
            Refused::ConfirmationTime,
        ),
        (
            "a beginning",
            "NotOnOrAfter=\"2026-11-23T08:15:00Z\" Recipient",
            "NotBefore=\"2026-11-23T08:00:00Z\" NotOnOrAfter=\"2026-11-23T08:15:00Z\" Recipient",
            Refused::ConfirmationTime,
        ),
        ("no conditions", conditions, "", Refused::Conditions),
        ("two sets of conditions", conditions, &twice(conditions), Refused::Conditions),
        ("not yet", "NotBefore=\"2026-11-23T08:09:50Z\"", "NotBefore=\"2026-11-23T08:13:01Z\"", Refused::NotYet),
        ("expired", "NotOnOrAfter=\"2026-11-23T08:15:00Z\">", "NotOnOrAfter=\"2026-11-23T08:07:00Z\">", Refused::Expired),
        ("unknown condition", restriction, &format!("{restriction}<saml:Condition></saml:Condition>"), Refused::UnknownCondition),
        ("audience", "<saml:Audience>https://os2nykode.test/saml/metadata", "<saml:Audience>https://other.test", Refused::Audience),
        ("audience as a part of another", "test/saml/metadata</saml:Audience>", "test/saml/metadata2</saml:Audience>", Refused::Audience),
        ("no audience", restriction, "", Refused::Audience),
        ("a second restriction without us", restriction, &other_restriction, Refused::Audience),
        ("no statement", statement, "", Refused::AuthnStatement),
        ("two statements", statement, &twice(statement), Refused::AuthnStatement),
        ("an old login", "AuthnInstant=\"2026-11-23T08:09:45Z\"", "AuthnInstant=\"2026-11-23T08:05:59Z\"", Refused::NotFresh),
        ("a login to come", "AuthnInstant=\"2026-11-23T08:09:45Z\"", "AuthnInstant=\"2026-11-23T08:13:01Z\"", Refused::NotFresh),
        ("no time of login", "AuthnInstant=\"2026-11-23T08:09:45Z\" ", "", Refused::AuthnStatement),
        (
            "a session that is over",
            "SessionIndex=\"_s\"",
            "SessionIndex=\"_s\" SessionNotOnOrAfter=\"2026-11-23T08:10:00Z\"",
            Refused::SessionOver,
        ),
        (
            "an unknown statement",
            "</saml:Assertion>",
            "<saml:AuthzDecisionStatement></saml:AuthzDecisionStatement></saml:Assertion>",
            Refused::UnknownStatement,
        ),
        ("the claim twice, with two values", "Name=\"role\"", "Name=\"account\"", Refused::Claim),
        ("the claim by two formats, with two values", "Name=\"role\"", "Name=\"account\" NameFormat=\"urn:other\"", Refused::Claim),
        (
            "a claim beside XML",
            "<saml:AttributeValue>anna</saml:AttributeValue>",
            "<saml:AttributeValue>anna</saml:AttributeValue><saml:AttributeValue><x>lone</x></saml:AttributeValue>",
            Refused::Claim,
        ),
        (
            "an assertion in advice",
            "<saml:Conditions",
            "<saml:Advice><saml:Assertion></saml:Assertion></saml:Advice><saml:Conditions",
            Refused::AssertionCount,
        ),
        ("no claim", "Name=\"account\"", "Name=\"Account\"", Refused::NoClaim),
        (
            "an empty claim",
            "<saml:AttributeValue>anna</saml:AttributeValue>",
            "<saml:AttributeValue></saml:AttributeValue>",
            Refused::NoClaim,
        ),
        (
            "two claims",
            "<saml:AttributeValue>anna</saml:AttributeValue>",
            "<saml:AttributeValue>anna</saml:AttributeValue><saml:AttributeValue>lone</saml:AttributeValue>",
            Refused::Claim,
        ),
        ("no name", ">anna</saml:NameID>", "></saml:NameID>", Refused::Subject),
        (
            "an encrypted name",
            "<saml:SubjectConfirmation ",
            "<saml:EncryptedID></saml:EncryptedID><saml:SubjectConfirmation ",
            Refused::Subject,
        ),
        ("no subject", "saml:Subject>", "saml:Conditions2>", Refused::UnknownStatement),
    ] {
        assert_eq!(read(&Forge::default().say(from, to).message()), Err(reason), "{what}");
        let inside = Forge { assertion: Forge::default().say(from, to).assertion, ..Forge::encrypted(Content::Aes256Gcm, KeyWay::Oaep11) };
        assert_eq!(read(&inside.message()), Err(reason), "{what}, encrypted");
        let outside = Forge { sign_assertion: false, sign_response: true, ..inside };
        assert_eq!(read(&outside.message()), Err(reason), "{what}, encrypted and signed around");
    }
}

#[test]
fn every_check_of_the_response_is_made_whether_it_is_signed_or_not() {
    for (what, from, to, reason) in [
        ("version", "Version=\"2.0\"", "Version=\"2.1\"", Refused::Version),
        ("issuer", "https://idp.test/saml<", "https://evil.test/saml<", Refused::Issuer),
        (
            "destination",
            "Destination=\"https://os2nykode.test/saml/acs\"",
            "Destination=\"https://other.test/saml/acs\"",
            Refused::Destination,
        ),
        ("no destination", "Destination=\"https://os2nykode.test/saml/acs\" ", "", Refused::Destination),
        ("another request", "InResponseTo=\"_request\"", "InResponseTo=\"_other\"", Refused::InResponseTo),
        ("no request", "InResponseTo=\"_request\" ", "", Refused::InResponseTo),
        ("too early", "IssueInstant=\"2026-11-23T08:09:50Z\"", "IssueInstant=\"2026-11-23T08:05:59Z\"", Refused::IssueInstant),
        ("in the future", "IssueInstant=\"2026-11-23T08:09:50Z\"", "IssueInstant=\"2026-11-23T08:13:01Z\"", Refused::IssueInstant),
        ("a failure", "status:Success", "status:Responder", Refused::Status),
        ("no status", "samlp:Status>", "samlp:Other>", Refused::Status),
    ] {
        for (assertion, response) in [(true, false), (false, true), (true, true)] {
            assert_eq!(read(&Forge::signed(assertion, response).around(from, to).message()), Err(reason), "{what}");
            let encrypted = Forge { encrypted: Some((Content::Aes128Cbc, KeyWay::Mgf1p)), ..Forge::signed(assertion, response) };
            assert_eq!(read(&encrypted.around(from, to).message()), Err(reason), "{what}, encrypted");
        }
    }
}

#[test]
fn clocks_may_differ_by_the_skew_and_not_a_second_more() {
    let message = Forge::default().message();
    let at = |time: &str| read_by(&provider(), &metadata(), message.as_bytes(), time.parse().expect("a time"), true);
    for (time, right) in [
        ("2026-11-23T08:06:50Z", true), // NotBefore 08:09:50 minus three minutes
        ("2026-11-23T08:06:49Z", false),
        ("2026-11-23T08:17:59Z", true), // NotOnOrAfter 08:15:00 plus three minutes
        ("2026-11-23T08:18:00Z", false),
    ] {
        assert_eq!(at(time).is_ok(), right, "{time}");
    }
}

#[test]
fn the_end_of_time_is_a_time_like_any_other() {
    let message = Forge::default().say("2026-11-23T08:15:00Z", "9999-12-30T22:00:00Z").message();
    assert!(proven(&message).until > now());
}

#[test]
fn an_old_login_is_taken_where_no_fresh_one_was_asked_for_and_tells_its_age() {
    let message = Forge::default().say("AuthnInstant=\"2026-11-23T08:09:45Z\"", "AuthnInstant=\"2026-11-23T06:00:00Z\"").message();
    let Ok(LoginAnswer::Login(login)) = read_by(&provider(), &metadata(), message.as_bytes(), now(), false) else { panic!("taken") };
    assert_eq!(login.at.to_string(), "2026-11-23T06:00:00Z");
}

#[test]
fn the_level_comes_from_the_attribute_and_never_from_the_class_reference() {
    let loa = "<saml:AttributeValue>Substantial</saml:AttributeValue>";
    for (to, level) in [
        ("<saml:AttributeValue>Low</saml:AttributeValue>", AssuranceLevel::Low),
        ("<saml:AttributeValue>High</saml:AttributeValue>", AssuranceLevel::High),
        ("<saml:AttributeValue>high</saml:AttributeValue>", AssuranceLevel::None),
        ("<saml:AttributeValue></saml:AttributeValue>", AssuranceLevel::None),
        ("<saml:AttributeValue>Low</saml:AttributeValue><saml:AttributeValue>High</saml:AttributeValue>", AssuranceLevel::None),
        ("<saml:AttributeValue><x>High</x></saml:AttributeValue>", AssuranceLevel::None),
        ("", AssuranceLevel::None),
    ] {
        assert_eq!(proven(&Forge::default().say(loa, to).message()).level, level, "{to}");
    }
    let without = Forge::default().say("Name=\"https://data.gov.dk/concept/core/nsis/loa\"", "Name=\"x\"").message();
    assert_eq!(proven(&without).level, AssuranceLevel::None, "the class reference says High");
    let mut fixed = provider();
    fixed.level = LevelSource::Fixed(AssuranceLevel::Low);
    let Ok(LoginAnswer::Login(login)) = read_by(&fixed, &metadata(), Forge::default().message().as_bytes(), now(), true) else {
        panic!("taken")
    };
    assert_eq!(login.level, AssuranceLevel::Low);
}

#[test]
fn oiosaml_demands_encryption_a_signature_inside_and_its_version() {
    let mut provider = provider();
    provider.profile = Profile::Oiosaml3;
    let read = |forge: Forge| read_by(&provider, &metadata(), forge.message().as_bytes(), now(), true);
    let encrypted = || Forge::encrypted(Content::Aes256Gcm, KeyWay::Oaep11);
    assert!(read(encrypted()).is_ok());
    assert_eq!(read(Forge::signed(true, true)), Err(Refused::NotEncrypted));
    assert_eq!(read(Forge { sign_assertion: false, sign_response: true, ..encrypted() }), Err(Refused::Unsigned));
    assert_eq!(read(encrypted().say("OIO-SAML-3.0", "OIO-SAML-2.0")), Err(Refused::SpecVersion));
    assert_eq!(read(encrypted().say("core/specVersion", "core/other")), Err(Refused::SpecVersion));
    provider.spec_versions = vec!["OIO-SAML-4.0".to_owned()];
    assert_eq!(read_by(&provider, &metadata(), encrypted().message().as_bytes(), now(), true), Err(Refused::SpecVersion));
}

#[test]
fn required_attributes_have_to_have_one_of_their_values() {
    let mut provider = provider();
    let message = Forge::default().message();
    let mut read = |values: &[&str]| {
        provider.require = [("role".to_owned(), values.iter().map(|value| (*value).to_owned()).collect())].into();
        read_by(&provider, &metadata(), message.as_bytes(), now(), true)
    };
    assert!(read(&["Medarbejder", "Elev"]).is_ok());
    assert_eq!(read(&["Medarbejder"]), Err(Refused::Required));
    assert_eq!(read(&["elev"]), Err(Refused::Required));
    provider.require = [("missing".to_owned(), vec![String::new()])].into();
    assert_eq!(read_by(&provider, &metadata(), message.as_bytes(), now(), true), Err(Refused::Required));
}

#[test]
fn a_name_id_can_be_the_claim_and_a_cpr_number_has_to_be_one() {
    let mut provider = provider();
    provider.claim = Source::NameId;
    assert!(read_by(&provider, &metadata(), Forge::default().message().as_bytes(), now(), true).is_ok());
    let without =
        Forge::default().say("<saml:NameID Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified\">anna</saml:NameID>", "");
    assert_eq!(read_by(&provider, &metadata(), without.message().as_bytes(), now(), true), Err(Refused::NoClaim));
    provider.common.match_by = ClaimKind::Cpr;
    assert_eq!(read_by(&provider, &metadata(), Forge::default().message().as_bytes(), now(), true), Err(Refused::Claim));
}

#[test]
fn a_failure_is_told_as_what_it_is_and_only_in_answer_to_the_request() {
    let status = |codes: &str| {
        Forge { assertion: String::new(), sign_assertion: false, ..Forge::default() }
            .around("<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"></samlp:StatusCode>", codes)
    };
    let code = |outer: &str, inner: &str| {
        let uri = "urn:oasis:names:tc:SAML:2.0:status:";
        format!("<samlp:StatusCode Value=\"{uri}{outer}\"><samlp:StatusCode Value=\"{uri}{inner}\"></samlp:StatusCode></samlp:StatusCode>")
    };
    for (outer, inner, failure) in [
        ("Responder", "AuthnFailed", LoginFailure::Cancelled),
        ("Requester", "RequestDenied", LoginFailure::Cancelled),
        ("Responder", "NoAuthnContext", LoginFailure::Level),
        ("Responder", "NoPassive", LoginFailure::Passive),
        ("Requester", "RequestUnsupported", LoginFailure::Other(None)),
    ] {
        let told = read(&status(&code(outer, inner)).message());
        assert_eq!(told, Ok(LoginAnswer::Failure(failure)), "{inner}");
        assert_eq!(read(&status(&code(outer, inner)).around("\"_request\"", "\"_other\"").message()), Err(Refused::InResponseTo));
    }
    let only_outer = "<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Responder\"></samlp:StatusCode>";
    assert_eq!(read(&status(only_outer).message()), Ok(LoginAnswer::Failure(LoginFailure::Cancelled)));
    let success = "<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"></samlp:StatusCode>";
    let nothing = Forge { assertion: String::new(), sign_assertion: false, ..Forge::default() };
    assert_eq!(read(&nothing.message()), Err(Refused::AssertionCount), "success without an assertion: {success}");
}
