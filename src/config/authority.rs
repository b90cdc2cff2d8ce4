//! `[authority]`: who may act on whose account besides their own.

use jiff::SignedDuration;
use serde::Deserialize;

use super::{Text, dn, load::Problems, must_change::MustChange};
use crate::model::{group_pattern::Pattern, level::Level};

/// `[authority]`. Groups are DN, sAMAccountName or SID; nested membership counts everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// Members of these groups never use the service, not even for themselves.
    pub cannot_use_the_service: Vec<String>,
    /// Others never act on members of these groups.
    pub cannot_be_changed_by_others: Vec<String>,
    /// The same, besides the groups that AD itself protects; told apart in the log.
    pub protected_groups: Vec<String>,
    /// What a login with the AD password counts as when acting on others.
    pub ad_password_level: Level,
    /// A login may be this old when acting on others, 1 to 480 minutes.
    pub max_age: SignedDuration,
    /// Has a password that another sets to be changed at the next logon?
    pub must_change: MustChange,
    /// Members of these groups, such as the youngest classes, are proposed easy passwords.
    pub easy_passwords_for: Vec<String>,
    /// `[authority.circles]`; `None` = no password circles.
    pub circles: Option<Circles>,
    /// `[[authority.teachers]]`.
    pub teachers: Vec<Teachers>,
    /// `[[authority.helpdesk]]`.
    pub helpdesks: Vec<Helpdesk>,
    /// What a helper checks before a code is given out, shown line by line.
    pub checklist: Option<Text>,
}

impl Authority {
    /// Every group that is named without a gap, and what is not done while it can't be found.
    pub fn named(&self) -> impl Iterator<Item = (&str, WhileMissing)> {
        let circles = self.circles.iter().flat_map(|circles| std::iter::once(&circles.admins).chain(&circles.master_admins));
        let teachers = self.teachers.iter().filter_map(|rule| rule.teachers.exact());
        let pupils = self.teachers.iter().filter_map(|rule| rule.pupils.exact());
        let (helpers, helped) = (self.helpdesks.iter().flat_map(|desk| &desk.group), self.helpdesks.iter().flat_map(|desk| &desk.groups));
        let forbidding = [&self.cannot_use_the_service, &self.cannot_be_changed_by_others, &self.protected_groups];
        let forbidding = forbidding.into_iter().flatten().chain(circles).chain(helpers);
        let forbidding = forbidding.map(|name| (name.as_str(), WhileMissing::NobodyActs));
        let teachers = teachers.map(|name| (name.as_str(), WhileMissing::NoTeacherOrParentActs));
        forbidding.chain(teachers).chain(pupils.chain(helped).map(|name| (name.as_str(), WhileMissing::AllowsNothing)))
    }

    /// Can anybody act on others by AD's groups or as a helpdesk?
    pub fn is_used(&self) -> bool {
        self.circles.is_some() || !self.teachers.is_empty() || !self.helpdesks.is_empty()
    }
}

/// What a group that can't be found keeps people from. Where it says who is out of reach, anybody may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhileMissing {
    /// Nobody acts on others.
    NobodyActs,
    /// No teacher acts on pupils, and no parent on children.
    NoTeacherOrParentActs,
    /// Its own rule allows nothing.
    AllowsNothing,
}

/// `[authority.circles]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Circles {
    /// The groups below this unit are the circles.
    pub ou: String,
    /// The group of password admins: they act on the circles that they are in.
    pub admins: String,
    /// The group whose members do so on password admins too. Nobody acts on them.
    pub master_admins: Option<String>,
    /// May password admins give out one-time codes?
    #[serde(default)]
    pub codes: bool,
}

/// `[[authority.teachers]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Teachers {
    /// Groups of those who act.
    pub teachers: Pattern,
    /// Groups of those they act on; a `*` stands for what it stands for in `teachers`.
    pub pupils: Pattern,
    /// Both are looked for below this unit (DN); `None` = everywhere. Only with a `*`.
    pub ou: Option<String>,
}

/// `[[authority.helpdesk]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Helpdesk {
    /// Names it in the log and in addresses.
    pub id: String,
    /// Its name for people.
    pub name: Text,
    /// Who works there.
    pub group: Option<String>,
    /// Do local staff accounts with the role `helpdesk` work there?
    pub local_accounts: bool,
    /// Everybody; else the units and groups.
    pub everybody: bool,
    /// Units (DNs) whose accounts it helps.
    pub units: Vec<String>,
    /// Groups whose members it helps.
    pub groups: Vec<String>,
    /// May it set passwords itself, besides giving out codes?
    pub set_password: bool,
}

#[derive(Deserialize)]
#[serde(default)]
pub(super) struct Raw {
    cannot_use_the_service: Vec<String>,
    cannot_be_changed_by_others: Vec<String>,
    protected_groups: Vec<String>,
    ad_password_level: Level,
    max_age_minutes: u32,
    must_change: MustChange,
    easy_passwords_for: Vec<String>,
    circles: Option<Circles>,
    teachers: Vec<RawTeachers>,
    helpdesk: Vec<RawHelpdesk>,
    checklist: Option<Text>,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            cannot_use_the_service: Vec::new(),
            cannot_be_changed_by_others: Vec::new(),
            protected_groups: Vec::new(),
            ad_password_level: Level::None,
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
struct RawTeachers {
    teachers: String,
    pupils: String,
    ou: Option<String>,
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
    pub(super) fn check(mut self, problems: &mut Problems) -> Option<Authority> {
        let before = problems.0.len();
        if !(1..=480).contains(&self.max_age_minutes) {
            problems.add("authority.max_age_minutes", "has to be 1 to 480");
        }
        if self.ad_password_level > Level::Substantial {
            problems.add("authority.ad_password_level", "has to be none, low or substantial: a password alone is never high");
        }
        let named = [
            ("cannot_use_the_service", &self.cannot_use_the_service),
            ("cannot_be_changed_by_others", &self.cannot_be_changed_by_others),
            ("protected_groups", &self.protected_groups),
            ("must_change.not_for", &self.must_change.not_for),
            ("easy_passwords_for", &self.easy_passwords_for),
        ];
        for (key, groups) in named {
            all_named(&format!("authority.{key}"), groups, problems);
        }
        self.must_change.check(problems);
        if let Some(circles) = &mut self.circles {
            circles.ou = dn::one("authority.circles.ou", &circles.ou, problems).unwrap_or_default();
            let all = [Some(&circles.ou), Some(&circles.admins), circles.master_admins.as_ref()];
            all_named("authority.circles", all.into_iter().flatten(), problems);
        }
        let teachers = self.teachers.into_iter().filter_map(|raw| raw.check(problems)).collect();
        let helpdesks: Vec<_> = self.helpdesk.into_iter().map(|raw| raw.check(problems)).collect();
        for (at, desk) in helpdesks.iter().enumerate() {
            if helpdesks[..at].iter().any(|other| other.id == desk.id) {
                problems.add(&format!("authority.helpdesk {:?}", desk.id), "two helpdesks have this id");
            }
        }
        (problems.0.len() == before).then_some(Authority {
            cannot_use_the_service: self.cannot_use_the_service,
            cannot_be_changed_by_others: self.cannot_be_changed_by_others,
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

impl RawTeachers {
    fn check(self, problems: &mut Problems) -> Option<Teachers> {
        let key = format!("authority.teachers {:?}", self.teachers);
        let (Some(teachers), Some(pupils)) = (Pattern::parse(&self.teachers), Pattern::parse(&self.pupils)) else {
            problems.add(
                &key,
                "`teachers` and `pupils` are names of groups (sAMAccountName), with at most one `*` and at least 3 letters before it",
            );
            return None;
        };
        if teachers.is_wild() != pupils.is_wild() {
            problems.add(&key, "either both `teachers` and `pupils` have a `*`, or neither has");
            return None;
        }
        if self.ou.is_some() && !teachers.is_wild() {
            problems.add(&key, "`ou` is for names with a `*` only");
            return None;
        }
        let ou = match self.ou {
            Some(ou) => Some(dn::one(&format!("{key}.ou"), &ou, problems)?),
            None => None,
        };
        Some(Teachers { teachers, pupils, ou })
    }
}

impl RawHelpdesk {
    fn check(self, problems: &mut Problems) -> Helpdesk {
        let key = format!("authority.helpdesk {:?}", self.id);
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.id.is_empty() || self.id.len() > 32 || !self.id.chars().all(plain) {
            problems.add(&key, "`id` has 1 to 32 of a-z 0-9 -");
        }
        if self.group.is_none() && !self.local_accounts {
            problems.add(&key, "nobody works there: set `group`, or `local_accounts = true`");
        }
        if self.everybody != (self.units.is_empty() && self.groups.is_empty()) {
            problems.add(&key, "say whom it helps: `everybody = true`, or `units` and `groups`");
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

pub(super) fn all_named<'a>(key: &str, names: impl IntoIterator<Item = &'a String>, problems: &mut Problems) {
    if names.into_iter().any(|name| name.trim().is_empty()) {
        problems.add(key, "a name is empty");
    }
}
