//! Finds the words of the lists in a password: in any case, folded, with digits and signs for letters, or backwards.
//!
//! The lists are one automaton over static bytes. Walking it allocates nothing, and the number of steps has a limit for each password.

use std::{fmt, sync::LazyLock};

use fst::raw::{CompiledAddr, Fst, Output};

use super::{
    lists::{Entry, LONGEST_KEY, WordKind},
    path::{Kind, RecognisedPart},
    text::Sign,
};

static WORDS: LazyLock<Fst<&'static [u8]>> =
    LazyLock::new(|| Fst::new(include_bytes!(concat!(env!("OUT_DIR"), "/words.fst")).as_slice()).expect("the build script wrote it"));
static SPELLINGS: &str = include_str!(concat!(env!("OUT_DIR"), "/spellings.txt"));

/// Steps through the automaton for one password and direction, shared evenly by its characters.
const STEPS: usize = 16_000;
/// Most steps from one character.
const STEPS_FROM_ONE: usize = 1_000;
/// No word takes fewer guesses than this (log10): short common words would take random characters apart.
const CHEAPEST: f32 = 1.4;
/// A shorter word backwards is a word by chance.
const SHORTEST_BACKWARDS: usize = 4;
/// Most letters exchanged in one word.
const MAX_EXCHANGED: u8 = 5;
/// Danish endings that a stem may take: the dictionary lists stems.
const ENDINGS: [&[u8]; 14] = [b"s", b"e", b"n", b"r", b"t", b"en", b"et", b"er", b"ne", b"te", b"ens", b"ets", b"erne", b"ede"];

/// Where the spelling of a word stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Spelling {
    /// At this byte of the spellings of the built-in lists.
    BuiltIn(u32),
    /// In lower case, letter by letter: the key.
    Key([u8; LONGEST_KEY]),
    /// This word of the municipality's.
    Local(u32),
}

impl Spelling {
    /// The word in its own spelling. Nothing of the password: only what stands in a list.
    pub(super) fn word(self, local: &LocalWords) -> String {
        match self {
            Self::BuiltIn(at) => SPELLINGS.get(at as usize..).and_then(|rest| rest.lines().next()).unwrap_or_default().to_owned(),
            Self::Key(letters) => letters.iter().take_while(|letter| **letter > 0).map(|letter| char::from(*letter)).collect(),
            Self::Local(at) => local.words.get(at as usize).cloned().unwrap_or_default(),
        }
    }
}

/// The municipality's own words: its name, schools, streets, systems. Made once, when the configuration is read.
#[derive(Clone, Default)]
pub struct LocalWords {
    words: Vec<String>,
    automaton: Option<Fst<Vec<u8>>>,
}

impl LocalWords {
    /// Takes words as people write them. A word of fewer than three letters is left out: it would stand in every password.
    pub fn new<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
        #[expect(clippy::cast_precision_loss, reason = "a few thousand words")]
        let cost = (words.len() as f32).log10().max(CHEAPEST);
        let mut keys: Vec<(Vec<u8>, u64)> = Vec::new();
        for (at, word) in words.iter().enumerate() {
            let spelling = u32::try_from(at).unwrap_or(u32::MAX);
            for key in super::personal::keys(word).into_iter().filter(|key| key.len() <= LONGEST_KEY) {
                keys.push((key, Entry { cost, kind: WordKind::Local, spelling }.pack()));
            }
        }
        keys.sort_unstable();
        keys.dedup_by(|b, a| a.0 == b.0);
        let mut builder = fst::raw::Builder::memory();
        for (key, value) in keys {
            builder.insert(key, value).expect("sorted and each once");
        }
        let automaton = (!words.is_empty()).then(|| Fst::new(builder.into_inner().expect("in memory")).expect("just built"));
        Self { words, automaton }
    }

    /// True if there is no word.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }
}

impl PartialEq for LocalWords {
    fn eq(&self, other: &Self) -> bool {
        self.words == other.words
    }
}

impl Eq for LocalWords {}

impl fmt::Debug for LocalWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalWords({})", self.words.len())
    }
}

/// Finds every word.
pub(super) fn find(signs: &[Sign], local: &LocalWords, found: &mut Vec<RecognisedPart>) {
    for backwards in [false, true] {
        walk(&WORDS, signs, backwards, found);
        if let Some(automaton) = &local.automaton {
            walk(automaton, signs, backwards, found);
        }
    }
}

fn walk<D: AsRef<[u8]>>(automaton: &Fst<D>, signs: &[Sign], backwards: bool, found: &mut Vec<RecognisedPart>) {
    let from_each = (STEPS / signs.len().max(1)).min(STEPS_FROM_ONE);
    for start in 0..signs.len() {
        let mut walk = Walk { automaton, signs, start, backwards, steps: from_each, key: [0; LONGEST_KEY], found };
        let root = automaton.root();
        walk.from(TrieNode { node: root.addr(), output: Output::zero(), read: 0, letters: 0, exchanged: 0 });
    }
}

/// All words that begin at one character. Letters as they are written come first, so that a limit cuts off only exchanged ones.
struct Walk<'a, D> {
    automaton: &'a Fst<D>,
    signs: &'a [Sign],
    start: usize,
    backwards: bool,
    steps: usize,
    key: [u8; LONGEST_KEY],
    found: &'a mut Vec<RecognisedPart>,
}

/// How far a walk has come.
#[derive(Clone, Copy)]
struct TrieNode {
    node: CompiledAddr,
    output: Output,
    /// Characters of the password.
    read: usize,
    /// Letters of the key.
    letters: usize,
    exchanged: u8,
}

impl<D: AsRef<[u8]>> Walk<'_, D> {
    fn sign(&self, read: usize) -> Option<Sign> {
        let at = if self.backwards { self.start.checked_sub(read)? } else { self.start + read };
        self.signs.get(at).copied()
    }

    fn from(&mut self, place: TrieNode) {
        let Some(sign) = self.sign(place.read) else { return };
        let read = place.read + 1;
        if let Some(next) = self.step(TrieNode { read, ..place }, sign.letters) {
            self.arrive(next);
        }
        if place.exchanged < MAX_EXCHANGED {
            for letter in sign.stands_for.into_iter().filter(|letter| *letter > 0) {
                if let Some(next) = self.step(TrieNode { read, exchanged: place.exchanged + 1, ..place }, [letter, 0]) {
                    self.arrive(next);
                }
            }
        }
    }

    /// Follows one or two letters.
    fn step(&mut self, mut place: TrieNode, letters: [u8; 2]) -> Option<TrieNode> {
        if letters[0] == 0 {
            return None;
        }
        for letter in letters.into_iter().filter(|letter| *letter > 0) {
            self.steps = self.steps.checked_sub(1)?;
            let node = self.automaton.node(place.node);
            let transition = node.transition(node.find_input(letter)?);
            *self.key.get_mut(place.letters)? = letter;
            place = TrieNode { node: transition.addr, output: place.output.cat(transition.out), letters: place.letters + 1, ..place };
        }
        Some(place)
    }

    fn arrive(&mut self, place: TrieNode) {
        let node = self.automaton.node(place.node);
        if node.is_final() {
            self.add(place, Entry::unpack(place.output.cat(node.final_output()).value()));
        }
        self.from(place);
    }

    fn add(&mut self, place: TrieNode, entry: Entry) {
        let range = if self.backwards { self.start + 1 - place.read..self.start + 1 } else { self.start..self.start + place.read };
        // As in `fold`: a word of which most is digits and signs is no word.
        if (self.backwards && place.letters < SHORTEST_BACKWARDS) || usize::from(place.exchanged) * 2 > place.letters {
            return;
        }
        let spelling = if entry.kind == WordKind::Local {
            Spelling::Local(entry.spelling)
        } else if entry.spelling > 0 {
            Spelling::BuiltIn(entry.spelling)
        } else {
            let mut key = [0; LONGEST_KEY];
            key[..place.letters].copy_from_slice(&self.key[..place.letters]);
            Spelling::Key(key)
        };
        let spelled = case_cost(&self.signs[range.clone()], entry.kind)
            + if place.exchanged > 0 { 0.3 + 0.3 * f32::from(place.exchanged) } else { 0.0 }
            + if self.backwards { 0.4 } else { 0.0 };
        let found = RecognisedPart {
            start: range.start,
            end: range.end,
            cost: entry.cost.max(CHEAPEST) + spelled,
            kind: Kind::Word(entry.kind, spelling),
        };
        self.found.push(found);
        if !self.backwards && place.letters >= 4 {
            self.add_endings(found);
        }
    }

    /// The word with a Danish ending, where the ending ends the word.
    fn add_endings(&mut self, stem: RecognisedPart) {
        for ending in ENDINGS {
            let end = stem.end + ending.len();
            let Some(signs) = self.signs.get(stem.end..end) else { continue };
            let ends = self.signs.get(end).is_none_or(|next| !next.is_letter() || next.class == super::text::Class::Upper);
            if (ends || ending == b"s") && signs.iter().zip(ending).all(|(sign, letter)| sign.letters == [*letter, 0]) {
                self.found.push(RecognisedPart { end, cost: stem.cost + 0.6, ..stem });
            }
        }
    }
}

/// Guesses for upper and lower case (log10). A capital at the start is what nearly everybody writes.
fn case_cost(signs: &[Sign], kind: WordKind) -> f32 {
    use super::text::Class;
    let count = |class| signs.iter().filter(|sign| sign.class == class).count();
    let (upper, lower) = (count(Class::Upper), count(Class::Lower));
    if upper == 0 {
        return 0.0;
    }
    if kind == WordKind::Phrase {
        return 0.3; // a capital for each word, or the first
    }
    if upper == 1 && signs.first().is_some_and(|sign| sign.class == Class::Upper) {
        return 0.1;
    }
    if lower == 0 {
        return 0.3;
    }
    // All ways to choose as many capitals or fewer, as zxcvbn counts them.
    let letters = upper + lower;
    let (mut ways, mut all) = (1.0_f32, 0.0_f32);
    for chosen in 0..upper.min(lower) {
        #[expect(clippy::cast_precision_loss, reason = "at most 256")]
        let (left, next) = ((letters - chosen) as f32, (chosen + 1) as f32);
        ways *= left / next;
        all += ways;
    }
    all.max(2.0).log10().min(4.0)
}
