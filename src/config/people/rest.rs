//! `[[people.rest]]`: a web service that is asked.

use crate::{
    config::{
        load::Problems,
        oidc::is_pointer_or_name,
        service::{Service, with_service_keys},
    },
    model::account_ref::AccountRefKind,
};

/// One web service.
#[derive(Debug, Clone)]
pub struct RestSource {
    /// How it is asked.
    pub service: Service,
    /// What it names accounts by.
    pub answers: AccountRefKind,
    /// Where in an object of its answer the account stands: a member's literal name, or a JSON pointer. `None` = it answers texts.
    pub field: Option<String>,
}

with_service_keys! {
    struct RawRest {
        id: Option<String>,
        answers: Option<AccountRefKind>,
        field: Option<String>,
    }
}

impl RawRest {
    pub(super) fn check(mut self, problems: &mut Problems) -> Option<RestSource> {
        let before = problems.0.len();
        let name = self.id.take().unwrap_or_default();
        let section = format!("people.rest {name:?}");
        let key = |key: &str| format!("{section}.{key}");
        let id = super::id(&section, &name, problems);
        let service = self.service().check(name.clone(), &section, problems);
        let answers = problems.required(&key("answers"), self.answers);
        if self.field.as_ref().is_some_and(|field| !is_pointer_or_name(field)) {
            problems.add(&key("field"), "is no member's name and no JSON pointer");
        }
        id?;
        (problems.0.len() == before).then_some(RestSource { service: service?, answers: answers?, field: self.field })
    }
}
