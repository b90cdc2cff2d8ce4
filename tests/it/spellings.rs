//! Equivalent spellings of DNs in the configuration and of login names.

use std::path::Path;

use os2nykode::{
    check::{self, FindingLevel, Options},
    clock::ShiftedClock,
    config,
    directory::{Directory, LoginMatch},
    model::account::name::LoginName,
};

use crate::{
    environment::{environment, unique},
    people::{Admin, PASSWORD, Person},
    service::{Service, Setup},
};

/// A unit whose name has a comma and two-byte letters, and a person in it.
async fn person_in_a_unit_with_a_comma() -> (String, Person) {
    let mut admin = Admin::new().await;
    let name = unique("Ø");
    admin.unit(&format!(r"Skole\, {name}")).await;
    let person = admin.person().await;
    let unit = format!(r"OU=Skole\, {name},{}", environment().fact("PEOPLE_OU"));
    admin.rename(&person.dn, &person.sam, Some(&unit)).await;
    (name, person)
}

fn with_search_base(dir: &Path, base: &str) -> config::Config {
    let setup = Setup::default();
    let ordinary = format!("search_bases = [\"{}\"]", environment().fact("PEOPLE_OU"));
    let text = setup.text(dir, "127.0.0.1:0").replace(&ordinary, &format!("search_bases = ['{base}']"));
    assert!(text.contains(base));
    let path = dir.join("config.toml");
    crate::service::write_private(&path, text).expect("written");
    config::load(&path, std::iter::empty()).unwrap_or_else(|problems| panic!("{problems}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_base_serves_its_people_however_it_is_spelled() {
    let (name, person) = person_in_a_unit_with_a_comma().await;
    let (ou, domain) = (environment().fact("PEOPLE_OU"), environment().fact("BASE_DN"));
    let rest = name.strip_prefix('Ø').expect("begins with it");
    let login = LoginName::parse(&person.sam).expect("a name");
    for base in [
        format!(r"OU=Skole\, {name},{ou}"),
        format!(r"OU=Skole\2C {name},{ou}"),
        format!(r"OU=Skole\2c\20{name},{ou}"),
        format!(r"OU=Skole\, \C3\98{rest},{ou}"),
        format!(r"OU=Skole\, \c3\98{rest},{ou}"),
        format!(r#"OU="Skole, {name}",{ou}"#),
        format!(r"ou=SKOLE\, {name} , {}", ou.to_lowercase()),
        format!(r"2.5.4.11=Skole\, {name};{}", ou.replace(',', ";")),
        ou.replace("OU=Kommune", "OU=#0C074B6F6D6D756E65"),
        domain.replace("DC=", "dc = "),
    ] {
        let dir = tempfile::tempdir().expect("a folder");
        let config = with_search_base(dir.path(), &base);
        let directory = Directory::new(&config.directory).expect("a directory");
        match directory.find(&login).await.unwrap_or_else(|fault| panic!("{base}: {fault}")) {
            LoginMatch::Account(account, _) => assert_eq!(account.sam, person.sam, "{base}"),
            LoginMatch::Nobody(_) => panic!("{base} serves nobody"),
        }
    }
    let dir = tempfile::tempdir().expect("a folder");
    let elsewhere = with_search_base(dir.path(), &format!(r"OU=Skole {name},{ou}"));
    let directory = Directory::new(&elsewhere.directory).expect("a directory");
    assert!(matches!(directory.find(&login).await, Ok(LoginMatch::Nobody(_))), "another unit's people are not served");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_found_by_its_dn_however_it_is_spelled() {
    let mut admin = Admin::new().await;
    let name = unique("Ørne");
    let dn = admin.group(&name).await;
    let dir = tempfile::tempdir().expect("a folder");
    let config = Setup::default().config(dir.path());
    let directory = Directory::new(&config.directory).expect("a directory");
    let (by_name, _) = directory.find_group(&name).await.expect("found");
    let rest = name.strip_prefix('Ø').expect("begins with it");
    let hex: String = name.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    for spelling in [
        dn.clone(),
        dn.to_uppercase(),
        dn.replace(&name, &format!(r"\C3\98{rest}")),
        dn.replace(&name, &hex),
        dn.replace(&name, &format!("\"{name}\"")),
        dn.replace(',', " ; "),
    ] {
        let (sid, _) = directory.find_group(&spelling).await.unwrap_or_else(|fault| panic!("{spelling}: {fault}"));
        assert_eq!(sid, by_name, "{spelling}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_a_unit_that_is_not_there_with_its_key() {
    let dir = tempfile::tempdir().expect("a folder");
    let domain = environment().fact("BASE_DN");
    let more = format!(
        "[delegation.circles]\nou = \"OU=Ingen kredse,{domain}\"\nadmins = \"Kodeordsadministratorer\"\n\
         [[delegation.helpdesk]]\nid = \"desk\"\nname = {{ da = \"Desk\", en = \"Desk\" }}\ngroup = \"Servicedesk\"\nunits = [\"OU=Ingen skole,{domain}\"]\n"
    );
    let text = format!("{}{more}", Setup::default().text(dir.path(), "127.0.0.1:0"));
    let path = dir.path().join("config.toml");
    crate::service::write_private(&path, text).expect("written");
    let config = config::load(&path, std::iter::empty()).unwrap_or_else(|problems| panic!("{problems}"));
    let report = check::run(&config, &Options::default(), &ShiftedClock::default()).await;
    for (unit, key) in [("OU=Ingen kredse", "delegation.circles.ou"), ("OU=Ingen skole", "delegation.helpdesk.units")] {
        let told = report.findings.iter().any(|f| f.level == FindingLevel::Problem && f.what.contains(unit) && f.advice.contains(key));
        assert!(told, "{unit} is named: {report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_logs_in_with_every_name_that_windows_takes() {
    let mut admin = Admin::new().await;
    let person = admin.person().await;
    let service = Service::start().await;
    for name in [
        person.sam.clone(),
        person.sam.to_uppercase(),
        format!(r"KOMMUNE\{}", person.sam),
        format!(r"kommune.test\{}", person.sam),
        format!("{}@kommune.test", person.sam),
        format!("{}@KOMMUNE", person.sam),
        format!("{}@skole.test", person.sam), // an alternative UPN suffix of the forest
        format!("\u{200B}{}\u{FEFF}", person.sam),
        format!("\u{202A}{}@kommune.test\u{202C}\u{A0}", person.sam),
        format!("  {}\t", person.sam),
    ] {
        let page = service.visitor().logged_in(&name, PASSWORD).await;
        assert!(page.text.contains("Testa Prøvesen"), "{name:?}");
    }
    for name in [format!("{}@andre.test", person.sam), format!(r"ANDRE\{}", person.sam), format!(r"skole.test\{}", person.sam)] {
        let page = service.visitor().log_in(&name, PASSWORD).await;
        assert_eq!(page.status, 422, "{name:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_explicit_upn_comes_before_an_account_name_with_the_same_suffix() {
    let mut admin = Admin::new().await;
    let (one, other) = (admin.person_named(&unique("n"), "Den", "Ene").await, admin.person_named(&unique("n"), "Den", "Anden").await);
    admin.replace(&other.dn, "userPrincipalName", &format!("{}@skole.test", one.sam)).await;
    let service = Service::start().await;
    let page = service.visitor().logged_in(&format!("{}@skole.test", one.sam), PASSWORD).await;
    assert!(page.text.contains("Den Anden") && !page.text.contains("Den Ene"), "{}", page.text);
}
