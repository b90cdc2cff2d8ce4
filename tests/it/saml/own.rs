//! A provider whose key the tests hold, for responses that a real provider does not send.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use data_encoding::BASE64;
use jiff::{SignedDuration, Timestamp};
use os2nykode::{
    clock::{Clock, SystemClock},
    identity::{
        keys::{self, KeyPair, ProviderKeys},
        saml::{
            message::{self, Message},
            signature::enveloped,
            subject::LogoutSubject,
        },
        transport::Transport,
    },
    model::identity::provider::ProviderId,
};

use crate::{
    environment::unique,
    idp::{Answer, Idp, Wishes, configuration, form, introduce},
    process::{PROGRAM, free_address, start_by, write_config},
    service::{Service, Setup},
    visitor::Visitor,
};

const ACS: &str = "https://localhost/saml/acs";
const SLO: &str = "https://localhost/saml/slo";
const THERE: &str = "https://egen.test";

/// The provider's signing key. The encryption key serves as a stranger's.
static KEYS: LazyLock<ProviderKeys> = LazyLock::new(|| {
    let dir = tempfile::tempdir().expect("a folder");
    keys::generate(dir.path(), "egen.test", SystemClock.now()).expect("keys");
    ProviderKeys::read(dir.path()).expect("keys")
});

/// File with the provider's metadata.
static METADATA: LazyLock<PathBuf> = LazyLock::new(|| {
    let path = tempfile::tempdir().expect("a folder").keep().join("egen.xml");
    crate::service::write_private(&path, metadata(&KEYS.signing)).expect("written");
    path
});

/// Metadata with one key. Each binding has separate addresses for logout requests and logout responses.
fn metadata(key: &KeyPair) -> String {
    let of = |binding: &str, way: &str| {
        format!(
            "<md:SingleLogoutService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:{binding}\" Location=\"{THERE}/slo-{way}\" \
             ResponseLocation=\"{THERE}/answers-{way}\"/>"
        )
    };
    format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{THERE}\"><md:IDPSSODescriptor \
         protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"><md:KeyDescriptor use=\"signing\"><ds:KeyInfo \
         xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>\
         </md:KeyDescriptor>{}{}<md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" \
         Location=\"{THERE}/sso\"/></md:IDPSSODescriptor></md:EntityDescriptor>",
        BASE64.encode(key.certificate()),
        of("HTTP-Redirect", "redirect"),
        of("HTTP-POST", "post"),
    )
}

/// Configuration with the provider under these ids beside the real ones, and the service's entity id.
fn known_as(ids: &[&str]) -> (&'static str, String) {
    known_by(ids, &METADATA)
}

/// The same with the metadata in another file.
fn known_by(ids: &[&str], metadata: &Path) -> (&'static str, String) {
    let (mut text, entity) = configuration("");
    introduce(&entity, "https://localhost", Wishes::USUAL);
    for id in ids {
        text.push_str(&format!(
            "[[saml.provider]]\nid = \"{id}\"\nmetadata_file = \"{}\"\nbutton = {{ da = \"Egen\" }}\n\
             match = {{ by = \"account_name\", from = \"sAMAccountName\" }}\n",
            metadata.display()
        ));
    }
    (text.leak(), entity)
}

async fn started(ids: &[&str]) -> (Service, String) {
    let (more, entity) = known_as(ids);
    (Setup { more, ..Setup::default() }.start().await, entity)
}

/// Begins a login. Returns the request's ID and the RelayState.
async fn asked(visitor: &Visitor, id: &str) -> (String, String) {
    let begun = visitor.request(reqwest::Method::GET, &format!("/login/{id}")).send().await.expect("an answer");
    let address = reqwest::Url::parse(begun.headers()["location"].to_str().expect("text")).expect("an address");
    let field = |name: &str| address.query_pairs().find(|(key, _)| key == name).expect("there").1.into_owned();
    let request = String::from_utf8(message::inflated(&field("SAMLRequest")).expect("deflated")).expect("UTF-8");
    let id = request.split_once(" ID=\"").and_then(|(_, rest)| rest.split_once('"')).expect("an ID").0;
    (id.to_owned(), field("RelayState"))
}

/// A valid response for this account, signed with this key.
fn says(entity: &str, request: &str, account: &str, ends: Option<Timestamp>, key: &KeyPair) -> String {
    let now = SystemClock.now();
    let (at, until) = (now.strftime("%Y-%m-%dT%H:%M:%SZ"), (now + SignedDuration::from_mins(5)).strftime("%Y-%m-%dT%H:%M:%SZ"));
    let ends = ends.map(|end| format!(" SessionNotOnOrAfter=\"{}\"", end.strftime("%Y-%m-%dT%H:%M:%SZ"))).unwrap_or_default();
    let id = unique("_a");
    let assertion = format!(
        "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{id}\" IssueInstant=\"{at}\" Version=\"2.0\">\
         <saml:Issuer>{THERE}</saml:Issuer><saml:Subject><saml:NameID>{account}</saml:NameID>\
         <saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"><saml:SubjectConfirmationData \
         InResponseTo=\"{request}\" NotOnOrAfter=\"{until}\" Recipient=\"{ACS}\"></saml:SubjectConfirmationData></saml:SubjectConfirmation>\
         </saml:Subject><saml:Conditions NotOnOrAfter=\"{until}\"><saml:AudienceRestriction><saml:Audience>{entity}</saml:Audience>\
         </saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant=\"{at}\" SessionIndex=\"{id}\"{ends}><saml:AuthnContext>\
         <saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext>\
         </saml:AuthnStatement><saml:AttributeStatement><saml:Attribute Name=\"sAMAccountName\"><saml:AttributeValue>{account}\
         </saml:AttributeValue></saml:Attribute></saml:AttributeStatement></saml:Assertion>"
    );
    let place = assertion.find("</saml:Issuer>").expect("there") + "</saml:Issuer>".len();
    let signed = enveloped(&assertion, place, &id, key.key(), key.certificate(), false).expect("signed");
    format!(
        "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" Destination=\"{ACS}\" ID=\"{}\" InResponseTo=\"{request}\" \
         IssueInstant=\"{at}\" Version=\"2.0\"><saml:Issuer xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{THERE}</saml:Issuer>\
         <samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"></samlp:StatusCode></samlp:Status>{signed}\
         </samlp:Response>",
        unique("_r")
    )
}

/// Logs in at the provider with this id.
async fn logged_in(service: &Service, entity: &str, id: &str, account: &str, ends: Option<Timestamp>) -> Visitor {
    let visitor = service.visitor();
    let (request, relay) = asked(&visitor, id).await;
    let xml = says(entity, &request, account, ends, &KEYS.signing);
    let page = visitor.bring(&Answer { response: BASE64.encode(xml.as_bytes()), relay }).await;
    assert!(page.path.starts_with("/account"), "{id}: {} {}", page.path, page.text);
    visitor
}

async fn is_in(visitor: &Visitor) -> bool {
    !visitor.get("/account").await.path.starts_with("/?")
}

/// The provider's logout request for all sessions of a person.
fn logout(account: &str) -> Message {
    let subject =
        LogoutSubject { name_id: account.to_owned(), format: None, name_qualifier: None, sp_name_qualifier: None, session_index: None };
    message::logout_request(&unique("_l"), SystemClock.now(), SLO, THERE, &subject)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_when_the_providers_does() {
    let (service, entity) = started(&["egen"]).await;
    let short = logged_in(&service, &entity, "egen", "anna", Some(service.clock.now() + SignedDuration::from_mins(2))).await;
    let other = logged_in(&service, &entity, "egen", "niels", None).await;
    assert!(is_in(&short).await && is_in(&other).await);
    service.clock.shift_to(121);
    assert!(!is_in(&short).await, "SessionNotOnOrAfter has come");
    assert!(is_in(&other).await, "who was told no end stays in");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_has_left_the_metadata_signs_nothing_any_more() {
    let file = tempfile::tempdir().expect("a folder").keep().join("egen.xml");
    crate::service::write_private(&file, metadata(&KEYS.signing)).expect("written");
    let (more, entity) = known_by(&["egen"], &file);
    let service = Setup { more, ..Setup::default() }.start().await;
    let gets_in = async |key: &KeyPair| {
        let visitor = service.visitor();
        let (request, relay) = asked(&visitor, "egen").await;
        let xml = says(&entity, &request, "anna", None, key);
        let page = visitor.bring(&Answer { response: BASE64.encode(xml.as_bytes()), relay }).await;
        page.path.starts_with("/account")
    };
    assert!(gets_in(&KEYS.signing).await && !gets_in(&KEYS.encryption).await);
    crate::service::write_private(&file, metadata(&KEYS.encryption)).expect("written");
    let saml = service.app.saml.as_ref().expect("configured");
    saml.refresh(&ProviderId::parse("egen").expect("an id"), service.clock.now()).await.expect("read again");
    assert!(gets_in(&KEYS.encryption).await && !gets_in(&KEYS.signing).await);
    // A logout by the old key is refused too.
    let Transport::Redirect(path) = logout("anna").redirect("/saml/slo", None, &KEYS.signing, false).expect("signed") else {
        panic!("a redirect")
    };
    let answer = service.visitor().request(reqwest::Method::GET, &path).send().await.expect("an answer");
    assert_eq!(answer.status(), 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_is_answered_where_its_binding_takes_answers() {
    let (service, entity) = started(&["egen"]).await;
    let visitor = logged_in(&service, &entity, "egen", "anna", None).await;
    let Transport::Redirect(path) = logout("anna").redirect("/saml/slo", Some("til-bage"), &KEYS.signing, false).expect("signed") else {
        panic!("a redirect")
    };
    let answer = visitor.request(reqwest::Method::GET, &path).send().await.expect("an answer");
    let there = answer.headers()["location"].to_str().expect("text");
    assert!(there.starts_with(&format!("{THERE}/answers-redirect?SAMLResponse=")) && there.contains("&RelayState=til-bage&"), "{there}");
    assert!(!is_in(&visitor).await);

    let visitor = logged_in(&service, &entity, "egen", "anna", None).await;
    let Transport::Form { fields, .. } = logout("anna").form(SLO, Some("til-bage"), &KEYS.signing, false).expect("signed") else {
        panic!("a form")
    };
    let sent = visitor.request(reqwest::Method::POST, "/saml/slo").header("sec-fetch-site", "cross-site").header("origin", "null");
    let page = sent.form(&fields).send().await.expect("an answer").text().await.expect("a body");
    let (action, fields) = form(&page);
    assert_eq!(action, format!("{THERE}/answers-post"));
    assert!(fields.iter().any(|(name, _)| name == "SAMLResponse"));
    assert!(fields.contains(&("RelayState".to_owned(), "til-bage".to_owned())), "{page}");
    assert!(!is_in(&visitor).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_configured_twice_logs_people_out_of_both() {
    let (service, entity) = started(&["egen", "egen-to"]).await;
    let first = logged_in(&service, &entity, "egen", "anna", None).await;
    let second = logged_in(&service, &entity, "egen-to", "anna", None).await;
    let somebody = logged_in(&service, &entity, "egen-to", "niels", None).await;
    let elsewhere = service.visitor();
    elsewhere.log_in_at(Idp::Os2faktor, "anna").await.says("Anna Andersen");
    let Transport::Redirect(path) = logout("anna").redirect("/saml/slo", None, &KEYS.signing, false).expect("signed") else {
        panic!("a redirect")
    };
    let told = service.visitor().request(reqwest::Method::GET, &path).send().await.expect("an answer");
    assert!(told.headers()["location"].to_str().expect("text").starts_with(&format!("{THERE}/answers-redirect?")));
    assert!(!is_in(&first).await && !is_in(&second).await, "both have ended");
    assert!(is_in(&somebody).await && is_in(&elsewhere).await, "no other person's, and no other provider's");
    assert_eq!(service.visitor().get(&path).await.status, 403, "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_to_standard_error_for_what_is_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    let (more, entity) = known_as(&["egen"]);
    let address = free_address();
    write_config(dir.path(), &Setup { more, ..Setup::default() }, address);
    let errors = dir.path().join("errors");
    let mut command = Command::new("sh");
    command.args(["-c", "exec \"$0\" \"$@\" 2>\"$ERRORS\"", PROGRAM]).env("ERRORS", &errors);
    let _running = start_by(command, dir.path(), address).await;
    let visitor = Visitor::new(address);
    let wrongs: [fn(String) -> String; 5] = [
        |xml| xml.replace(">anna<", ">niels<"),
        |xml| xml.replace("<ds:DigestValue>", "<ds:DigestValue>AAAA"),
        |xml| xml.replace("<ds:SignatureValue>", "<ds:SignatureValue>AAAA"),
        |xml| xml.replace("<saml:Issuer>", "<saml:Issuer xmlns:x=\"relative\">"),
        |xml| xml.replace("</samlp:Response>", ""),
    ];
    let stranger: fn(String) -> String = |xml| xml;
    for (number, (wrong, key)) in wrongs.into_iter().map(|wrong| (wrong, &KEYS.signing)).chain([(stranger, &KEYS.encryption)]).enumerate() {
        let (request, relay) = asked(&visitor, "egen").await;
        let right = says(&entity, &request, "anna", None, key);
        let xml = wrong(right.clone());
        assert!(xml != right || number == 5, "{number} is wrong");
        let page = visitor.bring(&Answer { response: BASE64.encode(xml.as_bytes()), relay }).await;
        assert_eq!(page.status, 403, "{number}");
    }
    let Transport::Redirect(path) = logout("anna").redirect("/saml/slo", None, &KEYS.encryption, false).expect("signed") else {
        panic!("a redirect")
    };
    assert_eq!(visitor.get(&path).await.status, 403);
    // A valid response takes the same path and is accepted.
    let (request, relay) = asked(&visitor, "egen").await;
    let xml = says(&entity, &request, "anna", None, &KEYS.signing);
    let page = visitor.bring(&Answer { response: BASE64.encode(xml.as_bytes()), relay }).await;
    assert!(page.path.starts_with("/account"), "{}", page.text);
    assert_eq!(std::fs::read_to_string(&errors).expect("there"), "");
}
