//! `[store]`: the database.

use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{load::Problems, secret};

/// `[store]`.
#[derive(Debug)]
pub struct Store {
    /// `sqlite:///path` or `postgres://…`; may hold a password.
    pub url: SecretString,
}

#[derive(Deserialize)]
pub(super) struct Raw {
    url: Option<SecretString>,
    url_file: Option<PathBuf>,
}

impl Raw {
    pub(super) fn check(self, problems: &mut Problems) -> Option<Store> {
        let url = secret::one_of("store.url", self.url, self.url_file.as_deref(), problems)?;
        let known = ["sqlite:///", "postgres://", "postgresql://"].iter().any(|scheme| url.expose_secret().starts_with(scheme));
        if !known {
            problems.add("store.url", "has to be sqlite:///absolute/path or postgres://user:password@host/database");
            return None;
        }
        Some(Store { url })
    }
}
