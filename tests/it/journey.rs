//! The complete journey of an employee, on a real controller.

use jiff::Unit;

use crate::{
    environment::environment,
    people::{Admin, PASSWORD, bind},
    proxy::{BIND, MODIFY, Proxy, SEARCH},
    service::{Service, Setup},
};

const NEW: &str = "Blå-Sejlbåd-4711";

fn people_password() -> &'static str {
    environment().fact("PEOPLE_PASSWORD")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_employee_changes_the_password_and_only_the_new_one_works() {
    let service = Service::start().await;
    let person = Admin::new().await.person().await;
    let visitor = service.visitor();
    visitor.get("/").await.says("Brugernavn og adgangskode");
    let account = visitor.logged_in(&person.sam, PASSWORD).await;
    account.says("Testa Prøvesen");
    account.says(&person.sam);
    account.says("Sidst skiftet");
    let form = visitor.get(&format!("{}/password", account.account_path())).await;
    form.says("Mindst 12 tegn");
    form.says("Mindst tre af disse slags");
    form.says("Ikke en af de 24 adgangskoder");
    let done = visitor.change(&account, PASSWORD, NEW).await;
    done.says("Din adgangskode er skiftet");
    done.says("VPN");
    assert_eq!(bind(&person.dn, NEW).await, Ok(()));
    assert_eq!(bind(&person.dn, PASSWORD).await, Err("52e".to_owned()));
    let account = visitor.get(&account.path).await;
    account.says("Adgangskoden blev skiftet");
    account.says("Der blev logget ind");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_spelling_of_the_account_name_logs_in() {
    let service = Service::start().await;
    let person = Admin::new().await.person().await;
    for name in [
        person.sam.clone(),
        person.sam.to_uppercase(),
        format!("  {} ", person.sam),
        format!("{}@kommune.test", person.sam),
        format!("KOMMUNE\\{}", person.sam),
        format!("kommune\\{}", person.sam),
    ] {
        service.visitor().logged_in(&name, PASSWORD).await;
    }
    service.visitor().logged_in("ulla@skole.test", people_password()).await.says("ulla.s");
    for name in [format!("ANDRE\\{}", person.sam), format!("{}@andre.test", person.sam), "Testa Prøvesen".to_owned()] {
        service.visitor().log_in(&name, PASSWORD).await.says("Vi kunne ikke logge dig ind");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_or_must_change_password_is_proof_and_can_be_renewed() {
    let service = Service::start().await;
    let mut admin = Admin::new().await;
    let (must, expired) = (admin.person().await, admin.person().await);
    admin.must_change(&must).await;
    environment().age(&expired.sam, 100);
    let visitor = service.visitor();
    let account = visitor.logged_in(&must.sam, PASSWORD).await;
    account.says("Du skal vælge en ny adgangskode");
    visitor.change(&account, PASSWORD, NEW).await.says("Din adgangskode er skiftet");
    assert_eq!(bind(&must.dn, NEW).await, Ok(()));
    let visitor = service.visitor();
    let account = visitor.logged_in(&expired.sam, PASSWORD).await;
    account.says("Din adgangskode er udløbet");
    account.says("Udløb");
    visitor.change(&account, PASSWORD, NEW).await.says("Din adgangskode er skiftet");
    assert_eq!(bind(&expired.dn, NEW).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_fresh_from_the_helpdesk_can_be_changed_at_once_when_it_must_be() {
    let service = Service::start().await;
    let mut admin = Admin::new().await;
    let person = admin.young_person().await;
    admin.must_change(&person).await;
    let visitor = service.visitor();
    let account = visitor.logged_in(&person.sam, PASSWORD).await;
    visitor.change(&account, PASSWORD, NEW).await.says("Din adgangskode er skiftet");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_state_of_an_account_is_told_only_to_who_knows_the_password() {
    let service = Service::start().await;
    let mut refused = Vec::new();
    for name in ["lone", "dorte", "aksel", "nobody-by-this-name", "beate-x"] {
        let page = service.visitor().log_in(name, people_password()).await;
        refused.push((page.status, page.text.clone(), page.headers.get("set-cookie").is_some()));
    }
    let wrong = service.visitor().log_in("nina", "Helt-Forkert-99").await;
    refused.push((wrong.status, wrong.text.clone(), wrong.headers.get("set-cookie").is_some()));
    assert!(refused.windows(2).all(|w| w[0] == w[1]), "{refused:#?}");
    service.visitor().logged_in("nina", people_password()).await.says("Udløber ikke");
    service.visitor().logged_in("soren", people_password()).await.says("Søren \"Pølse\" Ærø, Å");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_young_password_is_told_when_it_can_be_changed_before_anything_is_typed() {
    let service = Service::start().await;
    let mut admin = Admin::new().await;
    let person = admin.young_person().await;
    let visitor = service.visitor();
    let account = visitor.logged_in(&person.sam, PASSWORD).await;
    let set: i64 = admin.value(&person.sam, "pwdLastSet").await.parse().expect("ticks");
    let at = os2nykode::model::ad::filetime::point(set).expect("a time") + jiff::SignedDuration::from_hours(24);
    // The page shows the time to the minute, rounded up so that it is never too early.
    let minute = jiff::TimestampRound::new().smallest(jiff::Unit::Minute).mode(jiff::RoundMode::Ceil);
    let local = at.round(minute).expect("a time").to_zoned(jiff::tz::TimeZone::get("Europe/Copenhagen").expect("the zone"));
    let expected = format!("kl. {}", local.strftime("%H.%M"));
    let form = visitor.get(&format!("{}/password", account.account_path())).await;
    form.says("Du kan skifte den igen");
    form.says(&expected);
    let refused = visitor.change(&account, PASSWORD, NEW).await;
    assert_eq!(refused.status, 422);
    refused.says(&expected);
    assert_eq!(bind(&person.dn, PASSWORD).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_broken_rule_is_told_at_once_and_in_the_language_asked_for() {
    let service = Service::start().await;
    let mut admin = Admin::new().await;
    let sam = crate::environment::unique("q");
    let person = admin.person_named(&sam, "Ågot", "Sørensen").await;
    environment().age(&person.sam, 10);
    let mut visitor = service.visitor();
    let account = visitor.logged_in(&person.sam, PASSWORD).await;
    let page = visitor.change(&account, PASSWORD, "s0rensen").await;
    assert_eq!(page.status, 422);
    page.says("for kort. Den skal have mindst 12 tegn");
    page.says("mindst tre af disse slags");
    page.says("indeholder navn eller brugernavn");
    let page = visitor.change(&account, PASSWORD, PASSWORD).await;
    page.says("den samme som den nuværende");
    let page = visitor.change_with_repeat(&account, PASSWORD, NEW, "Noget-Skifer-4711").await;
    page.says("De to nye adgangskoder er ikke ens");
    let page = visitor.change(&account, "", "").await;
    page.says("Skriv Nuværende adgangskode");
    let page = visitor.change(&account, "Forkert-Kode-99", NEW).await;
    page.says("Den nuværende adgangskode er forkert");
    visitor.language = "en";
    visitor.change(&account, "Forkert-Kode-99", NEW).await.says("The current password is wrong");
    visitor.change(&account, PASSWORD, "aagot-Hest-99").await.says("holds the name");
    assert_eq!(bind(&person.dn, PASSWORD).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_was_used_before_is_refused_as_such() {
    let service = Service::start().await;
    let person = Admin::new().await.person().await;
    let visitor = service.visitor();
    let account = visitor.logged_in(&person.sam, PASSWORD).await;
    visitor.change(&account, PASSWORD, NEW).await.says("Din adgangskode er skiftet");
    environment().age(&person.sam, 5);
    visitor.change(&account, NEW, "Rolig-Cykel-Havre-472").await.says("Din adgangskode er skiftet");
    environment().age(&person.sam, 5);
    let page = visitor.change(&account, "Rolig-Cykel-Havre-472", NEW).await;
    page.says("er brugt før");
    page.says("24 seneste");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_ends_every_other_session_of_the_account() {
    let service = Service::start().await;
    let mut admin = Admin::new().await;
    let (person, bystander) = (admin.person().await, admin.person().await);
    let (visitor, intruder, other) = (service.visitor(), service.visitor(), service.visitor());
    let account = visitor.logged_in(&person.sam, PASSWORD).await;
    intruder.logged_in(&person.sam, PASSWORD).await;
    let others = other.logged_in(&bystander.sam, PASSWORD).await;
    visitor.change(&account, PASSWORD, NEW).await.says("Din adgangskode er skiftet");
    intruder.get(&account.path).await.says("Du er logget ud, fordi");
    visitor.get(&account.path).await.says(&person.sam);
    other.get(&others.path).await.says(&bystander.sam);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_change_is_told_so() {
    let service = Service::start().await;
    let visitor = service.visitor();
    let account = visitor.logged_in("clara", people_password()).await;
    visitor.change(&account, people_password(), NEW).await.says("ikke selv kan skifte adgangskoden");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_strictest_of_pso_domain_default_and_nested_groups_holds() {
    let setup = Setup {
        more: "[rate_limit.name]\nattempts_before_delay = 100\n[rate_limit.address]\nattempts_before_delay = 1000\n[login.ad_password]\nanswer_after_ms = 0\n\
            [policy.default]\nmin_length = 9\nforbidden_words = [\"kommune\"]\n\
            [[policy.group]]\ngroup = \"Alle laerere\"\nmin_length = 16\nspecial = true\n",
        ..Setup::default()
    };
    let service = setup.start().await;
    let visitor = service.visitor();
    let pia = visitor.logged_in("pia", people_password()).await;
    let form = visitor.get(&format!("{}/password", pia.account_path())).await;
    form.says("Mindst 14 tegn");
    form.says("Ikke en af de 10 adgangskoder");
    let visitor = service.visitor();
    let niels = visitor.logged_in("niels", people_password()).await;
    let form = visitor.get(&format!("{}/password", niels.account_path())).await;
    form.says("Mindst 16 tegn");
    form.says("Mindst ét specialtegn");
    let visitor = service.visitor();
    let anna = visitor.logged_in("anna", people_password()).await;
    let form = visitor.get(&format!("{}/password", anna.account_path())).await;
    form.says("Mindst 9 tegn");
    form.says("kommunen har forbudt");
    visitor.change(&anna, people_password(), "K0mmun3-2026-xyz").await.says("et ord, som er let at gætte");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_the_configuration_that_is_not_there_stops_every_change() {
    let setup = Setup {
        more: "[rate_limit.address]\nattempts_before_delay = 1000\n[login.ad_password]\nanswer_after_ms = 0\n[[policy.group]]\ngroup = \"Findes ikke\"\nmin_length = 16\n",
        ..Setup::default()
    };
    let service = setup.start().await;
    let person = Admin::new().await.person().await;
    let visitor = service.visitor();
    let page = visitor.log_in(&person.sam, PASSWORD).await;
    assert_eq!(page.status, 500);
    page.says("Der er noget galt hos os");
    page.says("Reference");
    assert!(!page.text.contains("Findes ikke"), "no cause on the page");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_what_was_typed() {
    let service = Service::start().await;
    let mut admin = Admin::new().await;
    let odd = [
        " Æøå-Hest-4711 ",
        "\"Citat\"-Hest-4711",
        "Smil-😀-Hest-4711",
        "a\u{30a}e\u{301}-Hest-4711-B",
        "שלום-Hest-4711",
        "100% & +plus = Hest-4711",
    ];
    for new in odd {
        let person = admin.person().await;
        let visitor = service.visitor();
        let account = visitor.logged_in(&person.sam, PASSWORD).await;
        visitor.change(&account, PASSWORD, new).await.says("Din adgangskode er skiftet");
        assert_eq!(bind(&person.dn, new).await, Ok(()), "{new:?}");
        service.visitor().logged_in(&person.sam, new).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_visit_takes_at_most_eight_operations() {
    let proxy = Proxy::start().await;
    let service = Setup { controllers: vec![proxy.address], ..Setup::default() }.start().await;
    let mut admin = Admin::new().await;
    // As in a running service: warm connections and a known controller, but expired policies.
    let other = admin.person().await;
    service.visitor().logged_in(&other.sam, PASSWORD).await;
    service.app.directory.forget_policies();
    let person = admin.person().await;
    let visitor = service.visitor();
    proxy.forget();
    let account = visitor.logged_in(&person.sam, PASSWORD).await;
    visitor.change(&account, PASSWORD, NEW).await.says("Din adgangskode er skiftet");
    let (binds, searches, writes) = (proxy.count(BIND), proxy.count(SEARCH), proxy.count(MODIFY));
    assert_eq!((binds, writes), (2, 1), "one bind to log in, one to prove, one write");
    assert!(proxy.operations() <= 8, "{binds} binds, {searches} searches, {writes} writes");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_tells_the_whole_story_and_no_secret() {
    let service = Service::start().await;
    let person = Admin::new().await.person().await;
    let visitor = service.visitor();
    let before = service.app.clock.now().round(Unit::Second).expect("a time") - jiff::SignedDuration::from_secs(1);
    visitor.log_in(&person.sam, "Forkert-Kode-99").await;
    visitor.log_in("Min-Hemmelige-Kode-1", "x").await;
    let account = visitor.logged_in(&person.sam, PASSWORD).await;
    visitor.change(&account, "Forkert-Kode-99", NEW).await;
    visitor.change(&account, PASSWORD, "kort").await;
    visitor.change(&account, PASSWORD, NEW).await;
    let account = visitor.get(&account.path).await;
    let token = crate::page_check::attribute(&account.html, "header input[name=csrf]", "value").expect("a logout form");
    visitor.post("/logout", &[("csrf", &token)]).await.says("Du er logget ud");
    let guid = Admin::new().await.guid(&person.sam).await;
    let history = service.app.audit.history_of(guid, 50, before).await.expect("read");
    let story: Vec<_> =
        history.iter().rev().map(|e| format!("{} {} {}", e.event.kind.code(), e.event.outcome.code(), e.event.reason)).collect();
    assert_eq!(
        story,
        [
            "sign_in refused wrong_password",
            "sign_in succeeded proven",
            "change_outcome refused wrong_current",
            "change_outcome refused too_short+not_complex+guessable+common_word",
            "change_outcome succeeded ",
            "sign_out succeeded ",
        ]
    );
    let last = &history.last().expect("entries").event;
    assert_eq!(last.client, Some("127.0.0.1".parse().expect("an address")));
    assert_eq!(last.controller.as_deref(), Some(environment().fact("DC_NAME")));
    let database = std::fs::read(service.dir.path().join("os2nykode.db")).expect("the database");
    let wal = std::fs::read(service.dir.path().join("os2nykode.db-wal")).unwrap_or_default();
    for secret in [PASSWORD, NEW, "Forkert-Kode-99", "Hemmelige"] {
        for bytes in [&database, &wal] {
            assert!(!bytes.windows(secret.len()).any(|w| w == secret.as_bytes()), "{secret} is not in the database");
        }
    }
}
