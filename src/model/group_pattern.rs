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
    /// The name, where it has no gap.
    pub fn exact(&self) -> Option<&String> {
        match self {
            Self::Exact(name) => Some(name),
            Self::Wild { .. } => None,
        }
    }

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

    /// What fills the gap in a name, as it is written there; never nothing. Without regard to case, as AD compares.
    pub fn filling(&self, name: &str) -> Option<String> {
        match self {
            Self::Exact(_) => None,
            Self::Wild { before, after } => {
                let (_, rest) = split_where(name, |start, _| same(start, before))?;
                let (filling, _) = split_where(rest, |_, end| same(end, after))?;
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

fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// The first place where the two parts are so.
fn split_where(text: &str, holds: impl Fn(&str, &str) -> bool) -> Option<(&str, &str)> {
    let places = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    places.map(|at| text.split_at(at)).find(|(start, end)| holds(start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fills_the_gap_is_found_without_regard_to_case() {
        let teachers = Pattern::parse("Lærere *").expect("a pattern");
        assert_eq!(teachers.filling("LÆRERE 3A"), Some("3A".to_owned()), "and is shown as it is written");
        assert_eq!(teachers.filled("3A").as_deref(), Some("Lærere 3A"));
        assert_eq!(teachers.filling("Lærere i ÆØÅ"), Some("i ÆØÅ".to_owned()));
        assert_eq!(teachers.filling("Elever 3A"), None);
        assert_eq!(teachers.filling("Lærere "), None, "nothing is no class");
        let both = Pattern::parse("GRP-*-Elever").expect("a pattern");
        assert_eq!(both.filling("grp-3a-elever"), Some("3a".to_owned()));
        assert_eq!(both.filling("GRP-3-elever-b-ELEVER"), Some("3-elever-b".to_owned()), "the gap is all between the ends");
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
