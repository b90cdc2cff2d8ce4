//! Who teaches whom, by the names of groups.
//!
//! Invariant: a rule with a gap counts only groups below its unit, where it has one: whoever may make groups elsewhere makes no class.

use std::collections::{BTreeSet, HashMap};

use crate::{
    config::{Config, Teachers},
    directory::{Directory, Pinned},
    flow::Fault,
    model::{
        account::Account,
        authority::{Class, Group},
        group_pattern::Pattern,
        sid::Sid,
    },
};

/// The classes that the actor teaches: two or three searches for each unit of a rule with a gap, none where no rule has one.
pub(super) async fn classes(
    rules: &[Teachers],
    directory: &Directory,
    pinned: &mut Pinned,
    known: &HashMap<String, Sid>,
    sids: &[Sid],
) -> Result<Vec<Class>, Fault> {
    let mut classes = Vec::new();
    for rule in rules {
        if let (Pattern::Exact(teachers), Pattern::Exact(pupils)) = (&rule.teachers, &rule.pupils)
            && let (Some(teachers), Some(sid)) = (known.get(teachers), known.get(pupils))
            && sids.contains(teachers)
        {
            classes.push(Class { teachers: teachers.clone(), pupils: Group { sid: sid.clone(), name: pupils.clone() } });
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
            Some(Class { teachers: teachers.clone(), pupils })
        }));
    }
    Ok(classes)
}

/// Is it in a teachers' group of any rule? One search for each unit of a rule with a gap.
pub(super) async fn teaches(config: &Config, directory: &Directory, pinned: &mut Pinned, account: &Account) -> Result<bool, Fault> {
    let rules = &config.authority.teachers;
    let exact = rules.iter().filter_map(|rule| match &rule.teachers {
        Pattern::Exact(name) => Some(name.as_str()),
        Pattern::Wild { .. } => None,
    });
    let known = directory.group_sids(pinned, &exact.collect::<Vec<_>>()).await?;
    let sids: Vec<Sid> = known.into_values().collect();
    if account.is_in_any(&sids) {
        return Ok(true);
    }
    for (unit, rules) in by_unit(rules) {
        let patterns: Vec<&Pattern> = rules.iter().map(|rule| &rule.teachers).collect();
        if !directory.groups_like(pinned, unit, &patterns, &account.groups).await?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The rules with a gap, by their unit.
fn by_unit(rules: &[Teachers]) -> impl Iterator<Item = (Option<&str>, Vec<&Teachers>)> {
    let wild: Vec<&Teachers> = rules.iter().filter(|rule| rule.teachers.is_wild()).collect();
    let units: BTreeSet<Option<&str>> = wild.iter().map(|rule| rule.ou.as_deref()).collect();
    units.into_iter().map(move |unit| (unit, wild.iter().copied().filter(|rule| rule.ou.as_deref() == unit).collect()))
}
