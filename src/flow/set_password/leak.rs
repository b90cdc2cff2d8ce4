//! What the lists of leaked passwords say of a new password, as a rule of the policy.

use crate::{
    app::App,
    model::{credential::password::Password, leaked::LeakedVerdict, password_policy::BrokenRule},
};

/// The rule that a leaked or unchecked password breaks. Nothing is asked where nothing is configured.
pub(crate) async fn broken(app: &App, new: &Password) -> Option<BrokenRule> {
    let leaked = app.leaked();
    if !leaked.is_on() {
        return None;
    }
    match leaked.ask(new).await.verdict(app.policy().leaked.when_unavailable) {
        LeakedVerdict::Accepted | LeakedVerdict::AcceptedUnchecked => None, // an unchecked one is logged and counted already
        LeakedVerdict::RefusedLeaked { count } => Some(BrokenRule::Leaked(count)),
        LeakedVerdict::RefusedUnchecked => Some(BrokenRule::LeakUnchecked),
    }
}
