//! `[registers]`: registers that map a CPR number to accounts, in addition to AD.

mod rest;
pub(crate) mod service;
mod sql;

use std::collections::BTreeSet;

use serde::Deserialize;

pub use crate::config::registers::rest::RestSource;
pub use crate::config::registers::sql::SqlSource;

use crate::config::problem::Problems;
use crate::model::identity::provider::ProviderId;

/// `[registers]`. Every login with a CPR number queries all registers.
#[derive(Debug, Clone, Default)]
pub struct RegistersConfig {
    /// `[[registers.sql]]`.
    pub sql: Vec<SqlSource>,
    /// `[[registers.rest]]`.
    pub rest: Vec<RestSource>,
}

impl RegistersConfig {
    pub fn is_empty(&self) -> bool {
        self.sql.is_empty() && self.rest.is_empty()
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Raw {
    sql: Vec<crate::config::registers::sql::RawSql>,
    rest: Vec<crate::config::registers::rest::RawRest>,
}

impl Raw {
    pub(crate) fn check(self, problems: &mut Problems) -> Option<RegistersConfig> {
        let before = problems.0.len();
        let sql: Vec<_> = self.sql.into_iter().filter_map(|raw| raw.check(problems)).collect();
        let rest: Vec<_> = self.rest.into_iter().filter_map(|raw| raw.check(problems)).collect();
        let mut known = BTreeSet::new();
        for id in sql.iter().map(|source| &source.id).chain(rest.iter().map(|source| &source.service.id)) {
            if !known.insert(id) {
                problems.add(&format!("people {id:?}"), "two sources have this id");
            }
        }
        (problems.0.len() == before).then_some(RegistersConfig { sql, rest })
    }
}

/// Checks a register's name, which appears in the log and in the output of `check`.
fn id(section: &str, id: &str, problems: &mut Problems) -> Option<String> {
    if ProviderId::parse(id).is_none() {
        problems.add(&format!("{section}.id"), "has to be 1 to 32 lower-case letters, digits and dashes");
        return None;
    }
    Some(id.to_owned())
}
