//! The family service: the children of a parent, with a check that they can be children.

use jiff::civil::Date;
use tracing::warn;

use crate::registers::{RegisterError, RegisterErrorCause, SetupError, answer, lookup::counted, service::RegisterService};
use crate::{config, model::cpr::Cpr};

/// A child in the family service's answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Child {
    /// Name in the family service, one line of at most 200 characters; may be empty.
    pub name: String,
    pub cpr: Cpr,
}

impl std::fmt::Debug for Child {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Child(…)")
    }
}

/// The family service.
#[derive(Debug)]
pub struct Family {
    service: RegisterService,
    config: config::Parents,
}

impl Family {
    /// Reads the certificates; does not connect yet.
    pub fn new(config: &config::Parents) -> Result<Self, SetupError> {
        Ok(Self { service: RegisterService::new(&config.service)?, config: config.clone() })
    }

    /// The children of this parent below the age limit. `today`: the date in Denmark ([`crate::clock::danish`]).
    pub async fn children_of(&self, parent: &Cpr, today: Date) -> Result<Vec<Child>, RegisterError> {
        let asked = self.ask(&parent.written(self.service.cpr_format())).await;
        let told = counted(self.service.id(), asked)?;
        Ok(children(told, parent, today, self.config.age_limit))
    }

    /// Number of children for a CPR number that no person has, for the check of the configuration.
    pub async fn children_of_nobody(&self) -> Result<usize, RegisterError> {
        let asked = self.ask(self.service.cpr_format().nobody()).await;
        Ok(asked.map_err(|trouble| trouble.of(self.service.id()))?.len())
    }

    async fn ask(&self, cpr: &str) -> Result<Vec<(String, Cpr)>, RegisterErrorCause> {
        match self.service.ask(cpr).await? {
            Some(told) => answer::children(&told, &self.config),
            None => Ok(Vec::new()),
        }
    }
}

/// The entries that can be children of this parent today, without duplicates.
fn children(told: Vec<(String, Cpr)>, parent: &Cpr, today: Date, age_limit: i8) -> Vec<Child> {
    let mut children: Vec<Child> = Vec::new();
    for (name, cpr) in told {
        if cpr == *parent {
            warn!("family service names a parent as their own child; entry ignored");
        } else if is_child(&cpr, today, age_limit) && children.iter().all(|child| child.cpr != cpr) {
            children.push(Child { name, cpr });
        }
    }
    children
}

/// True if the child is born and below the age limit; on the birthday itself it is not. A birthday on 29 February falls on the 28th in
/// other years, so that a guardian's right ends a day early rather than late.
fn is_child(cpr: &Cpr, today: Date, age_limit: i8) -> bool {
    cpr.born().is_some_and(|born| born <= today) && !cpr.has_turned(age_limit, today)
}

#[cfg(test)]
mod tests {
    use crate::registers::family::*;

    fn cpr(text: &str) -> Cpr {
        Cpr::parse(text).expect(text)
    }

    fn day(text: &str) -> Date {
        text.parse().expect(text)
    }

    #[test]
    fn custody_ends_on_the_birthday_and_begins_with_the_birth() {
        for (number, today, limit, child) in [
            ("2411084000", "2026-11-23", 18, true),
            ("2311084000", "2026-11-23", 18, false),
            ("2211084000", "2026-11-23", 18, false),
            ("2311264000", "2026-11-23", 18, true),
            ("2411264000", "2026-11-23", 18, false),
            // Born on 29 February 2008 and 2012.
            ("2902084000", "2026-02-27", 18, true),
            ("2902084000", "2026-02-28", 18, false),
            ("2902084000", "2026-03-01", 18, false),
            ("2902124000", "2028-02-28", 16, true),
            ("2902124000", "2028-02-29", 16, false),
            ("0101260000", "2026-11-23", 18, false), // born 1926
            ("0101254000", "2026-11-23", 1, false),
            ("0101264000", "2026-11-23", 1, true),
            ("0101024000", "2026-11-23", 25, true),
            ("0101014000", "2026-11-23", 25, false),
        ] {
            assert_eq!(is_child(&cpr(number), day(today), limit), child, "{number} {today} {limit}");
        }
    }

    #[test]
    fn each_child_counts_once_and_nobody_is_their_own() {
        let (parent, child, other) = (cpr("0101801234"), cpr("0101154000"), cpr("010115-4001"));
        let told = [("A", &child), ("B", &child), ("Me", &parent), ("C", &other), ("Adult", &cpr("0101804000"))];
        let told = told.map(|(name, cpr)| (name.to_owned(), cpr.clone())).to_vec();
        let found = children(told, &parent, day("2026-11-23"), 18);
        assert!(found == [Child { name: "A".into(), cpr: child }, Child { name: "C".into(), cpr: other }]);
        assert_eq!(format!("{found:?}"), "[Child(…), Child(…)]");
        let young = cpr("0101154000");
        assert!(children(vec![("Me".into(), young.clone())], &young, day("2026-11-23"), 18).is_empty(), "however young");
    }
}
