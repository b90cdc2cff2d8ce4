//! Parsers of form fields: login names, passwords, form numbers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use os2nykode::model::{account::name::LoginName, audit::attempt::AttemptId, credential::password::Password, password_policy};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    if let Some(name) = LoginName::parse(&text) {
        assert!(!name.key().contains('\0'));
    }
    if let Some(attempt) = AttemptId::parse(&text) {
        assert_eq!(attempt.to_string(), text);
    }
    if let Ok(password) = Password::parse(text.clone().into_owned()) {
        assert_eq!(password.expose(), text);
        assert_eq!(password.unicode_pwd().len(), (text.encode_utf16().count() + 2) * 2);
    }
    let folded = password_policy::folded(&text);
    assert_eq!(password_policy::folded(&folded), folded);
    let _ = password_policy::contains_folded(&text, &text);
});
