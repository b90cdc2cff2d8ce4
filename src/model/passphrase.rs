//! Passphrase suggestions: passphrases of Danish words that satisfy one account's policy, such as `Rolig-Cykel-Havre-472`.
//!
//! Invariants: a suggestion breaks no rule of the policy; it is drawn uniformly from at least 2^[`Ease::least_bits`] possible ones, and
//! only the random bytes decide which.

mod draw;
#[cfg(test)]
mod tests;
mod words;

use std::rc::Rc;

use jiff::Timestamp;

use crate::model::passphrase::{draw::Draw, words::WordPool};
use crate::model::{
    account::Account,
    credential::password::Password,
    password_policy::{BrokenRule, Candidate, PasswordPolicy, evaluate},
};

/// How easy a suggestion is to remember, to spell and to type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ease {
    /// Three words of about 2,300 and three digits, 42 bits: `Rolig-Cykel-Havre-472`. Longer if the policy demands it, never shorter.
    Ordinary,
    /// For young pupils: two short words of about 290 and two digits, 22 bits: `Kanin-Lampe-47`. This is enough for a password that must be
    /// changed at the next logon, on an account that AD locks after some wrong passwords: at ten attempts in each quarter of an hour, half
    /// of the 2²² take six years, and the lockouts are noticed. It is not enough if AD never locks the account, or if an attacker may get
    /// the hash of a password that stays.
    Easy,
}

impl Ease {
    /// A suggestion is drawn from at least two to the power of this number.
    pub const fn least_bits(self) -> u32 {
        match self {
            Self::Ordinary => 40,
            Self::Easy => 20,
        }
    }

    /// Numbers of words and digits, the preferred shape first. Shapes that the policy leaves too little room for are dropped later, by
    /// count.
    const fn shapes(self) -> &'static [(usize, u32)] {
        match self {
            Self::Ordinary => &[(3, 3), (4, 3), (5, 3), (6, 3), (8, 3), (10, 3), (4, 0), (5, 0), (6, 0), (8, 0), (10, 0)],
            // One word: for policies with little room.
            Self::Easy => &[(2, 2), (3, 2), (4, 2), (6, 2), (8, 2), (10, 2), (2, 3), (1, 5), (3, 0), (4, 0), (6, 0), (10, 0)],
        }
    }
}

/// Case of the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    Capital,
    Lower,
    Upper,
}

impl Case {
    const ALL: [Self; 3] = [Self::Capital, Self::Lower, Self::Upper];

    fn of(self, word: &'static str) -> impl Iterator<Item = char> {
        word.chars().enumerate().map(move |(at, c)| match self {
            Self::Capital if at > 0 => c,
            Self::Lower => c,
            Self::Capital | Self::Upper => c.to_uppercase().next().unwrap_or(c),
        })
    }
}

/// Separators between words, in order of preference: easy to read, to name and to find on a Danish keyboard.
const JOINTS: &str = "-.+_=:!#,;*/?%&@$()<>[]{}|'\"\\^~`";
/// Without 0 and 1, which look like letters on paper.
const DIGITS: &str = "23456789";
/// Suggestions of one form that are evaluated before the next form is tried.
const TRIES: usize = 24;
/// Bits in reserve: names and forbidden words of a policy may rule out half of the possible suggestions.
const SPARE_BITS: u32 = 1;

/// A password that the policy accepts for this account now, or once the current password has reached its minimum age. `None`: the policy
/// leaves too little room (less than about 20 characters, or hardly any letters). `random` returns 16 random bytes.
pub fn propose<E>(
    policy: &PasswordPolicy,
    account: &Account,
    now: Timestamp,
    ease: Ease,
    random: &mut impl FnMut() -> Result<[u8; 16], E>,
) -> Result<Option<Password>, E> {
    for form in forms(policy, ease) {
        for _ in 0..TRIES {
            let Some(text) = form.made_from(u128::from_be_bytes(random()?)) else { continue };
            let Ok(new) = Password::parse(text) else { continue };
            let broken = evaluate(policy, Candidate { new: &new, current: None, account, now });
            if broken.iter().all(|broken| matches!(broken, BrokenRule::TooYoung(_))) {
                return Ok(Some(new));
            }
        }
    }
    Ok(None)
}

/// A form of suggestions, with all suggestions of that form.
#[derive(Debug)]
struct PhraseShape {
    draw: Draw,
    joint: Option<char>,
    case: Case,
}

/// The forms that the policy has room for and that have enough suggestions, in the order in which they are tried.
fn forms(policy: &PasswordPolicy, ease: Ease) -> impl Iterator<Item = PhraseShape> {
    let may = |c: char| policy.allowed.as_ref().is_none_or(|allowed| allowed.contains(&c));
    let digits: Vec<char> = DIGITS.chars().filter(|c| may(*c)).collect();
    let joint = JOINTS.chars().find(|c| may(*c));
    let (shortest, longest) = (policy.min_length as usize, policy.max_length.map_or(usize::MAX, |max| max as usize));
    Case::ALL.into_iter().flat_map(move |case| {
        let pool = Rc::new(WordPool::new(ease, |word| case.of(word).all(may)));
        let digits = digits.clone();
        let joints = joint.map(Some).into_iter().chain([None]);
        ease.shapes().iter().flat_map(move |&(words, digit_places)| {
            let (pool, digits) = (pool.clone(), digits.clone());
            joints.clone().filter_map(move |joint| {
                let parts = words + usize::from(digit_places > 0);
                let others = digit_places as usize + if joint.is_some() { parts - 1 } else { 0 };
                let letters = shortest.saturating_sub(others)..=longest.checked_sub(others)?;
                let draw = Draw::new(pool.clone(), words, letters, digits.clone(), digit_places)?;
                (draw.total() >> (ease.least_bits() + SPARE_BITS) > 0).then_some(PhraseShape { draw, joint, case })
            })
        })
    })
}

impl PhraseShape {
    /// The suggestion with this random number. `None` if the number is beyond the last one, or a word occurs twice.
    fn made_from(&self, random: u128) -> Option<String> {
        let picked = self.draw.pick(random)?;
        let mut first = true;
        let mut different = picked.words.clone();
        different.sort_unstable();
        different.dedup();
        if different.len() < picked.words.len() {
            return None; // a repeated word looks like a typing error
        }
        let room = picked.words.iter().map(|word| word.len() + 1).sum::<usize>() + picked.digits.len();
        let mut text = String::with_capacity(room); // full capacity at once: no reallocation leaves a copy in memory
        let mut join = |text: &mut String| {
            if !std::mem::take(&mut first) {
                text.extend(self.joint);
            }
        };
        for word in picked.words {
            join(&mut text);
            text.extend(self.case.of(word));
        }
        if !picked.digits.is_empty() {
            join(&mut text);
            text.extend(picked.digits);
        }
        Some(text)
    }
}
