//! How strong a login an account needs before its password may be reset.

use super::{level::Level, provider::ProviderId};

/// A rule for some accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strength {
    /// The least level.
    pub level: Level,
    /// Providers whose logins count; `None` = all.
    pub providers: Option<Vec<ProviderId>>,
}

impl Strength {
    /// Does a login of this provider, at this level, do?
    pub fn met_by(&self, provider: &ProviderId, level: Level) -> bool {
        level >= self.level && self.accepts(provider)
    }

    /// Can this provider's logins do at all?
    pub fn accepts(&self, provider: &ProviderId) -> bool {
        self.providers.as_ref().is_none_or(|all| all.contains(provider))
    }

    /// Both: the higher level, and only providers that both take.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        let providers = match (self.providers, &other.providers) {
            (Some(a), Some(b)) => Some(a.into_iter().filter(|provider| b.contains(provider)).collect()),
            (a, b) => a.or_else(|| b.clone()),
        };
        Self { level: self.level.max(other.level), providers }
    }
}

/// What an account needs: the rules of its groups, all of them together where there are several; the default only where there is none.
pub fn needed<'a>(default: &Strength, of_groups: impl Iterator<Item = &'a Strength>) -> Strength {
    of_groups.cloned().reduce(|a, b| a.and(&b)).unwrap_or_else(|| default.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(level: Level, providers: &[&str]) -> Strength {
        let providers = (!providers.is_empty()).then(|| providers.iter().map(|id| ProviderId::parse(id).expect("an id")).collect());
        Strength { level, providers }
    }

    fn id(text: &str) -> ProviderId {
        ProviderId::parse(text).expect("an id")
    }

    #[test]
    fn a_group_may_loosen_the_default_and_several_groups_only_tighten() {
        let default = rule(Level::Substantial, &[]);
        let pupils = rule(Level::Low, &["unilogin", "mitid"]);
        let staff = rule(Level::High, &["mitid"]);
        assert_eq!(needed(&default, [].into_iter()), default);
        assert_eq!(needed(&default, [&pupils].into_iter()), pupils);
        let both = needed(&default, [&pupils, &staff].into_iter());
        assert_eq!(both, rule(Level::High, &["mitid"]));
        assert_eq!(both, needed(&default, [&staff, &pupils].into_iter()), "in any order");
    }

    #[test]
    fn both_the_level_and_the_provider_have_to_do() {
        let pupils = rule(Level::Low, &["unilogin"]);
        assert!(pupils.met_by(&id("unilogin"), Level::Low));
        assert!(!pupils.met_by(&id("unilogin"), Level::None));
        assert!(!pupils.met_by(&id("mitid"), Level::High));
        let nobody = pupils.and(&rule(Level::Low, &["mitid"]));
        assert!(Level::ALL.iter().all(|level| !nobody.met_by(&id("unilogin"), *level) && !nobody.met_by(&id("mitid"), *level)));
    }
}
