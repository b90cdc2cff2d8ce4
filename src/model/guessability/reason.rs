//! Why a password can be guessed: a code for the log, and what the page needs to say it in words.

use super::{
    lists::WordKind,
    path::{Kind, Path, RecognisedPart},
    words::LocalWords,
};

/// A shorter stretch explains nothing.
const SHORTEST_SHOWN: usize = 3;
/// A word of so many letters is shown wherever it stands.
const CERTAIN: usize = 6;

/// Why a password can be guessed. None of them holds a part of the password: a word is spelled as in its list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GuessReason {
    /// It is the old one, or little differs.
    LikeTheOld,
    /// It holds something of the person's own: a name, the account, the phone, the birthday.
    Personal,
    /// It holds a word of a list.
    CommonWord {
        /// What the list is of.
        kind: WordKind,
        /// The word in the list's spelling; `None` where the password is nothing but the word, or where the list holds passwords.
        word: Option<String>,
    },
    /// It follows the keys of the keyboard.
    Keyboard,
    /// It holds a date.
    Date,
    /// It holds a year. In the log a date.
    Year,
    /// It repeats itself.
    Repeated,
    /// It counts, or says the alphabet.
    Sequence,
    /// It is short, and nothing else is wrong with it.
    FewCharacters,
}

impl GuessReason {
    /// The word in the audit log.
    pub fn code(&self) -> &'static str {
        match self {
            Self::LikeTheOld => "like_the_old",
            Self::Personal => "personal",
            Self::CommonWord { .. } => "common_word",
            Self::Keyboard => "keyboard",
            Self::Date | Self::Year => "date",
            Self::Repeated => "repeated",
            Self::Sequence => "sequence",
            Self::FewCharacters => "few_characters",
        }
    }

    /// The message of the translation catalogue that says it, as a sentence without its full stop. `$word` is the word, where there is one.
    pub fn message(&self) -> &'static str {
        match self {
            Self::LikeTheOld => "guessable-like-the-old",
            Self::Personal => "guessable-personal",
            Self::CommonWord { kind: WordKind::Password, .. } => "guessable-password",
            Self::CommonWord { word: None, .. } => "guessable-word",
            Self::CommonWord { kind, word: Some(_) } => word_message(*kind),
            Self::Keyboard => "guessable-keyboard",
            Self::Date => "guessable-date",
            Self::Year => "guessable-year",
            Self::Repeated => "guessable-repeated",
            Self::Sequence => "guessable-sequence",
            Self::FewCharacters => "guessable-few-characters",
        }
    }

    /// The message that goes on from another reason's: `… med et årstal`. `None` where it makes no sentence behind another.
    pub fn tail(&self) -> Option<&'static str> {
        match self {
            Self::CommonWord { .. } => Some("guessable-with-word"),
            Self::Keyboard => Some("guessable-with-keyboard"),
            Self::Date => Some("guessable-with-date"),
            Self::Year => Some("guessable-with-year"),
            Self::Repeated => Some("guessable-with-repeated"),
            Self::Sequence => Some("guessable-with-sequence"),
            Self::LikeTheOld | Self::Personal | Self::FewCharacters => None,
        }
    }

    /// The message that says what to do instead.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::LikeTheOld => "guessable-advice-like-the-old",
            Self::Personal => "guessable-advice-personal",
            Self::FewCharacters => "guessable-advice-few-characters",
            Self::CommonWord { .. } | Self::Keyboard | Self::Date | Self::Year | Self::Repeated | Self::Sequence => "guessable-advice",
        }
    }

    /// The order in which reasons are told: the first is the sentence, the others follow it.
    fn order(&self) -> u8 {
        match self {
            Self::LikeTheOld => 0,
            Self::Personal => 1,
            Self::CommonWord { .. } => 2,
            Self::Keyboard => 3,
            Self::Date => 4,
            Self::Year => 5,
            Self::Repeated => 6,
            Self::Sequence => 7,
            Self::FewCharacters => 8,
        }
    }
}

fn word_message(kind: WordKind) -> &'static str {
    match kind {
        WordKind::Calendar => "guessable-calendar",
        WordKind::Club => "guessable-club",
        WordKind::Name => "guessable-name",
        WordKind::Place => "guessable-place",
        WordKind::HandedOut => "guessable-handed-out",
        WordKind::Danish => "guessable-danish",
        WordKind::English => "guessable-english",
        WordKind::Phrase => "guessable-phrase",
        WordKind::Local => "guessable-local",
        WordKind::Password => "guessable-password",
    }
}

/// Does the part stand beside characters without a pattern? A short word there may be one by chance: `slet` in `Pusletid`.
fn beside_unknown(path: &Path, nth: usize) -> bool {
    let unknown = |part: Option<&RecognisedPart>| part.is_some_and(|part| part.kind == Kind::Unknown);
    unknown(nth.checked_sub(1).and_then(|before| path.parts.get(before))) || unknown(path.parts.get(nth + 1))
}

/// The reasons of the cheapest way to guess it, the most important first, each code once; never empty.
pub(super) fn reasons(path: &Path, characters: usize, local: &LocalWords) -> Vec<GuessReason> {
    let mut weighed: Vec<(GuessReason, usize)> = Vec::new();
    for (nth, part) in path.parts.iter().enumerate() {
        let length = part.end - part.start;
        let reason = match part.kind {
            Kind::Word(kind, spelling) => {
                let word = spelling.word(local);
                let letters = word.chars().count();
                let shown = length < characters && kind != WordKind::Password && letters >= SHORTEST_SHOWN;
                let shown = shown && (letters >= CERTAIN || !beside_unknown(path, nth));
                GuessReason::CommonWord { kind, word: shown.then_some(word) }
            }
            Kind::Keyboard => GuessReason::Keyboard,
            Kind::Sequence => GuessReason::Sequence,
            Kind::Year => GuessReason::Year,
            Kind::Date => GuessReason::Date,
            Kind::Repeated if length >= SHORTEST_SHOWN => GuessReason::Repeated,
            Kind::Personal => GuessReason::Personal,
            Kind::LikeTheOld => GuessReason::LikeTheOld,
            Kind::Repeated | Kind::Signs | Kind::Ending | Kind::Unknown => continue,
        };
        weighed.push((reason, length));
    }
    weighed.sort_by_key(|(reason, length)| (reason.order(), usize::MAX - length));
    weighed.dedup_by_key(|(reason, _)| reason.code());
    let mut reasons: Vec<GuessReason> = weighed.into_iter().map(|(reason, _)| reason).collect();
    if reasons.is_empty() {
        reasons.push(GuessReason::FewCharacters);
    }
    reasons
}
