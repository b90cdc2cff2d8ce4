//! `[[people.sql]]`: a database that is asked by a query of the operator's.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::{
    config::{directory::seconds, load::Problems, secret},
    model::{account_ref::AccountRefKind, cpr::CprFormat},
};

/// One database.
#[derive(Debug, Clone)]
pub struct SqlSource {
    /// Its name in the log.
    pub id: String,
    /// What it speaks.
    pub database: Database,
    /// Where it is, with everything that the URL did not say and that is not left to a library: may hold a password.
    pub url: SecretString,
    /// Is the server's certificate verified, or is the server this very machine?
    pub verified: bool,
    /// With one placeholder for the CPR number; the first column names accounts.
    pub query: String,
    /// How it writes CPR numbers.
    pub cpr_format: CprFormat,
    /// What the first column holds.
    pub answers: AccountRefKind,
    /// Longest time for connecting, and for the query.
    pub timeout: Duration,
}

/// What a database speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB.
    MySql,
    /// A SQLite file.
    Sqlite,
    /// Microsoft SQL Server.
    SqlServer,
}

impl Database {
    fn of(scheme: &str) -> Option<Self> {
        match scheme {
            "postgres" | "postgresql" => Some(Self::Postgres),
            "mysql" | "mariadb" => Some(Self::MySql),
            "sqlite" => Some(Self::Sqlite),
            "sqlserver" => Some(Self::SqlServer),
            _ => None,
        }
    }

    /// What stands in the query for the CPR number.
    pub fn placeholder(self) -> &'static str {
        match self {
            Self::Postgres => "$1",
            Self::MySql | Self::Sqlite => "?",
            Self::SqlServer => "@P1",
        }
    }

    /// The URL's keys for TLS, and their words that mean a verified certificate; the first is set where the URL is silent.
    fn tls(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::Postgres => (&["sslmode", "ssl-mode"], &["verify-full", "verify-ca"]),
            Self::MySql => (&["ssl-mode", "sslmode"], &["VERIFY_IDENTITY", "VERIFY_CA"]),
            Self::Sqlite => (&[], &[]),
            Self::SqlServer => (&["sslmode"], &["verify-full"]),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct RawSql {
    id: Option<String>,
    url: Option<SecretString>,
    url_file: Option<PathBuf>,
    query: Option<String>,
    #[serde(default)]
    cpr_format: CprFormat,
    answers: Option<AccountRefKind>,
    #[serde(default = "timeout_seconds")]
    timeout_seconds: f64,
}

fn timeout_seconds() -> f64 {
    3.0
}

impl RawSql {
    pub(super) fn check(self, problems: &mut Problems) -> Option<SqlSource> {
        let before = problems.0.len();
        let name = self.id.unwrap_or_default();
        let section = format!("people.sql {name:?}");
        let key = |key: &str| format!("{section}.{key}");
        let id = super::id(&section, &name, problems);
        let url = secret::one_of(&key("url"), self.url, self.url_file.as_deref(), problems);
        let query = problems.required(&key("query"), self.query);
        let answers = problems.required(&key("answers"), self.answers);
        let timeout = seconds(&key("timeout_seconds"), self.timeout_seconds, 0.1, 30.0, problems);
        let whole = url.and_then(|url| match whole(url.expose_secret()) {
            Ok(whole) => Some(whole),
            Err(wrong) => {
                problems.add(&key("url"), wrong);
                None
            }
        });
        let (database, url, verified) = whole?;
        if query.as_ref().is_some_and(|query| !query.contains(database.placeholder())) {
            let what = format!("has no {}, which stands for the CPR number in this kind of database", database.placeholder());
            problems.add(&key("query"), what);
        }
        (problems.0.len() == before).then_some(SqlSource {
            id: id?,
            database,
            url,
            verified,
            query: query?,
            cpr_format: self.cpr_format,
            answers: answers?,
            timeout,
        })
    }
}

const KNOWN: &str = "has to be postgres://user:password@host/database, mysql://…, sqlserver://… or sqlite:///absolute/path";

/// The URL with nothing left to a library's own taste, and whether it makes sure who the server is. An error never quotes it.
fn whole(text: &str) -> Result<(Database, SecretString, bool), &'static str> {
    let mut url = Url::parse(text).map_err(|_| KNOWN)?;
    let database = Database::of(url.scheme()).ok_or(KNOWN)?;
    if url.fragment().is_some() {
        return Err("holds a #: write it as %23");
    }
    let local = match database {
        Database::Sqlite => {
            if !text.starts_with("sqlite:///") || url.path().len() < 2 {
                return Err(KNOWN);
            }
            match said(&url, &["mode"]).as_deref() {
                None => url.query_pairs_mut().append_pair("mode", "ro").finish(),
                Some("ro") => &mut url,
                Some(_) => return Err("asks for more than reading: leave mode out"),
            };
            true
        }
        Database::Postgres | Database::MySql | Database::SqlServer => is_here(&url).ok_or(KNOWN)?,
    };
    let (keys, sure) = database.tls();
    let verified = match said(&url, keys) {
        Some(mode) => sure.iter().any(|word| word.eq_ignore_ascii_case(&mode)),
        // Whoever can stand in between could say whose account it is.
        None if !local || database == Database::SqlServer => {
            if let (Some(key), Some(word)) = (keys.first(), sure.first()) {
                url.query_pairs_mut().append_pair(key, word);
            }
            true
        }
        None => false,
    };
    Ok((database, SecretString::from(String::from(url)), verified || local))
}

/// The value of the last of these keys: what the libraries go by.
fn said(url: &Url, keys: &[&str]) -> Option<String> {
    url.query_pairs().filter(|(key, _)| keys.contains(&key.as_ref())).last().map(|(_, value)| value.into_owned())
}

/// Is the server this machine? `None`: no server is named.
fn is_here(url: &Url) -> Option<bool> {
    let named = said(url, &["host", "hostaddr", "socket"]).or_else(|| url.host_str().map(str::to_owned))?;
    let host = named.trim_start_matches('[').trim_end_matches(']');
    let socket = host.starts_with('/') || host.to_ascii_uppercase().starts_with("%2F");
    Some(socket || host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Result<(Database, String, bool), &'static str> {
        whole(text).map(|(database, url, verified)| (database, url.expose_secret().to_owned(), verified))
    }

    #[test]
    fn a_server_elsewhere_is_verified_unless_the_url_says_otherwise() {
        for (text, ending, verified) in [
            ("postgres://a:b@register.dk/x", "?sslmode=verify-full", true),
            ("mysql://a:b@register.dk/x", "?ssl-mode=VERIFY_IDENTITY", true),
            ("sqlserver://a:b@register.dk/x", "?sslmode=verify-full", true),
            ("sqlserver://a:b@localhost/x", "?sslmode=verify-full", true),
            ("postgres://a:b@register.dk/x?sslmode=verify-ca", "?sslmode=verify-ca", true),
            ("postgres://a:b@register.dk/x?sslmode=require", "?sslmode=require", false),
            ("postgres://a:b@register.dk/x?sslmode=verify-full&ssl-mode=disable", "&ssl-mode=disable", false),
            ("mysql://a:b@register.dk/x?sslmode=preferred", "?sslmode=preferred", false),
            ("postgres://a:b@localhost/x", "/x", true),
            ("postgres://a:b@127.0.0.1/x", "/x", true),
            ("postgres://a@%2Frun%2Fpostgresql/x", "/x", true),
            ("postgres://a@register.dk/x?host=/run/postgresql", "postgresql", true),
            ("postgres://a@localhost/x?hostaddr=10.0.0.1", "&sslmode=verify-full", true),
            ("mysql://a:b@localhost/x?socket=/run/mysqld/mysqld.sock", "mysqld.sock", true),
            ("sqlite:///var/lib/x.db", "?mode=ro", true),
        ] {
            let (_, whole, sure) = url(text).expect(text);
            assert!(whole.ends_with(ending) && sure == verified, "{text}: {whole} {sure}");
        }
    }

    #[test]
    fn what_is_no_database_is_refused_without_being_quoted() {
        for text in ["", "hemmelig", "oracle://hemmelig@x/y", "sqlite://hemmelig", "sqlite:hemmelig", "sqlite:///", "postgres:hemmelig"] {
            assert!(!url(text).expect_err(text).contains("hemmelig"), "{text}");
        }
        assert!(url("sqlite:///x.db?mode=rwc").expect_err("writes").contains("more than reading"));
        assert!(url("postgres://a:p#w@x/y").is_err(), "a # cuts the password off");
    }
}
