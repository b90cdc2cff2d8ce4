//! Translation catalogue: page texts by key and language.

use std::{borrow::Cow, collections::HashMap};

use fluent_templates::{Loader, fluent_bundle::FluentValue, static_loader};
use unic_langid::{LanguageIdentifier, langid};

use crate::config::Language;

static_loader! {
    static LOCALES = {
        locales: "./locales",
        fallback_language: "da",
        customise: |bundle| bundle.set_use_isolating(false),
    };
}

const DANISH: LanguageIdentifier = langid!("da");
const ENGLISH: LanguageIdentifier = langid!("en");

/// A value in a text.
#[derive(Debug, Clone)]
pub(crate) enum TextValue<'a> {
    Word(&'a str),
    /// A number. The text may choose between singular and plural by it.
    Number(i64),
}

/// The text for a key. A missing key yields the key itself; a test finds such keys.
pub(crate) fn text(language: Language, key: &str, values: &[(&'static str, TextValue<'_>)]) -> String {
    let id = match language {
        Language::Da => DANISH,
        Language::En => ENGLISH,
    };
    let values: HashMap<Cow<'static, str>, FluentValue<'_>> = values
        .iter()
        .map(|(name, value)| {
            let value = match value {
                TextValue::Word(word) => FluentValue::from(*word),
                TextValue::Number(number) => FluentValue::from(*number),
            };
            (Cow::Borrowed(*name), value)
        })
        .collect();
    LOCALES.try_lookup_complete(&id, key, Some(&values)).unwrap_or_else(|| key.to_owned())
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    fn keys(language: &str) -> BTreeSet<String> {
        let mut text = String::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("locales").join(language), &mut text);
        let starts = text.lines().filter(|l| l.starts_with(|c: char| c.is_ascii_lowercase()));
        starts.filter_map(|l| l.split_once(" =")).map(|(key, _)| key.to_owned()).collect()
    }

    fn sources(dir: &Path, found: &mut String) {
        for entry in fs::read_dir(dir).expect("a folder").map(|e| e.expect("an entry").path()) {
            if entry.is_dir() {
                sources(&entry, found);
            } else {
                *found += &fs::read_to_string(&entry).expect("text");
            }
        }
    }

    #[test]
    fn both_languages_have_the_same_keys() {
        assert_eq!(keys("da"), keys("en"));
        assert!(keys("da").len() > 100);
    }

    #[test]
    fn every_key_is_used_and_every_key_that_is_used_exists() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut text = String::new();
        sources(&root.join("templates"), &mut text);
        sources(&root.join("src/http"), &mut text);
        sources(&root.join("src/model/guessability"), &mut text);
        let known = keys("da");
        for key in &known {
            assert!(key.starts_with("month-") || text.contains(&format!("\"{key}\"")), "{key} is not used");
        }
        for call in ["frame.t(\"", "texts.t(\"", ".t(\""] {
            for used in text.split(call).skip(1).filter_map(|rest| rest.split('"').next()) {
                assert!(known.contains(used), "{used} has no text");
            }
        }
    }
}
