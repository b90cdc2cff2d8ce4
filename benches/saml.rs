//! What reading a provider's answer costs: beside the bare work on the same bytes, and for messages that are made to cost as much as they can.

#![allow(clippy::print_stdout, reason = "it prints what it measured")]

#[path = "../tests/it/saml_forge.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod saml_forge;

use std::{hint::black_box, time::Instant};

use openssl::{encrypt::Decrypter, hash::MessageDigest, rsa::Padding, symm::Cipher};
use samael::crypto::{Crypto, CryptoProvider, ReduceMode};
use saml_forge::{ASSERTION, Content, EVERYBODY, Forge, KeyWay, certificate, metadata, now, provider, read, read_by};

const ROUNDS: usize = 5;

/// Microseconds for one, the median of some rounds of about half a second: on one thread that does nothing else, time is processor time.
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

/// The bare libraries on the same bytes: one RSA-OAEP, one AES, one verification by xmlsec.
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

    let long_value =
        format!("<saml:Attribute Name=\"x\"><saml:AttributeValue>{}</saml:AttributeValue></saml:Attribute>", "y".repeat(100_000));
    let big = |forge: Forge| Forge {
        assertion: forge.assertion.replace("</saml:AttributeStatement>", &format!("{long_value}</saml:AttributeStatement>")),
        ..forge
    };
    let unsigned = Forge { sign_assertion: false, ..Forge::default() };
    let by_attacker = Forge { by_attacker: true, ..Forge::default() };
    let signed_right_for_another =
        Forge::default().say("Recipient=\"https://os2nykode.test/saml/acs\"", "Recipient=\"https://other.test/saml/acs\"");
    let mut changed = Forge::default().message();
    changed = changed.replace(">anna</saml:AttributeValue>", ">evil</saml:AttributeValue>");
    let flat = format!("<a>{}</a>", "<b/>".repeat(32_000));
    let deep = "<a>".repeat(18_000) + &"</a>".repeat(18_000);
    let attributes: String = (0..12_000).map(|n| format!(" a{n}=''")).collect();
    let namespaces: String = (0..6_000).map(|n| format!(" xmlns:a{n}='x'")).collect();
    let nodes = Forge {
        assertion: ASSERTION.replace(
            "</saml:AttributeStatement>",
            &format!("{}</saml:AttributeStatement>", "<saml:Attribute Name=\"z\"></saml:Attribute>".repeat(900)),
        ),
        by_attacker: true,
        ..Forge::default()
    };
    let wide: String = (0..20).map(|n| format!(" xmlns:n{n}=\"urn:{n}\" n{n}:a=\"{}\"", "v".repeat(200))).collect();
    let spread =
        Forge { assertion: ASSERTION.replace("<saml:Subject>", &format!("<saml:Subject{wide}>")), by_attacker: true, ..Forge::default() };
    println!();
    for (what, message) in [
        ("flat: 32,000 elements", flat),
        ("deep: 18,000 levels", deep),
        ("12,000 attributes of one element", format!("<a{attributes}/>")),
        ("6,000 namespaces of one element", format!("<a{namespaces}/>")),
        ("128 KiB of '<'", "<".repeat(128 * 1024)),
        ("128 KiB of text", format!("<a>{}</a>", "x".repeat(128 * 1024 - 7))),
        ("unsigned, one value of 100 KB", big(unsigned.clone()).message()),
        ("signed by another, one value of 100 KB", big(by_attacker.clone()).message()),
        ("signed by another, 900 attributes", nodes.message()),
        ("signed by another, 20 namespaces at one element", spread.message()),
        ("a changed value", changed),
        ("signed rightly, for another recipient", signed_right_for_another.message()),
        ("signed rightly and encrypted, for another recipient, 70 KB inside", {
            let value =
                format!("<saml:Attribute Name=\"x\"><saml:AttributeValue>{}</saml:AttributeValue></saml:Attribute>", "y".repeat(70_000));
            let said = Forge { encrypted: good.encrypted, ..signed_right_for_another.clone() };
            Forge { assertion: said.assertion.replace("</saml:AttributeStatement>", &format!("{value}</saml:AttributeStatement>")), ..said }
                .message()
        }),
        ("encrypted by a stranger, unsigned inside", Forge { sign_assertion: false, ..good.clone() }.message()),
        ("encrypted by a stranger, signed by another inside", Forge { by_attacker: true, ..good.clone() }.message()),
    ] {
        let reason = read_by(&provider(), &metadata(), message.as_bytes(), now(), true).expect_err(what);
        let cost = each(|| {
            let _ = black_box(read_by(&provider(), &metadata(), message.as_bytes(), now(), true));
        });
        line(&format!("{what} ({} bytes): {}", message.len(), reason.code()), cost);
    }
}
