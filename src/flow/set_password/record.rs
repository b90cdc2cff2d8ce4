//! The audit entries of a new password, and the end of codes and sessions that the old one began.

use super::{NOT_LET_IN, NOT_TRIED, STILL_LOCKED, SetOutcome, Submitted, Whose};
use crate::{
    directory::{self, ControllerSession},
    flow::{FlowError, actor_of, event_of, one_time_code, party_of},
    model::{
        account::Account,
        ad::guid::ObjectGuid,
        audit::{AuditEvent, AuditOutcome, EventKind, Party},
        identity::Proof,
        refusal::Refusal,
    },
};

impl Submitted<'_> {
    /// Logs the outcome. If that fails, the person still gets the result, and the lone attempt is reconciled later.
    pub(super) async fn conclude(
        &self,
        account: &Account,
        pinned: &ControllerSession,
        written: Result<SetOutcome, directory::DirectoryError>,
    ) -> Result<SetOutcome, FlowError> {
        let (outcome, reason) = match &written {
            Ok(SetOutcome::Done) => (AuditOutcome::Succeeded, String::new()),
            Ok(SetOutcome::StillLocked) => (AuditOutcome::Succeeded, STILL_LOCKED.to_owned()),
            Ok(SetOutcome::NotLetIn(answer)) => (AuditOutcome::Succeeded, format!("{NOT_LET_IN}:{}", answer.reason())),
            Ok(SetOutcome::NotTried) => (AuditOutcome::Succeeded, NOT_TRIED.to_owned()),
            Ok(SetOutcome::Refused(refusal)) => (AuditOutcome::Refused, refusal.code()),
            Ok(SetOutcome::Unknown | SetOutcome::AlreadySent) => (AuditOutcome::Unknown, "answer_lost".to_owned()),
            Err(_) => (AuditOutcome::Failed, "controller_error".to_owned()),
        };
        let mut entry = self.entry(self.kinds().1, outcome, &reason, Some(account), Some(pinned));
        entry.password_set_before = Some(account.password.last_set_ticks);
        if matches!(
            written,
            Ok(SetOutcome::Done | SetOutcome::StillLocked | SetOutcome::NotLetIn(_) | SetOutcome::NotTried | SetOutcome::Unknown)
        ) {
            self.app.directory.note_write(pinned, account);
            self.end_what_was_before(account.guid).await;
        }
        if let Err(error) = self.app.audit.append(&entry).await {
            tracing::error!(error = %error, "outcome of a new password could not be logged; it is reconciled from AD");
        }
        Ok(written?)
    }

    /// Ends the account's one-time codes and the sessions that the old password began, except the current one. Runs
    /// under the account lock and to completion. A failure does not undo or hide the new password: the rest expires by
    /// itself.
    async fn end_what_was_before(&self, account: ObjectGuid) {
        one_time_code::void(self.app, account).await;
        let asking = match self.request.whose {
            Whose::Own { asking } => asking,
            Whose::Anothers { .. } => None,
        };
        if let Err(error) = self.app.sessions.end_all_of(account, asking).await {
            tracing::error!(error = %error, "sessions could not be ended after a new password");
        }
    }

    /// Logs a refusal that came before the write.
    pub(super) async fn refused(
        &self,
        account: Option<&Account>,
        pinned: Option<&ControllerSession>,
        refusal: Refusal,
    ) -> Result<SetOutcome, FlowError> {
        self.app.audit.append(&self.refusal(account, pinned, &refusal)).await?;
        Ok(SetOutcome::Refused(refusal))
    }

    /// The entry has no attempt number: a form sent again could otherwise contradict the outcome of the first.
    pub(super) fn refusal(&self, account: Option<&Account>, pinned: Option<&ControllerSession>, refusal: &Refusal) -> AuditEvent {
        let mut entry = self.entry(self.kinds().1, AuditOutcome::Refused, &refusal.code(), account, pinned);
        entry.attempt = None;
        entry
    }

    pub(super) fn entry(
        &self,
        kind: EventKind,
        outcome: AuditOutcome,
        reason: &str,
        account: Option<&Account>,
        pinned: Option<&ControllerSession>,
    ) -> AuditEvent {
        let mut entry = event_of(self.visit, self.identity, self.app.clock.now(), kind, outcome, reason);
        match self.behalf {
            Some(behalf) => (entry.actor, entry.authority) = (Some(behalf.actor.clone()), Some(behalf.ground.code())),
            None => entry.actor = actor_of(self.identity, account),
        }
        let unread = || Party { guid: self.request.target, account_name: String::new(), name: String::new() };
        if let Proof::Code { issuer, .. } = &self.identity.proof {
            entry.authority = Some(format!("code:{issuer}"));
        }
        entry.target = Some(account.map_or_else(unread, party_of));
        entry.target_cpr = self.behalf.and_then(|behalf| behalf.child.clone());
        entry.controller = pinned.map(|p| p.name().to_owned());
        entry.attempt = Some(self.request.attempt);
        entry
    }

    /// The events of the attempt and its outcome.
    pub(super) fn kinds(&self) -> (EventKind, EventKind) {
        match (self.request.whose, &self.identity.proof) {
            (Whose::Own { .. }, Proof::AdPassword { .. }) => (EventKind::ChangeAttempt, EventKind::ChangeOutcome),
            (Whose::Own { .. }, Proof::Provider(_) | Proof::Code { .. } | Proof::Local { .. }) | (Whose::Anothers { .. }, _) => {
                (EventKind::ResetAttempt, EventKind::ResetOutcome)
            }
        }
    }
}
