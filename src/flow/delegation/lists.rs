//! Lists of the accounts that an actor can act on: circles, classes and helpdesks. Each view is logged with its search
//! words.
//!
//! Invariant: a list is shown only on a grant, and grants nothing itself. Each account is authorized on its own when it
//! is opened.

use std::sync::Arc;

use crate::flow::delegation::{DelegationContext, MayDeny, counted, log_denied, standing};
use crate::{
    app::App,
    directory::Within,
    flow::{FlowError, RequestContext, audit::read, event_of, run_to_completion},
    model::{
        account::Account,
        ad::sid::Sid,
        audit::{AuditOutcome, EventKind},
        authorization::{AccountScope, Denial, Grant, barred, circles_of, classes_of, desks_of},
        cpr::mask_in,
        identity::Identity,
    },
};

/// Accounts on a page.
pub const PAGE: usize = 50;
/// Length of search words in characters. The upper limit is the length of a name in AD.
const WORDS: std::ops::RangeInclusive<usize> = 2..=100;

/// Key of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListKey {
    /// The members of a circle or class, by the group's SID.
    Group(Sid),
    /// The accounts in a helpdesk's scope, by the helpdesk's id in the configuration.
    Desk(String),
}

impl ListKey {
    /// Parses the two path segments of a list's address.
    pub fn parse(kind: &str, id: &str) -> Option<Self> {
        match kind {
            "group" => Sid::parse(id).map(Self::Group),
            "desk" => Some(Self::Desk(id.to_owned())),
            _ => None,
        }
    }
}

/// A list as a line to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListChoice {
    pub place: ListKey,
    /// The grant that makes the list available.
    pub ground: Grant,
}

/// The pages of delegation that an actor can open.
#[derive(Debug)]
pub struct AvailableLists {
    pub lists: Vec<ListChoice>,
    /// Whether the actor may read any part of the audit log.
    pub log: bool,
}

/// The pages that the actor can open, or the denial for all of them.
pub async fn ways(app: &App, identity: &Identity) -> Result<Result<AvailableLists, Denial>, FlowError> {
    let standing = match standing(app, identity).await? {
        Ok(standing) => standing,
        Err(denial) => return Ok(Err(denial)),
    };
    Ok(match barred(&standing.rules, &standing.actor) {
        Some(denial) => Err(denial),
        None => Ok(AvailableLists { lists: choices_of(app, &standing), log: read::concerns(app, identity, &standing).await? }),
    })
}

pub(crate) fn choices_of(app: &App, standing: &DelegationContext) -> Vec<ListChoice> {
    let (rules, actor, now) = (&standing.rules, &standing.actor, app.clock.now());
    let mut choices = Vec::new();
    for ground in circles_of(rules, actor, now).into_iter().chain(classes_of(rules, actor, now)) {
        if let Some(sid) = ground.group().map(|group| group.sid.clone()) {
            choices.push(ListChoice { place: ListKey::Group(sid), ground });
        }
    }
    let desks = desks_of(rules, actor, now).into_iter();
    choices.extend(desks.map(|desk| ListChoice { place: ListKey::Desk(desk.id.clone()), ground: Grant::Helpdesk(desk.id.clone()) }));
    choices
}

/// Search words and page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListQuery {
    /// The beginning of a name; empty for all members.
    pub words: String,
    /// Page number, from 1.
    pub page: usize,
}

/// One page of a list, as read now.
#[derive(Debug)]
pub struct ListedMembers {
    pub choice: ListChoice,
    /// Accounts without group memberships.
    pub accounts: Vec<Account>,
    /// Number of all accounts, where it is known.
    pub total: Option<usize>,
    /// More accounts match than a page holds; the search has to be narrower.
    pub more: bool,
    /// The search words are too short or too long.
    pub unusable_words: bool,
}

/// The result of opening a list.
#[derive(Debug)]
pub enum ListOutcome {
    Found(ListedMembers),
    /// The list is not the actor's.
    Denied(Denial),
}

impl MayDeny for ListOutcome {
    fn denied(denial: Denial) -> Self {
        Self::Denied(denial)
    }

    fn denial(&self) -> Option<Denial> {
        match self {
            Self::Denied(denial) => Some(*denial),
            Self::Found(_) => None,
        }
    }
}

/// Reads a list and logs the view.
pub async fn look(
    app: &Arc<App>,
    visit: &RequestContext,
    identity: &Identity,
    place: ListKey,
    question: &ListQuery,
) -> Result<ListOutcome, FlowError> {
    let (app, visit, identity, question) = (app.clone(), visit.clone(), identity.clone(), question.clone());
    run_to_completion(async move {
        let work = Box::pin(look_into(&app, &visit, &identity, &place, &question));
        counted(&app, &visit, &identity, EventKind::ListViewed, work).await
    })
    .await
}

async fn look_into(
    app: &App,
    visit: &RequestContext,
    identity: &Identity,
    place: &ListKey,
    question: &ListQuery,
) -> Result<ListOutcome, FlowError> {
    let mut standing = match standing(app, identity).await? {
        Ok(standing) => standing,
        Err(denial) => return Ok(ListOutcome::Denied(denial)),
    };
    if let Some(denial) = barred(&standing.rules, &standing.actor) {
        return Ok(ListOutcome::Denied(denial));
    }
    let Some(choice) = choices_of(app, &standing).into_iter().find(|choice| choice.place == *place) else {
        let mut entry = event_of(visit, identity, app.clock.now(), EventKind::ListViewed, AuditOutcome::Refused, Denial::NoRelation.code());
        entry.actor = Some(standing.somebody(app, identity));
        log_denied(app, visit, identity, &entry).await?;
        return Ok(ListOutcome::Denied(Denial::NoRelation));
    };
    let mut entry = event_of(visit, identity, app.clock.now(), EventKind::ListViewed, AuditOutcome::Succeeded, "");
    entry.actor = Some(standing.somebody(app, identity));
    entry.authority = Some(choice.ground.code());
    entry.note = (!question.words.is_empty()).then(|| mask_in(&question.words));
    app.audit.append(&entry).await?;
    let length = question.words.chars().count();
    if length > 0 && !WORDS.contains(&length) {
        return Ok(ListOutcome::Found(ListedMembers { choice, accounts: Vec::new(), total: None, more: false, unusable_words: true }));
    }
    let found = match (&choice.place, length) {
        (ListKey::Group(group), 0) => members(app, &mut standing, group, question.page).await?,
        // A helpdesk may cover the whole municipality: without search words nothing is listed.
        (ListKey::Desk(_), 0) => (Vec::new(), None, false),
        (ListKey::Group(_) | ListKey::Desk(_), _) => match within(app, &mut standing, &choice.place).await? {
            Some(within) => {
                let mut accounts = app.directory.search_people(&mut standing.pinned, &within, &question.words, PAGE + 1).await?;
                let more = accounts.len() > PAGE;
                accounts.truncate(PAGE);
                (accounts, None, more)
            }
            None => (Vec::new(), None, false),
        },
    };
    let (accounts, total, more) = found;
    Ok(ListOutcome::Found(ListedMembers { choice, accounts, total, more, unusable_words: false }))
}

async fn members(
    app: &App,
    standing: &mut DelegationContext,
    group: &Sid,
    page: usize,
) -> Result<(Vec<Account>, Option<usize>, bool), FlowError> {
    let Some(members) = app.directory.members(&mut standing.pinned, group).await? else { return Ok((Vec::new(), Some(0), false)) };
    let from = page.saturating_sub(1).saturating_mul(PAGE).min(members.people.len());
    let to = (from + PAGE).min(members.people.len());
    let accounts = app.directory.people(&mut standing.pinned, &members.people[from..to]).await?;
    Ok((accounts, Some(members.people.len()), false))
}

/// The search scope. `None`: there is nothing to search.
async fn within(app: &App, standing: &mut DelegationContext, place: &ListKey) -> Result<Option<Within>, FlowError> {
    Ok(match place {
        ListKey::Group(group) => app.directory.members(&mut standing.pinned, group).await?.map(|members| Within::Members(vec![members])),
        ListKey::Desk(id) => match standing.rules.desks.iter().find(|desk| desk.id == *id).map(|desk| desk.scope.clone()) {
            None => None,
            Some(AccountScope::Everybody) => Some(Within::Everybody),
            Some(AccountScope::Some { units, groups }) if groups.is_empty() => Some(Within::Units(units)),
            Some(AccountScope::Some { units, groups }) => {
                let mut all: Vec<Arc<crate::directory::Members>> = Vec::new();
                for group in &groups {
                    all.extend(app.directory.members(&mut standing.pinned, group).await?);
                }
                Some(Within::Either(units, all))
            }
        },
    })
}
