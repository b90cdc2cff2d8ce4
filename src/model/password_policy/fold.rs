//! Search for a word in a password in any spelling that a person would recognise: case, æøå written out, accents, digits and signs in place
//! of letters.
//!
//! The script of the change form (static/src/site.js) implements the same; a test compares the two.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Words of this length occur in too many other words. A name of this length counts only at the beginning of a word.
const SHORT: usize = 3;
/// In words up to this length, a substituted letter counts only at the beginning of a word.
const MEDIUM: usize = 4;

/// One character in the form that is compared.
#[derive(Debug, Clone, Copy)]
struct Glyph {
    /// Lower case, without accents. `æ`, `ø`, `å` and `ß` give two glyphs, `ae`, `oe`, `aa` and `ss`.
    c: char,
    /// The first character, or one after a non-letter, or an upper-case letter after a lower-case one.
    begins_word: bool,
}

/// Folds a text for comparison: compatibility forms joined, lower case, æ→ae ø→oe å→aa, accents dropped.
#[must_use]
pub fn folded(text: &str) -> String {
    glyphs(text).into_iter().map(|glyph| glyph.c).collect()
}

fn glyphs(text: &str) -> Vec<Glyph> {
    let mut out = Vec::with_capacity(text.len());
    let mut before: Option<char> = None;
    for c in text.nfkc() {
        if is_combining_mark(c) {
            continue;
        }
        let mut begins_word = before.is_none_or(|before| !before.is_alphabetic() || (before.is_lowercase() && c.is_uppercase()));
        before = Some(c);
        for lower in c.to_lowercase() {
            push(&mut out, lower, &mut begins_word);
        }
    }
    out
}

fn push(out: &mut Vec<Glyph>, lower: char, begins_word: &mut bool) {
    let mut add = |c| out.push(Glyph { c, begins_word: std::mem::take(begins_word) });
    if let Some(letters) = written_out(lower) {
        letters.chars().for_each(add);
        return;
    }
    // A letter without its accent may be a Danish letter: ǿ is an ø.
    for base in std::iter::once(lower).nfd().filter(|c| !is_combining_mark(*c)) {
        match written_out(base) {
            Some(letters) => letters.chars().for_each(&mut add),
            None => add(base),
        }
    }
}

fn written_out(c: char) -> Option<&'static str> {
    match c {
        'æ' | 'ä' => Some("ae"),
        'ø' | 'ö' => Some("oe"),
        'å' => Some("aa"),
        'ü' => Some("u"),
        'ß' => Some("ss"),
        _ => None,
    }
}

/// The spelling that drops the second letter: æ→a, ø→o, å→a.
fn shortened(text: &str) -> String {
    text.nfc()
        .flat_map(char::to_lowercase)
        .map(|c| match c {
            'æ' | 'å' => 'a',
            'ø' => 'o',
            other => other,
        })
        .collect()
}

/// The letters that a digit or sign can replace.
fn stands_for(c: char) -> &'static [char] {
    match c {
        '0' => &['o'],
        '1' | '!' | '|' => &['i', 'l'],
        '3' | '€' => &['e'],
        '4' | '@' => &['a'],
        '5' | '$' => &['s'],
        '7' => &['t'],
        '8' => &['b'],
        _ => &[],
    }
}

/// A match at one position.
struct WordMatch {
    digits: usize,
    exchanged: usize,
    /// `l` in place of `i`, or the reverse. Counts only in words above [`MEDIUM`].
    swapped: bool,
}

/// True if the password contains the word in any spelling. A word that folds to fewer than 3 characters is never found, because it would be
/// in every password.
#[must_use]
pub fn contains_folded(password: &str, word: &str) -> bool {
    holds(password, word, false)
}

/// True if the password contains the name. Like [`contains_folded`], but a name of three letters counts only at the beginning of a word:
/// `ase2026` contains Åse, `Vase` does not.
#[must_use]
pub fn contains_name(password: &str, name: &str) -> bool {
    holds(password, name, true)
}

fn holds(password: &str, word: &str, is_name: bool) -> bool {
    let password = glyphs(password);
    [folded(word), folded(&shortened(word))].iter().any(|word| {
        let word: Vec<char> = word.chars().collect();
        word.len() >= SHORT && (0..password.len()).any(|at| is_at(&password, at, &word, is_name))
    })
}

/// A digit counts as a letter only if its whole number lies within the word (`s0ren`, but not `2013` for `ole`). At most half of the word
/// may be digits.
fn is_at(password: &[Glyph], at: usize, word: &[char], is_name: bool) -> bool {
    let Some(found) = compared(password, at, word) else { return false };
    let begins = password[at].begins_word;
    found.digits * 2 <= word.len()
        && (!found.swapped || word.len() > MEDIUM)
        && (found.exchanged == 0 || word.len() > MEDIUM || begins)
        && (!is_name || word.len() > SHORT || begins)
}

fn compared(password: &[Glyph], at: usize, word: &[char]) -> Option<WordMatch> {
    let place = password.get(at..at + word.len())?;
    let mut found = WordMatch { digits: 0, exchanged: 0, swapped: false };
    for (offset, (glyph, letter)) in place.iter().zip(word).enumerate() {
        if glyph.c == *letter {
            continue;
        }
        if stands_for(glyph.c).contains(letter) {
            if glyph.c.is_ascii_digit() {
                if !whole_number_within(password, at + offset, at..at + word.len()) {
                    return None;
                }
                found.digits += 1;
            }
        } else if matches!((glyph.c, letter), ('l', 'i') | ('i', 'l')) {
            found.swapped = true;
        } else {
            return None;
        }
        found.exchanged += 1;
    }
    Some(found)
}

/// True if the number that contains the digit begins and ends within the range.
fn whole_number_within(password: &[Glyph], digit: usize, range: std::ops::Range<usize>) -> bool {
    let is_digit = |glyph: &Glyph| glyph.c.is_ascii_digit();
    let start = digit - password[..digit].iter().rev().take_while(|glyph| is_digit(glyph)).count();
    let end = digit + password[digit..].iter().take_while(|glyph| is_digit(glyph)).count();
    start >= range.start && end <= range.end
}

#[cfg(test)]
mod tests {
    use crate::model::password_policy::fold::*;

    /// Name, password, whether the password contains the name, reason.
    const NAMES: &[(&str, &str, bool, &str)] = &[
        // digits are years and numbers, not letters
        ("Ole", "Grøn-Hest-Bord-2013", false, "a year"),
        ("Lea", "Grøn-Hest-Bord-1345", false, "a number"),
        ("Ali", "Grøn-Hest-Bord-4411", false, "a number"),
        ("Ole", "Bord-013", false, "a number alone is no name"),
        ("Ali", "Bord-411", false, "a number alone is no name"),
        ("Bobo", "Hest-8080-Bord", false, "a number alone is no name"),
        ("Asta", "Hest-4574", false, "a number alone is no name"),
        ("Sia", "Hest5147", false, "part of a number"),
        ("Ali", "Festsal12-Bord", false, "the 1 belongs to 12, and sal is another word"),
        ("Lise", "Pli53-Hest", false, "the 5 and 3 are one number of which most would be name: pli is another word"),
        ("Tea", "Hest-734", false, "a number"),
        ("Eli", "Hest-3112", false, "part of a number"),
        ("Otto", "Hest-0770-Bord", false, "a number alone is no name"),
        ("Lasse", "Ballasse", true, "five letters are recognised anywhere"),
        // l and i are two letters
        ("Kai", "Kalender-Bord-77", false, "l is no i in a short name"),
        ("Ida", "Lda-Hest-99", false, "l is no i in a short name"),
        ("Eli", "Ell-Hest-99", false, "l is no i in a short name"),
        ("Emil", "Emll-Hest-99", false, "l is no i in a short name"),
        ("Lilian", "lllian", true, "in a long name it is recognised"),
        // substituted letters that are recognised
        ("Søren", "xxs0renxx", true, "one digit for a letter"),
        ("Søren", "xx$0r3nxx", true, "digits and signs for letters"),
        ("Søren", "S0R3N2026", true, "the 0 and 3 stand alone"),
        ("Ole", "0le-Hest-Bord", true, "begins a word"),
        ("Ole", "Ol3-Hest-Bord", true, "one digit, begins a word"),
        ("Ole", "01e-Hest-Bord", false, "two of three are digits"),
        ("Ole", "Sk0le-Hest", false, "another word"),
        ("Lea", "L3a!Hest", true, "one digit, begins a word"),
        ("Lea", "Hest-l3@", true, "a digit and a sign, begins a word"),
        ("Ali", "Al1-Hest-Bord", true, "one digit, begins a word"),
        ("Ali", "@li-Hest-Bord", true, "a sign, begins a word"),
        ("Ali", "Hal1-Hest", false, "another word"),
        ("Kim", "K1m2026", true, "one digit, begins a word"),
        ("Kimmi", "K1MM1!", true, "digits for letters"),
        ("Bente", "8ente-Hest", true, "one digit"),
        ("Hans", "H4n5-Bord", true, "two of four, begins a word"),
        ("Hans", "Chan5on", false, "another word"),
        ("Tobias", "7ob1as", true, "digits for letters"),
        ("Ærø", "4ERØ", true, "one digit for the a of ae"),
        // case, accents, æøå
        ("Søren", "xxSØRENxx", true, "case"),
        ("Søren", "xxSoerenxx", true, "ø written out"),
        ("Søren", "xxsorenxx", true, "ø as o"),
        ("Søren", "xxso\u{0308}renxx", true, "a decomposed ö"),
        ("Søren", "Sǿren2026", true, "an accent on ø"),
        ("Åse", "Aase2026", true, "å written out"),
        ("Åse", "ase2026", true, "å as a, begins a word"),
        ("Åse", "A\u{030A}se2026", true, "decomposed"),
        ("Aase", "Åse2026", true, "å for aa"),
        ("Åse", "Vase-Hest-Bord", false, "another word"),
        ("Åse", "Kasse-Hest", false, "another word"),
        ("Åse", "hest-Ase-bord", true, "begins a word"),
        ("Ærø", "aeroe", true, "written out"),
        ("Ærø", "aro", true, "shortened"),
        ("Ærø", "Ǽrø2026", true, "an accent on æ"),
        ("René", "Rene99", true, "without the accent"),
        ("Kommune", "ＫＯＭＭＵＮＥ", true, "wide letters"),
        // short names in other words
        ("Ole", "Skole-Hest-99", false, "another word"),
        ("Ole", "Hest-Ole-99", true, "begins a word"),
        ("Ole", "hestOle99", true, "a capital begins a word"),
        ("Eva", "Medievalg-99", false, "another word"),
        ("Eva", "Hest7eva", true, "begins a word behind a digit"),
        ("Per", "Super-Hest", false, "another word"),
        ("Ida", "Fridag-Hest", false, "another word"),
        ("Jan", "Trojan-Hest", false, "another word"),
        ("Anna", "Hosianna-Hest", true, "four letters are recognised anywhere"),
        // other names
        ("Aage", "manager", false, "another word"),
        ("Bo", "kaffebo", false, "two letters are in every password"),
        ("Sørensen", "sommer", false, "another word"),
        ("", "x", false, "no name"),
    ];

    #[test]
    fn a_name_is_found_where_a_person_would_recognise_it_and_nowhere_else() {
        for (name, password, expected, why) in NAMES {
            assert_eq!(contains_name(password, name), *expected, "{name} in {password}: {why}");
        }
        assert!(NAMES.len() >= 60);
    }

    #[test]
    fn a_forbidden_word_is_found_anywhere_but_not_in_numbers() {
        for (password, word, expected) in [
            ("K0mmun3-2026", "kommune", true),
            ("minkommunex", "Kommune", true),
            ("xabcx", "abc", true),
            ("Hest-123456", "123456", true),
            ("Hest-2026", "2026", true),
            ("Hest-2013", "ole", false),
            ("Sk0le", "skole", true),
            ("komsammen", "kommune", false),
        ] {
            assert_eq!(contains_folded(password, word), expected, "{word} in {password}");
        }
    }
}
