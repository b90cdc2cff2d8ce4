//! `[store]`: the database.

use std::path::PathBuf;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::config::problem::Problems;
use crate::config::read::{
    database_url::{Database, FRAGMENT, with_tls},
    secret,
};

/// `[store]`.
#[derive(Debug)]
pub struct StoreConfig {
    /// `sqlite:///path`, or `postgres://…` with an explicit `sslmode`; may hold a password.
    pub url: SecretString,
    /// True if chain and name of the server's certificate are verified, or the database is on the local machine.
    pub verified: bool,
}

impl StoreConfig {
    /// Parses a URL. The error describes the expected form and never quotes the URL.
    pub fn at(text: &str) -> Result<Self, &'static str> {
        const KNOWN: &str = "has to be sqlite:///absolute/path or postgres://user:password@host/database";
        if text.starts_with("sqlite:///") {
            return Ok(Self { url: SecretString::from(text), verified: true });
        }
        let url = Url::parse(text).map_err(|_| KNOWN)?;
        if Database::of(url.scheme()) != Some(Database::Postgres) {
            return Err(KNOWN);
        }
        if url.fragment().is_some() {
            return Err(FRAGMENT);
        }
        let whole = with_tls(Database::Postgres, url).map_err(|wrong| wrong.words(KNOWN))?;
        Ok(Self { url: SecretString::from(String::from(whole.url)), verified: whole.verified })
    }
}

#[derive(Deserialize)]
pub(super) struct Raw {
    url: Option<SecretString>,
    url_file: Option<PathBuf>,
}

impl Raw {
    pub(super) fn check(self, problems: &mut Problems) -> Option<StoreConfig> {
        let url = secret::one_of("store.url", self.url, self.url_file.as_deref(), problems)?;
        StoreConfig::at(url.expose_secret()).map_err(|wrong| problems.add("store.url", wrong)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Result<(String, bool), &'static str> {
        StoreConfig::at(text).map(|store| (store.url.expose_secret().to_owned(), store.verified))
    }

    #[test]
    fn a_store_elsewhere_is_verified_and_a_weaker_way_is_known_as_such() {
        let elsewhere = "postgres://nykode:b@db.kommune.dk/nykode";
        assert_eq!(at(elsewhere), Ok((format!("{elsewhere}?sslmode=verify-full"), true)));
        let weaker = format!("{elsewhere}?sslmode=verify-ca");
        assert_eq!(at(&weaker), Ok((weaker.clone(), false)));
        for here in ["sqlite:///x.db", "postgres://nykode@%2Frun%2Fpostgresql/nykode", "postgres://nykode:b@127.0.0.1/nykode"] {
            assert_eq!(at(here), Ok((here.to_owned(), true)));
        }
    }

    #[test]
    fn what_is_no_store_is_refused_without_being_quoted() {
        for text in ["", "hemmelig", "mysql://a:hemmelig@x/y", "sqlite://hemmelig", "postgres:///hemmelig", "postgres://a:h#hemmelig@x/y"] {
            assert!(!at(text).expect_err(text).contains("hemmelig"), "{text}");
        }
        assert_eq!(at("postgres://a:123#hemmelig@x/y"), Err(FRAGMENT), "it would go to the host \"a\"");
    }
}
