//! A password as the recognisers read it: one [`Sign`] a character, with the letters it is and the letters it may stand for.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
use zeroize::{Zeroize, Zeroizing};

use crate::model::password_policy::folded;

/// Characters that are judged. AD takes no more than 256 UTF-16 units; what a compatibility form unfolds to beyond that adds nothing.
pub(super) const MAX_SIGNS: usize = 256;

/// The class of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Class {
    Lower,
    Upper,
    Digit,
    /// Printable ASCII that is neither letter nor digit, and the few such signs of a Danish keyboard.
    Punctuation,
    /// Any other character: another script, an emoji, a control character.
    #[default]
    Other,
}

/// One character.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sign {
    /// In lower case.
    pub(super) lower: char,
    pub(super) class: Class,
    /// The letters or the digit that it is when folded; zero bytes at the end.
    pub(super) letters: [u8; 2],
    /// The letters that it may stand for; zero bytes at the end.
    pub(super) stands_for: [u8; 2],
}

impl Zeroize for Sign {
    fn zeroize(&mut self) {
        *self = Self::default();
    }
}

impl Sign {
    fn new(c: char) -> Self {
        let lower = c.to_lowercase().next().unwrap_or(c);
        let class = if c.is_lowercase() {
            Class::Lower
        } else if c.is_uppercase() {
            Class::Upper
        } else if c.is_ascii_digit() {
            Class::Digit
        } else if c.is_ascii_punctuation() || c == ' ' || "½§¤£€¨´".contains(c) {
            Class::Punctuation
        } else {
            Class::Other
        };
        Self { lower, class, letters: letters(lower), stands_for: stands_for(c) }
    }

    pub(super) fn is_letter(self) -> bool {
        matches!(self.class, Class::Lower | Class::Upper)
    }

    /// May stand between two letters of one word that somebody pulled apart.
    pub(super) fn separates(self) -> bool {
        self.class == Class::Punctuation
    }

    /// The value of a digit.
    pub(super) fn digit(self) -> Option<u32> {
        self.lower.to_digit(10).filter(|_| self.class == Class::Digit)
    }
}

/// The password, one sign a character, composed (NFKC), combining marks dropped as `fold` drops them. Wiped when it is dropped.
pub(super) fn signs(text: &str) -> Zeroizing<Vec<Sign>> {
    let mut signs = Zeroizing::new(Vec::with_capacity(MAX_SIGNS)); // all at once: no copy is left behind
    signs.extend(text.nfkc().filter(|c| !is_combining_mark(*c)).take(MAX_SIGNS).map(Sign::new));
    signs
}

/// A password without the separators between its characters.
pub(super) struct Joined {
    pub(super) signs: Zeroizing<Vec<Sign>>,
    /// How many different separators there were, and how many in all.
    pub(super) different: usize,
    pub(super) times: usize,
}

/// Takes out the punctuation that stands between two characters; `None` where there is none.
pub(super) fn without_separators(signs: &[Sign]) -> Option<Joined> {
    let first = signs.iter().position(|sign| !sign.separates())?;
    let last = signs.iter().rposition(|sign| !sign.separates())?;
    let mut joined = Joined { signs: Zeroizing::new(Vec::with_capacity(signs.len())), different: 0, times: 0 };
    for (at, sign) in signs.iter().enumerate() {
        if sign.separates() && (first..last).contains(&at) {
            joined.times += 1;
            joined.different += usize::from(signs[first..at].iter().all(|before| before.lower != sign.lower));
        } else {
            joined.signs.push(*sign);
        }
    }
    (joined.times > 0).then_some(joined)
}

/// The key of a word: its folded letters and digits; `None` where it holds others.
pub(super) fn key(word: &str) -> Option<Vec<u8>> {
    let folded = folded(word);
    let mut letters = folded.chars().filter(|c| c.is_alphanumeric());
    letters.all(|c| c.is_ascii()).then(|| folded.bytes().filter(u8::is_ascii_alphanumeric).collect())
}

fn letters(lower: char) -> [u8; 2] {
    if lower.is_ascii() {
        let byte = u8::try_from(lower).unwrap_or(0);
        return [if byte.is_ascii_alphanumeric() { byte } else { 0 }, 0];
    }
    let mut buffer = [0; 4];
    match *folded(lower.encode_utf8(&mut buffer)).as_bytes() {
        [one] if one.is_ascii_alphanumeric() => [one, 0],
        [one, two] if one.is_ascii_alphanumeric() && two.is_ascii_alphanumeric() => [one, two],
        _ => [0, 0],
    }
}

/// The exchanges that `fold` undoes, and those that zxcvbn knows besides.
fn stands_for(c: char) -> [u8; 2] {
    match c {
        '0' => [b'o', 0],
        '1' | '!' | '|' => [b'i', b'l'],
        '2' => [b'z', 0],
        '3' | '€' => [b'e', 0],
        '4' | '@' => [b'a', 0],
        '5' | '$' => [b's', 0],
        '6' | '9' => [b'g', 0],
        '7' => [b't', b'l'],
        '8' => [b'b', 0],
        '+' => [b't', 0],
        '(' | '<' | '[' | '{' => [b'c', 0],
        '%' => [b'x', 0],
        _ => [0, 0],
    }
}
