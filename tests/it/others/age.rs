//! Default of "must be changed at the next logon" by age, with the birthday from AD's attribute and from the family service.

use jiff::{ToSpan, civil::Date};
use os2nykode::{
    clock::{Clock, SystemClock, danish},
    model::identity::claim::ClaimKind,
};
use serde_json::json;

use super::*;
use crate::{
    oidc::liar::Says,
    provider_reset::{claim, login},
    registers::peer::{Peer, trusted},
};

/// A multiple of four, so that a person born on 29 February has a birthday in the year they reach this age.
const AGE: i32 = 12;

/// A unique, unassigned CPR number of a person born on this day in this century.
fn born(day: Date) -> String {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let serial = 5000 + (std::process::id() + NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) % 1000;
    format!("{}{serial}", day.strftime("%d%m%y"))
}

/// Birthdays of people who reach this age today and tomorrow, Danish time.
fn turning() -> (Date, Date) {
    let today = danish(SystemClock.now()).date();
    let before = |day: Date| day.checked_sub(AGE.years()).expect("a date");
    (before(today), before(today.tomorrow().expect("a date")))
}

async fn ticked(browser: &Visitor, person: &Person) -> bool {
    let form = browser.get(&format!("/delegation/accounts/{}/password", guid(person).await)).await;
    assert!(form.html.contains("name=\"must_change\""), "{}", form.html);
    crate::page_check::attribute(&form.html, "input[name=must_change][checked]", "value").is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn by_the_number_in_ad_from_the_birthday_on_unless_a_group_says_otherwise() {
    let mut admin = Admin::new().await;
    let spared = admin.group(&unique("Skånes")).await;
    let town = Town::new(&format!(
        "[delegation.must_change]\nfrom_age = {AGE}\ncpr_attribute = \"employeeNumber\"\ndefault = false\nnot_for = [\"{spared}\"]\n"
    ))
    .await;
    let acting = town.person(&[&town.admins, &town.circle]).await;
    let (today, tomorrow) = turning();
    let numbered = async |number: &str, groups: &[&str]| {
        let person = town.person(&[&[town.circle.as_str()], groups].concat()).await;
        Admin::new().await.replace(&person.dn, "employeeNumber", number).await;
        person
    };
    let browser = town.browser(&acting).await;
    let old_enough = numbered(&born(today), &[]).await;
    assert!(ticked(&browser, &old_enough).await, "turns it today");
    let too_young = numbered(&born(tomorrow), &[]).await;
    assert!(!ticked(&browser, &too_young).await, "turns it tomorrow");
    assert!(!ticked(&browser, &numbered(&born(today), &[&spared]).await).await, "the group comes first");
    assert!(!ticked(&browser, &numbered("ingen", &[]).await).await, "no number, no age: the default");
    assert!(ticked(&browser, &numbered(&format!("{}-5999", today.strftime("%d%m%y")), &[]).await).await, "with a hyphen too");
    // AD gets the default that the form proposed.
    for (person, must_change) in [(&old_enough, true), (&too_young, false)] {
        set_for(&browser, guid(person).await, NEW, must_change).await.says("Adgangskoden er sat");
        assert_eq!(bind(&person.dn, NEW).await, if must_change { Err("773".to_owned()) } else { Ok(()) });
        assert_eq!(bind(&person.dn, PASSWORD).await, Err("52e".to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parents_child_has_the_age_that_the_family_service_tells() {
    let peer = Peer::start();
    let town =
        Town::new(&format!("[delegation.must_change]\nfrom_age = {AGE}\n[parents]\nurl = \"{}\"\n{}", peer.url("/children"), trusted()))
            .await;
    let (today, tomorrow) = turning();
    let parent = login(&town.service, "mitid", claim(ClaimKind::Cpr, "3112805998"), AssuranceLevel::Substantial);
    let browser = visitor(&town.service, &parent).await;
    for (day, expected) in [(today, true), (tomorrow, false)] {
        let (child, number) = (town.person(&[]).await, born(day));
        Admin::new().await.replace(&child.dn, "employeeNumber", &number).await;
        peer.says(Says::Json(200, json!([{ "name": "Emma", "cpr": number }])));
        assert_eq!(ticked(&browser, &child).await, expected, "{day}");
    }
    // A circle admin's form does not ask the family service, and AD has no birthday attribute here. The default applies.
    let (acting, member) = (town.person(&[&town.admins, &town.circle]).await, town.person(&[&town.circle]).await);
    Admin::new().await.replace(&member.dn, "employeeNumber", &born(tomorrow)).await;
    assert!(ticked(&town.browser(&acting).await, &member).await);
}
