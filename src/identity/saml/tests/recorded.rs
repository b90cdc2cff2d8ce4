//! Tests of each SAML section in config/providers against recorded metadata and attributes (tests/recorded, with invented people).

use std::{fs, path::Path};

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::forge::{ASSERTION, Content, EVERYBODY, Forge, IDP, KeyWay, now, read_by};
use crate::{
    config::{SamlProvider, tests::preset},
    identity::{
        answer::LoginAnswer,
        saml::{Refused, metadata::Metadata},
    },
};

fn recorded(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A signed message of this provider with these attributes, encrypted if the provider encrypts.
fn message(recorded: &Value, attributes: &Value) -> String {
    let start = ASSERTION.find("<saml:AttributeStatement>").expect("there");
    let mut told = String::new();
    for (name, values) in attributes.as_object().expect("attributes") {
        let values = values.as_array().map_or(&[][..], Vec::as_slice).iter();
        let values: String =
            values.map(|value| format!("<saml:AttributeValue>{}</saml:AttributeValue>", value.as_str().expect("text"))).collect();
        if !values.is_empty() {
            told.push_str(&format!("<saml:Attribute Name=\"{name}\">{values}</saml:Attribute>"));
        }
    }
    let assertion = format!("{}<saml:AttributeStatement>{told}</saml:AttributeStatement></saml:Assertion>", &ASSERTION[..start]);
    let (entity, name_id) = (recorded["entity_id"].as_str().expect("text"), recorded["name_id"].as_str().expect("text"));
    let assertion = assertion.replace(IDP, entity).replace(">anna</saml:NameID>", &format!(">{name_id}</saml:NameID>"));
    let whole =
        if recorded["encrypted"] == true { Forge::encrypted(Content::Aes256Gcm, KeyWay::Oaep11) } else { Forge::signed(true, false) };
    Forge { assertion, ..whole }.around(IDP, entity).message()
}

fn provider(name: &str) -> (SamlProvider, Metadata, Value) {
    let config = preset(name);
    let [provider] = config.saml.providers.as_slice() else { panic!("{name}: one provider") };
    let certificate = BASE64.encode(EVERYBODY.idp.signing.certificate());
    let metadata = recorded(&format!("{name}.xml")).replace("{certificate}", &certificate);
    let metadata = Metadata::parse(metadata.as_bytes(), None, None, now()).unwrap_or_else(|error| panic!("{name}: {error}"));
    (provider.clone(), metadata, serde_json::from_str(&recorded(&format!("{name}.json"))).expect("JSON"))
}

#[test]
fn every_saml_section_takes_its_providers_login_and_refuses_what_a_wrong_one_lacks() {
    for name in ["ad-fs", "nemlog-in", "os2faktor", "unilogin-saml"] {
        let (provider, metadata, recorded) = provider(name);
        assert_eq!(metadata.entity_id, recorded["entity_id"], "{name}");
        let read = |attributes: &Value| read_by(&provider, &metadata, message(&recorded, attributes).as_bytes(), now(), true);
        match read(&recorded["attributes"]) {
            Ok(LoginAnswer::Login(login)) => {
                let leads = &recorded["leads_to"];
                assert_eq!(json!([login.claim.kind().code(), login.level.code()]), json!([leads["by"], leads["level"]]), "{name}");
            }
            other => panic!("{name}: {other:?}"),
        }
        for wrong in recorded["refused"].as_array().expect("a list") {
            let mut attributes = recorded["attributes"].clone();
            for (attribute, values) in wrong["attributes"].as_object().expect("attributes") {
                attributes[attribute] = values.clone();
            }
            let refused = read(&attributes).err().map(Refused::code);
            assert_eq!(json!(refused), wrong["reason"], "{name}: {}", wrong["what"]);
        }
    }
}
