//! The rule of the policy that a leaked password breaks.

use crate::{
    app::App,
    model::{credential::password::Password, password_policy::BrokenRule},
};

/// The rule that a leaked or unchecked password breaks. Nothing is asked where nothing is configured. An accepted unchecked password is
/// logged and counted by [`crate::leaked`].
pub(crate) async fn broken(app: &App, new: &Password) -> Option<BrokenRule> {
    let leaked = app.leaked();
    if !leaked.is_on() {
        return None;
    }
    leaked.ask(new).await.broken(app.policy().leaked.when_unavailable)
}
