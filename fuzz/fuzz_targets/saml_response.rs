//! The whole path of a SAML response: no input panics, and only content that the provider has signed is accepted.
#![no_main]

#[path = "../../tests/it/saml_forge.rs"]
#[allow(dead_code)]
mod saml_forge;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use os2nykode::identity::answer::LoginAnswer;
use saml_forge::{Content, Forge, KeyWay, metadata, now, provider, read_by};

/// Valid messages, which the fuzzer's bytes overwrite. Random bytes alone would rarely pass the first checks.
static RIGHT: LazyLock<Vec<String>> = LazyLock::new(|| {
    vec![
        Forge::signed(true, false).message(),
        Forge::signed(true, true).message(),
        Forge::encrypted(Content::Aes256Cbc, KeyWay::Mgf1p).message(),
        Forge::encrypted(Content::Aes256Gcm, KeyWay::Oaep11).message(),
    ]
});

fuzz_target!(|data: &[u8]| {
    let read = |message: &[u8]| read_by(&provider(), &metadata(), message, now(), true);
    assert!(!matches!(read(data), Ok(LoginAnswer::Login(_))), "the fuzzer has no key");
    let [which, at @ .., ] = data else { return };
    let [high, low, length, rest @ ..] = at else { return };
    let right = &RIGHT[usize::from(*which) % RIGHT.len()];
    let place = usize::from(u16::from_be_bytes([*high, *low])) % right.len();
    let mut message = right.as_bytes().to_vec();
    let end = (place + usize::from(*length)).min(message.len());
    message.splice(place..end, rest.iter().copied());
    if let Ok(LoginAnswer::Login(login)) = read(&message) {
        let Ok(LoginAnswer::Login(signed)) = read(right.as_bytes()) else { panic!("the right one is taken") };
        assert_eq!(login, signed);
    }
});
