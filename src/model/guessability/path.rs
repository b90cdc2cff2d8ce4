//! The cheapest way to put a password together from what the recognisers found: a shortest path over its characters.
//!
//! Guesses multiply, so their logarithms add up. Characters that nothing recognises are guessed one by one.

use super::{
    lists::WordKind,
    text::{Class, Sign},
    words::Spelling,
};

/// Each part after the first: the attacker has to guess of which kind it is.
const NEXT_PART: f32 = 0.5;
/// The third word and each one after it. Attackers join two words by how common both are; for three they take whole lists.
const THIRD_WORD: f32 = 2.0;
/// A Danish word of so few letters, and below this (log10 of its rank), joins others (`og`, `på`, `min`): it is not counted.
const JOINING: f32 = 2.1;
const JOINING_LENGTH: usize = 3;
/// A shorter word joins others, or is one by chance.
const SHORTEST_COUNTED: usize = 3;
/// From here on words are no longer counted.
const WORDS_COUNTED: usize = 2;
/// An unknown character of another class than the one before it, unless a capital begins a word: people change class between words, machines anywhere.
const OTHER_CLASS: f32 = 0.3;

/// What a recogniser found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// A word of a list, and where its spelling stands.
    Word(WordKind, Spelling),
    Keyboard,
    Sequence,
    Year,
    Date,
    /// The same as what stands before it.
    Repeated,
    Personal,
    LikeTheOld,
    /// A sign or the same sign repeated, between two parts or at an end.
    Signs,
    /// One or two digits at the end.
    Ending,
    /// Characters without a pattern.
    Unknown,
}

/// A stretch of the password that a recogniser knows, and the guesses it takes (log10).
#[derive(Debug, Clone, Copy)]
pub(super) struct RecognisedPart {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) cost: f32,
    pub(super) kind: Kind,
}

/// The cheapest way.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) cost: f32,
    pub(super) parts: Vec<RecognisedPart>,
}

/// The cheapest way to a place in the password with a number of words, ending in a known part or in unknown characters.
#[derive(Clone, Copy)]
struct Way {
    cost: f32,
    /// Index of the last part in `found`; `None` = unknown characters.
    part: Option<usize>,
    /// Where the last part starts, and the way to there.
    start: usize,
    before: State,
}

#[derive(Clone, Copy, PartialEq)]
struct State {
    words: usize,
    unknown: bool,
}

/// All ways to one place, by state.
#[derive(Clone, Copy)]
struct WaysTo([[Way; 2]; WORDS_COUNTED + 1]);

const START: State = State { words: 0, unknown: false };
const UNREACHED: Way = Way { cost: f32::INFINITY, part: None, start: 0, before: START };

impl WaysTo {
    fn way(&self, state: State) -> &Way {
        &self.0[state.words][usize::from(state.unknown)]
    }

    fn improve(&mut self, state: State, way: Way) {
        let known = &mut self.0[state.words][usize::from(state.unknown)];
        if way.cost < known.cost {
            *known = way;
        }
    }
}

fn states() -> impl Iterator<Item = State> {
    (0..=WORDS_COUNTED).flat_map(|words| [false, true].map(|unknown| State { words, unknown }))
}

/// Finds it. `found` is put in order of place.
pub(super) fn cheapest(signs: &[Sign], found: &mut [RecognisedPart]) -> Path {
    found.sort_unstable_by_key(|found| found.start);
    let mut places = vec![WaysTo([[UNREACHED; 2]; WORDS_COUNTED + 1]); signs.len() + 1];
    places[0].improve(START, Way { cost: 0.0, ..UNREACHED });
    let mut next = 0;
    for at in 0..signs.len() {
        let here = places[at];
        while let Some(part) = found.get(next).filter(|part| part.start == at) {
            for before in states().filter(|state| here.way(*state).cost.is_finite()) {
                let (words, more) = counted(before.words, part);
                let part_cost = if at == 0 || matches!(part.kind, Kind::Signs | Kind::Ending) { 0.0 } else { NEXT_PART };
                let cost = here.way(before).cost + part.cost + part_cost + more;
                places[part.end].improve(State { words, unknown: false }, Way { cost, part: Some(next), start: at, before });
            }
            next += 1;
        }
        let one = unknown_cost(signs[at]);
        for before in states().filter(|state| here.way(*state).cost.is_finite()) {
            let way = here.way(before);
            let state = State { unknown: true, ..before };
            let begun = if before.unknown {
                Way { cost: way.cost + one + class_change(signs, at), ..*way }
            } else {
                Way { cost: way.cost + one + if at == 0 { 0.0 } else { NEXT_PART }, part: None, start: at, before }
            };
            places[at + 1].improve(state, begun);
        }
    }
    read_back(&places, found)
}

fn read_back(places: &[WaysTo], found: &[RecognisedPart]) -> Path {
    let mut end = places.len() - 1;
    let last = &places[end];
    let mut state = states().min_by(|a, b| last.way(*a).cost.total_cmp(&last.way(*b).cost)).unwrap_or(START);
    let cost = last.way(state).cost;
    let mut parts = Vec::new();
    while end > 0 {
        let way = places[end].way(state);
        parts.push(way.part.map_or(RecognisedPart { start: way.start, end, cost: 0.0, kind: Kind::Unknown }, |part| found[part]));
        (end, state) = (way.start, way.before);
    }
    parts.reverse();
    Path { cost, parts }
}

/// How many words there are with this part, and what the new one adds.
fn counted(words: usize, part: &RecognisedPart) -> (usize, f32) {
    let length = part.end - part.start;
    match part.kind {
        Kind::Word(WordKind::Danish, _) if length <= JOINING_LENGTH && part.cost < JOINING => (words, 0.0),
        Kind::Word(..) if length < SHORTEST_COUNTED => (words, 0.0),
        Kind::Word(..) if words == WORDS_COUNTED => (words, THIRD_WORD),
        Kind::Word(..) => (words + 1, 0.0),
        Kind::Keyboard
        | Kind::Sequence
        | Kind::Year
        | Kind::Date
        | Kind::Repeated
        | Kind::Personal
        | Kind::LikeTheOld
        | Kind::Signs
        | Kind::Ending
        | Kind::Unknown => (words, 0.0),
    }
}

/// Guesses for one character without a pattern (log10): ten for a letter, since people choose even unknown words so that they can be spoken.
fn unknown_cost(sign: Sign) -> f32 {
    match sign.class {
        Class::Lower | Class::Upper | Class::Digit if sign.lower.is_ascii() => 1.0,
        Class::Lower | Class::Upper | Class::Digit | Class::Punctuation => 1.2,
        Class::Other => 1.7,
    }
}

fn class_change(signs: &[Sign], at: usize) -> f32 {
    let (before, here) = (signs[at - 1].class, signs[at].class);
    if before == here || (before == Class::Upper && here == Class::Lower) { 0.0 } else { OTHER_CLASS }
}
