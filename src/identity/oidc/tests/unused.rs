//! Tests that unused claims, discovery fields and key members never decide, and that used ones are read in every spelling.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::{
    forge::{EC, RSA, but},
    held::{CLIENT, ISSUER, claims, field, keys, now, provider, set, verify, verify_by},
    payload, said, why,
};
use crate::{
    config::{ClaimSource, ListOf, OidcProvider, Required},
    identity::oidc::{
        OidcRefused,
        discovery::{self, DiscoveredProvider, DiscoveryError},
        jwks::KeySet,
        logout,
    },
    model::identity::level::AssuranceLevel,
};

/// A token with exactly this text as payload.
fn of_text(payload: &str) -> String {
    let part = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
    let signed = format!("{}.{}", part(r#"{"alg":"RS256","kid":"rsa","jku":1,"x5c":"x","enc":[]}"#), part(payload));
    let signature = BASE64URL_NOPAD.encode(&RSA.signature("RS256", signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// The valid claims, preceded by additional members as text, so that a name may be repeated.
fn with(members: &str) -> String {
    let right = claims().to_string();
    format!("{{{members},{}", &right[1..])
}

#[test]
fn a_claim_that_nothing_uses_refuses_nobody() {
    for member in [
        r#""email_verified":"true""#,
        r#""updated_at":"2025-11-24T16:00:00Z""#,
        r#""address":"x""#,
        r#""birthdate":19800102"#,
        r#""locale":{"da":true}"#,
        r#""given_name":["Anna"]"#,
        r#""amr":"pwd""#,
        r#""acr":1"#,
        r#""acr":null,"acr":{"a":1,"a":2}"#,
        r#""zoneinfo":1e999"#,
        r#""nickname":"\ud800""#,
        r#""groups":[[[[{}]]]],"groups":7"#,
        r#""c_hash":5,"s_hash":[],"website":{},"gender":3"#,
        r#""nbf":null,"azp":null,"at_hash":null"#,
    ] {
        let verified = verify(&of_text(&with(member))).unwrap_or_else(|denied| panic!("{member}: {denied:?}"));
        let read = crate::identity::oidc::claims::VerifiedClaims { id_token: verified.payload, userinfo: None }.read(&provider());
        assert_eq!(read.map(|read| read.level), Ok(AssuranceLevel::Substantial), "{member}");
    }
    // A person's name is only for the greeting.
    let nameless = verify(&RSA.token("RS256", &but(claims(), json!({ "name": ["Anna", "Berit"] })))).expect("right");
    let read =
        crate::identity::oidc::claims::VerifiedClaims { id_token: nameless.payload, userinfo: None }.read(&provider()).expect("read");
    assert_eq!(read.name, None);
}

#[test]
fn of_two_claims_of_one_name_none_counts() {
    for (name, refused) in [
        ("iss", OidcRefused::Issuer),
        ("aud", OidcRefused::Audience),
        ("exp", OidcRefused::Expired),
        ("iat", OidcRefused::IssuedAt),
        ("nonce", OidcRefused::Nonce),
        ("sub", OidcRefused::Subject),
        ("auth_time", OidcRefused::AuthTime),
    ] {
        let again = format!("\"{name}\":{}", claims()[name]);
        assert_eq!(why(verify(&of_text(&with(&again)))), Some(refused), "{name}");
    }
    for (member, refused) in [
        (r#""azp":"os2nykode","azp":"os2nykode""#, OidcRefused::AuthorizedParty),
        (r#""nbf":1,"nbf":1"#, OidcRefused::NotYet),
        (r#""at_hash":"x","at_hash":"x""#, OidcRefused::AccessTokenHash),
    ] {
        assert_eq!(why(verify(&of_text(&with(member)))), Some(refused), "{member}");
    }
    let read = |member: &str| {
        let verified = verify(&of_text(&with(member))).unwrap_or_else(|denied| panic!("{member}: {denied:?}"));
        let mut strict = provider();
        strict.require = vec![required("identity_type", ListOf::Any, true)];
        why(crate::identity::oidc::claims::VerifiedClaims { id_token: verified.payload, userinfo: None }.read(&strict))
    };
    assert_eq!(read(r#""dk.cpr":"0101901234""#), Some(OidcRefused::NoClaim));
    assert_eq!(read(r#""identity_type":"private""#), Some(OidcRefused::Required));
    assert_eq!(read(r#""x":1,"x":2"#), None);
}

#[test]
fn whom_a_token_is_for_may_be_several_where_the_configuration_knows_them() {
    let mut knows = provider();
    knows.additional_audiences = vec!["api://skole".to_owned()];
    let by = |provider: &OidcProvider, change| why(verify_by(provider, &keys(), &RSA.token("RS256", &but(claims(), change))));
    let both = json!([CLIENT, "api://skole"]);
    for (change, refused) in [
        (json!({ "aud": both, "azp": CLIENT }), None),
        (json!({ "aud": ["api://skole", CLIENT], "azp": CLIENT }), None),
        (json!({ "aud": [CLIENT, CLIENT] }), None),
        (json!({ "aud": both }), Some(OidcRefused::AuthorizedParty)),
        (json!({ "aud": both, "azp": "api://skole" }), Some(OidcRefused::AuthorizedParty)),
        (json!({ "aud": both, "azp": [CLIENT] }), Some(OidcRefused::AuthorizedParty)),
        (json!({ "aud": "api://skole", "azp": CLIENT }), Some(OidcRefused::Audience)),
        (json!({ "aud": ["api://skole"], "azp": CLIENT }), Some(OidcRefused::Audience)),
        (json!({ "aud": [CLIENT, "somebody"], "azp": CLIENT }), Some(OidcRefused::Audience)),
        (json!({ "aud": [CLIENT, 7], "azp": CLIENT }), Some(OidcRefused::Audience)),
        (json!({ "aud": { "0": CLIENT } }), Some(OidcRefused::Audience)),
    ] {
        assert_eq!(by(&knows, change.clone()), refused, "{change}");
    }
    assert_eq!(by(&provider(), json!({ "aud": both, "azp": CLIENT })), Some(OidcRefused::Audience), "nobody else is known");
}

#[test]
fn times_may_have_fractions_and_two_of_them_may_be_text() {
    let second = now().as_second();
    let half = |second: i64| serde_json::from_str::<Value>(&format!("{second}.5")).expect("a number");
    for change in [
        json!({ "exp": half(second + 300), "iat": half(second), "nbf": half(second), "auth_time": half(second) }),
        json!({ "nbf": second.to_string(), "auth_time": format!(" {second}.25 ") }),
        json!({ "exp": i64::MAX }),
    ] {
        assert!(verify(&RSA.token("RS256", &but(claims(), change.clone()))).is_ok(), "{change}");
    }
    for (change, refused) in [
        (json!({ "exp": half(second - 181) }), OidcRefused::Expired),
        (json!({ "exp": (second + 300).to_string() }), OidcRefused::Expired),
        (json!({ "iat": half(second + 180) }), OidcRefused::IssuedAt),
        (json!({ "nbf": half(second + 180) }), OidcRefused::NotYet),
        (json!({ "nbf": format!("{}.5", second + 180) }), OidcRefused::NotYet),
        (json!({ "auth_time": format!("{}.4", second - 181) }), OidcRefused::AuthTime),
    ] {
        assert_eq!(why(verify(&RSA.token("RS256", &but(claims(), change.clone())))), Some(refused), "{change}");
    }
}

#[test]
fn blanks_around_a_value_are_no_part_of_it() {
    let read = said(json!({ "dk.cpr": " 010190-1234\n", "loa": "https://data.gov.dk/concept/core/nsis/High ", "name": "\tAnna " }), None)
        .read(&provider())
        .expect("read");
    assert_eq!((read.claim.cpr().map(|cpr| cpr.digits().to_owned()).as_deref(), read.level), (Some("0101901234"), AssuranceLevel::High));
    assert_eq!(read.name.as_deref(), Some("Anna"));
    assert_eq!(why(said(json!({ "dk.cpr": " \n" }), None).read(&provider())), Some(OidcRefused::NoClaim));
}

fn required(from: &str, list: ListOf, or_absent: bool) -> Required {
    Required { field: field(from), values: vec!["private".into()], or_absent, list }
}

#[test]
fn of_a_list_everything_has_to_be_right_or_one_thing_where_that_is_said() {
    let read = |list, value: Value| {
        let mut provider = provider();
        provider.require = vec![required("identity_type", list, false)];
        why(said(but(claims(), json!({ "identity_type": value })), None).read(&provider))
    };
    for (value, only, any) in [
        (json!(["private"]), None, None),
        (json!(["private", "private"]), None, None),
        (json!(["professional", "private"]), Some(OidcRefused::Required), None),
        (json!(["private", null]), Some(OidcRefused::Required), None),
        (json!(["professional"]), Some(OidcRefused::Required), Some(OidcRefused::Required)),
        (json!([]), Some(OidcRefused::Required), Some(OidcRefused::Required)),
        (json!([["private"]]), Some(OidcRefused::Required), Some(OidcRefused::Required)),
    ] {
        assert_eq!((read(ListOf::Only, value.clone()), read(ListOf::Any, value.clone())), (only, any), "{value}");
    }
}

#[test]
fn a_refusal_names_the_field_and_the_check_and_no_value() {
    let second = now().as_second();
    let of_token = |change: Value| verify(&RSA.token("RS256", &but(claims(), change))).expect_err("refused");
    let stale = of_token(json!({ "auth_time": second - 9999 }));
    assert_eq!((stale.field.as_str(), stale.check), ("auth_time", "is older than the login that was asked for"));
    assert_eq!(of_token(json!({ "auth_time": null })).check, "is missing, and a fresh login was asked for");
    assert_eq!(of_token(json!({ "aud": "0101901234" })).field, "aud");
    let of_said = |claims: Value, change: fn(&mut OidcProvider)| {
        let mut provider = provider();
        change(&mut provider);
        let denied = said(claims, Some(json!({ "nin": "0101901234x" }))).read(&provider).expect_err("refused");
        assert!(!format!("{denied:?}").contains("0101901234"), "{denied:?}");
        (denied.refused, denied.field, denied.check)
    };
    let nin =
        |provider: &mut OidcProvider| provider.claim = crate::config::ClaimPath { place: ClaimSource::Userinfo, from: "nin".to_owned() };
    assert_eq!(of_said(json!({}), nin), (OidcRefused::Claim, "nin in UserInfo".to_owned(), "is no CPR number"));
    assert_eq!(of_said(json!({}), |_| {}), (OidcRefused::NoClaim, "dk.cpr".to_owned(), "is missing"));
    let high = |provider: &mut OidcProvider| provider.minimum_level = AssuranceLevel::High;
    assert_eq!(of_said(json!({}), high).2, "is missing, so the login has no level");
    assert_eq!(of_said(json!({ "loa": "Loasubstantial" }), high).2, "has a value that is not in its map, so the login has no level");
    assert_eq!(of_said(claims(), high).2, "has a level below minimum_level");
    let private = |provider: &mut OidcProvider| provider.require = vec![required("kind", ListOf::Only, false)];
    assert_eq!(of_said(json!({ "kind": "0101901234" }), private).2, "does not have a required value");
}

#[test]
fn an_unknown_word_for_a_level_is_told_where_it_can_be_nothing_personal() {
    let provider = provider();
    let told = |loa: Value| {
        let said = said(json!({ "loa": loa }), None);
        said.unknown_level(&provider).map(|(field, word)| (field.from.clone(), word.to_owned()))
    };
    assert_eq!(told(json!("Loasubstantial")), Some(("loa".to_owned(), "Loasubstantial".to_owned())));
    for silent in [
        json!("https://data.gov.dk/concept/core/nsis/High"),
        json!("010190-1234"),
        json!("urn:cpr:0101901234"),
        json!("Anna Andersen"),
        json!("anna@kommune.dk"),
        json!(3),
        json!(["a", "b"]),
        json!("x".repeat(101)),
        Value::Null,
    ] {
        assert_eq!(told(silent.clone()), None, "{silent}");
    }
}

fn known(change: Value, provider: &OidcProvider) -> Result<DiscoveredProvider, DiscoveryError> {
    discovery::said(&payload(&but(document(), change)), provider)
}

/// A valid discovery document.
fn document() -> Value {
    json!({
        "issuer": ISSUER, "authorization_endpoint": "https://broker.test/authorize?p=1", "token_endpoint": "https://broker.test/token",
        "userinfo_endpoint": "https://broker.test/userinfo", "jwks_uri": "https://broker.test/jwks", "end_session_endpoint": "https://broker.test/logout",
    })
}

#[test]
fn a_field_of_the_discovery_document_that_nothing_uses_refuses_no_provider() {
    let provider = provider();
    let right = known(json!({}), &provider).expect("right");
    assert_eq!((right.authorize.as_str(), right.userinfo, right.par), ("https://broker.test/authorize?p=1", None, None));
    for change in [
        json!({ "registration_endpoint": "" }),
        json!({ "acr_values_supported": [0, 1] }),
        json!({ "service_documentation": "see wiki" }),
        json!({ "claims_parameter_supported": "true" }),
        json!({ "scopes_supported": "openid", "response_types_supported": null, "subject_types_supported": 7, "id_token_signing_alg_values_supported": "RS256" }),
        json!({ "userinfo_endpoint": "http://broker.test/userinfo" }),
        json!({ "userinfo_endpoint": 7 }),
        json!({ "token_endpoint_auth_methods_supported": [1, "private_key_jwt"] }),
        json!({ "backchannel_logout_supported": "yes" }),
        json!({ "end_session_endpoint": "" }),
        json!({ "mtls_endpoint_aliases": { "token_endpoint": "http://x" }, "op_policy_uri": "", "op_tos_uri": [] }),
    ] {
        assert!(known(change.clone(), &provider).is_ok(), "{change}");
    }
    let twice = format!("{{\"claims_supported\":[],\"claims_supported\":1,{}", &document().to_string()[1..]);
    let twice = crate::identity::oidc::payload::Payload::read(twice.as_bytes()).expect("an object");
    assert!(discovery::said(&twice, &provider).is_ok());
}

#[test]
fn a_field_that_is_used_is_told_by_its_name() {
    let mut provider = provider();
    provider.claim.place = ClaimSource::Userinfo;
    for name in ["issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"] {
        for (value, told) in [(Value::Null, "has no"), (json!(""), "has no"), (json!(7), "a text")] {
            let error = known(json!({ name: value.clone() }), &provider).expect_err(name).to_string();
            assert!(error.contains(name) && error.contains(told), "{name} {value}: {error}");
        }
        let twice = format!("{{\"{name}\":\"https://evil.test\",{}", &document().to_string()[1..]);
        let twice = crate::identity::oidc::payload::Payload::read(twice.as_bytes()).expect("an object");
        let error = discovery::said(&twice, &provider).expect_err(name).to_string();
        assert!(error.contains(name) && error.contains("once"), "{error}");
    }
    let error = known(json!({ "authorization_response_iss_parameter_supported": "true" }), &provider).expect_err("it decides").to_string();
    assert!(error.contains("authorization_response_iss_parameter_supported") && error.contains("true or false"), "{error}");
    assert_eq!(
        known(json!({ "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0" }), &provider).err().map(|error| error.to_string()),
        Some(
            "its discovery document is for any tenant (\"https://login.microsoftonline.com/{tenantid}/v2.0\"): issuer needs the tenant's own GUID in that place"
                .to_owned()
        )
    );
}

#[test]
fn every_address_is_judged_before_anything_is_asked_there() {
    let mut provider = provider();
    provider.claim.place = ClaimSource::Userinfo;
    let names = [
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "jwks_uri",
        "end_session_endpoint",
        "pushed_authorization_request_endpoint",
    ];
    for name in names {
        for address in [
            "http://broker.test/x",
            "http://127.0.0.1/x",
            "https://user@broker.test/x",
            "https://user:secret@broker.test/x",
            "https://broker.test/x#y",
            "https://broker.test/x y",
            "https://broker.test\\@evil.test/",
            "https://",
            "https://:443/x",
            "https://?x",
            "ftp://broker.test/x",
            "file:///etc/passwd",
            "//broker.test/x",
            "/x",
            "javascript:alert(1)",
        ] {
            let error = known(json!({ name: address }), &provider).expect_err(address);
            assert_eq!(error, DiscoveryError::Unsafe(name), "{address}");
        }
    }
    provider.issuer = "http://127.0.0.1:8080/op".to_owned();
    let here = json!({ "issuer": provider.issuer, "jwks_uri": "http://127.0.0.1:8080/jwks" });
    assert!(known(here, &provider).is_ok(), "a provider on this machine may name this machine");
}

#[test]
fn what_a_key_says_of_its_use_counts_and_nothing_else_of_it() {
    let one = |changes: Value| set(&[but(RSA.jwk(), changes)]).len();
    for unused in [
        json!({ "x5c": "no list", "x5t": 7, "x5u": {} }),
        json!({ "use": null, "key_ops": ["verify"] }),
        json!({ "key_ops": ["sign", "verify"] }),
        json!({ "exp": "never", "ext": "true", "iat": [] }),
        json!({ "alg": "RS256" }),
    ] {
        assert_eq!(one(unused.clone()), 1, "{unused}");
    }
    for barred in [
        json!({ "key_ops": [] }),
        json!({ "key_ops": ["encrypt", "wrapKey"] }),
        json!({ "key_ops": "verify" }),
        json!({ "use": "enc" }),
        json!({ "use": ["sig"] }),
        json!({ "alg": "RSA-OAEP-256" }),
        json!({ "alg": 7 }),
        json!({ "n": 7 }),
    ] {
        assert_eq!(one(barred.clone()), 0, "{barred}");
    }
    assert_eq!(set(&[RSA.jwk(), RSA.jwk(), EC.jwk(), EC.jwk()]).len(), 2, "the same key again is the same key");
    assert!(verify_by(&provider(), &set(&[RSA.jwk(), RSA.jwk()]), &RSA.token("RS256", &claims())).is_ok());
    for no_set in ["{}", "[]", "{\"keys\":{}}", "x", "{\"keys\":[],\"keys\":[]}"] {
        assert_eq!(KeySet::read(no_set.as_bytes(), &crate::config::Algorithm::ALL), None, "{no_set}");
    }
    assert_eq!(KeySet::read(b"{\"keys\":[1,\"x\",{}],\"more\":1e999}", &crate::config::Algorithm::ALL).map(|set| set.len()), Some(0));
}

#[test]
fn a_logout_token_has_its_type_where_the_provider_is_known_to_set_it() {
    let mut typed = provider();
    typed.typed_logout_tokens = true;
    let event = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
    let says =
        json!({ "iss": ISSUER, "aud": CLIENT, "iat": now().as_second(), "jti": "l-1", "sub": "6d0c", "sid": "s-1", "events": event });
    let by = |provider: &OidcProvider, typ: Value, change: Value| {
        let token = RSA.token_with(&but(json!({ "alg": "RS256", "kid": "rsa" }), json!({ "typ": typ })), &but(says.clone(), change));
        why(logout::told(&token, provider, &keys(), now()))
    };
    for typ in ["logout+jwt", "application/logout+jwt", "LOGOUT+JWT"] {
        assert_eq!(by(&typed, json!(typ), json!({})), None, "{typ}");
    }
    for typ in [json!("JWT"), Value::Null, json!("at+jwt")] {
        assert_eq!(by(&typed, typ.clone(), json!({})), Some(OidcRefused::Type), "{typ}");
    }
    assert_eq!(by(&provider(), json!("JWT"), json!({})), None, "others need not");
    // Both identifiers count. Ignoring an unreadable one would end more sessions.
    for change in [json!({ "sid": 7 }), json!({ "sid": "" }), json!({ "sub": [] }), json!({ "sub": "" })] {
        assert_eq!(by(&typed, json!("logout+jwt"), change.clone()), Some(OidcRefused::LogoutToken), "{change}");
    }
}

#[test]
fn signed_userinfo_counts_only_in_its_time() {
    use crate::identity::oidc::{OidcLoginError, userinfo};
    let (second, says) = (now().as_second(), json!({ "iss": ISSUER, "aud": CLIENT, "sub": "6d0c" }));
    let by = |change: Value| {
        let token = RSA.token("RS256", &but(says.clone(), change));
        userinfo::read(&super::answer(200, "application/jwt", &token), &provider(), &keys(), "6d0c", now()).err()
    };
    for right in [
        json!({}),
        json!({ "exp": second + 60, "nbf": second, "iat": second }),
        json!({ "exp": second - 179, "nbf": (second + 180).to_string(), "iat": second + 180 }),
        json!({ "iat": second - 100_000 }),
    ] {
        assert_eq!(by(right.clone()), None, "{right}");
    }
    for (wrong, refused) in [
        (json!({ "exp": second - 180 }), OidcRefused::Expired),
        (json!({ "exp": "never" }), OidcRefused::Expired),
        (json!({ "nbf": second + 181 }), OidcRefused::NotYet),
        (json!({ "nbf": {} }), OidcRefused::NotYet),
        (json!({ "iat": second + 181 }), OidcRefused::IssuedAt),
        (json!({ "iat": "now" }), OidcRefused::IssuedAt),
        (json!({ "aud": [CLIENT, "somebody"] }), OidcRefused::Audience),
    ] {
        assert_eq!(by(wrong.clone()), Some(OidcLoginError::from(refused)), "{wrong}");
    }
}
