//! A password as runs of one character: `aabbcc` is three runs. Walks and sequences are looked for in runs, so that doubled ones are found too.

use zeroize::{Zeroize, Zeroizing};

use super::text::{Class, Sign};

/// The same character, once or more often.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Run {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) lower: char,
    pub(super) class: Class,
}

impl Run {
    pub(super) fn len(self) -> usize {
        self.end - self.start
    }
}

impl Zeroize for Run {
    fn zeroize(&mut self) {
        *self = Self::default();
    }
}

/// The runs. Wiped when they are dropped.
pub(super) fn runs(signs: &[Sign]) -> Zeroizing<Vec<Run>> {
    let mut runs: Zeroizing<Vec<Run>> = Zeroizing::new(Vec::with_capacity(signs.len()));
    for (at, sign) in signs.iter().enumerate() {
        match runs.last_mut().filter(|run| run.lower == sign.lower) {
            Some(run) => run.end = at + 1,
            None => runs.push(Run { start: at, end: at + 1, lower: sign.lower, class: sign.class }),
        }
    }
    runs
}
