//! Check that `lockout_reserve` is compatible with AD's lockout, for the domain and each password settings object.

use crate::{
    check::{Id, Report},
    model::rate_limit::lockout_guard::LockoutRules,
};

/// Reports a policy that leaves no or only one wrong password before the reserve.
pub(super) fn check(whose: &str, rules: LockoutRules, reserve: u32, report: &mut Report) {
    let threshold = rules.threshold;
    if threshold == 0 {
        return;
    }
    let remedy = format!(
        "let AD lock after {} wrong passwords or more (Set-ADDefaultDomainPasswordPolicy or Set-ADFineGrainedPasswordPolicy with -LockoutThreshold; for the domain: group policy, Account Lockout Policy)\nor lower login.ad_password.lockout_reserve",
        reserve.saturating_add(3)
    );
    if threshold <= reserve {
        let what = format!("{whose}: AD locks after {threshold} wrong passwords, but lockout_reserve keeps {reserve} of them");
        report.problem(Id::LockoutReserveTooLarge, "policy", &what, &remedy);
    } else if threshold - reserve == 1 {
        let what = format!("{whose}: AD locks after {threshold} wrong passwords; with lockout_reserve = {reserve} one attempt is left");
        report.warning(Id::LockoutOneTry, "policy", &what, &remedy);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_leaves_tries_one_try_or_none() {
        for (threshold, reserve, expected) in [
            (0, 2, None),
            (1, 2, Some(Id::LockoutReserveTooLarge)),
            (2, 2, Some(Id::LockoutReserveTooLarge)),
            (3, 2, Some(Id::LockoutOneTry)),
            (4, 2, None),
            (1, 0, Some(Id::LockoutOneTry)),
            (20, 20, Some(Id::LockoutReserveTooLarge)),
        ] {
            let mut report = Report::default();
            check("x", LockoutRules { threshold, window: None }, reserve, &mut report);
            assert_eq!(report.findings.first().and_then(|finding| finding.id), expected, "{threshold} {reserve}");
        }
    }
}
