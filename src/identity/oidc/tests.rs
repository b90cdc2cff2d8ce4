//! Tests of all checks of ID tokens, UserInfo and logout tokens, and of reading claims, each broken alone.

#[path = "../../../tests/it/oidc_forge.rs"]
mod forge;
mod held;
mod recorded;
mod unused;

use josekit::jwe::{self, JweHeader, RSA_OAEP, RSA_OAEP_256};
use serde_json::{Value, json};

use self::{
    forge::{EC, NSIS, RSA, STRANGER, but},
    held::{ACCESS, CLIENT, ISSUER, NONCE, WEAK, at_hash, claims, field, keys, now, provider, set, verify, verify_by},
};
use super::{
    Denied, OidcRefused,
    claims::VerifiedClaims,
    client_auth::{self, For},
    decrypt::Decrypters,
    jwt, logout,
    payload::Payload,
    userinfo,
};
use crate::{
    config::{Algorithm, AssertionAudience, ClaimSource, ClientAuth, LevelSource, ListOf, OidcProvider, Required},
    identity::keys::{self, ProviderKeys},
    model::identity::{
        claim::{Claim, ClaimKind},
        level::AssuranceLevel,
    },
};

/// The reason of a refusal.
fn why<T, E: Into<Denied>>(result: Result<T, E>) -> Option<OidcRefused> {
    result.err().map(|denied| denied.into().refused)
}

#[test]
fn a_right_token_is_taken_with_each_algorithm() {
    for (signer, alg) in [(&RSA, "RS256"), (&RSA, "PS256"), (&EC, "ES256")] {
        let token = signer.token(alg, &but(claims(), json!({ "at_hash": at_hash(ACCESS) })));
        let verified = verify(&token).unwrap_or_else(|refused| panic!("{alg}: {refused:?}"));
        assert_eq!((verified.sub.as_str(), verified.sid.as_deref(), verified.at), ("6d0c", Some("s-1"), now()));
        let mut narrow = provider();
        narrow.algorithms.retain(|algorithm| format!("{algorithm:?}") != alg);
        assert_eq!(why(verify_by(&narrow, &keys(), &token)), Some(OidcRefused::Algorithm), "{alg} is not listed");
    }
}

#[test]
fn every_check_of_the_token_is_made() {
    let second = now().as_second();
    for (what, change, refused) in [
        ("another issuer", json!({ "iss": "https://evil.test" }), OidcRefused::Issuer),
        ("an issuer with a slash", json!({ "iss": format!("{ISSUER}/") }), OidcRefused::Issuer),
        ("an issuer in capitals", json!({ "iss": "https://BROKER.test/op" }), OidcRefused::Issuer),
        ("no issuer", json!({ "iss": null }), OidcRefused::Issuer),
        ("another audience", json!({ "aud": "somebody" }), OidcRefused::Audience),
        ("two audiences", json!({ "aud": [CLIENT, "somebody"] }), OidcRefused::Audience),
        ("no audience", json!({ "aud": null }), OidcRefused::Audience),
        ("an empty audience", json!({ "aud": [] }), OidcRefused::Audience),
        ("another authorized party", json!({ "azp": "somebody" }), OidcRefused::AuthorizedParty),
        ("expired", json!({ "exp": second - 181 }), OidcRefused::Expired),
        ("no end", json!({ "exp": null }), OidcRefused::Expired),
        ("an end in words", json!({ "exp": "never" }), OidcRefused::Expired),
        ("from the future", json!({ "iat": second + 181 }), OidcRefused::IssuedAt),
        ("from before the request", json!({ "iat": second - 181 }), OidcRefused::IssuedAt),
        ("no iat", json!({ "iat": null }), OidcRefused::IssuedAt),
        ("iat as text", json!({ "iat": second.to_string() }), OidcRefused::IssuedAt),
        ("not yet", json!({ "nbf": second + 181 }), OidcRefused::NotYet),
        ("nbf as text", json!({ "nbf": "soon" }), OidcRefused::NotYet),
        ("another nonce", json!({ "nonce": "0" }), OidcRefused::Nonce),
        ("no nonce", json!({ "nonce": null }), OidcRefused::Nonce),
        ("no sub", json!({ "sub": null }), OidcRefused::Subject),
        ("an empty sub", json!({ "sub": "" }), OidcRefused::Subject),
        ("an old login", json!({ "auth_time": second - 181 }), OidcRefused::AuthTime),
        ("a login in the future", json!({ "auth_time": second + 181 }), OidcRefused::AuthTime),
        ("no auth_time", json!({ "auth_time": null }), OidcRefused::AuthTime),
        ("another's access token", json!({ "at_hash": at_hash("another") }), OidcRefused::AccessTokenHash),
        ("an at_hash cut short", json!({ "at_hash": &at_hash(ACCESS)[..20] }), OidcRefused::AccessTokenHash),
    ] {
        assert_eq!(why(verify(&RSA.token("RS256", &but(claims(), change)))), Some(refused), "{what}");
    }
    for (what, change) in [
        ("azp is ours", json!({ "azp": CLIENT })),
        ("a list of one audience", json!({ "aud": [CLIENT] })),
        ("within the skew", json!({ "exp": second - 170, "iat": second - 170, "auth_time": second - 170, "nbf": second + 170 })),
    ] {
        assert!(verify(&RSA.token("RS256", &but(claims(), change))).is_ok(), "{what}");
    }
}

#[test]
fn only_a_key_of_the_providers_signs() {
    let right = claims();
    let header = |alg: &str| json!({ "alg": alg, "kid": "rsa" });
    for (what, token, refused) in [
        ("a stranger's key of the same name", STRANGER.token("RS256", &right), OidcRefused::Signature),
        ("none", RSA.token_with(&header("none"), &right), OidcRefused::Algorithm),
        ("nOnE", RSA.token_with(&header("nOnE"), &right), OidcRefused::Algorithm),
        ("HS256 with the public key", RSA.token_with(&header("HS256"), &right), OidcRefused::Algorithm),
        ("RS512", RSA.token_with(&header("RS512"), &right), OidcRefused::Algorithm),
        ("an EC key's name", RSA.token_with(&json!({ "alg": "RS256", "kid": "ec" }), &right), OidcRefused::Key),
        ("an unknown name", RSA.token_with(&json!({ "alg": "RS256", "kid": "x" }), &right), OidcRefused::Key),
        ("what we do not know", RSA.token_with(&json!({ "alg": "RS256", "kid": "rsa", "crit": ["x"], "x": 1 }), &right), OidcRefused::Type),
        ("an access token's type", RSA.token_with(&json!({ "alg": "RS256", "kid": "rsa", "typ": "at+jwt" }), &right), OidcRefused::Type),
        ("a logout token's type", RSA.token_with(&json!({ "alg": "RS256", "kid": "rsa", "typ": "logout+jwt" }), &right), OidcRefused::Type),
        ("a token in it", RSA.token_with(&json!({ "alg": "RS256", "kid": "rsa", "cty": "JWT" }), &right), OidcRefused::Type),
        (
            "the key beside it",
            STRANGER.token_with(&json!({ "alg": "RS256", "kid": "rsa", "jwk": STRANGER.jwk() }), &right),
            OidcRefused::Signature,
        ),
        ("a text", "x".to_owned(), OidcRefused::NotJwt),
        ("two parts", "e30.e30".to_owned(), OidcRefused::NotJwt),
        ("five parts", "e30.e30.e30.e30.e30".to_owned(), OidcRefused::Encryption),
        ("nothing", String::new(), OidcRefused::NotJwt),
    ] {
        assert_eq!(why(verify(&token)), Some(refused), "{what}");
    }
    let token = RSA.token("RS256", &right);
    let (start, signature) = token.rsplit_once('.').expect("three parts");
    assert_eq!(why(verify(&format!("{start}."))), Some(OidcRefused::Signature), "an empty signature");
    let curve = EC.token("ES256", &right);
    let zeros = format!("{}.{}", curve.rsplit_once('.').expect("three parts").0, data_encoding::BASE64URL_NOPAD.encode(&[0; 64]));
    assert_eq!(why(verify(&zeros)), Some(OidcRefused::Signature), "r and s of nothing");
    assert!(verify(&format!("{start}.{signature}=")).is_err(), "padding");
    let changed = RSA.token("RS256", &but(right.clone(), json!({ "dk.cpr": "0202902345" })));
    let moved = format!("{}.{signature}", changed.rsplit_once('.').expect("three parts").0);
    assert_eq!(why(verify(&moved)), Some(OidcRefused::Signature), "another's claims under a right signature");
}

mod mutated {
    use proptest::prelude::*;

    use super::*;

    fn changed(text: &str, changes: &[(usize, u8)]) -> String {
        let mut bytes = text.as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = *byte;
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    static OURS: std::sync::LazyLock<(Decrypters, String)> = std::sync::LazyLock::new(|| {
        let ours = ours();
        let der = ours.encryption.key().public_key_to_der().expect("DER");
        let mut header = JweHeader::new();
        header.set_content_encryption("A256GCM");
        let sealed = jwe::serialize_compact(b"inside", &header, &RSA_OAEP_256.encrypter_from_der(der).expect("a key")).expect("sealed");
        (Decrypters::of(ours.decrypting()), sealed)
    });

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn no_mutation_of_an_encrypted_token_opens_to_anything_else(changes in prop::collection::vec((any::<usize>(), any::<u8>()), 1..4)) {
            let (decrypters, right) = &*OURS;
            if let Ok(text) = decrypters.open(&changed(right, &changes)) {
                prop_assert_eq!(text.as_str(), "inside");
            }
        }

        #[test]
        fn no_mutation_makes_another_token_count(changes in prop::collection::vec((any::<usize>(), any::<u8>()), 1..4), alg in 0..3_usize) {
            let (signer, alg) = [(&RSA, "RS256"), (&RSA, "PS256"), (&EC, "ES256")][alg];
            let right = signer.token(alg, &claims());
            let text = changed(&right, &changes);
            if text != right {
                // The last letter of a signature has unused bits, so another letter can encode the same signature.
                let same = text.len() == right.len() && text.starts_with(&right[..right.len() - 1]);
                prop_assert!(same || verify(&text).is_err(), "{}", text);
                let _ = jwt::verified(&text, &keys(), &Algorithm::ALL, &["JWT"]);
            }
        }

        #[test]
        fn whatever_is_said_is_read_or_refused(text in "[a-zA-Z0-9._=+/{}\\\"-]{0,200}") {
            let _ = (verify(&text), Decrypters::of(std::iter::empty()).open(&text), logout::told(&text, &provider(), &keys(), now()));
        }

        #[test]
        fn no_time_of_any_size_is_too_much(exp in any::<i64>(), iat in any::<i64>(), auth_time in any::<f64>(), nbf in any::<i64>()) {
            for changes in [json!({ "exp": exp }), json!({ "iat": iat }), json!({ "auth_time": auth_time }), json!({ "nbf": nbf }), json!({ "exp": i64::MAX, "iat": iat, "nbf": nbf })] {
                let _ = verify(&RSA.token("RS256", &but(claims(), changes)));
            }
        }
    }
}

#[test]
fn which_keys_of_a_set_count() {
    let token = |header: Value| RSA.token_with(&header, &claims());
    let nameless = token(json!({ "alg": "RS256" }));
    assert!(verify(&nameless).is_ok(), "there is only one key of the kind");
    let two = set(&[RSA.jwk(), but(STRANGER.jwk(), json!({ "kid": "other" }))]);
    assert_eq!(why(verify_by(&provider(), &two, &nameless)), Some(OidcRefused::Key), "which of two?");
    let same_name = set(&[RSA.jwk(), STRANGER.jwk()]);
    assert_eq!(why(verify_by(&provider(), &same_name, &RSA.token("RS256", &claims()))), Some(OidcRefused::Key));
    let purpose = set(&[but(RSA.jwk(), json!({ "use": "enc" })), EC.jwk()]);
    assert_eq!(why(verify_by(&provider(), &purpose, &RSA.token("RS256", &claims()))), Some(OidcRefused::Key));
    let bound = set(&[but(RSA.jwk(), json!({ "alg": "RS256" }))]);
    assert_eq!(why(verify_by(&provider(), &bound, &RSA.token("PS256", &claims()))), Some(OidcRefused::Key), "the key is for RS256");
    assert!(set(&[WEAK.jwk()]).is_empty(), "1024 bits");
    assert!(set(&[json!({ "kty": "oct", "k": "c2VjcmV0", "kid": "x" })]).is_empty(), "a shared secret");
    assert_eq!(set(&[WEAK.jwk(), RSA.jwk(), json!({ "kty": "strange" })]).len(), 1);
}

#[test]
fn the_time_of_the_login_is_read_and_held_against_what_was_asked() {
    let second = now().as_second();
    let at = |provider: &OidcProvider, change| verify_by(provider, &keys(), &RSA.token("RS256", &but(claims(), change)));
    let with = |set: fn(&mut OidcProvider)| {
        let mut provider = provider();
        set(&mut provider);
        provider
    };
    let hour = with(|p| (p.prompt_login, p.max_age_seconds) = (false, Some(3600)));
    assert_eq!(at(&hour, json!({ "auth_time": second - 3600 })).expect("taken").at.as_second(), second - 3600);
    assert_eq!(why(at(&hour, json!({ "auth_time": second - 3600 - 181 }))), Some(OidcRefused::AuthTime));
    assert_eq!(why(at(&hour, json!({ "auth_time": null }))), Some(OidcRefused::AuthTime));
    let any = with(|p| p.prompt_login = false);
    assert_eq!(at(&any, json!({ "auth_time": 1 })).expect("taken").at.as_second(), 1, "an old session is old: the reset asks again");
    let silent = at(&any, json!({ "auth_time": null, "iat": second - 5 })).expect("taken").at;
    assert!(now().duration_since(silent) > jiff::SignedDuration::from_hours(24 * 365), "a session of unknown age is old: {silent}");
    let trusting = with(|p| (p.prompt_login, p.require_auth_time) = (false, false));
    assert_eq!(at(&trusting, json!({ "auth_time": null, "iat": second - 5 })).expect("taken").at.as_second(), second - 5);
    let lenient = with(|p| p.require_auth_time = false);
    assert!(at(&lenient, json!({ "auth_time": null })).is_ok());
    assert_eq!(why(at(&lenient, json!({ "auth_time": second - 181 }))), Some(OidcRefused::AuthTime), "but what is said counts");
    let instant = with(|p| p.auth_time = "authenticationinstant".to_owned());
    for text in ["2026-11-23T08:09:30Z", "2026-11-23T09:09:30+01:00", "2026-11-23T08:09:30.000"] {
        let change = json!({ "authenticationinstant": text, "auth_time": null });
        assert_eq!(at(&instant, change).unwrap_or_else(|r| panic!("{text} {r:?}")).at.as_second(), second - 30, "{text}");
    }
    for wrong in [json!("yesterday"), json!(true), json!(1e300), json!("2026-11-23T07:00:00Z"), json!({})] {
        assert_eq!(why(at(&instant, json!({ "authenticationinstant": wrong }))), Some(OidcRefused::AuthTime), "{wrong}");
    }
}

/// Our keys.
fn ours() -> ProviderKeys {
    let dir = tempfile::tempdir().expect("a folder");
    keys::generate(dir.path(), "localhost", now()).expect("keys");
    ProviderKeys::read(dir.path()).expect("read")
}

#[test]
fn an_encrypted_token_is_opened_in_one_way_only() {
    let (ours, strangers) = (ours(), ours());
    let decrypters = Decrypters::of(ours.decrypting());
    let inside = RSA.token("RS256", &claims());
    let sealed = |keys: &ProviderKeys, alg: &str, enc: &str, zip: bool, text: &str| {
        let mut header = JweHeader::new();
        header.set_content_encryption(enc);
        header.set_content_type("JWT");
        if zip {
            header.set_compression("DEF");
        }
        let der = keys.encryption.key().public_key_to_der().expect("DER");
        let algorithm = if alg == "RSA-OAEP" { RSA_OAEP } else { RSA_OAEP_256 };
        jwe::serialize_compact(text.as_bytes(), &header, &algorithm.encrypter_from_der(der).expect("a key")).expect("sealed")
    };
    let right = sealed(&ours, "RSA-OAEP-256", "A256GCM", false, &inside);
    assert!(jwt::is_encrypted(&right));
    assert_eq!(decrypters.open(&right).expect("opened").as_str(), inside);
    for (what, token, refused) in [
        ("OAEP with SHA-1", sealed(&ours, "RSA-OAEP", "A256GCM", false, &inside), OidcRefused::Encryption),
        ("another cipher", sealed(&ours, "RSA-OAEP-256", "A128CBC-HS256", false, &inside), OidcRefused::Encryption),
        ("a shorter key", sealed(&ours, "RSA-OAEP-256", "A128GCM", false, &inside), OidcRefused::Encryption),
        ("compressed", sealed(&ours, "RSA-OAEP-256", "A256GCM", true, &"x".repeat(100_000)), OidcRefused::Encryption),
        ("to somebody else", sealed(&strangers, "RSA-OAEP-256", "A256GCM", false, &inside), OidcRefused::Undecipherable),
        ("no JWT", "x.y.z.a.b".to_owned(), OidcRefused::NotJwt),
        ("cut", right[..right.len() - 4].to_owned(), OidcRefused::Undecipherable),
    ] {
        assert_eq!(why(decrypters.open(&token)), Some(refused), "{what}");
    }
    // The first bytes of the right tag, which the library would accept.
    for length in [1, 4, 8, 12, 13, 15] {
        let short = |whole: &str| {
            let (start, tag) = whole.rsplit_once('.').expect("five parts");
            let tag = data_encoding::BASE64URL_NOPAD.decode(tag.as_bytes()).expect("a tag");
            format!("{start}.{}", data_encoding::BASE64URL_NOPAD.encode(&tag[..length]))
        };
        assert_eq!(why(decrypters.open(&short(&right))), Some(OidcRefused::Undecipherable), "a tag of {length} bytes");
    }
    let mut parts: Vec<_> = right.split('.').map(str::to_owned).collect();
    parts[0] = data_encoding::BASE64URL_NOPAD.encode(br#"{"alg":"RSA-OAEP-256","enc":"A256GCM","cty":"JWT","kid":"x"}"#);
    assert_eq!(why(decrypters.open(&parts.join("."))), Some(OidcRefused::Undecipherable), "the header is sealed too");
    // Strangers can encrypt for our public key, so they choose the lengths of all parts.
    for (what, part, value) in [
        ("no nonce", 2, String::new()),
        ("a short nonce", 2, right.split('.').nth(2).expect("a nonce")[..8].to_owned()),
        ("no tag", 4, String::new()),
        ("a tag of one byte", 4, data_encoding::BASE64URL_NOPAD.encode(&tag_of(&right)[..1])),
        ("a tag of 12 bytes", 4, data_encoding::BASE64URL_NOPAD.encode(&tag_of(&right)[..12])),
    ] {
        let mut parts: Vec<_> = right.split('.').map(str::to_owned).collect();
        parts[part] = value;
        assert_eq!(why(decrypters.open(&parts.join("."))), Some(OidcRefused::Undecipherable), "{what}");
    }
    assert_eq!(
        why(verify(
            &decrypters.open(&sealed(&ours, "RSA-OAEP-256", "A256GCM", false, &STRANGER.token("RS256", &claims()))).expect("opened")
        )),
        Some(OidcRefused::Signature)
    );
}

fn tag_of(sealed: &str) -> Vec<u8> {
    data_encoding::BASE64URL_NOPAD.decode(sealed.rsplit('.').next().expect("a tag").as_bytes()).expect("base64url")
}

fn payload(value: &Value) -> Payload {
    Payload::read(value.to_string().as_bytes()).expect("an object")
}

#[allow(clippy::needless_pass_by_value, reason = "made in place at every call")]
fn said(id_token: Value, userinfo: Option<Value>) -> VerifiedClaims {
    VerifiedClaims { id_token: payload(&id_token), userinfo: userinfo.as_ref().map(payload) }
}

#[test]
fn a_field_is_a_literal_name_or_a_pointer_in_one_of_two_places() {
    let token = json!({
        "dk.cpr": "0101901234", "dk": { "cpr": "0202902345" }, "https://x.dk/cpr": "0303903456",
        "a": { "b/c": [ { "~d": "0404904567" } ] }, "list": ["0505905678"], "two": ["0505905678", "0606906789"], "no": null, "n": 101_901_234,
    });
    let read = |from: &str, place| {
        let mut provider = provider();
        provider.claim = crate::config::ClaimPath { place, from: from.to_owned() };
        let said = said(token.clone(), Some(json!({ "dk.cpr": "0707907890" })));
        said.read(&provider).map(|read| read.claim).map_err(|denied| denied.refused)
    };
    let cpr = |text: &str| Ok(Claim::parse(ClaimKind::Cpr, text).expect("a CPR number"));
    for (from, place, expected) in [
        ("dk.cpr", ClaimSource::IdToken, cpr("0101901234")),
        ("/dk/cpr", ClaimSource::IdToken, cpr("0202902345")),
        ("/dk.cpr", ClaimSource::IdToken, cpr("0101901234")),
        ("https://x.dk/cpr", ClaimSource::IdToken, cpr("0303903456")),
        ("/https:~1~1x.dk~1cpr", ClaimSource::IdToken, cpr("0303903456")),
        ("/a/b~1c/0/~0d", ClaimSource::IdToken, cpr("0404904567")),
        ("list", ClaimSource::IdToken, cpr("0505905678")),
        ("/two/1", ClaimSource::IdToken, cpr("0606906789")),
        ("dk.cpr", ClaimSource::Userinfo, cpr("0707907890")),
        ("two", ClaimSource::IdToken, Err(OidcRefused::NoClaim)),
        ("no", ClaimSource::IdToken, Err(OidcRefused::NoClaim)),
        ("n", ClaimSource::IdToken, Err(OidcRefused::NoClaim)),
        ("dk", ClaimSource::IdToken, Err(OidcRefused::NoClaim)),
        ("/a/b~1c/9/~0d", ClaimSource::IdToken, Err(OidcRefused::NoClaim)),
        ("gone", ClaimSource::IdToken, Err(OidcRefused::NoClaim)),
        ("gone", ClaimSource::Userinfo, Err(OidcRefused::NoClaim)),
    ] {
        assert_eq!(read(from, place), expected, "{from} {place:?}");
    }
    let nobody_asked = said(json!({}), None);
    let mut from_userinfo = provider();
    from_userinfo.claim.place = ClaimSource::Userinfo;
    assert_eq!(why(nobody_asked.read(&from_userinfo)), Some(OidcRefused::NoClaim));
    assert_eq!(why(said(json!({ "dk.cpr": "9999999999" }), None).read(&provider())), Some(OidcRefused::Claim), "no CPR number");
}

#[test]
fn the_level_is_the_mapped_one_and_has_a_minimum() {
    let level = |claims: Value| {
        said(but(claims, json!({ "dk.cpr": "0101901234" })), None).read(&provider()).map(|read| read.level).map_err(|denied| denied.refused)
    };
    assert_eq!(level(json!({ "loa": format!("{NSIS}High") })), Ok(AssuranceLevel::High));
    for unknown in [
        json!({}),
        json!({ "loa": "Substantial" }),
        json!({ "loa": 3 }),
        json!({ "loa": [format!("{NSIS}High"), format!("{NSIS}Low")] }),
        json!({ "acr": format!("{NSIS}High") }),
    ] {
        assert_eq!(level(unknown.clone()), Ok(AssuranceLevel::None), "{unknown}");
    }
    let mut strict = provider();
    strict.minimum_level = AssuranceLevel::Substantial;
    let with = |word: &str| {
        said(json!({ "dk.cpr": "0101901234", "loa": format!("{NSIS}{word}") }), None)
            .read(&strict)
            .map(|read| read.level)
            .map_err(|denied| denied.refused)
    };
    assert_eq!(
        (with("Substantial"), with("Low"), with("x")),
        (Ok(AssuranceLevel::Substantial), Err(OidcRefused::Level), Err(OidcRefused::Level))
    );
    let mut fixed = provider();
    fixed.level = LevelSource::Fixed(AssuranceLevel::Low);
    assert_eq!(said(claims(), None).read(&fixed).map(|read| read.level), Ok(AssuranceLevel::Low), "whatever it says itself");
}

#[test]
fn what_is_required_has_to_be_there() {
    let read = |or_absent, claims: Value| {
        let mut provider = provider();
        provider.require = vec![Required {
            field: field("identity_type"),
            values: vec!["private".into(), "0".into(), "true".into()],
            or_absent,
            list: ListOf::Only,
        }];
        why(said(but(claims, json!({ "dk.cpr": "0101901234" })), None).read(&provider))
    };
    for good in [json!("private"), json!(["private"]), json!(" private\n"), json!(0), json!(true)] {
        assert_eq!(read(false, json!({ "identity_type": good })), None, "{good}");
    }
    for bad in [json!("professional"), json!("Private"), json!([]), json!(["x", "private"]), json!(1), json!({ "private": "private" })] {
        assert_eq!(read(true, json!({ "identity_type": bad })), Some(OidcRefused::Required), "{bad}");
    }
    assert_eq!((read(false, json!({})), read(true, json!({}))), (Some(OidcRefused::Required), None));
}

#[test]
fn nothing_that_was_said_is_ever_printed() {
    let printed = format!("{:?}", said(claims(), Some(claims())));
    assert!(!printed.contains("0101901234") && !printed.contains("Anna"), "{printed}");
}

fn answer(status: u16, kind: &str, body: &str) -> openidconnect::HttpResponse {
    let answer = openidconnect::http::Response::builder().status(status).header("content-type", kind);
    answer.body(body.as_bytes().to_vec()).expect("an answer")
}

#[test]
fn userinfo_is_about_the_person_of_the_token_and_from_the_provider() {
    use super::OidcLoginError;
    let plain = |body: &str| userinfo::read(&answer(200, "application/json; charset=utf-8", body), &provider(), &keys(), "6d0c", now());
    assert!(plain(r#"{"sub":"6d0c","dk.cpr":"0101901234"}"#).is_ok());
    for (body, refused) in [
        (r#"{"sub":"other"}"#, OidcRefused::Subject),
        ("{}", OidcRefused::Subject),
        (r#"{"sub":7}"#, OidcRefused::Subject),
        ("<html>", OidcRefused::Userinfo),
        ("[]", OidcRefused::Userinfo),
    ] {
        assert_eq!(plain(body), Err(OidcLoginError::from(refused)), "{body}");
    }
    assert_eq!(
        userinfo::read(&answer(200, "text/html", r#"{"sub":"6d0c"}"#), &provider(), &keys(), "6d0c", now()),
        Err(OidcLoginError::from(OidcRefused::Userinfo))
    );
    assert!(matches!(
        userinfo::read(&answer(302, "application/json", r#"{"sub":"6d0c"}"#), &provider(), &keys(), "6d0c", now()),
        Err(OidcLoginError::Provider(_))
    ));
    let mut signed = provider();
    signed.signed_userinfo = true;
    assert_eq!(
        userinfo::read(&answer(200, "application/json", r#"{"sub":"6d0c"}"#), &signed, &keys(), "6d0c", now()),
        Err(OidcLoginError::from(OidcRefused::Userinfo))
    );
    let by = |token: &str| userinfo::read(&answer(200, "application/jwt", token), &signed, &keys(), "6d0c", now());
    let says = json!({ "iss": ISSUER, "aud": CLIENT, "sub": "6d0c", "dk.cpr": "0101901234" });
    for (signer, alg) in [(&RSA, "RS256"), (&RSA, "PS256"), (&EC, "ES256")] {
        assert!(by(&signer.token(alg, &says)).is_ok(), "{alg}");
    }
    for (what, token, refused) in [
        ("a stranger", STRANGER.token("RS256", &says), OidcRefused::Signature),
        ("none", RSA.token_with(&json!({ "alg": "none" }), &says), OidcRefused::Algorithm),
        ("HS256", RSA.token_with(&json!({ "alg": "HS256", "kid": "rsa" }), &says), OidcRefused::Algorithm),
        ("another issuer", RSA.token("RS256", &but(says.clone(), json!({ "iss": "x" }))), OidcRefused::Issuer),
        ("another audience", RSA.token("RS256", &but(says.clone(), json!({ "aud": "x" }))), OidcRefused::Audience),
        ("no audience", RSA.token("RS256", &but(says.clone(), json!({ "aud": null }))), OidcRefused::Audience),
        ("another person", RSA.token("RS256", &but(says.clone(), json!({ "sub": "x" }))), OidcRefused::Subject),
        ("an unknown key", RSA.token_with(&json!({ "alg": "RS256", "kid": "x" }), &says), OidcRefused::Key),
    ] {
        assert_eq!(by(&token), Err(OidcLoginError::from(refused)), "{what}");
    }
}

#[test]
fn every_check_of_a_logout_token_is_made() {
    let second = now().as_second();
    let event = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
    let says = json!({ "iss": ISSUER, "aud": CLIENT, "iat": second, "exp": second + 120, "jti": "l-1", "sub": "6d0c", "sid": "s-1", "events": event });
    let told = |token: &str| logout::told(token, &provider(), &keys(), now());
    let by = |header: Value, change: Value| told(&RSA.token_with(&header, &but(says.clone(), change)));
    let logout_type = || json!({ "alg": "RS256", "kid": "rsa", "typ": "logout+jwt" });
    let right = told(&RSA.token_with(&logout_type(), &says)).unwrap_or_else(|refused| panic!("{refused:?}"));
    assert_eq!((right.jti.as_str(), right.sub.as_deref(), right.sid.as_deref()), ("l-1", Some("6d0c"), Some("s-1")));
    assert!(by(logout_type(), json!({ "sub": null })).is_ok() && by(logout_type(), json!({ "sid": null, "exp": null })).is_ok());
    for (what, change, refused) in [
        ("another issuer", json!({ "iss": "https://evil.test" }), OidcRefused::Issuer),
        ("another audience", json!({ "aud": "x" }), OidcRefused::Audience),
        ("old", json!({ "iat": second - 781, "exp": null }), OidcRefused::IssuedAt),
        ("from the future", json!({ "iat": second + 181 }), OidcRefused::IssuedAt),
        ("no iat", json!({ "iat": null }), OidcRefused::IssuedAt),
        ("expired", json!({ "exp": second - 180 }), OidcRefused::Expired),
        ("an end in words", json!({ "exp": "never" }), OidcRefused::Expired),
        ("no event", json!({ "events": null }), OidcRefused::LogoutToken),
        ("another event", json!({ "events": { "x": {} } }), OidcRefused::LogoutToken),
        (
            "an event that is no object",
            json!({ "events": { "http://schemas.openid.net/event/backchannel-logout": true } }),
            OidcRefused::LogoutToken,
        ),
        ("a nonce: it is an ID token", json!({ "nonce": NONCE }), OidcRefused::LogoutToken),
        ("about nobody", json!({ "sub": null, "sid": null }), OidcRefused::LogoutToken),
        ("without a name", json!({ "jti": null }), OidcRefused::LogoutToken),
    ] {
        assert_eq!(why(by(logout_type(), change)), Some(refused), "{what}");
    }
    assert_eq!(why(told(&STRANGER.token_with(&logout_type(), &says))), Some(OidcRefused::Signature));
    assert_eq!(why(by(json!({ "alg": "none" }), json!({}))), Some(OidcRefused::Algorithm));
    assert_eq!(why(by(json!({ "alg": "RS256", "kid": "rsa", "typ": "at+jwt" }), json!({}))), Some(OidcRefused::Type));
    assert_eq!(why(told(&RSA.token("RS256", &claims()))), Some(OidcRefused::LogoutToken), "an ID token ends nothing");
    assert_eq!(
        why(verify(&RSA.token_with(&json!({ "alg": "RS256", "kid": "rsa" }), &says))),
        Some(OidcRefused::Nonce),
        "and a logout token logs nobody in"
    );
}

#[test]
fn a_token_with_a_cpr_number_is_put_in_no_page() {
    let hint = |change| logout::hint("token", &payload(&but(claims(), change)));
    assert_eq!(hint(json!({ "dk.cpr": null })).as_deref(), Some("token"));
    assert_eq!(
        hint(json!({ "dk.cpr": null, "iat": 1_801_901_234, "exp": 1_801_901_534 })).as_deref(),
        Some("token"),
        "a time is no CPR number"
    );
    for holds in [
        json!({}),
        json!({ "dk.cpr": null, "x": { "y": ["010190-1234"] } }),
        json!({ "dk.cpr": null, "n": 101_901_234 }),
        json!({ "dk.cpr": null, "sub": "urn:dk:cpr:0101901234" }),
        json!({ "dk.cpr": null, "x": "{\"cpr\":\"010190-1234\"}" }),
    ] {
        assert_eq!(hint(holds.clone()), None, "{holds}");
    }
}

#[test]
fn an_assertion_of_ours_is_for_one_provider_for_a_minute() {
    let keys = ours();
    let to = For { client_id: CLIENT, issuer: ISSUER, token_endpoint: "https://broker.test/token", now: now(), random: [7; 16] };
    for (audience, expected) in [(AssertionAudience::Issuer, ISSUER), (AssertionAudience::TokenEndpoint, "https://broker.test/token")] {
        for pss in [false, true] {
            let made = client_auth::credentials(&ClientAuth::PrivateKeyJwt { audience, pss }, Some(&keys), &to).expect("made");
            let token = made.fields.iter().find(|(name, _)| *name == "client_assertion").expect("an assertion").1.to_string();
            // Verified with our published keys, by the code that verifies providers' tokens.
            let published = client_auth::published(&keys);
            let set = set(published["keys"].as_array().expect("keys"));
            assert_eq!(set.len(), 1, "the encryption key verifies nothing");
            let payload =
                jwt::verified(&token, &set, &[if pss { Algorithm::PS256 } else { Algorithm::RS256 }], &["JWT"]).expect("verified");
            let second = now().as_second();
            let text = |name: &str| payload.text(name).unwrap_or_default().to_owned();
            let number = |name: &str| payload.get(name).ok().flatten().and_then(Value::as_i64);
            assert_eq!((text("iss"), text("sub"), text("aud")), (CLIENT.into(), CLIENT.into(), expected.into()));
            assert_eq!((number("iat"), number("exp")), (Some(second), Some(second + 60)));
            assert!(!text("jti").is_empty());
        }
    }
    assert!(client_auth::credentials(&ClientAuth::PrivateKeyJwt { audience: AssertionAudience::Issuer, pss: false }, None, &to).is_err());
    let published = client_auth::published(&keys).to_string();
    for private in ["\"d\"", "\"p\"", "\"q\"", "\"dp\"", "PRIVATE"] {
        assert!(!published.contains(private), "{private}");
    }
}

#[test]
fn a_secret_is_encoded_before_it_is_put_together() {
    let to = For { client_id: "urn:a:b c", issuer: ISSUER, token_endpoint: "", now: now(), random: [0; 16] };
    let basic = client_auth::credentials(&ClientAuth::Basic("p%:w +æ".to_owned().into()), None, &to).expect("made");
    assert_eq!(basic.authorization.as_deref().map(String::as_str), Some(forge::basic("urn%3Aa%3Ab+c", "p%25%3Aw+%2B%C3%A6").as_str()));
    assert!(basic.fields.is_empty());
}

#[test]
fn every_reason_has_a_word_of_its_own() {
    let words: std::collections::BTreeSet<_> = OidcRefused::ALL.iter().map(|refused| refused.code()).collect();
    assert_eq!(words.len(), OidcRefused::ALL.len());
    assert!(words.iter().all(|word| word.starts_with("oidc_")));
}
