//! Check that the service account can read the attributes that a login needs, on an ordinary account.
//!
//! AD omits an attribute that has no value or may not be read; the account's permissions distinguish the two cases.

use std::collections::HashMap;

use super::remedy::{self, RightBelow, Trustee};
use crate::{
    check::{Id, Report},
    config::Config,
    directory::{
        Attribute, Sample,
        security_descriptor::{AccessList, READ_PROPERTY},
    },
    model::ad::sid::Sid,
};

const AREA: &str = "rights";
const TOKEN_GROUPS: &str = "tokenGroups";
const RESULTANT_PSO: &str = "msDS-ResultantPSO";

/// Attributes that every account has. A missing value means that the attribute can't be read.
const ALWAYS_SET: [&str; 7] =
    ["objectGUID", "objectSid", "sAMAccountName", "userAccountControl", "pwdLastSet", "msDS-User-Account-Control-Computed", TOKEN_GROUPS];
/// No login works without badPwdCount, but a controller that has never counted a wrong password of the account has no value.
const WRONG_TRIES: &str = "badPwdCount";
/// Other attributes, and the loss if they can't be read.
const OTHERS: [(&str, &str); 14] = [
    ("badPasswordTime", "the age of wrong passwords: people wait longer than necessary"),
    ("userPrincipalName", "login names (UPN) on the pages, and in the rule against names in passwords"),
    ("displayName", "the name on the pages, and in the rule against names in passwords"),
    ("givenName", "the rule against names in passwords"),
    ("sn", "the rule against names in passwords"),
    ("department", "the rule against passwords made of it"),
    ("physicalDeliveryOfficeName", "the rule against passwords made of it"),
    ("telephoneNumber", "the rule against passwords made of it"),
    ("mobile", "the rule against passwords made of it"),
    ("accountExpires", "the expiry of an account: an expired account gets no explanation"),
    ("msDS-UserPasswordExpiryTimeComputed", "the expiry of a password"),
    ("lastLogonTimestamp", "the last logon on the account page"),
    (RESULTANT_PSO, "the applicable password policy: the domain's applies to all accounts"),
    ("adminCount", "the mark of accounts that AD protects: it does not exclude them from delegation"),
];

/// All attributes to read, including configured ones.
pub(super) fn asked(config: &Config) -> Vec<&str> {
    let configured = config.providers().filter_map(|provider| provider.match_attribute.as_deref());
    let age = config.delegation.must_change.cpr_attribute.as_deref();
    let mut all: Vec<&str> = ALWAYS_SET.into_iter().chain([WRONG_TRIES]).chain(OTHERS.iter().map(|(name, _)| *name)).collect();
    for name in configured.chain(age) {
        if !all.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            all.push(name);
        }
    }
    all
}

/// Permissions on one account.
pub(super) struct Permissions<'a> {
    /// The account's access list; `None` if it can't be read.
    pub list: Option<&'a AccessList>,
    /// SIDs of the service account.
    pub sids: &'a [Sid],
    /// Attributes of the schema, by lower-case name.
    pub schema: &'a HashMap<String, Attribute>,
}

impl Permissions<'_> {
    /// Whether the attribute may be read; `None` if that is unknown.
    fn allow(&self, attribute: &str) -> Option<bool> {
        let known = self.schema.get(&attribute.to_lowercase())?;
        Some(self.list?.allows(self.sids, READ_PROPERTY, &known.guids))
    }
}

/// Reports each attribute that can't be read.
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
        report.ok(AREA, &format!("all attributes that a login needs are readable on {}", sample.sam));
    }
}

fn tell(attribute: &str, always: bool, sample: &Sample, unit: &str, trustee: &Trustee, report: &mut Report) {
    if attribute == TOKEN_GROUPS {
        let what = format!("the groups (tokenGroups) of {} cannot be read", sample.sam);
        let remedy = format!(
            "PowerShell: Add-ADGroupMember 'Windows Authorization Access Group' '{0}'\nor in Active Directory Users and Computers: Builtin, Windows Authorization Access Group, Members, add {0}\nthen restart the service: a membership takes effect at the next login",
            trustee.sam
        );
        return report.problem(Id::TokenGroupsUnreadable, AREA, &what, &remedy);
    }
    let dsacls = format!("RP;{attribute}");
    let tick = format!("Read {attribute}");
    let mut remedy = remedy::on_people(unit, trustee, RightBelow { dsacls: &dsacls, kind: "ReadProperty", guid: None, tick: &tick });
    remedy.push_str("\n(the PowerShell line gives the right to read all attributes of these accounts, as the group Pre-Windows 2000 Compatible Access has)");
    let lost = OTHERS.iter().find(|(name, _)| *name == attribute).map(|(_, lost)| *lost);
    if always || attribute == WRONG_TRIES {
        report.problem(Id::AttributeUnreadable, AREA, &format!("{attribute} of {} cannot be read", sample.sam), &remedy);
    } else if let Some(lost) = lost {
        let what = format!("{attribute} of {} cannot be read. Missing without it: {lost}", sample.sam);
        report.warning(Id::AttributeMaybeUnreadable, AREA, &what, &remedy);
    } else {
        let what = format!("{attribute} of {} cannot be read, but the configuration uses it: logins by it find no account", sample.sam);
        report.problem(Id::AttributeMaybeUnreadable, AREA, &what, &remedy);
    }
}
