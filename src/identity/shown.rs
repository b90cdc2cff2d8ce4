//! What a provider says, as a page may show it to somebody who looks for what is wrong with a login: names and uses, and of most values only their shape.
//!
//! Invariants: a CPR number is never shown, not even its length; of a value that may be personal no more than the first and the last character and the length;
//! nothing here can be taken for markup or turn the line around (the page escapes it besides).

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::oidc::logout::holds_cpr_number;
use crate::model::identity::level::AssuranceLevel;

/// A longer text is cut, characters: names and addresses are shorter.
const LONGEST: usize = 200;
/// A shorter value shows neither its first nor its last character: they would be most of it.
const LEAST_MASKED: usize = 4;
/// So many values of a list are shown.
const LISTED: usize = 5;

/// A claim or an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// What is left of its value.
    pub value: Shown,
    /// What it was used for; nothing: it was ignored.
    pub uses: BTreeSet<Use>,
}

/// What a test of a login shows.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Findings {
    /// What the provider says; empty before its signature is verified.
    pub lines: Vec<Line>,
    /// The level that the login gives, accepted or not.
    pub level: Option<AssuranceLevel>,
    /// The claim, attribute or part that refused the login; empty where it is not a single one.
    pub field: String,
    /// The check that it failed.
    pub check: &'static str,
}

/// In which part of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The ID token.
    IdToken,
    /// The UserInfo answer.
    Userinfo,
    /// The assertion, outside of its attributes.
    Assertion,
    /// An attribute of the assertion.
    Attribute,
}

/// What a claim is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// It leads to accounts.
    Account,
    /// It tells the level.
    Level,
    /// A value is required of it.
    Required,
    /// It greets the person.
    Name,
    /// It names the login in the provider's own log.
    Reference,
    /// The protocol's own checks.
    Protocol,
}

/// What is left of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// It is not there, or `null`.
    Missing,
    /// It stands there twice, or can't be read.
    Unreadable,
    /// Nothing of it: a CPR number, or a secret of this login.
    Hidden,
    /// All of it.
    Whole(String),
    /// A time.
    Time(Timestamp),
    /// A text.
    Masked {
        /// Its first character.
        first: char,
        /// Its last.
        last: char,
        /// How many it has.
        length: usize,
    },
    /// A short text: how many characters it has.
    Short(usize),
    /// A number.
    Number,
    /// A truth value.
    Truth,
    /// An object or another structure.
    Structure,
    /// Several values.
    List {
        /// The first of them.
        first: Vec<Shown>,
        /// How many there are.
        all: usize,
    },
}

impl Shown {
    /// A text of which the shape is shown.
    pub fn masked(text: &str) -> Self {
        let text = text.trim();
        if holds_cpr_number(text) {
            return Self::Hidden;
        }
        let length = text.chars().count();
        match (text.chars().next(), text.chars().next_back()) {
            (Some(first), Some(last)) if length >= LEAST_MASKED => Self::Masked { first: plain(first), last: plain(last), length },
            (Some(_) | None, _) => Self::Short(length),
        }
    }

    /// A text that is shown: an address or a name of the protocol.
    pub fn whole(text: &str) -> Self {
        if holds_cpr_number(text) { Self::Hidden } else { Self::Whole(readable(text)) }
    }

    /// A word for a level, which is shown where it can be nothing else.
    pub fn word(text: &str) -> Self {
        let of_a_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '/' | '.' | '_' | '-' | '#');
        if text.trim().chars().all(of_a_word) { Self::whole(text.trim()) } else { Self::masked(text) }
    }

    /// Several values.
    pub fn list<V>(values: &[V], shown: impl Fn(&V) -> Self) -> Self {
        Self::List { first: values.iter().take(LISTED).map(shown).collect(), all: values.len() }
    }
}

/// A name, as a page may show it.
pub fn name(text: &str) -> String {
    if holds_cpr_number(text) { "…".to_owned() } else { readable(text) }
}

fn readable(text: &str) -> String {
    let cut: String = text.chars().take(LONGEST).map(plain).collect();
    if text.chars().count() > LONGEST { cut + "…" } else { cut }
}

/// A character that can be seen and does nothing to its neighbours.
fn plain(c: char) -> char {
    if c.is_alphanumeric() || c.is_ascii_graphic() || c == ' ' { c } else { '·' }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_text_its_ends_and_its_length_are_shown_and_of_a_short_one_its_length() {
        let masked = |first, last, length| Shown::Masked { first, last, length };
        for (text, expected) in [
            ("Anna Andersen", masked('A', 'n', 13)),
            (" Anna\n", masked('A', 'a', 4)),
            ("Ann", Shown::Short(3)),
            ("", Shown::Short(0)),
            ("Åse Ærø", masked('Å', 'ø', 7)),
            ("\u{202e}abc\u{0}", masked('·', '·', 5)),
        ] {
            assert_eq!(Shown::masked(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_cpr_number_is_shown_nowhere() {
        for text in ["0103711234", "010371-1234", "urn:dk:cpr:0103711234", " 0103711234 "] {
            assert_eq!(
                (Shown::masked(text), Shown::whole(text), Shown::word(text)),
                (Shown::Hidden, Shown::Hidden, Shown::Hidden),
                "{text}"
            );
            assert_eq!(name(text), "…", "{text}");
        }
    }

    #[test]
    fn a_level_is_shown_and_what_is_no_level_is_masked() {
        let nsis = "https://data.gov.dk/concept/core/nsis/loa#Substantial";
        assert_eq!(Shown::word(nsis), Shown::Whole(nsis.to_owned()));
        assert_eq!(Shown::word("Anna Andersen"), Shown::Masked { first: 'A', last: 'n', length: 13 });
        assert_eq!(Shown::whole("a\u{202e}b"), Shown::Whole("a·b".to_owned()));
        assert_eq!(name(&"x".repeat(300)).chars().count(), LONGEST + 1);
    }
}
