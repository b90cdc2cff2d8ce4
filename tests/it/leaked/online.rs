//! Requests of the service to the range API.

use std::{sync::Arc, time::Duration};

use axum_server::tls_rustls::RustlsConfig;
use openssl::{
    asn1::Asn1Time,
    bn::BigNum,
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::PKey,
    x509::{
        X509, X509Name,
        extension::{BasicConstraints, SubjectAlternativeName},
    },
};
use os2nykode::{
    clock::ShiftedClock,
    http_client::HttpError,
    leaked::{LeakLookup, Online, OnlineError},
};

use super::{
    password,
    range_api::{Behaviour, RangeApi},
    vectors::VECTORS,
};

pub async fn start() -> (RangeApi, Online, Arc<ShiftedClock>) {
    let api = RangeApi::start().await;
    let clock = Arc::new(ShiftedClock::default());
    let online = Online::new(api.address(), None, clock.clone()).expect("a client");
    (api, online, clock)
}

#[tokio::test]
async fn known_passwords_are_found_with_their_count_leading_zeros_too() {
    for behaviour in [Behaviour::Well, Behaviour::Mirror] {
        let (api, online, _) = start().await;
        api.behave(behaviour);
        for vector in VECTORS {
            let found = online.look_up(&password(vector.text)).await.expect("an answer");
            assert_eq!(found.count, Some(vector.count), "{}", vector.text);
        }
        for text in ["correct horse battery staple", "Password", "123456 "] {
            assert_eq!(online.look_up(&password(text)).await.expect("an answer").count, None, "{text}");
        }
        assert!(VECTORS.iter().filter(|vector| vector.sha1.starts_with('0')).count() >= 3);
    }
}

#[tokio::test]
async fn five_digits_leave_the_house_padding_is_asked_for_and_nothing_else_is_sent() {
    let (api, online, _) = start().await;
    for vector in VECTORS {
        online.look_up(&password(vector.text)).await.expect("an answer");
    }
    let asked = api.asked();
    assert_eq!(asked.len(), VECTORS.len());
    for (asked, vector) in asked.iter().zip(VECTORS) {
        assert_eq!(asked.uri, format!("/range/{}", &vector.sha1[..5]));
        assert_eq!(asked.headers.get("add-padding").map(axum::http::HeaderValue::as_bytes), Some(&b"true"[..]));
        let mut names: Vec<&str> = asked.headers.keys().map(axum::http::HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "add-padding", "host", "user-agent"]);
    }
}

#[tokio::test]
async fn one_connection_serves_many_questions() {
    let (api, online, _) = start().await;
    for vector in VECTORS {
        online.look_up(&password(vector.text)).await.expect("an answer");
    }
    assert_eq!((api.asked().len(), api.connections()), (VECTORS.len(), 1));
}

#[tokio::test]
async fn an_answer_is_remembered_for_a_day() {
    let (api, online, clock) = start().await;
    let ask = async || online.look_up(&password("password")).await.expect("an answer");
    assert_eq!(ask().await, LeakLookup { count: Some(9_659_365), remembered: false });
    assert_eq!(ask().await, LeakLookup { count: Some(9_659_365), remembered: true });
    clock.shift_to(23 * 3600 + 3500);
    assert!(ask().await.remembered && online.remembered() == 1);
    clock.shift_to(24 * 3600 + 1);
    assert!(!ask().await.remembered);
    assert_eq!(api.asked().len(), 2);
    clock.shift_to(0);
    assert!(!ask().await.remembered, "a clock that was set back");
}

#[tokio::test]
async fn many_questions_for_one_range_at_once_are_one_request_whoever_goes_away() {
    let (api, online, _) = start().await;
    api.behave(Behaviour::Slow(300));
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let online = online.clone();
            tokio::spawn(async move { online.look_up(&password("andrew")).await })
        })
        .collect();
    while api.asked().is_empty() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    tasks[0].abort(); // the task that began the request
    let mut answers = 0;
    for task in tasks.into_iter().skip(1) {
        assert_eq!(task.await.expect("ended").expect("an answer").count, Some(228_451));
        answers += 1;
    }
    assert_eq!((answers, api.asked().len()), (49, 1));
}

#[tokio::test]
async fn a_decomposed_spelling_is_asked_for_in_both_forms() {
    let (api, online, _) = start().await;
    assert_eq!(online.look_up(&password("bla\u{30a}b\u{e6}r")).await.expect("an answer").count, Some(1032));
    assert_eq!(api.asked().len(), 2);
    assert_eq!(online.look_up(&password("bl\u{e5}b\u{e6}r")).await.expect("an answer").count, Some(1032));
    assert_eq!(api.asked().len(), 2);
}

#[tokio::test]
async fn a_mirror_below_a_path_is_asked_there() {
    let api = RangeApi::start().await;
    let online = Online::new(&format!("{}/", api.address()), None, Arc::new(ShiftedClock::default())).expect("a client");
    assert_eq!(online.probe().await, Ok(9_659_365));
    let below = Online::new(&format!("{}/pwned", api.address()), None, Arc::new(ShiftedClock::default())).expect("a client");
    assert_eq!(below.probe().await, Err(OnlineError::Status(404)));
    assert_eq!(api.asked().last().expect("asked").uri, "/pwned/range/5BAA6");
}

/// PEM of a CA, and of a certificate for 127.0.0.1 and its key.
fn certificate() -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let key = PKey::from_ec_key(EcKey::generate(&EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("a curve")).expect("a key"))
        .expect("a key");
    let mut name = X509Name::builder().expect("a name");
    name.append_entry_by_text("CN", "Mirror of the tests").expect("a name");
    let name = name.build();
    let mut builder = X509::builder().expect("a certificate");
    builder.set_version(2).expect("set");
    builder.set_serial_number(&BigNum::from_u32(7).expect("a number").to_asn1_integer().expect("a number")).expect("set");
    builder.set_subject_name(&name).expect("set");
    builder.set_issuer_name(&name).expect("set");
    builder.set_pubkey(&key).expect("set");
    builder.set_not_before(&Asn1Time::days_from_now(0).expect("a day")).expect("set");
    builder.set_not_after(&Asn1Time::days_from_now(2).expect("a day")).expect("set");
    let san = SubjectAlternativeName::new().ip("127.0.0.1").build(&builder.x509v3_context(None, None)).expect("a name");
    builder.append_extension(san).expect("set");
    builder.append_extension(BasicConstraints::new().build().expect("constraints")).expect("set");
    builder.sign(&key, MessageDigest::sha256()).expect("signed");
    let pem = builder.build().to_pem().expect("PEM");
    (pem.clone(), pem, key.private_key_to_pem_pkcs8().expect("PEM"))
}

#[tokio::test]
async fn a_mirror_by_https_is_trusted_by_its_own_ca_only() {
    let _ = rustls::crypto::ring::default_provider().install_default(); // another test may have installed it
    let folder = tempfile::tempdir().expect("a folder");
    let (ca, chain, key) = certificate();
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, ca).expect("written");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("set");
    let address = format!("https://{}", listener.local_addr().expect("an address"));
    let api = RangeApi::at(address.clone());
    let config = RustlsConfig::from_pem(chain, key).await.expect("a certificate");
    let server = axum_server::from_tcp_rustls(listener, config).expect("a server").serve(api.router().into_make_service());
    tokio::spawn(server);
    let clock = || Arc::new(ShiftedClock::default());
    let trusted = Online::new(&address, Some(&ca_file), clock()).expect("a client");
    assert_eq!(trusted.look_up(&password("123456")).await.expect("an answer").count, Some(37_359_195));
    let stranger = Online::new(&address, None, clock()).expect("a client");
    let error = stranger.look_up(&password("123456")).await.expect_err("no trust");
    assert!(matches!(error, OnlineError::Http(HttpError::Unreachable(_))), "{error}");
    assert_eq!(api.asked().len(), 1);
}
