//! Folds the lists of `lists/` and packs them into one automaton, `words.fst`, with the spellings of words that are not spelled as their key.

use std::{collections::BTreeMap, fs, path::Path};

use crate::{
    fold::folded,
    lists::{Entry, LONGEST_KEY, WordKind},
};

/// How the rank of a word in its list becomes guesses.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    /// By frequency: the tenth word takes ten guesses.
    Ranked,
    /// No order: each word takes as many guesses as the list has words.
    Flat,
}

/// File, kind and order. Where a word stands in several, the fewest guesses count, and the kind and spelling of the first.
const LISTS: &[(&str, WordKind, Order)] = &[
    ("calendar", WordKind::Calendar, Order::Ranked),
    ("clubs", WordKind::Club, Order::Ranked),
    ("handed-out", WordKind::HandedOut, Order::Ranked),
    ("phrases", WordKind::Phrase, Order::Flat),
    ("names", WordKind::Name, Order::Flat),
    ("names-js", WordKind::Name, Order::Flat),
    ("danish-places", WordKind::Place, Order::Ranked),
    ("towns", WordKind::Place, Order::Flat),
    ("countries", WordKind::Place, Order::Flat),
    ("danish-proper-names", WordKind::Name, Order::Flat),
    ("danish-proper-places", WordKind::Place, Order::Flat),
    ("danish", WordKind::Danish, Order::Ranked),
    ("danish-dictionary", WordKind::Danish, Order::Flat),
    ("world-cities", WordKind::Place, Order::Ranked),
    ("streets", WordKind::Place, Order::Flat),
    ("zxcvbn-female-names", WordKind::Name, Order::Ranked),
    ("zxcvbn-male-names", WordKind::Name, Order::Ranked),
    ("zxcvbn-english-wikipedia", WordKind::English, Order::Ranked),
    ("zxcvbn-us-tv-and-film", WordKind::English, Order::Ranked),
    ("zxcvbn-surnames", WordKind::Name, Order::Ranked),
    ("zxcvbn-passwords", WordKind::Password, Order::Ranked),
];
/// Words of a phrase that count as a phrase of their own.
const SHORTEST_RUN: usize = 3;

#[derive(Clone)]
struct Best {
    cost: f32,
    kind: WordKind,
    spelling: String,
}

/// Writes `words.fst` and `spellings.txt` to `out`.
pub fn pack(lists: &Path, out: &Path) {
    println!("cargo::rerun-if-changed={}", lists.display());
    let mut words: BTreeMap<Vec<u8>, Best> = BTreeMap::new();
    for (name, kind, order) in LISTS {
        let path = lists.join(format!("{name}.txt"));
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
        let lines = if *kind == WordKind::Phrase { runs(&lines) } else { lines.into_iter().map(str::to_owned).collect() };
        for (rank, line) in lines.iter().enumerate() {
            let guesses = if *order == Order::Ranked { rank + 1 } else { lines.len() };
            #[expect(clippy::cast_precision_loss, reason = "at most the length of a list")]
            add(&mut words, line, &Best { cost: (guesses as f32).log10(), kind: *kind, spelling: line.clone() });
        }
    }
    let mut spellings = String::from("\n");
    let mut automaton = fst::MapBuilder::memory();
    for (key, best) in &words {
        let spelling = if key == best.spelling.as_bytes() { 0 } else { spellings.len() };
        if spelling > 0 {
            spellings.push_str(&best.spelling);
            spellings.push('\n');
        }
        let spelling = u32::try_from(spelling).expect("a few megabytes");
        automaton.insert(key, Entry { cost: best.cost, kind: best.kind, spelling }.pack()).expect("the keys are sorted");
    }
    fs::write(out.join("words.fst"), automaton.into_inner().expect("in memory")).expect("OUT_DIR is writable");
    fs::write(out.join("spellings.txt"), spellings).expect("OUT_DIR is writable");
}

/// Each phrase, and each run of three words and more in it.
fn runs(phrases: &[&str]) -> Vec<String> {
    let mut out: Vec<String> = phrases.iter().map(|phrase| (*phrase).to_owned()).collect();
    for phrase in phrases {
        let words: Vec<&str> = phrase.split(' ').collect();
        let starts = 0..words.len().saturating_sub(SHORTEST_RUN - 1);
        out.extend(
            starts.flat_map(|start| (start + SHORTEST_RUN..=words.len()).map(move |end| start..end)).map(|run| words[run].join(" ")),
        );
    }
    out.sort();
    out.dedup();
    out
}

fn add(words: &mut BTreeMap<Vec<u8>, Best>, word: &str, new: &Best) {
    let shortened: String = word.chars().flat_map(char::to_lowercase).map(shortened).collect();
    for spelling in [folded(word), folded(&shortened)] {
        let key: Vec<u8> = spelling.bytes().filter(u8::is_ascii_alphanumeric).collect();
        let ascii = spelling.chars().filter(|c| c.is_alphanumeric()).all(|c| c.is_ascii());
        if !ascii || key.len() < 2 || key.len() > LONGEST_KEY {
            continue;
        }
        let known = words.entry(key).or_insert_with(|| new.clone());
        known.cost = known.cost.min(new.cost);
    }
}

/// The spelling that drops the second letter: æ→a, ø→o, å→a.
fn shortened(c: char) -> char {
    match c {
        'æ' | 'å' => 'a',
        'ø' => 'o',
        other => other,
    }
}
