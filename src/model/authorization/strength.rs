//! Demands on a login before it may reset the password of an account.

use crate::model::identity::{level::AssuranceLevel, provider::ProviderId};

/// A demand of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strength {
    /// The lowest level.
    pub level: AssuranceLevel,
    /// The providers that are accepted; `None` = all.
    pub providers: Option<Vec<ProviderId>>,
}

impl Strength {
    /// True if a login of this provider at this level satisfies the demand.
    pub fn met_by(&self, provider: &ProviderId, level: AssuranceLevel) -> bool {
        level >= self.level && self.accepts(provider)
    }

    /// True if logins of this provider are accepted at some level.
    pub fn accepts(&self, provider: &ProviderId) -> bool {
        self.providers.as_ref().is_none_or(|all| all.contains(provider))
    }

    /// Both demands: the higher level, and only providers that both accept.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        let providers = match (self.providers, &other.providers) {
            (Some(a), Some(b)) => Some(a.into_iter().filter(|provider| b.contains(provider)).collect()),
            (a, b) => a.or_else(|| b.clone()),
        };
        Self { level: self.level.max(other.level), providers }
    }
}

/// The demand on a reset of an account: all rules of its groups combined, or the default if no rule applies.
pub fn needed<'a>(default: &Strength, of_groups: impl Iterator<Item = &'a Strength>) -> Strength {
    of_groups.cloned().reduce(|a, b| a.and(&b)).unwrap_or_else(|| default.clone())
}

#[cfg(test)]
mod tests {
    use crate::model::authorization::strength::*;

    fn rule(level: AssuranceLevel, providers: &[&str]) -> Strength {
        let providers = (!providers.is_empty()).then(|| providers.iter().map(|id| ProviderId::parse(id).expect("an id")).collect());
        Strength { level, providers }
    }

    fn id(text: &str) -> ProviderId {
        ProviderId::parse(text).expect("an id")
    }

    #[test]
    fn a_group_may_loosen_the_default_and_several_groups_only_tighten() {
        let default = rule(AssuranceLevel::Substantial, &[]);
        let pupils = rule(AssuranceLevel::Low, &["unilogin", "mitid"]);
        let staff = rule(AssuranceLevel::High, &["mitid"]);
        assert_eq!(needed(&default, [].into_iter()), default);
        assert_eq!(needed(&default, [&pupils].into_iter()), pupils);
        let both = needed(&default, [&pupils, &staff].into_iter());
        assert_eq!(both, rule(AssuranceLevel::High, &["mitid"]));
        assert_eq!(both, needed(&default, [&staff, &pupils].into_iter()), "in any order");
    }

    #[test]
    fn both_the_level_and_the_provider_have_to_do() {
        let pupils = rule(AssuranceLevel::Low, &["unilogin"]);
        assert!(pupils.met_by(&id("unilogin"), AssuranceLevel::Low));
        assert!(!pupils.met_by(&id("unilogin"), AssuranceLevel::None));
        assert!(!pupils.met_by(&id("mitid"), AssuranceLevel::High));
        let nobody = pupils.and(&rule(AssuranceLevel::Low, &["mitid"]));
        assert!(AssuranceLevel::ALL.iter().all(|level| !nobody.met_by(&id("unilogin"), *level) && !nobody.met_by(&id("mitid"), *level)));
    }
}
