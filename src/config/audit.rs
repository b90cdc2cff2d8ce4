//! `[audit]`: the log of who did what.

use std::path::PathBuf;

use secrecy::ExposeSecret;
use serde::Deserialize;

use super::{
    load::Problems,
    secret::{self, Secret},
};

/// `[audit]`.
#[derive(Debug, Default)]
pub struct Audit {
    /// What CPR numbers in the log are encrypted with: the first is used, the others still read. With none, the log holds no CPR number.
    pub cpr_keys: Vec<Secret>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Raw {
    cpr_key_files: Vec<PathBuf>,
}

impl Raw {
    pub(super) fn check(self, problems: &mut Problems) -> Option<Audit> {
        let before = problems.0.len();
        let mut cpr_keys: Vec<Secret> = Vec::new();
        for file in &self.cpr_key_files {
            let Some(text) = secret::read("audit.cpr_key", file, problems) else { continue };
            match Secret::parse(text.expose_secret()) {
                Some(key) if cpr_keys.iter().any(|known| known.bytes() == key.bytes()) => {
                    problems.add("audit.cpr_key_files", format!("{}: the same key twice", file.display()));
                }
                Some(key) => cpr_keys.push(key),
                None => problems.add("audit.cpr_key_files", format!("{}: has to be made by `os2nykode config secret`", file.display())),
            }
        }
        (problems.0.len() == before).then_some(Audit { cpr_keys })
    }
}
