//! Reads the configuration from the file and the environment, and lists all problems at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use data_encoding::HEXLOWER;
use ring::digest::{SHA256, digest};
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use crate::config::problem::{MISSING, Problems};
use crate::config::{
    Config, Oidc, RegistersConfig, ResetConfig, Saml, audit,
    delegation::{self, codes, parents},
    directory,
    identity::{oidc, saml},
    local_accounts, log, login, policy, providers, rate_limit,
    read::{
        secret::{self, SECRETS},
        suggest,
    },
    registers, reset, server, site, store,
};
use crate::operator_file::{self, OperatorText};

/// Prefix of environment variables that override a key; `__` separates levels.
pub(crate) const PREFIX: &str = "OS2NYKODE__";
const SECTIONS: [&str; 18] = [
    "site",
    "server",
    "store",
    "directory",
    "login",
    "session",
    "rate_limit",
    "policy",
    "reset",
    "delegation",
    "codes",
    "local_accounts",
    "saml",
    "oidc",
    "registers",
    "parents",
    "audit",
    "log",
];

/// Reads the file, applies the environment, and checks all sections.
pub fn load(path: &Path, environment: impl Iterator<Item = (String, String)>) -> Result<Config, Problems> {
    let mut problems = Problems::default();
    // Without the file every key would be reported as missing.
    let Some(mut table) = read(path, &mut problems) else { return Err(problems) };
    // Sorted by name, so that a section precedes its keys and the result does not depend on the order of the environment.
    let overrides: BTreeMap<String, String> =
        environment.filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?.to_lowercase(), value))).collect();
    for (key, value) in overrides {
        overlay(&mut table, &key, value, &mut problems);
    }
    for key in table.keys().filter(|key| !SECTIONS.contains(&key.as_str())) {
        problems.add(key, unknown(key));
    }
    let by_section =
        table.iter().map(|(name, value)| (name.clone(), fingerprint(&Table::from_iter([(name.clone(), value.clone())])))).collect();
    let fingerprint = fingerprint(&table);
    let sections = Sections {
        site: section(&table, "site", &mut problems),
        server: section(&table, "server", &mut problems),
        store: section(&table, "store", &mut problems),
        directory: section(&table, "directory", &mut problems),
        login: section(&table, "login", &mut problems),
        session: section(&table, "session", &mut problems),
        rate_limit: section(&table, "rate_limit", &mut problems),
        policy: section(&table, "policy", &mut problems),
        reset: section(&table, "reset", &mut problems),
        delegation: section(&table, "delegation", &mut problems),
        codes: section(&table, "codes", &mut problems),
        local_accounts: section(&table, "local_accounts", &mut problems),
        saml: section(&table, "saml", &mut problems),
        oidc: section(&table, "oidc", &mut problems),
        registers: section(&table, "registers", &mut problems),
        // Off without the section; with it, the section must be complete.
        parents: if table.contains_key("parents") { section(&table, "parents", &mut problems) } else { None },
        audit: section(&table, "audit", &mut problems),
        log: section(&table, "log", &mut problems),
    };
    let config = sections.check(fingerprint, by_section, &mut problems);
    match config {
        Some(config) if problems.0.is_empty() => Ok(config),
        _ => Err(problems),
    }
}

/// The sections as written; `None` if a section could not be read, which is a problem already.
struct Sections {
    site: Option<site::Raw>,
    server: Option<server::Raw>,
    store: Option<store::Raw>,
    directory: Option<directory::Raw>,
    login: Option<login::RawLogin>,
    session: Option<login::RawSession>,
    rate_limit: Option<rate_limit::Raw>,
    policy: Option<policy::Raw>,
    reset: Option<reset::Raw>,
    delegation: Option<delegation::Raw>,
    codes: Option<codes::Raw>,
    local_accounts: Option<local_accounts::Raw>,
    saml: Option<saml::Raw>,
    oidc: Option<oidc::Raw>,
    registers: Option<registers::Raw>,
    parents: Option<parents::Raw>,
    audit: Option<audit::Raw>,
    log: Option<log::Raw>,
}

impl Sections {
    /// Checks every section, even if others have problems.
    fn check(self, fingerprint: String, sections: BTreeMap<String, String>, problems: &mut Problems) -> Option<Config> {
        let site = self.site.and_then(|raw| raw.check(problems));
        let server = self.server.and_then(|raw| raw.check(problems));
        let store = self.store.and_then(|raw| raw.check(problems));
        let directory = self.directory.and_then(|raw| raw.check(problems));
        let login = self.login.and_then(|raw| raw.check(problems));
        let session = self.session.and_then(|raw| raw.check(problems));
        let rate_limit = self.rate_limit.and_then(|raw| raw.check(problems));
        let policy = self.policy.and_then(|raw| raw.check(problems));
        let reset = self.reset.and_then(|raw| raw.check(problems));
        let delegation = self.delegation.and_then(|raw| raw.check(problems));
        let codes = self.codes.and_then(|raw| raw.check(problems));
        let saml = self.saml.and_then(|raw| raw.check(problems));
        let oidc = self.oidc.and_then(|raw| raw.check(problems));
        let registers = self.registers.and_then(|raw| raw.check(problems));
        let has_family = self.parents.is_some();
        let parents = self.parents.and_then(|raw| raw.check(problems)); // an invalid section is a problem already
        let audit = self.audit.and_then(|raw| raw.check(problems));
        let log = self.log.and_then(|raw| raw.check(problems));
        if let (Some(reset), Some(saml), Some(oidc)) = (&reset, &saml, &oidc) {
            names(reset, saml, oidc, problems);
        }
        if let (Some(registers), Some(saml), Some(oidc)) = (&registers, &saml, &oidc) {
            somewhere(registers, saml, oidc, problems);
        }
        if delegation.as_ref().is_some_and(|delegation| delegation.must_change.asks_nobody(has_family)) {
            let what = "no source of an age: set cpr_attribute, the AD attribute that holds the CPR number, or set up the family service in [parents]";
            problems.add("delegation.must_change.from_age", what);
        }
        Some(Config {
            fingerprint,
            sections,
            site: site?,
            server: server?,
            store: store?,
            directory: directory?,
            login: login?,
            session: session?,
            rate_limit: rate_limit?,
            policy: policy?,
            reset: reset?,
            delegation: delegation?,
            codes: codes?,
            local_accounts: self.local_accounts?,
            saml: saml?,
            oidc: oidc?,
            registers: registers?,
            parents,
            audit: audit?,
            log: log?,
        })
    }
}

/// Provider IDs have to be unique, and references have to name a configured provider.
fn names(reset: &ResetConfig, saml: &Saml, oidc: &Oidc, problems: &mut Problems) {
    let mut known = BTreeSet::new();
    for provider in providers(saml, oidc) {
        if !known.insert(&provider.id) {
            problems.add(&format!("provider {:?}", provider.id.as_str()), "two providers have this id");
        }
    }
    for (key, id) in reset.named().filter(|(_, id)| !known.contains(id)) {
        problems.add(&key, format!("there is no provider {:?}", id.as_str()));
    }
}

/// Every provider needs an AD attribute for its claim, or a register.
fn somewhere(registers: &RegistersConfig, saml: &Saml, oidc: &Oidc, problems: &mut Problems) {
    for provider in providers(saml, oidc).filter(|provider| provider.match_attribute.is_none() && registers.is_empty()) {
        let what = "missing: the LDAP name of the AD attribute that holds the CPR number, such as employeeNumber; or set up a register in [registers]";
        problems.add(&format!("provider {:?}.match.ad_attribute", provider.id.as_str()), what);
    }
}

fn read(path: &Path, problems: &mut Problems) -> Option<Table> {
    let shown = path.display().to_string();
    let OperatorText { text, mode } = operator_file::text(path).map_err(|error| problems.add(&shown, error.to_string())).ok()?;
    match text.parse::<Table>() {
        Ok(table) => {
            if let (Some(key), Err(open)) = (secret::inline(&table), operator_file::closed(path, mode)) {
                problems.add(&shown, format!("holds a secret ({key}), and {open}"));
            }
            Some(table)
        }
        Err(error) => {
            // The library's own text quotes the line, which may hold a secret.
            let line = error.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            problems.add(&shown, format!("line {line} is not TOML: {}", error.message()));
            None
        }
    }
}

/// SHA-256 of the configuration as it was put together, without the values of secrets: two instances with one configuration have the same, and one that was changed
/// has another. What stands in files (keys, certificates, metadata) is not in it.
fn fingerprint(table: &Table) -> String {
    fn veiled(value: &Value) -> Value {
        match value {
            Value::Table(table) => Value::Table(
                table
                    .iter()
                    .map(|(key, value)| (key.clone(), if SECRETS.contains(&key.as_str()) { Value::from("…") } else { veiled(value) }))
                    .collect(),
            ),
            Value::Array(list) => Value::Array(list.iter().map(veiled).collect()),
            Value::String(_) | Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => value.clone(),
        }
    }
    let sorted = veiled(&Value::Table(table.clone())).to_string();
    HEXLOWER.encode(digest(&SHA256, sorted.as_bytes()).as_ref())
}

/// `directory__base_dn` = value. A value in the form of a TOML number, boolean, list or table is parsed as such, any other as text.
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
    let read = if SECRETS.contains(&last) { None } else { toml_value(&value) };
    place.insert(last.to_owned(), read.unwrap_or(Value::String(value)));
}

/// Parses the whole text as one TOML value. Dates stay text: no key takes a date.
fn toml_value(text: &str) -> Option<Value> {
    let mut table = format!("v = {text}").parse::<Table>().ok().filter(|table| table.len() == 1)?;
    table.remove("v").filter(|value| !value.is_datetime())
}

/// Reads one section. Unknown keys and the first wrong type are problems.
fn section<T: DeserializeOwned>(table: &Table, name: &str, problems: &mut Problems) -> Option<T> {
    let value = table.get(name).cloned().unwrap_or_else(|| Value::Table(Table::new()));
    let mut unknown_keys = Vec::new();
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(value, &mut track);
    let read = serde_ignored::deserialize(tracked, |path| unknown_keys.push(path.to_string().replace("?.", "").replace(".?", "")));
    for key in unknown_keys {
        let last = key.rsplit('.').next().unwrap_or_default();
        problems.add(&format!("{name}.{key}"), format!("unknown key; {}", suggest::key(last)));
    }
    match read {
        Ok(read) => Some(read),
        Err(error) => {
            let path = track.path().to_string();
            let mut key = if path == "." { name.to_owned() } else { format!("{name}.{path}") };
            let text = error.to_string();
            if let Some(field) = text.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
                key = format!("{key}.{field}");
                problems.add(&key, MISSING);
            } else {
                problems.add(&key, wrong(&text));
            }
            None
        }
    }
}

/// The library's message on a wrong value, without the value, which may be a secret. A value can hold any text, so only the part after the
/// last `, expected ` is certainly the library's own. Field names are ours.
fn wrong(text: &str) -> String {
    let Some((_, expected)) = text.rsplit_once(", expected ") else {
        let own = text.lines().next().unwrap_or_default().split(['"', '`', '\'']).next().unwrap_or_default();
        return if own.trim().is_empty() { "can't be read".to_owned() } else { own.trim().to_owned() };
    };
    let expected = match expected.lines().next().unwrap_or_default().trim() {
        "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "f64" => "a number",
        "a string" | "path string" => "text in quotes",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        other if other.starts_with("struct ") => "a section",
        other => other,
    };
    format!("has to be {expected}")
}

/// The message for an unknown section, with a suggestion.
fn unknown(key: &str) -> String {
    if let Some(new) = suggest::renamed(key) {
        return format!("unknown section; it is called [{new}] now");
    }
    match suggest::nearest(key, SECTIONS.into_iter()) {
        Some(near) => format!("unknown section; did you mean [{near}]?"),
        None => format!("unknown section; there are {}", SECTIONS.join(", ")),
    }
}
