//! Tests of the word lists, of the sizes of the forms, and that no suggestion breaks its policy.

use std::{collections::BTreeSet, convert::Infallible, sync::Arc};

use jiff::SignedDuration;
use proptest::prelude::*;
use ring::rand::{SecureRandom, SystemRandom};

use crate::model::passphrase::*;
use crate::model::{
    account::{PasswordExpiry, PasswordState},
    ad::{filetime, guid::ObjectGuid},
    guessability::LocalWords,
};

const EASES: [Ease; 2] = [Ease::Ordinary, Ease::Easy];
const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";

fn now() -> Timestamp {
    "2026-11-23T08:10:00Z".parse().expect("a time")
}

fn account(display_name: &str) -> Account {
    let last_set = now() - SignedDuration::from_mins(1);
    Account {
        guid: ObjectGuid::from_ad(&[7; 16]).expect("16 bytes"),
        sid: crate::model::ad::sid::Sid::parse("S-1-5-21-1-2-3-1104").expect("a SID"),
        sam: "solsik".into(),
        upn: Some("hav.bil@skole.test".into()),
        display_name: Some(display_name.into()),
        given_name: Some("Sol".into()),
        surname: Some("Havre".into()),
        password: PasswordState { last_set_ticks: filetime::ticks(last_set), last_set: Some(last_set), expiry: PasswordExpiry::Never },
        ..Account::unknown()
    }
}

fn proposed(policy: &PasswordPolicy, ease: Ease) -> Option<String> {
    let machine = SystemRandom::new();
    let mut random = || {
        let mut bytes = [0; 16];
        machine.fill(&mut bytes).expect("random numbers");
        Ok::<_, Infallible>(bytes)
    };
    let Ok(password) = propose(policy, &account("Sol Havre"), now(), ease, &mut random);
    password.map(|password| password.expose().to_owned())
}

fn with(change: impl FnOnce(&mut PasswordPolicy)) -> PasswordPolicy {
    let mut policy = PasswordPolicy::default();
    change(&mut policy);
    policy
}

fn usual() -> PasswordPolicy {
    with(|p| (p.min_length, p.complexity, p.no_names) = (12, true, true))
}

#[test]
fn the_words_are_many_sorted_and_fit_to_be_written_down() {
    for (ease, least, lengths) in [(Ease::Ordinary, 2048, 4..=9), (Ease::Easy, 280, 4..=7)] {
        let words = words::all(ease);
        assert!(words.len() >= least, "{}", words.len());
        assert!(words.windows(2).all(|pair| pair[0] < pair[1]), "sorted, each once");
        for word in words {
            assert!(word.chars().all(|c| matches!(c, 'a'..='z' | 'æ' | 'ø' | 'å')), "{word}");
            assert!(lengths.contains(&word.chars().count()), "{word}");
        }
    }
    let ordinary: BTreeSet<_> = words::all(Ease::Ordinary).iter().collect();
    assert!(words::all(Ease::Easy).iter().all(|word| ordinary.contains(word)));
}

#[test]
fn a_proposal_looks_as_it_is_described() {
    let shape = |text: &str| {
        let kind = |c: char| {
            if c.is_uppercase() {
                'A'
            } else if c.is_lowercase() {
                'a'
            } else if c.is_ascii_digit() {
                '9'
            } else {
                c
            }
        };
        let mut kinds: Vec<char> = text.chars().map(kind).collect();
        kinds.dedup();
        (kinds.into_iter().collect::<String>(), text.chars().filter(char::is_ascii_digit).count())
    };
    let typical = usual();
    assert_eq!(shape(&proposed(&typical, Ease::Ordinary).expect("one")), ("Aa-Aa-Aa-9".to_owned(), 3));
    assert_eq!(shape(&proposed(&typical, Ease::Easy).expect("one")), ("Aa-Aa-9".to_owned(), 2));
    let allowed = |set: String| with(|p| p.allowed = Some(set.chars().collect()));
    let no_signs = allowed(format!("{LOWER}{}0123456789", LOWER.to_uppercase()));
    assert_eq!(shape(&proposed(&no_signs, Ease::Ordinary).expect("one")), ("AaAaAa9".to_owned(), 3));
    assert_eq!(shape(&proposed(&allowed(LOWER.to_owned()), Ease::Easy).expect("one")), ("a".to_owned(), 0));
    assert_eq!(shape(&proposed(&allowed(LOWER.to_uppercase() + "_"), Ease::Ordinary).expect("one")), ("A_A_A_A".to_owned(), 0));
}

#[test]
fn every_form_makes_as_many_as_its_ease_promises() {
    let ascii = |text: &str| with(|p| p.allowed = Some((LOWER.to_owned() + &LOWER.to_uppercase() + text).chars().collect()));
    let policies = [
        usual(),
        PasswordPolicy::default(),
        ascii("23456789-"),
        ascii("2"),
        ascii(""),
        with(|p| p.min_length = 40),
        with(|p| p.max_length = Some(21)),
        with(|p| p.max_length = Some(12)),
    ];
    for ease in EASES {
        for policy in &policies {
            for form in forms(policy, ease) {
                assert!(form.draw.total() >= 1 << (ease.least_bits() + SPARE_BITS), "{ease:?} {form:?}");
            }
        }
    }
    let bits = |ease, policy: &PasswordPolicy| forms(policy, ease).next().map(|form| form.draw.total().ilog2());
    assert_eq!(bits(Ease::Ordinary, &usual()), Some(42));
    assert_eq!(bits(Ease::Easy, &usual()), Some(22));
    assert_eq!(bits(Ease::Ordinary, &ascii("23456789-")), Some(41), "without æøå");
    assert_eq!(bits(Ease::Easy, &ascii("23456789-")), Some(21), "without æøå");
}

#[test]
fn hardly_anything_that_is_drawn_is_refused() {
    let policy = with(|p| {
        (p.min_length, p.complexity, p.no_names, p.digits, p.special) = (14, true, true, true, true);
        p.forbidden_words = ["kommune", "sommer", "skole", "velkommen", "fodbold", "hest"].map(str::to_owned).into();
    });
    let machine = SystemRandom::new();
    let mut drawn = 0;
    for _ in 0..500 {
        let mut random = || {
            drawn += 1;
            let mut bytes = [0; 16];
            machine.fill(&mut bytes).expect("random numbers");
            Ok::<_, Infallible>(bytes)
        };
        let Ok(password) = propose(&policy, &account("Jens Vand"), now(), Ease::Ordinary, &mut random);
        assert!(password.is_some());
    }
    assert!(drawn < 500 * 3, "{drawn} random numbers for 500 proposals");
}

#[test]
fn the_same_proposal_hardly_ever_comes_twice() {
    let all: BTreeSet<_> = (0..200).map(|_| proposed(&usual(), Ease::Ordinary)).collect();
    assert_eq!(all.len(), 200);
}

#[test]
fn where_there_is_no_room_nothing_is_proposed() {
    for policy in [
        with(|p| p.max_length = Some(8)),
        with(|p| p.min_length = 200),
        with(|p| p.allowed = Some("0123456789".chars().collect())),
        with(|p| p.allowed = Some(BTreeSet::new())),
        with(|p| (p.min_length, p.max_length) = (13, Some(12))),
        with(|p| (p.digits, p.allowed) = (true, Some((LOWER.to_owned() + "01").chars().collect()))),
        with(|p| (p.complexity, p.allowed) = (true, Some(LOWER.chars().collect()))),
    ] {
        for ease in EASES {
            assert_eq!(proposed(&policy, ease), None, "{policy:?}");
        }
    }
}

#[test]
fn a_machine_without_random_numbers_proposes_nothing() {
    let refused = propose(&usual(), &account("Sol Havre"), now(), Ease::Easy, &mut || Err("none"));
    assert_eq!(refused.err(), Some("none"));
    let Ok(password) = propose(&usual(), &account("Sol Havre"), now(), Ease::Easy, &mut || Ok::<_, Infallible>([0xff; 16]));
    assert_eq!(password, None, "it ends even where all numbers are one");
}

prop_compose! {
    fn any_policy()(
        min_length in 0_u32..60, max_length in proptest::option::of(0_u32..70), flags in any::<[bool; 6]>(),
        forbidden in proptest::collection::btree_set("[a-zæøå]{2,5}", 0..6),
        allowed in proptest::option::of((
            any::<[bool; 4]>(),
            proptest::collection::btree_set(proptest::char::range(' ', 'å'), 0..60),
            proptest::collection::btree_set(proptest::char::range('!', 'z'), 0..8),
        )),
        hours in proptest::option::of(0_i64..50), guesses in proptest::option::of(0_u32..13),
    ) -> PasswordPolicy {
        let [complexity, letters, upper_and_lower, digits, special, no_names] = flags;
        let allowed = allowed.map(|([lower, upper, danish, numbers], more, fewer)| {
            let sets = [(lower, LOWER.to_owned()), (upper, LOWER.to_uppercase()), (danish, "æøåÆØÅ".into()), (numbers, "0123456789".into())];
            let base: String = sets.into_iter().filter_map(|(on, set)| on.then_some(set)).collect();
            base.chars().chain(more).filter(|c| !fewer.contains(c)).collect()
        });
        PasswordPolicy { min_length, max_length, complexity, letters, upper_and_lower, digits, special, no_names,
            min_guesses: guesses.map_or(0, |power| 10_u64.pow(power)), local_words: Arc::new(LocalWords::new(forbidden.iter().map(String::as_str))),
            not_leaked: false, forbidden_words: forbidden, allowed, history: 24, min_age: hours.map(SignedDuration::from_hours) }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_proposal_is_ever_refused(policy in any_policy(), name in "[A-ZÆØÅ][a-zæøå]{1,4} [A-ZÆØÅ][a-zæøå]{1,4}", seed in any::<[u8; 32]>(), easy in any::<bool>()) {
        let (account, ease) = (account(&name), if easy { Ease::Easy } else { Ease::Ordinary });
        let mut block = 0_u8;
        let mut random = || {
            block = block.wrapping_add(1);
            let digest = ring::digest::digest(&ring::digest::SHA256, &[&seed[..], &[block]].concat());
            Ok::<[u8; 16], Infallible>(digest.as_ref()[..16].try_into().expect("half of 32"))
        };
        let Ok(password) = propose(&policy, &account, now(), ease, &mut random);
        if let Some(password) = password {
            let broken = evaluate(&policy, Candidate { new: &password, current: None, account: &account, now: now() });
            prop_assert!(broken.iter().all(|broken| matches!(broken, BrokenRule::TooYoung(_))), "{} {:?}", password.expose(), broken);
        } else if policy.allowed.is_none() && policy.max_length.is_none() {
            prop_assert!(false, "a policy with room for any got none: {:?}", policy);
        }
    }
}
