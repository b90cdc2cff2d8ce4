//! Check of the service account itself: privileged groups and expiry.

use jiff::{SignedDuration, Timestamp};

use super::remedy::Trustee;
use crate::{
    check::{Id, Report, day},
    config::Config,
    directory::{ControllerInspection, DirectoryError},
    model::ad::sid::Sid,
};

const AREA: &str = "service account";
/// Expiry within this time is a problem, later expiry a warning.
const SOON: SignedDuration = SignedDuration::from_hours(24 * 14);

/// Runs the check, and returns the account's names for commands.
pub(super) async fn check(
    inspection: &mut ControllerInspection<'_>,
    config: &Config,
    netbios: Option<&str>,
    now: Timestamp,
    report: &mut Report,
) -> Result<Trustee, DirectoryError> {
    powers(&inspection.own_sids().await?, report);
    let Some(account) = inspection.own_account().await? else {
        let what = format!("{} cannot read its own account", config.directory.bind_user);
        let remedy = "give it the right to read its own account, which every account has by default";
        report.warning(Id::ServiceAccountUnknown, AREA, &what, remedy);
        let name = config.directory.bind_user.clone();
        return Ok(Trustee { sam: name.clone(), name });
    };
    let sam = account.sam;
    if let Some(ends) = account.ends {
        let remedy = format!(
            "PowerShell: Clear-ADAccountExpiration '{sam}'\nor in Active Directory Users and Computers: Properties of {sam}, Account, Account expires: Never"
        );
        let what = format!("{sam} expires on {}", day(ends));
        told(Id::ServiceAccountExpires, &what, &remedy, ends.duration_since(now), report);
    }
    if let Some(ends) = account.password_ends {
        let remedy = format!(
            "with a long random password, PowerShell: Set-ADUser '{sam}' -PasswordNeverExpires $true\nor in Active Directory Users and Computers: Properties of {sam}, Account, Password never expires\nor change it before that day, in AD and in directory.bind_password_file"
        );
        let what = format!("the password of {sam} expires on {}", day(ends));
        told(Id::ServiceAccountPasswordExpires, &what, &remedy, ends.duration_since(now), report);
    }
    if account.ends.is_none() && account.password_ends.is_none() {
        report.ok(AREA, &format!("{sam} and its password do not expire"));
    }
    let name = netbios.map_or_else(|| config.directory.bind_user.clone(), |domain| format!("{domain}\\{sam}"));
    Ok(Trustee { name, sam })
}

fn told(id: Id, what: &str, remedy: &str, left: SignedDuration, report: &mut Report) {
    let soon = left < SOON;
    if soon { report.problem(id, AREA, what, remedy) } else { report.warning(id, AREA, what, remedy) }
}

/// Privileged groups, by AD's well-known RIDs (MS-ADTS 3.1.1.6.1.1).
fn powerful(sid: &Sid) -> Option<&'static str> {
    match (sid.rid(), sid.builtin()) {
        (Some(512), _) => Some("Domain Admins"),
        (Some(516), _) => Some("Domain Controllers"),
        (Some(518), _) => Some("Schema Admins"),
        (Some(519), _) => Some("Enterprise Admins"),
        (Some(520), _) => Some("Group Policy Creator Owners"),
        (Some(526), _) => Some("Key Admins"),
        (Some(527), _) => Some("Enterprise Key Admins"),
        (_, Some(544)) => Some("Administrators"),
        (_, Some(548)) => Some("Account Operators"),
        (_, Some(549)) => Some("Server Operators"),
        (_, Some(550)) => Some("Print Operators"),
        (_, Some(551)) => Some("Backup Operators"),
        (_, Some(552)) => Some("Replicator"),
        (Some(_) | None, Some(_) | None) => None,
    }
}

fn powers(sids: &[Sid], report: &mut Report) {
    let mut groups: Vec<&str> = sids.iter().filter_map(powerful).collect();
    groups.sort_unstable();
    groups.dedup();
    if groups.is_empty() {
        return report.ok(AREA, "it is not a member of any group that administers the domain");
    }
    let what = format!("it is a member of {}, directly or through another group", groups.join(", "));
    let remedy = "create an ordinary account for the service: New-ADUser svc-nykode … (ADUC: New, User), a member of Domain Users only\nset directory.bind_user to it, run this check again, and give it the rights that the check names, only on the units with people";
    report.problem(Id::ServiceAccountTooPowerful, AREA, &what, remedy);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_known_by_their_numbers() {
        for (sid, name) in [
            ("S-1-5-21-1-2-3-512", Some("Domain Admins")),
            ("S-1-5-32-544", Some("Administrators")),
            ("S-1-5-32-548", Some("Account Operators")),
            ("S-1-5-21-1-2-3-513", None),
            ("S-1-5-32-554", None),
            ("S-1-5-32-512", None),
            ("S-1-5-11", None),
        ] {
            assert_eq!(powerful(&Sid::parse(sid).expect("a SID")), name, "{sid}");
        }
    }
}
