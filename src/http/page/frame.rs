//! The frame around a page: header, language, and data that templates read from the configuration.

use std::{cmp::Ordering, sync::Arc};

use axum::http::request::Parts;

use crate::http::{
    assets,
    i18n::{
        catalogue::{TextValue, text},
        language,
        words::Wording,
    },
};
use crate::{
    app::App,
    config::{Language, Site},
    model::{
        authorization::strength::Strength,
        identity::{LoginMethod, provider::ProviderId},
    },
    store::sessions::ListedSession,
};

/// The frame around a page: header, language, and data that templates read from the configuration.
pub struct Frame {
    app: Arc<App>,
    pub(crate) words: Wording,
    /// The page's own path, to which a change of language returns.
    pub path: String,
    pub person: Option<Person>,
}

/// The logged-in visitor, as the frame shows them.
#[derive(Debug, Clone)]
pub struct Person {
    /// Display name.
    pub name: String,
    /// CSRF token of the visitor's forms.
    pub token: String,
}

impl Frame {
    pub(crate) fn new(app: &Arc<App>, parts: &Parts) -> Self {
        let language = language::of(&parts.headers, app.config.site.default_language);
        Self { app: app.clone(), words: Wording { language, now: app.clock.now() }, path: parts.uri.path().to_owned(), person: None }
    }

    /// A frame without a request, for tests of templates.
    #[cfg(test)]
    pub(crate) fn sample(app: &Arc<App>, words: Wording, path: &str, person: Option<Person>) -> Self {
        Self { app: app.clone(), words, path: path.to_owned(), person }
    }

    /// The text for a key, in the page's language.
    pub fn t(&self, key: &str) -> String {
        self.words.t(key)
    }

    /// Code of the page's language.
    pub fn language(&self) -> &'static str {
        self.words.language.code()
    }

    /// Code of the other language.
    pub fn other_language(&self) -> &'static str {
        match self.words.language {
            Language::Da => Language::En.code(),
            Language::En => Language::Da.code(),
        }
    }

    /// The configured name and addresses of the service's owner.
    pub fn site(&self) -> &Site {
        &self.app.config.site
    }

    /// The service desk's contact text.
    pub fn contact(&self) -> &str {
        self.site().contact.in_language(self.words.language)
    }

    /// Instructions after a change, one paragraph an item.
    pub fn after_change(&self) -> Vec<&str> {
        self.site().after_change.in_language(self.words.language).lines().map(str::trim).filter(|line| !line.is_empty()).collect()
    }

    /// Ids and button texts of all providers.
    pub fn providers(&self) -> Vec<(String, String)> {
        let language = self.words.language;
        self.app.config.providers().map(|provider| (provider.id.to_string(), provider.button.in_language(language).to_owned())).collect()
    }

    /// A provider's button text; its id if it is no longer configured.
    pub fn provider_name(&self, id: &ProviderId) -> String {
        let provider = self.app.config.provider(id);
        provider.map_or_else(|| id.to_string(), |provider| provider.button.in_language(self.words.language).to_owned())
    }

    /// Login addresses and button texts of the providers whose logins can reach `needed`.
    ///
    /// `now`: the provider of the current login. It is asked for a new login, because it would otherwise repeat the same one.
    pub fn providers_for(&self, needed: &Strength, now: Option<&ProviderId>) -> Vec<(String, String)> {
        let all = self.app.config.providers().filter(|p| needed.accepts(&p.id) && p.reaches(needed.level));
        all.map(|p| {
            let again = if now == Some(&p.id) { "?again" } else { "" };
            (format!("/login/{}{again}", p.id), p.button.in_language(self.words.language).to_owned())
        })
        .collect()
    }

    /// A helpdesk's name; its id if it is no longer configured.
    pub fn helpdesk(&self, id: &str) -> String {
        let desk = self.app.config.delegation.helpdesks.iter().find(|desk| desk.id == id);
        desk.map_or_else(|| id.to_owned(), |desk| desk.name.in_language(self.words.language).to_owned())
    }

    /// The service's address without its scheme, as a helper reads it aloud.
    pub fn public_address(&self) -> &str {
        self.app.config.server.public_url.trim_start_matches("https://")
    }

    /// Checks that a helper makes before a one-time code is given out.
    pub fn checklist(&self) -> Vec<String> {
        let own = self.app.config.delegation.checklist.as_ref().map(|text| text.in_language(self.words.language));
        own.map_or_else(
            || vec![self.t("checklist-default")],
            |text| text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect(),
        )
    }

    /// Whether delegation is configured, or parents can reset for their children.
    pub fn others(&self) -> bool {
        self.app.config.delegation.is_used() || self.app.family.is_some()
    }

    /// An account's history. Each line: time as shown, time in ISO 8601, event.
    pub fn history(&self, entries: &[crate::audit::AuditEntry]) -> Vec<(String, String, String)> {
        let line = |entry: &crate::audit::AuditEntry| {
            let at = entry.event.at;
            let provider = entry.event.provider.as_ref().map(|id| self.provider_name(id));
            let machine = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            (self.words.time(at), machine, self.words.event(&entry.event, provider.as_deref()))
        };
        entries.iter().map(line).collect()
    }

    /// A session in a list: device, and login method with time.
    pub fn session(&self, known: &ListedSession) -> (String, String) {
        let words = &self.words;
        let label = known.label.as_ref();
        let device = match label.map(|label| (label.device.browser.as_deref(), label.device.system.as_deref())) {
            Some((Some(browser), Some(system))) => {
                text(words.language, "session-device", &[("browser", TextValue::Word(browser)), ("system", TextValue::Word(system))])
            }
            Some((Some(only), None) | (None, Some(only))) => only.to_owned(),
            Some((None, None)) | None => self.t("session-device-unknown"),
        };
        let how = label.map_or_else(String::new, |label| match (&label.provider, label.method) {
            (Some(provider), _) => self.provider_name(provider),
            (None, LoginMethod::AdPassword) => self.t("session-ad-password"),
            (None, LoginMethod::Code) => self.t("session-code"),
            (None, LoginMethod::Local) => self.t("session-local"),
            (None, LoginMethod::Saml | LoginMethod::Oidc) => String::new(),
        });
        let since = words.time(known.since);
        (device, text(words.language, "session-how", &[("how", TextValue::Word(&how)), ("time", TextValue::Word(&since))]))
    }

    /// Shows who is logged in, on pages where that is not obvious.
    pub fn logged_in(&self) -> Option<String> {
        self.person.as_ref().map(|person| self.words.with("logged-in-as", "name", &person.name))
    }

    /// Whether logins with the AD password are enabled.
    pub fn ad_password(&self) -> bool {
        self.app.config.login.ad_password.enabled
    }

    /// Whether a reset also unlocks the account.
    pub fn reset_unlocks(&self) -> bool {
        self.app.config.reset.unlock
    }

    /// Version of the static files, a segment of their paths.
    pub fn version(&self) -> &'static str {
        assets::version()
    }

    /// The steps to a new password, as seen from step `now` (1 to 3).
    pub fn steps(&self, now: &usize) -> Vec<ProgressStep> {
        let class = |step: usize| match step.cmp(now) {
            Ordering::Less => "done",
            Ordering::Equal => "now",
            Ordering::Greater => "later",
        };
        ["step-log-in", "step-choose", "step-done"]
            .iter()
            .zip(1..)
            .map(|(key, step)| ProgressStep { class: class(step), text: self.t(key) })
            .collect()
    }

    /// The script's announcement for screen readers after a pause in typing. The script replaces `%met` and `%all` by its numbers.
    pub fn rules_told(&self) -> String {
        text(self.words.language, "rules-told", &[("met", TextValue::Word("%met")), ("all", TextValue::Word("%all"))])
    }
}

/// A step to a new password.
#[derive(Debug)]
pub struct ProgressStep {
    /// `done`, `now` or `later`.
    pub class: &'static str,
    pub text: String,
}
