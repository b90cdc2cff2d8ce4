//! The groups of teachers and pupils, found by the values of one attribute.
//!
//! Invariant: a person's request searches for named groups (SIDs) or for exact values, never for all groups of a pattern. Only the check
//! command reads them all.

use ldap3::{Scope, ldap_escape};

use crate::directory::{
    ControllerSession, Directory, DirectoryError,
    lookup::{
        escaped,
        groups::{any_of, security_group},
    },
    session::entry::LdapEntry,
};
use crate::model::{
    ad::{dn, sid::Sid},
    authorization::{
        Group,
        class_names::{ClassGroup, ClassNames},
        group_pattern::Pattern,
    },
};

/// Most groups that the check command reads.
const MOST: usize = 50_000;

/// Unit and attribute of the groups of one rule or several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClassPlace<'a> {
    /// Unit (DN) below which the groups are; `None` = everywhere.
    pub unit: Option<&'a str>,
    /// LDAP name of the attribute.
    pub attribute: &'a str,
}

impl ClassPlace<'_> {
    fn by_account_name(self) -> bool {
        self.attribute.eq_ignore_ascii_case("sAMAccountName")
    }

    /// Attributes to read.
    fn attributes(&self) -> [&str; 6] {
        ["objectSid", "groupType", "sAMAccountName", "objectGUID", "cn", self.attribute]
    }

    /// The group of an entry. `None` for a distribution group, which tokenGroups does not contain.
    fn group(self, entry: &LdapEntry) -> Option<ClassGroup> {
        let Group { sid, name } = security_group(entry)?;
        let unit = dn::parent(&entry.dn)?;
        let values = entry.all(self.attribute).iter().map(|value| String::from_utf8(value.clone()));
        let name = if self.by_account_name() {
            name
        } else {
            // Names of classes repeat between schools.
            format!("{} ({})", entry.text("cn").map_or(name, str::to_owned), unit.first_value())
        };
        Some(ClassGroup { group: Group { sid, name }, unit: unit.key(), values: values.collect::<Result<_, _>>().unwrap_or_default() })
    }

    fn like(self, pattern: &Pattern) -> Option<String> {
        let Pattern::Wild(texts) = pattern else { return None };
        let texts: Vec<_> = texts.iter().map(|text| ldap_escape(text.as_str())).collect();
        Some(format!("({}={})", self.attribute, texts.join("*")))
    }
}

impl Directory {
    /// Those of the given groups that are teachers' groups by a pattern. AD compares more loosely than [`ClassNames`], so there may be more.
    pub async fn teachers_groups(
        &self,
        pinned: &mut ControllerSession,
        place: ClassPlace<'_>,
        names: &[&ClassNames],
        sids: &[Sid],
    ) -> Result<Vec<ClassGroup>, DirectoryError> {
        let like: String = names.iter().filter_map(|names| place.like(&names.teachers)).collect();
        if like.is_empty() || sids.is_empty() {
            return Ok(Vec::new());
        }
        self.class_groups(pinned, place, &format!("(|{like}){}", any_of(sids))).await
    }

    /// All groups with the values of these teachers' groups and of their pupils' groups, with one search.
    pub async fn groups_of_classes(
        &self,
        pinned: &mut ControllerSession,
        place: ClassPlace<'_>,
        names: &[&ClassNames],
        taught: &[ClassGroup],
    ) -> Result<Vec<ClassGroup>, DirectoryError> {
        let mut values: Vec<String> = Vec::new();
        for value in taught.iter().flat_map(|group| &group.values) {
            for pupils in names.iter().filter_map(|names| names.pupils_of(value)) {
                values.extend([value.clone(), pupils]);
            }
        }
        values.sort();
        values.dedup();
        if values.is_empty() {
            return Ok(Vec::new());
        }
        let any: String = values.iter().map(|value| format!("({}={})", place.attribute, escaped(value.as_bytes()))).collect();
        self.class_groups(pinned, place, &format!("(|{any})")).await
    }

    /// All teachers' and pupils' groups of a rule, for the check command. `None`: the unit does not exist.
    pub async fn all_class_groups(&self, place: ClassPlace<'_>, names: &ClassNames) -> Result<Option<Vec<ClassGroup>>, DirectoryError> {
        let like: String = [&names.teachers, &names.pupils].into_iter().filter_map(|pattern| place.like(pattern)).collect();
        let filter = format!("(&(objectClass=group)(|{like}))");
        let base = place.unit.unwrap_or(&self.base_dn);
        let (filter, attributes) = (filter.as_str(), &place.attributes());
        let (found, mut pinned) =
            self.read(|mut pinned| async move {
                (pinned.connection().search_paged(base, Scope::Subtree, filter, attributes, MOST).await, pinned)
            })
            .await?;
        let there = !found.is_empty() || place.unit.is_none() || self.is_there(&mut pinned, base).await?;
        Ok(there.then(|| found.iter().filter_map(|entry| place.group(entry)).collect()))
    }

    async fn class_groups(
        &self,
        pinned: &mut ControllerSession,
        place: ClassPlace<'_>,
        filter: &str,
    ) -> Result<Vec<ClassGroup>, DirectoryError> {
        let filter = format!("(&(objectClass=group){filter})");
        let base = place.unit.unwrap_or(&self.base_dn);
        let found = pinned.connection().search(base, Scope::Subtree, &filter, place.attributes()).await?;
        let below = |entry: &&LdapEntry| place.unit.is_none_or(|unit| dn::is_under(&entry.dn, unit));
        let mut groups: Vec<ClassGroup> = found.iter().filter(below).filter_map(|entry| place.group(entry)).collect();
        groups.sort_by(|a, b| a.group.name.cmp(&b.group.name));
        Ok(groups)
    }
}
