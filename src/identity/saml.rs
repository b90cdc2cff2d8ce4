//! SAML 2.0: our side as a service provider.
//!
//! Invariants:
//! - No C code reads a message before [`screen`] has accepted it.
//! - Content without a signature by a key of the provider's metadata proves nothing.
//! - A provider without such a key, or with expired metadata, is not used.
//! - An answer counts once, in the browser that asked, for the provider that was asked.

mod attributes;
pub mod decrypt;
pub mod logout;
pub mod message;
pub mod metadata;
mod providers;
mod refused;
pub mod response;
pub mod screen;
pub mod shown;
pub mod signature;
pub mod signing_key;
pub mod sp_metadata;
pub mod subject;
#[cfg(test)]
mod tests;
mod work;
pub mod xml;

pub use providers::{LoadError, LogoutAsked, MessageRoute, SamlError, SamlProviderState, SamlProviders, SamlRequest, Unsent};
pub use refused::Refused;
