//! How little the new password differs from the old one: what a person who knows the old one needs to guess the new.

use super::{
    path::{Kind, RecognisedPart},
    repeats::ends,
    text::{Class, Sign},
};

/// Characters changed, added or dropped, or two neighbours exchanged, that still make it the old password.
const MOST_CHANGES: usize = 2;
/// The old password is judged by changes only from this length on; a shorter one is a few characters anyway.
const SHORTEST: usize = 5;
/// A shorter stretch in common is chance.
const SHORTEST_COMMON: usize = 4;
/// Only the numbers differ, or only their order of parts (log10).
const NUMBERS: f32 = 1.0;
/// One change: what and where (log10).
const CHANGE: f32 = 2.0;
/// A stretch of the old password: where it begins and ends (log10).
const COMMON: f32 = 1.7;

/// Finds the old password as a whole (over the whole new one), and stretches of it.
pub(super) fn find(new: &[Sign], old: &[Sign], found: &mut Vec<RecognisedPart>) {
    let mut whole = |cost| found.push(RecognisedPart { start: 0, end: new.len(), cost, kind: Kind::LikeTheOld });
    if old.len() >= SHORTEST && new.len() >= SHORTEST {
        if same_but_numbers(new, old) {
            whole(NUMBERS);
        }
        if let Some(changes) = changes(new, old) {
            #[expect(clippy::cast_precision_loss, reason = "at most two")]
            whole(CHANGE * changes as f32);
        }
    }
    find_common(new, old, found);
}

/// Are the letters and signs the same, whatever the numbers between them?
fn same_but_numbers(new: &[Sign], old: &[Sign]) -> bool {
    let (mut new, mut old) = (without_numbers(new).peekable(), without_numbers(old).peekable());
    let mut letters = 0;
    loop {
        match (new.next(), old.next()) {
            (None, None) => return letters >= 3,
            (Some(a), Some(b)) if a == b => letters += usize::from(a.is_alphabetic()),
            _ => return false,
        }
    }
}

fn without_numbers(signs: &[Sign]) -> impl Iterator<Item = char> {
    signs.iter().filter(|sign| sign.class != Class::Digit).map(|sign| sign.lower)
}

/// The fewest changes that make one of the other (optimal string alignment); `None` = more than [`MOST_CHANGES`].
fn changes(new: &[Sign], old: &[Sign]) -> Option<usize> {
    if new.len().abs_diff(old.len()) > MOST_CHANGES {
        return None;
    }
    let far = MOST_CHANGES + 1;
    let (mut before, mut above) = (vec![far; old.len() + 1], (0..=old.len()).collect::<Vec<usize>>());
    for (i, a) in new.iter().enumerate() {
        let mut row = vec![far; old.len() + 1];
        row[0] = i + 1;
        for (j, b) in old.iter().enumerate() {
            let swapped = i > 0 && j > 0 && a.lower == old[j - 1].lower && new[i - 1].lower == b.lower;
            row[j + 1] = (above[j] + usize::from(a.lower != b.lower)).min(above[j + 1] + 1).min(row[j] + 1).min(if swapped {
                before[j - 1] + 1
            } else {
                far
            });
        }
        (before, above) = (above, row);
    }
    above.last().copied().filter(|changes| *changes <= MOST_CHANGES)
}

/// Every stretch of four characters or more that stands in the old password too.
fn find_common(new: &[Sign], old: &[Sign], found: &mut Vec<RecognisedPart>) {
    let mut same = vec![0_usize; old.len() + 1];
    for start in (0..new.len()).rev() {
        // same[j]: how many characters from `start` in the new one equal those from `j` in the old one
        for j in 0..old.len() {
            same[j] = if new[start].lower == old[j].lower { same[j + 1] + 1 } else { 0 };
        }
        let longest = same.iter().copied().max().unwrap_or(0);
        for characters in ends(SHORTEST_COMMON, longest) {
            found.push(RecognisedPart { start, end: start + characters, cost: COMMON, kind: Kind::LikeTheOld });
        }
    }
}
