//! Reads `key: value` and `key=value` lines: Docker Compose's environment blocks, environment files, Java properties.

/// One setting of the file.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Setting {
    /// As in the file.
    pub key: String,
    /// Lower-case letters and digits of the key: Spring takes `ldap.field.ssn`, `LDAP_FIELD_SSN` and others for one key.
    pub name: String,
    /// Without quotes and surrounding blanks; may be empty.
    pub value: String,
}

/// All settings of a file. The last of two with one name counts, as in the original.
pub(super) struct Settings(Vec<Setting>);

impl Settings {
    pub(super) fn read(text: &str) -> Self {
        let compose = text.lines().any(|line| line.trim_end() == "services:");
        let mut block: Option<usize> = None; // indentation of `environment:`
        let mut read: Vec<Setting> = Vec::new();
        for line in text.lines() {
            let (bare, indent) = (line.trim(), line.len() - line.trim_start().len());
            if bare.is_empty() || bare.starts_with('#') || bare.starts_with('!') {
                continue;
            }
            if compose {
                if bare == "environment:" {
                    block = Some(indent);
                    continue;
                }
                let inside = block.is_some_and(|start| indent > start || (indent == start && bare.starts_with("- ")));
                if !inside {
                    block = None;
                    continue;
                }
            }
            if let Some(setting) = setting(bare, compose) {
                read.retain(|earlier| earlier.name != setting.name);
                read.push(setting);
            }
        }
        Self(read)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Setting> {
        self.0.iter()
    }

    /// The value of a key, if it is not empty.
    pub(super) fn value(&self, key: &str) -> Option<&str> {
        let wanted = name(key);
        self.0.iter().find(|setting| setting.name == wanted).map(|setting| setting.value.as_str()).filter(|value| !value.is_empty())
    }

    pub(super) fn is_true(&self, key: &str) -> bool {
        self.value(key).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// Indices of `password.policies[i]`, in order.
    pub(super) fn policies(&self) -> Vec<u32> {
        let mut found: Vec<u32> = self.0.iter().filter_map(|setting| policy(&setting.name)).map(|(index, _)| index).collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// Index and rule of a group's policy.
pub(super) fn policy(name: &str) -> Option<(u32, &str)> {
    let rest = name.strip_prefix("passwordpolicies")?;
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    Some((rest[..digits].parse().ok()?, &rest[digits..]))
}

pub(super) fn name(key: &str) -> String {
    key.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// A value that Docker Compose takes from another place or rewrites: `${NAME}`, `$NAME`, `$$`.
pub(super) fn is_reference(value: &str) -> bool {
    let rewritten = value.contains("${") || value.contains("$$");
    rewritten || value.strip_prefix('$').is_some_and(|rest| rest.starts_with(|c: char| c == '{' || c.is_ascii_alphabetic()))
}

fn setting(line: &str, compose: bool) -> Option<Setting> {
    let line = line.strip_prefix("- ").map_or(line, str::trim);
    let line = if compose { unquoted(line).unwrap_or(line) } else { line }; // - "key=value"
    let is_key = |key: &str| !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "._:-[]".contains(c));
    let parts = |separator: &'static str| {
        let (key, value) = line.split_once(separator)?;
        Some((unquoted(key.trim()).unwrap_or(key.trim()), value.trim(), separator))
    };
    let (key, value, separator) = [": ", "="].into_iter().filter_map(parts).find(|(key, _, _)| is_key(key)).or_else(|| {
        line.strip_suffix(':').filter(|key| is_key(key)).map(|key| (key, "", ":")) // an empty value
    })?;
    // In YAML a comment may follow; in properties # is a part of the value.
    let end = if compose || separator != "=" { value.find(" #").unwrap_or(value.len()) } else { value.len() };
    let value = unquoted(value).unwrap_or_else(|| value[..end].trim_end());
    Some(Setting { key: key.to_owned(), name: name(key), value: value.trim().to_owned() })
}

/// The text within quotes. `None`: it has none.
fn unquoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|c| ['"', '\''].contains(c))?;
    text[1..].split_once(quote).filter(|(_, rest)| rest.is_empty() || rest.trim_start().starts_with('#')).map(|(inside, _)| inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        Settings::read(text).0.into_iter().map(|setting| (setting.name, setting.value)).collect()
    }

    #[test]
    fn each_way_of_writing_a_setting_is_read() {
        let ssn = |value: &str| vec![("ldapfieldssn".to_owned(), value.to_owned())];
        for line in [
            "ldap.field.ssn=employeeID",
            "ldap.field.ssn = employeeID",
            "LDAP_FIELD_SSN=employeeID",
            "LDAP_FIELD_SSN=\"employeeID\"",
            "ldap.field.ssn: employeeID",
            "\u{20}ldap.field.ssn: 'employeeID'   # the attribute",
            "# a comment\nldap.field.ssn=other\nldap.field.ssn=employeeID",
        ] {
            assert_eq!(read(line), ssn("employeeID"), "{line}");
        }
        assert_eq!(read("ldap.field.ssn=employee #1"), ssn("employee #1"));
        assert_eq!(read("ldap.field.ssn: employee #1"), ssn("employee"));
        assert_eq!(read("ldap.field.ssn="), ssn(""));
        assert_eq!(read("ldap.field.ssn: \"\""), ssn(""));
        assert_eq!(read("ldap.field.ssn:"), ssn(""));
        assert_eq!(read("no setting"), []);
    }

    #[test]
    fn only_environment_blocks_of_a_compose_file_are_read() {
        let map = "services:\n  os2nykode:\n    image: os2nykode/os2nykode\n    environment:\n      ldap.base: \"dc=a,dc=b \"\n    ports:\n      - 9500:9500\n";
        assert_eq!(read(map), [("ldapbase".to_owned(), "dc=a,dc=b".to_owned())]);
        let list =
            "services:\n  os2nykode:\n    environment:\n    - \"ldap.base=dc=a,dc=b\"\n    - ldap.password=a=b: c\n    restart: always\n";
        let expected = [("ldapbase", "dc=a,dc=b"), ("ldappassword", "a=b: c")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(read(list), expected);
        assert!(
            is_reference("${LDAP_PASSWORD}")
                && is_reference("$PASSWORD")
                && is_reference("a$$b")
                && !is_reference("$1hemmelig")
                && !is_reference("hemmelig$")
        );
    }

    #[test]
    fn policies_are_found_by_their_index() {
        let settings =
            Settings::read("password.policies[10].minLength=1\nPASSWORD_POLICIES_2_MINLENGTH=1\npassword.policies[2].groupName=x\n");
        assert_eq!(settings.policies(), [2, 10]);
        assert_eq!(policy("passwordpolicies2minlength"), Some((2, "minlength")));
    }
}
