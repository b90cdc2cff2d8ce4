//! Database URLs and the verification of the server, for the store and for registers.
//!
//! Invariant: for a server on another machine, no TLS setting is left to a library's default.

use std::net::IpAddr;

use reqwest::Url;

/// Kind of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    Postgres,
    /// MySQL or MariaDB.
    MySql,
    /// A SQLite file.
    Sqlite,
    SqlServer,
}

impl Database {
    pub(crate) fn of(scheme: &str) -> Option<Self> {
        match scheme {
            "postgres" | "postgresql" => Some(Self::Postgres),
            "mysql" | "mariadb" => Some(Self::MySql),
            "sqlite" => Some(Self::Sqlite),
            "sqlserver" => Some(Self::SqlServer),
            _ => None,
        }
    }

    /// Placeholder of the CPR number in the query.
    pub fn placeholder(self) -> &'static str {
        match self {
            Self::Postgres => "$1",
            Self::MySql | Self::Sqlite => "?",
            Self::SqlServer => "@P1",
        }
    }

    /// The URL's keys for TLS, and the value that verifies chain and name. The first key is added if the URL has none.
    fn tls(self) -> Option<(&'static [&'static str], &'static str)> {
        match self {
            Self::Postgres => Some((&["sslmode", "ssl-mode"], "verify-full")),
            Self::MySql => Some((&["ssl-mode", "sslmode"], "VERIFY_IDENTITY")),
            Self::Sqlite => None,
            Self::SqlServer => Some((&["sslmode"], "verify-full")),
        }
    }

    /// The URL's keys that name another server than the host part. Keys that the library ignores must not be listed: they would make a
    /// remote server look local.
    fn server_keys(self) -> &'static [&'static str] {
        match self {
            Self::Postgres => &["host", "hostaddr"],
            Self::MySql => &["socket"],
            Self::Sqlite | Self::SqlServer => &[],
        }
    }
}

/// A database URL with an explicit TLS setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DatabaseUrl {
    pub database: Database,
    /// May hold a password.
    pub url: Url,
    /// True if chain and name of the server's certificate are verified, or the server is the local machine.
    pub verified: bool,
}

/// Why a database URL names no server that can be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServerError {
    /// The URL names no server.
    Missing,
    /// The MySQL library takes no IPv6 address.
    Ipv6,
}

impl ServerError {
    /// The fault of the URL; `known` describes the expected form.
    pub(crate) fn words(self, known: &'static str) -> &'static str {
        match self {
            Self::Missing => known,
            Self::Ipv6 => "holds an IPv6 address, which does not work with MySQL and MariaDB: write a host name",
        }
    }
}

/// The library would cut off the URL at a `#`.
pub(crate) const FRAGMENT: &str = "holds a #: write it as %23";

/// Adds the setting that verifies chain and name, unless the URL has a TLS setting or the server is the local machine (loopback address,
/// `localhost`, Unix socket).
///
/// An IPv6 address is repeated without brackets, because sqlx would look up the name `[::1]`.
pub(crate) fn with_tls(database: Database, mut url: Url) -> Result<DatabaseUrl, ServerError> {
    let Some((keys, word)) = database.tls() else { return Ok(DatabaseUrl { database, url, verified: true }) };
    let local = is_here(database, &url).ok_or(ServerError::Missing)?;
    let address = url.host_str().and_then(|host| host.strip_prefix('[')?.strip_suffix(']')).map(str::to_owned);
    if let Some(address) = address.filter(|_| said(&url, database.server_keys()).is_none()) {
        match database {
            Database::Postgres => _ = url.query_pairs_mut().append_pair("host", &address),
            Database::MySql => return Err(ServerError::Ipv6),
            Database::Sqlite | Database::SqlServer => {}
        }
    }
    let verified = if let Some(mode) = said(&url, keys) {
        local || mode.eq_ignore_ascii_case(word)
    } else {
        if let Some(key) = keys.first().filter(|_| !local || database == Database::SqlServer) {
            url.query_pairs_mut().append_pair(key, word);
        }
        true
    };
    Ok(DatabaseUrl { database, url, verified })
}

/// The value of the last of these keys, as the libraries read it.
pub(crate) fn said(url: &Url, keys: &[&str]) -> Option<String> {
    url.query_pairs().filter(|(key, _)| keys.contains(&key.as_ref())).last().map(|(_, value)| value.into_owned())
}

/// True if the server is the local machine. `None` if the URL names no server.
fn is_here(database: Database, url: &Url) -> Option<bool> {
    let named = said(url, database.server_keys()).or_else(|| url.host_str().map(str::to_owned)).filter(|host| !host.is_empty())?;
    let host = named.trim_start_matches('[').trim_end_matches(']');
    let socket = host.starts_with('/') || host.to_ascii_uppercase().starts_with("%2F");
    Some(socket || host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()))
}

#[cfg(test)]
mod tests {
    use crate::config::read::database_url::*;

    fn spelled(text: &str) -> (String, bool) {
        let url = Url::parse(text).expect(text);
        let found = with_tls(Database::of(url.scheme()).expect("known"), url).expect(text);
        (found.url.into(), found.verified)
    }

    #[test]
    fn a_server_elsewhere_is_verified_unless_the_url_says_otherwise() {
        for (text, ending, verified) in [
            ("postgres://a:b@register.dk/x", "/x?sslmode=verify-full", true),
            ("postgresql://a:b@register.dk/x?sslrootcert=/ca.pem", "ca.pem&sslmode=verify-full", true),
            ("postgres://a:b@10.0.0.1/x", "?sslmode=verify-full", true),
            ("postgres://a:b@[::ffff:127.0.0.1]/x", "?host=%3A%3Affff%3A7f00%3A1&sslmode=verify-full", true),
            ("postgres://a:b@[2001:db8::5]:5433/x", "?host=2001%3Adb8%3A%3A5&sslmode=verify-full", true),
            ("postgres://a:b@[2001:db8::5]/x?hostaddr=10.0.0.1", "?hostaddr=10.0.0.1&sslmode=verify-full", true),
            ("sqlserver://a:b@[2001:db8::5]/x", "/x?sslmode=verify-full", true),
            ("postgres://a:b@localhost.evil.dk/x", "?sslmode=verify-full", true),
            ("mysql://a:b@register.dk/x", "?ssl-mode=VERIFY_IDENTITY", true),
            ("sqlserver://a:b@register.dk/x", "?sslmode=verify-full", true),
            ("sqlserver://a:b@localhost/x", "?sslmode=verify-full", true),
            ("postgres://a:b@register.dk/x?sslmode=Verify-Full", "=Verify-Full", true),
            ("postgres://a:b@register.dk/x?sslmode=verify-ca", "?sslmode=verify-ca", false),
            ("postgres://a:b@register.dk/x?sslmode=require", "?sslmode=require", false),
            ("postgres://a:b@register.dk/x?ssl%6Dode=disable", "=disable", false),
            ("postgres://a:b@register.dk/x?sslmode=verify-full&ssl-mode=disable", "&ssl-mode=disable", false),
            ("postgres://a:b@register.dk/x?sslmode=", "?sslmode=", false),
            ("mysql://a:b@register.dk/x?ssl-mode=VERIFY_CA", "VERIFY_CA", false),
            ("mysql://a:b@register.dk/x?sslmode=preferred", "?sslmode=preferred", false),
            ("postgres://a:b@localhost/x?sslmode=disable", "?sslmode=disable", true),
        ] {
            let (whole, sure) = spelled(text);
            assert!(whole.ends_with(ending) && sure == verified, "{text}: {whole} {sure}");
        }
    }

    #[test]
    fn this_machine_is_left_as_it_is_and_only_this_machine() {
        for text in [
            "postgres://a:b@localhost/x",
            "postgres://a:b@LOCALHOST:5433/x",
            "postgres://a:b@127.0.0.1/x",
            "postgres://a@%2Frun%2Fpostgresql/x",
            "postgres://a@register.dk/x?host=/run/postgresql",
            "postgres:///x?host=/run/postgresql",
            "mysql://a:b@localhost/x?socket=/run/mysqld/mysqld.sock",
            "mysql://a:b@register.dk/x?socket=/run/mysqld/mysqld.sock",
            "sqlite:///var/lib/x.db",
        ] {
            assert_eq!(spelled(text), (text.to_owned(), true));
        }
        // Keys that override the host, and keys that only seem to.
        for text in [
            "postgres://a@localhost/x?hostaddr=10.0.0.1",
            "postgres://a@localhost/x?host=register.dk",
            "postgres://a@localhost/x?host=/run/postgresql&hostaddr=10.0.0.1",
            "postgres://a@register.dk/x?socket=/run/postgresql",
            "mysql://a:b@register.dk/x?host=localhost",
        ] {
            assert!(spelled(text).0.to_ascii_lowercase().contains("mode=verify"), "{text}");
        }
    }

    #[test]
    fn an_ipv6_address_is_repeated_without_brackets_or_refused() {
        assert_eq!(spelled("postgres://a:b@[::1]/x"), ("postgres://a:b@[::1]/x?host=%3A%3A1".to_owned(), true), "this machine: no TLS");
        let mysql = Url::parse("mysql://a:b@[::1]/x").expect("a URL");
        assert_eq!(with_tls(Database::MySql, mysql), Err(ServerError::Ipv6));
        assert!(spelled("mysql://a:b@[::1]/x?socket=/run/mysqld/mysqld.sock").1);
    }

    #[test]
    fn a_url_without_a_server_is_refused() {
        for text in ["postgres:///x", "postgres://localhost/x?host=", "postgres:x", "mysql:///x"] {
            assert_eq!(with_tls(Database::Postgres, Url::parse(text).expect(text)), Err(ServerError::Missing), "{text}");
        }
    }
}
