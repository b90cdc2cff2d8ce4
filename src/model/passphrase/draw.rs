//! Numbering of all combinations of words and digits within a length, from 0: one random number picks one of them.
//!
//! Invariant: numbers and combinations correspond one to one, so a uniform number gives a uniform pick.

use std::{ops::RangeInclusive, rc::Rc};

use crate::model::passphrase::words::{LONGEST, WordPool};

/// The numbered combinations.
#[derive(Debug)]
pub(crate) struct Draw {
    pool: Rc<WordPool>,
    /// `ways[n][letters]`: number of sequences of n words with this many letters in total.
    ways: Vec<Vec<u128>>,
    letters: RangeInclusive<usize>,
    digits: Vec<char>,
    digit_places: u32,
    total: u128,
}

/// One combination.
#[derive(Debug)]
pub(crate) struct Picked {
    pub(crate) words: Vec<&'static str>,
    pub(crate) digits: Vec<char>,
}

impl Draw {
    /// `None` if there is no combination, or more than `u128` can number.
    pub(crate) fn new(
        pool: Rc<WordPool>,
        words: usize,
        letters: RangeInclusive<usize>,
        digits: Vec<char>,
        digit_places: u32,
    ) -> Option<Self> {
        let ways = ways(&pool, words)?;
        let letters = *letters.start()..=*letters.end().min(&(words * LONGEST));
        let of_words = ways.last()?.get(letters.clone())?.iter().try_fold(0_u128, |sum, n| sum.checked_add(*n))?;
        let of_digits = (digits.len() as u128).checked_pow(digit_places)?;
        let total = of_words.checked_mul(of_digits).filter(|total| *total > 0)?;
        Some(Self { pool, ways, letters, digits, digit_places, total })
    }

    pub(crate) fn total(&self) -> u128 {
        self.total
    }

    /// The pick of a random number, from as many of its highest bits as count all combinations. `None` if they exceed the last number.
    pub(crate) fn pick(&self, random: u128) -> Option<Picked> {
        let number = random.checked_shr((self.total - 1).leading_zeros()).unwrap_or(0); // one pick needs no bits
        (number < self.total).then(|| self.numbered(number))
    }

    fn numbered(&self, number: u128) -> Picked {
        let mut rest = number;
        let mut digits = Vec::with_capacity(self.digit_places as usize);
        for _ in 0..self.digit_places {
            let base = self.digits.len() as u128;
            digits.push(self.digits[usize::try_from(rest % base).expect("below a length")]);
            rest /= base;
        }
        let count = self.ways.len() - 1;
        let mut left = *self.letters.start();
        while rest >= self.ways[count][left] {
            rest -= self.ways[count][left];
            left += 1;
        }
        let mut words = Vec::with_capacity(count);
        for after in (0..count).rev() {
            for (length, place) in self.pool.0.iter().enumerate().take(left + 1) {
                let each = self.ways[after][left - length];
                let here = each * place.len() as u128;
                if rest < here {
                    words.push(place[usize::try_from(rest / each).expect("below a length")]);
                    (rest, left) = (rest % each, left - length);
                    break;
                }
                rest -= here;
            }
        }
        Picked { words, digits }
    }
}

fn ways(pool: &WordPool, words: usize) -> Option<Vec<Vec<u128>>> {
    let longest = words * LONGEST;
    let mut none = vec![0_u128; longest + 1];
    none[0] = 1;
    let mut ways = vec![none];
    for _ in 0..words {
        let before = ways.last()?;
        let mut now = vec![0_u128; longest + 1];
        for (length, place) in pool.0.iter().enumerate() {
            for (letters, n) in before.iter().enumerate().take((longest + 1).saturating_sub(length)) {
                let here = n.checked_mul(place.len() as u128)?;
                now[letters + length] = now[letters + length].checked_add(here)?;
            }
        }
        ways.push(now);
    }
    Some(ways)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::model::passphrase::draw::*;

    fn draw(words: usize, letters: RangeInclusive<usize>, digit_places: u32) -> Option<Draw> {
        let pool = WordPool::of(["sol", "hest", "kage", "fugl", "æbler", "havre", "vandfald"].into_iter());
        Draw::new(Rc::new(pool), words, letters, vec!['2', '3', '7'], digit_places)
    }

    #[test]
    fn every_number_makes_another_pick_and_all_of_them_are_made() {
        for (words, letters, places, expected) in [
            (1, 0..=100, 0, 7),
            (1, 4..=5, 1, 5 * 3),
            (2, 0..=100, 2, 49 * 9),
            (2, 7..=9, 0, 6 + (9 + 4) + 12), // 3+4; 4+4 and 3+5; 4+5
            (3, 0..=100, 1, 343 * 3),
            (2, 16..=16, 0, 1),
        ] {
            let draw = draw(words, letters.clone(), places).expect("something");
            assert_eq!(draw.total(), expected);
            let picks: BTreeSet<String> = (0..draw.total())
                .map(|number| {
                    let picked = draw.numbered(number);
                    let length = picked.words.iter().map(|word| word.chars().count()).sum::<usize>();
                    assert!(picked.words.len() == words && picked.digits.len() == places as usize && letters.contains(&length));
                    format!("{:?}{:?}", picked.words, picked.digits)
                })
                .collect();
            assert_eq!(picks.len() as u128, expected);
        }
    }

    #[test]
    fn where_nothing_fits_there_is_no_draw() {
        assert!(draw(2, 0..=5, 0).is_none(), "too short for two");
        assert!(draw(2, 17..=100, 0).is_none(), "too long for two");
        assert!(draw(200, 0..=10_000, 0).is_none(), "more than can be numbered");
        assert!(Draw::new(Rc::new(WordPool::of(["hest"].into_iter())), 1, 0..=9, Vec::new(), 1).is_none(), "no digit");
        assert!(draw(1, RangeInclusive::new(100, 2), 0).is_none());
    }

    #[test]
    fn random_numbers_are_spread_evenly() {
        let draw = draw(1, 0..=100, 0).expect("seven");
        // The highest three bits count: 0 to 6 are picks, 7 is none.
        let of = |high: u128| draw.pick((high << 125) + 12345).map(|picked| picked.words[0]);
        let picks: BTreeSet<_> = (0..7).filter_map(of).collect();
        assert_eq!(picks.len(), 7);
        assert_eq!(of(7), None);
    }
}
