//! AD's password and lockout policy of an account: its password settings object, else the domain's policy.
//!
//! A policy is cached for a minute, for displaying rules and explaining refusals. AD itself enforces its policy at the write.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::directory::{ControllerSession, Directory, DirectoryError, session::entry::LdapEntry};
use crate::model::{account::Account, ad::filetime, password_policy::PasswordPolicy, rate_limit::lockout_guard::LockoutRules};

const FRESH: Duration = Duration::from_mins(1);

/// AD's policy for one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdPolicy {
    pub password: PasswordPolicy,
    pub lockout: LockoutRules,
}

/// Policies by the DN of their object.
pub(crate) type PolicyCache = Mutex<HashMap<String, (Instant, AdPolicy)>>;

/// Attribute names, which differ between a password settings object and the domain.
struct PolicyAttributes {
    min_length: &'static str,
    history: &'static str,
    min_age: &'static str,
    threshold: &'static str,
    window: &'static str,
}

const PSO: PolicyAttributes = PolicyAttributes {
    min_length: "msDS-MinimumPasswordLength",
    history: "msDS-PasswordHistoryLength",
    min_age: "msDS-MinimumPasswordAge",
    threshold: "msDS-LockoutThreshold",
    window: "msDS-LockoutObservationWindow",
};
const PSO_COMPLEXITY: &str = "msDS-PasswordComplexityEnabled";
pub(crate) const PSO_ATTRIBUTES: &[&str] = &[PSO.min_length, PSO.history, PSO.min_age, PSO.threshold, PSO.window, PSO_COMPLEXITY];

const DOMAIN: PolicyAttributes = PolicyAttributes {
    min_length: "minPwdLength",
    history: "pwdHistoryLength",
    min_age: "minPwdAge",
    threshold: "lockoutThreshold",
    window: "lockOutObservationWindow",
};
const DOMAIN_COMPLEXITY: &str = "pwdProperties";
const DOMAIN_ATTRIBUTES: &[&str] = &[DOMAIN.min_length, DOMAIN.history, DOMAIN.min_age, DOMAIN.threshold, DOMAIN.window, DOMAIN_COMPLEXITY];

impl Directory {
    /// Empties the cache.
    pub fn forget_policies(&self) {
        self.policies.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The domain's policy, for the check command.
    pub async fn domain_policy(&self) -> Result<(AdPolicy, ControllerSession), DirectoryError> {
        self.read(|mut pinned| async move { (self.read_policy(&mut pinned, None).await, pinned) }).await
    }

    /// The policy that AD applies to the account. An unreadable part is an error: no weaker default is assumed.
    pub async fn policy(&self, pinned: &mut ControllerSession, account: &Account) -> Result<AdPolicy, DirectoryError> {
        self.read_policy(pinned, account.resultant_pso.as_deref()).await
    }

    /// `pso`: DN of a password settings object; `None` for the domain's policy.
    async fn read_policy(&self, pinned: &mut ControllerSession, pso: Option<&str>) -> Result<AdPolicy, DirectoryError> {
        let dn = pso.unwrap_or(&self.base_dn);
        let cached = self.policies.lock().unwrap_or_else(PoisonError::into_inner).get(dn).filter(|(at, _)| at.elapsed() < FRESH).cloned();
        if let Some((_, policy)) = cached {
            return Ok(policy);
        }
        let attributes = if pso.is_some() { PSO_ATTRIBUTES } else { DOMAIN_ATTRIBUTES };
        let entry = pinned.connection().read_object(dn, "(objectClass=*)", attributes).await?;
        let unreadable = || DirectoryError::PolicyUnreadable(dn.to_owned());
        let entry = entry.ok_or_else(unreadable)?;
        let policy = if pso.is_some() { from_pso(&entry) } else { from_domain(&entry) }.ok_or_else(unreadable)?;
        self.policies.lock().unwrap_or_else(PoisonError::into_inner).insert(dn.to_owned(), (Instant::now(), policy.clone()));
        Ok(policy)
    }
}

pub(crate) fn from_pso(entry: &LdapEntry) -> Option<AdPolicy> {
    let complexity = match entry.text(PSO_COMPLEXITY)? {
        "TRUE" => true,
        "FALSE" => false,
        _ => return None,
    };
    parse(entry, &PSO, complexity)
}

fn from_domain(entry: &LdapEntry) -> Option<AdPolicy> {
    parse(entry, &DOMAIN, entry.number(DOMAIN_COMPLEXITY)? & 1 == 1)
}

fn parse(entry: &LdapEntry, names: &PolicyAttributes, complexity: bool) -> Option<AdPolicy> {
    let count = |name| u32::try_from(entry.number(name)?).ok();
    Some(AdPolicy {
        password: PasswordPolicy {
            min_length: count(names.min_length)?,
            complexity,
            history: count(names.history)?,
            min_age: filetime::span(entry.number(names.min_age)?),
            ..PasswordPolicy::default()
        },
        lockout: LockoutRules { threshold: count(names.threshold)?, window: filetime::span(entry.number(names.window)?) },
    })
}
