//! Check of `[[delegation.teachers]]`: the groups that a rule with a wildcard finds, and which of them are a class.

use crate::{
    check::{Id, Report},
    config::{Config, Teachers},
    directory::{ClassPlace, Directory},
    model::authorization::class_names::ClassCount,
};

const AREA: &str = "policy";
/// Examples of each kind.
const EXAMPLES: usize = 3;

/// Counts the classes of each rule with a wildcard.
pub(super) async fn check(directory: &Directory, config: &Config, report: &mut Report) {
    for rule in config.delegation.teachers.iter().filter(|rule| rule.names.teachers.is_wild()) {
        let place = ClassPlace { unit: rule.ou.as_deref(), attribute: &rule.attribute };
        match directory.all_class_groups(place, &rule.names).await {
            Ok(Some(groups)) => tell(rule, &rule.names.count(&groups), report),
            Ok(None) => report.problem(
                Id::GroupMissing,
                AREA,
                &format!("{} does not exist", rule.ou.as_deref().unwrap_or_default()),
                "correct `ou` under [[delegation.teachers]]: until then no teacher and no parent can act on others",
            ),
            Err(fault) => report.problem(Id::ControllerFailed, AREA, &fault.to_string(), "run the check again"),
        }
    }
}

fn tell(rule: &Teachers, count: &ClassCount, report: &mut Report) {
    let name = rule.names.teachers.to_string();
    if count.pairs == 0 && count.without_pupils.is_empty() && count.unclear.is_empty() {
        let attribute = &rule.attribute;
        return report.warning(
            Id::TeachersEmpty,
            AREA,
            &format!("no security group has the {attribute} {name:?}: this rule of [[delegation.teachers]] has no teachers"),
            "correct `teachers`, or check whether the service account may read these groups",
        );
    }
    let (summary, whole) = summary(count);
    if whole {
        return report.ok(AREA, &format!("{name}: {summary}"));
    }
    report.warning(
        Id::ClassesIncomplete,
        AREA,
        &format!("{name}: {summary}"),
        "a class is two security groups with the same text at each `*`; compare the examples with docs/delegation.md",
    );
}

/// The numbers, with examples, and whether every group belongs to a class.
fn summary(count: &ClassCount) -> (String, bool) {
    let plural = if count.pairs == 1 { "" } else { "s" };
    let mut text = format!("{} class pair{plural}", count.pairs);
    let kinds = [
        (&count.without_pupils, "without pupils"),
        (&count.without_teachers, "without teachers"),
        (&count.unclear, "ambiguous, or with the same value as another group"),
    ];
    for (names, kind) in kinds.into_iter().filter(|(names, _)| !names.is_empty()) {
        let examples: Vec<&str> = names.iter().take(EXAMPLES).map(String::as_str).collect();
        let more = if names.len() > EXAMPLES { ", …" } else { "" };
        text += &format!(", {} {kind} ({}{more})", names.len(), examples.join(", "));
    }
    (text, kinds.iter().all(|(names, _)| names.is_empty()))
}

#[cfg(test)]
mod tests {
    use crate::check::domain::classes::*;

    #[test]
    fn the_numbers_come_with_examples() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let count = ClassCount {
            pairs: 412,
            without_pupils: names(&["3A", "3B", "3C", "3D"]),
            without_teachers: names(&["4A", "4B"]),
            unclear: Vec::new(),
        };
        assert_eq!(summary(&count), ("412 class pairs, 4 without pupils (3A, 3B, 3C, …), 2 without teachers (4A, 4B)".to_owned(), false));
        assert_eq!(summary(&ClassCount { pairs: 1, ..ClassCount::default() }), ("1 class pair".to_owned(), true));
    }
}
