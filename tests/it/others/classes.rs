//! Class groups in OS2skoledata's naming, and forged groups of people who want a teacher's authority.

use os2nykode::model::{authorization::Denial, refusal::Refusal};

use super::*;
use crate::proxy::Proxy;

const NOBODYS: SetOutcome = SetOutcome::Refused(Refusal::Denied(Denial::NoRelation));

/// Two schools, and a town whose rule is a section of config/schools.
struct Schools {
    town: Town,
    nord: String,
    syd: String,
}

impl Schools {
    async fn new(section: &str, service: Setup) -> Self {
        let name = unique("skoler");
        let mut admin = Admin::new().await;
        let ou = admin.unit(&name).await;
        let below = |school: &str| format!("{school},OU={name}");
        let (nord, syd) = (admin.unit(&below("Nord")).await, admin.unit(&below("Syd")).await);
        let path = format!("{}/config/schools/{section}.toml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).expect("the section").replace("OU=Skoler,DC=kommune,DC=dk", &ou);
        Self { town: Town::with(&text, service).await, nord, syd }
    }

    /// A person in a new group with this CN.
    async fn in_group(&self, cn: &str, unit: &str) -> (Person, String) {
        let mut admin = Admin::new().await;
        let group = group(&mut admin, cn, unit).await;
        (self.town.person(&[&group]).await, group)
    }

    async fn sets(&self, teacher: &Person, pupil: &Person) -> SetOutcome {
        self.town.set(&self.town.login(teacher), guid(pupil).await, NEW).await
    }

    async fn check(&self) -> Vec<String> {
        let dir = tempfile::tempdir().expect("a folder");
        let config = Setup { more: setup(&self.town.text).more, ..Setup::default() }.config(dir.path());
        let report = os2nykode::check::run(&config, &os2nykode::check::Options::default(), &os2nykode::clock::SystemClock).await;
        report.findings.iter().filter(|finding| finding.what.contains("class pair")).map(|finding| finding.what.clone()).collect()
    }
}

/// A group with this CN and a generated account name, as AD may assign.
async fn group(admin: &mut Admin, cn: &str, unit: &str) -> String {
    let dn = admin.group_in(&unique("g"), unit).await;
    admin.rename(&dn, cn, None).await;
    format!("CN={cn},{unit}")
}

#[tokio::test(flavor = "multi_thread")]
async fn classes_by_cn_are_those_of_one_school() {
    let schools = Schools::new("os2skoledata", Setup::default()).await;
    let (teacher, _) = schools.in_group("3A_2020_medarbejdere", &schools.nord).await;
    let (pupil, _) = schools.in_group("3A_2020_elever", &schools.nord).await;
    let (namesake, _) = schools.in_group("3A_2020_elever", &schools.syd).await;
    assert_eq!(schools.sets(&teacher, &pupil).await, SetOutcome::Done);
    assert_eq!(schools.sets(&teacher, &namesake).await, NOBODYS, "the same name at another school");
    let page = schools.town.browser(&teacher).await.get("/delegation").await;
    page.says("3A_2020_elever (Nord)");
    // Groups of the same name outside the schools and at another school.
    let elsewhere = Admin::new().await.unit(&unique("andet")).await;
    let (outsider, _) = schools.in_group("3A_2020_medarbejdere", &elsewhere).await;
    let (other, _) = schools.in_group("3A_2020_medarbejdere", &schools.syd).await;
    assert_eq!(schools.sets(&outsider, &pupil).await, NOBODYS);
    assert_eq!(schools.sets(&other, &pupil).await, NOBODYS);
    assert_eq!(schools.sets(&other, &namesake).await, SetOutcome::Done);
    assert_eq!(bind(&pupil.dn, NEW).await, Err("773".to_owned()), "the new password, to be changed");
    // Teachers have no authority over other teachers.
    let (both, group) = schools.in_group("4B_2020_medarbejdere", &schools.nord).await;
    Admin::new().await.add_to_group(&format!("CN=3A_2020_elever,{}", schools.nord), &both.dn).await;
    let denied = SetOutcome::Refused(Refusal::Denied(Denial::Teacher));
    assert_eq!(schools.sets(&teacher, &both).await, denied, "{group}");
    let told = schools.check().await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].ends_with("2 class pairs, 1 without pupils (4B_2020_medarbejdere (Nord))"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn classes_by_account_name_have_two_gaps() {
    let schools = Schools::new("os2skoledata-account-name", Setup::default()).await;
    let (mut admin, school) = (Admin::new().await, unique("nr"));
    let name = |kind: &str, line: &str| format!("OS2_{school}_{kind}_2020_{line}");
    let (teachers, pupils) =
        (admin.group_in(&name("employees", "A"), &schools.nord).await, admin.group_in(&name("STUDENTS", "a"), &schools.syd).await);
    let (teacher, pupil) = (schools.town.person(&[&teachers]).await, schools.town.person(&[&pupils]).await);
    assert_eq!(schools.sets(&teacher, &pupil).await, SetOutcome::Done, "two units, and another case");
    let others = admin.group_in(&name("students", "B"), &schools.syd).await;
    let other = schools.town.person(&[&others]).await;
    assert_eq!(schools.sets(&teacher, &other).await, NOBODYS, "another line");
    // Outside of the schools' unit.
    let outside = admin.group(&name("employees", "B")).await;
    let outsider = schools.town.person(&[&outside]).await;
    assert_eq!(schools.sets(&outsider, &other).await, NOBODYS);
    let told = schools.check().await;
    assert!(told[0].contains("1 class pair, 1 without teachers (OS2_"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn classes_by_home_page_pair_once_or_not_at_all() {
    let schools = Schools::new("os2skoledata-homepage", Setup::default()).await;
    let mut admin = Admin::new().await;
    let (teacher, teachers) = schools.in_group("Lærere i 3A", &schools.nord).await;
    let (pupil, pupils) = schools.in_group("Elever i 3A", &schools.nord).await;
    let page = |kind: &str, school: &str, class: &str| format!("os2skoledata_institution_{school}_{kind}_klasse_{class}");
    admin.replace(&teachers, "wWWHomePage", &page("medarbejdere", "101", "77")).await;
    admin.replace(&pupils, "wWWHomePage", &page("elever", "101", "77")).await;
    assert_eq!(schools.sets(&teacher, &pupil).await, SetOutcome::Done);
    // Values with wildcards or filter syntax, and values that differ by a look-alike.
    let (intruder, forged) = schools.in_group("Os alle", &schools.nord).await;
    for (school, class) in [("*", "77"), ("101", "*"), ("101)(cn=*", "77"), ("101\\2a", "77"), ("", "77"), ("101", ""), ("1０1", "77")] {
        admin.replace(&forged, "wWWHomePage", &page("medarbejdere", school, class)).await;
        assert_eq!(schools.sets(&intruder, &pupil).await, NOBODYS, "{school} {class}");
    }
    // A second group with the same value as the class, which AD does not prevent. Both groups are ignored.
    admin.replace(&forged, "wWWHomePage", &page("MEDARBEJDERE", "101", "77")).await;
    assert_eq!(schools.sets(&intruder, &pupil).await, NOBODYS);
    assert_eq!(schools.sets(&teacher, &pupil).await, NOBODYS);
    let told = schools.check().await;
    assert!(told[0].contains("2 ambiguous, or with the same value as another group"), "{told:?}");
    // In the other school's unit the value has no effect.
    admin.rename(&forged, "Os alle", Some(&schools.syd)).await;
    assert_eq!(schools.sets(&intruder, &pupil).await, NOBODYS);
    assert_eq!(schools.sets(&teacher, &pupil).await, SetOutcome::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_teachers_page_costs_few_operations() {
    let proxy = Proxy::start().await;
    let schools = Schools::new("os2skoledata", Setup { controllers: vec![proxy.address], ..Setup::default() }).await;
    let (teacher, _) = schools.in_group("3A_2020_medarbejdere", &schools.nord).await;
    let (_, pupils) = schools.in_group("3A_2020_elever", &schools.nord).await;
    let mut admin = Admin::new().await;
    for line in 'B'..'K' {
        let (teachers, _) = (
            group(&mut admin, &format!("3{line}_2020_medarbejdere"), &schools.nord).await,
            group(&mut admin, &format!("3{line}_2020_elever"), &schools.nord).await,
        );
        admin.add_to_group(&teachers, &teacher.dn).await;
    }
    for _ in 0..3 {
        let pupil = admin.person().await;
        admin.add_to_group(&pupils, &pupil.dn).await;
    }
    let browser = schools.town.browser(&teacher).await;
    browser.get("/delegation").await.says("3J_2020_elever (Nord)"); // warms up connections and the SIDs of the configured groups
    proxy.forget();
    let page = browser.get("/delegation").await;
    let choice = proxy.operations();
    let list = page.html.split("href=\"").filter_map(|rest| rest.split('"').next()).find(|path| path.starts_with("/delegation/group/"));
    proxy.forget();
    browser.get(list.expect("a class")).await.says("Testa Prøvesen");
    let class = proxy.operations();
    // A class costs the choice again, its members level by level, and their accounts.
    assert!(choice <= 6 && class <= 11, "ten classes: {choice}; one class: {class}");
}
