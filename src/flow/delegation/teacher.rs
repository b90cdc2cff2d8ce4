//! Teachers and their classes, derived from the names of groups.
//!
//! Invariant: a rule with a wildcard that names a unit counts only groups below that unit. The right to create groups
//! elsewhere makes nobody a teacher.

use std::collections::{BTreeSet, HashMap};

use crate::{
    config::{Config, Teachers},
    directory::{ControllerSession, Directory},
    flow::FlowError,
    model::{
        account::Account,
        ad::sid::Sid,
        authorization::{ClassRule, Group, UnreadableRule, group_pattern::Pattern},
    },
};

/// The classes that the actor teaches. Costs two or three searches for each unit of a rule with a wildcard, none where
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
        if let (Pattern::Exact(teachers), Pattern::Exact(pupils)) = (&rule.teachers, &rule.pupils)
            && let (Some(teachers), Some(sid)) = (known.get(teachers), known.get(pupils))
            && sids.contains(teachers)
        {
            classes.push(ClassRule { teachers: teachers.clone(), pupils: Group { sid: sid.clone(), name: pupils.clone() } });
        }
    }
    for (unit, rules) in by_unit(rules) {
        let patterns: Vec<&Pattern> = rules.iter().map(|rule| &rule.teachers).collect();
        let mut taught: Vec<(String, Sid)> = Vec::new();
        for group in directory.groups_like(pinned, unit, &patterns, sids).await? {
            let fillings = rules.iter().filter_map(|rule| rule.pupils.filled(&rule.teachers.filling(&group.name)?));
            taught.extend(fillings.map(|pupils| (pupils, group.sid.clone())));
        }
        let names: Vec<&str> = taught.iter().map(|(pupils, _)| pupils.as_str()).collect();
        let mut pupils = directory.group_sids(pinned, &names).await?;
        if let Some(unit) = unit {
            let below = directory.groups_below(pinned, unit, &pupils.values().cloned().collect::<Vec<_>>()).await?;
            pupils.retain(|_, sid| below.iter().any(|group| group.sid == *sid));
        }
        classes.extend(taught.iter().filter_map(|(name, teachers)| {
            let pupils = Group { sid: pupils.get(name)?.clone(), name: name.clone() };
            Some(ClassRule { teachers: teachers.clone(), pupils })
        }));
    }
    Ok(classes)
}

/// Whether the account is in a teachers' group of any rule. Costs one search for each unit of a rule with a wildcard.
/// `UnreadableRule` where a named group, or a unit of such a rule, does not exist: the account may then be a teacher's.
pub(crate) async fn teaches(
    config: &Config,
    directory: &Directory,
    pinned: &mut ControllerSession,
    account: &Account,
) -> Result<Result<bool, UnreadableRule>, FlowError> {
    let rules = &config.delegation.teachers;
    let exact: Vec<&str> = rules.iter().filter_map(|rule| rule.teachers.exact().map(String::as_str)).collect();
    let known = directory.group_sids(pinned, &exact).await?;
    if known.values().any(|sid| account.groups.contains(sid)) {
        return Ok(Ok(true));
    }
    let mut unreadable = missing(&exact, &known);
    for (unit, rules) in by_unit(rules) {
        let patterns: Vec<&Pattern> = rules.iter().map(|rule| &rule.teachers).collect();
        if !directory.groups_like(pinned, unit, &patterns, &account.groups).await?.is_empty() {
            return Ok(Ok(true));
        }
        if let Some(unit) = unit
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

/// The rules with a wildcard, grouped by unit.
fn by_unit(rules: &[Teachers]) -> impl Iterator<Item = (Option<&str>, Vec<&Teachers>)> {
    let wild: Vec<&Teachers> = rules.iter().filter(|rule| rule.teachers.is_wild()).collect();
    let units: BTreeSet<Option<&str>> = wild.iter().map(|rule| rule.ou.as_deref()).collect();
    units.into_iter().map(move |unit| (unit, wild.iter().copied().filter(|rule| rule.ou.as_deref() == unit).collect()))
}
