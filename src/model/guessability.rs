//! How many guesses a password withstands: of somebody who knows what Danes choose, who the person is, and what the old password was.
//!
//! Recognisers find words, names, dates, walks over the keyboard and repetitions; the guesses for the cheapest way to put the password together from
//! them count. A password of a few random words passes, since each of them takes thousands of guesses; one word with a year and a sign does not.
//!
//! Invariants: no IO, no clock, no randomness. Nothing that is returned holds a part of the password, only words of lists. The time has a bound that does not
//! depend on the password, and nothing is allocated that grows with the lists. Copies of its characters are wiped.

mod digits;
mod keyboard;
mod lists;
mod old;
mod path;
mod personal;
mod reason;
mod repeats;
mod runs;
#[cfg(test)]
mod tests;
mod text;
mod words;

pub use lists::WordKind;
pub use reason::GuessReason;
pub use words::LocalWords;

use self::personal::Personal;

/// Guesses that a password has to withstand where the configuration says nothing (log10).
pub const DEFAULT_MIN_GUESSES_LOG10: f32 = 10.0;

/// Each sign that pulls the password apart, and each time that it stands there (log10).
const SEPARATOR: f32 = 1.0;
const EACH_TIME: f32 = 0.2;

/// What the guesser knows besides the lists.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The person's attributes as AD has them: names, account, department, office, phone, birthday (ISO, Danish order, or a CPR number).
    pub attributes: &'a [&'a str],
    /// The old password, where the person gave it.
    pub old: Option<&'a str>,
    /// The municipality's words.
    pub local: &'a LocalWords,
    /// The present year.
    pub year: i32,
}

/// What the judge found.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// Guesses until somebody has it (log10); 0 = at once.
    pub guesses_log10: f32,
    /// What makes it guessable, the most important first, each code once. Never empty. Only a password below the limit is told them.
    pub reasons: Vec<GuessReason>,
}

impl Judgement {
    /// Does it withstand so many guesses (log10)?
    pub fn withstands(&self, min_guesses_log10: f32) -> bool {
        self.guesses_log10 >= min_guesses_log10
    }
}

/// Judges a new password. What separates its parts may also pull one apart (`S-o-m-m-e-r`), so it is read without separators too.
pub fn judge(password: &str, known: Known<'_>) -> Judgement {
    let old = known.old.map(text::signs);
    let guesser =
        Guesser { personal: Personal::new(known.attributes), old: old.as_deref().map(Vec::as_slice), local: known.local, year: known.year };
    let signs = text::signs(password);
    let judgement = guesser.judge(&signs);
    let Some(joined) = text::without_separators(&signs) else { return judgement };
    let mut of_joined = guesser.judge(&joined.signs);
    #[expect(clippy::cast_precision_loss, reason = "at most 256")]
    let (different, times) = (joined.different as f32, joined.times as f32);
    of_joined.guesses_log10 += SEPARATOR * different + EACH_TIME * times;
    if of_joined.guesses_log10 < judgement.guesses_log10 { of_joined } else { judgement }
}

/// What the guesser knows, made ready for reading a password more than once.
struct Guesser<'a> {
    personal: Personal,
    old: Option<&'a [text::Sign]>,
    local: &'a LocalWords,
    year: i32,
}

impl Guesser<'_> {
    fn judge(&self, signs: &[text::Sign]) -> Judgement {
        let runs = runs::runs(signs);
        let mut found = Vec::with_capacity(256);
        words::find(signs, self.local, &mut found);
        keyboard::find(&runs, &mut found);
        digits::find(signs, self.year, &mut found);
        digits::find_ending(signs, &mut found);
        repeats::find_copies(signs, &mut found);
        repeats::find_sequences(&runs, &mut found);
        repeats::find_signs(&runs, &mut found);
        self.personal.find(signs, &mut found);
        if let Some(old) = self.old {
            old::find(signs, old, &mut found);
        }
        let path = path::cheapest(signs, &mut found);
        Judgement { guesses_log10: path.cost.max(0.0), reasons: reason::reasons(&path, signs.len(), self.local) }
    }
}
