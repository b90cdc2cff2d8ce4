//! Accounts from a register for people who log in with a CPR number, on a real controller.

use std::time::{Duration, Instant};

use os2nykode::{
    app::App,
    clock::{Clock, ShiftedClock},
    flow::{
        FlowError,
        self_service::{list, show},
        set_password::SetOutcome,
    },
    model::{
        identity::{
            Identity,
            claim::{Claim, ClaimKind},
            level::AssuranceLevel,
        },
        refusal::Refusal,
    },
    registers::RegisterErrorCause,
};
use serde_json::json;
use sqlx::{AnyPool, AssertSqlSafe};

use super::peer::{Peer, trusted};
use crate::{
    environment::unique,
    oidc::liar::Says,
    people::{Admin, PASSWORD, Person, bind},
    provider_reset::{claim, cpr, guid, history, login, reset, setup, try_reset, unchanged, visitor},
    service::Service,
};

const NEW: &str = "Blå-Sejlbåd-4711";

/// A register in a file, and a service that uses it.
struct Town {
    service: Service,
    register: AnyPool,
    _folder: tempfile::TempDir,
}

impl Town {
    async fn with(answers: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}/people.db", folder.path().display());
        sqlx::any::install_default_drivers();
        let register = AnyPool::connect(&format!("{url}?mode=rwc")).await.expect("made");
        sqlx::query("CREATE TABLE people (cpr TEXT, account TEXT)").execute(&register).await.expect("made");
        let section = format!(
            "[[registers.sql]]\nid = \"db\"\nurl = \"{url}\"\nquery = \"SELECT account FROM people WHERE cpr = ?\"\naccount_key = \"{answers}\"\n{more}"
        );
        Self { service: setup(&section).start().await, register, _folder: folder }
    }

    async fn new() -> Self {
        Self::with("account_name", "").await
    }

    async fn add(&self, cpr: &str, account: &str) {
        let sql = "INSERT INTO people VALUES ($1, $2)";
        sqlx::query(sql).bind(cpr.to_owned()).bind(account.to_owned()).execute(&self.register).await.expect("added");
    }

    async fn forget(&self, cpr: &str) {
        sqlx::query("DELETE FROM people WHERE cpr = $1").bind(cpr.to_owned()).execute(&self.register).await.expect("forgotten");
    }

    fn login(&self, cpr: &str) -> Identity {
        login(&self.service, "mitid", claim(ClaimKind::Cpr, cpr), AssuranceLevel::Substantial)
    }

    async fn names(&self, identity: &Identity) -> Vec<String> {
        let listed = list::list(&self.service.app, identity).await.expect("read");
        listed.into_iter().map(|account| account.account_name).collect()
    }
}

async fn person() -> Person {
    Admin::new().await.person().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_whom_only_a_register_knows_resets_their_account() {
    let (town, cpr, person) = (Town::new().await, cpr(), person().await);
    let identity = town.login(&cpr);
    assert_eq!(town.names(&identity).await, [""; 0]);
    assert_eq!(reset(&town.service, &identity, guid(&person).await, NEW).await, SetOutcome::Refused(Refusal::NoRelation));
    unchanged(&person).await;
    town.add(&cpr, &person.sam.to_uppercase()).await;
    assert_eq!(town.names(&identity).await, [person.sam.as_str()]);
    let browser = visitor(&town.service, &identity).await;
    let path = format!("/accounts/{}", guid(&person).await);
    browser.get(&path).await.says(&person.sam);
    browser.reset(&path, NEW).await.says("Din adgangskode er skiftet");
    assert_eq!(bind(&person.dn, NEW).await, Ok(()));
    assert_eq!(bind(&person.dn, PASSWORD).await, Err("52e".to_owned()));
    assert_eq!(history(&town.service, guid(&person).await).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ad_and_the_registers_know_is_put_together_each_account_once() {
    let (town, cpr) = (Town::new().await, cpr());
    let mut admin = Admin::new().await;
    let (by_attribute, by_both, by_register, other) =
        (admin.person().await, admin.person().await, admin.person().await, admin.person().await);
    for person in [&by_attribute, &by_both] {
        admin.replace(&person.dn, "employeeNumber", &cpr).await;
    }
    for account in [&by_both.sam, &by_register.sam, &by_register.sam.to_uppercase(), "nobody-of-that-name"] {
        town.add(&cpr, account).await;
    }
    let identity = town.login(&cpr);
    let mut expected = [by_attribute.sam.clone(), by_both.sam.clone(), by_register.sam.clone()];
    expected.sort();
    assert_eq!(town.names(&identity).await, expected);
    for person in [&by_attribute, &by_both, &by_register] {
        assert_eq!(reset(&town.service, &identity, guid(person).await, NEW).await, SetOutcome::Done);
        assert_eq!(bind(&person.dn, NEW).await, Ok(()));
    }
    assert_eq!(reset(&town.service, &identity, guid(&other).await, NEW).await, SetOutcome::Refused(Refusal::NoRelation));
    unchanged(&other).await;
    let stranger = town.login(&super::super::provider_reset::cpr());
    assert_eq!(reset(&town.service, &stranger, guid(&by_register).await, NEW).await, SetOutcome::Refused(Refusal::NoRelation));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_register_said_before_counts_for_nothing_at_the_write() {
    let (town, cpr, person) = (Town::new().await, cpr(), person().await);
    let target = guid(&person).await;
    town.add(&cpr, &person.sam).await;
    let identity = town.login(&cpr);
    let browser = visitor(&town.service, &identity).await;
    let form = browser.get(&format!("/accounts/{target}/password")).await;
    let (token, attempt) = (form.token(), form.attempt());
    town.forget(&cpr).await;
    let fields = [("csrf", token.as_str()), ("attempt", &attempt), ("new", NEW), ("repeat", NEW)];
    let page = browser.post(&format!("/accounts/{target}/password"), &fields).await;
    assert!(page.status != 200 && !page.text.contains("Din adgangskode er skiftet"), "{}", page.text);
    unchanged(&person).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_register_that_can_not_be_asked_refuses_everything_that_hangs_on_it() {
    let gone = "[[registers.sql]]\nid = \"gone\"\nurl = \"postgres://a:s3cret@127.0.0.1:1/x\"\nquery = \"SELECT a FROM b WHERE c = $1\"\naccount_key = \"upn\"\ntimeout_seconds = 0.3\n";
    let (town, cpr, person) = (Town::with("account_name", gone).await, cpr(), person().await);
    town.add(&cpr, &person.sam).await;
    let identity = town.login(&cpr);
    let fault = list::list(&town.service.app, &identity).await.expect_err("a fault");
    assert!(
        matches!(&fault, FlowError::People(fault) if fault.register == "gone" && fault.trouble == RegisterErrorCause::TimedOut),
        "{fault}"
    );
    assert!(!fault.to_string().contains(&cpr));
    let browser = visitor(&town.service, &identity).await;
    for path in ["/account".to_owned(), format!("/accounts/{}/password", guid(&person).await)] {
        let page = browser.get(&path).await;
        assert_eq!(page.status, 503, "{}", page.text);
    }
    unchanged(&person).await;
    // A login without a CPR number needs no register and succeeds.
    let by_name = login(&town.service, "os2faktor", claim(ClaimKind::AccountName, &person.sam), AssuranceLevel::Substantial);
    assert_eq!(reset(&town.service, &by_name, guid(&person).await, NEW).await, SetOutcome::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_register_leads_to_no_account_that_is_not_a_persons_and_served() {
    let (town, cpr) = (Town::new().await, cpr());
    let mut admin = Admin::new().await;
    let soren = admin.person_named(&unique("soren"), "Søren", "Prøvesen").await;
    let group = unique("gruppe");
    admin.group(&group).await;
    // DC1$ is a computer's account. The administrator is outside the search base.
    let loose = [soren.sam.replace('o', "ö"), format!("{}*", &soren.sam[..5]), "*".to_owned(), format!("KOMMUNE\\{}", soren.sam)];
    for account in ["DC1$", "Administrator", "krbtgt", &group, "a)(sAMAccountName=*"].into_iter().chain(loose.iter().map(String::as_str)) {
        town.add(&cpr, account).await;
    }
    let identity = town.login(&cpr);
    assert_eq!(town.names(&identity).await, [""; 0]);
    assert_eq!(reset(&town.service, &identity, guid(&soren).await, NEW).await, SetOutcome::Refused(Refusal::NoRelation));
    unchanged(&soren).await;
    // A disabled account belongs to the person but can't be used.
    let disabled = admin.person().await;
    admin.replace(&disabled.dn, "userAccountControl", "514").await;
    town.add(&cpr, &disabled.sam).await;
    assert_eq!(town.names(&identity).await, [""; 0]);
    assert_eq!(reset(&town.service, &identity, guid(&disabled).await, NEW).await, SetOutcome::Refused(Refusal::NotUsable));
}

#[tokio::test(flavor = "multi_thread")]
async fn upns_and_guids_lead_to_their_accounts_only() {
    let (by_upn, by_guid) = (Town::with("upn", "").await, Town::with("object_guid", "").await);
    let (cpr, other) = (cpr(), cpr());
    let mut admin = Admin::new().await;
    let (person, twin) = (admin.person().await, admin.person().await);
    let upn = format!("{}@kommune.test", person.sam);
    by_upn.add(&cpr, &upn.to_uppercase()).await;
    by_upn.add(&other, &person.sam).await;
    by_guid.add(&cpr, &guid(&twin).await.to_string().to_uppercase()).await;
    assert_eq!(by_upn.names(&by_upn.login(&cpr)).await, [person.sam.as_str()]);
    assert_eq!(by_upn.names(&by_upn.login(&other)).await, [""; 0], "an account name is no UPN");
    assert_eq!(by_guid.names(&by_guid.login(&cpr)).await, [twin.sam.as_str()]);
    let identity = by_guid.login(&cpr);
    assert_eq!(reset(&by_guid.service, &identity, guid(&person).await, NEW).await, SetOutcome::Refused(Refusal::NoRelation));
    assert_eq!(reset(&by_guid.service, &identity, guid(&twin).await, NEW).await, SetOutcome::Done);
    assert_eq!(bind(&twin.dn, NEW).await, Ok(()));
    unchanged(&person).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_attribute_the_registers_alone_know() {
    let folder = tempfile::tempdir().expect("a folder");
    let (number, person) = (cpr(), person().await);
    Admin::new().await.replace(&person.dn, "employeeNumber", &number).await;
    let url = format!("sqlite://{}/people.db", folder.path().display());
    let section = format!(
        "[[registers.sql]]\nid = \"db\"\nurl = \"{url}\"\nquery = \"SELECT account FROM people WHERE cpr = ?\"\naccount_key = \"account_name\"\n"
    );
    let with = setup(&section);
    let more = with.more.replace("from = \"x\", ad_attribute = \"employeeNumber\"", "from = \"x\"");
    assert_ne!(more, with.more);
    let service = crate::service::Setup { more: more.leak(), ..with }.start().await;
    let register = AnyPool::connect(&format!("{url}?mode=rwc")).await.expect("made");
    sqlx::query("CREATE TABLE people (cpr TEXT, account TEXT)").execute(&register).await.expect("made");
    let identity = login(&service, "mitid", claim(ClaimKind::Cpr, &number), AssuranceLevel::Substantial);
    assert_eq!(list::list(&service.app, &identity).await.expect("read"), []);
    assert_eq!(reset(&service, &identity, guid(&person).await, NEW).await, SetOutcome::Refused(Refusal::NoRelation));
    let sql = format!("INSERT INTO people VALUES ('{number}', '{}')", person.sam);
    sqlx::query(AssertSqlSafe(sql)).execute(&register).await.expect("added");
    assert_eq!(list::list(&service.app, &identity).await.expect("read").len(), 1);
    assert_eq!(reset(&service, &identity, guid(&person).await, NEW).await, SetOutcome::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_barred_by_an_account_that_a_register_names_is_barred() {
    let mut admin = Admin::new().await;
    let name = unique("spaerret");
    let group = admin.group(&name).await;
    let (town, cpr) = (Town::with("account_name", &format!("[delegation]\nblocked_groups = [\"{name}\"]\n")).await, cpr());
    let (own, barred) = (admin.person().await, admin.person().await);
    admin.replace(&own.dn, "employeeNumber", &cpr).await;
    let identity = town.login(&cpr);
    let show = async || format!("{:?}", show::show(&town.service.app, &identity, guid(&own).await).await.expect("read"));
    assert!(show().await.starts_with("Account("), "{}", show().await);
    admin.add_to_group(&group, &barred.dn).await;
    town.add(&cpr, &barred.sam).await;
    assert!(!show().await.starts_with("Account("), "{}", show().await);
    assert!(!matches!(reset(&town.service, &identity, guid(&own).await, NEW).await, SetOutcome::Done));
    unchanged(&own).await;
}

/// The register is queried before the account lock is taken, so that the account's owner can change the password meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_register_does_not_hold_the_accounts_lock() {
    let peer = Peer::start();
    let section = format!(
        "[[registers.rest]]\nid = \"idm\"\naccount_key = \"account_name\"\nurl = \"{}\"\ntimeout_seconds = 10\n{}",
        peer.url("/"),
        trusted()
    );
    let service = setup(&section).start().await;
    let (person, number) = (person().await, cpr());
    let target = guid(&person).await;
    peer.says(Says::Json(200, json!([person.sam])));
    let identity = login(&service, "mitid", claim(ClaimKind::Cpr, &number), AssuranceLevel::Substantial);
    assert_eq!(list::list(&service.app, &identity).await.expect("read").len(), 1);
    peer.asked();
    peer.says(Says::Nothing);
    let (waiting, begun) = (try_reset(&service, &identity, target, NEW), Instant::now());
    let meanwhile = async {
        while peer.asked().is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(10), "it is asked");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let asked = Instant::now();
        let browser = service.visitor();
        let account = browser.logged_in(&person.sam, PASSWORD).await;
        browser.change(&account, PASSWORD, "Røde-Tagsten-5522").await.says("Din adgangskode er skiftet");
        asked.elapsed()
    };
    let (slow, took) = tokio::join!(waiting, meanwhile);
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(matches!(slow, Err(FlowError::People(_))), "{slow:?}");
    assert_eq!(bind(&person.dn, "Røde-Tagsten-5522").await, Ok(()));
}

#[tokio::test]
async fn a_register_that_is_down_keeps_no_service_from_starting() {
    let sections = "[[registers.sql]]\nid = \"pg\"\nurl = \"postgres://a:b@127.0.0.1:1/x\"\nquery = \"SELECT $1\"\naccount_key = \"upn\"\n\
                    [[registers.sql]]\nid = \"my\"\nurl = \"mysql://a:b@127.0.0.1:1/x\"\nquery = \"SELECT ?\"\naccount_key = \"upn\"\n\
                    [[registers.sql]]\nid = \"ms\"\nurl = \"sqlserver://a:b@127.0.0.1:1/x\"\nquery = \"SELECT @P1\"\naccount_key = \"upn\"\n\
                    [[registers.sql]]\nid = \"lite\"\nurl = \"sqlite:///nowhere/x.db\"\nquery = \"SELECT ?\"\naccount_key = \"upn\"\n\
                    [[registers.rest]]\nid = \"rest\"\nurl = \"https://127.0.0.1:1/\"\naccount_key = \"upn\"\n\
                    [parents]\nurl = \"https://127.0.0.1:1/\"\n";
    let dir = tempfile::tempdir().expect("a folder");
    let config = setup(sections).config(dir.path());
    let clock = std::sync::Arc::new(ShiftedClock::default());
    let app = App::start(config, clock as std::sync::Arc<dyn Clock>).await.expect("started");
    assert!(!app.registers.is_empty() && app.family.is_some());
}

/// Without a configured register, and for logins without a CPR number, registers cost no additional LDAP operation.
#[tokio::test]
async fn without_a_register_ad_is_asked_no_more_than_before() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let told = recorder.handle();
    let searches = || {
        let text = told.render();
        let line = text.lines().find(|line| line.starts_with("os2nykode_ldap_operations_total{operation=\"search\"}")).unwrap_or("x 0");
        line.rsplit(' ').next().and_then(|count| count.parse::<u64>().ok()).expect("a number")
    };
    let person = person().await;
    let number = cpr();
    Admin::new().await.replace(&person.dn, "employeeNumber", &number).await;
    let (plain, town) = (setup("").start().await, Town::new().await);
    town.add(&number, &person.sam).await;
    let by_cpr = claim(ClaimKind::Cpr, &number);
    let by_name = claim(ClaimKind::AccountName, &person.sam);
    let _recording = metrics::set_default_local_recorder(&recorder);
    for (service, provider, claim, expected) in [
        (&plain, "mitid", &by_cpr, 1),
        (&plain, "os2faktor", &by_name, 1),
        (&town.service, "os2faktor", &by_name, 1),
        (&town.service, "mitid", &by_cpr, 2),
    ] {
        let identity = login(service, provider, Claim::clone(claim), AssuranceLevel::Substantial);
        list::list(&service.app, &identity).await.expect("connected");
        let before = searches();
        assert_eq!(list::list(&service.app, &identity).await.expect("read").len(), 1);
        assert_eq!(searches() - before, expected, "{provider}");
    }
}
