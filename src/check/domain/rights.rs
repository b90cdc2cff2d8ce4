//! What the service account may do to an ordinary account, and the command that gives it what it lacks.

use crate::check::{Id, Options, Report};
use crate::{
    config::Config,
    directory::{
        Fault, Inspection, Sample,
        security_descriptor::{ACCOUNT_RESTRICTIONS, CONTROL_ACCESS, Guid, LOCKOUT_TIME, PWD_LAST_SET, RESET_PASSWORD, WRITE_PROPERTY},
    },
};

const AREA: &str = "rights";

/// A right, the bit and the objects that grant it, and what `dsacls` calls it.
struct Right {
    what: &'static str,
    needed_for: &'static str,
    bit: u32,
    objects: &'static [Guid],
    dsacls: &'static str,
}

const RIGHTS: &[Right] = &[
    Right {
        what: "Reset Password",
        needed_for: "setting a password without the old one",
        bit: CONTROL_ACCESS,
        objects: &[RESET_PASSWORD],
        dsacls: "CA;Reset Password;user",
    },
    Right {
        what: "write lockoutTime",
        needed_for: "unlocking",
        bit: WRITE_PROPERTY,
        objects: &[LOCKOUT_TIME],
        dsacls: "WP;lockoutTime;user",
    },
    Right {
        what: "write pwdLastSet",
        needed_for: "\"must change at next logon\"",
        bit: WRITE_PROPERTY,
        objects: &[PWD_LAST_SET, ACCOUNT_RESTRICTIONS],
        dsacls: "WP;pwdLastSet;user",
    },
];

/// Looks at the rights on a sample account and on the password settings objects.
pub(super) async fn check(inspection: &mut Inspection<'_>, config: &Config, options: &Options, report: &mut Report) {
    if let Err(fault) = look(inspection, config, options, report).await {
        report.problem(
            Id::ControllerFailed,
            AREA,
            &fault.to_string(),
            "run the check again; if it stays so, look at the service account's rights to read",
        );
    }
}

async fn look(inspection: &mut Inspection<'_>, config: &Config, options: &Options, report: &mut Report) -> Result<(), Fault> {
    let Some(sample) = inspection.sample(options.account.as_deref()).await? else {
        report.problem(
            Id::SampleNotFound,
            AREA,
            "no account was found to look at",
            "correct directory.search_bases, or name an account with --account",
        );
        return Ok(());
    };
    if sample.protected {
        let what = format!(
            "{} is protected by AdminSDHolder (adminCount=1): delegated rights do not reach it, and that is as it should be",
            sample.sam
        );
        report.warning(
            Id::SampleProtected,
            AREA,
            &what,
            "name an ordinary account with --account; administrators change their passwords elsewhere",
        );
        return Ok(());
    }
    if let Some(attribute) = sample.unreadable {
        let what = format!("{attribute} of {} can't be read: nobody could log in", sample.sam);
        let place = config.directory.search_bases.first().unwrap_or(&config.directory.base_dn);
        report.problem(
            Id::AttributeUnreadable,
            AREA,
            &what,
            &format!("dsacls \"{place}\" /I:S /G \"{}:RP;;user\"", config.directory.bind_user),
        );
    }
    delegated(inspection, config, &sample, report).await?;
    password_settings(inspection, config, &sample, report).await
}

async fn delegated(inspection: &mut Inspection<'_>, config: &Config, sample: &Sample, report: &mut Report) -> Result<(), Fault> {
    let Some(list) = inspection.access_list(&sample.dn).await? else {
        report.warning(
            Id::PermissionsUnreadable,
            AREA,
            &format!("the permissions of {} can't be read, so the rights below are not known", sample.sam),
            "",
        );
        return Ok(());
    };
    let sids = inspection.own_sids().await?;
    for right in RIGHTS {
        if list.allows(&sids, right.bit, right.objects) {
            report.ok(AREA, &format!("{} on {}", right.what, sample.sam));
        } else {
            let place = config.directory.search_bases.first().unwrap_or(&config.directory.base_dn);
            let what = format!("the service account lacks {} on {} (needed for {})", right.what, sample.sam, right.needed_for);
            report.problem(
                Id::RightMissing,
                AREA,
                &what,
                &format!("dsacls \"{place}\" /I:S /G \"{}:{}\"", config.directory.bind_user, right.dsacls),
            );
        }
    }
    Ok(())
}

async fn password_settings(inspection: &mut Inspection<'_>, config: &Config, sample: &Sample, report: &mut Report) -> Result<(), Fault> {
    let readable = inspection.readable_psos().await?;
    let container = inspection.pso_container();
    if readable > 0 {
        report.ok(AREA, &format!("{readable} password settings objects (PSO) can be read"));
        return Ok(());
    }
    let command = format!("dsacls \"{container}\" /I:T /G \"{}:GR\"", config.directory.bind_user);
    if let Some(pso) = &sample.resultant_pso {
        let what = format!("{pso} applies to {} and can't be read: its changes would be refused", sample.sam);
        report.problem(Id::PsoUnreadable, AREA, &what, &command);
    } else {
        let what = "no password settings object (PSO) can be read: fine if the domain has none, else changes of the accounts that they apply to are refused";
        report.warning(Id::PsoMaybeUnreadable, AREA, what, &command);
    }
    Ok(())
}
