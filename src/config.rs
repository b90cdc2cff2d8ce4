//! The configuration: one section a file, unknown keys refused, all problems listed at once.
//!
//! Invariant: the result of [`load`] is complete and without contradictions; no problem's text holds a secret.

mod audit;
mod authority;
mod codes;
mod database_url;
mod directory;
mod dn;
mod load;
mod log;
mod login;
mod must_change;
mod oidc;
mod parents;
mod people;
mod policy;
mod provider;
mod reset;
mod saml;
mod secret;
mod server;
mod service;
mod site;
mod staff;
mod store;
mod suggest;
#[cfg(test)]
pub(crate) mod tests;
mod throttle;

pub use audit::{Audit, Hook, Push, PushKind, PushTls, Retention};
pub use authority::{Authority, Circles, Helpdesk, Teachers, WhileMissing};
pub use codes::Codes;
pub use database_url::Database;
pub use directory::{Controller, Directory, Transport};
pub(crate) use load::PREFIX;
pub use load::{Problem, Problems, load};
pub use log::{Format, Log};
pub use login::{AdPassword, Login, Session};
pub use must_change::MustChange;
pub use oidc::{Algorithm, AssertionAudience, ClientAuth, Field, ListOf, LogoutBy, Oidc, OidcProvider, Place, Required, ResponseMode};
pub use parents::Parents;
pub use people::{People, RestSource, SqlSource};
pub use policy::{GroupRules, Policy, Rules};
pub use provider::{LevelSource, Provider};
pub use reset::{GroupStrength, Reset};
pub use saml::{Binding, IdType, MetadataSource, Profile, Saml, SamlProvider, Source};
pub use secret::Secret;
pub use server::{Server, Tls};
pub(crate) use service::IN_ADDRESS;
pub use service::{Asks, Credentials, Service};
pub use site::{Language, Site, Text};
pub use staff::Staff;
pub use store::Store;
pub use throttle::Throttle;

use std::collections::BTreeMap;

use crate::model::provider::ProviderId;

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
    pub store: Store,
    /// `[directory]`: Active Directory.
    pub directory: Directory,
    /// `[login]`: login with an AD password.
    pub login: Login,
    /// `[session]`: lifetime of sessions.
    pub session: Session,
    /// `[throttle]`: rate limits.
    pub throttle: Throttle,
    /// `[policy]`: the municipality's password rules.
    pub policy: Policy,
    /// `[reset]`: demands on a login before it may set a new password without the old one.
    pub reset: Reset,
    /// `[authority]`: delegation.
    pub authority: Authority,
    /// `[codes]`: one-time codes.
    pub codes: Codes,
    /// `[staff]`: local accounts.
    pub staff: Staff,
    /// `[saml]`: SAML 2.0 identity providers.
    pub saml: Saml,
    /// `[oidc]`: OpenID Connect identity providers.
    pub oidc: Oidc,
    /// `[people]`: registers that map a CPR number to accounts.
    pub people: People,
    /// `[parents]`: the family service; `None` = off.
    pub parents: Option<Parents>,
    /// `[audit]`: the audit log.
    pub audit: Audit,
    /// `[log]`: the service's own log.
    pub log: Log,
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
        let circles = self.authority.circles.iter().map(|circles| ("authority.circles.ou", &circles.ou));
        let classes = self.authority.teachers.iter().filter_map(|rule| Some(("authority.teachers.ou", rule.ou.as_ref()?)));
        let desks = self.authority.helpdesks.iter().flat_map(|desk| desk.units.iter().map(|dn| ("authority.helpdesk.units", dn)));
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
