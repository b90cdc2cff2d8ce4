//! Passwords to propose: Danish words that are easy to say and write, and that fit one account's policy.
//!
//! Invariant: the policy's own judge decides: what it would refuse is never proposed.

use jiff::Timestamp;

use super::{
    account::Account,
    password::Password,
    policy::{Broken, Candidate, PasswordPolicy, evaluate},
};

/// Concrete, friendly words that are spelled as they sound, by themselves and beside any other. One a line, sorted.
const WORDS: &str = include_str!("proposal/words.txt");
/// The shortest and easiest of them, for the youngest.
const EASY: &str = include_str!("proposal/easy.txt");
/// No 0 and 1, which look like letters.
const DIGITS: std::ops::RangeInclusive<u32> = 2..=9;
/// Signs between the words, the usual one first. A policy that allows none of them gets none.
const SIGNS: [char; 5] = ['-', '.', '_', '+', '!'];
/// Tries for each form, until one that holds no name and no forbidden word comes out.
const TRIES: usize = 40;

/// For whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ease {
    /// Three words and two digits: 34 bits. Enough where AD locks an account after a few wrong tries.
    Usual,
    /// Two easy words and two digits: 21 bits, a million. For pupils who have just learned to write, behind the same lockout.
    Easy,
}

/// Proposes a password that AD's policy and the configuration's take; `None` where no such form fits them. `random` gives any 32 bits.
pub fn propose<E>(
    policy: &PasswordPolicy,
    account: &Account,
    now: Timestamp,
    ease: Ease,
    mut random: impl FnMut() -> Result<u32, E>,
) -> Result<Option<Password>, E> {
    let fits = |c: char| policy.allowed.as_ref().is_none_or(|allowed| allowed.contains(&c));
    let capitals = ('A'..='Z').all(fits);
    let list = match ease {
        Ease::Usual => WORDS,
        Ease::Easy => EASY,
    };
    let words: Vec<&str> =
        list.lines().filter(|word| word.chars().all(fits) && (!capitals || word.chars().flat_map(char::to_uppercase).all(fits))).collect();
    let digits: Vec<u32> = DIGITS.filter(|digit| char::from_digit(*digit, 10).is_some_and(fits)).collect();
    let sign = SIGNS.into_iter().find(|sign| fits(*sign));
    if words.len() < 16 {
        return Ok(None);
    }
    let forms: &[usize] = match ease {
        Ease::Usual => &[3, 4, 5, 6, 2],
        Ease::Easy => &[2, 3, 4, 5, 6],
    };
    for count in forms {
        for _ in 0..TRIES {
            let mut parts = Vec::with_capacity(count + 1);
            for _ in 0..*count {
                parts.push(spelled(pick(&words, &mut random)?, capitals));
            }
            if !digits.is_empty() {
                parts.push(format!("{}{}", pick(&digits, &mut random)?, pick(&digits, &mut random)?));
            }
            let text = parts.join(&sign.map(String::from).unwrap_or_default());
            let Ok(password) = Password::parse(text) else { continue };
            let broken = evaluate(policy, Candidate { new: &password, current: None, account, now });
            if broken.iter().all(|broken| matches!(broken, Broken::TooYoung(_))) {
                return Ok(Some(password));
            }
        }
    }
    Ok(None)
}

fn spelled(word: &str, capital: bool) -> String {
    let mut letters = word.chars();
    match letters.next() {
        Some(first) if capital => first.to_uppercase().chain(letters).collect(),
        Some(_) | None => word.to_owned(),
    }
}

/// One of them, each as likely as any other: numbers from the incomplete last round are thrown away.
fn pick<T: Copy, E>(from: &[T], random: &mut impl FnMut() -> Result<u32, E>) -> Result<T, E> {
    let count = u32::try_from(from.len()).expect("lists are short");
    let whole = u32::MAX - u32::MAX % count;
    loop {
        let number = random()?;
        if number < whole {
            return Ok(from[(number % count) as usize]);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, convert::Infallible};

    use proptest::prelude::*;

    use super::*;
    use crate::model::{
        account::{PasswordExpiry, PasswordState, WrongTries},
        sid::Sid,
    };

    fn account(name: &str) -> Account {
        Account {
            guid: uuid::Uuid::nil().into(),
            dn: String::new(),
            sid: Sid::parse("S-1-5-21-1-2-3-1104").expect("a SID"),
            sam: name.to_lowercase(),
            upn: None,
            display_name: Some(name.to_owned()),
            given_name: None,
            surname: None,
            disabled: false,
            expires: None,
            locked: false,
            password: PasswordState { last_set_ticks: 1, last_set: None, expiry: PasswordExpiry::Never },
            last_logon: None,
            wrong_tries: WrongTries::default(),
            resultant_pso: None,
            admin_count: false,
            groups: Vec::new(),
        }
    }

    /// Numbers that look random and come out the same each time.
    fn numbers(mut seed: u64) -> impl FnMut() -> Result<u32, Infallible> {
        move || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            Ok((seed >> 32) as u32)
        }
    }

    fn now() -> Timestamp {
        "2026-11-23T08:10:00Z".parse().expect("a time")
    }

    fn proposed(policy: &PasswordPolicy, name: &str, ease: Ease, seed: u64) -> Option<Password> {
        let Ok(proposal) = propose(policy, &account(name), now(), ease, numbers(seed));
        proposal
    }

    #[test]
    fn the_lists_are_sorted_plain_and_long_enough() {
        for (list, least, longest) in [(WORDS, 640, 9), (EASY, 190, 7)] {
            let words: Vec<&str> = list.lines().collect();
            let sorted: BTreeSet<&str> = words.iter().copied().collect();
            assert!(words.len() >= least, "{}", words.len());
            assert_eq!(words, sorted.iter().copied().collect::<Vec<_>>(), "sorted, and each once");
            for word in words {
                let letters = word.chars().count();
                assert!((3..=longest).contains(&letters) && word.chars().all(|c| c.is_ascii_lowercase() || "æøå".contains(c)), "{word}");
            }
        }
        let all: BTreeSet<&str> = WORDS.lines().collect();
        assert!(EASY.lines().all(|word| all.contains(word)));
        let bits = |words: usize, count: i32| f64::from(u32::try_from(words).expect("few")).log2() * f64::from(count) + 6.0;
        assert!(bits(WORDS.lines().count(), 3) > 33.9);
        assert!(bits(EASY.lines().count(), 2) > 21.0);
    }

    #[test]
    fn the_usual_form_reads_as_words() {
        let policy = PasswordPolicy { min_length: 12, complexity: true, ..PasswordPolicy::default() };
        let proposal = proposed(&policy, "Anna Andersen", Ease::Usual, 1).expect("one");
        let parts: Vec<&str> = proposal.expose().split('-').collect();
        assert_eq!(parts.len(), 4, "{}", proposal.expose());
        let easy = proposed(&PasswordPolicy::default(), "Anna Andersen", Ease::Easy, 1).expect("one");
        assert_eq!(easy.expose().split('-').count(), 3, "{}", easy.expose());
    }

    #[test]
    fn what_no_words_can_satisfy_is_not_proposed() {
        let digits = PasswordPolicy { allowed: Some(('0'..='9').collect()), ..PasswordPolicy::default() };
        assert!(proposed(&digits, "Anna", Ease::Usual, 1).is_none());
        let short = PasswordPolicy { max_length: Some(5), ..PasswordPolicy::default() };
        assert!(proposed(&short, "Anna", Ease::Easy, 1).is_none());
    }

    #[test]
    fn every_word_comes_as_often_as_any_other() {
        let mut random = numbers(7);
        let mut counts = [0_u32; 7];
        for _ in 0..70_000 {
            let Ok(one) = pick(&[0, 1, 2, 3, 4, 5, 6], &mut random);
            counts[one] += 1;
        }
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
        let mut high = [u32::MAX, 3].into_iter();
        assert_eq!(pick(&[0, 1, 2, 3, 4], &mut || high.next().ok_or(())), Ok(3), "what would make the first ones likelier is thrown away");
    }

    prop_compose! {
        fn policies()(
            min_length in 0..30_u32,
            room in proptest::option::of(0..60_u32),
            (complexity, letters, upper_and_lower, digits, special, no_names) in any::<(bool, bool, bool, bool, bool, bool)>(),
            forbidden_words in prop::collection::btree_set("(sol|kat|blå|cykel|kommune)", 0..3),
            allowed in prop::sample::select(vec![
                None,
                Some("abcdefghijklmnopqrstuvwxyzæøåABCDEFGHIJKLMNOPQRSTUVWXYZÆØÅ0123456789-"),
                Some("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"),
                Some("abcdefghijklmnopqrstuvwxyz0123456789"),
                Some("abcdefghijklmnopqrstuvwxyz"),
            ]),
        ) -> PasswordPolicy {
            let allowed = allowed.map(|set| set.chars().collect());
            let max_length = room.map(|room| min_length + room);
            PasswordPolicy { min_length, max_length, complexity, letters, upper_and_lower, digits, special, no_names, forbidden_words, allowed,
                ..PasswordPolicy::default() }
        }
    }

    proptest! {
        #[test]
        fn a_proposal_is_never_refused(policy in policies(), seed in any::<u64>(), easy in any::<bool>(), name in "(Anna Sol|Kat Månsson|Emma)") {
            let ease = if easy { Ease::Easy } else { Ease::Usual };
            if let Some(proposal) = proposed(&policy, &name, ease, seed) {
                let account = account(&name);
                let broken = evaluate(&policy, Candidate { new: &proposal, current: None, account: &account, now: now() });
                prop_assert!(broken.is_empty(), "{:?}", broken);
            } else {
                let demanding = policy.contradiction().is_some() || policy.allowed.is_some() || policy.max_length.is_some();
                prop_assert!(demanding, "an ordinary policy always gets one: {policy:?}");
            }
        }
    }
}
