//! `[directory]`: Active Directory.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::config::problem::Problems;
use crate::config::read::{dn, secret};
use crate::model::ad::dn::dns_name;

/// `[directory]`.
#[derive(Debug)]
pub struct DirectoryConfig {
    /// In order of preference; at least one.
    pub controllers: Vec<ControllerConfig>,
    /// CA of the controllers' certificates (PEM); `None` = the system's roots.
    pub ca_file: Option<PathBuf>,
    /// DN of the domain.
    pub base_dn: String,
    /// Accounts outside these units are unknown to the service. Default: the whole domain.
    pub search_bases: Vec<String>,
    /// The domain's NetBIOS name; `None` = read from AD.
    pub netbios_domain: Option<String>,
    /// The service account, as UPN or DN.
    pub bind_user: String,
    pub bind_password: SecretString,
    /// File of the password. It is read again when AD refuses the password.
    pub bind_password_file: Option<PathBuf>,
    /// Timeout of connecting and reading, 0.1 to 30 s. After it the next controller is used.
    pub timeout: Duration,
    /// Timeout of a write, 1 to 60 s.
    pub write_timeout: Duration,
    /// Timeout of a bind with a person's password, 1 to 60 s. Windows first passes wrong and expired passwords on to the PDC emulator.
    pub bind_timeout: Duration,
    /// Most parallel operations on one controller, each with a connection of the service account, 1 to 256.
    pub pool_size: usize,
    /// Seconds for which a failed controller is tried last, 1 to 3600.
    pub retry_after_seconds: u64,
}

/// `[[directory.controllers]]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ControllerConfig {
    /// DNS name in its certificate.
    pub name: String,
    /// IP address or other name to connect to, if DNS does not know the name.
    pub address: Option<String>,
    /// `None` = 636, or 389 with StartTLS.
    pub port: Option<u16>,
    /// Default: LDAPS.
    #[serde(default)]
    pub transport: TlsStart,
}

/// Start of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsStart {
    /// TLS from the first byte.
    #[default]
    Ldaps,
    /// StartTLS operation on the LDAP port; nothing is sent before it.
    StartTls,
}

#[derive(Deserialize)]
pub(super) struct Raw {
    controllers: Option<Vec<ControllerConfig>>,
    ca_file: Option<PathBuf>,
    base_dn: Option<String>,
    search_bases: Option<Vec<String>>,
    netbios_domain: Option<String>,
    bind_user: Option<String>,
    bind_password: Option<SecretString>,
    bind_password_file: Option<PathBuf>,
    #[serde(default = "timeout_seconds")]
    timeout_seconds: f64,
    #[serde(default = "write_timeout_seconds")]
    write_timeout_seconds: f64,
    #[serde(default = "bind_timeout_seconds")]
    bind_timeout_seconds: f64,
    #[serde(default = "pool_size")]
    pool_size: usize,
    #[serde(default = "retry_after_seconds")]
    retry_after_seconds: u64,
}

fn timeout_seconds() -> f64 {
    2.0
}

fn write_timeout_seconds() -> f64 {
    10.0
}

fn bind_timeout_seconds() -> f64 {
    10.0
}

fn pool_size() -> usize {
    32
}

fn retry_after_seconds() -> u64 {
    30
}

impl DirectoryConfig {
    /// The current content of the service account's password file. `None`: not readable, or not usable.
    pub fn read_bind_password(file: &Path) -> Option<SecretString> {
        let mut problems = Problems::default();
        let read = secret::read("directory.bind_password", file, &mut problems);
        for problem in &problems.0 {
            tracing::warn!(key = problem.key, problem = problem.what, "password file of the service account could not be read again");
        }
        read
    }
}

impl Raw {
    pub(super) fn check(self, problems: &mut Problems) -> Option<DirectoryConfig> {
        let before = problems.0.len();
        let controllers = problems.required("directory.controllers", self.controllers);
        let base_dn = problems.required("directory.base_dn", self.base_dn);
        let bind_user = problems.required("directory.bind_user", self.bind_user);
        if controllers.as_ref().is_some_and(Vec::is_empty) {
            problems.add("directory.controllers", "names no controller");
        }
        for controller in controllers.iter().flatten() {
            check_controller(controller, problems);
        }
        if let Some(file) = &self.ca_file
            && let Err(error) = std::fs::metadata(file)
        {
            problems.add("directory.ca_file", format!("{}: {error}", file.display()));
        }
        let bases = self.search_bases.or_else(|| base_dn.clone().map(|base| vec![base]));
        if bases.as_ref().is_some_and(Vec::is_empty) {
            problems.add("directory.search_bases", "is empty: no account would be known; leave it out for the whole domain");
        }
        let base_dn = base_dn.and_then(|base| dn::one("directory.base_dn", &base, problems));
        let bases = bases.map(|bases| dn::all("directory.search_bases", bases, problems));
        for (key, dn) in
            base_dn.iter().map(|b| ("directory.base_dn", b)).chain(bases.iter().flatten().map(|b| ("directory.search_bases", b)))
        {
            if dns_name(dn).is_empty() {
                problems.add(key, "has to end with the domain, such as DC=kommune,DC=dk");
            }
        }
        if bind_user.as_ref().is_some_and(|user| user.trim().is_empty()) {
            problems.add("directory.bind_user", "is empty");
        }
        let timeout = seconds("directory.timeout_seconds", self.timeout_seconds, 0.1, 30.0, problems);
        let write_timeout = seconds("directory.write_timeout_seconds", self.write_timeout_seconds, 1.0, 60.0, problems);
        let bind_timeout = seconds("directory.bind_timeout_seconds", self.bind_timeout_seconds, 1.0, 60.0, problems);
        if !(1..=256).contains(&self.pool_size) {
            problems.add("directory.pool_size", "has to be 1 to 256");
        }
        if !(1..=3600).contains(&self.retry_after_seconds) {
            problems.add("directory.retry_after_seconds", "has to be 1 to 3600");
        }
        let password = secret::one_of("directory.bind_password", self.bind_password, self.bind_password_file.as_deref(), problems)?;
        if password.expose_secret().is_empty() {
            problems.add("directory.bind_password", "is empty, which would be an anonymous login");
        }
        let (controllers, base_dn, search_bases, bind_user) = (controllers?, base_dn?, bases?, bind_user?);
        (problems.0.len() == before).then_some(DirectoryConfig {
            controllers,
            ca_file: self.ca_file,
            base_dn,
            search_bases,
            netbios_domain: self.netbios_domain,
            bind_user,
            bind_password: password,
            bind_password_file: self.bind_password_file,
            timeout,
            write_timeout,
            bind_timeout,
            pool_size: self.pool_size,
            retry_after_seconds: self.retry_after_seconds,
        })
    }
}

fn check_controller(ControllerConfig { name, address, port, transport: _ }: &ControllerConfig, problems: &mut Problems) {
    if address.as_ref().is_some_and(|address| address.is_empty() || address.contains(['/', '[', ' '])) {
        problems.add("directory.controllers.address", "has to be an IP address or a DNS name, without scheme or port");
    }
    if *port == Some(0) {
        problems.add("directory.controllers.port", "has to be 1 to 65535; leave it out for 636, or 389 with StartTLS");
    }
    if name.to_ascii_lowercase().starts_with("ldap://") {
        let what = "plain LDAP would send passwords in clear text and is not offered: write the controller's DNS name; LDAPS is used, or StartTLS with transport = \"starttls\"";
        problems.add("directory.controllers.name", what);
    } else if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-') {
        problems.add("directory.controllers.name", "has to be the DNS name on the controller's certificate, without scheme or port");
    }
}

/// A timeout in seconds, within a range.
pub(super) fn seconds(key: &str, value: f64, least: f64, most: f64, problems: &mut Problems) -> Duration {
    if (least..=most).contains(&value) {
        Duration::from_secs_f64(value)
    } else {
        problems.add(key, format!("has to be {least} to {most}"));
        Duration::from_secs(1)
    }
}
