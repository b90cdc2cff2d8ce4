//! `[[registers.rest]]`: a web service as a register.

use crate::{
    config::{
        identity::oidc::is_pointer_or_name,
        problem::Problems,
        registers::service::{ServiceConfig, with_service_keys},
    },
    model::account::reference::AccountRefKind,
};

#[derive(Debug, Clone)]
pub struct RestSource {
    pub service: ServiceConfig,
    /// The attribute by which it identifies accounts.
    pub account_key: AccountRefKind,
    /// Position of the account in an object of the answer: a literal member name, or a JSON pointer. `None` = the answer holds strings.
    pub field: Option<String>,
}

with_service_keys! {
    struct RawRest {
        id: Option<String>,
        account_key: Option<AccountRefKind>,
        field: Option<String>,
    }
}

impl RawRest {
    pub(crate) fn check(mut self, problems: &mut Problems) -> Option<RestSource> {
        let before = problems.0.len();
        let name = self.id.take().unwrap_or_default();
        let section = format!("registers.rest {name:?}");
        let key = |key: &str| format!("{section}.{key}");
        let id = crate::config::registers::id(&section, &name, problems);
        let service = self.service().check(name.clone(), &section, problems);
        let account_key = problems.required(&key("account_key"), self.account_key);
        if self.field.as_ref().is_some_and(|field| !is_pointer_or_name(field)) {
            problems.add(&key("field"), "is neither a member name nor a JSON pointer");
        }
        id?;
        (problems.0.len() == before).then_some(RestSource { service: service?, account_key: account_key?, field: self.field })
    }
}
