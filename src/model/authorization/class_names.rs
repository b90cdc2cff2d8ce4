//! Which group of pupils goes with a group of teachers, by the values of one attribute.
//!
//! Invariants:
//! - A value pairs with one other value or with none. If a name can be split in several ways, all of them have to lead to the same name, in
//!   both directions.
//! - Two groups with the same value pair with none: one of them may be a forgery.
//! - Values are compared character by character, without regard to case. AD compares more loosely, so its answer is compared again.

use std::collections::HashMap;

use crate::model::{
    ad::sid::Sid,
    authorization::{
        Group,
        group_pattern::{Pattern, folded},
    },
};

/// The names of the two groups of a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassNames {
    /// Groups of the teachers.
    pub teachers: Pattern,
    /// Groups of the pupils; each `*` stands for the same text as the one at its place in `teachers`.
    pub pupils: Pattern,
    /// Both groups have to be directly below the same unit.
    pub same_unit: bool,
}

/// A security group as AD has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassGroup {
    /// SID, and name for display.
    pub group: Group,
    /// Key of the unit that directly contains the group.
    pub unit: String,
    /// All values of the attribute.
    pub values: Vec<String>,
}

/// All groups of a rule, counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClassCount {
    /// Classes with both groups.
    pub pairs: usize,
    /// Names of teachers' groups without a group of pupils.
    pub without_pupils: Vec<String>,
    /// Names of pupils' groups without a group of teachers.
    pub without_teachers: Vec<String>,
    /// Names of groups that pair with none because their name is ambiguous, or because another group has the same value.
    pub unclear: Vec<String>,
}

/// The only group with a value.
enum Found<'a> {
    One(&'a ClassGroup),
    None,
    Several,
}

/// Groups by unit and value.
struct Index<'a>(HashMap<&'a str, HashMap<String, Vec<&'a ClassGroup>>>);

impl ClassNames {
    /// The value of the pupils' group that goes with a value of a teachers' group. `None`: none, or an ambiguous one.
    pub fn pupils_of(&self, teachers: &str) -> Option<String> {
        let pupils = counterpart(&self.teachers, &self.pupils, teachers)?;
        (counterpart(&self.pupils, &self.teachers, &pupils)? == folded(teachers)).then_some(pupils)
    }

    /// The pairs of the groups in `taught`, which the actor is a member of. `found` has every group with a value of the pairs, `taught`
    /// included.
    pub fn pairs(&self, taught: &[ClassGroup], found: &[ClassGroup]) -> Vec<(Sid, Group)> {
        let index = self.index(found);
        let pair = |group: &ClassGroup| match self.pupils_with(group, &index)? {
            Found::One(pupils) => Some((group.group.sid.clone(), pupils.group.clone())),
            Found::None | Found::Several => None,
        };
        taught.iter().filter_map(pair).collect()
    }

    /// Counts the pairs among all groups.
    pub fn count(&self, all: &[ClassGroup]) -> ClassCount {
        let index = self.index(all);
        let (mut count, mut paired) = (ClassCount::default(), Vec::new());
        let matches = |pattern: &Pattern, group: &ClassGroup| {
            group.values.iter().any(|value| pattern.splits(value).map_or(true, |splits| !splits.is_empty()))
        };
        for group in all.iter().filter(|group| matches(&self.teachers, group)) {
            match self.pupils_with(group, &index) {
                Some(Found::One(pupils)) => {
                    count.pairs += 1;
                    paired.push(&pupils.group.sid);
                }
                Some(Found::None) => count.without_pupils.push(group.group.name.clone()),
                Some(Found::Several) | None => count.unclear.push(group.group.name.clone()),
            }
        }
        let paired: std::collections::HashSet<_> = paired.into_iter().collect();
        for group in all.iter().filter(|group| matches(&self.pupils, group) && !matches(&self.teachers, group)) {
            if !paired.contains(&group.group.sid) {
                let unclear = !matches!(self.alone(group, &index), Some(Found::One(_)));
                let list = if unclear { &mut count.unclear } else { &mut count.without_teachers };
                list.push(group.group.name.clone());
            }
        }
        count
    }

    /// The pupils' group of a teachers' group. `None`: the name leads to none.
    fn pupils_with<'a>(&self, teachers: &ClassGroup, index: &Index<'a>) -> Option<Found<'a>> {
        let [value] = teachers.values.as_slice() else { return None };
        let pupils = self.pupils_of(value)?;
        Some(match self.alone(teachers, index)? {
            Found::None | Found::Several => Found::Several,
            Found::One(_) => match index.only(self.unit(teachers), &pupils) {
                Found::One(group) if group.group.sid == teachers.group.sid || group.values.len() != 1 => Found::Several,
                found @ (Found::One(_) | Found::None | Found::Several) => found,
            },
        })
    }

    /// The group itself, if no other one has its value. `None`: it has no value, or several.
    fn alone<'a>(&self, group: &ClassGroup, index: &Index<'a>) -> Option<Found<'a>> {
        let [value] = group.values.as_slice() else { return None };
        Some(index.only(self.unit(group), &folded(value)))
    }

    fn unit<'a>(&self, group: &'a ClassGroup) -> &'a str {
        if self.same_unit { &group.unit } else { "" }
    }

    fn index<'a>(&self, groups: &'a [ClassGroup]) -> Index<'a> {
        let mut index: HashMap<&str, HashMap<String, Vec<&ClassGroup>>> = HashMap::new();
        for group in groups {
            for value in &group.values {
                index.entry(self.unit(group)).or_default().entry(folded(value)).or_default().push(group);
            }
        }
        Index(index)
    }
}

impl<'a> Index<'a> {
    fn only(&self, unit: &str, value: &str) -> Found<'a> {
        match self.0.get(unit).and_then(|values| values.get(value)).map(Vec::as_slice) {
            Some([one]) => Found::One(one),
            None | Some([]) => Found::None,
            Some(_) => Found::Several,
        }
    }
}

/// The name in `to` that every split of the name by `from` leads to. `None`: there is no split, or they lead to several names.
fn counterpart(from: &Pattern, to: &Pattern, name: &str) -> Option<String> {
    let splits = from.splits(name).ok()?;
    let mut names = splits.iter().map(|gaps| to.filled(gaps));
    let first = names.next()??;
    names.all(|other| other.as_ref() == Some(&first)).then_some(first)
}

#[cfg(test)]
mod tests {
    use crate::model::authorization::class_names::*;

    fn names(teachers: &str, pupils: &str, same_unit: bool) -> ClassNames {
        let pattern = |text| Pattern::parse(text).expect("a pattern");
        ClassNames { teachers: pattern(teachers), pupils: pattern(pupils), same_unit }
    }

    fn os2() -> ClassNames {
        names("OS2_*_employees_*_*", "OS2_*_students_*_*", false)
    }

    /// A group whose SID ends in its place in the list.
    fn groups(list: &[(&str, &[&str])]) -> Vec<ClassGroup> {
        let group = |(at, (unit, values)): (usize, &(&str, &[&str]))| ClassGroup {
            group: Group { sid: Sid::parse(&format!("S-1-5-21-1-2-3-{}", 1000 + at)).expect("a SID"), name: values.join("+") },
            unit: (*unit).to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        list.iter().enumerate().map(group).collect()
    }

    /// Pairs of the first group, which the actor is a member of.
    fn paired(names: &ClassNames, list: &[(&str, &[&str])]) -> Vec<String> {
        let all = groups(list);
        names.pairs(&all[..1], &all).into_iter().map(|(_, pupils)| pupils.name).collect()
    }

    #[test]
    fn equal_texts_at_the_gaps_pair() {
        for (teachers, pupils) in [
            ("OS2_101_employees_2020_A", Some("os2_101_students_2020_a")),
            ("os2_101_EMPLOYEES_2020_a", Some("os2_101_students_2020_a")),
            // Ambiguous, but each way leads to the same name.
            ("OS2_101_employees_2020_A_B", Some("os2_101_students_2020_a_b")),
            ("OS2_1_employees_2_employees_3", Some("os2_1_students_2_employees_3")),
            ("OS2_101_students_2020_A", None),
            ("OS2_101_employees_2020_", None),
            ("OS2_ _employees_2020_A", None),
        ] {
            assert_eq!(os2().pupils_of(teachers).as_deref(), pupils, "{teachers}");
        }
    }

    /// Two groups of teachers would lead to one group of pupils, or one group of teachers to two.
    #[test]
    fn an_ambiguous_split_pairs_with_nothing() {
        let loose = names("Lær_*_x_*", "Elev_*_*", false);
        assert_eq!(loose.pupils_of("lær_1_x_2").as_deref(), Some("elev_1_2"));
        assert_eq!(loose.pupils_of("lær_1_2_x_3"), None, "lær_1_x_2_3 leads there too");
        assert_eq!(loose.pupils_of("lær_1_x_2_3"), None);
        let other = names("Lær_*_*", "Elev_*_x_*", false);
        assert_eq!(other.pupils_of("lær_1_2_3"), None, "elev_1_x_2_3 and elev_1_2_x_3");
        assert_eq!(os2().pupils_of(&format!("OS2_1_employees_{}", "_".repeat(200))), None);
    }

    #[test]
    fn a_group_in_another_unit_pairs_with_nothing() {
        let by_unit = names("*_*_medarbejdere", "*_*_elever", true);
        let (teachers, pupils) = (["3A_2020_medarbejdere"], ["3A_2020_elever"]);
        let (teachers, pupils): (&[&str], &[&str]) = (&teachers, &pupils);
        assert_eq!(paired(&by_unit, &[("nord", teachers), ("nord", pupils)]), ["3A_2020_elever"]);
        assert_eq!(paired(&by_unit, &[("nord", teachers), ("syd", pupils)]), Vec::<String>::new());
        // The same class at two schools, and a group of a person who may create groups at one of them.
        assert_eq!(paired(&by_unit, &[("nord", teachers), ("nord", pupils), ("syd", teachers), ("syd", pupils)]), ["3A_2020_elever"]);
    }

    #[test]
    fn two_groups_with_one_value_pair_with_nothing() {
        let page = names("os2_*_medarbejdere_*", "os2_*_elever_*", false);
        let (teachers, pupils): (&[&str], &[&str]) = (&["os2_1_medarbejdere_7"], &["os2_1_elever_7"]);
        assert_eq!(paired(&page, &[("a", teachers), ("b", pupils)]), ["os2_1_elever_7"]);
        let forged: &[&str] = &["OS2_1_Medarbejdere_7"];
        assert!(paired(&page, &[("a", forged), ("b", pupils), ("a", teachers)]).is_empty(), "a second group of teachers");
        assert!(paired(&page, &[("a", teachers), ("b", pupils), ("a", &["os2_1_ELEVER_7"])]).is_empty(), "a second group of pupils");
        assert!(paired(&page, &[("a", teachers), ("b", &["os2_1_elever_7", "x"])]).is_empty(), "a group with two values");
        assert!(paired(&page, &[("a", &["os2_1_medarbejdere_7", "os2_2_medarbejdere_8"]), ("b", pupils)]).is_empty());
        assert!(paired(&page, &[("a", &[]), ("b", pupils)]).is_empty());
        // Looks the same, and is another text: AD's comparison may call them equal.
        assert!(paired(&page, &[("a", &["os2_\u{e5}_medarbejdere_7"]), ("a", &["os2_a\u{30a}_elever_7"])]).is_empty());
        assert!(paired(&names("Skole *", "Skole *", false), &[("a", &["Skole 3A"])]).is_empty(), "a group is not its own class");
    }

    #[test]
    fn every_group_is_counted_once() {
        let by_unit = names("*_*_medarbejdere", "*_*_elever", true);
        let all = groups(&[
            ("nord", &["3A_2020_medarbejdere"]),
            ("nord", &["3A_2020_elever"]),
            ("nord", &["3B_2020_medarbejdere"]),
            ("syd", &["3B_2020_elever"]),
            ("syd", &["Alle"]),
            ("syd", &["4A_2020_medarbejdere", "4B_2020_medarbejdere"]),
        ]);
        let named = |name: &str| vec![name.to_owned()];
        let count = ClassCount {
            pairs: 1,
            without_pupils: named("3B_2020_medarbejdere"),
            without_teachers: named("3B_2020_elever"),
            unclear: named("4A_2020_medarbejdere+4B_2020_medarbejdere"),
        };
        assert_eq!(by_unit.count(&all), count);
    }
}
