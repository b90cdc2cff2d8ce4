//! Whom somebody can act on, as lists to look in: their circles, their classes, their helpdesks. Looking is logged, with what was searched for.
//!
//! Invariant: a list is shown to whoever has the ground for it, and allows nothing: each account is judged on its own when it is opened.

use std::sync::Arc;

use super::{Answer, Standing, counted, log_denied, standing};
use crate::{
    app::App,
    directory::Within,
    flow::{Fault, Visit, event_of, log_pages, to_its_end},
    model::{
        account::Account,
        audit::{AuditOutcome, EventKind},
        authority::{Denial, Ground, Scope, barred, circles_of, classes_of, desks_of},
        cpr::mask_in,
        identity::Identity,
        sid::Sid,
    },
};

/// Accounts on a page.
pub const PAGE: usize = 50;
/// A search has at least so many characters, and at most as many as a name in AD.
const WORDS: std::ops::RangeInclusive<usize> = 2..=100;

/// A list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The members of a circle or class, by the group's SID.
    Group(Sid),
    /// Those whom a helpdesk helps, by its name in the configuration.
    Desk(String),
}

impl Place {
    /// From an address.
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
pub struct Choice {
    /// Which.
    pub place: Place,
    /// Why it is theirs.
    pub ground: Ground,
}

/// Where somebody can go on to.
#[derive(Debug)]
pub struct Ways {
    /// Every list of theirs.
    pub lists: Vec<Choice>,
    /// Some of the log is theirs to read.
    pub log: bool,
}

/// Where somebody can go on to; or why there is nothing for them at all.
pub async fn ways(app: &App, identity: &Identity) -> Result<Result<Ways, Denial>, Fault> {
    let standing = match standing(app, identity).await? {
        Ok(standing) => standing,
        Err(denial) => return Ok(Err(denial)),
    };
    Ok(match barred(&standing.rules, &standing.actor) {
        Some(denial) => Err(denial),
        None => Ok(Ways { lists: choices_of(app, &standing), log: log_pages::concerns(app, identity, &standing).await? }),
    })
}

pub(super) fn choices_of(app: &App, standing: &Standing) -> Vec<Choice> {
    let (rules, actor, now) = (&standing.rules, &standing.actor, app.clock.now());
    let mut choices = Vec::new();
    for ground in circles_of(rules, actor, now).into_iter().chain(classes_of(rules, actor, now)) {
        if let Some(sid) = ground.group().map(|group| group.sid.clone()) {
            choices.push(Choice { place: Place::Group(sid), ground });
        }
    }
    let desks = desks_of(rules, actor, now).into_iter();
    choices.extend(desks.map(|desk| Choice { place: Place::Desk(desk.id.clone()), ground: Ground::Helpdesk(desk.id.clone()) }));
    choices
}

/// What is asked of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Question {
    /// The beginning of a name; empty for everybody.
    pub words: String,
    /// From 1.
    pub page: usize,
}

/// A list as it is now.
#[derive(Debug)]
pub struct Found {
    /// Which.
    pub choice: Choice,
    /// Without their groups.
    pub accounts: Vec<Account>,
    /// How many there are, where that is known.
    pub total: Option<usize>,
    /// There are more than could be shown: the search has to say more.
    pub more: bool,
    /// What was searched for is too short or too long.
    pub unusable_words: bool,
}

/// What there is to show.
#[derive(Debug)]
pub enum Listed {
    /// The list.
    Found(Found),
    /// It is not theirs.
    Denied(Denial),
}

impl Answer for Listed {
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

/// Looks into a list, and logs that.
pub async fn look(app: &Arc<App>, visit: &Visit, identity: &Identity, place: Place, question: &Question) -> Result<Listed, Fault> {
    let (app, visit, identity, question) = (app.clone(), visit.clone(), identity.clone(), question.clone());
    to_its_end(async move {
        let work = Box::pin(look_into(&app, &visit, &identity, &place, &question));
        counted(&app, &visit, &identity, EventKind::ListSeen, work).await
    })
    .await
}

async fn look_into(app: &App, visit: &Visit, identity: &Identity, place: &Place, question: &Question) -> Result<Listed, Fault> {
    let mut standing = match standing(app, identity).await? {
        Ok(standing) => standing,
        Err(denial) => return Ok(Listed::Denied(denial)),
    };
    if let Some(denial) = barred(&standing.rules, &standing.actor) {
        return Ok(Listed::Denied(denial));
    }
    let Some(choice) = choices_of(app, &standing).into_iter().find(|choice| choice.place == *place) else {
        let mut entry = event_of(visit, identity, app.clock.now(), EventKind::ListSeen, AuditOutcome::Refused, Denial::NoRelation.code());
        entry.actor = Some(standing.somebody(app, identity));
        log_denied(app, visit, &entry).await?;
        return Ok(Listed::Denied(Denial::NoRelation));
    };
    let mut entry = event_of(visit, identity, app.clock.now(), EventKind::ListSeen, AuditOutcome::Succeeded, "");
    entry.actor = Some(standing.somebody(app, identity));
    entry.authority = Some(choice.ground.code());
    entry.note = (!question.words.is_empty()).then(|| mask_in(&question.words));
    app.audit.append(&entry).await?;
    let length = question.words.chars().count();
    if length > 0 && !WORDS.contains(&length) {
        return Ok(Listed::Found(Found { choice, accounts: Vec::new(), total: None, more: false, unusable_words: true }));
    }
    let found = match (&choice.place, length) {
        (Place::Group(group), 0) => members(app, &mut standing, group, question.page).await?,
        // Everybody in the municipality is no list to read.
        (Place::Desk(_), 0) => (Vec::new(), None, false),
        (Place::Group(_) | Place::Desk(_), _) => match within(app, &mut standing, &choice.place).await? {
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
    Ok(Listed::Found(Found { choice, accounts, total, more, unusable_words: false }))
}

async fn members(app: &App, standing: &mut Standing, group: &Sid, page: usize) -> Result<(Vec<Account>, Option<usize>, bool), Fault> {
    let Some(members) = app.directory.members(&mut standing.pinned, group).await? else { return Ok((Vec::new(), Some(0), false)) };
    let from = page.saturating_sub(1).saturating_mul(PAGE).min(members.people.len());
    let to = (from + PAGE).min(members.people.len());
    let accounts = app.directory.people(&mut standing.pinned, &members.people[from..to]).await?;
    Ok((accounts, Some(members.people.len()), false))
}

/// Where to search. `None`: nowhere.
async fn within(app: &App, standing: &mut Standing, place: &Place) -> Result<Option<Within>, Fault> {
    Ok(match place {
        Place::Group(group) => app.directory.members(&mut standing.pinned, group).await?.map(|members| Within::Members(vec![members])),
        Place::Desk(id) => match standing.rules.desks.iter().find(|desk| desk.id == *id).map(|desk| desk.scope.clone()) {
            None => None,
            Some(Scope::Everybody) => Some(Within::Everybody),
            Some(Scope::Some { units, groups }) if groups.is_empty() => Some(Within::Units(units)),
            Some(Scope::Some { units, groups }) => {
                let mut all: Vec<Arc<crate::directory::Members>> = Vec::new();
                for group in &groups {
                    all.extend(app.directory.members(&mut standing.pinned, group).await?);
                }
                Some(Within::Either(units, all))
            }
        },
    })
}
