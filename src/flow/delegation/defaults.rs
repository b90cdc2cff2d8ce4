//! Defaults of the delegation form for one account: the must-change mark and the passphrase suggestion.

use jiff::civil::Date;

use crate::flow::delegation::{DelegationContext, context::TargetReading};
use crate::{
    app::App,
    clock,
    flow::FlowError,
    model::{
        account::Account,
        cpr::Cpr,
        credential::password::Password,
        passphrase::{self, Ease},
        password_policy::PasswordPolicy,
    },
};

/// Defaults for one account, from the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormDefaults {
    /// Whether the password has to be changed at the next logon.
    pub must_change: bool,
    /// Strength of the passphrase suggestion.
    pub ease: Ease,
}

/// Reads the defaults. A group that is not found exempts no account: the stricter default applies.
pub(crate) async fn usual(app: &App, standing: &mut DelegationContext, seen: &TargetReading) -> Result<FormDefaults, FlowError> {
    let config = &app.config.delegation;
    let (spared, simple) = (&config.must_change.not_for, &config.easy_passwords_for);
    let names: Vec<&str> = spared.iter().chain(simple).map(String::as_str).collect();
    let known = app.directory.group_sids(&mut standing.pinned, &names).await?;
    let is_in = |groups: &[String]| groups.iter().filter_map(|name| known.get(name)).any(|sid| seen.account.groups.contains(sid));
    let ease = if is_in(simple) { Ease::Easy } else { Ease::Ordinary };
    let must_change = !is_in(spared) && by_age(app, standing, seen).await?;
    Ok(FormDefaults { must_change, ease })
}

/// The must-change default by age. Reads the CPR number from AD only where the age counts and parenthood has not given
/// the number already.
async fn by_age(app: &App, standing: &mut DelegationContext, seen: &TargetReading) -> Result<bool, FlowError> {
    let rule = &app.config.delegation.must_change;
    let Some(from_age) = rule.from_age else { return Ok(rule.default) };
    let cpr = match (&seen.child, &rule.cpr_attribute) {
        (Some(cpr), _) => Some(cpr.clone()),
        (None, Some(attribute)) => app.directory.cpr_of(&mut standing.pinned, seen.account.guid, attribute).await?,
        (None, None) => None,
    };
    let today = clock::danish(app.clock.now()).date();
    Ok(cpr.and_then(|cpr| old_enough(&cpr, from_age, today)).unwrap_or(rule.default))
}

/// Whether the person has turned `from_age` years. `None`: the number's birthday lies in the future, so its age is
/// unknown.
fn old_enough(cpr: &Cpr, from_age: i8, today: Date) -> Option<bool> {
    cpr.has_turned(0, today).then(|| cpr.has_turned(from_age, today))
}

/// A passphrase suggestion that meets the policy; `None` where the words cannot meet it.
pub(crate) fn propose(app: &App, policy: &PasswordPolicy, account: &Account, ease: Ease) -> Result<Option<Password>, FlowError> {
    Ok(passphrase::propose(policy, account, app.clock.now(), ease, &mut || app.keys.random())?)
}

#[cfg(test)]
mod tests {
    use crate::flow::delegation::defaults::*;

    #[test]
    fn the_age_counts_from_the_birthday_on_and_only_of_who_is_born() {
        for (cpr, today, old) in [
            ("2411164000", "2026-11-23", Some(false)),
            ("2411164000", "2026-11-24", Some(true)),
            ("2411264000", "2026-11-24", Some(false)),
            ("2411264000", "2026-11-23", None),
            ("0101364000", "2026-11-24", None), // 2036
        ] {
            let cpr = Cpr::parse(cpr).expect(cpr);
            assert_eq!(old_enough(&cpr, 10, today.parse().expect(today)), old, "{cpr} {today}");
        }
    }
}
