//! What holds for any password.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

/// Guesses may differ by rounding.
const ROUNDING: f32 = 0.01;

/// Passwords made for the judge to take long: each as long as AD takes them.
fn pathological() -> Vec<(&'static str, String)> {
    let of = |text: &str, characters: usize| text.chars().cycle().take(characters).collect::<String>();
    vec![
        ("aA1! repeated", of("aA1!", 256)),
        ("one letter", of("a", 256)),
        ("one digit", of("1", 256)),
        ("leet of everything", of("1!|073$@4+", 256)),
        ("emoji", of("😀", 256)),
        ("blanks", of(" ", 256)),
        ("decomposed", of("e\u{301}o\u{308}", 256)),
        ("a long compatibility form", of("\u{FDFA}", 256)),
        ("combining marks only", of("\u{301}", 256)),
        ("a word repeated", of("sommer", 256)),
        ("words", of("entendenogderharenmenerdetsåat", 256)),
        ("dates", of("1.1.11-1/1 ", 256)),
        ("digits", of("31415926535897932384626433832795", 256)),
        ("a walk to and fro", of("qwertytrewq", 256)),
        ("separators", of("a-", 256)),
        ("Danish letters", of("æøåÆØÅ", 256)),
    ]
}

#[test]
fn no_password_takes_long() {
    let limit = if cfg!(debug_assertions) { Duration::from_millis(500) } else { Duration::from_millis(5) };
    // A person with more words and numbers than count, all of them alike.
    let made: Vec<String> = (0..200).map(|n| format!("{}{}", ["a", "1", "sommer", "æøå"][n % 4].repeat(n), n % 9)).collect();
    let attributes: Vec<&str> = made.iter().map(String::as_str).collect();
    for (name, password) in pathological() {
        let known = Known { attributes: &attributes, old: Some(&password), local: &LocalWords::new(["aaa", "aA1"]), year: 2026 };
        let fastest = (0..15).map(|_| {
            let begun = Instant::now();
            let _ = judge(&password, known);
            begun.elapsed()
        });
        let fastest = fastest.min().expect("fifteen");
        assert!(fastest < limit, "{name}: {fastest:?}");
    }
}

#[test]
fn a_repetition_without_end_is_weak() {
    for (name, password) in pathological() {
        if !["words", "digits", "a long compatibility form", "leet of everything"].contains(&name) {
            let judgement = judged(&password);
            assert!(!judgement.withstands(DEFAULT_MIN_GUESSES_LOG10), "{name}: {judgement:?}");
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_judged(password in "\\PC{0,80}", attribute in "\\PC{0,30}", old in proptest::option::of("\\PC{0,40}"), year in -5000..9999_i32) {
        let local = LocalWords::new([attribute.as_str()]);
        let judgement = judge(&password, Known { attributes: &[&attribute], old: old.as_deref(), local: &local, year });
        prop_assert!(judgement.guesses_log10.is_finite() && judgement.guesses_log10 >= 0.0);
        prop_assert!(!judgement.reasons.is_empty());
    }

    #[test]
    fn random_characters_behind_never_make_it_weaker(password in "[ -~æøåÆØÅ]{1,30}", more in "[a-zA-Z0-9]{8,12}") {
        let (before, after) = (judged(&password), judged(&format!("{password}{more}")));
        prop_assert!(after.guesses_log10 + ROUNDING >= before.guesses_log10, "{before:?} {after:?}");
    }

    #[test]
    fn knowing_more_never_makes_it_stronger(password in "[a-zA-Z0-9æøå!-]{1,30}", attribute in "[a-zæøå]{3,8}", old in "[a-zA-Z0-9!-]{1,20}") {
        let local = LocalWords::new([attribute.as_str()]);
        let knows = |attributes, old, local| judge(&password, Known { attributes, old, local, year: 2026 }).guesses_log10;
        let (none, known) = (LocalWords::default(), [attribute.as_str()]);
        let nothing = knows(&[], None, &none);
        prop_assert!(knows(&known, None, &none) <= nothing + ROUNDING);
        prop_assert!(knows(&[], Some(&old), &none) <= nothing + ROUNDING);
        prop_assert!(knows(&[], None, &local) <= nothing + ROUNDING);
    }

    #[test]
    fn composed_and_decomposed_are_the_same_password(password in "[a-zæøåéüö0-9!]{1,30}") {
        use unicode_normalization::UnicodeNormalization;
        prop_assert_eq!(judged(&password.nfc().collect::<String>()), judged(&password.nfd().collect::<String>()));
    }

    #[test]
    fn a_shown_word_is_in_a_list(password in "[a-zA-Z0-9æøå!-]{1,30}") {
        for reason in judged(&password).reasons {
            if let GuessReason::CommonWord { word: Some(word), .. } = reason {
                let guesses = judged(&word).guesses_log10;
                prop_assert!(guesses <= 5.5, "{word}: {guesses}");
            }
        }
    }
}
