//! What a helpdesk reads of the log: entries about the accounts that it helps now.
//!
//! Invariants: each entry is judged from AD on each request; what is not theirs leaves no trace on a page, neither a count nor a time; a page asks AD about so many
//! accounts and no more.

use std::collections::HashMap;

use super::{
    Fault,
    others::{Household, Standing},
};
use crate::{
    app::App,
    audit::search::{Hits, PAGE, Search, Unclear},
    model::{
        audit::{AuditEvent, EventKind},
        guid::ObjectGuid,
        identity::Identity,
    },
};

/// Accounts that AD is asked about for one page,
const ACCOUNTS: usize = 60;
/// and pages of the log that are looked through for it.
const PAGES: usize = 8;

/// A helpdesk that reads.
pub(super) struct Desk<'a> {
    app: &'a App,
    identity: &'a Identity,
    standing: &'a mut Standing,
    judged: HashMap<ObjectGuid, bool>,
}

impl<'a> Desk<'a> {
    pub(super) fn new(app: &'a App, identity: &'a Identity, standing: &'a mut Standing) -> Self {
        Self { app, identity, standing, judged: HashMap::new() }
    }

    /// A page of what is theirs. Shorter than a page with a way to go on: more may be further away.
    pub(super) async fn search(&mut self, search: &Search, mut after: Option<i64>) -> Result<Result<Hits, Unclear>, Fault> {
        let mut search = search.clone();
        if let Some(about) = &search.about {
            // Whoever is not theirs is as unknown to them as whoever there is not.
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
                // Whoever it is about, it is looked at before the page is full, and so is the same one on the next page.
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

    /// Is it an entry for them? What is about no account, or about one that is gone, only auditors read; and what auditors do.
    pub(super) async fn may_read(&mut self, event: &AuditEvent) -> Result<bool, Fault> {
        match event.kind {
            EventKind::LogSeen | EventKind::LogExported | EventKind::CprRevealed | EventKind::AlertRaised => Ok(false),
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
            | EventKind::AccountSeen
            | EventKind::ListSeen
            | EventKind::CodeIssued
            | EventKind::CodeUsed
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

    async fn helps(&mut self, target: ObjectGuid) -> Result<bool, Fault> {
        if let Some(known) = self.judged.get(&target) {
            return Ok(*known);
        }
        // First what costs one question, and asks no other register.
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
