//! Can the service account read what a login needs, on an ordinary account? AD leaves an attribute out whether it is not set or may not be read: an account's
//! permissions tell the two apart.

use std::collections::HashMap;

use super::remedy::{self, Right, Trustee};
use crate::{
    check::{Id, Report},
    config::Config,
    directory::{
        Attribute, Sample,
        security_descriptor::{AccessList, READ_PROPERTY},
    },
    model::sid::Sid,
};

const AREA: &str = "rights";
const TOKEN_GROUPS: &str = "tokenGroups";
const RESULTANT_PSO: &str = "msDS-ResultantPSO";

/// Every account has a value of these: where none is told, it may not be read.
const ALWAYS_SET: [&str; 7] =
    ["objectGUID", "objectSid", "sAMAccountName", "userAccountControl", "pwdLastSet", "msDS-User-Account-Control-Computed", TOKEN_GROUPS];
/// Without it nobody can log in, though a controller that has never seen the account tells none.
const WRONG_TRIES: &str = "badPwdCount";
/// What is missing where they can't be read.
const OTHERS: [(&str, &str); 10] = [
    ("badPasswordTime", "how old wrong passwords are: people wait longer than they need to"),
    ("userPrincipalName", "logins by UPN are not shown, and names in passwords not found"),
    ("displayName", "the name on the pages, and in the rule against one's own name"),
    ("givenName", "the rule against one's own name"),
    ("sn", "the rule against one's own name"),
    ("accountExpires", "the end of an account: an expired one is not told so"),
    ("msDS-UserPasswordExpiryTimeComputed", "when a password expires"),
    ("lastLogonTimestamp", "the last logon on the account page"),
    (RESULTANT_PSO, "which password policy applies: the domain's is taken for everybody"),
    ("adminCount", "which accounts AD protects: they are not kept out of helpers' reach by it"),
];

/// Every attribute to ask for, with those of the configuration.
pub(super) fn asked(config: &Config) -> Vec<&str> {
    let configured = config.providers().filter_map(|provider| provider.match_attribute.as_deref());
    let age = config.authority.must_change.cpr_attribute.as_deref();
    let mut all: Vec<&str> = ALWAYS_SET.into_iter().chain([WRONG_TRIES]).chain(OTHERS.iter().map(|(name, _)| *name)).collect();
    for name in configured.chain(age) {
        if !all.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            all.push(name);
        }
    }
    all
}

/// What is known of one account's permissions.
pub(super) struct Permissions<'a> {
    /// `None`: they can't be read.
    pub list: Option<&'a AccessList>,
    /// The service account's own SIDs.
    pub sids: &'a [Sid],
    /// The attributes, by their names in lower case.
    pub schema: &'a HashMap<String, Attribute>,
}

impl Permissions<'_> {
    /// May it be read? `None`: that can't be told.
    fn allow(&self, attribute: &str) -> Option<bool> {
        let known = self.schema.get(&attribute.to_lowercase())?;
        Some(self.list?.allows(self.sids, READ_PROPERTY, &known.guids))
    }
}

/// Tells of each attribute that can't be read.
pub(super) fn check(sample: &Sample, asked: &[&str], permissions: &Permissions<'_>, unit: &str, trustee: &Trustee, report: &mut Report) {
    let mut missing = 0;
    for attribute in asked.iter().filter(|name| !sample.readable.iter().any(|known| known == *name)) {
        let always = ALWAYS_SET.contains(attribute);
        if !always && permissions.allow(attribute) != Some(false) {
            continue;
        }
        missing += 1;
        tell(attribute, always, sample, unit, trustee, report);
    }
    if missing == 0 {
        report.ok(AREA, &format!("everything that a login needs can be read of {}", sample.sam));
    }
}

fn tell(attribute: &str, always: bool, sample: &Sample, unit: &str, trustee: &Trustee, report: &mut Report) {
    if attribute == TOKEN_GROUPS {
        let what = format!("the groups (tokenGroups) of {} can't be read", sample.sam);
        let remedy = format!(
            "PowerShell: Add-ADGroupMember 'Windows Authorization Access Group' '{0}'\nor in Active Directory Users and Computers: Builtin, Windows Authorization Access Group, Members, add {0}\nthen restart the service: a membership counts from the next login on",
            trustee.sam
        );
        return report.problem(Id::TokenGroupsUnreadable, AREA, &what, &remedy);
    }
    let dsacls = format!("RP;{attribute}");
    let tick = format!("Read {attribute}");
    let mut remedy = remedy::on_people(unit, trustee, Right { dsacls: &dsacls, kind: "ReadProperty", guid: None, tick: &tick });
    remedy.push_str("\n(the PowerShell line gives the right to read every attribute of these people, as the group Pre-Windows 2000 Compatible Access had)");
    let lost = OTHERS.iter().find(|(name, _)| *name == attribute).map(|(_, lost)| *lost);
    if always || attribute == WRONG_TRIES {
        report.problem(Id::AttributeUnreadable, AREA, &format!("{attribute} of {} can't be read", sample.sam), &remedy);
    } else if let Some(lost) = lost {
        let what = format!("{attribute} of {} can't be read. Without it is missing: {lost}", sample.sam);
        report.warning(Id::AttributeMaybeUnreadable, AREA, &what, &remedy);
    } else {
        let what = format!("{attribute} of {} can't be read, and the configuration names it: logins by it find nobody", sample.sam);
        report.problem(Id::AttributeMaybeUnreadable, AREA, &what, &remedy);
    }
}
