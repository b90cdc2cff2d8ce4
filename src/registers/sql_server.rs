//! Microsoft SQL Server registers, queried with the operator's SQL.
//!
//! Invariants: the CPR number is a bound parameter; nothing, the login included, goes to a server that does not offer TLS; a connection
//! serves one query.

use std::sync::Arc;

use futures_util::TryStreamExt;
use percent_encoding::percent_decode_str;
use reqwest::Url;
use secrecy::ExposeSecret;
use tiberius::{AuthMethod, Client, ColumnData, Config, EncryptionLevel, Query};
use tokio::{sync::Semaphore, time::timeout};
use tokio_util::compat::TokioAsyncWriteCompatExt;

use crate::registers::{MOST_ACCOUNTS, RegisterErrorCause, answer};
use crate::{
    config,
    model::{account::reference::AccountRef, cpr::Cpr},
    tcp,
};

/// Most queries at a time.
const CONNECTIONS: usize = 4;
/// SQL Server's default port.
const PORT: u16 = 1433;

/// A server.
#[derive(Debug)]
pub struct SqlServer {
    config: Arc<config::SqlSource>,
    room: Semaphore,
}

impl SqlServer {
    /// Connects with each query.
    pub fn new(config: &config::SqlSource) -> Self {
        Self { config: Arc::new(config.clone()), room: Semaphore::new(CONNECTIONS) }
    }

    /// `id` in the configuration.
    pub fn id(&self) -> &str {
        &self.config.id
    }

    pub async fn accounts_of(&self, cpr: &Cpr) -> Result<Vec<AccountRef>, RegisterErrorCause> {
        self.ask(cpr.written(self.config.cpr_format).to_string(), false).await
    }

    /// Number of accounts for a CPR number that no person has. Errors may quote the server's message.
    pub async fn accounts_of_nobody(&self) -> Result<usize, RegisterErrorCause> {
        Ok(self.ask(self.config.cpr_format.nobody().to_owned(), true).await?.len())
    }

    async fn ask(&self, cpr: String, own_words: bool) -> Result<Vec<AccountRef>, RegisterErrorCause> {
        let patience = self.config.timeout;
        let _place = timeout(patience, self.room.acquire())
            .await
            .map_err(|_| RegisterErrorCause::TimedOut)?
            .map_err(|_| RegisterErrorCause::Crashed)?;
        let config = self.config.clone();
        // In a task of its own: the driver may panic on unexpected answers, which must not end the request.
        let mut asking = tokio::spawn(async move { rows(&config, cpr).await });
        let Ok(done) = timeout(patience * 2, &mut asking).await else {
            asking.abort();
            return Err(RegisterErrorCause::TimedOut);
        };
        let values = done.map_err(|_| RegisterErrorCause::Crashed)?.map_err(|error| trouble(error, own_words))?;
        answer::column(&values, self.config.account_key)
    }
}

#[derive(Debug)]
enum Wrong {
    Trouble(RegisterErrorCause),
    Driver(tiberius::error::Error),
}

impl From<tiberius::error::Error> for Wrong {
    fn from(error: tiberius::error::Error) -> Self {
        Self::Driver(error)
    }
}

/// The first column of every row. Stops with an error after [`MOST_ACCOUNTS`] rows.
async fn rows(source: &config::SqlSource, cpr: String) -> Result<Vec<Option<String>>, Wrong> {
    let connect = async {
        let config = target(source).map_err(Wrong::Trouble)?;
        let address = config.get_addr();
        let port = address.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
        let (host, port) = port.unwrap_or((&address, PORT));
        let stream = tcp::connect(host, port).await.map_err(|error| Wrong::Trouble(RegisterErrorCause::Unreachable(error.to_string())))?;
        stream.set_nodelay(true).map_err(|error| Wrong::Trouble(RegisterErrorCause::Unreachable(error.to_string())))?;
        Ok::<_, Wrong>(Client::connect(config, stream.compat_write()).await?)
    };
    let mut client = timeout(source.timeout, connect).await.map_err(|_| Wrong::Trouble(RegisterErrorCause::TimedOut))??;
    let mut query = Query::new(source.query.as_str());
    query.bind(cpr);
    let read = async {
        let mut rows = query.query(&mut client).await?.into_row_stream();
        let mut values = Vec::new();
        while let Some(row) = rows.try_next().await? {
            if values.len() == MOST_ACCOUNTS {
                return Err(Wrong::Trouble(RegisterErrorCause::TooMany(MOST_ACCOUNTS)));
            }
            values.push(text(row.get_column_data(0)?).map_err(Wrong::Trouble)?);
        }
        Ok(values)
    };
    timeout(source.timeout, read).await.map_err(|_| Wrong::Trouble(RegisterErrorCause::TimedOut))?
}

fn text(value: &ColumnData<'_>) -> Result<Option<String>, RegisterErrorCause> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the library's enum, which grows")]
    match value {
        ColumnData::String(text) => Ok(text.as_ref().map(|text| text.clone().into_owned())),
        ColumnData::Guid(guid) => Ok(guid.map(|guid| guid.hyphenated().to_string())),
        _ => Err(RegisterErrorCause::not_as_configured(
            "a column is no text and no uniqueidentifier; write CAST(… AS nvarchar(256)) in the query",
        )),
    }
}

/// The driver's settings, from `sqlserver://user:password@host:port/database?sslmode=…&sslrootcert=…`.
fn target(source: &config::SqlSource) -> Result<Config, RegisterErrorCause> {
    let wrong = || RegisterErrorCause::Unreachable("its URL can't be understood".to_owned());
    let url = Url::parse(source.url.expose_secret()).map_err(|_| wrong())?;
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().map(String::from).map_err(|_| wrong());
    let mut config = Config::new();
    config.host(url.host_str().ok_or_else(wrong)?.trim_start_matches('[').trim_end_matches(']'));
    config.port(url.port().unwrap_or(PORT));
    config.authentication(AuthMethod::sql_server(decoded(url.username())?, decoded(url.password().unwrap_or_default())?));
    let database = decoded(url.path().trim_start_matches('/'))?;
    if !database.is_empty() {
        config.database(database);
    }
    config.application_name("OS2nykode");
    config.encryption(EncryptionLevel::Required);
    let mut verify = true;
    for (key, value) in url.query_pairs() {
        match (key.as_ref(), value.as_ref()) {
            ("sslmode", "verify-full") => verify = true,
            ("sslmode", "require") => verify = false,
            ("sslrootcert", file) => config.trust_cert_ca(file),
            _ => return Err(wrong()),
        }
    }
    if !verify {
        if url.query_pairs().any(|(key, _)| key == "sslrootcert") {
            return Err(wrong()); // the driver panics if both are set
        }
        config.trust_cert();
    }
    // The driver's own timeouts are off: ours apply.
    config.handshake_timeout(None);
    config.command_timeout(None);
    Ok(config)
}

/// 18456: login failed. 4060: the database cannot be opened.
const NOT_LET_IN: [u32; 2] = [18456, 4060];

/// Keeps the kind of error. The server's message may quote the CPR number ("Conversion failed when converting the nvarchar value …").
fn trouble(wrong: Wrong, own_words: bool) -> RegisterErrorCause {
    let error = match wrong {
        Wrong::Trouble(trouble) => return trouble,
        Wrong::Driver(error) => error,
    };
    #[expect(clippy::wildcard_enum_match_arm, reason = "the library's enum, which grows")]
    match error {
        tiberius::error::Error::Server(error) => {
            let code = error.code();
            let told = if own_words { format!("error {code}: {}", error.message()) } else { format!("error {code}") };
            if NOT_LET_IN.contains(&code) { RegisterErrorCause::NotLetIn(told) } else { RegisterErrorCause::Refused(told) }
        }
        tiberius::error::Error::Io { message, .. } => RegisterErrorCause::Unreachable(message),
        tiberius::error::Error::Tls(message) => RegisterErrorCause::Unreachable(format!("TLS: {message}")),
        _ => RegisterErrorCause::Unreachable("its answer does not follow SQL Server's protocol".to_owned()),
    }
}
