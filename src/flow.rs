//! Use cases: each is one function from a request to its outcome, called by a handler or a command.
//!
//! Invariants:
//! - Authorization and policy are read from AD again at the moment of every write.
//! - An attempt is on disk before AD is touched, and its outcome after.
//! - If a read or an audit write fails, nothing is changed.

pub(crate) mod account_lock;
pub mod audit;
pub mod delegation;
pub mod health;
pub mod login_test;
pub mod one_time_code;
pub mod outage;
pub mod password_policy;
pub mod run_to_completion;
pub mod self_service;
pub mod service_account_watch;
pub mod service_event;
pub mod set_password;
pub mod sign_in;
pub mod sign_out;

use crate::flow::run_to_completion::run_to_completion;

use std::{net::IpAddr, sync::Arc};

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    directory,
    identity::{local::hash::HashError, saml::Unsent},
    model::{
        account::Account,
        audit::{AuditEvent, AuditOutcome, EventKind, Party},
        identity::{Identity, Proof},
        rate_limit::known_browser::KnownBrowser,
    },
    registers,
    store::{self, StoreError},
};

/// One request by one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestContext {
    /// Groups the audit entries of a visit. After a login it is the id of the login's visit.
    pub id: Uuid,
    /// The client's real address, not a proxy's.
    pub client: IpAddr,
    /// Value of the `User-Agent` header.
    pub user_agent: Option<Arc<str>>,
    /// The known browser, where an account owner has used it before.
    pub browser: Option<Arc<KnownBrowser>>,
}

/// An error of ours that the person cannot act on. Its text is for the service log, never for a page.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// No controller could do the work.
    #[error("directory: {0}")]
    Directory(#[from] directory::DirectoryError),
    /// A register or the family service failed.
    #[error("register {0}")]
    People(#[from] registers::RegisterError),
    /// The store failed.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// The machine gives no random numbers.
    #[error(transparent)]
    NoRandomness(#[from] store::NoRandomness),
    /// A message to a provider could not be made.
    #[error(transparent)]
    Unsent(#[from] Unsent),
    /// A password or a code could not be hashed or verified.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// Too many parallel requests to registers for one person.
    #[error("too many parallel requests to registers for one person")]
    TooManyQuestions,
    /// An earlier attempt on the account is not over, or its answer was lost.
    #[error("an earlier attempt on the account is not over")]
    Busy {
        /// When it is over at the latest.
        until: Timestamp,
    },
    /// A task of ours has panicked.
    #[error("a task of the service panicked")]
    Crashed,
}

impl From<directory::BindFault> for FlowError {
    fn from(lost: directory::BindFault) -> Self {
        Self::Directory(lost.fault)
    }
}

/// An audit entry of a logged-in person, with the data of the login.
fn event_of(
    visit: &RequestContext,
    identity: &Identity,
    at: Timestamp,
    kind: EventKind,
    outcome: AuditOutcome,
    reason: &str,
) -> AuditEvent {
    let login = identity.provider();
    AuditEvent {
        method: Some(identity.method()),
        provider: login.map(|login| login.provider.clone()),
        level: identity.level(),
        assertion: login.map(|login| login.assertion.clone()),
        actor_cpr: login.and_then(|login| login.claim.cpr().cloned()),
        ..event(visit, at, kind, outcome, reason)
    }
}

/// An audit entry of a visit without a login: time, event, outcome, reason and client.
pub(crate) fn event(visit: &RequestContext, at: Timestamp, kind: EventKind, outcome: AuditOutcome, reason: &str) -> AuditEvent {
    AuditEvent {
        at,
        visit: visit.id,
        kind,
        outcome,
        reason: reason.to_owned(),
        actor: None,
        unknown_name: None,
        method: None,
        provider: None,
        level: None,
        assertion: None,
        actor_cpr: None,
        client: Some(visit.client),
        user_agent: visit.user_agent.as_deref().map(str::to_owned),
        target: None,
        target_cpr: None,
        controller: None,
        attempt: None,
        authority: None,
        note: None,
        ticket: None,
        password_set_before: None,
    }
}

/// An audit entry of a command, without a client address.
pub fn at_command_line(visit: &RequestContext, at: Timestamp, kind: EventKind, outcome: AuditOutcome, note: Option<String>) -> AuditEvent {
    AuditEvent { client: None, note, ..event(visit, at, kind, outcome, "") }
}

fn party_of(account: &Account) -> Party {
    Party { guid: account.guid, account_name: account.sam.clone(), name: account.name().to_owned() }
}

/// The actor's account, as far as one stands for the actor: the account that the login has proven, or else the own
/// account acted on.
fn actor_of(identity: &Identity, own: Option<&Account>) -> Option<Party> {
    match &identity.proof {
        Proof::AdPassword { account, account_name, .. } | Proof::Code { account, account_name, .. } => {
            Some(Party { guid: (*account).into(), account_name: account_name.clone(), name: identity.name.clone() })
        }
        Proof::Provider(_) => own.map(party_of),
        Proof::Local { id, account_name, .. } => {
            Some(Party { guid: (*id).into(), account_name: account_name.clone(), name: identity.name.clone() })
        }
    }
}
