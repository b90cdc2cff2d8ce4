//! Answers of the range API, kept for a day.
//!
//! Invariant: at most [`MOST_RANGES`] ranges with [`MOST_LINES`] lines together, about 8 MB; the least recently used go first.

use std::{collections::HashMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use super::range::Range;
use crate::leaked::digest::Prefix;

/// How long an answer counts.
pub(crate) const DAY: SignedDuration = SignedDuration::from_hours(24);
pub(crate) const MOST_RANGES: usize = 256;
pub(crate) const MOST_LINES: usize = 512 * 1024;

struct Kept {
    range: Arc<Range>,
    fetched: Timestamp,
    used: u64,
}

#[derive(Default)]
pub(crate) struct Cache {
    kept: HashMap<Prefix, Kept>,
    lines: usize,
    uses: u64,
}

impl Cache {
    /// The answer for this prefix, where one is kept that is no older than a day.
    pub(crate) fn get(&mut self, prefix: Prefix, now: Timestamp) -> Option<Arc<Range>> {
        let kept = self.kept.get_mut(&prefix)?;
        let age = now.duration_since(kept.fetched);
        if age.is_negative() || age >= DAY {
            self.remove(prefix);
            return None;
        }
        self.uses += 1;
        kept.used = self.uses;
        Some(Arc::clone(&kept.range))
    }

    /// Keeps an answer, and lets go of others where there are too many.
    pub(crate) fn put(&mut self, prefix: Prefix, range: Arc<Range>, now: Timestamp) {
        self.remove(prefix);
        if range.len() > MOST_LINES {
            return;
        }
        while self.kept.len() >= MOST_RANGES || self.lines + range.len() > MOST_LINES {
            let Some(oldest) = self.kept.iter().min_by_key(|(_, kept)| kept.used).map(|(prefix, _)| *prefix) else { break };
            self.remove(oldest);
        }
        self.uses += 1;
        self.lines += range.len();
        self.kept.insert(prefix, Kept { range, fetched: now, used: self.uses });
    }

    /// Is the same answer kept for another prefix? No two ranges are the same: the service does not look at what it is asked.
    pub(crate) fn has_for_another(&self, prefix: Prefix, range: &Range) -> bool {
        range.len() > 0 && self.kept.iter().any(|(other, kept)| *other != prefix && *kept.range == *range)
    }

    /// How many ranges are kept.
    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }

    fn remove(&mut self, prefix: Prefix) {
        if let Some(kept) = self.kept.remove(&prefix) {
            self.lines -= kept.range.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leaked::digest::{Digest, HashKind};

    fn prefix(number: usize) -> Prefix {
        Digest::of_text(&format!("{number}"), HashKind::Sha1).prefix()
    }

    fn range(lines: usize, seed: usize) -> Arc<Range> {
        let text: String = (0..lines).map(|line| format!("{:035X}:1\n", (seed as u128) << 100 | (line as u128) << 76)).collect();
        Arc::new(Range::parse(text.as_bytes()).expect("a range"))
    }

    fn at(hours: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours)
    }

    #[test]
    fn an_answer_counts_for_a_day_and_not_after_a_clock_was_set_back() {
        for (asked, counts) in [(0, true), (23, true), (24, false), (25, false), (-1, false)] {
            let mut cache = Cache::default();
            cache.put(prefix(1), range(3, 1), at(0));
            assert_eq!(cache.get(prefix(1), at(asked)).is_some(), counts, "after {asked} hours");
            assert_eq!(cache.len(), usize::from(counts));
        }
    }

    #[test]
    fn the_least_recently_used_goes_first_and_the_bounds_hold() {
        let mut cache = Cache::default();
        for number in 0..MOST_RANGES {
            cache.put(prefix(number), range(1, number + 1), at(0));
        }
        assert!(cache.get(prefix(0), at(1)).is_some());
        cache.put(prefix(MOST_RANGES), range(1, 999), at(1));
        assert_eq!(cache.len(), MOST_RANGES);
        assert!(cache.get(prefix(0), at(1)).is_some() && cache.get(prefix(1), at(1)).is_none());
        cache.put(prefix(5000), range(MOST_LINES, 1), at(1));
        assert_eq!((cache.len(), cache.lines), (1, MOST_LINES));
        cache.put(prefix(5001), range(2, 1), at(1));
        assert_eq!((cache.len(), cache.lines), (1, 2));
    }

    #[test]
    fn the_same_answer_for_another_prefix_is_noticed() {
        let mut cache = Cache::default();
        cache.put(prefix(1), range(3, 1), at(0));
        assert!(cache.has_for_another(prefix(2), &range(3, 1)));
        assert!(!cache.has_for_another(prefix(1), &range(3, 1)) && !cache.has_for_another(prefix(2), &range(3, 2)));
        let padding = Range::parse(format!("{}:0", "A".repeat(35)).as_bytes()).expect("a range");
        cache.put(prefix(3), Arc::new(padding), at(0));
        let padding = Range::parse(format!("{}:0", "B".repeat(35)).as_bytes()).expect("a range");
        assert!(!cache.has_for_another(prefix(4), &padding));
    }
}
