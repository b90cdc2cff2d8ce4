//! `[audit]`: the audit log.

mod alerts;
mod forward;

pub use crate::config::audit::forward::{ForwardConfig, ForwardKind, ForwardTls, HookConfig};

use std::{path::PathBuf, time::Duration};

use secrecy::ExposeSecret;
use serde::Deserialize;

use crate::config::problem::Problems;
use crate::config::read::secret::{self, Secret};
use crate::{
    model::{
        audit::{RetentionClass, alerts::Thresholds, signing::Signer},
        identity::level::AssuranceLevel,
    },
    operator_file,
};

/// `[audit]`.
#[derive(Debug)]
pub struct Audit {
    /// Keys for the CPR numbers in the audit log. The first encrypts, the others only decrypt. Without a key the log holds no CPR numbers.
    pub cpr_keys: Vec<Secret>,
    /// The key that signs checkpoints, with earlier public keys. `None` = the chain is kept, but nothing is signed and nothing is deleted.
    pub signer: Option<Signer>,
    /// File with the last checkpoint that this machine has signed; `None` without a signing key.
    pub anchor: Option<PathBuf>,
    /// Entries between checkpoints, 10 to 1,000,000.
    pub checkpoint_entries: u32,
    /// Longest time between checkpoints, 1 to 1,440 minutes.
    pub checkpoint_every: Duration,
    pub retention: Retention,
    /// AD groups whose members read the whole audit log. Local accounts with the role `auditor` do too.
    pub auditors: Vec<String>,
    /// Lowest level of a login that reads it.
    pub level: AssuranceLevel,
    /// Targets of log forwarding.
    pub forward: Vec<ForwardConfig>,
    /// Thresholds of the alert rules; `None` = off.
    pub alerts: Option<Thresholds>,
}

/// `[audit.retention]`: months for which entries are kept, 1 to 120.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Retention {
    /// Logins and logouts.
    pub logins: u8,
    /// Operations on passwords and accounts.
    pub passwords: u8,
    /// Views of personal data.
    pub views: u8,
    /// Operation of the service, operators' commands, and alerts.
    pub operations: u8,
}

impl Default for Retention {
    fn default() -> Self {
        Self { logins: 13, passwords: 13, views: 13, operations: 13 }
    }
}

impl Retention {
    /// Months for one class.
    pub fn of(&self, class: RetentionClass) -> u8 {
        match class {
            RetentionClass::Logins => self.logins,
            RetentionClass::Passwords => self.passwords,
            RetentionClass::Views => self.views,
            RetentionClass::Operations => self.operations,
        }
    }
}

#[derive(Deserialize)]
#[serde(default)]
pub(super) struct Raw {
    cpr_key_files: Vec<PathBuf>,
    signing_key_file: Option<PathBuf>,
    anchor_file: Option<PathBuf>,
    earlier_public_key_files: Vec<PathBuf>,
    checkpoint_entries: u32,
    checkpoint_minutes: u16,
    retention: Retention,
    auditors: Vec<String>,
    level: AssuranceLevel,
    forward: Vec<crate::config::audit::forward::Raw>,
    alerts: alerts::Raw,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            cpr_key_files: Vec::new(),
            signing_key_file: None,
            anchor_file: None,
            earlier_public_key_files: Vec::new(),
            checkpoint_entries: 1000,
            checkpoint_minutes: 5,
            retention: Retention::default(),
            auditors: Vec::new(),
            level: AssuranceLevel::Substantial,
            forward: Vec::new(),
            alerts: alerts::Raw::default(),
        }
    }
}

impl Raw {
    pub(super) fn check(self, problems: &mut Problems) -> Option<Audit> {
        let before = problems.0.len();
        let mut cpr_keys: Vec<Secret> = Vec::new();
        for file in &self.cpr_key_files {
            let Some(text) = secret::read("audit.cpr_key", file, problems) else { continue };
            match Secret::parse(text.expose_secret()) {
                Some(key) if cpr_keys.iter().any(|known| known.bytes() == key.bytes()) => {
                    problems.add("audit.cpr_key_files", format!("{}: the same key twice", file.display()));
                }
                Some(key) => cpr_keys.push(key),
                None => problems.add("audit.cpr_key_files", format!("{}: has to be made by `os2nykode config secret`", file.display())),
            }
        }
        let anchor = self.signing_key_file.as_ref().map(|key| self.anchor_file.unwrap_or_else(|| key.with_extension("anchor")));
        let mut signer = self.signing_key_file.and_then(|file| {
            let pem = secret::private_key("audit.signing_key_file", &file, problems)?;
            let signer = Signer::from_pem(pem.expose_secret().as_bytes());
            signer.map_err(|bad| problems.add("audit.signing_key_file", format!("{}: {bad}", file.display()))).ok()
        });
        for file in &self.earlier_public_key_files {
            let Some(signer) = &mut signer else {
                problems.add("audit.earlier_public_key_files", "without audit.signing_key_file nothing is signed");
                break;
            };
            match operator_file::public_key(file) {
                Ok(pem) => {
                    if let Err(bad) = signer.also_knows(pem.as_bytes()) {
                        problems.add("audit.earlier_public_key_files", format!("{}: {bad}", file.display()));
                    }
                }
                Err(error) => problems.add("audit.earlier_public_key_files", format!("{}: {error}", file.display())),
            }
        }
        if !(10..=1_000_000).contains(&self.checkpoint_entries) {
            problems.add("audit.checkpoint_entries", "has to be 10 to 1000000");
        }
        if !(1..=1440).contains(&self.checkpoint_minutes) {
            problems.add("audit.checkpoint_minutes", "has to be 1 to 1440");
        }
        for class in RetentionClass::ALL {
            if !(1..=120).contains(&self.retention.of(*class)) {
                problems.add(&format!("audit.retention.{}", class.code()), "has to be 1 to 120 months");
            }
        }
        let mut forward: Vec<ForwardConfig> = Vec::new();
        for (index, raw) in self.forward.into_iter().enumerate() {
            let Some(target) = raw.check(index, problems) else { continue };
            if forward.iter().any(|known| known.id == target.id) {
                problems.add(&format!("audit.forward {:?}.id", target.id), "two targets have this id");
            }
            forward.push(target);
        }
        let alerts = self.alerts.check(problems);
        (problems.0.len() == before).then_some(Audit {
            cpr_keys,
            signer,
            anchor,
            checkpoint_entries: self.checkpoint_entries,
            checkpoint_every: Duration::from_secs(u64::from(self.checkpoint_minutes) * 60),
            retention: self.retention,
            auditors: self.auditors,
            level: self.level,
            forward,
            alerts,
        })
    }
}
