//! Word lists: concrete, friendly Danish words that are easy to spell. No names, and nothing offensive when read aloud, alone or beside
//! another word.

use std::sync::LazyLock;

use crate::model::passphrase::Ease;

/// Letters of the longest word.
pub(crate) const LONGEST: usize = 9;

static ORDINARY: LazyLock<Vec<&'static str>> = LazyLock::new(|| include_str!("words.txt").lines().collect());
static EASY: LazyLock<Vec<&'static str>> = LazyLock::new(|| include_str!("easy.txt").lines().collect());

pub(crate) fn all(ease: Ease) -> &'static [&'static str] {
    match ease {
        Ease::Ordinary => &ORDINARY,
        Ease::Easy => &EASY,
    }
}

/// The usable words by their number of letters.
#[derive(Debug, Clone)]
pub(crate) struct WordPool(pub(crate) [Vec<&'static str>; LONGEST + 1]);

impl WordPool {
    pub(crate) fn new(ease: Ease, usable: impl Fn(&'static str) -> bool) -> Self {
        Self::of(all(ease).iter().copied().filter(|word| usable(word)))
    }

    /// Leaves out words longer than [`LONGEST`].
    pub(crate) fn of(words: impl Iterator<Item = &'static str>) -> Self {
        let mut pool = Self(Default::default());
        for word in words {
            if let Some(place) = pool.0.get_mut(word.chars().count()) {
                place.push(word);
            }
        }
        pool
    }
}
