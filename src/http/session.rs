//! Who is logged in, as the session keeps it.

use tower_sessions::{Session, session};

use serde::{Deserialize, Serialize};

use crate::{
    identity::answer::SessionThere,
    model::{identity::Identity, provider::ProviderId},
    store::sessions::{PROVIDER_LOGIN, SUBJECT},
};

/// `__Host-`: only over TLS, only from this host, for the whole of it.
pub(super) const COOKIE: &str = "__Host-os2nykode";
const IDENTITY: &str = "identity";
const ARRIVED: &str = "arrived";

/// Begins a session for somebody who has just proven who they are. Nothing of an earlier session is taken over, its id least of all.
pub(super) async fn begin(session: &Session, identity: &Identity, there: Option<&SessionThere>) -> Result<(), session::Error> {
    session.clear().await;
    session.cycle_id().await?;
    if let Some(owner) = identity.session_ends_with() {
        session.insert(SUBJECT, owner.to_string()).await?; // ends with the password that it was begun with
    }
    if let (Some(login), Some(there)) = (identity.provider(), there) {
        let (provider, person, session_there) = (login.provider.clone(), there.person().to_owned(), there.session());
        session.insert(PROVIDER_LOGIN, ProviderSession { provider, person, session: session_there, there: there.clone() }).await?;
    }
    if identity.provider().is_some() {
        session.insert(ARRIVED, true).await?;
    }
    session.insert(IDENTITY, identity).await
}

/// Is it the first time that this is asked after a login at a provider? The browser comes from there then, as from any other site.
pub(super) async fn has_arrived(session: &Session) -> Result<bool, session::Error> {
    Ok(session.remove::<bool>(ARRIVED).await? == Some(true))
}

/// What a logout at the provider needs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ProviderSession {
    /// Where.
    pub provider: ProviderId,
    /// What the provider calls the person. The store finds the session by it.
    person: String,
    /// What the provider calls its session. The store finds ours by it.
    session: Option<String>,
    /// For the logout there.
    pub there: SessionThere,
}

/// The provider's session that this one was begun with.
pub(super) async fn provider(session: &Session) -> Result<Option<ProviderSession>, session::Error> {
    session.get(PROVIDER_LOGIN).await
}

/// Who is logged in.
pub(super) async fn identity(session: &Session) -> Result<Option<Identity>, session::Error> {
    session.get(IDENTITY).await
}

/// Ends the session.
pub(super) async fn end(session: &Session) -> Result<(), session::Error> {
    session.flush().await
}
