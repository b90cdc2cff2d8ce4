//! Names of people in lists and searches: Danish sort order, and search that tolerates the usual spellings.

use std::sync::LazyLock;

use icu_collator::{Collator, CollatorBorrowed, options::CollatorOptions, preferences::CollationCaseFirst};
use icu_locale_core::locale;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

static DANISH: LazyLock<CollatorBorrowed<'static>> = LazyLock::new(|| {
    let mut preferences = icu_collator::CollatorPreferences::from(&locale!("da"));
    preferences.case_first = Some(CollationCaseFirst::False);
    Collator::try_new(preferences, CollatorOptions::default()).expect("the data for Danish is compiled in")
});

/// A key whose bytes sort names in Danish order: `æ ø å` after `z`, `aa` as `å`, accents and case only between otherwise equal names.
#[must_use]
pub fn sort_key(name: &str) -> Vec<u8> {
    let mut key = Vec::new();
    let Ok(()) = DANISH.write_sort_key_to(name, &mut key);
    key
}

/// The words of a name in every spelling that search accepts, without case, accents and punctuation: `Åse` as `aase` and `ase`. Words are
/// separated by blanks and, as in `Anne-Marie` or `anna.andersen`, by other signs.
#[must_use]
pub fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = parts(name).flat_map(|part| spellings(&part)).collect();
    words.sort();
    words.dedup();
    words
}

/// A search text: words, each in both spellings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameQuery(Vec<[String; 2]>);

impl NameQuery {
    /// Parses a typed text; `None` if it holds no letter or digit.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let words: Vec<[String; 2]> =
            text.split_whitespace().map(joined).filter(|word| !word.is_empty()).map(|word| spellings(&word)).collect();
        (!words.is_empty()).then_some(Self(words))
    }

    /// True if every typed word is the beginning of a word of the name. `lines` holds the words as [`words`] gives them, each after a line
    /// break.
    #[must_use]
    pub fn finds(&self, lines: &str) -> bool {
        let begins = |word: &String| lines.match_indices(word.as_str()).any(|(at, _)| lines[..at].ends_with('\n'));
        self.0.iter().all(|spellings| spellings.iter().any(begins))
    }
}

/// A word without punctuation: `Andersen,` is `Andersen`, `O’Brien` is `OBrien`.
fn joined(word: &str) -> String {
    word.nfkd().filter(|c| c.is_alphanumeric() || is_combining_mark(*c)).nfc().collect()
}

/// Each word as a whole, and its parts between punctuation: `anna.andersen` gives `annaandersen`, `anna` and `andersen`.
fn parts(name: &str) -> impl Iterator<Item = String> {
    name.split_whitespace().flat_map(|word| {
        let composed: String = word.nfkc().collect();
        let parts: Vec<String> = composed.split(|c: char| !c.is_alphanumeric() && !is_combining_mark(c)).map(joined).collect();
        std::iter::once(joined(word)).chain(parts).filter(|part| !part.is_empty()).collect::<Vec<_>>()
    })
}

/// The written-out spelling (`Søren`, `Sören`: `soeren`) and the shortened one (`soren`), in lower case.
fn spellings(word: &str) -> [String; 2] {
    let lower: String = word.nfkc().flat_map(char::to_lowercase).nfc().collect();
    [spelled(&lower, written_out), spelled(&lower, shortened)]
}

fn spelled(lower: &str, letters: fn(char) -> Option<&'static str>) -> String {
    let mut out = String::with_capacity(lower.len() + 2);
    for c in lower.chars() {
        match letters(c) {
            Some(written) => out.push_str(written),
            // A letter without its accent may be a Danish letter: ǿ is an ø.
            None => {
                for base in std::iter::once(c).nfd().filter(|c| !is_combining_mark(*c)) {
                    match letters(base) {
                        Some(written) => out.push_str(written),
                        None => out.push(base),
                    }
                }
            }
        }
    }
    out
}

fn written_out(c: char) -> Option<&'static str> {
    Some(match c {
        'æ' | 'ä' => "ae",
        'ø' | 'ö' | 'œ' => "oe",
        'å' => "aa",
        'ü' => "ue",
        'ß' => "ss",
        'þ' => "th",
        'ð' | 'đ' => "d",
        'ł' => "l",
        _ => return None,
    })
}

fn shortened(c: char) -> Option<&'static str> {
    Some(match c {
        'æ' | 'ä' | 'å' => "a",
        'ø' | 'ö' | 'œ' => "o",
        'ü' => "u",
        other => return written_out(other),
    })
}

#[cfg(test)]
mod tests {
    use crate::model::account::person_name::*;

    fn found(name: &str, typed: &str) -> bool {
        let lines: String = words(name).iter().map(|word| format!("\n{word}")).collect();
        NameQuery::parse(typed).is_some_and(|query| query.finds(&lines))
    }

    #[test]
    fn a_name_is_found_however_it_is_typed() {
        for (name, typed) in [
            ("Åse Holm", "A\u{30A}se"),
            ("A\u{30A}se Holm", "Åse"),
            ("Åse Holm", "Aase"),
            ("Åse Holm", "ase"),
            ("Aase Holm", "Åse"),
            ("Éva Kovács", "Eva Kovacs"),
            ("Eva Kovacs", "Éva"),
            ("Søren Ærø", "soeren aeroe"),
            ("Søren Ærø", "SOREN"),
            ("Søren Ærø", "sören"),
            ("Anna Andersen", "Andersen, Anna"),
            ("Andersen, Anna", "anna andersen"),
            ("Maeve O'Brien", "O’Brien"),
            ("Maeve O’Brien", "o'brien"),
            ("Maeve O'Brien", "obrien"),
            ("Maeve O'Brien", "Brien"),
            ("Anne-Marie Juhl", "annemarie"),
            ("Anne-Marie Juhl", "Anne-Marie"),
            ("Anne-Marie Juhl", "marie"),
            ("Anne\u{2010}Marie Juhl", "anne-marie"),
            ("anna.andersen", "andersen"),
            ("Jürgen Groß", "juergen gross"),
            ("Jürgen Groß", "Jurgen"),
            ("Ｋaren", "Karen"),
            ("akse07919", "akse079"),
        ] {
            assert!(found(name, typed), "{typed} finds {name}");
        }
    }

    #[test]
    fn another_name_is_not_found() {
        for (name, typed) in
            [("Åse Holm", "Ole"), ("Åse Holm", "olm"), ("Anna Andersen", "anna berg"), ("Anna", ""), ("Anna", " , "), ("Hans", "nsh")]
        {
            assert!(!found(name, typed), "{typed} does not find {name}");
        }
    }

    #[test]
    fn names_stand_in_danish_order() {
        let order =
            ["Adam", "anna", "Anna Å", "Bo", "Éva", "Eva B", "Zoe", "Ægir", "Æva", "Øjvind", "Ørsted", "Aage", "Åge B", "Aase", "Åse C"];
        let mut sorted = order;
        sorted.reverse();
        sorted.sort_by_key(|name| sort_key(name));
        let position = |name: &str| sorted.iter().position(|n| *n == name).expect("is in it");
        assert!(position("Zoe") < position("Ægir") && position("Æva") < position("Øjvind") && position("Ørsted") < position("Aage"));
        assert!(position("Aage") < position("Aase") && position("Åge B") < position("Aase"));
        assert!(position("Éva") < position("Zoe") && position("Bo") < position("Éva"));
    }
}
