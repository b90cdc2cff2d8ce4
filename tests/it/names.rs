//! One type name has one meaning: no two types of production code share a name.

use std::{collections::BTreeMap, fs, path::Path};

use crate::layers::sources;

/// Names with the same meaning everywhere: the raw form of a section of the configuration, and associated types of a library's trait.
const SHARED: [&str; 5] = ["Raw", "Error", "Rejection", "Value", "Item"];

#[test]
fn no_type_name_stands_for_two_types() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in files {
        let inside = file.strip_prefix(&src).expect("below src").to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).expect("text");
        let production = text.split("mod tests {").next().unwrap_or_default();
        if inside.contains("tests") || inside.contains("samples") || inside.contains("script_agrees") {
            continue;
        }
        for line in production.lines().filter(|line| !line.starts_with("        ")) {
            let mut words = line.split_whitespace().filter(|word| !word.starts_with("pub"));
            if let (Some("struct" | "enum" | "trait" | "type"), Some(name)) = (words.next(), words.next()) {
                let name: String = name.chars().take_while(|c| c.is_alphanumeric()).collect();
                names.entry(name).or_default().push(inside.clone());
            }
        }
    }
    assert!(names.len() > 300, "the types were found: {}", names.len());
    let doubled: Vec<_> = names.into_iter().filter(|(name, places)| places.len() > 1 && !SHARED.contains(&name.as_str())).collect();
    assert!(doubled.is_empty(), "{doubled:#?}");
}
