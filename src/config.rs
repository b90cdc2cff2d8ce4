//! The configuration: one section a file, unknown keys refused, all problems listed at once.
//!
//! Invariant: what [`load`] returns is complete and without contradictions; no problem's text holds a secret.

mod directory;
mod load;
mod log;
mod login;
mod policy;
mod reset;
mod saml;
mod secret;
mod server;
mod site;
mod store;
mod suggest;
#[cfg(test)]
mod tests;
mod throttle;

pub use directory::{Controller, Directory, Transport};
pub(crate) use load::PREFIX;
pub use load::{Problem, Problems, load};
pub use log::{Format, Log};
pub use login::{AdPassword, Login, Session};
pub use policy::{GroupRules, Policy, Rules};
pub use reset::{GroupStrength, Reset};
pub(crate) use saml::is_safe_address;
pub use saml::{Binding, IdType, LevelSource, MetadataSource, Profile, Provider, Saml, Source};
pub use secret::Secret;
pub use server::{Server, Tls};
pub use site::{Language, Site, Text};
pub use store::Store;
pub use throttle::Throttle;

/// Everything that the operator decides.
#[derive(Debug)]
pub struct Config {
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
    /// `[saml]`: identity providers.
    pub saml: Saml,
    /// `[log]`: what the service says of itself.
    pub log: Log,
}
