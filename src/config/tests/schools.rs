//! `[[delegation.teachers]]`, and the sections of config/schools.

use super::*;

fn told(section: &str) -> String {
    Case::new().load(&format!("{MINIMAL}\n{section}"), &[]).map(|_| ()).expect_err(section).to_string()
}

#[test]
fn every_section_of_config_schools_can_be_pasted() {
    let folder = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/config/schools")).expect("sections");
    let mut names: Vec<String> = Vec::new();
    for path in folder.map(|entry| entry.expect("a file").path()) {
        let text = fs::read_to_string(&path).expect("text");
        let config = Case::new().load(&format!("{MINIMAL}\n{text}"), &[]).unwrap_or_else(|p| panic!("{}: {p}", path.display()));
        if let [rule] = config.delegation.teachers.as_slice() {
            let (teachers, pupils) = match path.file_stem().and_then(|name| name.to_str()) {
                Some("os2skoledata") => ("3A_2020_medarbejdere", "3a_2020_elever"),
                Some("os2skoledata-account-name") => ("OS2_101001_employees_2020_A", "os2_101001_students_2020_a"),
                Some("os2skoledata-homepage") => {
                    ("os2skoledata_institution_101001_medarbejdere_klasse_77", "os2skoledata_institution_101001_elever_klasse_77")
                }
                other => panic!("{other:?}"),
            };
            assert_eq!(rule.names.pupils_of(teachers).as_deref(), Some(pupils), "{}", path.display());
            assert_eq!(rule.names.same_unit, rule.attribute != "sAMAccountName");
            assert!(rule.ou.is_some(), "groups elsewhere are nobody's class");
        }
        names.extend(path.file_name().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    assert_eq!(names, SECTIONS);
}

const SECTIONS: [&str; 3] = ["os2skoledata-account-name.toml", "os2skoledata-homepage.toml", "os2skoledata.toml"];

#[test]
fn a_rule_for_classes_that_can_not_be_right_is_refused() {
    let rule = |teachers: &str, pupils: &str, more: &str| {
        format!("[[delegation.teachers]]\nteachers = \"{teachers}\"\npupils = \"{pupils}\"\n{more}\n")
    };
    let ou = "ou = \"OU=Skoler,DC=kommune,DC=dk\"\n";
    for (section, what) in [
        (rule("Lærere *", "Elever", ""), "the same number of `*`"),
        (rule("OS2_*_employees_*", "OS2_*", ""), "the same number of `*`"),
        (rule("Lærere **", "Elever **", ""), "text between each two"),
        (rule("x*a*b*c*d*e", "x*a*b*c*d*e", ou), "at most four"),
        (rule("ab*", "Elever *", ""), "at least 3 characters"),
        (rule("*_medarbejdere", "*_elever", ""), "at least 3 characters"),
        (rule("*_x", "*_elever", ou), "at least 3 characters"),
        (rule("  *", "Elever *", ou), "at least 3 characters"),
        (rule("*_medarbejdere", "*_elever", "attribute = \"cn\""), "`attribute` needs `ou`"),
        (rule("Lærere *", "Elever *", "attribute = \"wWWHomePage\""), "`attribute` needs `ou`"),
        (rule("Lærere *", "Elever *", &format!("{ou}attribute = \"CN\"\nsame_unit = false")), "can't be false with the attribute cn"),
        (rule("Lærere *", "Elever *", &format!("{ou}attribute = \"cn)(cn=*\"")), "the LDAP name of an AD attribute"),
        (rule("Lærere", "Elever", ou), "for names with a `*` only"),
        (rule("Lærere", "Elever", "attribute = \"cn\""), "for names with a `*` only"),
        (rule("Lærere", "Elever", "same_unit = true"), "for names with a `*` only"),
        (rule("Lærere *", "Elever *", "ou = \"Skoler\""), "delegation.teachers \"Lærere *\".ou"),
    ] {
        let told = told(&section);
        assert!(told.contains(what), "{section}: {told}");
    }
    for right in [
        rule("*_medarbejdere", "*_elever", &format!("{ou}attribute = \"cn\"")),
        rule("Lærere *", "Elever *", "same_unit = true"),
        rule("Lærere", "Elever", ""),
    ] {
        Case::new().load(&format!("{MINIMAL}\n{right}"), &[]).unwrap_or_else(|p| panic!("{right}: {p}"));
    }
}
