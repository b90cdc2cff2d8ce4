//! What follows from what stands before it: the same again (`SommerSommer`, `aaaa`), the next in the alphabet or in counting (`abcd`, `2468`), and signs.

use zeroize::Zeroizing;

use super::{
    path::{Kind, RecognisedPart},
    runs::Run,
    text::{Class, Sign},
};

/// A shorter copy of something that does not stand right before it is chance.
const SHORTEST_COPY: usize = 3;
/// A shorter sequence is chance.
const SHORTEST_SEQUENCE: usize = 3;
const ALPHABET: &str = "abcdefghijklmnopqrstuvwxyzæøå";
/// The value of `a`; digits are below.
const LETTERS: i32 = 100;
/// The same once more; and how often, or from where.
const AGAIN: f32 = 0.3;
const FROM_ELSEWHERE: f32 = 0.9;

/// Finds copies. A place may copy from any earlier one; where it copies what stands right before it, it may go on doing so.
pub(super) fn find_copies(signs: &[Sign], found: &mut Vec<RecognisedPart>) {
    let length = signs.len();
    // same[at]: how many characters from `at` on equal those that stand `back` before.
    let mut longest = vec![(0_usize, 0_usize); length]; // (characters, how many of them may follow at once on their original)
    let mut same = vec![0_usize; length + 1];
    for back in 1..length {
        same[length] = 0;
        for at in (back..length).rev() {
            same[at] = if signs[at].lower == signs[at - back].lower { same[at + 1] + 1 } else { 0 };
            let (elsewhere, again) = &mut longest[at];
            *elsewhere = (*elsewhere).max(same[at]);
            if same[at] >= back {
                *again = (*again).max(same[at]);
            }
        }
    }
    for (start, (elsewhere, again)) in longest.into_iter().enumerate() {
        for characters in ends(1, elsewhere).chain(ends(1, again)) {
            let at_once = characters <= again;
            if at_once || characters >= SHORTEST_COPY {
                let cost = if at_once { AGAIN + times(characters) } else { FROM_ELSEWHERE };
                found.push(RecognisedPart { start, end: start + characters, cost, kind: Kind::Repeated });
            }
        }
    }
}

/// Where a stretch of that many characters may end: after each of the first, and at its end. A bound, so that 256 equal characters are no pathological input.
pub(super) fn ends(shortest: usize, longest: usize) -> impl Iterator<Item = usize> {
    const EACH: usize = 16;
    (shortest..=longest.min(EACH)).chain((longest > EACH).then_some(longest))
}

/// The more, the more numbers to choose from (log10): one more is nothing, ten more is ten.
fn times(characters: usize) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "at most 256")]
    let characters = characters as f32;
    characters.log10() / 2.0
}

/// Finds sequences: letters of the Danish alphabet by steps of one, digits by steps of one or two, up or down.
pub(super) fn find_sequences(runs: &[Run], found: &mut Vec<RecognisedPart>) {
    let values: Zeroizing<Vec<Option<i32>>> = Zeroizing::new(runs.iter().map(value).collect());
    for start in 0..runs.len() {
        let Some(first) = values[start] else { continue };
        let mut way = None;
        let mut doubled = runs[start].len() > 1;
        for at in start + 1..runs.len() {
            let (Some(before), Some(now)) = (values[at - 1], values[at]) else { break };
            let step = now - before;
            // 890: after nine comes nought
            let step = if step == -9 && runs[at].class == Class::Digit { 1 } else { step };
            let most = if first < LETTERS { 2 } else { 1 };
            if (now < LETTERS) != (first < LETTERS) || !(1..=most).contains(&step.abs()) {
                break;
            }
            if way.is_some_and(|way| way != step) {
                break;
            }
            way = Some(step);
            doubled |= runs[at].len() > 1;
            if at + 1 - start >= SHORTEST_SEQUENCE {
                let from = if matches!(first, 0 | 1 | 9 | LETTERS) { 0.5 } else { 1.1 };
                let cost = from + if step == 1 { 0.2 } else { 0.5 } + if doubled { 0.3 } else { 0.0 };
                found.push(RecognisedPart { start: runs[start].start, end: runs[at].end, cost, kind: Kind::Sequence });
            }
        }
    }
}

/// Digits from 0, letters from [`LETTERS`].
fn value(run: &Run) -> Option<i32> {
    if run.class == Class::Digit {
        return run.lower.to_digit(10).and_then(|digit| i32::try_from(digit).ok());
    }
    (LETTERS..).zip(ALPHABET.chars()).find(|(_, letter)| *letter == run.lower).map(|(value, _)| value)
}

/// Finds each sign, once or repeated: what stands between words and at the end.
pub(super) fn find_signs(runs: &[Run], found: &mut Vec<RecognisedPart>) {
    for (nth, run) in runs.iter().enumerate().filter(|(_, run)| run.class == Class::Punctuation) {
        let known = runs[..nth].iter().any(|before| before.lower == run.lower);
        let one = match run.lower {
            _ if known => 0.2,
            '!' | '.' | '-' | '_' | ' ' | '?' => 0.4,
            '#' | '*' | '@' | '&' | '+' | ',' | '$' | '/' | '%' | ':' | '(' | ')' => 0.9,
            _ => 1.2,
        };
        let cost = one + if run.len() > 1 { AGAIN } else { 0.0 };
        found.push(RecognisedPart { start: run.start, end: run.end, cost, kind: Kind::Signs });
    }
}
