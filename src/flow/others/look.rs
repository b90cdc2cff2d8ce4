//! Reading who acts and the account that they act on, with whatever others than AD have to say of it.
//!
//! Invariant: nobody but AD is asked while a connection to a controller is held.

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

/// Who acts and on what, as read now, and what others have said of them.
#[derive(Debug)]
pub(in crate::flow) struct Looked {
    pub standing: Standing,
    /// `None`: gone, no person's, or outside what is served.
    pub seen: Option<Seen>,
    pub said: Said,
}

/// What registers and the family service have said: to judge by again, under a lock, without asking them again.
#[derive(Debug, Clone)]
pub(in crate::flow) struct Said {
    registered: Arc<Registered>,
    household: Arc<Household>,
}

/// Reads both. The family service is asked only where the account would be theirs, or more could be done about it, as a parent. `kind`: what the log calls it where
/// that is too often.
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
    /// Reads both anew from AD.
    pub async fn look_again(&self, app: &App, identity: &Identity, target: ObjectGuid) -> Result<Result<Looked, Denial>, Fault> {
        let mut standing = match standing_with(app, identity, &self.registered).await? {
            Ok(standing) => standing,
            Err(denial) => return Ok(Err(denial)),
        };
        let seen = standing.look_at(app, identity, target, &self.household).await?;
        Ok(Ok(Looked { standing, seen, said: self.clone() }))
    }
}
