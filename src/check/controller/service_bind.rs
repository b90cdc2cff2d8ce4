//! Report of a refused bind of the service account, with a remedy for each of AD's reasons.

use crate::{
    check::{Id, Report},
    directory::{BindAnswer, password::answer},
};

/// Reports the reason in AD's message. `user`: the configured name.
pub(super) fn refused(area: &str, user: &str, text: &str, report: &mut Report) {
    if answer::sees_no_tls(text) {
        let remedy = "set `address` and `port` to the controller itself, or let the load balancer before it forward TLS unopened (layer 4)";
        let what = "the controller received the bind without TLS: a device before it ends TLS and forwards passwords in clear text";
        return report.problem(Id::ControllerBehindTlsProxy, area, what, remedy);
    }
    let sam = user.rsplit('\\').next().unwrap_or(user).split('@').next().unwrap_or(user);
    let (id, why, remedy) = match answer::of_bind(49, text).unwrap_or(BindAnswer::Other(0)) {
        BindAnswer::Wrong => (
            Id::ServiceAccountWrong,
            "wrong name or password".to_owned(),
            format!(
                "compare directory.bind_user (UPN, DN or DOMAIN\\name) and directory.bind_password_file with AD\nPowerShell: Set-ADAccountPassword '{sam}' -Reset sets a new password (ADUC: right-click, Reset Password…)"
            ),
        ),
        BindAnswer::Locked => (
            Id::ServiceAccountLocked,
            "the account is locked after wrong passwords, perhaps those of this service".to_owned(),
            format!(
                "stop the service, correct the password if it was changed, then PowerShell: Unlock-ADAccount '{sam}' (ADUC: Properties, Account, Unlock account), and start the service\nevent 4740 in the PDC emulator's Security log names the machine that locked it"
            ),
        ),
        BindAnswer::Disabled => (
            Id::ServiceAccountDisabled,
            "the account is disabled".to_owned(),
            format!("PowerShell: Enable-ADAccount '{sam}' (ADUC: right-click, Enable Account)"),
        ),
        BindAnswer::AccountExpired => (
            Id::ServiceAccountExpired,
            "the account has expired".to_owned(),
            format!("PowerShell: Clear-ADAccountExpiration '{sam}' (ADUC: Properties, Account, Account expires: Never)"),
        ),
        BindAnswer::PasswordExpired => (
            Id::ServiceAccountPasswordExpired,
            "its password has expired".to_owned(),
            format!(
                "PowerShell: Set-ADAccountPassword '{sam}' -Reset, and write the password into directory.bind_password_file\nPowerShell: Set-ADUser '{sam}' -PasswordNeverExpires $true (ADUC: Properties, Account, Password never expires), or note the day"
            ),
        ),
        BindAnswer::MustChange => (
            Id::ServiceAccountMustChange,
            "its password must be changed at the next logon".to_owned(),
            format!(
                "PowerShell: Set-ADUser '{sam}' -ChangePasswordAtLogon $false (ADUC: Properties, Account, untick User must change password at next logon)"
            ),
        ),
        BindAnswer::NotAtThisHour => restricted("it may not log in at this hour", "Logon Hours…, all of them", sam),
        BindAnswer::NotFromHere => restricted("it may not log in from here", "Log On To…, All computers", sam),
        BindAnswer::Restricted => (
            Id::ServiceAccountRestricted,
            "a restriction of the account forbids it".to_owned(),
            format!(
                "remove {sam} from the group Protected Users, and from authentication policies (Get-ADUser '{sam}' -Properties msDS-AssignedAuthNPolicy)"
            ),
        ),
        BindAnswer::NoLogonRight(_) => (
            Id::ServiceAccountRestricted,
            "it has no right to log on over the network".to_owned(),
            format!(
                "give {sam} the right \"Access this computer from the network\" on the controllers (group policy of Domain Controllers, User Rights Assignment)"
            ),
        ),
        BindAnswer::Proven | BindAnswer::Other(_) => (
            Id::ServiceAccountRefused,
            text.trim_end_matches('\0').to_owned(),
            "look up the code after `data` in Microsoft's list of LDAP bind errors".to_owned(),
        ),
    };
    report.problem(id, area, &format!("the service account {user} cannot log in: {why}"), &remedy);
}

fn restricted(why: &str, where_to: &str, sam: &str) -> (Id, String, String) {
    let remedy = format!("in Active Directory Users and Computers: Properties of {sam}, Account, {where_to}");
    (Id::ServiceAccountRestricted, why.to_owned(), remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_own_finding_and_remedy() {
        for (data, id, remedy) in [
            ("52e", Id::ServiceAccountWrong, "Set-ADAccountPassword 'svc'"),
            ("525", Id::ServiceAccountWrong, "directory.bind_user"),
            ("530", Id::ServiceAccountRestricted, "Logon Hours"),
            ("531", Id::ServiceAccountRestricted, "Log On To"),
            ("532", Id::ServiceAccountPasswordExpired, "-PasswordNeverExpires"),
            ("533", Id::ServiceAccountDisabled, "Enable-ADAccount 'svc'"),
            ("701", Id::ServiceAccountExpired, "Clear-ADAccountExpiration 'svc'"),
            ("773", Id::ServiceAccountMustChange, "-ChangePasswordAtLogon $false"),
            ("775", Id::ServiceAccountLocked, "Unlock-ADAccount 'svc'"),
            ("52f", Id::ServiceAccountRestricted, "Protected Users"),
            ("569", Id::ServiceAccountRestricted, "Access this computer from the network"),
            ("99", Id::ServiceAccountRefused, "data"),
            ("0", Id::ServiceAccountRefused, "data"),
        ] {
            let text = format!("80090308: LdapErr: DSID-0C09042F, comment: AcceptSecurityContext error, data {data}, v4563\0");
            for user in ["svc@kommune.dk", r"KOMMUNE\svc"] {
                let mut report = Report::default();
                refused("dc1", user, &text, &mut report);
                let found = &report.findings[0];
                assert!(found.id == Some(id) && found.advice.contains(remedy), "{data}: {found}");
                assert!(!found.what.contains('\0') && (id == Id::ServiceAccountWrong || !found.advice.contains("bind_user")), "{found}");
            }
        }
    }

    #[test]
    fn a_controller_that_sees_no_tls_is_named_and_not_the_account() {
        let text = "00002028: LdapErr: DSID-0C09035C, comment: The server requires binds to turn on integrity checking if SSL\\TLS are not \
                    already active on the connection, data 0, v65f4";
        let mut report = Report::default();
        refused("dc1", "svc@kommune.dk", &answer::readable(text), &mut report);
        let found = &report.findings[0];
        assert!(found.id == Some(Id::ControllerBehindTlsProxy) && found.advice.contains("layer 4"), "{found}");
    }
}
