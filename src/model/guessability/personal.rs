//! What belongs to one person: names, account, department, office, phone, birthday. An attacker who aims at them tries these first.

use super::{
    digits,
    path::{Kind, RecognisedPart},
    text::{Sign, key},
};

/// Words and numbers that are looked for; what comes beyond is left out, so that the time has a bound.
const MOST_WORDS: usize = 96;
const MOST_NUMBERS: usize = 24;
/// Longest number, digits; the rest is cut off.
const LONGEST_NUMBER: usize = 12;
const MOST_ATTRIBUTES: usize = 48;
/// Longest attribute, characters; the rest is cut off.
const LONGEST_ATTRIBUTE: usize = 96;
/// Longest word, letters; the rest is cut off.
const LONGEST: usize = 32;
/// Characters compared for one password, shared evenly by its characters, and most from one of them.
const STEPS: usize = 40_000;
const STEPS_FROM_ONE: usize = 3_000;
/// A shorter word stands in every password.
const SHORTEST: usize = 3;
/// A shorter number stands in every password.
const SHORTEST_NUMBER: usize = 4;
/// So much of the beginning of a name is the name: `Chris` of Christian.
const SHORTEST_BEGINNING: usize = 4;
/// Fewest guesses for something personal (log10).
const CHEAPEST: f32 = 1.0;
/// The same in the other case, with letters exchanged or pulled apart (log10).
const CHANGED: f32 = 0.4;

/// The words and numbers of one person, folded.
#[derive(Debug, Default)]
pub(super) struct Personal {
    words: Vec<Vec<u8>>,
    numbers: Vec<Vec<u8>>,
}

impl Personal {
    /// Takes attributes as AD has them. A date in any order that [`digits`] reads stands for the date in all of them.
    pub(super) fn new(attributes: &[&str]) -> Self {
        let mut personal = Self::default();
        for attribute in attributes.iter().take(MOST_ATTRIBUTES) {
            let end = attribute.char_indices().nth(LONGEST_ATTRIBUTE).map_or(attribute.len(), |(end, _)| end);
            let attribute = &attribute[..end];
            let parts: Vec<&str> = attribute.split(|c: char| !c.is_alphanumeric()).collect();
            for part in parts.iter().copied().chain([attribute]).take(MOST_WORDS) {
                let letters = part.chars().any(char::is_alphabetic);
                for mut key in keys(part).into_iter().filter(|_| letters) {
                    key.truncate(LONGEST);
                    personal.words.push(key);
                }
            }
            let digits: Vec<u8> = attribute.bytes().filter(u8::is_ascii_digit).take(LONGEST_NUMBER).collect();
            personal.numbers.extend(birthdays(&digits));
            personal.numbers.push(digits);
        }
        for words in [&mut personal.words, &mut personal.numbers] {
            words.sort_unstable();
            words.dedup();
        }
        personal.numbers.retain(|number| number.len() >= SHORTEST_NUMBER);
        personal.words.truncate(MOST_WORDS);
        personal.numbers.truncate(MOST_NUMBERS);
        personal
    }

    /// Finds every word, the beginnings of long ones, and every part of four digits or more of a number.
    pub(super) fn find(&self, signs: &[Sign], found: &mut Vec<RecognisedPart>) {
        #[expect(clippy::cast_precision_loss, reason = "at most 120")]
        let cost = ((self.words.len() + self.numbers.len()) as f32).log10().max(CHEAPEST);
        let from_each = (STEPS / signs.len().max(1)).min(STEPS_FROM_ONE);
        let mut ends: Vec<(usize, f32)> = Vec::new();
        for start in 0..signs.len() {
            let mut steps = from_each;
            for word in &self.words {
                let read = compare(signs, start, word, &mut steps);
                let changed = if read.changed { CHANGED } else { 0.0 };
                if read.letters == word.len() {
                    ends.push((read.end, cost + changed));
                } else if read.letters >= SHORTEST_BEGINNING && read.letters * 2 >= word.len() {
                    ends.push((read.end, cost + CHANGED + changed));
                }
            }
            for number in &self.numbers {
                for from in 0..=number.len() - SHORTEST_NUMBER {
                    let read = compare(signs, start, &number[from..], &mut steps);
                    if read.letters >= SHORTEST_NUMBER {
                        ends.push((read.end, cost + if read.changed || from > 0 { CHANGED } else { 0.0 }));
                    }
                }
            }
            // Of what ends at the same place only the cheapest.
            ends.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
            ends.dedup_by_key(|(end, _)| *end);
            found.extend(ends.drain(..).map(|(end, cost)| RecognisedPart { start, end, cost, kind: Kind::Personal }));
        }
    }
}

/// How much of a word stands at a place.
struct Read {
    letters: usize,
    end: usize,
    changed: bool,
}

fn compare(signs: &[Sign], start: usize, word: &[u8], steps: &mut usize) -> Read {
    let mut read = Read { letters: 0, end: start, changed: false };
    let mut skipped = false;
    for (at, sign) in signs.iter().enumerate().skip(start) {
        let Some(wanted) = word.get(read.letters).copied() else { break };
        let Some(left) = steps.checked_sub(1) else { break };
        *steps = left;
        let literal = sign.letters.iter().take_while(|letter| **letter > 0).count();
        if literal > 0 && word[read.letters..].starts_with(&sign.letters[..literal]) {
            read.letters += literal;
        } else if sign.stands_for.contains(&wanted) {
            read.letters += 1;
            read.changed = true;
        } else if sign.separates() && read.letters > 0 {
            skipped = true;
            continue;
        } else {
            break;
        }
        read.changed |= skipped;
        read.end = at + 1;
    }
    read
}

/// The keys of a word: written out (`soeren`) and shortened (`soren`).
pub(super) fn keys(word: &str) -> Vec<Vec<u8>> {
    let shortened: String = word
        .chars()
        .map(|c| match c {
            'æ' | 'å' | 'Æ' | 'Å' => 'a',
            'ø' | 'Ø' => 'o',
            other => other,
        })
        .collect();
    let mut keys: Vec<Vec<u8>> = [word, &shortened].into_iter().filter_map(key).filter(|key| key.len() >= SHORTEST).collect();
    keys.dedup();
    keys
}

/// The ways to write a birthday that eight or six digits (or the first six of a CPR number) tell.
fn birthdays(digits: &[u8]) -> Vec<Vec<u8>> {
    let text = String::from_utf8_lossy(digits).into_owned();
    let dates: Vec<(String, String, String)> = match text.len() {
        8 => [(&text[..4], &text[4..6], &text[6..]), (&text[4..], &text[2..4], &text[..2])].map(owned).into(),
        6 | 10 => [(&text[4..6], &text[2..4], &text[..2])].map(owned).into(),
        _ => Vec::new(),
    };
    let exists = |(year, month, day): &(String, String, String)| {
        let number = |text: &str| text.parse().ok();
        digits::Date { day: number(day), month: number(month), year: number(year) }.exists(2100)
    };
    let ways = |(year, month, day): (String, String, String)| {
        let short = &year[year.len() - 2..];
        let century = if year.len() == 4 { vec![year.clone()] } else { vec![format!("19{year}"), format!("20{year}")] };
        let mut ways =
            vec![format!("{day}{month}"), format!("{month}{day}"), format!("{day}{month}{short}"), format!("{short}{month}{day}")];
        for year in century {
            ways.extend([format!("{day}{month}{year}"), format!("{year}{month}{day}"), year]);
        }
        ways
    };
    dates.into_iter().filter(exists).flat_map(ways).map(String::into_bytes).collect()
}

fn owned((year, month, day): (&str, &str, &str)) -> (String, String, String) {
    (year.to_owned(), month.to_owned(), day.to_owned())
}
