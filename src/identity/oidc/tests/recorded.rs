//! Tests of each OIDC section in config/providers against recorded documents and claims (tests/recorded, with invented people).

use std::{fs, path::Path};

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{
    forge::{RSA, but},
    held::{ACCESS, NONCE, at_hash, keys, now},
    payload,
};
use crate::{
    config::{OidcProvider, tests::preset},
    identity::oidc::{Denied, claims::ClaimsRead, claims::VerifiedClaims, discovery, id_token},
};

fn recorded(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded").join(format!("{name}.json"));
    serde_json::from_str(&fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))).expect("JSON")
}

/// The recorded ID token with the times and names of this login; an authentication time is given in seconds from now.
fn id_token(recorded: &Value, provider: &OidcProvider) -> Value {
    let second = now().as_second();
    let mut claims = but(
        json!({ "iss": provider.issuer, "aud": provider.client_id, "exp": second + 300, "iat": second, "nonce": NONCE }),
        recorded.clone(),
    );
    if let Some(ago) = recorded["auth_time"].as_i64() {
        claims["auth_time"] = json!(second + ago);
    }
    if recorded["authenticationinstant"] == "now" {
        claims["authenticationinstant"] = json!(now().to_string());
    }
    if recorded["azp"] == "{client_id}" {
        claims["azp"] = json!(provider.client_id);
    }
    if recorded["at_hash"] == "computed" {
        claims["at_hash"] = json!(at_hash(ACCESS));
    }
    claims
}

fn login(id_token: &Value, userinfo: Option<&Value>, provider: &OidcProvider) -> Result<ClaimsRead, Denied> {
    let asked = now() - SignedDuration::from_secs(30);
    let expected = id_token::ExpectedToken { provider, keys: &keys(), nonce: NONCE, asked, forced: provider.prompt_login, now: now() };
    let verified = id_token::verify(&RSA.token("RS256", id_token), Some(ACCESS), &expected)?;
    VerifiedClaims { id_token: verified.payload, userinfo: userinfo.map(payload) }.read(provider)
}

fn changed(recorded: &Value, changes: &Value) -> Value {
    if changes.is_null() { recorded.clone() } else { but(recorded.clone(), changes.clone()) }
}

#[test]
fn every_openid_section_takes_its_providers_login_and_names_what_a_wrong_one_lacks() {
    for name in ["authentik", "entra-id", "idura", "keycloak", "nets", "signaturgruppen", "signicat", "unilogin"] {
        let config = preset(name);
        let [provider] = config.oidc.providers.as_slice() else { panic!("{name}: one provider") };
        let recorded = recorded(name);
        let known = discovery::said(&payload(&recorded["discovery"]), provider).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(known.userinfo.is_some(), provider.asks_userinfo(), "{name}");
        let userinfo = recorded.get("userinfo");
        assert_eq!(userinfo.is_some(), provider.asks_userinfo(), "{name}: UserInfo is recorded where it is asked");
        let right =
            login(&id_token(&recorded["id_token"], provider), userinfo, provider).unwrap_or_else(|denied| panic!("{name}: {denied:?}"));
        let leads = &recorded["leads_to"];
        assert_eq!(
            json!([right.claim.kind().code(), right.level.code(), right.name]),
            json!([leads["by"], leads["level"], leads["name"]]),
            "{name}"
        );
        for wrong in recorded["refused"].as_array().expect("a list") {
            let what = format!("{name}: {}", wrong["what"]);
            let token = id_token(&changed(&recorded["id_token"], &wrong["id_token"]), provider);
            let userinfo = userinfo.map(|userinfo| changed(userinfo, &wrong["userinfo"]));
            let denied = login(&token, userinfo.as_ref(), provider).expect_err(&what);
            assert_eq!(json!([denied.refused.code(), denied.field]), json!([wrong["reason"], wrong["field"]]), "{what}: {denied:?}");
        }
    }
}
