//! Who is logged in, as the session keeps it.

use tower_sessions::{Session, session};

use crate::{model::identity::Identity, store::sessions::SUBJECT};

/// `__Host-`: only over TLS, only from this host, for the whole of it.
pub(super) const COOKIE: &str = "__Host-os2nykode";
const IDENTITY: &str = "identity";

/// Begins a session for somebody who has just proven who they are. Nothing of an earlier session is taken over, its id least of all.
pub(super) async fn begin(session: &Session, identity: &Identity) -> Result<(), session::Error> {
    session.clear().await;
    session.cycle_id().await?;
    if let Some(account) = identity.password_of() {
        session.insert(SUBJECT, account.to_string()).await?; // ends with the password that it was begun with
    }
    session.insert(IDENTITY, identity).await
}

/// Who is logged in.
pub(super) async fn identity(session: &Session) -> Result<Option<Identity>, session::Error> {
    session.get(IDENTITY).await
}

/// Ends the session.
pub(super) async fn end(session: &Session) -> Result<(), session::Error> {
    session.flush().await
}
