//! A complete login for every role: at the real provider, through the list to an account, and with AD's verdict afterwards.
//!
//! The actors are people of the environment with its groups and logins. The targets are people that the test adds to the same groups.

mod employees;
pub mod families;

use super::*;
use crate::{
    environment::environment,
    idp::{Idp, Wishes, configuration, introduce},
};

/// A service with all providers, and with the environment's groups in its authorization policy.
async fn service() -> Service {
    at(None).await
}

/// The same at a port of its own, where a real browser can reach it.
pub async fn at(port: Option<u16>) -> Service {
    let (text, entity) = configuration("");
    introduce(&entity, &port.map_or("https://localhost".to_owned(), |port| format!("https://localhost:{port}")), Wishes::USUAL);
    let text = format!(
        "{text}[codes]\nenabled = true\n\
         [delegation]\nblocked_groups = [\"Må ikke bruge nykode\"]\nexcluded_groups = [\"Må ikke ændres af andre\"]\n\
         [delegation.circles]\nou = \"OU=Kredse,{}\"\nadmins = \"Kodeordsadministratorer\"\nmaster_admins = \"Master kodeordsadministratorer\"\n\
         [[delegation.teachers]]\nteachers = \"Lærere *\"\npupils = \"Elever *\"\n\
         [[delegation.helpdesk]]\nid = \"servicedesk\"\nname = {{ da = \"Servicedesken\", en = \"The service desk\" }}\ngroup = \"Servicedesk\"\neverybody = true\n\
         [[delegation.helpdesk]]\nid = \"skole\"\nname = {{ da = \"Skolernes servicedesk\", en = \"The schools' service desk\" }}\ngroup = \"Servicedesk Skole\"\n\
         groups = [\"Kreds Skole\"]\nset_password = true\n{}",
        environment().fact("PEOPLE_OU"),
        families::section(),
    );
    Setup { more: text.leak(), port, ..Setup::default() }.start().await
}

/// A new person in groups of the environment.
pub async fn member(groups: &[&str]) -> Person {
    let mut admin = Admin::new().await;
    let person = admin.person().await;
    for group in groups {
        let unit = if group.starts_with("Kreds ") { "Kredse" } else { "Grupper" };
        admin.add_to_group(&format!("CN={group},OU={unit},{}", environment().fact("PEOPLE_OU")), &person.dn).await;
    }
    person
}

/// Address of the link with this text.
fn link(page: &Page, words: &str) -> String {
    let html = scraper::Html::parse_document(&page.html);
    let links = scraper::Selector::parse("main a[href]").expect("a selector");
    let text = |link: &scraper::ElementRef| link.text().collect::<String>();
    let found = html.select(&links).find(|link| text(link).contains(words));
    found.and_then(|link| link.value().attr("href")).unwrap_or_else(|| panic!("a link {words:?} in {}", page.html)).to_owned()
}

/// Logs in and opens the page of delegation.
async fn others_of(service: &Service, idp: Idp, user: &str) -> (Visitor, Page) {
    let visitor = service.visitor();
    let start = visitor.log_in_at(idp, user).await;
    assert_eq!(start.status, 200, "{}", start.text);
    let others = visitor.get("/delegation").await;
    assert_eq!(others.path, "/delegation");
    (visitor, others)
}

/// Goes to a person's account as a user does: list, search, account.
async fn found(visitor: &Visitor, others: &Page, list: &str, person: &Person) -> Page {
    let path = link(others, list);
    let results = search(visitor, &path, &person.sam).await;
    results.says("1 fundet.");
    let account = visitor.get(&link(&results, "Prøvesen")).await;
    account.says("Derfor kan du hjælpe");
    account
}

/// Sends the form for another person's password without opening it.
async fn sent_anyway(service: &Service, visitor: &Visitor, target: ObjectGuid) -> Page {
    let shown = visitor.get("/delegation").await;
    let token = match crate::page_check::attribute(&shown.html, "input[name=csrf]", "value") {
        Some(token) => token,
        None => visitor.get("/login").await.token(), // without a session, the front page has no form
    };
    let attempt = AttemptId::from_random(service.app.keys.random().expect("random")).to_string();
    let fields = [("csrf", token.as_str()), ("attempt", &attempt), ("new", NEW), ("repeat", NEW)];
    visitor.post(&format!("/delegation/accounts/{target}/password"), &fields).await
}

/// Asserts that the account's page has no form, and that a form sent all the same is refused with these words.
async fn refused(service: &Service, visitor: &Visitor, person: &Person, words: &str) {
    let target = guid(person).await;
    let page = visitor.get(&format!("/delegation/accounts/{target}")).await;
    page.says(words);
    assert!(!page.html.contains("/password\""), "no way on: {}", page.html);
    sent_anyway(service, visitor, target).await.says(words);
    assert_eq!(bind(&person.dn, PASSWORD).await, Ok(()), "{words}: the old password holds");
    assert_eq!(bind(&person.dn, NEW).await, Err("52e".to_owned()));
}

/// Asserts that AD accepts the new password (or demands a change), and refuses the old one.
async fn proven(person: &Person, new: &str, must_change: bool) {
    assert_eq!(bind(&person.dn, new).await, if must_change { Err("773".to_owned()) } else { Ok(()) }, "the new one");
    assert_eq!(bind(&person.dn, PASSWORD).await, Err("52e".to_owned()), "the old one");
}

const NOT_THEIRS: &str = "den er ikke en, du kan hjælpe med";
