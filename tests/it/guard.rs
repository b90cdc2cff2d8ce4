//! The lockout guard: strangers cannot lock an account, guess without limit, or find out which accounts exist.

use std::time::Instant;

use crate::{
    environment::{environment, unique},
    people::{Admin, PASSWORD},
    service::{SECRET, Service, Setup},
    store::postgres_database,
};

const WRONG: &str = "Helt-Forkert-99";

async fn tries(sam: &str) -> u32 {
    Admin::new().await.value(sam, "badPwdCount").await.parse().unwrap_or(0)
}

async fn is_locked(sam: &str) -> bool {
    Admin::new().await.value(sam, "lockoutTime").await.parse::<i64>().unwrap_or(0) != 0
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_one_after_the_other_stop_before_the_reserve() {
    let service = Service::start().await;
    let person = Admin::new().await.person().await;
    for _ in 0..8 {
        service.visitor().log_in(&person.sam, WRONG).await.says("Vi kunne ikke logge dig ind");
    }
    assert_eq!(tries(&person.sam).await, 2, "the domain locks at 5, 2 are kept in reserve, and 1 for a browser that the owner has used");
    assert!(!is_locked(&person.sam).await);
    // The right password is not tried on AD either, with the same answer.
    service.visitor().log_in(&person.sam, PASSWORD).await.says("Vi kunne ikke logge dig ind");
    assert_eq!(tries(&person.sam).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_never_keep_the_owner_out_of_a_browser_that_they_have_used() {
    for more in [
        "[login.ad_password]\nanswer_after_ms = 0\n",
        "[rate_limit.address]\nattempts_before_delay = 2\n[login.ad_password]\nanswer_after_ms = 0\n",
    ] {
        let service = Setup { more, ..THROTTLED }.start().await;
        let person = Admin::new().await.person().await;
        let owner = service.visitor();
        owner.logged_in(&person.sam, PASSWORD).await;
        for _ in 0..3 {
            for _ in 0..8 {
                service.visitor().log_in(&person.sam, WRONG).await;
            }
            assert!(tries(&person.sam).await <= 2);
            owner.logged_in(&person.sam, PASSWORD).await;
        }
        assert_eq!(service.visitor().log_in(&person.sam, PASSWORD).await.status, 429, "a browser that nobody has used waits");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_browser_has_tries_of_its_own_and_no_more_than_them() {
    let service = THROTTLED.start().await;
    let mut admin = Admin::new().await;
    let (person, other) = (admin.person().await, admin.person().await);
    let stolen = service.visitor();
    stolen.logged_in(&person.sam, PASSWORD).await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(stolen.log_in(&person.sam, WRONG).await.status.as_u16());
    }
    assert_eq!(statuses, [422, 422, 422, 429, 429]);
    assert_eq!(tries(&person.sam).await, 3, "the reserve is left");
    // For another account, the stolen browser is a stranger's.
    for _ in 0..5 {
        stolen.log_in(&other.sam, WRONG).await;
    }
    assert!(tries(&other.sam).await <= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_all_at_once_and_by_every_name_do_not_lock_the_account() {
    let service = Service::start().await;
    let person = Admin::new().await.person().await;
    let names = [person.sam.clone(), format!("{}@kommune.test", person.sam), format!("KOMMUNE\\{}", person.sam)];
    let logins = (0..24).map(|i| {
        let (visitor, name) = (service.visitor(), names[i % 3].clone());
        async move { visitor.log_in(&name, WRONG).await }
    });
    futures_util::future::join_all(logins).await;
    assert!(tries(&person.sam).await <= 3, "{}", tries(&person.sam).await);
    assert!(!is_locked(&person.sam).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_on_one_database_guard_together() {
    let url = postgres_database().await;
    let first = Setup { store: Some(url.clone()), ..Setup::default() }.start().await;
    let second = Setup { store: Some(url), ..Setup::default() }.start().await;
    let person = Admin::new().await.person().await;
    let logins = (0..16).map(|i| {
        let visitor = if i % 2 == 0 { first.visitor() } else { second.visitor() };
        let name = person.sam.clone();
        async move { visitor.log_in(&name, WRONG).await }
    });
    futures_util::future::join_all(logins).await;
    assert!(tries(&person.sam).await <= 3, "{}", tries(&person.sam).await);
    assert!(!is_locked(&person.sam).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_current_passwords_in_the_change_form_are_guarded_too() {
    let service = Service::start().await;
    let person = Admin::new().await.person().await;
    let visitor = service.visitor();
    let account = visitor.logged_in(&person.sam, PASSWORD).await;
    let mut held = false;
    for _ in 0..7 {
        let page = visitor.change(&account, WRONG, "Blå-Sejlbåd-4711").await;
        held |= page.text.contains("tæt på at blive låst");
    }
    assert!(held, "the guard says so");
    assert!(!is_locked(&person.sam).await);
    assert!(tries(&person.sam).await <= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_the_services_own_account_nor_protected_ones_are_tried() {
    let service = THROTTLED.start().await;
    let mut admin = Admin::new().await;
    let person = admin.person().await;
    admin.replace(&person.dn, "adminCount", "1").await;
    let own = service.app.config.directory.bind_user.clone();
    let own_sam = own.split('@').next().expect("a name").to_owned();
    let before = tries(&own_sam).await;
    for (name, typed) in [(&person.sam, PASSWORD), (&person.sam, WRONG), (&own, WRONG), (&own_sam, WRONG)] {
        service.visitor().log_in(name, typed).await.says("Vi kunne ikke logge dig ind");
    }
    assert_eq!((tries(&person.sam).await, tries(&own_sam).await), (0, before), "AD was not asked");
    let open = Setup { more: "[login.ad_password]\nanswer_after_ms = 0\nprotected_accounts = true\n", ..THROTTLED }.start().await;
    open.visitor().logged_in(&person.sam, PASSWORD).await;
    open.visitor().log_in(&own, WRONG).await.says("Vi kunne ikke logge dig ind");
    assert_eq!(tries(&own_sam).await, before, "the service's own never");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reserve_that_takes_the_whole_threshold_leaves_a_try_all_the_same() {
    let service = Setup {
        more: "[rate_limit.address]\nattempts_before_delay = 1000\n[login.ad_password]\nanswer_after_ms = 0\nlockout_reserve = 5\n",
        ..Setup::default()
    };
    let service = service.start().await;
    let person = Admin::new().await.person().await;
    for _ in 0..3 {
        service.visitor().log_in(&person.sam, WRONG).await.says("Vi kunne ikke logge dig ind");
    }
    assert_eq!(tries(&person.sam).await, 1);
    let other = Admin::new().await.person().await;
    service.visitor().logged_in(&other.sam, PASSWORD).await;
}

const THROTTLED: Setup = Setup {
    controllers: Vec::new(),
    more: "[login.ad_password]\nanswer_after_ms = 0\n",
    directory: "",
    server: "",
    store: None,
    port: None,
    listen: None,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_fourth_try_waits_for_known_and_unknown_names_alike_and_after_a_restart() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = Some(format!("sqlite://{}/shared.db", dir.path().display()));
    let service = Setup { store: store.clone(), ..THROTTLED }.start().await;
    let known = Admin::new().await.person().await.sam;
    let unknown = unique("ukendt");
    for name in [&known, &unknown] {
        for _ in 0..3 {
            assert_eq!(service.visitor().log_in(name, WRONG).await.status, 422);
        }
        let page = service.visitor().log_in(name, WRONG).await;
        assert_eq!(page.status, 429);
        page.says("Du kan prøve igen");
    }
    assert_eq!(tries(&known).await, 2);
    let restarted = Setup { store, ..THROTTLED }.start().await;
    assert_eq!(restarted.visitor().log_in(&known, PASSWORD).await.status, 429);
    restarted.clock.shift_to(31);
    assert_eq!(restarted.visitor().log_in(&unknown, WRONG).await.status, 422);
    assert_eq!(restarted.visitor().log_in(&unknown, WRONG).await.status, 429);
    restarted.clock.shift_to(31 + 59);
    assert_eq!(restarted.visitor().log_in(&unknown, WRONG).await.status, 429, "the wait has doubled");
    restarted.clock.shift_to(31 + 61);
    assert_eq!(restarted.visitor().log_in(&unknown, WRONG).await.status, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_spelling_of_the_name_brings_no_new_tries() {
    let more = "[rate_limit.address]\nattempts_before_delay = 1000\n[login.ad_password]\nanswer_after_ms = 0\nlockout_reserve = 0\n";
    let service = Setup { more, ..THROTTLED }.start().await;
    let mut admin = Admin::new().await;
    let person = admin.person().await;
    let other_name = format!("{}@skole.test", unique("anden"));
    admin.replace(&person.dn, "userPrincipalName", &other_name).await;
    for _ in 0..3 {
        assert_eq!(service.visitor().log_in(&person.sam, WRONG).await.status, 422);
    }
    assert_eq!(service.visitor().log_in(&other_name, WRONG).await.status, 422, "the answer tells nothing");
    assert_eq!(tries(&person.sam).await, 3, "and AD was not asked");
    service.clock.shift_to(31);
    service.visitor().logged_in(&other_name, PASSWORD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_throttled_tries_does_not_fill_the_log() {
    let service = THROTTLED.start().await;
    let name = unique("ukendt");
    for _ in 0..15 {
        service.visitor().log_in(&name, WRONG).await;
    }
    let pool = sqlx::AnyPool::connect(&format!("sqlite://{}/os2nykode.db", service.dir.path().display())).await.expect("open");
    let (entries,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM audit").fetch_one(&pool).await.expect("count");
    pool.close().await;
    assert_eq!(entries, 4, "three that failed, and one word of the wait");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_success_gives_the_name_its_free_tries_back() {
    let service = THROTTLED.start().await;
    let person = Admin::new().await.person().await;
    for _ in 0..4 {
        assert_eq!(service.visitor().log_in(&person.sam, WRONG).await.status, 422);
        service.visitor().logged_in(&person.sam, PASSWORD).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_waits_whatever_names_it_tries_and_whatever_it_says_of_itself() {
    let setup = Setup { more: "[rate_limit.address]\nattempts_before_delay = 4\n[login.ad_password]\nanswer_after_ms = 0\n", ..THROTTLED };
    let service = setup.start().await;
    let visitor = service.visitor();
    let mut statuses = Vec::new();
    for i in 0..6 {
        let token = visitor.get("/login").await.token();
        let name = unique("ukendt");
        let request = visitor.request(reqwest::Method::POST, "/login").header("x-forwarded-for", format!("203.0.113.{i}"));
        let sent = request.form(&[("csrf", token.as_str()), ("name", &name), ("password", WRONG)]).send().await.expect("an answer");
        statuses.push(sent.status().as_u16());
    }
    assert_eq!(statuses, [422, 422, 422, 422, 429, 429]);
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_trusted_proxy_each_client_has_its_own_count() {
    let setup = Setup {
        more: "[rate_limit.address]\nattempts_before_delay = 2\n[login.ad_password]\nanswer_after_ms = 0\n",
        server: "trusted_proxies = [\"127.0.0.1/32\"]\n",
        ..THROTTLED
    };
    let service = setup.start().await;
    let visitor = service.visitor();
    for (client, expected) in
        [("203.0.113.1", 422), ("203.0.113.1", 422), ("203.0.113.1", 429), ("6.6.6.6, 203.0.113.1", 429), ("203.0.113.2", 422)]
    {
        let token = visitor.get("/login").await.token();
        let name = unique("ukendt");
        let request = visitor.request(reqwest::Method::POST, "/login").header("x-forwarded-for", client);
        let sent = request.form(&[("csrf", token.as_str()), ("name", &name), ("password", WRONG)]).send().await.expect("an answer");
        assert_eq!(sent.status().as_u16(), expected, "{client}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_logins_take_a_whole_number_of_steps_whatever_the_cause() {
    let setup = Setup {
        more: "[rate_limit.address]\nattempts_before_delay = 1000\n[rate_limit.name]\nattempts_before_delay = 100\n[login.ad_password]\nanswer_after_ms = 400\n",
        ..THROTTLED
    };
    let service = setup.start().await;
    let person = Admin::new().await.person().await;
    let names = [person.sam, unique("ukendt"), "dorte".to_owned(), "lone".to_owned(), "a\u{202e}b".to_owned(), String::new()];
    for name in names {
        let visitor = service.visitor();
        let token = visitor.get("/login").await.token();
        let started = Instant::now();
        let page = visitor.post("/login", &[("csrf", &token), ("name", &name), ("password", WRONG)]).await;
        let elapsed = started.elapsed().as_millis();
        assert_eq!(page.status, 422);
        let beyond = elapsed % 400;
        assert!(elapsed >= 400 && beyond < 200, "{name:?} took {elapsed} ms");
    }
}

#[test]
fn the_tests_secret_is_not_a_real_one() {
    assert_eq!(data_encoding::BASE64.decode(SECRET.as_bytes()).expect("base64"), (0..32).collect::<Vec<u8>>());
    assert_eq!(environment().fact("REALM"), "KOMMUNE.TEST");
}
