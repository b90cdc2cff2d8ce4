//! The authorization decision: whether an actor may perform an action on a target, and in which role.
//!
//! Invariants: pure, computed from facts that were read at the moment of the action; prohibitions come before permissions; a rule that
//! cannot be read forbids; without a permission the action is denied.

pub mod class_names;
pub mod group_pattern;
mod protected;
mod reading;
pub mod strength;
#[cfg(test)]
mod tests;

pub use crate::model::authorization::protected::is_protected;
pub use crate::model::authorization::reading::{is_auditor, reads_log_of, sees_history};

use jiff::{SignedDuration, Timestamp};

use super::account::Account;
use crate::model::{
    ad::{dn::is_under, guid::ObjectGuid, sid::Sid},
    identity::level::AssuranceLevel,
};

/// An action on a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// View the account's state and history.
    See,
    SetPassword,
    /// End a lockout.
    Unlock,
    /// Issue a one-time code, with which the owner chooses a password.
    IssueCode,
}

impl Action {
    /// In the order in which a page offers the actions.
    pub const ALL: [Self; 4] = [Self::See, Self::SetPassword, Self::Unlock, Self::IssueCode];

    /// The stable code for operators.
    pub fn code(self) -> &'static str {
        match self {
            Self::See => "see",
            Self::SetPassword => "set_password",
            Self::Unlock => "unlock",
            Self::IssueCode => "issue_code",
        }
    }
}

/// A group: its SID, and its name for display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub sid: Sid,
    pub name: String,
}

/// A rule that could not be read: a group is missing, or a controller did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnreadableRule;

/// SIDs of the groups of a prohibition.
pub type Prohibitions = Result<Vec<Sid>, UnreadableRule>;

/// The configured authorization policy, with groups resolved to SIDs.
#[derive(Debug, Clone)]
pub struct AuthorizationPolicy {
    /// Members may not use the service.
    pub cannot_use: Prohibitions,
    /// Delegation does not extend to members.
    pub closed_to_others: Prohibitions,
    /// Groups whose members are protected, in addition to AD's own.
    pub protected: Prohibitions,
    /// Circle admins: members act on the accounts in circles that they are in themselves.
    pub admins: Prohibitions,
    /// Master admins: like circle admins, and also on circle admins. No delegation extends to them.
    pub master_admins: Prohibitions,
    /// The circles that the actor is in. Circles that could not be read are left out.
    pub circles: Vec<Group>,
    /// One-time codes are issued at all.
    pub codes: bool,
    /// Circle admins may issue one-time codes.
    pub admins_give_codes: bool,
    /// Pairs of teacher group and pupil group.
    pub classes: Vec<ClassRule>,
    /// The accounts of children that guardians may act on.
    pub parents: AccountScope,
    pub desks: Vec<HelpdeskRule>,
    /// Groups of auditors, who read the whole audit log with its CPR numbers. Groups that could not be read are left out.
    pub auditors: Vec<Sid>,
    /// `Err` if a group of a helpdesk or of auditors could not be read. All delegated actions but viewing are then denied,
    /// because any target may be a member.
    pub staff_known: Result<(), UnreadableRule>,
    /// Longest age of a login for delegation.
    pub max_age: SignedDuration,
}

/// A class: members of one group act on the members of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassRule {
    /// Group of the teachers.
    pub teachers: Sid,
    /// Group of the pupils.
    pub pupils: Group,
}

/// A helpdesk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelpdeskRule {
    /// Its name in the configuration.
    pub id: String,
    /// Group of its members.
    pub group: Option<Sid>,
    /// Local accounts with the helpdesk role work here too.
    pub local_accounts: bool,
    /// The accounts that it serves.
    pub scope: AccountScope,
    /// May set passwords itself. It may issue one-time codes in any case.
    pub set_password: bool,
}

/// The accounts that a helpdesk serves, or that guardians may act on. Prohibitions still apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountScope {
    /// Every account.
    Everybody,
    /// Accounts below one of the units or in one of the groups.
    Some {
        /// DNs.
        units: Vec<String>,
        groups: Vec<Sid>,
    },
}

/// The actor, as read now.
#[derive(Debug, Clone)]
pub struct Actor {
    /// The linked accounts with their groups, unusable ones included: prohibitions of each count.
    pub accounts: Vec<Account>,
    /// Other accounts of the same person, through which this login does not act. Only their prohibitions count.
    pub linked: Vec<Account>,
    /// The actor has a local account with the helpdesk role.
    pub helpdesk_role: bool,
    /// Assurance level of the login.
    pub level: AssuranceLevel,
    /// Time of the login.
    pub at: Timestamp,
}

/// The account to act on, as read now, with its groups.
#[derive(Debug)]
pub struct Target<'a> {
    pub account: &'a Account,
    /// The level that a reset of this account demands.
    pub needed: AssuranceLevel,
    /// The account belongs to a child of the actor below the age limit.
    pub child: bool,
    /// The account's owner teaches a class. Computed only if it matters, see [`asks_who_teaches`].
    pub teaches: Result<bool, UnreadableRule>,
}

/// A grant: the role in which the actor may act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// The actor's own account.
    Own,
    /// Guardian (parent) of the account's owner.
    Parent,
    /// Circle admin of this circle.
    Circle(Group),
    /// Master admin of this circle.
    MasterOfCircle(Group),
    /// Teacher of this class; the group of the pupils.
    Teacher(Group),
    /// Member of this helpdesk, by its name in the configuration.
    Helpdesk(String),
}

impl Grant {
    /// The group that connects actor and target.
    pub fn group(&self) -> Option<&Group> {
        match self {
            Self::Circle(group) | Self::MasterOfCircle(group) | Self::Teacher(group) => Some(group),
            Self::Own | Self::Parent | Self::Helpdesk(_) => None,
        }
    }

    /// The stable code in the audit log, with the group or helpdesk.
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

/// Why an action is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// The actor is in a group that may not use the service.
    Barred,
    /// A rule that may forbid the action cannot be read.
    Unreadable,
    /// No relation between actor and target.
    NoRelation,
    /// The target is disabled or has expired.
    NotUsable,
    /// The target is in a group that delegation does not extend to.
    ClosedToOthers,
    /// The target is protected: AD protects it, because it may administer the domain, or the configuration does.
    Protected,
    /// The target is a master admin.
    MasterAdmin,
    /// The target is a circle admin, and the actor is no master admin of its circles.
    PasswordAdmin,
    /// The target is a member of a helpdesk, and the actor is no master admin of its circles.
    Helper,
    /// The target is an auditor, and the actor is no master admin of its circles.
    Auditor,
    /// The target is a teacher, and the actor's only role is teacher or guardian.
    Teacher,
    /// The login is below this level, which the target demands.
    TooWeak(AssuranceLevel),
    /// The login is older than `AuthorizationPolicy::max_age`.
    LoginTooOld,
    /// The password of the actor's account was set again after the login.
    PasswordChangedSince,
    /// The actor's role does not include the action.
    NotThisAction,
    /// The actor has reached the rate limit for accounts without a relation; denied until this time.
    TooOften(Timestamp),
}

impl Denial {
    /// The reason in the audit log.
    pub fn code(self) -> &'static str {
        match self {
            Self::Barred => "barred",
            Self::Unreadable => "rule_unreadable",
            Self::NoRelation => "no_relation",
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

    /// An explanation for operators.
    pub fn explained(self) -> &'static str {
        match self {
            Self::Barred => "the actor is in a group of delegation.blocked_groups",
            Self::Unreadable => "a group of [delegation] or audit.auditors that may forbid it can't be found",
            Self::NoRelation => "no circle that both are in (the actor as password admin), no class, no helpdesk scope",
            Self::NotUsable => "the account is disabled or has expired",
            Self::ClosedToOthers => "the account is in a group of delegation.excluded_groups",
            Self::Protected => "the account has adminCount=1 or is in a group that AD, or authority.protected_groups, protects",
            Self::MasterAdmin => "the account is in delegation.circles.master_admins",
            Self::PasswordAdmin => {
                "the account is in delegation.circles.admins, and the actor is no master admin of a circle that both are in"
            }
            Self::Helper => "the account is in the group of a helpdesk, and the actor is no master admin of a circle that both are in",
            Self::Auditor => "the account is in a group of audit.auditors, and the actor is no master admin of a circle that both are in",
            Self::Teacher => "the account's owner is a teacher, and the actor's only relation to it is as a teacher or a parent",
            Self::TooWeak(_) => "the login's level is below what [reset] demands for the account",
            Self::LoginTooOld => "the login is older than delegation.max_age_minutes",
            Self::PasswordChangedSince => "the actor's account has got another password since the login",
            Self::NotThisAction => "the actor's role does not include this action",
            Self::TooOften(_) => "the actor has reached the rate limit for accounts without a relation",
        }
    }
}

/// Decides whether the actor may perform the action on the target. The order of the checks: the actor may use the service, the actor has a
/// relation to the target, no prohibition applies, the role includes the action.
pub fn authorize(rules: &AuthorizationPolicy, actor: &Actor, target: &Target<'_>, action: Action, now: Timestamp) -> Result<Grant, Denial> {
    let grounds = theirs(rules, actor, target, now)?;
    // Viewing is allowed to every actor with a relation: the page shows why nothing else can be done.
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

/// All roles of the actor for the target, the closest first; never empty.
fn theirs(rules: &AuthorizationPolicy, actor: &Actor, target: &Target<'_>, now: Timestamp) -> Result<Vec<Grant>, Denial> {
    if let Some(denial) = barred(rules, actor) {
        return Err(denial);
    }
    let grounds = grounds(rules, actor, target, now);
    if grounds.is_empty() { Err(Denial::NoRelation) } else { Ok(grounds) }
}

/// The first role that includes the action, unless a prohibition applies. Does not check whether the account is usable.
fn allowed(
    rules: &AuthorizationPolicy,
    actor: &Actor,
    target: &Target<'_>,
    grounds: Vec<Grant>,
    action: Action,
    now: Timestamp,
) -> Result<Grant, Denial> {
    let own = grounds.first() == Some(&Grant::Own);
    if let Some(denial) = out_of_reach(rules, target.account).filter(|_| !own) {
        return Err(denial);
    }
    let (grounds, denial) = match for_masters(rules, target.account).filter(|_| !own) {
        Some(denial) => (only(grounds, |ground| matches!(ground, Grant::MasterOfCircle(_))), denial),
        None => match target.teaches {
            Ok(false) => (grounds, Denial::NoRelation),
            Ok(true) => (only(grounds, |ground| !matches!(ground, Grant::Teacher(_) | Grant::Parent)), Denial::Teacher),
            Err(UnreadableRule) => (only(grounds, |ground| !matches!(ground, Grant::Teacher(_) | Grant::Parent)), Denial::Unreadable),
        },
    };
    if grounds.is_empty() {
        return Err(denial);
    }
    if actor.level < target.needed {
        return Err(Denial::TooWeak(target.needed));
    }
    let able = grounds.into_iter().find(|ground| goes_as_far_as(rules, ground, action)).ok_or(Denial::NotThisAction)?;
    if able == Grant::Parent {
        if actor.level < AssuranceLevel::Substantial {
            return Err(Denial::TooWeak(AssuranceLevel::Substantial));
        }
        // A child that may not use the service may not use it through guardians either.
        if is_in(&rules.cannot_use, target.account) {
            return Err(Denial::ClosedToOthers);
        }
    }
    if now.duration_since(actor.at) > rules.max_age {
        return Err(Denial::LoginTooOld);
    }
    Ok(able)
}

/// True if being a guardian of the target's owner would allow more. Otherwise the family service need not be queried.
pub fn parenthood_matters(rules: &AuthorizationPolicy, actor: &Actor, target: &Target<'_>, now: Timestamp) -> bool {
    let child = Target { child: true, ..*target };
    let opens =
        |action: &Action| authorize(rules, actor, target, *action, now).is_err() && authorize(rules, actor, &child, *action, now).is_ok();
    !target.child && Action::ALL.iter().any(opens)
}

/// Why an issued one-time code for the account may not be redeemed: prohibitions of delegation, and those that keep the owner from the
/// service.
pub fn code_forbidden(rules: &AuthorizationPolicy, account: &Account, now: Timestamp) -> Option<Denial> {
    closed(rules, account, now).or_else(|| match &rules.cannot_use {
        Err(UnreadableRule) => Some(Denial::Unreadable),
        Ok(groups) => account.is_in_any(groups).then_some(Denial::Barred),
    })
}

/// True if the decision depends on whether the target's owner teaches.
pub fn asks_who_teaches(rules: &AuthorizationPolicy, actor: &Actor, target: &Target<'_>, now: Timestamp) -> bool {
    grounds(rules, actor, target, now).iter().any(|ground| matches!(ground, Grant::Teacher(_) | Grant::Parent))
}

/// Why the actor may not use the service at all, regardless of the target.
pub fn barred(rules: &AuthorizationPolicy, actor: &Actor) -> Option<Denial> {
    match &rules.cannot_use {
        Err(UnreadableRule) => Some(Denial::Unreadable),
        Ok(groups) => {
            let barred = |account: &Account| account.is_in_any(groups);
            (actor.accounts.iter().any(barred) || actor.linked.iter().any(barred)).then_some(Denial::Barred)
        }
    }
}

/// Why delegation does not extend to the account, regardless of the actor. [`authorize`] handles circle admins, helpdesk members and auditors.
pub fn closed(rules: &AuthorizationPolicy, account: &Account, now: Timestamp) -> Option<Denial> {
    unusable(account, now).or_else(|| out_of_reach(rules, account))
}

fn out_of_reach(rules: &AuthorizationPolicy, account: &Account) -> Option<Denial> {
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

/// All roles of the actor for the target, the closest first.
fn grounds(rules: &AuthorizationPolicy, actor: &Actor, target: &Target<'_>, now: Timestamp) -> Vec<Grant> {
    let account = target.account;
    if actor.accounts.iter().any(|own| own.guid == account.guid) {
        return vec![Grant::Own];
    }
    let of_groups = circles_of(rules, actor, now).into_iter().chain(classes_of(rules, actor, now));
    let in_group = of_groups.filter(|ground| ground.group().is_some_and(|group| account.groups.contains(&group.sid)));
    let desks = desks_of(rules, actor, now).into_iter().filter(|desk| desk.scope.holds(account));
    let parent = (target.child && rules.parents.holds(account)).then_some(Grant::Parent);
    parent.into_iter().chain(in_group).chain(desks.map(|desk| Grant::Helpdesk(desk.id.clone()))).collect()
}

/// The accounts that the actor can act as.
fn acting(actor: &Actor, now: Timestamp) -> impl Iterator<Item = &Account> {
    actor.accounts.iter().filter(move |own| own.usable(now))
}

/// The actor's roles in circles, at most one for each circle.
pub fn circles_of(rules: &AuthorizationPolicy, actor: &Actor, now: Timestamp) -> Vec<Grant> {
    let ground = |circle: &Group| {
        let within = || acting(actor, now).filter(|own| own.groups.contains(&circle.sid));
        if within().any(|own| is_in(&rules.master_admins, own)) {
            Some(Grant::MasterOfCircle(circle.clone()))
        } else {
            within().any(|own| is_in(&rules.admins, own)).then(|| Grant::Circle(circle.clone()))
        }
    };
    rules.circles.iter().filter_map(ground).collect()
}

/// The classes that the actor teaches, without duplicates.
pub fn classes_of(rules: &AuthorizationPolicy, actor: &Actor, now: Timestamp) -> Vec<Grant> {
    let mut classes: Vec<Grant> = Vec::new();
    for class in &rules.classes {
        let ground = Grant::Teacher(class.pupils.clone());
        if acting(actor, now).any(|own| own.groups.contains(&class.teachers)) && !classes.contains(&ground) {
            classes.push(ground);
        }
    }
    classes
}

/// The helpdesks that the actor works at.
pub fn desks_of<'a>(rules: &'a AuthorizationPolicy, actor: &Actor, now: Timestamp) -> Vec<&'a HelpdeskRule> {
    let works = |desk: &&HelpdeskRule| {
        let by_group = desk.group.as_ref().is_some_and(|group| acting(actor, now).any(|own| own.groups.contains(group)));
        by_group || (desk.local_accounts && actor.helpdesk_role)
    };
    rules.desks.iter().filter(works).collect()
}

/// Why only master admins of a common circle may act on the account: a reset of an account with rights here hands over these rights.
fn for_masters(rules: &AuthorizationPolicy, account: &Account) -> Option<Denial> {
    if is_in(&rules.admins, account) {
        Some(Denial::PasswordAdmin)
    } else if works_at_a_desk(rules, account) {
        Some(Denial::Helper)
    } else {
        account.is_in_any(&rules.auditors).then_some(Denial::Auditor)
    }
}

fn only(grounds: Vec<Grant>, is_one: impl Fn(&Grant) -> bool) -> Vec<Grant> {
    grounds.into_iter().filter(is_one).collect()
}

fn works_at_a_desk(rules: &AuthorizationPolicy, account: &Account) -> bool {
    rules.desks.iter().any(|desk| desk.group.as_ref().is_some_and(|group| account.groups.contains(group)))
}

fn is_in(groups: &Prohibitions, account: &Account) -> bool {
    groups.as_ref().is_ok_and(|groups| account.is_in_any(groups))
}

fn goes_as_far_as(rules: &AuthorizationPolicy, ground: &Grant, action: Action) -> bool {
    match (action, ground) {
        (Action::See | Action::Unlock, _)
        | (Action::SetPassword, Grant::Own | Grant::Parent | Grant::Circle(_) | Grant::MasterOfCircle(_) | Grant::Teacher(_)) => true,
        (Action::SetPassword, Grant::Helpdesk(id)) => rules.desks.iter().any(|desk| desk.id == *id && desk.set_password),
        (Action::IssueCode, Grant::Helpdesk(_)) => rules.codes,
        (Action::IssueCode, Grant::Circle(_) | Grant::MasterOfCircle(_)) => rules.codes && rules.admins_give_codes,
        (Action::IssueCode, Grant::Own | Grant::Parent | Grant::Teacher(_)) => false,
    }
}

impl AccountScope {
    /// True if the account is within the scope.
    pub fn holds(&self, account: &Account) -> bool {
        match self {
            Self::Everybody => true,
            Self::Some { units, groups } => units.iter().any(|unit| is_under(&account.dn, unit)) || account.is_in_any(groups),
        }
    }
}

/// The actor's account that gives the role, for the audit entry. `None` for guardians, and for local accounts at a helpdesk.
pub fn acting_as<'a>(
    rules: &AuthorizationPolicy,
    actor: &'a Actor,
    ground: &Grant,
    target: ObjectGuid,
    now: Timestamp,
) -> Option<&'a Account> {
    let mut acting = acting(actor, now);
    match ground {
        Grant::Own => actor.accounts.iter().find(|own| own.guid == target),
        Grant::Parent => None,
        Grant::Circle(circle) => acting.find(|own| own.groups.contains(&circle.sid) && is_in(&rules.admins, own)),
        Grant::MasterOfCircle(circle) => acting.find(|own| own.groups.contains(&circle.sid) && is_in(&rules.master_admins, own)),
        Grant::Teacher(pupils) => {
            let teaches = |own: &Account| rules.classes.iter().any(|class| class.pupils == *pupils && own.groups.contains(&class.teachers));
            acting.find(|own| teaches(own))
        }
        Grant::Helpdesk(id) => {
            let desk = rules.desks.iter().find(|desk| desk.id == *id)?;
            let group = desk.group.as_ref()?;
            acting.find(|own| own.groups.contains(group))
        }
    }
}
