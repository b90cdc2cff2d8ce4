//! `[policy.leaked]`: passwords that are known from leaks.

use std::path::PathBuf;

use serde::Deserialize;

use crate::config::problem::Problems;
use crate::model::{address::is_safe_address, leaked::WhenUnavailable};

/// The public service.
const PUBLIC: &str = "https://api.pwnedpasswords.com";
/// Above this `min_count` hardly a leaked password would be refused.
const LARGEST_COUNT: u64 = 1_000_000;

/// `[policy.leaked]`. With neither `file` nor `online` nothing is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeakedConfig {
    /// The list on this machine, made by `os2nykode leaked import`.
    pub file: Option<PathBuf>,
    /// The range API, where it may be asked.
    pub online: Option<LeakedOnline>,
    /// Seen in leaks less often than this, a password counts as not leaked. 1 to 1,000,000.
    pub min_count: u64,
    /// What happens to a new password that can't be looked up.
    pub when_unavailable: WhenUnavailable,
}

impl LeakedConfig {
    /// Whether there is a list or a service to ask.
    pub fn is_on(&self) -> bool {
        self.file.is_some() || self.online.is_some()
    }
}

impl Default for LeakedConfig {
    /// Nothing is looked up.
    fn default() -> Self {
        Self { file: None, online: None, min_count: 1, when_unavailable: WhenUnavailable::default() }
    }
}

/// How the range API is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeakedOnline {
    /// What stands before `/range/`.
    pub address: String,
    /// The CA of its certificate; the system's where not set.
    pub ca_file: Option<PathBuf>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Raw {
    file: Option<PathBuf>,
    online: bool,
    address: Option<String>,
    allow_http: bool,
    ca_file: Option<PathBuf>,
    min_count: Option<u64>,
    when_unavailable: Option<WhenUnavailable>,
}

impl Raw {
    pub(crate) fn check(self, problems: &mut Problems) -> Option<LeakedConfig> {
        let before = problems.0.len();
        let key = |key: &str| format!("policy.leaked.{key}");
        if self.file.as_ref().is_some_and(|file| !file.is_absolute() || file.file_name().is_none()) {
            problems.add(&key("file"), "has to begin with / and name a file; `os2nykode leaked import` makes it");
        }
        let min_count = self.min_count.unwrap_or(1);
        if !(1..=LARGEST_COUNT).contains(&min_count) {
            problems.add(&key("min_count"), "has to be 1 to 1000000");
        }
        if !self.online {
            let given = [("address", self.address.is_some()), ("ca_file", self.ca_file.is_some()), ("allow_http", self.allow_http)];
            for (name, _) in given.iter().filter(|(_, given)| *given) {
                problems.add(&key(name), "is not used without online = true");
            }
        }
        if self.file.is_none() && !self.online {
            for (name, given) in [("min_count", self.min_count.is_some()), ("when_unavailable", self.when_unavailable.is_some())] {
                if given {
                    problems.add(&key(name), "is not used without file or online = true");
                }
            }
        }
        if let Some(file) = &self.ca_file
            && let Err(error) = std::fs::metadata(file)
        {
            problems.add(&key("ca_file"), format!("{}: {error}", file.display()));
        }
        let address = self.address.unwrap_or_else(|| PUBLIC.to_owned());
        if let Some(what) = wrong_address(&address, self.allow_http) {
            problems.add(&key("address"), what);
        }
        let online = self.online.then_some(LeakedOnline { address, ca_file: self.ca_file });
        let when_unavailable = self.when_unavailable.unwrap_or_default();
        let leaked = LeakedConfig { file: self.file, online, min_count, when_unavailable };
        (problems.0.len() == before).then_some(leaked)
    }
}

/// The fault of an address. With `allow_http` one on another machine may be asked in clear: the five digits can be read on the way then,
/// and the answer changed.
fn wrong_address(address: &str, allow_http: bool) -> Option<&'static str> {
    let like_https = address.strip_prefix("http://").filter(|_| allow_http).map(|rest| format!("https://{rest}"));
    if !is_safe_address(like_https.as_deref().unwrap_or(address)) {
        return Some("has to begin with https:// (http:// on this machine only, or with allow_http = true), without user names");
    }
    if address.contains(['?', '#']) || address.parse::<http::Uri>().is_err() || reqwest::Url::parse(address).is_err() {
        return Some("has to be an address to which /range/ can be added, without ? and #");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::load_text;

    fn section(keys: &str) -> Result<LeakedConfig, Vec<String>> {
        let read = load_text(&format!("[policy.leaked]\n{keys}"));
        read.map(|config| config.policy.leaked).map_err(|problems| problems.to_string().lines().map(str::to_owned).collect())
    }

    #[test]
    fn without_the_section_nothing_is_looked_up() {
        let off = LeakedConfig { file: None, online: None, min_count: 1, when_unavailable: WhenUnavailable::Accept };
        assert_eq!(load_text("").expect("complete").policy.leaked, off);
        assert_eq!(section(""), Ok(off));
    }

    #[test]
    fn every_key_is_read() {
        let keys = "file = \"/var/lib/os2nykode/leaked.list\"\nonline = true\naddress = \"https://mirror.kommune.dk/pwned/\"\n\
                    min_count = 10\nwhen_unavailable = \"refuse\"";
        let read = section(keys).expect("complete");
        assert_eq!(read.file.as_deref(), Some(std::path::Path::new("/var/lib/os2nykode/leaked.list")));
        assert_eq!(read.online.expect("on").address, "https://mirror.kommune.dk/pwned/");
        assert_eq!((read.min_count, read.when_unavailable), (10, WhenUnavailable::Refuse));
        assert_eq!(section("online = true").expect("complete").online.expect("on").address, PUBLIC);
    }

    #[test]
    fn what_is_wrong_is_told_by_its_key() {
        for (keys, expected) in [
            ("fil = \"/x\"", "policy.leaked.fil: unknown key; did you mean file?"),
            ("when_unavailable = \"ignore\"\nonline = true", "policy.leaked.when_unavailable: "),
            ("file = \"leaked.list\"", "policy.leaked.file: has to begin with /"),
            ("online = true\nmin_count = 0", "policy.leaked.min_count: has to be 1 to 1000000"),
            ("online = true\nmin_count = -3", "policy.leaked.min_count: has to be a whole number"),
            ("min_count = 3", "policy.leaked.min_count: is not used without"),
            ("when_unavailable = \"refuse\"", "policy.leaked.when_unavailable: is not used without"),
            ("file = \"/x\"\naddress = \"https://x.dk\"", "policy.leaked.address: is not used without online = true"),
            ("file = \"/x\"\nallow_http = true", "policy.leaked.allow_http: is not used without online = true"),
            ("online = true\nca_file = \"/none/at/all.pem\"", "policy.leaked.ca_file: /none/at/all.pem: "),
        ] {
            let told = section(keys).expect_err("refused");
            assert!(told.len() == 1 && told[0].starts_with(expected), "{keys}: {told:?}");
        }
    }

    #[test]
    fn http_is_for_this_machine_or_by_an_explicit_word() {
        let online = |address: &str, more: &str| section(&format!("online = true\naddress = {address:?}\n{more}")).is_ok();
        for address in ["https://mirror.kommune.dk", "http://127.0.0.1:8080", "http://localhost/pwned", "http://[::1]:8080"] {
            assert!(online(address, ""), "{address}");
        }
        for address in
            ["http://mirror.kommune.dk", "ftp://x.dk", "https://", "https://u@x.dk", "https://x.dk?a=b", "https://x.dk#a", "x.dk"]
        {
            assert!(!online(address, ""), "{address}");
        }
        assert!(online("http://mirror.kommune.dk", "allow_http = true"));
        assert!(!online("http://u@mirror.kommune.dk", "allow_http = true") && !online("ftp://x.dk", "allow_http = true"));
    }
}
