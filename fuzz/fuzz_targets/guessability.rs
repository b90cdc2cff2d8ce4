//! Guessability: every input has a result, and more knowledge of the person never makes a password stronger.
#![no_main]

use libfuzzer_sys::fuzz_target;
use os2nykode::model::guessability::{Known, LocalWords, judge};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.splitn(4, '\n');
    let mut next = || lines.next().unwrap_or_default();
    let (password, attribute, old, local) = (next(), next(), next(), LocalWords::new([next()]));
    let none = LocalWords::default();
    let nothing = judge(password, Known { attributes: &[], old: None, local: &none, year: 2026 });
    let known = judge(password, Known { attributes: &[attribute], old: Some(old), local: &local, year: 2026 });
    assert!(nothing.guesses_log10.is_finite() && !nothing.reasons.is_empty() && !known.reasons.is_empty());
    assert!(known.guesses_log10 <= nothing.guesses_log10 + 0.01);
});
