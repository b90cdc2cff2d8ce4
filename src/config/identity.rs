//! Identity providers: what all have, SAML and OpenID Connect.

pub(crate) mod oidc;
pub(crate) mod provider;
pub(crate) mod saml;
