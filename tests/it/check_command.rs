//! The check command: each finding states a result and, for a problem, the remedy.

mod domain;
mod peer;
mod store;
mod tls;
mod web;

use os2nykode::{
    check::{self, FindingLevel, Options, Report},
    clock::ShiftedClock,
};

use crate::{
    environment::{environment, unique},
    people::Admin,
    proxy::{Mischief, Proxy},
    service::Setup,
};

async fn check(setup: Setup, replace: &[(&str, &str)], account: Option<&str>, clock: &ShiftedClock) -> Report {
    let dir = tempfile::tempdir().expect("a folder");
    let mut text = setup.text(dir.path(), "127.0.0.1:0");
    for (from, to) in replace {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    let path = dir.path().join("config.toml");
    crate::service::write_private(&path, text).expect("written");
    let config = os2nykode::config::load(&path, std::iter::empty()).unwrap_or_else(|p| panic!("{p}"));
    check::run(&config, &Options { account: account.map(str::to_owned), ..Options::default() }, clock).await
}

fn has(report: &Report, level: FindingLevel, what: &str, advice: &str) {
    let found = report.findings.iter().any(|f| f.level == level && f.what.contains(what) && f.advice.contains(advice));
    assert!(found, "{level:?} {what:?} → {advice:?} in\n{report}");
    for secret in [environment().fact("SERVICE_PASSWORD"), environment().fact("BARE_PASSWORD"), crate::service::SECRET] {
        assert!(!report.to_string().contains(secret) && !report.json().contains(secret));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_up_that_is_right_has_no_problem() {
    let report = check(Setup::default(), &[], Some("anna"), &ShiftedClock::default()).await;
    assert!(report.is_good(), "{report}");
    for what in [
        "the first start creates it",
        "accepts connections",
        "certificate is trusted",
        "can log in",
        "clock differs by",
        "Reset Password on anna",
        "write lockoutTime on anna",
        "write pwdLastSet on anna",
        "objects (PSO) are readable",
        "are compatible",
    ] {
        has(&report, FindingLevel::Ok, what, "");
    }
    has(&report, FindingLevel::Warning, "no policy-hints control", "");
    let json: serde_json::Value = serde_json::from_str(&report.json()).expect("JSON");
    assert_eq!(json["findings"][0]["level"], "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_account_without_rights_is_told_the_delegation_that_is_missing() {
    let environment = environment();
    let bare = [
        (environment.fact("SERVICE_UPN"), environment.fact("BARE_UPN")),
        (environment.fact("SERVICE_PASSWORD"), environment.fact("BARE_PASSWORD")),
    ];
    let report = check(Setup::default(), &bare, Some("pia"), &ShiftedClock::default()).await;
    assert!(!report.is_good());
    has(&report, FindingLevel::Problem, "lacks Reset Password on pia", "/I:S /G \"KOMMUNE\\svc-bare:CA;Reset Password;user\"");
    has(&report, FindingLevel::Problem, "lacks write lockoutTime", "WP;lockoutTime;user");
    has(&report, FindingLevel::Problem, "lacks write pwdLastSet", "WP;pwdLastSet;user");
    has(&report, FindingLevel::Problem, "applies to pia and cannot be read", "Password Settings Container");
    let report = check(Setup::default(), &[], Some("beate"), &ShiftedClock::default()).await;
    has(&report, FindingLevel::Warning, "AdminSDHolder", "");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_trouble_with_a_certificate_has_its_own_advice() {
    for (certificate, key, what, advice) in [
        ("expired.pem", "expired.key", "EXPIRED", "renew the controller's certificate"),
        ("wrong-name.pem", "wrong-name.key", "not valid for the name", "the certificate is for"),
        ("foreign.pem", "foreign.key", "UnknownIssuer", "directory.ca_file"),
    ] {
        let proxy = Proxy::start().await;
        proxy.set(Mischief::Certificate(certificate, key));
        let report = check(Setup { controllers: vec![proxy.address], ..Setup::default() }, &[], None, &ShiftedClock::default()).await;
        has(&report, FindingLevel::Problem, what, advice);
        has(&report, FindingLevel::Problem, "no controller is usable", "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_that_is_away_silent_or_not_there_is_told_of() {
    let proxy = Proxy::start().await;
    proxy.set(Mischief::Stall);
    let stalled = check(Setup { controllers: vec![proxy.address], ..Setup::default() }, &[], None, &ShiftedClock::default()).await;
    has(&stalled, FindingLevel::Problem, "does not answer in time", "");
    let nobody = Setup { controllers: vec!["127.0.0.1:1".parse().expect("an address")], ..Setup::default() };
    has(&check(nobody, &[], None, &ShiftedClock::default()).await, FindingLevel::Problem, "is not reachable", "firewall");
    let address = format!(", address = \"{}\"", environment().fact("DC_IP"));
    let unknown = check(Setup::default(), &[(&address, "")], None, &ShiftedClock::default()).await;
    has(&unknown, FindingLevel::Problem, "cannot be resolved", "DNS");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_clock_base_group_or_policy_is_told_of() {
    let environment = environment();
    let wrong = check(Setup::default(), &[(environment.fact("SERVICE_PASSWORD"), "Helt-Forkert-99")], None, &ShiftedClock::default()).await;
    has(&wrong, FindingLevel::Problem, "wrong name or password", "Set-ADAccountPassword");
    let clock = ShiftedClock::default();
    clock.shift_to(600);
    has(&check(Setup::default(), &[], None, &clock).await, FindingLevel::Warning, "clock differs by -", "NTP");
    let base = format!("search_bases = [\"{}\"]", environment.fact("PEOPLE_OU"));
    let nowhere =
        check(Setup::default(), &[(&base, "search_bases = [\"OU=Findes ikke,DC=kommune,DC=test\"]")], None, &ShiftedClock::default()).await;
    has(&nowhere, FindingLevel::Problem, "OU=Findes ikke", "search_bases");
    let more = Setup {
        more: "[policy.default]\nmin_length = 3\nmax_length = 6\n[[policy.group]]\ngroup = \"Findes ikke\"\n[[reset.group]]\ngroup = \"Heller ikke\"\nlevel = \"high\"\n",
        ..Setup::default()
    };
    let report = check(more, &[], None, &ShiftedClock::default()).await;
    has(&report, FindingLevel::Problem, "at least 8 and at most 6", "");
    has(&report, FindingLevel::Problem, "Findes ikke", "all changes are refused");
    has(&report, FindingLevel::Problem, "Heller ikke", "all resets are refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_of_those_who_act_and_read_are_looked_for_and_looked_at() {
    let mut admin = Admin::new().await;
    let name = unique("kredse");
    let unit = admin.unit(&name).await;
    let (inside, outside) = (admin.group_in(&format!("Ind {name}"), &unit).await, admin.group(&format!("Ude {name}")).await);
    let more = format!(
        "[delegation.circles]\nou = \"{unit}\"\nadmins = \"{inside}\"\nmaster_admins = \"{outside}\"\n\
         [delegation]\nprotected_groups = [\"S-1-5-21-1-2-3-4711\"]\n[audit]\nauditors = [\"Findes ikke\"]\n"
    );
    let report = check(Setup { more: more.leak(), ..Setup::default() }, &[], None, &ShiftedClock::default()).await;
    has(&report, FindingLevel::Warning, &format!("{inside} lies below {unit}"), "move it");
    assert!(!report.to_string().contains(&format!("{outside} lies")), "{report}");
    has(&report, FindingLevel::Problem, "S-1-5-21-1-2-3-4711", "all delegation is refused");
    has(&report, FindingLevel::Problem, "Findes ikke", "audit.auditors");
}

#[tokio::test(flavor = "multi_thread")]
async fn starttls_works_and_is_checked_as_well() {
    let dir = tempfile::tempdir().expect("a folder");
    let replace = [("port = 636", "port = 389, transport = \"starttls\"")];
    let report = check(Setup::default(), &replace, None, &ShiftedClock::default()).await;
    assert!(report.is_good(), "{report}");
    let text = Setup::default().text(dir.path(), "127.0.0.1:0").replace(replace[0].0, replace[0].1);
    let path = dir.path().join("config.toml");
    crate::service::write_private(&path, text).expect("written");
    let config = os2nykode::config::load(&path, std::iter::empty()).unwrap_or_else(|p| panic!("{p}"));
    assert!(os2nykode::directory::Directory::new(&config.directory).expect("set up").ready().await.is_ok());
}
