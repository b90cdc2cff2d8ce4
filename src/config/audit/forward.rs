//! `[[audit.forward]]`: targets of log forwarding.

use crate::config::problem::Problems;
use std::{path::PathBuf, time::Duration};

use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::{
    config::{directory::seconds, read::secret},
    model::{address::is_safe_address, notice::Notice},
    tls::ClientCertificate,
};

/// Fewest characters of a signing key; shorter ones can be guessed.
const SHORTEST_KEY: usize = 32;

/// A target.
#[derive(Debug, Clone)]
pub struct ForwardConfig {
    /// Name in the log, in metrics and in the store. A target with a new name starts from the beginning.
    pub id: String,
    pub kind: ForwardKind,
    /// Timeout of one connection with its messages.
    pub timeout: Duration,
}

#[derive(Debug, Clone)]
pub enum ForwardKind {
    /// RFC 5424 over TLS (RFC 5425) or TCP (RFC 6587, octet counting).
    Syslog {
        /// Name or IP address.
        host: String,
        port: u16,
        /// `None`: plain TCP.
        tls: Option<ForwardTls>,
    },
    /// A file of JSON Lines.
    File(PathBuf),
    /// A web hook.
    Hook(Box<HookConfig>),
}

/// Certificates of a TLS connection to a target.
#[derive(Debug, Clone)]
pub struct ForwardTls {
    /// CA certificates; `None` = the system's.
    pub ca_file: Option<PathBuf>,
    /// Our client certificate.
    pub certificate: Option<ClientCertificate>,
}

/// A web hook.
#[derive(Debug, Clone)]
pub struct HookConfig {
    pub url: String,
    pub tls: ForwardTls,
    /// Bearer token.
    pub token: Option<SecretString>,
    /// Key of the messages' HMAC signature.
    pub signing_key: SecretString,
    /// Events that are sent.
    pub notices: Vec<Notice>,
    /// Older events are not sent any more.
    pub max_age: SignedDuration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawForwardKind {
    Syslog,
    File,
    Hook,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SyslogTransport {
    Tls,
    Tcp,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Raw {
    id: Option<String>,
    kind: Option<RawForwardKind>,
    host: Option<String>,
    port: Option<u16>,
    transport: Option<SyslogTransport>,
    path: Option<PathBuf>,
    url: Option<String>,
    token: Option<SecretString>,
    token_file: Option<PathBuf>,
    signing_key: Option<SecretString>,
    signing_key_file: Option<PathBuf>,
    notices: Option<Vec<String>>,
    max_age_hours: Option<u32>,
    ca_file: Option<PathBuf>,
    client_certificate_file: Option<PathBuf>,
    client_key_file: Option<PathBuf>,
    timeout_seconds: Option<f64>,
}

impl Raw {
    /// `index`: position in the list, for the names of keys.
    pub(crate) fn check(mut self, index: usize, problems: &mut Problems) -> Option<ForwardConfig> {
        let before = problems.0.len();
        let section = self.id.as_ref().map_or_else(|| format!("audit.forward[{index}]"), |id| format!("audit.forward {id:?}"));
        let id = problems.required(&format!("{section}.id"), self.id.take());
        if id.as_ref().is_some_and(|id| !is_plain(id)) {
            problems.add(&format!("{section}.id"), "has to be 1 to 32 of a-z, 0-9 and hyphens");
        }
        let timeout = seconds(&format!("{section}.timeout_seconds"), self.timeout_seconds.unwrap_or(10.0), 1.0, 30.0, problems);
        let kind = problems.required(&format!("{section}.kind"), self.kind);
        self.foreign(kind, &section, problems);
        let kind = match kind {
            Some(RawForwardKind::Syslog) => self.syslog(&section, problems),
            Some(RawForwardKind::File) => self.file(&section, problems),
            Some(RawForwardKind::Hook) => self.hook(&section, problems),
            None => None,
        };
        (problems.0.len() == before).then_some(ForwardConfig { id: id?, kind: kind?, timeout })
    }

    /// Reports keys of other kinds of targets, which would have no effect.
    fn foreign(&self, kind: Option<RawForwardKind>, section: &str, problems: &mut Problems) {
        let Some(kind) = kind else { return };
        let tls = matches!((kind, self.transport), (RawForwardKind::Hook, _) | (RawForwardKind::Syslog, None | Some(SyslogTransport::Tls)));
        let hook = kind == RawForwardKind::Hook;
        let (syslog, file) = (kind == RawForwardKind::Syslog, kind == RawForwardKind::File);
        for (key, given, fits) in [
            ("host", self.host.is_some(), syslog),
            ("port", self.port.is_some(), syslog),
            ("transport", self.transport.is_some(), syslog),
            ("path", self.path.is_some(), file),
            ("url", self.url.is_some(), hook),
            ("token", self.token.is_some() || self.token_file.is_some(), hook),
            ("signing_key", self.signing_key.is_some() || self.signing_key_file.is_some(), hook),
            ("notices", self.notices.is_some(), hook),
            ("max_age_hours", self.max_age_hours.is_some(), hook),
            ("ca_file", self.ca_file.is_some(), tls),
            ("client_certificate_file", self.client_certificate_file.is_some(), tls),
            ("client_key_file", self.client_key_file.is_some(), tls),
        ] {
            if given && !fits {
                problems.add(&format!("{section}.{key}"), "is not for this kind of target");
            }
        }
    }

    fn syslog(mut self, section: &str, problems: &mut Problems) -> Option<ForwardKind> {
        let host = problems.required(&format!("{section}.host"), self.host.take());
        if host.as_ref().is_some_and(|host| host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/')) {
            problems.add(&format!("{section}.host"), "has to be a name or an address, without a port");
        }
        let (port, tls) = match self.transport.unwrap_or(SyslogTransport::Tls) {
            SyslogTransport::Tls => (6514, self.tls(section, problems)),
            SyslogTransport::Tcp => (601, None),
        };
        let port = self.port.unwrap_or(port);
        if port == 0 {
            problems.add(&format!("{section}.port"), "has to be 1 to 65535");
        }
        Some(ForwardKind::Syslog { host: host?, port, tls })
    }

    fn file(self, section: &str, problems: &mut Problems) -> Option<ForwardKind> {
        let path = problems.required(&format!("{section}.path"), self.path)?;
        if !path.is_absolute() || path.file_name().is_none() {
            problems.add(&format!("{section}.path"), "has to begin with / and name a file");
        }
        Some(ForwardKind::File(path))
    }

    fn hook(mut self, section: &str, problems: &mut Problems) -> Option<ForwardKind> {
        let key = |key: &str| format!("{section}.{key}");
        let url = problems.required(&key("url"), self.url.take());
        if let Some(url) = &url
            && (!is_safe_address(url) || url.contains('#') || url.parse::<http::Uri>().is_err() || reqwest::Url::parse(url).is_err())
        {
            problems.add(&key("url"), "has to begin with https:// (http:// on loopback only), without # and user names");
        }
        let signing_key = secret::one_of(&key("signing_key"), self.signing_key.take(), self.signing_key_file.as_deref(), problems);
        if signing_key.as_ref().is_some_and(|key| key.expose_secret().len() < SHORTEST_KEY) {
            problems.add(&key("signing_key"), "has to have 32 characters or more: `os2nykode config secret` makes one");
        }
        let token = if self.token.is_some() || self.token_file.is_some() {
            let token = secret::one_of(&key("token"), self.token.take(), self.token_file.as_deref(), problems);
            if token.as_ref().is_some_and(|token| !token.expose_secret().chars().all(|c| c.is_ascii_graphic())) {
                problems.add(&key("token"), "holds a character that can't be sent");
            }
            token
        } else {
            None
        };
        let notices = self.notices.take().map_or_else(
            || Notice::USUAL.to_vec(),
            |words| {
                let read = |word: &String| {
                    let notice = Notice::from_code(word);
                    if notice.is_none() {
                        problems.add(&key("notices"), "holds an unknown word: docs/audit-api.md lists the words");
                    }
                    notice
                };
                words.iter().filter_map(read).collect()
            },
        );
        if notices.is_empty() {
            problems.add(&key("notices"), "is empty: no message would ever be sent");
        }
        let hours = self.max_age_hours.unwrap_or(72);
        if !(1..=24 * 30).contains(&hours) {
            problems.add(&key("max_age_hours"), "has to be 1 to 720");
        }
        let tls = self.tls(section, problems)?;
        let max_age = SignedDuration::from_hours(hours.into());
        Some(ForwardKind::Hook(Box::new(HookConfig { url: url?, tls, token, signing_key: signing_key?, notices, max_age })))
    }

    fn tls(&mut self, section: &str, problems: &mut Problems) -> Option<ForwardTls> {
        let certificate = match (self.client_certificate_file.take(), self.client_key_file.take()) {
            (None, None) => None,
            (Some(file), Some(key_file)) => {
                if let Err(error) = std::fs::metadata(&file) {
                    problems.add(&format!("{section}.client_certificate_file"), format!("{}: {error}", file.display()));
                }
                let key = secret::private_key(&format!("{section}.client_key_file"), &key_file, problems)?;
                Some(ClientCertificate { file, key })
            }
            (Some(_), None) | (None, Some(_)) => {
                problems.add(&format!("{section}.client_certificate_file"), "and client_key_file belong together");
                None
            }
        };
        if let Some(file) = &self.ca_file
            && let Err(error) = std::fs::metadata(file)
        {
            problems.add(&format!("{section}.ca_file"), format!("{}: {error}", file.display()));
        }
        Some(ForwardTls { ca_file: self.ca_file.take(), certificate })
    }
}

fn is_plain(id: &str) -> bool {
    (1..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
