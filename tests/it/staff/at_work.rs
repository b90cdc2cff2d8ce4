//! Permissions of local accounts: by their role, within the helpdesk's scope, and without an AD account of their own.

use super::*;
use crate::{
    others::{codes, set_for},
    people::{self, Admin, bind},
    provider_reset::guid,
};
use os2nykode::model::identity::level::AssuranceLevel;

const NEW: &str = "Blå-Sejlbåd-4711";

fn helpdesk(level: &str) -> Setup {
    helpdesk_that(level, true)
}

fn helpdesk_that(level: &str, set_password: bool) -> Setup {
    let more = format!(
        "{ON}level = \"{level}\"\n[delegation]\n[[delegation.helpdesk]]\nid = \"desk\"\nname = {{ da = \"Servicedesken\", en = \"The service desk\" }}\n\
         local_accounts = true\neverybody = true\nset_password = {set_password}\n[codes]\nenabled = true\n"
    );
    Setup { more: more.leak(), ..Setup::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_helpdesk_account_sets_somebodys_password_and_the_log_names_it() {
    let service = helpdesk("substantial").start().await;
    let colleague = Colleague::new(&service, &[Role::Helpdesk, Role::Auditor]).await;
    let person = Admin::new().await.person().await;
    let target = guid(&person).await;
    let visitor = colleague.at_work(&service).await;
    visitor.get("/delegation").await.says("Servicedesken");
    crate::others::search(&visitor, "/delegation/desk/desk", &person.sam).await.says(&person.sam);
    let page = set_for(&visitor, target, NEW, false).await;
    assert_eq!(bind(&person.dn, NEW).await, Ok(()), "{}", page.text);
    let entries = service.app.audit.history_of(target, 5, Timestamp::UNIX_EPOCH).await.expect("read");
    let event = entries.into_iter().map(|entry| entry.event).find(|event| event.kind == EventKind::ResetOutcome).expect("logged");
    assert_eq!(event.outcome, AuditOutcome::Succeeded);
    assert_eq!((event.level, event.authority.as_deref()), (Some(AssuranceLevel::Substantial), Some("helpdesk:desk")));
    let actor = event.actor.expect("an actor");
    assert_eq!(
        (actor.guid, actor.account_name, actor.name),
        (colleague.account.id.into(), colleague.name.clone(), "Åse Bech-Øst".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_helpdesk_account_gives_out_a_code_and_sets_no_password_itself() {
    let service = helpdesk_that("substantial", false).start().await;
    let colleague = Colleague::new(&service, &[Role::Helpdesk]).await;
    let person = Admin::new().await.person().await;
    let target = guid(&person).await;
    let visitor = colleague.at_work(&service).await;
    let code = codes::code_for(&visitor, target).await;
    let caller = service.visitor();
    let form = codes::type_in(&caller, &person.sam, &code).await;
    assert_eq!(form.path, format!("/accounts/{target}/password"));
    caller.reset(&format!("/accounts/{target}"), NEW).await.says("Din adgangskode er skiftet");
    assert_eq!(bind(&person.dn, NEW).await, Ok(()));
    let entries = service.app.audit.history_of(target, 9, Timestamp::UNIX_EPOCH).await.expect("read");
    let given = entries.into_iter().map(|entry| entry.event).find(|event| event.kind == EventKind::CodeIssued).expect("logged");
    assert_eq!(given.actor.map(|actor| (actor.guid, actor.account_name)), Some((colleague.account.id.into(), colleague.name.clone())));
    let page = visitor.get(&format!("/delegation/accounts/{target}/password")).await;
    assert_eq!(page.path, format!("/delegation/accounts/{target}"), "no form that can't succeed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_a_disabled_account_and_a_weak_one_set_nothing() {
    let person = Admin::new().await.person().await;
    let target = guid(&person).await;
    let service = helpdesk("substantial").start().await;
    let auditor = Colleague::new(&service, &[Role::Auditor]).await;
    let visitor = auditor.at_work(&service).await;
    assert!(!visitor.get("/delegation").await.text.contains("Servicedesken"));
    assert_eq!(visitor.get(&format!("/delegation/accounts/{target}")).await.status, 404);
    assert_eq!(visitor.get("/delegation/desk/desk").await.status, 404);
    // Disabled between the form and its answer.
    let helper = Colleague::new(&service, &[Role::Helpdesk]).await;
    let visitor = helper.at_work(&service).await;
    let path = format!("/delegation/accounts/{target}/password");
    let form = visitor.get(&path).await;
    let (token, attempt) = (form.token(), form.attempt());
    desk(&service).disable(&helper.name).await.expect("disabled");
    let fields = [("csrf", token.as_str()), ("attempt", &attempt), ("new", NEW), ("repeat", NEW)];
    assert_eq!(visitor.post(&path, &fields).await.path, "/?ended-form");
    let weak = helpdesk("low").start().await;
    let visitor = Colleague::new(&weak, &[Role::Helpdesk]).await.at_work(&weak).await;
    assert_eq!(visitor.get(&path).await.path, format!("/delegation/accounts/{target}"), "no form that can't succeed");
    assert_eq!(bind(&person.dn, people::PASSWORD).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_auditor_needs_the_level_and_a_fresh_login_as_everybody_does() {
    let service = helpdesk("substantial").start().await;
    let visitor = Colleague::new(&service, &[Role::Auditor]).await.at_work(&service).await;
    assert_eq!(visitor.get("/audit").await.status, 200);
    service.clock.shift_to(61 * 60);
    let page = visitor.get("/audit").await;
    assert!(page.status != 200 || page.path != "/audit", "{} {}", page.status, page.path);
    let weak = helpdesk("low").start().await;
    let visitor = Colleague::new(&weak, &[Role::Auditor]).await.at_work(&weak).await;
    assert_ne!(visitor.get("/audit").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_account_in_ad_is_its_own() {
    let service = helpdesk("high").start().await;
    let colleague = Colleague::new(&service, &[Role::Helpdesk]).await;
    let person = Admin::new().await.person_named(&colleague.name, "Åse", "Bech-Øst").await; // an AD account with the same name
    let target = guid(&person).await;
    let visitor = colleague.at_work(&service).await;
    let own = format!("/accounts/{target}");
    assert_eq!(visitor.get(&own).await.status, 404);
    assert_eq!(visitor.get(&format!("{own}/password")).await.status, 404);
    let form = visitor.get(&format!("/delegation/accounts/{target}/password")).await;
    let (token, attempt) = (form.token(), form.attempt());
    for current in ["", people::PASSWORD] {
        let fields = [("csrf", token.as_str()), ("attempt", &attempt), ("current", current), ("new", NEW), ("repeat", NEW)];
        let page = visitor.post(&format!("{own}/password"), &fields).await;
        assert!(page.status.is_client_error(), "{} {}", page.status, page.text);
    }
    assert_eq!(bind(&person.dn, people::PASSWORD).await, Ok(()));
}
