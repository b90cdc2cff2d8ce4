//! The facts of a delegation request: actor and target from AD, with the answers of the registers and the family
//! service.
//!
//! Invariant: only AD is asked while a connection to a controller is held.

use std::sync::Arc;

use super::{
    Standing,
    children::{Household, may_be_parent},
    standing::{Seen, standing_with},
};
use crate::{
    app::App,
    flow::{Fault, Visit, authority::Registered},
    model::{
        audit::EventKind,
        authority::{Action, Denial},
        guid::ObjectGuid,
        identity::Identity,
    },
};

/// Actor and target as read now, with the external answers about them.
#[derive(Debug)]
pub(in crate::flow) struct Looked {
    pub standing: Standing,
    /// `None`: the account is gone, belongs to no person, or is outside the served units.
    pub seen: Option<Seen>,
    pub said: Said,
}

/// Answers of the registers and the family service, kept for the second decision under the account lock.
#[derive(Debug, Clone)]
pub(in crate::flow) struct Said {
    registered: Arc<Registered>,
    household: Arc<Household>,
}

/// Reads actor and target. The family service is asked only where parenthood would give access to the target or allow
/// more actions on it. `kind`: the event of the audit entry where its rate limit is reached.
pub(in crate::flow) async fn look_at(
    app: &App,
    visit: &Visit,
    identity: &Identity,
    kind: EventKind,
    target: ObjectGuid,
) -> Result<Result<Looked, Denial>, Fault> {
    let said = Said { registered: Arc::new(Registered::ask(app, identity).await?), household: Arc::default() };
    let looked = match said.look_again(app, identity, target).await? {
        Ok(looked) => looked,
        Err(denial) => return Ok(Err(denial)),
    };
    let matters = looked.seen.as_ref().is_some_and(|seen| looked.standing.parenthood_matters(app, seen));
    if !matters || !may_be_parent(app, identity) {
        return Ok(Ok(looked));
    }
    let otherwise = looked.seen.as_ref().is_some_and(|seen| looked.standing.decide(app, seen, Action::See).is_ok());
    let Looked { standing, said, .. } = looked;
    drop(standing); // with its connection
    let household = match Household::ask(app, visit, identity, kind, otherwise).await? {
        Ok(household) => household,
        Err(denial) => return Ok(Err(denial)),
    };
    Said { household: Arc::new(household), ..said }.look_again(app, identity, target).await
}

impl Said {
    /// Reads actor and target again from AD.
    pub async fn look_again(&self, app: &App, identity: &Identity, target: ObjectGuid) -> Result<Result<Looked, Denial>, Fault> {
        let mut standing = match standing_with(app, identity, &self.registered).await? {
            Ok(standing) => standing,
            Err(denial) => return Ok(Err(denial)),
        };
        let seen = standing.look_at(app, identity, target, &self.household).await?;
        Ok(Ok(Looked { standing, seen, said: self.clone() }))
    }
}
