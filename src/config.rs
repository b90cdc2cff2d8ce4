//! The configuration: one section a file, unknown keys refused, all problems listed at once.
//!
//! Invariant: what [`load`] returns is complete and without contradictions; no problem's text holds a secret.

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

/// Everything that the operator decides.
#[derive(Debug)]
pub struct Config {
    /// What the configuration is recognised by, 64 hexadecimal digits; no secret is in it.
    pub fingerprint: String,
    /// The same of each section.
    sections: BTreeMap<String, String>,
    /// `[site]`: whose service it is.
    pub site: Site,
    /// `[server]`: where it listens.
    pub server: Server,
    /// `[store]`: its database.
    pub store: Store,
    /// `[directory]`: Active Directory.
    pub directory: Directory,
    /// `[login]`: the ways to log in.
    pub login: Login,
    /// `[session]`: how long a login lasts.
    pub session: Session,
    /// `[throttle]`: how failures slow down.
    pub throttle: Throttle,
    /// `[policy]`: the municipality's own rules of passwords.
    pub policy: Policy,
    /// `[reset]`: which logins are enough for a new password without the old one.
    pub reset: Reset,
    /// `[authority]`: who may act on whose account besides their own.
    pub authority: Authority,
    /// `[codes]`: one-time codes.
    pub codes: Codes,
    /// `[staff]`: local accounts of the service desk.
    pub staff: Staff,
    /// `[saml]`: identity providers that speak SAML 2.0.
    pub saml: Saml,
    /// `[oidc]`: identity providers that speak OpenID Connect.
    pub oidc: Oidc,
    /// `[people]`: registers that know which accounts belong to a CPR number.
    pub people: People,
    /// `[parents]`: the service that knows whose parent somebody is; `None` = off.
    pub parents: Option<Parents>,
    /// `[audit]`: the log of who did what.
    pub audit: Audit,
    /// `[log]`: what the service says of itself.
    pub log: Log,
}

impl Config {
    /// The sections whose text is another there, secrets and what stands in files aside.
    pub fn sections_that_differ<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = String> + 'a {
        let names: std::collections::BTreeSet<_> = self.sections.keys().chain(other.sections.keys()).collect();
        names.into_iter().filter(|name| self.sections.get(*name) != other.sections.get(*name)).cloned()
    }

    /// Every provider, in the order in which they are shown.
    pub fn providers(&self) -> impl Iterator<Item = &Provider> {
        providers(&self.saml, &self.oidc)
    }

    /// Every DN of a unit, with its key.
    pub fn units(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let directory = std::iter::once(("directory.base_dn", &self.directory.base_dn));
        let bases = self.directory.search_bases.iter().map(|dn| ("directory.search_bases", dn));
        let circles = self.authority.circles.iter().map(|circles| ("authority.circles.ou", &circles.ou));
        let classes = self.authority.teachers.iter().filter_map(|rule| Some(("authority.teachers.ou", rule.ou.as_ref()?)));
        let desks = self.authority.helpdesks.iter().flat_map(|desk| desk.units.iter().map(|dn| ("authority.helpdesk.units", dn)));
        let parents = self.parents.iter().flat_map(|parents| parents.units.iter().map(|dn| ("parents.units", dn)));
        directory.chain(bases).chain(circles).chain(classes).chain(desks).chain(parents).map(|(key, dn)| (key, dn.as_str()))
    }

    /// A provider by its name.
    pub fn provider(&self, id: &ProviderId) -> Option<&Provider> {
        self.providers().find(|provider| &provider.id == id)
    }
}

fn providers<'a>(saml: &'a Saml, oidc: &'a Oidc) -> impl Iterator<Item = &'a Provider> {
    saml.providers.iter().map(|provider| &provider.common).chain(oidc.providers.iter().map(|provider| &provider.common))
}
