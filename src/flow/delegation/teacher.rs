//! Teachers and their classes, derived from the names of groups.
//!
//! Invariant: a rule with a wildcard that names a unit counts only groups below that unit. The right to create groups
//! elsewhere makes no teacher. [`ClassNames`] decides which groups are a class.

use std::collections::{BTreeMap, HashMap};

use crate::{
    config::{Config, Teachers},
    directory::{ClassPlace, ControllerSession, Directory},
    flow::FlowError,
    model::{
        account::Account,
        ad::sid::Sid,
        authorization::{ClassRule, Group, UnreadableRule, class_names::ClassNames, group_pattern::Pattern},
    },
};

/// The classes that the actor teaches. Costs two searches for each unit and attribute of a rule with a wildcard, none where
/// no rule has one.
pub(crate) async fn classes(
    rules: &[Teachers],
    directory: &Directory,
    pinned: &mut ControllerSession,
    known: &HashMap<String, Sid>,
    sids: &[Sid],
) -> Result<Vec<ClassRule>, FlowError> {
    let mut classes = Vec::new();
    for rule in rules {
        if let (Pattern::Exact(teachers), Pattern::Exact(pupils)) = (&rule.names.teachers, &rule.names.pupils)
            && let (Some(teachers), Some(sid)) = (known.get(teachers), known.get(pupils))
            && sids.contains(teachers)
        {
            classes.push(ClassRule { teachers: teachers.clone(), pupils: Group { sid: sid.clone(), name: pupils.clone() } });
        }
    }
    for (place, names) in by_place(rules) {
        let taught = directory.teachers_groups(pinned, place, &names, sids).await?;
        let found = directory.groups_of_classes(pinned, place, &names, &taught).await?;
        let pairs = names.iter().flat_map(|names| names.pairs(&taught, &found));
        classes.extend(pairs.map(|(teachers, pupils)| ClassRule { teachers, pupils }));
    }
    Ok(classes)
}

/// Whether the account is in a teachers' group of any rule. Costs one search for each unit and attribute of a rule with a wildcard.
/// `UnreadableRule` where a named group, or a unit of such a rule, does not exist: the account may then be a teacher's.
pub(crate) async fn teaches(
    config: &Config,
    directory: &Directory,
    pinned: &mut ControllerSession,
    account: &Account,
) -> Result<Result<bool, UnreadableRule>, FlowError> {
    let rules = &config.delegation.teachers;
    let exact: Vec<&str> = rules.iter().filter_map(|rule| rule.names.teachers.exact().map(String::as_str)).collect();
    let known = directory.group_sids(pinned, &exact).await?;
    if known.values().any(|sid| account.groups.contains(sid)) {
        return Ok(Ok(true));
    }
    let mut unreadable = missing(&exact, &known);
    for (place, names) in by_place(rules) {
        if !directory.teachers_groups(pinned, place, &names, &account.groups).await?.is_empty() {
            return Ok(Ok(true));
        }
        if let Some(unit) = place.unit
            && !directory.is_there(pinned, unit).await?
        {
            tracing::error!(unit, "unit of [[delegation.teachers]] not found; no teacher and no parent may act; run `os2nykode check`");
            unreadable = true;
        }
    }
    Ok(if unreadable { Err(UnreadableRule) } else { Ok(false) })
}

fn missing(names: &[&str], known: &HashMap<String, Sid>) -> bool {
    let missing: Vec<&str> = names.iter().copied().filter(|name| !known.contains_key(*name)).collect();
    for group in &missing {
        tracing::error!(group, "group of [[delegation.teachers]] not found; no teacher and no parent may act; run `os2nykode check`");
    }
    !missing.is_empty()
}

/// The rules with a wildcard, grouped by unit and attribute.
fn by_place(rules: &[Teachers]) -> BTreeMap<ClassPlace<'_>, Vec<&ClassNames>> {
    let mut places: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for rule in rules.iter().filter(|rule| rule.names.teachers.is_wild()) {
        let place = ClassPlace { unit: rule.ou.as_deref(), attribute: &rule.attribute };
        places.entry(place).or_default().push(&rule.names);
    }
    places
}
