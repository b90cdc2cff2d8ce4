//! Who may do what to whose account, and why: one decision, from facts that were read at the moment of the action.
//!
//! Invariants: pure; whatever forbids comes before whatever allows; a rule that can't be read forbids; what nothing allows is refused.

mod protected;
mod reading;
#[cfg(test)]
mod tests;

pub use protected::is_protected;
pub use reading::{is_auditor, reads_log_of, sees_history};

use jiff::{SignedDuration, Timestamp};

use super::{account::Account, dn::is_under, guid::ObjectGuid, level::Level, sid::Sid};

/// What somebody wants to do to another's account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Look at its state and history.
    See,
    /// Set a new password.
    SetPassword,
    /// End a lockout.
    Unlock,
    /// Give the caller a code to choose a password with.
    IssueCode,
}

impl Action {
    /// All, in the order in which a page offers them.
    pub const ALL: [Self; 4] = [Self::See, Self::SetPassword, Self::Unlock, Self::IssueCode];

    /// Its name for operators.
    pub fn code(self) -> &'static str {
        match self {
            Self::See => "see",
            Self::SetPassword => "set_password",
            Self::Unlock => "unlock",
            Self::IssueCode => "issue_code",
        }
    }
}

/// A group: its SID, and its name for people to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// objectSid.
    pub sid: Sid,
    /// Its name.
    pub name: String,
}

/// A rule that could not be read: a group is missing, or a controller would not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

/// SIDs of groups that forbid.
pub type Denying = Result<Vec<Sid>, Unreadable>;

/// The configuration's rules, its groups as SIDs.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Members never use the service.
    pub cannot_use: Denying,
    /// Others never act on members.
    pub closed_to_others: Denying,
    /// More groups whose members are protected, besides AD's own.
    pub protected: Denying,
    /// Members act on the circles that they are in.
    pub admins: Denying,
    /// The same, on password admins too; nobody acts on them.
    pub master_admins: Denying,
    /// The circles that the actor is in. One that could not be read is not among them.
    pub circles: Vec<Group>,
    /// Are codes given out at all?
    pub codes: bool,
    /// May password admins give out codes?
    pub admins_give_codes: bool,
    /// Who teaches whom.
    pub classes: Vec<Class>,
    /// Which accounts of a child are its parents' to act on.
    pub parents: Scope,
    /// Helpdesks.
    pub desks: Vec<Desk>,
    /// Members read the whole log, CPR numbers in it included. A group that could not be read lets nobody read it.
    pub auditors: Vec<Sid>,
    /// Could every group of helpdesks and auditors be read? Where one could not, anybody may be a member of it, and so out of reach.
    pub staff_known: Result<(), Unreadable>,
    /// A login may be this old.
    pub max_age: SignedDuration,
}

/// Members of one group act on the members of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    /// Who acts.
    pub teachers: Sid,
    /// On whom.
    pub pupils: Group,
}

/// A helpdesk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desk {
    /// Its name in the configuration.
    pub id: String,
    /// Who works there.
    pub group: Option<Sid>,
    /// Do local staff accounts with the role work there?
    pub local_accounts: bool,
    /// Whom it helps.
    pub scope: Scope,
    /// May it set passwords itself? It gives codes in any case.
    pub set_password: bool,
}

/// Whom a helpdesk helps, or which accounts of a child are its parents' matter; what is forbidden stays so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Everybody.
    Everybody,
    /// Whoever is below one of the units, or in one of the groups.
    Some {
        /// DNs.
        units: Vec<String>,
        /// Groups.
        groups: Vec<Sid>,
    },
}

/// Who acts, as read now.
#[derive(Debug, Clone)]
pub struct Actor {
    /// Every account of theirs with its groups, those that can't be used too: what they forbid counts.
    pub accounts: Vec<Account>,
    /// Other accounts of the same person, which this login does not act through: what they forbid counts too.
    pub linked: Vec<Account>,
    /// Has a local staff account that works at helpdesks.
    pub helpdesk_role: bool,
    /// How sure the login is.
    pub level: Level,
    /// When they logged in.
    pub at: Timestamp,
}

/// The account to act on, as read now, with its groups.
#[derive(Debug)]
pub struct Target<'a> {
    /// The account.
    pub account: &'a Account,
    /// What a login needs to reset its password.
    pub needed: Level,
    /// It belongs to a child of the actor, who is under the age limit.
    pub child: bool,
    /// Its owner teaches some class. Asked only where it matters: see [`asks_who_teaches`].
    pub teaches: Result<bool, Unreadable>,
}

/// Why somebody may act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ground {
    /// It is their own.
    Own,
    /// It is their child's.
    Parent,
    /// As password admin of a circle.
    Circle(Group),
    /// As master password admin of a circle.
    MasterOfCircle(Group),
    /// As teacher of a class.
    Teacher(Group),
    /// As a helpdesk, by its name in the configuration.
    Helpdesk(String),
}

impl Ground {
    /// The group that it is about.
    pub fn group(&self) -> Option<&Group> {
        match self {
            Self::Circle(group) | Self::MasterOfCircle(group) | Self::Teacher(group) => Some(group),
            Self::Own | Self::Parent | Self::Helpdesk(_) => None,
        }
    }

    /// What the audit log says: a stable word, and of what.
    pub fn code(&self) -> String {
        match self {
            Self::Own => "own".to_owned(),
            Self::Parent => "parent".to_owned(),
            Self::Circle(group) => format!("circle:{}", group.name),
            Self::MasterOfCircle(group) => format!("master_of_circle:{}", group.name),
            Self::Teacher(group) => format!("teacher:{}", group.name),
            Self::Helpdesk(id) => format!("helpdesk:{id}"),
        }
    }
}

/// Why somebody may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// The actor is in a group that never uses the service.
    Barred,
    /// A rule that may forbid it can't be read.
    Unreadable,
    /// Nothing makes it theirs to act on.
    NoRelation,
    /// The account is disabled or has expired.
    NotUsable,
    /// The account is in a group that others never act on.
    ClosedToOthers,
    /// AD protects the account: it may administer the domain.
    Protected,
    /// A master password admin's account.
    MasterAdmin,
    /// A password admin's account, and the actor is no master.
    PasswordAdmin,
    /// The account of somebody who works at a helpdesk, and the actor is no master.
    Helper,
    /// The account of somebody who reads the whole log, and the actor is no master.
    Auditor,
    /// A teacher's account, and the actor is a teacher or a parent.
    Teacher,
    /// The login is not sure enough for the account.
    TooWeak(Level),
    /// The login is too long ago.
    LoginTooOld,
    /// The account has got another password since the login.
    PasswordChangedSince,
    /// What makes it theirs does not go so far.
    NotThisAction,
    /// They have tried too many accounts that are none of theirs: nothing before this time.
    TooOften(Timestamp),
}

impl Denial {
    /// The reason in the audit log.
    pub fn code(self) -> &'static str {
        match self {
            Self::Barred => "barred",
            Self::Unreadable => "rule_unreadable",
            Self::NoRelation => "not_yours",
            Self::NotUsable => "not_usable",
            Self::ClosedToOthers => "closed_to_others",
            Self::Protected => "protected",
            Self::MasterAdmin => "master_admin",
            Self::PasswordAdmin => "password_admin",
            Self::Helper => "helper",
            Self::Auditor => "auditor",
            Self::Teacher => "teacher",
            Self::TooWeak(_) => "too_weak",
            Self::LoginTooOld => "login_too_old",
            Self::PasswordChangedSince => "password_changed_since",
            Self::NotThisAction => "not_this_action",
            Self::TooOften(_) => "throttled",
        }
    }

    /// In a sentence, for operators.
    pub fn explained(self) -> &'static str {
        match self {
            Self::Barred => "the actor is in a group of authority.cannot_use_the_service",
            Self::Unreadable => "a group of [authority] or audit.auditors that may forbid it can't be found",
            Self::NoRelation => "no circle that both are in (the actor as password admin), no class, no helpdesk scope",
            Self::NotUsable => "the account is disabled or has expired",
            Self::ClosedToOthers => "the account is in a group of authority.cannot_be_changed_by_others",
            Self::Protected => "the account has adminCount=1 or is in a group that AD, or authority.protected_groups, protects",
            Self::MasterAdmin => "the account is in authority.circles.master_admins",
            Self::PasswordAdmin => {
                "the account is in authority.circles.admins, and the actor is no master admin of a circle that both are in"
            }
            Self::Helper => "the account is in the group of a helpdesk, and the actor is no master admin of a circle that both are in",
            Self::Auditor => "the account is in a group of audit.auditors, and the actor is no master admin of a circle that both are in",
            Self::Teacher => "the account's owner teaches, and only teaching, or being a parent, makes it the actor's",
            Self::TooWeak(_) => "the login's level is below what [reset] demands for the account",
            Self::LoginTooOld => "the login is older than authority.max_age_minutes",
            Self::PasswordChangedSince => "the actor's account has got another password since the login",
            Self::NotThisAction => "what makes the account the actor's does not go so far",
            Self::TooOften(_) => "the actor has tried too many accounts that are none of theirs",
        }
    }
}

/// May the actor do this to the account? In the order: may they act at all; is the account theirs in any way; does anything forbid it; does what makes
/// it theirs go so far.
pub fn decide(rules: &Rules, actor: &Actor, target: &Target<'_>, action: Action, now: Timestamp) -> Result<Ground, Denial> {
    let grounds = theirs(rules, actor, target, now)?;
    // Why there is nothing to be done is shown to whoever the account is a matter of.
    match action {
        Action::See => grounds.into_iter().next().ok_or(Denial::NoRelation),
        Action::SetPassword | Action::Unlock | Action::IssueCode => {
            if let Some(denial) = unusable(target.account, now) {
                return Err(denial);
            }
            allowed(rules, actor, target, grounds, action, now)
        }
    }
}

/// Everything that makes the account the actor's, the nearest first; not empty.
fn theirs(rules: &Rules, actor: &Actor, target: &Target<'_>, now: Timestamp) -> Result<Vec<Ground>, Denial> {
    if let Some(denial) = barred(rules, actor) {
        return Err(denial);
    }
    let grounds = grounds(rules, actor, target, now);
    if grounds.is_empty() { Err(Denial::NoRelation) } else { Ok(grounds) }
}

/// The ground that goes as far as the action, if nothing forbids it. Whether the account can be used is not asked.
fn allowed(
    rules: &Rules,
    actor: &Actor,
    target: &Target<'_>,
    grounds: Vec<Ground>,
    action: Action,
    now: Timestamp,
) -> Result<Ground, Denial> {
    let own = grounds.first() == Some(&Ground::Own);
    if let Some(denial) = out_of_reach(rules, target.account).filter(|_| !own) {
        return Err(denial);
    }
    let (grounds, denial) = match for_masters(rules, target.account).filter(|_| !own) {
        Some(denial) => (only(grounds, |ground| matches!(ground, Ground::MasterOfCircle(_))), denial),
        None => match target.teaches {
            Ok(false) => (grounds, Denial::NoRelation),
            Ok(true) => (only(grounds, |ground| !matches!(ground, Ground::Teacher(_) | Ground::Parent)), Denial::Teacher),
            Err(Unreadable) => (only(grounds, |ground| !matches!(ground, Ground::Teacher(_) | Ground::Parent)), Denial::Unreadable),
        },
    };
    if grounds.is_empty() {
        return Err(denial);
    }
    if actor.level < target.needed {
        return Err(Denial::TooWeak(target.needed));
    }
    let able = grounds.into_iter().find(|ground| goes_as_far_as(rules, ground, action)).ok_or(Denial::NotThisAction)?;
    if able == Ground::Parent {
        if actor.level < Level::Substantial {
            return Err(Denial::TooWeak(Level::Substantial));
        }
        // A child that may not use the service does not do so through its parents.
        if is_in(&rules.cannot_use, target.account) {
            return Err(Denial::ClosedToOthers);
        }
    }
    if now.duration_since(actor.at) > rules.max_age {
        return Err(Denial::LoginTooOld);
    }
    Ok(able)
}

/// Could more be done if the account were a child's of the actor? Else there is no need to ask whether it is.
pub fn parenthood_matters(rules: &Rules, actor: &Actor, target: &Target<'_>, now: Timestamp) -> bool {
    let child = Target { child: true, ..*target };
    let opens = |action: &Action| decide(rules, actor, target, *action, now).is_err() && decide(rules, actor, &child, *action, now).is_ok();
    !target.child && Action::ALL.iter().any(opens)
}

/// What forbids that a code which was given out for the account is used: what keeps others away from it, and what keeps its owner from the service.
pub fn code_forbidden(rules: &Rules, account: &Account, now: Timestamp) -> Option<Denial> {
    closed(rules, account, now).or_else(|| match &rules.cannot_use {
        Err(Unreadable) => Some(Denial::Unreadable),
        Ok(groups) => account.is_in_any(groups).then_some(Denial::Barred),
    })
}

/// Does the decision hang on whether the account's owner teaches?
pub fn asks_who_teaches(rules: &Rules, actor: &Actor, target: &Target<'_>, now: Timestamp) -> bool {
    grounds(rules, actor, target, now).iter().any(|ground| matches!(ground, Ground::Teacher(_) | Ground::Parent))
}

/// What keeps the actor from using the service at all, whatever the account.
pub fn barred(rules: &Rules, actor: &Actor) -> Option<Denial> {
    match &rules.cannot_use {
        Err(Unreadable) => Some(Denial::Unreadable),
        Ok(groups) => {
            let barred = |account: &Account| account.is_in_any(groups);
            (actor.accounts.iter().any(barred) || actor.linked.iter().any(barred)).then_some(Denial::Barred)
        }
    }
}

/// What keeps everybody but its owner from acting on the account; a password admin's is left to [`decide`].
pub fn closed(rules: &Rules, account: &Account, now: Timestamp) -> Option<Denial> {
    unusable(account, now).or_else(|| out_of_reach(rules, account))
}

fn out_of_reach(rules: &Rules, account: &Account) -> Option<Denial> {
    let (Ok(closed), Ok(protected), Ok(masters), Ok(_), Ok(())) =
        (&rules.closed_to_others, &rules.protected, &rules.master_admins, &rules.admins, rules.staff_known)
    else {
        return Some(Denial::Unreadable);
    };
    if is_protected(account) || account.is_in_any(protected) {
        Some(Denial::Protected)
    } else if account.is_in_any(masters) {
        Some(Denial::MasterAdmin)
    } else {
        account.is_in_any(closed).then_some(Denial::ClosedToOthers)
    }
}

fn unusable(account: &Account, now: Timestamp) -> Option<Denial> {
    (!account.usable(now)).then_some(Denial::NotUsable)
}

/// Everything that makes the account a matter of the actor's, the nearest first.
fn grounds(rules: &Rules, actor: &Actor, target: &Target<'_>, now: Timestamp) -> Vec<Ground> {
    let account = target.account;
    if actor.accounts.iter().any(|own| own.guid == account.guid) {
        return vec![Ground::Own];
    }
    let of_groups = circles_of(rules, actor, now).into_iter().chain(classes_of(rules, actor, now));
    let in_group = of_groups.filter(|ground| ground.group().is_some_and(|group| account.groups.contains(&group.sid)));
    let desks = desks_of(rules, actor, now).into_iter().filter(|desk| desk.scope.holds(account));
    let parent = (target.child && rules.parents.holds(account)).then_some(Ground::Parent);
    parent.into_iter().chain(in_group).chain(desks.map(|desk| Ground::Helpdesk(desk.id.clone()))).collect()
}

/// The accounts that somebody can act as.
fn acting(actor: &Actor, now: Timestamp) -> impl Iterator<Item = &Account> {
    actor.accounts.iter().filter(move |own| own.usable(now))
}

/// The circles that somebody may act on, each once.
pub fn circles_of(rules: &Rules, actor: &Actor, now: Timestamp) -> Vec<Ground> {
    let ground = |circle: &Group| {
        let within = || acting(actor, now).filter(|own| own.groups.contains(&circle.sid));
        if within().any(|own| is_in(&rules.master_admins, own)) {
            Some(Ground::MasterOfCircle(circle.clone()))
        } else {
            within().any(|own| is_in(&rules.admins, own)).then(|| Ground::Circle(circle.clone()))
        }
    };
    rules.circles.iter().filter_map(ground).collect()
}

/// The classes that somebody teaches, each once.
pub fn classes_of(rules: &Rules, actor: &Actor, now: Timestamp) -> Vec<Ground> {
    let mut classes: Vec<Ground> = Vec::new();
    for class in &rules.classes {
        let ground = Ground::Teacher(class.pupils.clone());
        if acting(actor, now).any(|own| own.groups.contains(&class.teachers)) && !classes.contains(&ground) {
            classes.push(ground);
        }
    }
    classes
}

/// The helpdesks that somebody works at.
pub fn desks_of<'a>(rules: &'a Rules, actor: &Actor, now: Timestamp) -> Vec<&'a Desk> {
    let works = |desk: &&Desk| {
        let by_group = desk.group.as_ref().is_some_and(|group| acting(actor, now).any(|own| own.groups.contains(group)));
        by_group || (desk.local_accounts && actor.helpdesk_role)
    };
    rules.desks.iter().filter(works).collect()
}

/// What leaves the account to master admins of its circles: whoever resets somebody with rights here has these rights.
fn for_masters(rules: &Rules, account: &Account) -> Option<Denial> {
    if is_in(&rules.admins, account) {
        Some(Denial::PasswordAdmin)
    } else if works_at_a_desk(rules, account) {
        Some(Denial::Helper)
    } else {
        account.is_in_any(&rules.auditors).then_some(Denial::Auditor)
    }
}

fn only(grounds: Vec<Ground>, is_one: impl Fn(&Ground) -> bool) -> Vec<Ground> {
    grounds.into_iter().filter(is_one).collect()
}

fn works_at_a_desk(rules: &Rules, account: &Account) -> bool {
    rules.desks.iter().any(|desk| desk.group.as_ref().is_some_and(|group| account.groups.contains(group)))
}

fn is_in(groups: &Denying, account: &Account) -> bool {
    groups.as_ref().is_ok_and(|groups| account.is_in_any(groups))
}

fn goes_as_far_as(rules: &Rules, ground: &Ground, action: Action) -> bool {
    match (action, ground) {
        (Action::See | Action::Unlock, _)
        | (Action::SetPassword, Ground::Own | Ground::Parent | Ground::Circle(_) | Ground::MasterOfCircle(_) | Ground::Teacher(_)) => true,
        (Action::SetPassword, Ground::Helpdesk(id)) => rules.desks.iter().any(|desk| desk.id == *id && desk.set_password),
        (Action::IssueCode, Ground::Helpdesk(_)) => rules.codes,
        (Action::IssueCode, Ground::Circle(_) | Ground::MasterOfCircle(_)) => rules.codes && rules.admins_give_codes,
        (Action::IssueCode, Ground::Own | Ground::Parent | Ground::Teacher(_)) => false,
    }
}

impl Scope {
    /// Is the account within it?
    pub fn holds(&self, account: &Account) -> bool {
        match self {
            Self::Everybody => true,
            Self::Some { units, groups } => units.iter().any(|unit| is_under(&account.dn, unit)) || account.is_in_any(groups),
        }
    }
}

/// The accounts whose grounds the actor acts on, for the log: the one that gives the ground.
pub fn acting_as<'a>(rules: &Rules, actor: &'a Actor, ground: &Ground, target: ObjectGuid, now: Timestamp) -> Option<&'a Account> {
    let mut acting = acting(actor, now);
    match ground {
        Ground::Own => actor.accounts.iter().find(|own| own.guid == target),
        Ground::Parent => None,
        Ground::Circle(circle) => acting.find(|own| own.groups.contains(&circle.sid) && is_in(&rules.admins, own)),
        Ground::MasterOfCircle(circle) => acting.find(|own| own.groups.contains(&circle.sid) && is_in(&rules.master_admins, own)),
        Ground::Teacher(pupils) => {
            let teaches = |own: &Account| rules.classes.iter().any(|class| class.pupils == *pupils && own.groups.contains(&class.teachers));
            acting.find(|own| teaches(own))
        }
        Ground::Helpdesk(id) => {
            let desk = rules.desks.iter().find(|desk| desk.id == *id)?;
            let group = desk.group.as_ref()?;
            acting.find(|own| own.groups.contains(group))
        }
    }
}
