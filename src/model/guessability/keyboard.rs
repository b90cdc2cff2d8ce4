//! Walks over the keys of a Danish keyboard, or of an English one: `qwertyuiopå`, `asdfghjklæø`, `1qaz2wsx`, with Shift or without.

use zeroize::{Zeroize, Zeroizing};

use super::{
    path::{Kind, RecognisedPart},
    runs::Run,
};

/// Rows of keys, each also with Shift. Each row stands half a key to the right of the one above: a key touches two keys above, two below.
type Layout = [[&'static str; 2]; 4];
const DANISH: Layout = [
    ["½1234567890+´", "§!\"#¤%&/()=?`"],
    ["\0qwertyuiopå¨", "\0\0\0\0\0\0\0\0\0\0\0\0^"],
    ["\0asdfghjklæø'", "\0\0\0\0\0\0\0\0\0\0\0\0*"],
    ["<zxcvbnm,.-", ">\0\0\0\0\0\0\0;:_"],
];
const ENGLISH: Layout = [
    ["`1234567890-=", "~!@#$%^&*()_+"],
    ["\0qwertyuiop[]", "\0\0\0\0\0\0\0\0\0\0\0{}"],
    ["\0asdfghjkl;'", "\0\0\0\0\0\0\0\0\0\0:\""],
    ["\0zxcvbnm,./", "\0\0\0\0\0\0\0\0<>?"],
];
/// Keys of a shorter walk stand beside each other by chance; so do those of a short walk with a corner, such as `der`.
const SHORTEST: usize = 3;
const SHORTEST_TURNED: usize = 4;
/// A longer walk is taken as several, so that 256 characters are no pathological input.
const LONGEST: usize = 24;
/// Where to begin, and which way (log10).
const BEGIN: f32 = 1.6;
/// A corner: which way to go on, and after how many keys.
const TURN: f32 = 1.1;
/// Shift for some keys.
const SHIFTED: f32 = 0.4;
/// Keys pressed twice or more.
const DOUBLED: f32 = 0.3;

#[derive(Clone, Copy, PartialEq, Default)]
struct KeyPosition {
    row: i8,
    column: i8,
    shifted: bool,
}

impl Zeroize for KeyPosition {
    fn zeroize(&mut self) {
        *self = Self::default();
    }
}

/// Which way to the next key; `None` = not beside it.
fn direction(from: KeyPosition, to: KeyPosition) -> Option<(i8, i8)> {
    let step = (to.row - from.row, to.column - from.column);
    matches!(step, (0, 1 | -1) | (-1, 0 | 1) | (1, 0 | -1)).then_some(step)
}

/// Finds every walk of three keys or more, and each of its beginnings.
pub(super) fn find(runs: &[Run], found: &mut Vec<RecognisedPart>) {
    for layout in [&DANISH, &ENGLISH] {
        let keys: Zeroizing<Vec<Option<KeyPosition>>> = Zeroizing::new(runs.iter().map(|run| key(layout, run.lower)).collect());
        for start in 0..keys.len() {
            walk(runs, &keys, start, found);
        }
    }
}

fn walk(runs: &[Run], keys: &[Option<KeyPosition>], start: usize, found: &mut Vec<RecognisedPart>) {
    let (mut turns, mut way) = (0.0, None);
    let mut shifts = usize::from(keys[start].is_some_and(|key| key.shifted));
    let mut doubled = runs[start].len() > 1;
    for at in start + 1..keys.len().min(start + LONGEST) {
        let (Some(from), Some(to)) = (keys[at - 1], keys[at]) else { return };
        let Some(step) = direction(from, to) else { return };
        if way.is_some_and(|way| way != step) {
            turns += 1.0;
        }
        way = Some(step);
        shifts += usize::from(to.shifted);
        doubled |= runs[at].len() > 1;
        let length = at + 1 - start;
        if length >= if turns > 0.0 { SHORTEST_TURNED } else { SHORTEST } {
            let shifted = if shifts > 0 && shifts < length { SHIFTED } else { 0.0 };
            let cost = BEGIN + TURN * turns + shifted + if doubled { DOUBLED } else { 0.0 };
            found.push(RecognisedPart { start: runs[start].start, end: runs[at].end, cost, kind: Kind::Keyboard });
        }
    }
}

fn key(layout: &Layout, lower: char) -> Option<KeyPosition> {
    for (row, sides) in (0_i8..).zip(layout) {
        for (shifted, side) in [false, true].into_iter().zip(sides) {
            if let Some((column, _)) = (0_i8..).zip(side.chars()).find(|(_, c)| *c == lower && *c != '\0') {
                return Some(KeyPosition { row, column, shifted });
            }
        }
    }
    None
}
