//! Group names with a wildcard: the part of `Lærere 3A` that matches `*` in `Lærere *` also gives the name `Elever 3A`.

/// A group name with at most one wildcard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// One group: DN, sAMAccountName or SID.
    Exact(String),
    /// Every group whose sAMAccountName has this beginning and end.
    Wild {
        /// Text before the wildcard, at least three characters.
        before: String,
        /// Text after the wildcard.
        after: String,
    },
}

/// Fewest characters before the wildcard: a shorter prefix would search nearly all groups of the domain.
const SHORTEST: usize = 3;

impl Pattern {
    /// The name, if it has no wildcard.
    pub fn exact(&self) -> Option<&String> {
        match self {
            Self::Exact(name) => Some(name),
            Self::Wild { .. } => None,
        }
    }

    /// Parses a name; `*` is the wildcard. `None` if it is empty, has several wildcards, or fewer than three characters before the
    /// wildcard.
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

    pub fn is_wild(&self) -> bool {
        matches!(self, Self::Wild { .. })
    }

    /// The part of the name that matches the wildcard, as written there, never blank. Case is ignored, as in AD.
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

    /// The name with the wildcard replaced; `None` if it has none.
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

/// The first split at which the condition holds.
fn split_where(text: &str, holds: impl Fn(&str, &str) -> bool) -> Option<(&str, &str)> {
    let places = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    places.map(|at| text.split_at(at)).find(|(start, end)| holds(start, end))
}

#[cfg(test)]
mod tests {
    use crate::model::authorization::group_pattern::*;

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
