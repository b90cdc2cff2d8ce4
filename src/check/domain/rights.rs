//! Check of the service account's rights on ordinary accounts, with instructions for missing ones.

use super::{
    attributes::{self, Permissions},
    remedy::{self, Trustee},
};
use crate::{
    check::{Id, Options, Report},
    config::Config,
    directory::{
        ControllerInspection, DirectoryError, Pso, Sample,
        security_descriptor::{
            ACCOUNT_RESTRICTIONS, AccessList, CONTROL_ACCESS, Guid, LOCKOUT_TIME, PWD_LAST_SET, RESET_PASSWORD, UNEXPIRE_PASSWORD,
            WRITE_PROPERTY,
        },
    },
    model::ad::{dn, sid::Sid},
};

const AREA: &str = "rights";

/// A right: the access bit and object GUIDs that grant it, and the instructions for granting it.
struct RequiredRight {
    what: &'static str,
    needed_for: &'static str,
    bit: u32,
    objects: &'static [Guid],
    given: remedy::RightBelow<'static>,
}

const RIGHTS: &[RequiredRight] = &[
    RequiredRight {
        what: "Reset Password",
        needed_for: "setting a password without the old one",
        bit: CONTROL_ACCESS,
        objects: &[RESET_PASSWORD],
        given: remedy::RightBelow {
            dsacls: "CA;Reset Password",
            kind: "ExtendedRight",
            guid: Some("00299570-246d-11d0-a768-00aa006e0529"),
            tick: "Reset password",
        },
    },
    RequiredRight {
        what: "write lockoutTime",
        needed_for: "unlocking",
        bit: WRITE_PROPERTY,
        objects: &[LOCKOUT_TIME],
        given: remedy::RightBelow {
            dsacls: "WP;lockoutTime",
            kind: "WriteProperty",
            guid: Some("28630ebf-41d5-11d1-a9c1-0000f80367c1"),
            tick: "Property-specific: Write lockoutTime",
        },
    },
    RequiredRight {
        what: "write pwdLastSet",
        needed_for: "\"must change at next logon\"",
        bit: WRITE_PROPERTY,
        objects: &[PWD_LAST_SET, ACCOUNT_RESTRICTIONS],
        given: remedy::RightBelow {
            dsacls: "WP;pwdLastSet",
            kind: "WriteProperty",
            guid: Some("bf967a0a-0de6-11d0-a285-00aa003049e2"),
            tick: "Property-specific: Write pwdLastSet",
        },
    },
];

/// Checks a sample account below each search base, the domain's root, and the password settings objects.
pub(super) async fn check(
    inspection: &mut ControllerInspection<'_>,
    config: &Config,
    options: &Options,
    trustee: &Trustee,
    psos: &[Pso],
    report: &mut Report,
) -> Result<(), DirectoryError> {
    let bases = &config.directory.search_bases;
    let whole_domain = bases.iter().any(|base| dn::is_under(&config.directory.base_dn, base));
    if whole_domain {
        let what = "directory.search_bases covers the whole domain: the service acts on every account of it";
        let remedy = "set directory.search_bases to the units with people's accounts, such as [\"OU=Ansatte,DC=kommune,DC=dk\"], and give the rights only there";
        report.warning(Id::SearchBasesMissing, AREA, what, remedy);
    }
    let asked = attributes::asked(config);
    let samples = samples(inspection, config, options, &asked, report).await?;
    let sids = inspection.own_sids().await?;
    let schema = inspection.schema(&asked).await?;
    for (base, sample) in &samples {
        // Rights on the whole domain are more than the service needs. The instructions name the OU of the sample account instead.
        let unit = if whole_domain { sample.dn.split_once(',').map_or(base.as_str(), |_| parent(&sample.dn)) } else { base.as_str() };
        if sample.protected {
            let what =
                format!("{} is protected by AdminSDHolder (adminCount=1): delegated rights do not apply to it, by design", sample.sam);
            let remedy = "select an ordinary account with --account; administrators change their passwords by other means";
            report.warning(Id::SampleProtected, AREA, &what, remedy);
            continue;
        }
        let list = inspection.access_list(&sample.dn).await?;
        let permissions = Permissions { list: list.as_ref(), sids: &sids, schema: &schema };
        attributes::check(sample, &asked, &permissions, unit, trustee, report);
        delegated(list.as_ref(), &sids, sample, unit, trustee, report);
        applied(sample, psos, &inspection.pso_container(), trustee, report);
    }
    unexpire(inspection, config, &sids, trustee, report).await?;
    visible(psos, &inspection.pso_container(), trustee, report);
    Ok(())
}

/// A sample account for each search base, or the named account.
async fn samples(
    inspection: &mut ControllerInspection<'_>,
    config: &Config,
    options: &Options,
    asked: &[&str],
    report: &mut Report,
) -> Result<Vec<(String, Sample)>, DirectoryError> {
    let mut samples = Vec::new();
    for base in &config.directory.search_bases {
        if let Some(sample) = inspection.sample(base, options.account.as_deref(), asked).await? {
            samples.push((base.clone(), sample));
        } else if options.account.is_none() {
            let what = format!("no enabled ordinary account was found below {base}");
            report.warning(
                Id::SampleNotFound,
                AREA,
                &what,
                "correct directory.search_bases, or check whether the service account may read there",
            );
        }
    }
    if let Some(name) = options.account.as_deref().filter(|_| samples.is_empty()) {
        let (what, remedy) = match inspection.anywhere(name).await? {
            Some(dn) => (
                format!("{name} is {dn}, outside directory.search_bases: the service does not serve it"),
                "select an account below directory.search_bases, or add its unit there",
            ),
            None => (
                format!("no person's account has the sAMAccountName {name:?}, or the service account may not read it"),
                "use its sAMAccountName (Get-ADUser … | Select SamAccountName), not its name or UPN; or omit --account",
            ),
        };
        report.problem(Id::SampleNotFound, AREA, &what, remedy);
    }
    Ok(samples)
}

/// The parent of a DN. An escaped comma is no separator.
fn parent(dn: &str) -> &str {
    let mut escaped = false;
    let end = dn.char_indices().find(|(_, c)| {
        let separates = *c == ',' && !escaped;
        escaped = *c == '\\' && !escaped;
        separates
    });
    end.map_or(dn, |(at, _)| &dn[at + 1..])
}

fn delegated(list: Option<&AccessList>, sids: &[Sid], sample: &Sample, unit: &str, trustee: &Trustee, report: &mut Report) {
    let Some(list) = list else {
        let what = format!("the permissions of {} cannot be read, so the service account's rights on it are unknown", sample.sam);
        let given = remedy::RightBelow { dsacls: "RC;", kind: "ReadControl", guid: None, tick: "Read permissions" };
        return report.warning(Id::PermissionsUnreadable, AREA, &what, &remedy::on_people(unit, trustee, given));
    };
    for right in RIGHTS {
        if list.allows(sids, right.bit, right.objects) {
            report.ok(AREA, &format!("{} on {}", right.what, sample.sam));
        } else {
            let what = format!("the service account lacks {} on {} (needed for {})", right.what, sample.sam, right.needed_for);
            report.problem(Id::RightMissing, AREA, &what, &remedy::on_people(unit, trustee, right.given));
        }
    }
}

/// Checks that the password settings object of the account is readable.
fn applied(sample: &Sample, psos: &[Pso], container: &str, trustee: &Trustee, report: &mut Report) {
    let Some(dn) = &sample.resultant_pso else { return };
    let readable = psos.iter().any(|pso| dn::is_under(&pso.dn, dn) && pso.policy.is_some());
    if !readable {
        let what = format!("{dn} applies to {} and cannot be read: the service refuses its password changes", sample.sam);
        report.problem(Id::PsoUnreadable, AREA, &what, &remedy::read_below(container, trustee));
    }
}

fn visible(psos: &[Pso], container: &str, trustee: &Trustee, report: &mut Report) {
    let readable = psos.iter().filter(|pso| pso.policy.is_some()).count();
    for pso in psos.iter().filter(|pso| pso.policy.is_none()) {
        let what = format!("{} is visible, but not fully readable", pso.dn);
        report.problem(Id::PsoUnreadable, AREA, &what, &remedy::read_below(container, trustee));
    }
    if readable > 0 {
        report.ok(AREA, &format!("{readable} password settings objects (PSO) are readable"));
    } else if psos.is_empty() {
        let what = "no password settings object (PSO) is readable: fine if the domain has none; otherwise the service refuses changes of the accounts to which they apply";
        report.warning(Id::PsoMaybeUnreadable, AREA, what, &remedy::read_below(container, trustee));
    }
}

/// Checks the right Unexpire Password. Without it each write by the service account leaves pwdLastSet at 0.
async fn unexpire(
    inspection: &mut ControllerInspection<'_>,
    config: &Config,
    sids: &[Sid],
    trustee: &Trustee,
    report: &mut Report,
) -> Result<(), DirectoryError> {
    let root = &config.directory.base_dn;
    let Some(list) = inspection.access_list(root).await? else { return Ok(()) };
    if list.allows(sids, CONTROL_ACCESS, &[UNEXPIRE_PASSWORD]) {
        report.ok(AREA, "Unexpire Password on the domain");
    } else {
        let what = format!(
            "the service account lacks Unexpire Password on {root}: each password that it sets has to be changed at the next logon"
        );
        let remedy = format!(
            "dsacls \"{root}\" /G \"{}:CA;Unexpire Password\"\nor in Active Directory Users and Computers, View, Advanced Features: Properties of the domain, Security, {}, tick Unexpire password",
            trustee.name, trustee.sam
        );
        report.problem(Id::UnexpirePasswordMissing, AREA, &what, &remedy);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::parent;

    #[test]
    fn an_escaped_comma_is_no_separator() {
        assert_eq!(parent(r"CN=Ærø\, Søren,OU=Ansatte,DC=dk"), "OU=Ansatte,DC=dk");
        assert_eq!(parent(r"CN=a\\,OU=b"), "OU=b");
        assert_eq!(parent("CN=a"), "CN=a");
    }
}
