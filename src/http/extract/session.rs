//! Sessions: the identity of a login and its related data, as the session store keeps them.

use tower_sessions::{Session, session};

use serde::{Deserialize, Serialize};

use crate::{
    flow::RequestContext,
    identity::answer::SessionThere,
    model::{
        account::Account,
        ad::guid::ObjectGuid,
        device::Device,
        identity::{Identity, provider::ProviderId},
    },
    store::sessions::{LABEL, Label, OWNERS, PROVIDER_LOGIN, SUBJECT},
};

/// Prefix `__Host-`: sent over TLS only, to this host only, for all paths.
pub(crate) const COOKIE: &str = "__Host-os2nykode";
const IDENTITY: &str = "identity";
const ARRIVED: &str = "arrived";
/// Key of the account's pwdLastSet that this session has caused, in AD's ticks.
const SET_HERE: &str = "set_here";
const NOT_SEEN_YET: i64 = -1;

/// Starts a session for a fresh login. All data of an earlier session is cleared, and its id is replaced (session fixation).
///
/// `owners`: the linked accounts of a provider's login; ending the sessions of one of them ends this session too.
pub(crate) async fn begin(
    session: &Session,
    identity: &Identity,
    there: Option<&SessionThere>,
    owners: &[ObjectGuid],
    visit: &RequestContext,
) -> Result<(), session::Error> {
    session.clear().await;
    session.cycle_id().await?;
    if let Some(owner) = identity.session_ends_with() {
        session.insert(SUBJECT, owner.to_string()).await?; // ends with the password that the login used
    }
    if let (Some(login), Some(there)) = (identity.provider(), there) {
        let (provider, person, session_there) = (login.provider.clone(), there.person().to_owned(), there.session());
        session.insert(PROVIDER_LOGIN, ProviderSession { provider, person, session: session_there, there: there.clone() }).await?;
    }
    let provider = identity.provider().map(|login| login.provider.clone());
    if provider.is_some() {
        session.insert(ARRIVED, true).await?;
        session.insert(OWNERS, owners.iter().map(ToString::to_string).collect::<Vec<_>>()).await?;
    }
    session.insert(LABEL, Label { method: identity.method(), provider, device: Device::of(visit.user_agent.as_deref()) }).await?;
    session.insert(IDENTITY, identity).await
}

/// Whether this is the first call after a login at a provider. The browser then arrives from another site, which is expected once.
pub(crate) async fn has_arrived(session: &Session) -> Result<bool, session::Error> {
    Ok(session.remove::<bool>(ARRIVED).await? == Some(true))
}

/// Marks that a password change of this session is about to reach AD, so that it does not end this session.
///
/// The mark is stored before AD is asked, so that it survives a crash in between. Returns the value that [`password_not_set`] restores.
pub(crate) async fn password_may_be_set(session: &Session) -> Result<Option<i64>, session::Error> {
    let before = session.get::<i64>(SET_HERE).await?;
    session.insert(SET_HERE, NOT_SEEN_YET).await?;
    session.save().await?;
    Ok(before)
}

/// Restores the mark after a change that did not happen.
pub(crate) async fn password_not_set(session: &Session, before: Option<i64>) -> Result<(), session::Error> {
    match before {
        Some(before) => session.insert(SET_HERE, before).await,
        None => session.remove::<i64>(SET_HERE).await.map(drop),
    }
}

/// Whether the password that the login used has been changed outside this session.
///
/// A change by this session does not count: after [`password_may_be_set`], the first new pwdLastSet that is read is taken as its own.
pub(crate) async fn is_outlived(session: &Session, identity: &Identity, account: &Account) -> Result<bool, session::Error> {
    if !identity.is_outlived_by(account) {
        return Ok(false);
    }
    let now = account.password.last_set_ticks;
    Ok(match session.get::<i64>(SET_HERE).await? {
        None => true,
        Some(NOT_SEEN_YET) => {
            session.insert(SET_HERE, now).await?;
            false
        }
        // An older time comes from another controller, which has not replicated the latest change yet.
        Some(own) => now > own || now == 0,
    })
}

/// The provider's session behind ours, for logouts in either direction.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ProviderSession {
    pub provider: ProviderId,
    /// The person's identifier at the provider. The store finds the session by it.
    person: String,
    /// The session's identifier at the provider. The store finds our session by it.
    session: Option<String>,
    /// Data for starting a logout at the provider.
    pub there: SessionThere,
}

/// The provider's session behind this one.
pub(crate) async fn provider(session: &Session) -> Result<Option<ProviderSession>, session::Error> {
    session.get(PROVIDER_LOGIN).await
}

/// The identity of the login.
pub(crate) async fn identity(session: &Session) -> Result<Option<Identity>, session::Error> {
    session.get(IDENTITY).await
}

pub(crate) async fn end(session: &Session) -> Result<(), session::Error> {
    session.flush().await
}
