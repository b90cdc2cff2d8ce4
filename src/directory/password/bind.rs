//! Proof of a password by a bind as its account.

use tracing::info;
use zeroize::Zeroize;

use crate::directory::{BindAnswer, Connection, ControllerSession, DirectoryError, password::answer};
use crate::model::credential::password::Password;

/// A bind without a usable answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct BindFault {
    pub fault: DirectoryError,
    /// Whether the password was sent, so that AD may have counted it as wrong.
    pub may_count: bool,
}

impl BindFault {
    fn before(fault: DirectoryError) -> Self {
        Self { fault, may_count: false }
    }
}

impl ControllerSession {
    /// Tries a password with one bind on a connection of its own. AD counts a wrong one.
    ///
    /// `user` is a DN, because a bare name may match another account's UPN or display name (MS-ADTS 5.1.1.1.1).
    pub async fn bind(&self, user: &str, password: &Password) -> Result<BindAnswer, BindFault> {
        let mut connection = Connection::open(self.controller.endpoint()).await.map_err(BindFault::before)?;
        self.bind_over(&mut connection, user, password).await
    }

    /// Same over the service account's connection, for a controller that accepts no new ones. The connection is not used again.
    pub async fn bind_in_place(&mut self, user: &str, password: &Password) -> Result<BindAnswer, BindFault> {
        let controller = self.controller.clone();
        let connection = self.connection();
        if !connection.is_usable() {
            return Err(BindFault::before(DirectoryError::ConnectionLost("closed".into())));
        }
        let patience = controller.endpoint().bind_timeout();
        let result = connection.simple_bind(user, password.expose(), patience).await;
        connection.retire();
        meaning(controller.name(), result)
    }

    async fn bind_over(&self, connection: &mut Connection, user: &str, password: &Password) -> Result<BindAnswer, BindFault> {
        let result = connection.simple_bind(user, password.expose(), self.controller.endpoint().bind_timeout()).await;
        meaning(self.name(), result)
    }
}

/// The meaning of a bind's result. With a result code that is an error, the controller did not check the password.
fn meaning(controller: &str, result: Result<ldap3::LdapResult, DirectoryError>) -> Result<BindAnswer, BindFault> {
    let mut result = result.map_err(|fault| BindFault { fault, may_count: true })?;
    let answer = answer::of_bind(result.rc, &result.text);
    if answer != Ok(BindAnswer::Proven) {
        info!(controller, result = result.rc, text = answer::readable(&result.text), "bind refused");
    }
    result.text.zeroize();
    answer.map_err(BindFault::before)
}
