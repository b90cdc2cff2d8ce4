//! Requirements on a provider's login for the reset of one account: checked for the page, and again at the write.

use jiff::{SignedDuration, Timestamp};

use crate::flow::FlowError;
use crate::{
    app::App,
    config::{Config, ResetConfig},
    directory::{ControllerSession, Directory},
    model::{
        account::Account,
        authorization::strength::{self, Strength},
        identity::{Identity, ProviderLogin},
        refusal::Refusal,
    },
};

/// Tolerance for a provider's clock that is ahead.
const CLOCKS: SignedDuration = SignedDuration::from_mins(5);

/// The refusal of a reset that does not depend on the new password; `None` where there is none. An unreadable rule is
/// an error.
pub(crate) async fn hindrance(
    app: &App,
    identity: &Identity,
    login: &ProviderLogin,
    pinned: &mut ControllerSession,
    account: &Account,
) -> Result<Option<Refusal>, FlowError> {
    let needed = needed(&app.config, &app.directory, pinned, account).await?;
    Ok(judge(&app.config.reset, needed, login, identity.at, account, app.clock.now()))
}

/// The strength that the account's groups require, else the default. A group that is not found is an error: leaving it
/// out could loosen the rule.
pub(crate) async fn needed(
    config: &Config,
    directory: &Directory,
    pinned: &mut ControllerSession,
    account: &Account,
) -> Result<Strength, FlowError> {
    let rules = &config.reset;
    let mut of_groups = Vec::new();
    for group in &rules.groups {
        let sid = directory.group_sid(pinned, &group.group).await?;
        if account.groups.contains(&sid) {
            of_groups.push(&group.strength);
        }
    }
    Ok(strength::needed(&rules.default, of_groups.into_iter()))
}

/// Pure. A strength refusal comes first: a fresh login of the same kind would not help.
fn judge(
    rules: &ResetConfig,
    needed: Strength,
    login: &ProviderLogin,
    at: Timestamp,
    account: &Account,
    now: Timestamp,
) -> Option<Refusal> {
    if !needed.met_by(&login.provider, login.level) {
        return Some(Refusal::TooWeak { needed });
    }
    let age = now.duration_since(at);
    if age > SignedDuration::from_mins(rules.max_age_minutes.into()) || age < -CLOCKS {
        return Some(Refusal::LoginTooOld);
    }
    (account.locked && !rules.unlock).then_some(Refusal::Locked)
}

#[cfg(test)]
mod tests {
    use crate::flow::set_password::assurance::*;
    use crate::model::{
        account::{PasswordExpiry, PasswordState},
        identity::{LoginMethod, claim::Claim, level::AssuranceLevel, provider::ProviderId},
    };

    fn account(locked: bool) -> Account {
        Account {
            sid: crate::model::ad::sid::Sid::parse("S-1-5-21-1-2-3-1104").expect("a SID"),
            locked,
            password: PasswordState { last_set_ticks: 1, last_set: None, expiry: PasswordExpiry::Never },
            ..Account::unknown()
        }
    }

    fn judged(level: AssuranceLevel, seconds_ago: i64, locked: bool, unlock: bool) -> Option<Refusal> {
        let needed = Strength { level: AssuranceLevel::Substantial, providers: None };
        let rules = ResetConfig { default: needed.clone(), groups: Vec::new(), max_age_minutes: 15, unlock };
        let provider = ProviderId::parse("mitid").expect("an id");
        let login = ProviderLogin {
            provider,
            method: LoginMethod::Saml,
            level,
            claim: Claim::AccountName("anna".into()),
            assertion: "_1".into(),
            ends: None,
        };
        let now: Timestamp = "2026-11-23T08:10:00Z".parse().expect("a time");
        judge(&rules, needed, &login, now - SignedDuration::from_secs(seconds_ago), &account(locked), now)
    }

    #[test]
    fn a_login_is_strong_enough_and_fresh_or_the_password_stays() {
        let weak = Some(Refusal::TooWeak { needed: Strength { level: AssuranceLevel::Substantial, providers: None } });
        for (level, ago, expected) in [
            (AssuranceLevel::Substantial, 0, None),
            (AssuranceLevel::High, 15 * 60, None),
            (AssuranceLevel::High, 15 * 60 + 1, Some(Refusal::LoginTooOld)),
            (AssuranceLevel::High, -5 * 60, None),
            (AssuranceLevel::High, -5 * 60 - 1, Some(Refusal::LoginTooOld)),
            (AssuranceLevel::Low, 0, weak.clone()),
            (AssuranceLevel::Low, 100_000, weak),
        ] {
            assert_eq!(judged(level, ago, true, true), expected, "{level:?} {ago}");
        }
    }

    #[test]
    fn a_locked_account_is_refused_only_where_it_would_not_be_unlocked() {
        assert_eq!(judged(AssuranceLevel::High, 0, true, false), Some(Refusal::Locked));
        assert_eq!(judged(AssuranceLevel::High, 0, false, false), None);
    }
}
