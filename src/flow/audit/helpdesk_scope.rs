//! The part of the audit log that a helpdesk may read: entries about the accounts that it helps now.
//!
//! Invariants:
//! - Each entry is authorized from AD on each request.
//! - An entry outside the scope leaves no trace on a page, neither in a count nor in a time.
//! - One page reads a bounded number of accounts from AD.

use std::collections::HashMap;

use crate::flow::{
    FlowError,
    delegation::{DelegationContext, Household},
};
use crate::{
    app::App,
    audit::search::{Hits, PAGE, Search, SearchError},
    model::{
        ad::guid::ObjectGuid,
        audit::{AuditEvent, EventKind},
        identity::Identity,
    },
};

/// Accounts that one page reads from AD.
const ACCOUNTS: usize = 60;
/// Pages of the log that are searched for one page of the helpdesk.
const PAGES: usize = 8;

/// A helpdesk as the reader.
pub(crate) struct HelpdeskScope<'a> {
    app: &'a App,
    identity: &'a Identity,
    standing: &'a mut DelegationContext,
    judged: HashMap<ObjectGuid, bool>,
}

impl<'a> HelpdeskScope<'a> {
    pub(crate) fn new(app: &'a App, identity: &'a Identity, standing: &'a mut DelegationContext) -> Self {
        Self { app, identity, standing, judged: HashMap::new() }
    }

    /// A page of readable entries. It may be short and still have a next page, whose entries lie further back.
    pub(crate) async fn search(&mut self, search: &Search, mut after: Option<i64>) -> Result<Result<Hits, SearchError>, FlowError> {
        let mut search = search.clone();
        if let Some(about) = &search.about {
            // An account outside the scope gets the same answer as a name that does not exist.
            let people = match self.app.audit.people_named(about).await? {
                Ok(people) => people,
                Err(unclear) => return Ok(Err(unclear)),
            };
            let mut theirs = Vec::new();
            for person in people.iter().filter_map(|guid| ObjectGuid::parse(guid)) {
                if self.helps(person).await? {
                    theirs.push(person);
                }
            }
            search.only = Some(theirs);
        }
        let mut found = Hits::default();
        for _ in 0..PAGES {
            let hits = match self.app.audit.search(&search, after).await? {
                Ok(hits) => hits,
                Err(unclear) => return Ok(Err(unclear)),
            };
            for entry in hits.entries {
                // The check comes before the account is looked at, so the next page begins with the same entry.
                if self.judged.len() >= ACCOUNTS || found.entries.len() >= PAGE {
                    found.next = after;
                    return Ok(Ok(found));
                }
                after = Some(entry.sequence);
                if self.may_read(&entry.event).await? {
                    found.entries.push(entry);
                }
            }
            found.next = hits.next;
            if hits.next.is_none() || hits.stopped_at.is_some() {
                break;
            }
            after = hits.next;
        }
        Ok(Ok(found))
    }

    /// Whether the helpdesk may read the entry. For auditors only: entries about no account or a deleted one, and entries
    /// about views, exports, revealed CPR numbers and alerts.
    pub(crate) async fn may_read(&mut self, event: &AuditEvent) -> Result<bool, FlowError> {
        match event.kind {
            EventKind::AuditLogViewed
            | EventKind::LogExported
            | EventKind::CprRevealed
            | EventKind::AlertRaised
            | EventKind::LoginTested => Ok(false),
            EventKind::SignIn
            | EventKind::SignOut
            | EventKind::ChangeAttempt
            | EventKind::ChangeOutcome
            | EventKind::ChangeReconciled
            | EventKind::ResetAttempt
            | EventKind::ResetOutcome
            | EventKind::ResetReconciled
            | EventKind::UnlockAttempt
            | EventKind::UnlockOutcome
            | EventKind::AccountViewed
            | EventKind::ListViewed
            | EventKind::CodeIssued
            | EventKind::CodeRedeemed
            | EventKind::CodeExpired
            | EventKind::SlipsMade
            | EventKind::StaffAccount
            | EventKind::ServiceStarted
            | EventKind::ServiceStopped
            | EventKind::ProviderChanged
            | EventKind::ApiToken
            | EventKind::RetentionRan
            | EventKind::LogVerified
            | EventKind::CprKeyRotated => match &event.target {
                Some(target) => self.helps(target.guid).await,
                None => Ok(false),
            },
        }
    }

    async fn helps(&mut self, target: ObjectGuid) -> Result<bool, FlowError> {
        if let Some(known) = self.judged.get(&target) {
            return Ok(*known);
        }
        // The cheap check first: one read from AD and no register.
        let within = self.app.directory.account_again(&mut self.standing.pinned, target).await?;
        let theirs = if within.is_some_and(|account| self.standing.helps(self.app, &account)) {
            let seen = self.standing.look_at(self.app, self.identity, target, &Household::none()).await?;
            seen.is_some_and(|seen| self.standing.reads_log_of(self.app, &seen))
        } else {
            false
        };
        self.judged.insert(target, theirs);
        Ok(theirs)
    }
}
