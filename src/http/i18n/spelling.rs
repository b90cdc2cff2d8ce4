//! The spelling alphabet, for codes that are read aloud.

use crate::http::i18n::words::Wording;

impl Wording {
    /// A code as it is read aloud: a line for each of its groups. A digit stands for itself.
    pub fn spelled(&self, code: &str) -> Vec<String> {
        let names = self.t("spelling-alphabet");
        let as_word = self.t("spelling-as");
        let letter = |c: char| {
            let name = names.split_whitespace().find(|name| name.starts_with(c));
            name.map_or_else(|| c.to_string(), |name| format!("{c} {as_word} {name}"))
        };
        code.split('-').map(|group| group.chars().map(letter).collect::<Vec<_>>().join(", ")).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::{config::Language, http::i18n::words::Wording};

    #[test]
    fn every_letter_of_a_code_has_a_name_of_its_own() {
        let words = |language| Wording { language, now: jiff::Timestamp::UNIX_EPOCH };
        assert_eq!(words(Language::Da).spelled("G7Q-4M"), ["G som Gustav, 7, Q som Quintus", "4, M som Marie"]);
        assert_eq!(words(Language::En).spelled("G7Q"), ["G as in Golf, 7, Q as in Quebec"]);
        for language in Language::ALL {
            for letter in 'A'..='Z' {
                let spelled = words(language).spelled(&letter.to_string());
                assert!(spelled[0].contains(' ') && spelled[0].matches(letter).count() >= 2, "{spelled:?}");
            }
        }
    }
}
