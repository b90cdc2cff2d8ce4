//! Group names with wildcards: the part of `Lærere 3A` that matches `*` in `Lærere *` also gives the name `Elever 3A`.

/// A group name with or without wildcards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// One group: DN, sAMAccountName or SID.
    Exact(String),
    /// Every group whose name has these texts in this order, with a gap between each two of them. At least two texts; only the first and
    /// the last may be empty.
    Wild(Vec<String>),
}

/// Most gaps of a pattern.
const MOST_GAPS: usize = 4;
/// Longest name that is split, in characters: the longest sAMAccountName of a group.
const LONGEST: usize = 256;
/// Most positions that are tried for one name. A name that needs more is ambiguous.
const MOST_TRIES: usize = 2_000;
/// Most splits of one name. A name with more is ambiguous.
const MOST_SPLITS: usize = 32;

/// A name has more splits than are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManySplits;

impl Pattern {
    /// The name, if it has no wildcard.
    pub fn exact(&self) -> Option<&String> {
        match self {
            Self::Exact(name) => Some(name),
            Self::Wild(_) => None,
        }
    }

    /// Parses a name; each `*` is a wildcard. `None` if it is empty, has two adjacent wildcards, or more than four.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let texts: Vec<String> = text.split('*').map(str::to_owned).collect();
        match texts.as_slice() {
            [name] => (!name.is_empty()).then(|| Self::Exact(name.clone())),
            [_, between @ .., _] if between.iter().all(|text| !text.is_empty()) && between.len() < MOST_GAPS => Some(Self::Wild(texts)),
            _ => None,
        }
    }

    pub fn is_wild(&self) -> bool {
        self.gaps() > 0
    }

    /// Number of wildcards.
    pub fn gaps(&self) -> usize {
        match self {
            Self::Exact(_) => 0,
            Self::Wild(texts) => texts.len() - 1,
        }
    }

    /// Number of characters before the first wildcard and after the last one.
    pub fn ends(&self) -> (usize, usize) {
        let length = |text: Option<&String>| text.map_or(0, |text| text.trim().chars().count());
        match self {
            Self::Exact(name) => (name.chars().count(), 0),
            Self::Wild(texts) => (length(texts.first()), length(texts.last())),
        }
    }

    /// Every way to split the name at the wildcards, in lower case: case is ignored, as in AD. No part is blank.
    ///
    /// # Errors
    /// [`TooManySplits`] beyond a fixed number of splits or of tries, so that the cost of a hostile name is bounded.
    pub fn splits(&self, name: &str) -> Result<Vec<Vec<String>>, TooManySplits> {
        let Self::Wild(texts) = self else { return Ok(Vec::new()) };
        if name.chars().count() > LONGEST {
            return Ok(Vec::new());
        }
        let name = folded(name);
        let texts: Vec<String> = texts.iter().map(|text| folded(text)).collect();
        let [first, between @ .., last] = texts.as_slice() else { return Ok(Vec::new()) };
        let Some(inner) = name.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str())) else {
            return Ok(Vec::new());
        };
        let mut search = SplitSearch { found: Vec::new(), tries: 0 };
        search.split(inner, between, &mut Vec::new())?;
        Ok(search.found)
    }

    /// The name with the wildcards replaced, in lower case; `None` if there are more or fewer than values.
    pub fn filled(&self, gaps: &[String]) -> Option<String> {
        let Self::Wild(texts) = self else { return None };
        let (first, others) = texts.split_first()?;
        (others.len() == gaps.len()).then(|| {
            let rest = gaps.iter().zip(others).map(|(gap, text)| format!("{gap}{}", folded(text)));
            folded(first) + &rest.collect::<String>()
        })
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Wild(texts) => f.write_str(&texts.join("*")),
        }
    }
}

struct SplitSearch {
    found: Vec<Vec<String>>,
    tries: usize,
}

impl SplitSearch {
    /// Splits the text at each position of the first separator, and the rest at the others.
    fn split(&mut self, text: &str, separators: &[String], gaps: &mut Vec<String>) -> Result<(), TooManySplits> {
        let Some((separator, others)) = separators.split_first() else {
            if text.trim().is_empty() {
                return Ok(());
            }
            if self.found.len() == MOST_SPLITS {
                return Err(TooManySplits);
            }
            self.found.push(gaps.iter().cloned().chain([text.to_owned()]).collect());
            return Ok(());
        };
        for (at, _) in text.char_indices() {
            self.tries += 1;
            if self.tries > MOST_TRIES {
                return Err(TooManySplits);
            }
            let (gap, rest) = text.split_at(at);
            if let Some(rest) = rest.strip_prefix(separator.as_str()).filter(|_| !gap.trim().is_empty()) {
                gaps.push(gap.to_owned());
                self.split(rest, others, gaps)?;
                gaps.pop();
            }
        }
        Ok(())
    }
}

/// Lower case, character by character: the result does not depend on the neighbours, unlike that of `str::to_lowercase`.
pub(super) fn folded(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use crate::model::authorization::group_pattern::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text).expect(text)
    }

    fn splits(text: &str, name: &str) -> Vec<String> {
        pattern(text).splits(name).expect("few").into_iter().map(|gaps| gaps.join("|")).collect()
    }

    #[test]
    fn the_parts_at_the_gaps_are_found_without_regard_to_case() {
        assert_eq!(splits("Lærere *", "LÆRERE 3A"), ["3a"]);
        assert_eq!(pattern("Elever *").filled(&["3a".to_owned()]).as_deref(), Some("elever 3a"));
        assert_eq!(splits("Lærere *", "Lærere i ÆØÅ"), ["i æøå"]);
        assert!(splits("Lærere *", "Elever 3A").is_empty());
        assert!(splits("Lærere *", "Lærere ").is_empty() && splits("Lærere *", "Lærere   ").is_empty(), "nothing is no class");
        assert_eq!(splits("GRP-*-Elever", "GRP-3-elever-b-ELEVER"), ["3-elever-b"], "the gap is all between the ends");
        assert!(splits("GRP-*-Elever", "grp-elever").is_empty(), "the ends may not overlap");
        assert!(pattern("Lærere").splits("Lærere").expect("few").is_empty());
    }

    #[test]
    fn several_gaps_give_every_split() {
        let os2 = "OS2_*_employees_*_*";
        assert_eq!(splits(os2, "os2_101001_EMPLOYEES_2020_a"), ["101001|2020|a"]);
        assert_eq!(splits(os2, "OS2_1_employees_2020_A_B"), ["1|2020|a_b", "1|2020_a|b"]);
        for none in ["OS2__employees_2020_A", "OS2_1_employees__A", "OS2_1_employees_2020_", "OS2_1_employees_ _A", "OS2_1_students_2020_A"]
        {
            assert!(splits(os2, none).is_empty(), "{none}");
        }
        assert_eq!(splits("*_*_elever", "3A_2020_elever"), ["3a|2020"]);
        assert_eq!(splits("*_*_elever", "3Å_2020_ELEVER"), ["3å|2020"]);
    }

    #[test]
    fn a_hostile_name_costs_a_bounded_number_of_tries() {
        assert_eq!(pattern("*_*_*_*_x").splits(&format!("{}_x", "_".repeat(250))), Err(TooManySplits));
        assert_eq!(pattern("x*a*b*c*").splits(&format!("x{}", "ab".repeat(120))), Err(TooManySplits));
        assert_eq!(pattern("x*").splits(&"x".repeat(300)), Ok(Vec::new()), "longer than a name can be");
    }

    #[test]
    fn a_pattern_with_adjacent_or_too_many_gaps_is_refused() {
        for text in ["", " ", "**", "abc**", "Lærere **x", "a*b*c*d*e*f"] {
            assert_eq!(Pattern::parse(text), None, "{text:?}");
        }
        assert_eq!(Pattern::parse("Elever"), Some(Pattern::Exact("Elever".into())));
        assert_eq!((pattern("*_*_elever").ends(), pattern("*_*_elever").gaps()), ((0, 7), 2));
        assert_eq!(pattern("OS2_*_x_*").to_string(), "OS2_*_x_*");
    }
}
