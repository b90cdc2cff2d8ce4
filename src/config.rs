//! The configuration: one section a file, unknown keys refused, all problems listed at once.
//!
//! Invariant: the result of [`load`] is complete and without contradictions; no problem's text holds a secret.

mod audit;
mod delegation;
mod directory;
pub mod identity;
pub mod import;
mod local_accounts;
mod log;
mod login;
mod policy;
pub(crate) mod problem;
mod rate_limit;
pub mod read;
mod registers;
mod reset;
mod server;
mod site;
mod store;
#[cfg(test)]
pub(crate) mod tests;

pub use crate::config::delegation::codes::CodesConfig;
pub use crate::config::delegation::must_change::MustChange;
pub use crate::config::delegation::parents::Parents;
pub use crate::config::delegation::{Circles, DelegationConfig, Helpdesk, Teachers, WhileMissing};
pub use crate::config::identity::oidc::{
    Algorithm, AssertionAudience, ClaimPath, ClaimSource, ClientAuth, ListOf, LogoutBy, Oidc, OidcProvider, Required, ResponseMode,
};
pub use crate::config::identity::provider::{LevelSource, Provider};
pub use crate::config::identity::saml::{Binding, IdType, MetadataSource, Profile, Saml, SamlProvider, Source};
pub use crate::config::local_accounts::LocalAccountsConfig;
pub use crate::config::rate_limit::RateLimitConfig;
pub use crate::config::read::database_url::Database;
pub(crate) use crate::config::read::load::PREFIX;
pub use crate::config::read::secret::Secret;
pub(crate) use crate::config::registers::service::IN_ADDRESS;
pub use crate::config::registers::service::{Asks, RegisterCredentials, ServiceConfig};
pub use crate::config::registers::{RegistersConfig, RestSource, SqlSource};
pub use crate::config::{
    problem::{Problem, Problems},
    read::load::load,
};
pub use audit::{Audit, ForwardConfig, ForwardKind, ForwardTls, HookConfig, Retention};
pub use directory::{ControllerConfig, DirectoryConfig, TlsStart};
pub use log::{LogConfig, LogFormat};
pub use login::{AdPassword, LoginConfig, SessionConfig};
pub use policy::{
    GroupRules, PolicyConfig, PolicyRules,
    leaked::{LeakedConfig, LeakedOnline},
};
pub use reset::{GroupStrength, ResetConfig};
pub use server::{Server, Tls};
pub use site::{Language, Site, Text};
pub use store::StoreConfig;

use std::collections::BTreeMap;

use crate::model::identity::provider::ProviderId;

/// The whole configuration.
#[derive(Debug)]
pub struct Config {
    /// Fingerprint of the configuration, 64 hexadecimal digits.
    pub fingerprint: String,
    /// Fingerprint of each section.
    sections: BTreeMap<String, String>,
    /// `[site]`: the municipality, its contact and its texts.
    pub site: Site,
    /// `[server]`: listening, TLS, proxies and limits.
    pub server: Server,
    /// `[store]`: the database.
    pub store: StoreConfig,
    /// `[directory]`: Active Directory.
    pub directory: DirectoryConfig,
    /// `[login]`: login with an AD password.
    pub login: LoginConfig,
    /// `[session]`: lifetime of sessions.
    pub session: SessionConfig,
    /// `[rate_limit]`: rate limits.
    pub rate_limit: RateLimitConfig,
    /// `[policy]`: the municipality's password rules.
    pub policy: PolicyConfig,
    /// `[reset]`: demands on a login before it may set a new password without the old one.
    pub reset: ResetConfig,
    /// `[delegation]`: delegation.
    pub delegation: DelegationConfig,
    /// `[codes]`: one-time codes.
    pub codes: CodesConfig,
    /// `[local_accounts]`: local accounts.
    pub local_accounts: LocalAccountsConfig,
    /// `[saml]`: SAML 2.0 identity providers.
    pub saml: Saml,
    /// `[oidc]`: OpenID Connect identity providers.
    pub oidc: Oidc,
    /// `[registers]`: registers that map a CPR number to accounts.
    pub registers: RegistersConfig,
    /// `[parents]`: the family service; `None` = off.
    pub parents: Option<Parents>,
    /// `[audit]`: the audit log.
    pub audit: Audit,
    /// `[log]`: the service's own log.
    pub log: LogConfig,
}

impl Config {
    /// The names of the sections that differ. Values of secrets and contents of files are not compared.
    pub fn sections_that_differ<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = String> + 'a {
        let names: std::collections::BTreeSet<_> = self.sections.keys().chain(other.sections.keys()).collect();
        names.into_iter().filter(|name| self.sections.get(*name) != other.sections.get(*name)).cloned()
    }

    /// All identity providers, in display order.
    pub fn providers(&self) -> impl Iterator<Item = &Provider> {
        providers(&self.saml, &self.oidc)
    }

    /// The DNs of all configured units, with their keys.
    pub fn units(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let directory = std::iter::once(("directory.base_dn", &self.directory.base_dn));
        let bases = self.directory.search_bases.iter().map(|dn| ("directory.search_bases", dn));
        let circles = self.delegation.circles.iter().map(|circles| ("delegation.circles.ou", &circles.ou));
        let classes = self.delegation.teachers.iter().filter_map(|rule| Some(("delegation.teachers.ou", rule.ou.as_ref()?)));
        let desks = self.delegation.helpdesks.iter().flat_map(|desk| desk.units.iter().map(|dn| ("delegation.helpdesk.units", dn)));
        let parents = self.parents.iter().flat_map(|parents| parents.units.iter().map(|dn| ("parents.units", dn)));
        directory.chain(bases).chain(circles).chain(classes).chain(desks).chain(parents).map(|(key, dn)| (key, dn.as_str()))
    }

    pub fn provider(&self, id: &ProviderId) -> Option<&Provider> {
        self.providers().find(|provider| &provider.id == id)
    }
}

fn providers<'a>(saml: &'a Saml, oidc: &'a Oidc) -> impl Iterator<Item = &'a Provider> {
    saml.providers.iter().map(|provider| &provider.common).chain(oidc.providers.iter().map(|provider| &provider.common))
}
