//! A block of one account applies to all linked accounts, and a code is checked against the groups until its use.

use os2nykode::model::{audit::EventKind, authorization::Denial, refusal::Refusal};

use super::{
    codes::{CODES, given, is_in, type_in},
    *,
};
use crate::provider_reset::{cpr, knows_password};

/// Two accounts with one CPR number. The second is in this group.
async fn two_of_one(town: &Town, group: &str, groups: &[&str]) -> (Person, Person) {
    let (first, second, number) = (town.person(groups).await, town.person(&[group]).await, cpr());
    let mut admin = Admin::new().await;
    for account in [&first, &second] {
        admin.replace(&account.dn, "employeeNumber", &number).await;
    }
    (first, second)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_barred_by_one_account_is_barred_with_the_other_by_any_login() {
    let town = Town::new("").await;
    let (helper, _) = two_of_one(&town, &town.barred, &[&town.desk]).await;
    let (target, own) = (guid(&town.person(&[]).await).await, guid(&helper).await);
    let password = knows_password(&town.service, own, &helper);
    for login in [&town.login(&helper), &password] {
        assert_eq!(town.set(login, target, NEW).await, SetOutcome::Refused(Refusal::Denied(Denial::Barred)));
        let page = visitor(&town.service, login).await.get(&format!("/accounts/{own}")).await;
        assert_eq!(page.status, 403, "{}", page.text);
    }
    // Accounts with an empty attribute are not linked.
    let plain = town.person(&[&town.desk]).await;
    assert_eq!(town.set(&town.login(&plain), target, NEW).await, SetOutcome::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_void_once_anything_forbids_it() {
    let town = Town::new(CODES).await;
    let mut admin = Admin::new().await;
    let (helper, caller) = (town.person(&[&town.desk]).await, town.person(&[]).await);
    let target = guid(&caller).await;
    for group in [&town.barred, &town.closed, &town.protected, &town.masters, &town.admins, &town.desk] {
        // The group forbids it before the code is typed.
        let code = given(&town, &helper, target).await;
        admin.add_to_group(group, &caller.dn).await;
        assert!(!is_in(&type_in(&town.service.visitor(), &caller.sam, &code).await), "{group}");
        admin.remove(group, "member", &caller.dn).await;
        // The group forbids it before the password is chosen.
        let code = given(&town, &helper, target).await;
        let visitor = town.service.visitor();
        let form = type_in(&visitor, &caller.sam, &code).await;
        assert!(is_in(&form), "{group}: {}", form.text);
        admin.add_to_group(group, &caller.dn).await;
        let fields = [("csrf", form.token()), ("attempt", form.attempt()), ("new", NEW.to_owned()), ("repeat", NEW.to_owned())];
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let page = visitor.post(&form.path, &fields).await;
        assert!(!page.text.contains("Din adgangskode er skiftet"), "{group}: {}", page.text);
        admin.remove(group, "member", &caller.dn).await;
    }
    assert_eq!(bind(&caller.dn, PASSWORD).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_void_once_its_helper_may_give_none() {
    let town = Town::new(CODES).await;
    let mut admin = Admin::new().await;
    let (helper, caller) = (town.person(&[&town.desk]).await, town.person(&[]).await);
    let code = given(&town, &helper, guid(&caller).await).await;
    admin.remove(&town.desk, "member", &helper.dn).await;
    assert!(!is_in(&type_in(&town.service.visitor(), &caller.sam, &code).await), "they work there no more");
    admin.add_to_group(&town.desk, &helper.dn).await;
    assert!(is_in(&type_in(&town.service.visitor(), &caller.sam, &code).await), "nor was it used up");
    let code = given(&town, &helper, guid(&caller).await).await;
    admin.replace(&helper.dn, "userAccountControl", "514").await;
    assert!(!is_in(&type_in(&town.service.visitor(), &caller.sam, &code).await), "their account is disabled");
    let reasons: Vec<_> = history(&town.service, guid(&caller).await).await.into_iter().map(|event| event.reason).collect();
    assert!(reasons.iter().any(|reason| reason == "issuer_not_allowed"), "{reasons:?}");
}

/// Other work occupies the hasher. Meanwhile the account joins a group that is excluded from delegation.
#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_given_out_on_what_is_true_when_it_is() {
    let town = Town::new(CODES).await;
    let (helper, caller) = (town.person(&[&town.desk]).await, town.person(&[]).await);
    let target = guid(&caller).await;
    let app = &town.service.app;
    let places = [app.code_hasher.place().await.expect("a place"), app.code_hasher.place().await.expect("a place")];
    let identity = town.login(&helper);
    let issue = os2nykode::flow::one_time_code::Issue { target, reason: "Kendt stemme".to_owned(), ticket: None };
    let visit = visit(&identity);
    let issuing = os2nykode::flow::one_time_code::issue(app, &visit, &identity, issue);
    let closing = async {
        // After the first authorization, the use case waits for a place at the hasher.
        while app.code_hasher.waiting() == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        Admin::new().await.add_to_group(&town.closed, &caller.dn).await;
        drop(places);
    };
    let (issued, ()) = tokio::join!(issuing, closing);
    assert!(matches!(issued, Ok(os2nykode::flow::one_time_code::Issued::Denied(Denial::ClosedToOthers))), "{issued:?}");
    let kinds: Vec<_> = history(&town.service, target).await.iter().map(|event| (event.kind, event.outcome)).collect();
    assert!(!kinds.contains(&(EventKind::CodeIssued, os2nykode::model::audit::AuditOutcome::Succeeded)), "{kinds:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_of_whom_they_may_not_act_on_is_not_shown() {
    let town = Town::new("").await;
    let browser = town.browser(&town.person(&[&town.desk]).await).await;
    for (groups, shown) in [(vec![], true), (vec![&town.protected], false), (vec![&town.admins], false), (vec![&town.closed], false)] {
        let groups: Vec<&str> = groups.into_iter().map(String::as_str).collect();
        let person = town.person(&groups).await;
        town.service.visitor().log_in(&person.sam, PASSWORD).await; // creates a history entry, or is refused for protected accounts
        let page = browser.get(&format!("/delegation/accounts/{}", guid(&person).await)).await;
        assert_eq!((page.status.as_u16(), page.text.contains("Det er der sket")), (200, shown), "{groups:?}: {}", page.text);
    }
}

/// Linked accounts cost additional LDAP operations. This test bounds their number.
#[tokio::test(flavor = "multi_thread")]
async fn looking_for_other_accounts_has_its_price() {
    let proxy = crate::proxy::Proxy::start().await;
    let town = Town::with("", Setup { controllers: vec![proxy.address], ..Setup::default() }).await;
    let (linked, _) = two_of_one(&town, &town.circle, &[&town.desk]).await;
    let (plain, warm) = (town.person(&[&town.desk]).await, town.person(&[&town.desk]).await);
    // Warms up the caches of groups and policies, and the connections.
    assert_eq!(town.set(&town.login(&warm), guid(&town.person(&[]).await).await, NEW).await, SetOutcome::Done);
    let mut costs = Vec::new();
    for helper in [&plain, &linked] {
        let (target, identity) = (guid(&town.person(&[]).await).await, town.login(helper));
        proxy.forget();
        assert_eq!(town.set(&identity, target, NEW).await, SetOutcome::Done);
        let set = proxy.operations();
        let visitor = town.service.visitor();
        proxy.forget();
        let account = visitor.logged_in(&helper.sam, PASSWORD).await;
        visitor.change(&account, PASSWORD, OTHER).await.says("Din adgangskode er skiftet");
        costs.push((set, proxy.operations()));
    }
    let most = [(12, 12), (16, 17)];
    let within = costs.iter().zip(most).all(|(cost, most)| cost.0 <= most.0 && cost.1 <= most.1);
    assert!(within, "a password set for somebody else, and a helper's own visit; alone, and with a second account: {costs:?}");
}
