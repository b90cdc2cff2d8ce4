//! A name of groups with a gap: `Lærere *` names `Lærere 3A`, and what fills the gap names `Elever 3A`.

/// A name, or a name with one gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// One group: DN, sAMAccountName or SID.
    Exact(String),
    /// Every group whose sAMAccountName begins and ends so.
    Wild {
        /// Before the gap; at least three characters.
        before: String,
        /// After the gap.
        after: String,
    },
}

/// A pattern that begins with less would be a search over every group of the domain.
const SHORTEST: usize = 3;

impl Pattern {
    /// Reads a name; `*` is the gap. `None` where it is empty, has several gaps, or begins with fewer than three characters before one.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        match text.split_once('*') {
            None => (!text.is_empty()).then(|| Self::Exact(text.to_owned())),
            Some((before, after)) if before.chars().count() >= SHORTEST && !after.contains('*') => {
                Some(Self::Wild { before: before.to_owned(), after: after.to_owned() })
            }
            Some(_) => None,
        }
    }

    /// Has it a gap?
    pub fn is_wild(&self) -> bool {
        matches!(self, Self::Wild { .. })
    }

    /// What fills the gap in a name; never nothing. Without regard to case, as AD compares.
    pub fn filling(&self, name: &str) -> Option<String> {
        match self {
            Self::Exact(_) => None,
            Self::Wild { before, after } => {
                let name = name.to_lowercase();
                let filling = name.strip_prefix(&before.to_lowercase())?.strip_suffix(&after.to_lowercase())?;
                (!filling.trim().is_empty()).then(|| filling.to_owned())
            }
        }
    }

    /// The name with its gap filled; `None` where it has none.
    pub fn filled(&self, filling: &str) -> Option<String> {
        match self {
            Self::Exact(_) => None,
            Self::Wild { before, after } => Some(format!("{before}{filling}{after}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fills_the_gap_is_found_without_regard_to_case() {
        let teachers = Pattern::parse("Lærere *").expect("a pattern");
        assert_eq!(teachers.filling("LÆRERE 3A"), Some("3a".to_owned()));
        assert_eq!(teachers.filling("Elever 3A"), None);
        assert_eq!(teachers.filling("Lærere "), None, "nothing is no class");
        let both = Pattern::parse("GRP-*-Elever").expect("a pattern");
        assert_eq!(both.filling("grp-3a-elever"), Some("3a".to_owned()));
        assert_eq!(both.filling("grp-elever"), None, "the ends may not overlap");
    }

    #[test]
    fn a_pattern_without_a_beginning_is_refused() {
        for text in ["", " ", "*", "ab*", "a*b*", "Lærere * *"] {
            assert_eq!(Pattern::parse(text), None, "{text:?}");
        }
        assert_eq!(Pattern::parse("Elever"), Some(Pattern::Exact("Elever".into())));
    }
}
