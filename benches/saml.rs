//! Costs of reading a SAML response: against the bare libraries on the same bytes, and for messages made as expensive as possible.

#![allow(clippy::print_stdout, reason = "it prints what it measured")]

#[path = "../tests/it/saml_forge.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod saml_forge;

use std::{hint::black_box, time::Instant};

use openssl::{
    encrypt::Decrypter,
    hash::MessageDigest,
    pkey::PKey,
    rsa::{Padding, Rsa},
    symm::Cipher,
};
use os2nykode::identity::{
    keys::{self, ProviderKeys},
    saml::{
        Refused,
        response::{self, ExpectedResponse},
        signature,
        xml::LARGEST,
    },
};
use samael::crypto::{Crypto, CryptoProvider, ReduceMode};
use saml_forge::{
    ACS, Content, ENTITY, EVERYBODY, Forge, KeyWay, REQUEST, certificate, metadata, now, provider, read, read_by, signing_key,
};

const ROUNDS: usize = 5;

/// Microseconds per call: the median of several rounds of about half a second. The thread does nothing else, so elapsed time is CPU time.
fn each(mut work: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let (begun, mut count) = (Instant::now(), 0_u32);
            while begun.elapsed().as_millis() < 400 {
                work();
                count += 1;
            }
            begun.elapsed().as_secs_f64() * 1e6 / f64::from(count)
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[ROUNDS / 2]
}

/// Microseconds in the bare libraries for the same bytes: one RSA-OAEP, one AES, one verification by xmlsec.
fn bare(signed: &str) -> f64 {
    let ours = EVERYBODY.ours.encryption.key();
    let mut encrypter = openssl::encrypt::Encrypter::new(ours).expect("set up");
    encrypter.set_rsa_padding(Padding::PKCS1_OAEP).expect("set up");
    encrypter.set_rsa_oaep_md(MessageDigest::sha1()).expect("set up");
    encrypter.set_rsa_mgf1_md(MessageDigest::sha1()).expect("set up");
    let mut sealed_key = vec![0; encrypter.encrypt_len(&[7; 32]).expect("a length")];
    let length = encrypter.encrypt(&[7; 32], &mut sealed_key).expect("sealed");
    sealed_key.truncate(length);
    let sealed = openssl::symm::encrypt(Cipher::aes_256_cbc(), &[7; 32], Some(&[1; 16]), signed.as_bytes()).expect("sealed");
    let certificates = [certificate(&EVERYBODY.idp.signing)];
    each(|| {
        let mut decrypter = Decrypter::new(ours).expect("set up");
        decrypter.set_rsa_padding(Padding::PKCS1_OAEP).expect("set up");
        decrypter.set_rsa_oaep_md(MessageDigest::sha1()).expect("set up");
        decrypter.set_rsa_mgf1_md(MessageDigest::sha1()).expect("set up");
        let mut key = vec![0; decrypter.decrypt_len(&sealed_key).expect("a length")];
        let length = decrypter.decrypt(&sealed_key, &mut key).expect("opened");
        let plain = openssl::symm::decrypt(Cipher::aes_256_cbc(), &key[..length], Some(&[1; 16]), &sealed).expect("opened");
        let text = std::str::from_utf8(&plain).expect("UTF-8");
        black_box(Crypto::reduce_xml_to_signed(text, &certificates, ReduceMode::PreDigest).expect("verified"));
    })
}

/// Three decryption keys during a rollover. The messages of this program are encrypted for none of them.
fn keys_in_a_rollover() -> ProviderKeys {
    let dir = tempfile::tempdir().expect("a folder");
    let make = || keys::generate(dir.path(), "test", now()).expect("keys");
    make();
    make();
    keys::rollover(dir.path()).expect("rolled over");
    make();
    let keys = ProviderKeys::read(dir.path()).expect("keys");
    assert_eq!(keys.decrypting().count(), 3);
    keys
}

fn main() {
    let line = |what: &str, microseconds: f64| println!("{what:<100} {microseconds:>8.0} us");
    let good = Forge::encrypted(Content::Aes256Cbc, KeyWay::Mgf1p);
    let message = good.message();
    assert!(read(&message).is_ok());
    let whole = each(|| {
        black_box(read(&message)).expect("taken");
    });
    let bare = bare(&good.assertion_text());
    line(&format!("a signed assertion, encrypted (AES-256-CBC, RSA-3072), {} bytes", message.len()), whole);
    line("the same bytes through the bare libraries", bare);
    println!("{:<100} {:>8.2}", "whole / bare", whole / bare);
    println!("{:<100} {:>8.0}", "responses a second on one core", 1e6 / whole);

    refusals(&good);
    in_a_rollover(&good);
    println!();
    for bits in [2048, 3072] {
        let key = PKey::from_rsa(Rsa::generate(bits).expect("a key")).expect("a key");
        let bytes = [7; 900]; // length of a signed query
        line(
            &format!("the signature of a login that is begun, RSA-{bits}"),
            each(|| {
                black_box(signature::sign(&key, false, &bytes)).expect("signed");
            }),
        );
    }
}

/// Messages at the limits of size and number, each with one key and with four keys in the metadata.
fn refusals(good: &Forge) {
    let with = |forge: &Forge, put: &str| {
        let assertion = forge.assertion.replace("</saml:AttributeStatement>", &format!("{put}</saml:AttributeStatement>"));
        Forge { assertion, ..forge.clone() }.message()
    };
    let value = |text: String| format!("<saml:Attribute Name=\"x\"><saml:AttributeValue>{text}</saml:AttributeValue></saml:Attribute>");
    let fill = |forge: &Forge, unit: &str| {
        let room = LARGEST - 200 - with(forge, &value(String::new())).len();
        with(forge, &value(unit.repeat(room / unit.len())))
    };
    let stranger = Forge { by_attacker: true, ..Forge::default() };
    let sealed = |text: &str, inside: usize| {
        let forge = Forge { encrypted: good.encrypted, ..stranger.clone() };
        with(&forge, &value(text.repeat(inside)))
    };
    let elsewhere = Forge::default().say("Recipient=\"https://os2nykode.test/saml/acs\"", "Recipient=\"https://other.test/saml/acs\"");
    let many = |attributes: usize, elements: usize| {
        let one: String = (0..attributes).map(|n| format!(" a{n}=\"\"")).collect();
        with(&stranger, &value(format!("<x{one}></x>").repeat(elements)))
    };
    let wide: String = (0..11).map(|n| format!(" xmlns:n{n}=\"urn:{n}\" n{n}:a=\"\"")).collect();
    let mut four_keys = metadata();
    let others = [&EVERYBODY.ours.signing, &EVERYBODY.ours.encryption, &EVERYBODY.idp.signing, &EVERYBODY.idp.encryption];
    four_keys.keys = others.map(signing_key).to_vec();
    println!();
    for (what, message) in [
        ("flat", format!("<a>{}</a>", "<b/>".repeat(16_000))),
        ("deep", "<a>".repeat(9_000) + &"</a>".repeat(9_000)),
        ("attributes of one element", format!("<a{}/>", (0..6_000).map(|n| format!(" a{n}=''")).collect::<String>())),
        ("namespaces of one element", format!("<a{}/>", (0..3_000).map(|n| format!(" xmlns:a{n}='x'")).collect::<String>())),
        ("'<' only", "<".repeat(LARGEST)),
        ("text only", format!("<a>{}</a>", "x".repeat(LARGEST - 7))),
        ("unsigned, one long value", fill(&Forge { sign_assertion: false, ..Forge::default() }, "y")),
        ("signed by another, one long value", fill(&stranger, "y")),
        ("signed by another, character references", fill(&stranger, "&#xE5;")),
        ("signed by another, what canonical XML spells out", fill(&stranger, "&gt;")),
        ("signed by another, line ends", fill(&stranger, "\n")),
        ("signed by another, 9,800 elements", with(&stranger, &value("<x></x>".repeat(9_800)))),
        ("signed by another, 420 elements of 22 attributes", many(22, 420)),
        ("signed by another, 3,200 elements of 2 attributes", many(2, 3_200)),
        ("signed by another, 11 namespaces in use, 420 times", with(&stranger, &value(format!("<x{wide}></x>").repeat(420)))),
        ("signed rightly, for another recipient, one long value", fill(&elsewhere, "y")),
        ("encrypted by a stranger, unsigned inside", Forge { sign_assertion: false, ..good.clone() }.message()),
        ("encrypted by a stranger, signed by another inside, one long value", sealed("y", 200_000)),
        ("encrypted by a stranger, signed by another inside, character references", sealed("&#xE5;", 33_000)),
    ] {
        assert!(message.len() <= LARGEST, "{what}: {} bytes", message.len());
        let mut figures = Vec::new();
        let mut reason = None;
        for keys in [&metadata(), &four_keys] {
            let result = read_by(&provider(), keys, message.as_bytes(), now(), true);
            reason.get_or_insert(result.expect_err(what));
            figures.push(each(|| {
                let _ = black_box(read_by(&provider(), keys, message.as_bytes(), now(), true));
            }));
        }
        let code = reason.map_or("", Refused::code);
        println!(
            "{:<90} {:>8.0} us {:>8.0} us with four keys",
            format!("{what} ({} bytes): {code}", message.len()),
            figures[0],
            figures[1]
        );
    }
}

/// A response encrypted for an unknown key, while three keys of ours decrypt.
fn in_a_rollover(good: &Forge) {
    let three = keys_in_a_rollover();
    let (provider, metadata, message) = (provider(), metadata(), good.message());
    let asked = "2026-11-23T08:09:00Z".parse().expect("a time");
    let expected = ExpectedResponse {
        provider: &provider,
        metadata: &metadata,
        entity_id: ENTITY,
        acs: ACS,
        request: REQUEST,
        asked,
        forced: true,
        now: now(),
    };
    assert_eq!(response::read(message.as_bytes(), &three, &expected).err(), Some(Refused::Undecipherable));
    let tried = each(|| {
        let _ = black_box(response::read(message.as_bytes(), &three, &expected));
    });
    println!("{:<90} {tried:>8.0} us", "encrypted for none of our three keys in a rollover");
}
