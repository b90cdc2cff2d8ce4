//! Reads the file and the environment, and says everything that is wrong at once.

use std::{fmt, path::Path};

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::{Config, directory, log, login, policy, secret, server, site, store, throttle};

/// The beginning of every environment variable that overrides a key; `__` goes down one level.
const PREFIX: &str = "OS2NYKODE__";
const SECTIONS: [&str; 9] = ["site", "server", "store", "directory", "login", "session", "throttle", "policy", "log"];

/// Something wrong with one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key, as `section.key`.
    pub key: String,
    /// What is wrong and what to do. Never holds the value of a secret.
    pub what: String,
}

/// Everything that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    pub(super) fn add(&mut self, key: &str, what: impl Into<String>) {
        self.0.push(Problem { key: key.to_owned(), what: what.into() });
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|p| writeln!(f, "{}: {}", p.key, p.what))
    }
}

impl std::error::Error for Problems {}

/// Reads the file, lays the environment over it, and checks everything.
pub fn load(path: &Path, environment: impl Iterator<Item = (String, String)>) -> Result<Config, Problems> {
    let mut problems = Problems::default();
    let mut table = read(path, &mut problems);
    for (name, value) in environment {
        if let Some(key) = name.strip_prefix(PREFIX) {
            overlay(&mut table, &key.to_lowercase(), value, &mut problems);
        }
    }
    for key in table.keys().filter(|key| !SECTIONS.contains(&key.as_str())) {
        problems.add(key, unknown(key, &SECTIONS));
    }
    let sections = Sections {
        site: section(&table, "site", &mut problems),
        server: section(&table, "server", &mut problems),
        store: section(&table, "store", &mut problems),
        directory: section(&table, "directory", &mut problems),
        login: section(&table, "login", &mut problems),
        session: section(&table, "session", &mut problems),
        throttle: section(&table, "throttle", &mut problems),
        policy: section(&table, "policy", &mut problems),
        log: section(&table, "log", &mut problems),
    };
    let config = sections.check(&mut problems);
    match config {
        Some(config) if problems.0.is_empty() => Ok(config),
        _ => Err(problems),
    }
}

/// The sections as written; `None` where one can't be read, which is a problem already.
struct Sections {
    site: Option<site::Raw>,
    server: Option<server::Raw>,
    store: Option<store::Raw>,
    directory: Option<directory::Raw>,
    login: Option<login::RawLogin>,
    session: Option<login::RawSession>,
    throttle: Option<throttle::Raw>,
    policy: Option<policy::Raw>,
    log: Option<log::Raw>,
}

impl Sections {
    /// Checks every section, whatever the others are like.
    fn check(self, problems: &mut Problems) -> Option<Config> {
        let site = self.site.and_then(|raw| raw.check(problems));
        let server = self.server.and_then(|raw| raw.check(problems));
        let store = self.store.and_then(|raw| raw.check(problems));
        let directory = self.directory.and_then(|raw| raw.check(problems));
        let login = self.login.and_then(|raw| raw.check(problems));
        let session = self.session.and_then(|raw| raw.check(problems));
        let throttle = self.throttle.and_then(|raw| raw.check(problems));
        let policy = self.policy.and_then(|raw| raw.check(problems));
        let log = self.log.and_then(|raw| raw.check(problems));
        Some(Config {
            site: site?,
            server: server?,
            store: store?,
            directory: directory?,
            login: login?,
            session: session?,
            throttle: throttle?,
            policy: policy?,
            log: log?,
        })
    }
}

fn read(path: &Path, problems: &mut Problems) -> Table {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            problems.add(&path.display().to_string(), format!("can't be read: {error}"));
            return Table::new();
        }
    };
    text.parse().unwrap_or_else(|error: toml::de::Error| {
        // The library's own text quotes the line, which may hold a secret.
        let line = error.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        problems.add(&path.display().to_string(), format!("line {line} is not TOML: {}", error.message()));
        Table::new()
    })
}

/// Keys whose value is a secret: always text, whatever it looks like.
const SECRETS: [&str; 3] = ["secret", "bind_password", "url"];

/// `directory__base_dn` = value. A value that reads as a TOML number, truth value, list or table is taken as that, anything else as text.
fn overlay(table: &mut Table, key: &str, value: String, problems: &mut Problems) {
    let mut path = key.split("__").collect::<Vec<_>>();
    let last = path.pop().unwrap_or_default();
    let mut place = table;
    for step in path {
        let below = place.entry(step).or_insert_with(|| Value::Table(Table::new()));
        let Value::Table(below) = below else {
            problems.add(&format!("{PREFIX}{}", key.to_uppercase()), "goes below a key that is not a section");
            return;
        };
        place = below;
    }
    let read = if SECRETS.contains(&last) { None } else { format!("v = {value}").parse::<Table>().ok().and_then(|mut t| t.remove("v")) };
    place.insert(last.to_owned(), read.unwrap_or(Value::String(value)));
}

/// Reads one section; unknown keys and the first wrong type are problems.
fn section<T: DeserializeOwned>(table: &Table, name: &str, problems: &mut Problems) -> Option<T> {
    let value = table.get(name).cloned().unwrap_or_else(|| Value::Table(Table::new()));
    let mut unknown_keys = Vec::new();
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(value, &mut track);
    let read = serde_ignored::deserialize(tracked, |path| unknown_keys.push(path.to_string().replace("?.", "").replace(".?", "")));
    for key in unknown_keys {
        problems.add(&format!("{name}.{key}"), "unknown key; see config/example.toml for the keys that there are");
    }
    match read {
        Ok(read) => Some(read),
        Err(error) => {
            let path = track.path().to_string();
            let key = if path == "." { name.to_owned() } else { format!("{name}.{path}") };
            problems.add(&key, plain(&secret::without_values(&error.to_string())));
            None
        }
    }
}

/// The library's words for a wrong type, in one line.
fn plain(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().replace("missing field", "missing:")
}

/// An unknown name, and the known one that it may have been meant to be.
fn unknown(key: &str, known: &[&str]) -> String {
    let alike = known.iter().find(|k| k.starts_with(key) || key.starts_with(*k) || k.chars().next() == key.chars().next());
    match alike {
        Some(near) => format!("unknown section; did you mean [{near}]?"),
        None => format!("unknown section; there are {}", known.join(", ")),
    }
}
