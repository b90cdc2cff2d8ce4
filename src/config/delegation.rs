//! `[delegation]`: delegation.

pub(crate) mod codes;
pub(crate) mod must_change;
pub(crate) mod parents;
pub(crate) mod teachers;

use jiff::SignedDuration;
use serde::Deserialize;

use super::Text;
pub use crate::config::delegation::teachers::Teachers;
use crate::config::problem::Problems;
use crate::config::{delegation::must_change::MustChange, read::dn};
use crate::model::identity::level::AssuranceLevel;

/// `[delegation]`. Groups are given by DN, sAMAccountName or SID; nested membership counts everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelegationConfig {
    /// Members of these groups may not use the service, not even for themselves.
    pub blocked_groups: Vec<String>,
    /// Delegation does not extend to members of these groups.
    pub excluded_groups: Vec<String>,
    /// Like `excluded_groups`, in addition to the groups that AD protects. The audit log gives a reason of its own.
    pub protected_groups: Vec<String>,
    /// Assurance level of a login with an AD password in delegation.
    pub ad_password_level: AssuranceLevel,
    /// Longest age of a login in delegation, 1 to 480 minutes.
    pub max_age: SignedDuration,
    /// Default of "must change at next logon" for passwords set by another person.
    pub must_change: MustChange,
    /// Members of these groups, such as the youngest classes, get easy passphrase suggestions.
    pub easy_passwords_for: Vec<String>,
    /// `[delegation.circles]`; `None` = no password circles.
    pub circles: Option<Circles>,
    /// `[[delegation.teachers]]`.
    pub teachers: Vec<Teachers>,
    /// `[[delegation.helpdesk]]`.
    pub helpdesks: Vec<Helpdesk>,
    /// The helpdesk's checks before a code is issued, one a line.
    pub checklist: Option<Text>,
}

impl DelegationConfig {
    /// All groups that are named without a wildcard, each with the effect of its absence.
    pub fn named(&self) -> impl Iterator<Item = (&str, WhileMissing)> {
        let circles = self.circles.iter().flat_map(|circles| std::iter::once(&circles.admins).chain(&circles.master_admins));
        let teachers = self.teachers.iter().filter_map(|rule| rule.names.teachers.exact());
        let pupils = self.teachers.iter().filter_map(|rule| rule.names.pupils.exact());
        let (helpers, helped) = (self.helpdesks.iter().flat_map(|desk| &desk.group), self.helpdesks.iter().flat_map(|desk| &desk.groups));
        let forbidding = [&self.blocked_groups, &self.excluded_groups, &self.protected_groups];
        let forbidding = forbidding.into_iter().flatten().chain(circles).chain(helpers);
        let forbidding = forbidding.map(|name| (name.as_str(), WhileMissing::NobodyActs));
        let teachers = teachers.map(|name| (name.as_str(), WhileMissing::NoTeacherOrParentActs));
        forbidding.chain(teachers).chain(pupils.chain(helped).map(|name| (name.as_str(), WhileMissing::AllowsNothing)))
    }

    /// True if delegation by circles, classes or helpdesks is configured.
    pub fn is_used(&self) -> bool {
        self.circles.is_some() || !self.teachers.is_empty() || !self.helpdesks.is_empty()
    }
}

/// Effect of a group that cannot be found. If the group's members would be protected, any account may be one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhileMissing {
    /// No delegation at all.
    NobodyActs,
    /// No delegation to teachers and guardians.
    NoTeacherOrParentActs,
    /// The rule that names the group gives no permission.
    AllowsNothing,
}

/// `[delegation.circles]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Circles {
    /// The groups below this unit are the circles.
    pub ou: String,
    /// Group of the circle admins, who act on members of their own circles.
    pub admins: String,
    /// Group of the master admins, who act on circle admins too. No delegation extends to them.
    pub master_admins: Option<String>,
    /// Circle admins may issue one-time codes.
    #[serde(default)]
    pub codes: bool,
}

/// `[[delegation.helpdesk]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Helpdesk {
    /// Name in the audit log and in URLs.
    pub id: String,
    /// Name for display.
    pub name: Text,
    /// Group of its members.
    pub group: Option<String>,
    /// Local accounts with the role `helpdesk` work here too.
    pub local_accounts: bool,
    /// Serves every account, not only those of the units and groups.
    pub everybody: bool,
    /// Units (DNs) whose accounts it serves.
    pub units: Vec<String>,
    /// Groups whose members it serves.
    pub groups: Vec<String>,
    /// May set passwords itself, besides issuing codes.
    pub set_password: bool,
}

#[derive(Deserialize)]
#[serde(default)]
pub(crate) struct Raw {
    blocked_groups: Vec<String>,
    excluded_groups: Vec<String>,
    protected_groups: Vec<String>,
    ad_password_level: AssuranceLevel,
    max_age_minutes: u32,
    must_change: MustChange,
    easy_passwords_for: Vec<String>,
    circles: Option<Circles>,
    teachers: Vec<teachers::Raw>,
    helpdesk: Vec<RawHelpdesk>,
    checklist: Option<Text>,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            blocked_groups: Vec::new(),
            excluded_groups: Vec::new(),
            protected_groups: Vec::new(),
            ad_password_level: AssuranceLevel::None,
            max_age_minutes: 60,
            must_change: MustChange::default(),
            easy_passwords_for: Vec::new(),
            circles: None,
            teachers: Vec::new(),
            helpdesk: Vec::new(),
            checklist: None,
        }
    }
}

#[derive(Deserialize)]
struct RawHelpdesk {
    id: String,
    name: Text,
    group: Option<String>,
    #[serde(default)]
    local_accounts: bool,
    #[serde(default)]
    everybody: bool,
    #[serde(default)]
    units: Vec<String>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    set_password: bool,
}

impl Raw {
    pub(crate) fn check(mut self, problems: &mut Problems) -> Option<DelegationConfig> {
        let before = problems.0.len();
        if !(1..=480).contains(&self.max_age_minutes) {
            problems.add("delegation.max_age_minutes", "has to be 1 to 480");
        }
        if self.ad_password_level > AssuranceLevel::Substantial {
            problems.add("delegation.ad_password_level", "has to be none, low or substantial: a password alone is never high");
        }
        let named = [
            ("blocked_groups", &self.blocked_groups),
            ("excluded_groups", &self.excluded_groups),
            ("protected_groups", &self.protected_groups),
            ("must_change.not_for", &self.must_change.not_for),
            ("easy_passwords_for", &self.easy_passwords_for),
        ];
        for (key, groups) in named {
            all_named(&format!("delegation.{key}"), groups, problems);
        }
        self.must_change.check(problems);
        if let Some(circles) = &mut self.circles {
            circles.ou = dn::one("delegation.circles.ou", &circles.ou, problems).unwrap_or_default();
            let all = [Some(&circles.ou), Some(&circles.admins), circles.master_admins.as_ref()];
            all_named("delegation.circles", all.into_iter().flatten(), problems);
        }
        let teachers = self.teachers.into_iter().filter_map(|raw| raw.check(problems)).collect();
        let helpdesks: Vec<_> = self.helpdesk.into_iter().map(|raw| raw.check(problems)).collect();
        for (at, desk) in helpdesks.iter().enumerate() {
            if helpdesks[..at].iter().any(|other| other.id == desk.id) {
                problems.add(&format!("delegation.helpdesk {:?}", desk.id), "two helpdesks have this id");
            }
        }
        (problems.0.len() == before).then_some(DelegationConfig {
            blocked_groups: self.blocked_groups,
            excluded_groups: self.excluded_groups,
            protected_groups: self.protected_groups,
            ad_password_level: self.ad_password_level,
            max_age: SignedDuration::from_mins(self.max_age_minutes.into()),
            must_change: self.must_change,
            easy_passwords_for: self.easy_passwords_for,
            circles: self.circles,
            teachers,
            helpdesks,
            checklist: self.checklist,
        })
    }
}

impl RawHelpdesk {
    fn check(self, problems: &mut Problems) -> Helpdesk {
        let key = format!("delegation.helpdesk {:?}", self.id);
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.id.is_empty() || self.id.len() > 32 || !self.id.chars().all(plain) {
            problems.add(&key, "`id` has 1 to 32 of a-z 0-9 -");
        }
        if self.group.is_none() && !self.local_accounts {
            problems.add(&key, "has no members: set `group`, or `local_accounts = true`");
        }
        if self.everybody != (self.units.is_empty() && self.groups.is_empty()) {
            problems.add(&key, "needs the accounts that it helps: `everybody = true`, or `units` and `groups`");
        }
        all_named(&key, self.group.iter().chain(&self.units).chain(&self.groups), problems);
        Helpdesk {
            id: self.id,
            name: self.name,
            group: self.group,
            local_accounts: self.local_accounts,
            everybody: self.everybody,
            units: dn::all(&format!("{key}.units"), self.units, problems),
            groups: self.groups,
            set_password: self.set_password,
        }
    }
}

pub(crate) fn all_named<'a>(key: &str, names: impl IntoIterator<Item = &'a String>, problems: &mut Problems) {
    if names.into_iter().any(|name| name.trim().is_empty()) {
        problems.add(key, "a name is empty");
    }
}
