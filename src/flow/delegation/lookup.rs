//! The facts of a delegation request: actor and target from AD, with the answers of the registers and the family
//! service.
//!
//! Invariant: only AD is asked while a connection to a controller is held.

use std::sync::Arc;

use crate::flow::delegation::{
    DelegationContext,
    context::{TargetReading, standing_with},
    guardian::{Household, may_be_parent},
};
use crate::{
    app::App,
    flow::{FlowError, RequestContext, self_service::linked_accounts::Registered},
    model::{
        ad::guid::ObjectGuid,
        audit::EventKind,
        authorization::{Action, Denial},
        identity::Identity,
    },
};

/// Actor and target as read now, with the external answers about them.
#[derive(Debug)]
pub(crate) struct TargetLookup {
    pub standing: DelegationContext,
    /// `None`: the account is gone, belongs to no person, or is outside the served units.
    pub seen: Option<TargetReading>,
    pub said: RegisterAnswers,
}

/// Answers of the registers and the family service, kept for the second decision under the account lock.
#[derive(Debug, Clone)]
pub(crate) struct RegisterAnswers {
    registered: Arc<Registered>,
    household: Arc<Household>,
}

/// Reads actor and target. The family service is asked only where parenthood would give access to the target or allow
/// more actions on it. `kind`: the event of the audit entry where its rate limit is reached.
pub(crate) async fn look_at(
    app: &App,
    visit: &RequestContext,
    identity: &Identity,
    kind: EventKind,
    target: ObjectGuid,
) -> Result<Result<TargetLookup, Denial>, FlowError> {
    let said = RegisterAnswers { registered: Arc::new(Registered::ask(app, identity).await?), household: Arc::default() };
    let looked = match said.look_again(app, identity, target).await? {
        Ok(looked) => looked,
        Err(denial) => return Ok(Err(denial)),
    };
    let matters = looked.seen.as_ref().is_some_and(|seen| looked.standing.parenthood_matters(app, seen));
    if !matters || !may_be_parent(app, identity) {
        return Ok(Ok(looked));
    }
    let otherwise = looked.seen.as_ref().is_some_and(|seen| looked.standing.authorize(app, seen, Action::See).is_ok());
    let TargetLookup { standing, said, .. } = looked;
    drop(standing); // with its connection
    let household = match Household::ask(app, visit, identity, kind, otherwise).await? {
        Ok(household) => household,
        Err(denial) => return Ok(Err(denial)),
    };
    RegisterAnswers { household: Arc::new(household), ..said }.look_again(app, identity, target).await
}

impl RegisterAnswers {
    /// Reads actor and target again from AD.
    pub async fn look_again(&self, app: &App, identity: &Identity, target: ObjectGuid) -> Result<Result<TargetLookup, Denial>, FlowError> {
        let mut standing = match standing_with(app, identity, &self.registered).await? {
            Ok(standing) => standing,
            Err(denial) => return Ok(Err(denial)),
        };
        let seen = standing.look_at(app, identity, target, &self.household).await?;
        Ok(Ok(TargetLookup { standing, seen, said: self.clone() }))
    }
}
