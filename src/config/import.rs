//! Import of the settings of the first OS2nykode (Java, Docker, 2020): its docker-compose.yml, an environment file or custom.properties.
//!
//! Invariants: a pure function; neither the configuration nor a report line holds a secret's value; nothing weakens a default.

mod keys;
mod render;
mod settings;

use std::fmt::Write;

use secrecy::SecretString;

use self::{keys::fate_of, settings::Settings};

/// The translation of a file.
#[derive(Debug)]
pub struct Imported {
    /// config.toml, with a comment where a value is missing.
    pub config: String,
    /// One for each setting of the file, in its order.
    pub lines: Vec<ImportLine>,
    pub secrets: Vec<ImportedSecret>,
}

/// Result for one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportLine {
    /// As in the file.
    pub key: String,
    pub fate: Fate,
    /// The key here, the remedy or the reason.
    pub text: String,
}

/// What became of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It is in the configuration.
    TakenOver,
    /// Something else has its function.
    ReplacedBy,
    /// It has no function without a decision or a file of the operator.
    NeedsYou,
    /// It has no function here.
    Dropped,
}

impl Fate {
    fn words(self) -> &'static str {
        match self {
            Self::TakenOver => "taken over",
            Self::ReplacedBy => "replaced by",
            Self::NeedsYou => "needs you",
            Self::Dropped => "dropped",
        }
    }
}

/// A secret of the file, for a file of its own.
#[derive(Debug)]
pub struct ImportedSecret {
    /// Name of the file in the folder of the configuration.
    pub file: &'static str,
    pub value: SecretString,
}

impl Imported {
    /// One line for each setting, and the numbers.
    pub fn report(&self) -> String {
        let mut text = String::new();
        for line in &self.lines {
            let _ = writeln!(text, "{:<12} {}: {}", line.fate.words(), line.key, line.text); // a String takes all
        }
        let count = |fate: Fate| self.lines.iter().filter(|line| line.fate == fate).count();
        let fates = [Fate::TakenOver, Fate::ReplacedBy, Fate::NeedsYou, Fate::Dropped];
        let numbers: Vec<_> = fates.iter().map(|fate| format!("{} {}", count(*fate), fate.words())).collect();
        let _ = writeln!(text, "\n{} settings: {}.", self.lines.len(), numbers.join(", "));
        text + "Next: replace the values marked \"yours\" in config.toml, then `os2nykode config check` and `os2nykode check`.\n"
    }
}

/// Translates a file. `None`: it holds no known setting.
pub fn import(text: &str) -> Option<Imported> {
    let settings = Settings::read(text);
    let lines: Vec<_> = settings.all().map(|setting| fate_of(setting, &settings)).collect();
    if lines.iter().all(|line| line.text == keys::UNKNOWN) {
        return None;
    }
    let password = settings.value("ldap.password").filter(|value| !settings::is_reference(value));
    let secrets = password.map(|value| ImportedSecret { file: render::BIND_PASSWORD, value: SecretString::from(value) });
    Some(Imported { config: render::config(&settings), lines, secrets: secrets.into_iter().collect() })
}

#[cfg(test)]
mod tests;
