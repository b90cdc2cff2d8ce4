//! `[[registers.sql]]`: a database as a register, queried with the operator's SQL.

use crate::config::problem::Problems;
use std::{path::PathBuf, time::Duration};

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::{
    config::{
        directory::seconds,
        read::{
            database_url::{Database, DatabaseUrl, FRAGMENT, said, with_tls},
            secret,
        },
    },
    model::{account::reference::AccountRefKind, cpr::CprFormat},
};

#[derive(Debug, Clone)]
pub struct SqlSource {
    /// Name in the log.
    pub id: String,
    pub database: Database,
    /// The URL, completed with all TLS settings; may hold a password.
    pub url: SecretString,
    /// True if the server's certificate is verified, or the server is the local machine.
    pub verified: bool,
    /// Has one placeholder for the CPR number; the first column identifies accounts.
    pub query: String,
    pub cpr_format: CprFormat,
    /// Attribute in the first column.
    pub account_key: AccountRefKind,
    /// Timeout of connecting, and of the query.
    pub timeout: Duration,
}

#[derive(Deserialize)]
pub(crate) struct RawSql {
    id: Option<String>,
    url: Option<SecretString>,
    url_file: Option<PathBuf>,
    query: Option<String>,
    #[serde(default)]
    cpr_format: CprFormat,
    account_key: Option<AccountRefKind>,
    #[serde(default = "timeout_seconds")]
    timeout_seconds: f64,
}

fn timeout_seconds() -> f64 {
    3.0
}

impl RawSql {
    pub(crate) fn check(self, problems: &mut Problems) -> Option<SqlSource> {
        let before = problems.0.len();
        let name = self.id.unwrap_or_default();
        let section = format!("registers.sql {name:?}");
        let key = |key: &str| format!("{section}.{key}");
        let id = crate::config::registers::id(&section, &name, problems);
        let url = secret::one_of(&key("url"), self.url, self.url_file.as_deref(), problems);
        let query = problems.required(&key("query"), self.query);
        let account_key = problems.required(&key("account_key"), self.account_key);
        let timeout = seconds(&key("timeout_seconds"), self.timeout_seconds, 0.1, 30.0, problems);
        let whole = url.and_then(|url| match whole(url.expose_secret()) {
            Ok(whole) => Some(whole),
            Err(wrong) => {
                problems.add(&key("url"), wrong);
                None
            }
        });
        let DatabaseUrl { database, url, verified } = whole?;
        if query.as_ref().is_some_and(|query| !query.contains(database.placeholder())) {
            let what = format!("has no {}, which stands for the CPR number in this kind of database", database.placeholder());
            problems.add(&key("query"), what);
        }
        (problems.0.len() == before).then_some(SqlSource {
            id: id?,
            database,
            url: SecretString::from(String::from(url)),
            verified,
            query: query?,
            cpr_format: self.cpr_format,
            account_key: account_key?,
            timeout,
        })
    }
}

const KNOWN: &str = "has to be postgres://user:password@host/database, mysql://…, sqlserver://… or sqlite:///absolute/path";

/// The URL, completed with explicit settings. Errors never quote it.
fn whole(text: &str) -> Result<DatabaseUrl, &'static str> {
    let mut url = Url::parse(text).map_err(|_| KNOWN)?;
    let database = Database::of(url.scheme()).ok_or(KNOWN)?;
    if url.fragment().is_some() {
        return Err(FRAGMENT);
    }
    if database == Database::Sqlite {
        if !text.starts_with("sqlite:///") || url.path().len() < 2 {
            return Err(KNOWN);
        }
        match said(&url, &["mode"]).as_deref() {
            None => url.query_pairs_mut().append_pair("mode", "ro").finish(),
            Some("ro") => &mut url,
            Some(_) => return Err("has a mode that is not read-only: leave mode out"),
        };
    }
    with_tls(database, url).map_err(|wrong| wrong.words(KNOWN))
}

#[cfg(test)]
mod tests {
    use crate::config::registers::sql::*;

    fn url(text: &str) -> Result<String, &'static str> {
        whole(text).map(|whole| whole.url.into())
    }

    #[test]
    fn a_server_elsewhere_is_verified_and_a_file_only_read() {
        assert_eq!(url("postgres://a:b@register.dk/x").expect("known"), "postgres://a:b@register.dk/x?sslmode=verify-full");
        assert_eq!(url("sqlite:///var/lib/x.db").expect("known"), "sqlite:///var/lib/x.db?mode=ro");
        assert!(!whole("postgres://a:b@register.dk/x?sslmode=verify-ca").expect("known").verified);
    }

    #[test]
    fn what_is_no_database_is_refused_without_being_quoted() {
        for text in ["", "hemmelig", "oracle://hemmelig@x/y", "sqlite://hemmelig", "sqlite:hemmelig", "sqlite:///", "postgres:hemmelig"] {
            assert!(!url(text).expect_err(text).contains("hemmelig"), "{text}");
        }
        assert!(url("sqlite:///x.db?mode=rwc").expect_err("writes").contains("not read-only"));
        assert!(url("postgres://a:p#w@x/y").is_err(), "a # cuts the password off");
    }
}
