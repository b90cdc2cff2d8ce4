//! What the judge recognises, what it lets pass, and what it never does.

mod corpora;
mod properties;

use super::*;

const PERSON: [&str; 6] = ["Søren Ærø-Bo", "saeroe", "Borgerservice", "Lokale 214", "+45 86 12 34 56", "1979-08-24"];

pub(super) fn judged(password: &str) -> Judgement {
    judge(password, Known { attributes: &[], old: None, local: &LocalWords::default(), year: 2026 })
}

fn judged_for(password: &str, old: Option<&str>) -> Judgement {
    judge(password, Known { attributes: &PERSON, old, local: &LocalWords::new(["Solkøbing", "SolNet"]), year: 2026 })
}

fn codes(judgement: &Judgement) -> Vec<&'static str> {
    judgement.reasons.iter().map(GuessReason::code).collect()
}

/// Each password is refused, and this is the first reason.
fn refused(table: &[(&str, &str)]) {
    for (password, code) in table {
        let judgement = judged(password);
        assert!(!judgement.withstands(DEFAULT_MIN_GUESSES_LOG10), "{password}: {judgement:?}");
        assert_eq!(codes(&judgement).first(), Some(code), "{password}: {judgement:?}");
    }
}

fn accepted(passwords: &[&str]) {
    for password in passwords {
        let judgement = judged(password);
        assert!(judgement.withstands(DEFAULT_MIN_GUESSES_LOG10), "{password}: {judgement:?}");
    }
}

#[test]
fn a_word_with_a_year_and_a_sign_is_refused() {
    let word = "common_word";
    refused(&[
        ("Sommer2026!!", word),
        ("Velkommen1234", word),
        ("Brøndby1964!", word),
        ("Silkeborg8600", word),
        ("Oktober2025!", word),
        ("Frederik2009", word),
        ("Rasmussen12!", word),
        ("Leverpostej12!", word),
        ("Kvælstofgødning1!", word),
        ("Sunshine2026!", word),
    ]);
}

#[test]
fn a_word_is_recognised_however_it_is_spelled() {
    for password in [
        "brøndby1964!",
        "BRØNDBY1964!",
        "Broendby1964!",
        "Brondby1964!",
        "Br0ndby1964!",
        "Bro\u{308}ndby1964!", // a decomposed ö
        "Ｂrøndby1964!",       // a wide letter
        "ybdnørB1964!",
        "B-r-ø-n-d-b-y-1964",
        "B r ø n d b y 1964",
        "BrøndbyBrøndby1",
    ] {
        let judgement = judged(password);
        assert!(judgement.guesses_log10 < 9.0, "{password}: {judgement:?}");
        let shown = |reason: &GuessReason| matches!(reason, GuessReason::CommonWord { word: Some(word), .. } if word == "Brøndby");
        assert!(judgement.reasons.iter().any(shown), "{password}: {judgement:?}");
    }
}

#[test]
fn endings_and_compounds_of_words_are_recognised() {
    refused(&[("Gulerødderne26!", "common_word"), ("Trampolinernes1", "common_word"), ("Fiskekutter2026", "common_word")]);
}

#[test]
fn walks_over_the_keyboard_are_recognised() {
    let keyboard = "keyboard";
    refused(&[
        ("Zxcvbnm,.-12", keyboard),
        ("Asdfghjklæø1", keyboard),
        ("Poiuytrewq12", keyboard),
        ("!\"#¤%&/()Aa1", keyboard),
        ("<zxcvbnm,.-A1", keyboard),
        ("qqwweerrttyyU1", keyboard),
    ]);
    assert!(judged("Qwertyuiopå1").guesses_log10 < 5.0);
}

#[test]
fn repetitions_and_sequences_are_recognised() {
    refused(&[
        ("aaaaaaaaaaaaA1", "repeated"),
        ("A1!A1!A1!A1!", "repeated"),
        ("xk9Pxk9Pxk9P", "repeated"),
        ("klmnopqrstuvÆ1", "sequence"),
        ("xyzæøå456789!A", "sequence"),
    ]);
}

#[test]
fn years_and_dates_are_read_in_the_danish_order() {
    let date = "date";
    refused(&[
        ("24121985Xq!", date),
        ("24-12-1985Xq", date),
        ("24.12.85Xq!!", date),
        ("5.3.2010Xq!!", date),
        ("3/11-1999Xq", date),
        ("1985-12-24Xq", date),
    ]);
    // there is no 45th day and no 83rd month: eight digits are then a number
    let (date, number) = (judged("Xq24121985"), judged("Xq97836459"));
    assert!(date.guesses_log10 + 2.0 < number.guesses_log10, "{date:?} {number:?}");
    // a year to come, or long past, is a number
    assert!(judged("Xq2026").guesses_log10 < judged("Xq2951").guesses_log10);
}

#[test]
fn what_belongs_to_the_person_is_recognised() {
    for password in [
        "Søren2026!!!",
        "soeren-ærø-1",
        "S0ren.Aeroe1",
        "SAEROE2026!!",
        "Borgerservice9!",
        "86123456-Bo!",
        "8612-Xq-3456",
        "240879XqZ!!",
        "24-08-1979Xq",
        "Lokale214Xq!",
    ] {
        let judgement = judged_for(password, None);
        assert!(!judgement.withstands(DEFAULT_MIN_GUESSES_LOG10), "{password}: {judgement:?}");
        assert_eq!(codes(&judgement).first(), Some(&"personal"), "{password}: {judgement:?}");
    }
    assert!(judged_for("Rolig-Cykel-Havre-472", None).withstands(DEFAULT_MIN_GUESSES_LOG10));
}

#[test]
fn a_cpr_number_tells_the_birthday() {
    let known = Known { attributes: &["2408791234"], old: None, local: &LocalWords::default(), year: 2026 };
    for password in ["24081979XqZ!", "1979-08-24Xq!"] {
        assert_eq!(codes(&judge(password, known)), ["personal"], "{password}");
    }
}

#[test]
fn words_of_the_municipality_are_recognised_and_shown_in_their_spelling() {
    for password in ["Solkøbing2026", "solkobing-123", "S0lkoebing!99", "SolNet202626"] {
        let judgement = judged_for(password, None);
        assert!(!judgement.withstands(DEFAULT_MIN_GUESSES_LOG10), "{password}: {judgement:?}");
        let local = |reason: &GuessReason| matches!(reason, GuessReason::CommonWord { kind: WordKind::Local, word: Some(word) } if word == "Solkøbing" || word == "SolNet");
        assert!(judgement.reasons.iter().any(local), "{password}: {judgement:?}");
    }
}

#[test]
fn the_old_password_with_little_changed_is_recognised() {
    for (new, old) in [
        ("Xk9-plim-Trav3", "Xk9-plim-Trav3"),
        ("Xk9-plim-Trav3", "Xk9-plim-Trav2"),
        ("Xk9-plim-Trav10", "Xk9-plim-Trav9"),
        ("Xk9-plim-Trav2027", "Xk9-plim-Trav9"),
        ("xk9-PLIM-trav2", "Xk9-plim-Trav2"),
        ("Xk9-plim-Trav2!", "Xk9-plim-Trav2"),
        ("Xk9-plim-Trva2", "Xk9-plim-Trav2"),
        ("2Xk9-plim-Trav", "Xk9-plim-Trav2"),
        ("Trav2-Xk9-plim", "Xk9-plim-Trav2"),
        ("Xk9-plim-Trav2-Xk9-plim-Trav2", "Xk9-plim-Trav2"),
        ("Qz!Xk9-plim-Trav2", "Xk9-plim-Trav2"),
    ] {
        let judgement = judged_for(new, Some(old));
        assert!(judgement.guesses_log10 < 6.5, "{new} after {old}: {judgement:?}");
        assert_eq!(codes(&judgement).first(), Some(&"like_the_old"), "{new} after {old}: {judgement:?}");
        assert!(judged_for(new, None).guesses_log10 > judgement.guesses_log10);
    }
}

#[test]
fn another_password_is_not_like_the_old() {
    for (new, old) in [
        ("Rolig-Cykel-Havre-472", "Abrikos-Tunnel-Svane-83"),
        ("vK7#qz2Lp9xW", "tR4!mZ8wQy1c"),
        ("bakke kvist lager tromme", "skjorte_tunnel_sukker_pil"),
    ] {
        let judgement = judged_for(new, Some(old));
        assert!(judgement.withstands(DEFAULT_MIN_GUESSES_LOG10), "{new} after {old}: {judgement:?}");
    }
}

#[test]
fn random_words_and_random_characters_pass() {
    accepted(&[
        "Rolig-Cykel-Havre-472",
        "hest-cykel-lampe-skyer",
        "MuslingTraktorGardinPeber",
        "korrekt hest batteri hæfteklamme",
        "vK7#qz2Lp9xW",
        "bako-timu-relo-vasi",
        "Min nabos ged spiser altid torsk om onsdagen",
        "漢字仮名交じり文章です",
        "😀🦊🌧🎻🧊🪁🐙🧭🪵",
    ]);
}

#[test]
fn only_few_characters_are_their_own_reason() {
    refused(&[("x7Qkz", "few_characters"), ("", "few_characters"), ("   ", "few_characters"), ("😀", "few_characters")]);
}

#[test]
fn a_shown_word_is_a_word_of_a_list_and_never_the_whole_password() {
    for password in ["sommer", "Sommer", "velkommen", "brøndby", "remmos", "trustno1", "1qaz2wsx"] {
        for reason in judged(password).reasons {
            assert!(!matches!(&reason, GuessReason::CommonWord { word: Some(_), .. }), "{password}: {reason:?}");
        }
    }
    let judgement = judged("Trustno1Hest!");
    assert!(judgement.reasons.iter().all(|reason| !format!("{reason:?}").to_lowercase().contains("trustno1")), "{judgement:?}");
}

#[test]
fn each_reason_is_told_once_and_the_most_important_first() {
    let judgement = judged_for("Søren-Sommer-Brøndby-1964-qwerty", None);
    assert_eq!(codes(&judgement), ["personal", "common_word", "keyboard", "date"], "{judgement:?}");
    assert_eq!(
        judged("Sommer2026!!").reasons,
        [GuessReason::CommonWord { kind: WordKind::Calendar, word: Some("sommer".into()) }, GuessReason::Year]
    );
}

#[test]
fn a_short_word_beside_unknown_letters_is_not_shown() {
    let judgement = judged("Pusletid2020");
    assert!(judgement.reasons.iter().all(|reason| !matches!(reason, GuessReason::CommonWord { word: Some(_), .. })), "{judgement:?}");
}

#[test]
fn every_reason_has_its_messages_in_both_languages() {
    for catalogue in [include_str!("../../../locales/da/guessable.ftl"), include_str!("../../../locales/en/guessable.ftl")] {
        let has = |id: &str| catalogue.lines().any(|line| line.split_once(" = ").is_some_and(|(known, _)| known == id));
        let words =
            WordKind::ALL.into_iter().flat_map(|kind| [None, Some("sommer".to_owned())].map(|word| GuessReason::CommonWord { kind, word }));
        let others = [
            GuessReason::LikeTheOld,
            GuessReason::Personal,
            GuessReason::Keyboard,
            GuessReason::Date,
            GuessReason::Year,
            GuessReason::Repeated,
            GuessReason::Sequence,
            GuessReason::FewCharacters,
        ];
        for reason in words.chain(others) {
            for id in [reason.message(), reason.advice()].into_iter().chain(reason.tail()) {
                assert!(has(id), "{id}");
            }
        }
    }
}

#[test]
fn entries_of_the_lists_are_packed_and_unpacked() {
    use super::lists::Entry;
    for kind in WordKind::ALL {
        let entry = Entry { cost: 4.48, kind, spelling: 1_118_514 };
        assert_eq!(Entry::unpack(entry.pack()), entry);
    }
}
