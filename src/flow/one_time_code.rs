//! One-time codes: a helper issues one, the caller logs in with it and chooses a password that the helper never knows.
//!
//! Invariants:
//! - The code is on no disk and in no log.
//! - Unknown, wrong, used, expired and replaced codes get the same answer after the same time.
//! - A login by code is good for one password of one account.

pub use crate::flow::delegation::issue_code::{Issue, Issued, issue};
pub use crate::flow::sign_in::one_time_code::{Redeemed, redeem};

use jiff::SignedDuration;
use uuid::Uuid;

use super::{FlowError, set_password::SetOutcome};
use crate::flow::{delegation, self_service::linked_accounts, service_event::service_event, sign_in::local_account};
use crate::{
    app::App,
    directory::{self, ControllerSession},
    model::{
        account::Account,
        ad::guid::ObjectGuid,
        audit::{AuditOutcome, EventKind, Party},
        authorization::{Action, Actor, Denial},
        credential::slow_hash::SlowHash,
        identity::{Identity, level::AssuranceLevel},
        refusal::Refusal,
    },
};

/// Tolerance for the clocks of instances.
const SKEW: SignedDuration = SignedDuration::from_mins(1);

/// Why a code is invalid now, whatever held when it was issued: a rule that keeps others from the account or its owner
/// from the service, or an issuer who may no longer act on the account. `code`: its id.
pub(crate) async fn forbidden(
    app: &App,
    pinned: &mut ControllerSession,
    account: &Account,
    code: Uuid,
) -> Result<Option<Denial>, FlowError> {
    let issuer = app.codes.issuer_of(account.guid, code).await?;
    let actor = issuing(app, pinned, issuer.as_ref()).await?;
    let judged = delegation::judge_of(app, pinned, &actor, account, Action::IssueCode).await?;
    if let Err(denial) = judged {
        // A code without an issuer has ended; redeeming and using it report this.
        return Ok(Some(denial).filter(|denial| issuer.is_some() || *denial != Denial::NoRelation));
    }
    let linked = linked_accounts::linked(app, pinned, account).await?;
    Ok(match delegation::barring(app, pinned).await? {
        Some(Ok(groups)) if linked.iter().any(|other| other.is_in_any(&groups)) => Some(Denial::Barred),
        Some(_) | None => None,
    })
}

/// The issuer of a code as an actor, read now. The assurance level and age of the issuer's login were checked when the
/// code was issued.
async fn issuing(app: &App, pinned: &mut ControllerSession, issuer: Option<&Party>) -> Result<Actor, FlowError> {
    let mut actor =
        Actor { accounts: Vec::new(), linked: Vec::new(), helpdesk_role: false, level: AssuranceLevel::High, at: app.clock.now() };
    let Some(issuer) = issuer else { return Ok(actor) };
    actor.helpdesk_role = local_account::is_helper(app, issuer.guid).await?;
    if !actor.helpdesk_role {
        actor.accounts.extend(app.directory.account_again(pinned, issuer.guid).await?);
    }
    if let Some(account) = actor.accounts.first() {
        actor.linked = linked_accounts::linked(app, pinned, account).await?;
    }
    Ok(actor)
}

/// The refusal of a login by code that does not depend on the new password.
pub(crate) async fn hindrance(app: &App, identity: &Identity, code: Uuid, account: &Account) -> Result<Option<Refusal>, FlowError> {
    let age = app.clock.now().duration_since(identity.at);
    // A clock that went back must not make a login live longer.
    let fresh = age <= app.config.codes.lasts && age >= -SKEW;
    if !fresh || !app.config.codes.enabled || !app.codes.is_good(account.guid, code).await? {
        return Ok(Some(Refusal::CodeEnded));
    }
    Ok((account.locked && !app.config.reset.unlock).then_some(Refusal::Locked))
}

/// Writes the one password that a login by code is good for. The code is spent before AD is asked, and restored only
/// where AD has confirmed that nothing was done.
pub(crate) async fn once(
    app: &App,
    account: ObjectGuid,
    code: Uuid,
    write: impl Future<Output = Result<SetOutcome, directory::DirectoryError>>,
) -> Result<Result<SetOutcome, directory::DirectoryError>, FlowError> {
    if !app.codes.spend(account, code, app.clock.now()).await? {
        return Ok(Ok(SetOutcome::Refused(Refusal::CodeEnded)));
    }
    let written = write.await;
    match &written {
        Ok(
            SetOutcome::Done
            | SetOutcome::StillLocked
            | SetOutcome::NotLetIn(_)
            | SetOutcome::NotTried
            | SetOutcome::Unknown
            | SetOutcome::AlreadySent,
        ) => {}
        Ok(SetOutcome::Refused(_)) | Err(_) => {
            if let Err(error) = app.codes.give_back(account, code).await {
                tracing::warn!(error = %error, "one-time code could not be restored after a refused password; its owner needs a new one");
            }
        }
    }
    Ok(written)
}

/// Ends every access that was issued before a new password: an unused code, and a login by code. A failure here does
/// not hide the new password. It is logged, and the code expires by itself.
pub(crate) async fn void(app: &App, account: ObjectGuid) {
    if let Err(error) = app.codes.void(account, app.clock.now()).await {
        tracing::error!(error = %error, "one-time code could not be ended after a new password; it expires by itself");
    }
}

/// Logs the codes that have expired unused.
pub async fn note_expired(app: &App) -> Result<usize, FlowError> {
    let expired = app.codes.take_expired(app.clock.now()).await?;
    for (account, issuer) in &expired {
        let mut entry = service_event(app, EventKind::CodeExpired, AuditOutcome::Succeeded, "", None)?;
        entry.authority = Some(format!("code:{}", issuer.account_name));
        entry.target = Some(Party { guid: *account, account_name: String::new(), name: String::new() });
        app.audit.append(&entry).await?;
    }
    Ok(expired.len())
}

/// A hash that matches no code, for comparisons where there is none.
pub(crate) const NOBODYS: SlowHash = SlowHash { salt: [0; 16], hash: [0; 32] };
