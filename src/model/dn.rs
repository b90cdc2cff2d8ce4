//! Distinguished names, as far as "is this below that" needs them (RFC 4514).

/// Is `dn` the object `base` or below it? Blanks around separators and case do not matter; escaped separators are part of a value.
pub fn is_under(dn: &str, base: &str) -> bool {
    let (dn, base) = (parts(dn), parts(base));
    !base.is_empty() && dn.len() >= base.len() && dn.iter().rev().zip(base.iter().rev()).all(|(a, b)| a == b)
}

/// The value of the first part, such as the common name, as people read it: escapes of single characters are undone.
pub fn common_name(dn: &str) -> String {
    let value = dn.split_once('=').map_or("", |(_, rest)| rest);
    let mut name = String::new();
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => name.extend(chars.next()),
            ',' => break,
            _ => name.push(c),
        }
    }
    name
}

/// The DNS name of a domain from its DN: `DC=kommune,DC=test` is `kommune.test`.
pub fn dns_name(dn: &str) -> String {
    let names: Vec<_> = parts(dn).into_iter().filter_map(|part| Some(part.strip_prefix("dc=")?.to_owned())).collect();
    names.join(".")
}

fn parts(dn: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut chars = dn.chars();
    while let Some(c) = chars.next() {
        let part = parts.last_mut().expect("there is always one part");
        match c {
            '\\' => {
                part.push(c);
                part.extend(chars.next().into_iter().flat_map(char::to_lowercase));
            }
            ',' => parts.push(String::new()),
            _ => part.extend(c.to_lowercase()),
        }
    }
    let tidy = |part: String| match part.split_once('=') {
        Some((name, value)) => format!("{}={}", name.trim(), value.trim()),
        None => part.trim().to_owned(),
    };
    parts.into_iter().map(tidy).filter(|p| !p.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::{common_name, dns_name, is_under};

    #[test]
    fn only_whole_parts_count() {
        let base = "OU=Ansatte, dc=Kommune,DC=test";
        assert!(is_under("CN=Anna,OU=Ansatte,DC=kommune,DC=test", base));
        assert!(is_under("OU=ansatte,DC=kommune,DC=test", base));
        assert!(!is_under("CN=Anna,OU=IkkeAnsatte,DC=kommune,DC=test", base));
        assert!(!is_under("DC=kommune,DC=test", base));
        assert!(!is_under("CN=Anna,OU=Ansatte,DC=kommune,DC=test", ""));
    }

    #[test]
    fn a_domain_has_a_dns_name() {
        assert_eq!(dns_name("DC=Kommune, dc=test"), "kommune.test");
        assert_eq!(dns_name("OU=Skole,DC=kommune,DC=test"), "kommune.test");
    }

    #[test]
    fn an_escaped_comma_does_not_make_a_part() {
        assert!(!is_under(r"CN=x\,OU=Ansatte\,DC=test,OU=Andre,DC=test", "OU=Ansatte,DC=test"));
        assert!(is_under(r"CN=Ærø\, Søren \+ Co,OU=Ansatte,DC=test", "OU=Ansatte,DC=test"));
    }

    #[test]
    fn the_common_name_ends_at_the_first_separator() {
        assert_eq!(common_name(r#"CN=Ærø\, Søren \"Pølse\" \+ Co,OU=Ansatte,DC=test"#), r#"Ærø, Søren "Pølse" + Co"#);
        assert_eq!(common_name("CN=Anna"), "Anna");
        assert_eq!(common_name(""), "");
    }
}
