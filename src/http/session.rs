//! Who is logged in, as the session keeps it.

use tower_sessions::{Session, session};

use serde::{Deserialize, Serialize};

use crate::{
    flow::Visit,
    identity::answer::SessionThere,
    model::{account::Account, device::Device, guid::ObjectGuid, identity::Identity, provider::ProviderId},
    store::sessions::{LABEL, Label, OWNERS, PROVIDER_LOGIN, SUBJECT},
};

/// `__Host-`: only over TLS, only from this host, for the whole of it.
pub(super) const COOKIE: &str = "__Host-os2nykode";
const IDENTITY: &str = "identity";
const ARRIVED: &str = "arrived";
/// pwdLastSet as this session has set it, in AD's ticks.
const SET_HERE: &str = "set_here";
const NOT_SEEN_YET: i64 = -1;

/// Begins a session for somebody who has just proven who they are. Nothing of an earlier session is taken over, its id least of all. `owners`: whose it is
/// besides, where a provider's login has led to accounts.
pub(super) async fn begin(
    session: &Session,
    identity: &Identity,
    there: Option<&SessionThere>,
    owners: &[ObjectGuid],
    visit: &Visit,
) -> Result<(), session::Error> {
    session.clear().await;
    session.cycle_id().await?;
    if let Some(owner) = identity.session_ends_with() {
        session.insert(SUBJECT, owner.to_string()).await?; // ends with the password that it was begun with
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

/// Is it the first time that this is asked after a login at a provider? The browser comes from there then, as from any other site.
pub(super) async fn has_arrived(session: &Session) -> Result<bool, session::Error> {
    Ok(session.remove::<bool>(ARRIVED).await? == Some(true))
}

/// The password is about to be set in this session: its owner is not logged out by that. Stored before AD is asked, so that it holds though the service dies in
/// the middle. Gives what [`password_not_set`] puts back.
pub(super) async fn password_may_be_set(session: &Session) -> Result<Option<i64>, session::Error> {
    let before = session.get::<i64>(SET_HERE).await?;
    session.insert(SET_HERE, NOT_SEEN_YET).await?;
    session.save().await?;
    Ok(before)
}

/// Nothing was set after all.
pub(super) async fn password_not_set(session: &Session, before: Option<i64>) -> Result<(), session::Error> {
    match before {
        Some(before) => session.insert(SET_HERE, before).await,
        None => session.remove::<i64>(SET_HERE).await.map(drop),
    }
}

/// Has the password that the session was begun with been changed elsewhere? What this session has set itself is no other's: the first time that is seen after
/// it is taken for that.
pub(super) async fn is_outlived(session: &Session, identity: &Identity, account: &Account) -> Result<bool, session::Error> {
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
        // An older time is another controller's that has not heard of the latest yet.
        Some(own) => now > own || now == 0,
    })
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
