//! Signed redirects of the service, verified by pysaml2, python3-saml and ruby-saml.
//!
//! A program that verifies a query from its decoded values encodes them again in its own way.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use data_encoding::BASE64;
use os2nykode::{
    clock::Clock,
    identity::{
        keys::ProviderKeys,
        saml::{
            message::{AuthnRequest, logout_request, logout_response},
            subject::LogoutSubject,
        },
        transport::Transport,
    },
    model::identity::provider::ProviderId,
};

use crate::{
    idp::{KEYS_DIR, Wishes, introduced},
    service::Service,
};

const THERE: &str = "https://idp.test/sso";
/// Characters that programs encode differently.
const SIGNS: &str = "a-b.c_d~e+f/g=h";

/// Names of the verifications. Those that end in `anew` encode the query's values again.
const READERS: [&str; 5] = ["pysaml2", "python3-saml", "python3-saml-anew", "ruby-saml", "ruby-saml-anew"];

/// Verdicts of all readers on each query.
fn judged(queries: &[String]) -> Vec<[bool; 5]> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/env/saml-verifiers");
    let python = folder.join("venv/bin/python");
    assert!(python.exists(), "the readers are missing: run scripts/setup");
    let keys = ProviderKeys::read(&KEYS_DIR).expect("keys");
    let asked = serde_json::json!({ "certificate": BASE64.encode(keys.signing.certificate()), "queries": queries }).to_string();
    let of_python = told(Command::new(python).arg(folder.join("verify.py")), &asked);
    let of_ruby = told(Command::new("ruby").arg(folder.join("verify.rb")), &asked);
    assert_eq!((of_python.len(), of_ruby.len()), (queries.len(), queries.len()));
    let of = |[python, ruby]: [&serde_json::Value; 2], reader: &str| {
        let told = if reader.starts_with("ruby") { &ruby[reader] } else { &python[reader] };
        told.as_bool().expect("a judgement")
    };
    of_python.iter().zip(&of_ruby).map(|(python, ruby)| READERS.map(|reader| of([python, ruby], reader))).collect()
}

/// Runs a reader. Returns one verdict for each query.
fn told(reader: &mut Command, asked: &str) -> Vec<serde_json::Value> {
    let piped = reader.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut reader = piped.spawn().expect("the reader is installed by scripts/setup");
    reader.stdin.take().expect("piped").write_all(asked.as_bytes()).expect("told");
    let done = reader.wait_with_output().expect("it ends");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).expect("JSON")
}

fn query(sent: Transport) -> String {
    let Transport::Redirect(address) = sent else { panic!("a redirect") };
    address.strip_prefix(THERE).and_then(|rest| rest.strip_prefix('?')).expect("a query").to_owned()
}

/// A login request, a logout request and a logout response, all with this RelayState and this name.
fn signed(service: &Service, relay: Option<&str>, name: &str) -> Vec<String> {
    let provider = service.app.config.saml.provider(&ProviderId::parse("os2faktor").expect("an id")).expect("configured");
    let (keys, at) = (ProviderKeys::read(&KEYS_DIR).expect("keys"), service.clock.now());
    let subject = LogoutSubject {
        name_id: name.to_owned(),
        format: Some(name.to_owned()),
        name_qualifier: Some(name.to_owned()),
        sp_name_qualifier: None,
        session_index: Some(name.to_owned()),
    };
    let begun = AuthnRequest { id: "_request", at, destination: THERE, entity_id: name, acs: name, force: true, provider };
    let messages =
        [begun.message(), logout_request("_logout", at, THERE, name, &subject), logout_response("_answer", at, THERE, name, "_asked")];
    messages.map(|message| query(message.redirect(THERE, relay, &keys.signing, false).expect("signed"))).to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn other_programs_verify_what_we_sign_from_the_query_and_from_its_values() {
    let service = introduced(Wishes::USUAL).await.service;
    // The login request in its actual redirect.
    let begun = service.visitor().request(reqwest::Method::GET, "/login/os2faktor").send().await.expect("an answer");
    let address = begun.headers()["location"].to_str().expect("text");
    let mut queries = vec![address.split_once('?').expect("a query").1.to_owned()];
    for relay in [None, Some("_0123456789abcdef"), Some(SIGNS)] {
        // Several attempts, because the characters in base64 are random.
        for number in 0..4 {
            queries.extend(signed(&service, relay, &format!("urn:{SIGNS} i æ {number}")));
        }
    }
    let all = queries.concat();
    assert!(["%2B", "%2F", "%3D", "-", ".", "_", "~"].iter().all(|sign| all.contains(sign)), "{all}");
    for (query, judged) in queries.iter().zip(judged(&queries)) {
        assert_eq!(judged, [true; 5], "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_space_is_told_as_such_to_whoever_reads_the_query() {
    // The encoders of Python and Ruby write a space as plus, other programs as %20. The decoded values don't show the difference.
    // The service's own RelayStates contain no space.
    let service = introduced(Wishes::USUAL).await.service;
    let queries = signed(&service, Some("et sted +%/"), SIGNS);
    for (query, judged) in queries.iter().zip(judged(&queries)) {
        assert!(query.contains("&RelayState=et%20sted%20%2B%25%2F&"), "{query}");
        assert_eq!(judged, [false, true, false, true, false], "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_programs_refuse_a_query_with_one_byte_changed() {
    let service = introduced(Wishes::USUAL).await.service;
    let changed: Vec<_> = signed(&service, Some(SIGNS), SIGNS)
        .iter()
        .flat_map(|query| {
            // One letter changed in the message, in the RelayState and in the signature.
            ["SAMLRe", "&RelayState=", "&Signature="].map(|field| {
                let value = query.find(field).expect("there") + field.len();
                let start = value + query[value..].find('=').filter(|_| field == "SAMLRe").map_or(0, |at| at + 1);
                let at = start + query[start..].find(|c: char| c.is_ascii_lowercase()).expect("a letter");
                let other = if &query[at..=at] == "a" { "b" } else { "a" };
                format!("{}{other}{}", &query[..at], &query[at + 1..])
            })
        })
        .collect();
    for (query, judged) in changed.iter().zip(judged(&changed)) {
        assert_eq!(judged, [false; 5], "{query}");
    }
}
