//! Table of cases, and properties that hold for any password.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use crate::model::password_policy::*;
use crate::model::{
    account::{Account, PasswordExpiry, PasswordState},
    ad::{filetime, guid::ObjectGuid},
    credential::password::Password,
};

fn now() -> Timestamp {
    "2026-11-23T08:10:00Z".parse().expect("a time")
}

fn account(last_set: Option<Timestamp>) -> Account {
    let last_set_ticks = last_set.map_or(0, filetime::ticks);
    Account {
        guid: ObjectGuid::from_ad(&[7; 16]).expect("16 bytes"),
        dn: "CN=Søren Ærø,DC=kommune,DC=test".into(),
        sid: crate::model::ad::sid::Sid::parse("S-1-5-21-1-2-3-1104").expect("a SID"),
        sam: "saeroe".into(),
        upn: Some("soren.aero@skole.test".into()),
        display_name: Some("Søren \"Pølse\" Ærø-Bo".into()),
        given_name: Some("Søren".into()),
        surname: Some("Ærø".into()),
        password: PasswordState { last_set_ticks, last_set, expiry: PasswordExpiry::Never },
        ..Account::unknown()
    }
}

fn judge(policy: &PasswordPolicy, new: &str) -> Vec<BrokenRule> {
    let (new, account) = (Password::parse(new.into()).expect("a password"), account(None));
    evaluate(policy, Candidate { new: &new, current: None, account: &account, now: now() })
}

fn with(change: impl FnOnce(&mut PasswordPolicy)) -> PasswordPolicy {
    let mut policy = PasswordPolicy::default();
    change(&mut policy);
    policy
}

fn words<const N: usize>(words: [&str; N]) -> BTreeSet<String> {
    words.map(str::to_owned).into()
}

#[test]
fn each_rule_breaks_alone_and_holds_alone() {
    let min = with(|p| p.min_length = 8);
    let max = with(|p| p.max_length = Some(10));
    let complex = with(|p| p.complexity = true);
    let letters = with(|p| p.letters = true);
    let cases = with(|p| p.upper_and_lower = true);
    let digits = with(|p| p.digits = true);
    let special = with(|p| p.special = true);
    let names = with(|p| p.no_names = true);
    let forbidden = with(|p| p.forbidden_words = words(["kommune", "Fodbold"]));
    let allowed = with(|p| p.allowed = Some("abc1".chars().collect()));
    let table: &[(&PasswordPolicy, &str, &str)] = &[
        // characters count, not bytes
        (&min, "1234567", "too_short"),
        (&min, "12345678", ""),
        (&min, "æøåæøåæ", "too_short"),
        (&min, "æøåæøåæø", ""),
        (&min, "😀😀😀😀😀😀😀😀", ""),
        (&max, "12345678901", "too_long"),
        (&max, "ÆØÅÆØÅÆØÅÆ", ""),
        // AD's complexity: three kinds of five
        (&complex, "abcdefgh", "not_complex"),
        (&complex, "abcdEFGH", "not_complex"),
        (&complex, "abcdEF12", ""),
        (&complex, "abcd12!?", ""),
        (&complex, "ÆØÅæøå12", ""),
        (&complex, "漢字ab12", ""),
        (&complex, "ab12    ", "not_complex"), // a blank is no symbol
        (&complex, "ab12😀😀", "not_complex"),
        // AD's name rule: the account name, and the parts of displayName
        (&complex, "xSAEROEx1!", "holds_name"),
        (&complex, "xsørenX1!", "holds_name"),
        (&complex, "xsorenX1!", ""),
        (&complex, "Bo12345!", ""), // a part of two letters does not count
        (&letters, "123!", "no_letter"),
        (&letters, "123å", ""),
        (&cases, "abc1", "not_upper_and_lower"),
        (&cases, "ABC1", "not_upper_and_lower"),
        (&cases, "Æø", ""),
        (&digits, "abc", "no_digit"),
        (&digits, "abc٣", "no_digit"), // only 0-9 is a digit
        (&digits, "abc3", ""),
        (&special, "abc3 Å", "no_special"),
        (&special, "abc3-", ""),
        (&special, "abc😀", ""),
        (&names, "hemmeligSoeren9", "holds_name"),
        (&names, "s0r3n-hemmelig", "holds_name"),
        (&names, "xpolsex", "holds_name"),
        (&names, "4eroe", "holds_name"),
        (&names, "soren.aero!", "holds_name"),
        (&names, "sommerhus", ""),
        (&forbidden, "K0mmun3-2026", "holds_forbidden_word"),
        (&forbidden, "fodb0ld", "holds_forbidden_word"),
        (&forbidden, "komsammen", ""),
        (&allowed, "abcå", "character_not_allowed"),
        (&allowed, "abc1", ""),
        (&with(|_| ()), "a\u{7}b", "not_typeable"),
        (&with(|_| ()), " ", ""),
    ];
    for (policy, password, expected) in table {
        let broken = judge(policy, password).iter().map(BrokenRule::code).collect::<Vec<_>>().join("+");
        assert_eq!(&broken, expected, "{password:?}");
    }
}

#[test]
fn the_same_password_again_is_refused() {
    let (new, account) = (Password::parse("Hest-bord-12".into()).expect("a password"), account(None));
    let candidate = Candidate { new: &new, current: Some(&new), account: &account, now: now() };
    assert_eq!(evaluate(&PasswordPolicy::default(), candidate), [BrokenRule::SameAsCurrent]);
}

#[test]
fn a_young_password_says_when_it_may_be_changed_and_one_that_must_be_changed_is_never_young() {
    let policy = with(|p| p.min_age = Some(SignedDuration::from_hours(24)));
    let new = Password::parse("Hest-bord-12".into()).expect("a password");
    let judged = |last_set: Option<Timestamp>| {
        let account = account(last_set);
        evaluate(&policy, Candidate { new: &new, current: None, account: &account, now: now() })
    };
    let hour = SignedDuration::from_hours(1);
    assert_eq!(judged(Some(now() - hour)), [BrokenRule::TooYoung(now() + hour * 23)]);
    assert_eq!(judged(Some(now() - hour * 24)), []);
    assert_eq!(judged(None), []);
}

#[test]
fn contradictions_are_found() {
    let both = with(|p| (p.min_length, p.max_length) = (13, Some(12)));
    assert_eq!(both.contradiction(), Some(Contradiction::Length { min: 13, max: 12 }));
    let no_digit = with(|p| (p.digits, p.allowed) = (true, Some("abc".chars().collect())));
    assert_eq!(no_digit.contradiction(), Some(Contradiction::Allowed("digits")));
    let nothing = with(|p| p.allowed = Some(BTreeSet::new()));
    assert_eq!(nothing.contradiction(), Some(Contradiction::Allowed("allowed")));
    assert_eq!(PasswordPolicy::default().contradiction(), None);
}

#[test]
fn every_demand_is_shown_as_a_rule() {
    let everything = PasswordPolicy {
        min_length: 1,
        max_length: Some(2),
        complexity: true,
        letters: true,
        upper_and_lower: true,
        digits: true,
        special: true,
        no_names: true,
        forbidden_words: words(["x"]),
        min_guesses: 10,
        not_leaked: true,
        local_words: std::sync::Arc::default(),
        allowed: Some(BTreeSet::from(['a'])),
        history: 3,
        min_age: Some(SignedDuration::from_hours(1)),
    };
    assert_eq!(everything.rules().len(), 14);
    assert_eq!(PasswordPolicy::default().rules(), []);
}

prop_compose! {
    fn any_policy()(
        min_length in 0_u32..20, max_length in proptest::option::of(0_u32..30), flags in any::<[bool; 6]>(),
        forbidden in proptest::collection::btree_set("[a-zæøå]{3,6}", 0..3),
        allowed in proptest::option::of(proptest::collection::btree_set(proptest::char::range(' ', 'å'), 0..40)),
        history in 0_u32..30, hours in proptest::option::of(0_i64..50),
    ) -> PasswordPolicy {
        let [complexity, letters, upper_and_lower, digits, special, no_names] = flags;
        PasswordPolicy { min_length, max_length, complexity, letters, upper_and_lower, digits, special, no_names,
            forbidden_words: forbidden, allowed, history, min_age: hours.map(SignedDuration::from_hours), min_guesses: 0, not_leaked: false, local_words: std::sync::Arc::default() }
    }
}

proptest! {
    #[test]
    fn a_combination_accepts_only_what_each_part_accepts(a in any_policy(), b in any_policy(), password in "[^\0]{1,40}") {
        let both = judge(&a.clone().and(&b), &password);
        if both.is_empty() {
            prop_assert!(judge(&a, &password).is_empty());
            prop_assert!(judge(&b, &password).is_empty());
        }
    }

    #[test]
    fn a_combination_does_not_depend_on_its_order(a in any_policy(), b in any_policy()) {
        prop_assert_eq!(a.clone().and(&b), b.and(&a));
    }

    #[test]
    fn folding_is_stable(text in "\\PC{0,40}") {
        prop_assert_eq!(folded(&folded(&text)), folded(&text));
    }

    #[test]
    fn a_name_is_found_in_any_password_that_holds_it(before in "[a-z]{0,5}", after in "[0-9]{0,5}", name in "[A-Za-zæøåÆØÅ]{3,10}") {
        let held = contains_folded(&format!("{before}{name}{after}"), &name);
        prop_assert!(held);
    }
}

#[test]
fn a_password_that_is_easy_to_guess_is_refused_with_codes_and_never_with_its_words_in_the_log() {
    let policy = with(|p| p.min_guesses = 10_000_000_000);
    let judged = |new: &str, current: Option<&str>| {
        let parse = |text: &str| Password::parse(text.into()).expect("a password");
        let (new, current) = (parse(new), current.map(parse));
        let account = Account { contact_details: vec!["Borgerservice".into(), "86 12 34 56".into()], ..account(None) };
        let broken = evaluate(&policy, Candidate { new: &new, current: current.as_ref(), account: &account, now: now() });
        crate::model::refusal::Refusal::Policy(broken).code()
    };
    for (new, current, code) in [
        ("Sommer2026!!", None, "guessable+common_word+date"),
        ("Borgerservice-7", None, "guessable+personal"),
        ("S\u{f8}ren86123456", None, "guessable+personal"),
        ("Qx7!pv-Lm29z", Some("Qx7!pv-Lm28z"), "guessable+like_the_old"),
        ("Qx7!pv-Lm29z", None, ""),
        ("Qx7!pv-Lm29z", Some("Qx7!pv-Lm29z"), "same_as_current"),
        ("kanin vandfald trappe havre", None, ""),
    ] {
        assert_eq!(judged(new, current), code, "{new}");
    }
}

#[test]
fn no_length_that_is_too_short_for_the_guesses_fits() {
    let short = with(|p| (p.min_guesses, p.max_length) = (10_000_000_000, Some(4)));
    assert_eq!(short.contradiction(), Some(Contradiction::Guesses { min_guesses: 10_000_000_000, max: 4 }));
    assert_eq!(with(|p| (p.min_guesses, p.max_length) = (10_000_000_000, Some(8))).contradiction(), None);
}
