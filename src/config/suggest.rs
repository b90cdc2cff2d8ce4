//! What an unknown key was probably meant to be.
//!
//! Invariant: a suggestion is a key that exists; it is never the unknown one itself.

/// Every key that there is; a test holds the example against the code.
const EXAMPLE: &str = include_str!("../../config/example.toml");

/// The end of a sentence on an unknown key.
pub(super) fn key(unknown: &str) -> String {
    let known = || {
        let before =
            EXAMPLE.split(" = ").map(|text| text.rsplit(|c: char| !(c.is_ascii_lowercase() || c == '_')).next().unwrap_or_default());
        before.filter(|word| !word.is_empty())
    };
    if known().any(|word| word == unknown) {
        return "it belongs to another section; see config/example.toml".to_owned();
    }
    match nearest(unknown, known()) {
        Some(near) => format!("did you mean {near}?"),
        None => "see config/example.toml for the keys that there are".to_owned(),
    }
}

/// The one of `known` that is at most a third of its letters away, three at most.
pub(super) fn nearest<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.map(|word| (distance(unknown, word), word)).filter(|(far, word)| *far <= (word.len() / 3).clamp(1, 3));
    near.min_by_key(|(far, _)| *far).map(|(_, word)| word)
}

/// Letters to insert, drop or replace (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, to) in b.chars().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_the_well_known_ones() {
        for (a, b, far) in
            [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("sesion", "session", 1), ("min_lenght", "min_length", 2)]
        {
            assert_eq!((distance(a, b), distance(b, a)), (far, far), "{a} {b}");
        }
    }

    #[test]
    fn a_key_is_suggested_only_where_one_is_near() {
        assert_eq!(key("min_lenght"), "did you mean min_length?");
        assert_eq!(key("trusted_proxy"), "did you mean trusted_proxies?");
        assert!(key("base_dn").starts_with("it belongs"));
        assert!(key("xyzzy").starts_with("see "));
    }
}
