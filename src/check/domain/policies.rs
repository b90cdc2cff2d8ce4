//! Check that some password satisfies both AD's and the configured policy, and that all configured groups exist.

use super::{classes, lockout};
use crate::{
    check::{Id, Report},
    config::{Config, WhileMissing},
    directory::{Directory, Pso},
    model::{
        ad::dn,
        password_policy::{Contradiction, PasswordPolicy},
    },
};

const AREA: &str = "policy";

/// Looks up every configured group, and combines every configured policy with the domain's and each password settings object's.
pub(super) async fn check(directory: &Directory, config: &Config, psos: &[Pso], report: &mut Report) {
    let domain = match directory.domain_policy().await {
        Ok((policy, _)) => policy,
        Err(fault) => {
            let remedy = "give the service account read access to the domain's root object";
            return report.problem(Id::DomainPolicyUnreadable, AREA, &fault.to_string(), remedy);
        }
    };
    let before = report.problems();
    let reserve = config.login.ad_password.lockout_reserve;
    fitting("the domain's", &domain.password, config, report);
    lockout::check("the domain's policy", domain.lockout, reserve, report);
    for (pso, policy) in psos.iter().filter_map(|pso| Some((pso, pso.policy.as_ref()?))) {
        let name = dn::common_name(&pso.dn);
        fitting(&format!("that of the password settings object {name}"), &policy.password, config, report);
        lockout::check(&format!("the password settings object {name}"), policy.lockout, reserve, report);
    }
    for group in &config.policy.groups {
        if let Err(fault) = directory.find_group(&group.group).await {
            report.problem(
                Id::GroupMissing,
                AREA,
                &fault.to_string(),
                "correct the group's name (DN, sAMAccountName or SID): until then all changes are refused",
            );
        }
    }
    for group in &config.reset.groups {
        if let Err(fault) = directory.find_group(&group.group).await {
            report.problem(
                Id::GroupMissing,
                AREA,
                &fault.to_string(),
                "correct the group's name under [[reset.group]] (DN, sAMAccountName or SID): until then all resets are refused",
            );
        }
    }
    check_authority(directory, config, report).await;
    if report.problems() == before {
        report.ok(AREA, "the domain's policy and the configured policy are compatible");
    }
}

/// Reports contradictions between AD's and the configured policies, with and without the rules of each group.
fn fitting(whose: &str, ad: &PasswordPolicy, config: &Config, report: &mut Report) {
    let default = ad.clone().and(&config.policy.of_member([]));
    let mut contradiction = |what: &str, policy: &PasswordPolicy| {
        let text = match policy.contradiction() {
            None => return false,
            Some(Contradiction::Length { min, max }) => format!("at least {min} and at most {max} characters"),
            Some(Contradiction::Guesses { min_guesses, max }) => format!("at least {min_guesses} guesses with at most {max} characters"),
            Some(Contradiction::Allowed(rule)) => format!("no allowed character satisfies `{rule}`"),
        };
        report.problem(
            Id::PolicyContradiction,
            AREA,
            &format!("no password satisfies both {what} and {whose}: {text}"),
            "change [policy] to fit AD's policy: Get-ADDefaultDomainPasswordPolicy, Get-ADFineGrainedPasswordPolicy -Filter *",
        );
        true
    };
    if contradiction("the default policy", &default) {
        return; // the policy of every group has the same contradiction
    }
    for group in &config.policy.groups {
        contradiction(&format!("the policy of {}", group.group), &ad.clone().and(&config.policy.of_member([group])));
    }
}

/// Checks the groups in `[delegation]`, and that the circles' OU contains groups.
async fn check_authority(directory: &Directory, config: &Config, report: &mut Report) {
    for (group, missing) in config.delegation.named() {
        if let Err(fault) = directory.find_group(group).await {
            let what = match missing {
                WhileMissing::NobodyActs => "until then all delegation is refused",
                WhileMissing::NoTeacherOrParentActs => "until then no teacher and no parent can act on others",
                WhileMissing::AllowsNothing => "until then the rule allows nothing",
            };
            report.problem(
                Id::GroupMissing,
                AREA,
                &fault.to_string(),
                &format!("correct the group's name under [delegation] (DN, sAMAccountName or SID): {what}"),
            );
        }
    }
    for group in &config.audit.auditors {
        if let Err(fault) = directory.find_group(group).await {
            report.problem(
                Id::GroupMissing,
                AREA,
                &fault.to_string(),
                "correct the group's name under audit.auditors: until then its members cannot read the log, and all delegation is refused",
            );
        }
    }
    for group in config.parents.iter().flat_map(|parents| &parents.groups) {
        if let Err(fault) = directory.find_group(group).await {
            report.problem(
                Id::GroupMissing,
                AREA,
                &fault.to_string(),
                "correct the group's name under parents.groups: until then parents cannot act on its members",
            );
        }
    }
    classes::check(directory, config, report).await;
    let Some(circles) = &config.delegation.circles else { return };
    for group in std::iter::once(&circles.admins).chain(&circles.master_admins) {
        let Ok((sid, mut pinned)) = directory.find_group(group).await else { continue };
        match directory.groups_below(&mut pinned, &circles.ou, &[sid]).await {
            Ok(below) if below.is_empty() => {}
            Ok(_) => report.warning(
                Id::GroupAmongCircles,
                AREA,
                &format!("{group} lies below {} among the circles, but is not a circle", circles.ou),
                "move it to another unit, so that it is not mistaken for a circle",
            ),
            Err(fault) => report.problem(Id::ControllerFailed, AREA, &fault.to_string(), "run the check again"),
        }
    }
    match directory.any_group_below(&circles.ou).await {
        Ok(true) => {}
        Ok(false) => report.warning(
            Id::CirclesEmpty,
            AREA,
            &format!("there is no security group below {}: circle admins cannot act on any account", circles.ou),
            "correct delegation.circles.ou, or check whether the service account may read there",
        ),
        Err(fault) => report.problem(Id::ControllerFailed, AREA, &fault.to_string(), "run the check again"),
    }
}
