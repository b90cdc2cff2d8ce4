//! Proposals: passphrases of Danish words that fit one account's policy, such as `Rolig-Cykel-Havre-472`.
//!
//! Invariants: what is proposed breaks no rule of the policy; it is drawn evenly from at least as many as [`Ease::least_bits`] says, and nothing but the
//! random bytes decides which.

mod draw;
#[cfg(test)]
mod tests;
mod words;

use std::rc::Rc;

use jiff::Timestamp;

use self::{draw::Draw, words::Pool};
use crate::model::{
    account::Account,
    password::Password,
    policy::{Broken, Candidate, PasswordPolicy, evaluate},
};

/// How easy a proposal has to be to remember, to spell and to type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ease {
    /// Three words of about 2,300 and three digits, 42 bits: `Rolig-Cykel-Havre-472`. Longer where the policy asks for it, shorter never.
    Ordinary,
    /// For young pupils: two short words of about 290 and two digits, 22 bits: `Kanin-Lampe-47`. Enough for a password that has to be changed at the next
    /// logon, on an account that AD locks after some wrong tries: at ten tries in each quarter of an hour, half of the 2²² would take six years, and the
    /// lockouts would show. It is not enough where AD never locks the account, or where somebody may get at the hash of a password that stays.
    Easy,
}

impl Ease {
    /// From at least two to the power of this many a proposal is drawn.
    pub const fn least_bits(self) -> u32 {
        match self {
            Self::Ordinary => 40,
            Self::Easy => 20,
        }
    }

    /// How many words and digits, the nicest first. Which of them the policy has room for shows when it is counted what they can make.
    const fn shapes(self) -> &'static [(usize, u32)] {
        match self {
            Self::Ordinary => &[(3, 3), (4, 3), (5, 3), (6, 3), (8, 3), (10, 3), (4, 0), (5, 0), (6, 0), (8, 0), (10, 0)],
            // One word: for a policy with little room.
            Self::Easy => &[(2, 2), (3, 2), (4, 2), (6, 2), (8, 2), (10, 2), (2, 3), (1, 5), (3, 0), (4, 0), (6, 0), (10, 0)],
        }
    }
}

/// How the words are written.
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

/// What stands between the words, the best first: what is easy to read, to name and to find on a Danish keyboard.
const JOINTS: &str = "-.+_=:!#,;*/?%&@$()<>[]{}|'\"\\^~`";
/// None that is mistaken for a letter on paper.
const DIGITS: &str = "23456789";
/// Proposals of one form that are judged; then a longer one is tried.
const TRIES: usize = 24;
/// What the names and forbidden words in a policy rule out comes off what is drawn from. They may rule out half of it.
const SPARE_BITS: u32 = 1;

/// A password that the policy takes for this account, now or, where the present one is too young, later. `None`: the policy leaves no room for enough of
/// them (less than about 20 characters, or hardly any letters). `random` gives 16 random bytes.
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
            if broken.iter().all(|broken| matches!(broken, Broken::TooYoung(_))) {
                return Ok(Some(new));
            }
        }
    }
    Ok(None)
}

/// A way to put proposals together, and all that it can make.
#[derive(Debug)]
struct Form {
    draw: Draw,
    joint: Option<char>,
    case: Case,
}

/// The forms that the policy has room for and that can make enough, in the order in which they are tried.
fn forms(policy: &PasswordPolicy, ease: Ease) -> impl Iterator<Item = Form> {
    let may = |c: char| policy.allowed.as_ref().is_none_or(|allowed| allowed.contains(&c));
    let digits: Vec<char> = DIGITS.chars().filter(|c| may(*c)).collect();
    let joint = JOINTS.chars().find(|c| may(*c));
    let (shortest, longest) = (policy.min_length as usize, policy.max_length.map_or(usize::MAX, |max| max as usize));
    Case::ALL.into_iter().flat_map(move |case| {
        let pool = Rc::new(Pool::new(ease, |word| case.of(word).all(may)));
        let digits = digits.clone();
        let joints = joint.map(Some).into_iter().chain([None]);
        ease.shapes().iter().flat_map(move |&(words, digit_places)| {
            let (pool, digits) = (pool.clone(), digits.clone());
            joints.clone().filter_map(move |joint| {
                let parts = words + usize::from(digit_places > 0);
                let others = digit_places as usize + if joint.is_some() { parts - 1 } else { 0 };
                let letters = shortest.saturating_sub(others)..=longest.checked_sub(others)?;
                let draw = Draw::new(pool.clone(), words, letters, digits.clone(), digit_places)?;
                (draw.total() >> (ease.least_bits() + SPARE_BITS) > 0).then_some(Form { draw, joint, case })
            })
        })
    })
}

impl Form {
    /// The proposal of this random number; `None` where it is one of those left over after all have had an equal share.
    fn made_from(&self, random: u128) -> Option<String> {
        let picked = self.draw.pick(random)?;
        let mut first = true;
        let mut different = picked.words.clone();
        different.sort_unstable();
        different.dedup();
        if different.len() < picked.words.len() {
            return None; // reads like a slip of the pen
        }
        let room = picked.words.iter().map(|word| word.len() + 1).sum::<usize>() + picked.digits.len();
        let mut text = String::with_capacity(room); // all at once: no copy is left behind
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
