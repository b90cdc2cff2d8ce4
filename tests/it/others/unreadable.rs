//! A group that is missing in AD must not lift a protection: dependent requests are denied, and the check names the group.

use os2nykode::{
    check,
    clock::SystemClock,
    model::{authorization::Denial, refusal::Refusal},
};

use super::*;

const UNREADABLE: SetOutcome = SetOutcome::Refused(Refusal::Denied(Denial::Unreadable));

/// Findings of the check command.
async fn told(town: &Town) -> Vec<String> {
    let dir = tempfile::tempdir().expect("a folder");
    let config = Setup { more: setup(&town.text).more, ..Setup::default() }.config(dir.path());
    let report = check::run(&config, &check::Options::default(), &SystemClock).await;
    report.findings.iter().map(|finding| format!("{} {}", finding.what, finding.advice)).collect()
}

/// Regression: each case let a helper reset a colleague's or an auditor's password.
#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_helpers_or_auditors_that_is_gone_lets_nobody_act() {
    for (more, group) in [
        (
            "[[delegation.helpdesk]]\nid = \"borte\"\nname = { da = \"x\", en = \"x\" }\ngroup = \"Desk borte\"\neverybody = true\n",
            "Desk borte",
        ),
        ("[audit]\nauditors = [\"Revision borte\"]\n", "Revision borte"),
    ] {
        let town = Town::new(more).await;
        let (helper, colleague) = (town.person(&[&town.desk]).await, town.person(&[]).await);
        let (acting, member) = town.pair().await;
        for (who, whom) in [(&helper, &colleague), (&helper, &member), (&acting, &member)] {
            assert_eq!(town.set(&town.login(who), guid(whom).await, NEW).await, UNREADABLE, "{group}");
        }
        let page = town.browser(&helper).await.get(&format!("/delegation/accounts/{}", guid(&colleague).await)).await;
        assert!(!page.html.contains("/password\"") && !page.html.contains("class=\"bare history\""), "{}", page.text);
        assert_eq!(bind(&colleague.dn, PASSWORD).await, Ok(()));
        // Their own passwords stay within their reach.
        assert_eq!(crate::provider_reset::reset(&town.service, &town.login(&member), guid(&member).await, NEW).await, SetOutcome::Done);
        let told = told(&town).await;
        assert!(told.iter().any(|told| told.contains(group) && told.contains("all delegation is refused")), "{told:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_or_a_unit_of_teachers_that_is_gone_stops_teachers_and_nobody_else() {
    let gone = format!("OU=Borte,{}", crate::environment::environment().fact("PEOPLE_OU"));
    for (more, name) in [
        ("[[delegation.teachers]]\nteachers = \"Vikarer borte\"\npupils = \"Vikarers elever\"\n".to_owned(), "Vikarer borte".to_owned()),
        (format!("[[delegation.teachers]]\nteachers = \"Borte lærere *\"\npupils = \"Borte elever *\"\nou = \"{gone}\"\n"), gone),
    ] {
        let town = Town::new(&more).await;
        let mut admin = Admin::new().await;
        let (teachers, pupils) =
            (admin.group(&format!("Lærere {} 3a", town.name)).await, admin.group(&format!("Elever {} 3a", town.name)).await);
        let (teacher, pupil, helper) = (town.person(&[&teachers]).await, town.person(&[&pupils]).await, town.person(&[&town.desk]).await);
        assert_eq!(town.set(&town.login(&teacher), guid(&pupil).await, NEW).await, UNREADABLE, "{name}");
        assert_eq!(town.set(&town.login(&helper), guid(&pupil).await, NEW).await, SetOutcome::Done, "{name}");
        let told = told(&town).await;
        assert!(told.iter().any(|told| told.contains(&name) && told.contains("no teacher and no parent")), "{told:#?}");
        assert!(!told.iter().any(|told| told.contains(&town.name) && told.contains("teacher")), "what is there is fine: {told:#?}");
    }
}
