//! Suggestions for unknown keys.
//!
//! Invariant: a suggestion is an existing key and never the unknown one.

/// Holds every key; a test compares the example with the code.
const EXAMPLE: &str = include_str!("../../../config/example.toml");

/// Keys and sections by their names before 0.1.0.
const RENAMED: [(&str, &str); 14] = [
    ("authority", "delegation"),
    ("people", "registers"),
    ("staff", "local_accounts"),
    ("throttle", "rate_limit"),
    ("push", "forward"),
    ("cannot_use_the_service", "blocked_groups"),
    ("cannot_be_changed_by_others", "excluded_groups"),
    ("answers", "account_key"),
    ("answer_at", "accounts_at"),
    ("nobody_statuses", "not_found_statuses"),
    ("free", "attempts_before_delay"),
    ("first_wait_seconds", "first_delay_seconds"),
    ("longest_wait_seconds", "max_delay_seconds"),
    ("forget_after_hours", "reset_after_hours"),
];

/// The present name of a renamed key or section.
pub(crate) fn renamed(unknown: &str) -> Option<&'static str> {
    RENAMED.iter().find(|(old, _)| *old == unknown).map(|(_, new)| *new)
}

/// The second half of the message on an unknown key.
pub(crate) fn key(unknown: &str) -> String {
    if let Some(new) = renamed(unknown) {
        return format!("is called {new} now");
    }
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
        None => "see config/example.toml for all keys".to_owned(),
    }
}

/// The nearest of `known`, at most a third of its letters and at most three letters away.
pub(crate) fn nearest<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.map(|word| (distance(unknown, word), word)).filter(|(far, word)| *far <= (word.len() / 3).clamp(1, 3));
    near.min_by_key(|(far, _)| *far).map(|(_, word)| word)
}

/// Levenshtein distance: letters to insert, drop or replace.
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
    use crate::config::read::suggest::*;

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

    #[test]
    fn every_new_name_is_a_key_of_the_example() {
        for (old, new) in RENAMED {
            assert_eq!(key(old), format!("is called {new} now"));
            assert!(
                EXAMPLE.contains(&format!("{new} = ")) || EXAMPLE.contains(&format!("{new}.")) || EXAMPLE.contains(&format!("{new}]")),
                "{new}"
            );
        }
    }
}
