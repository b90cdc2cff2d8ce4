//! Findings of the check command and of the configuration about log forwarding.

use os2nykode::{
    check::{self, FindingLevel, Options, Report},
    clock::ShiftedClock,
    config,
};

use crate::{
    environment::environment,
    oidc::liar::Says,
    registers::peer::{Peer, trusted},
    service::Setup,
};

async fn check(more: &str) -> Report {
    let dir = tempfile::tempdir().expect("a folder");
    let config = Setup { more: more.to_owned().leak(), ..Setup::default() }.config(dir.path());
    check::run(&config, &Options::default(), &ShiftedClock::default()).await
}

fn has(report: &Report, level: FindingLevel, what: &str, advice: &str) {
    let found = report
        .findings
        .iter()
        .any(|f| f.area == "audit.forward x" && f.level == level && f.what.contains(what) && f.advice.contains(advice));
    assert!(found, "{level:?} {what:?} → {advice:?} in\n{report}");
    assert!(!report.to_string().contains("sesam") && !report.to_string().contains("0123456789abcdef"), "no secret: {report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_target_is_tried_and_nothing_is_sent() {
    let peer = Peer::start();
    let hook = |more: &str| {
        format!(
            "[[audit.forward]]\nid = \"x\"\nkind = \"hook\"\nurl = \"{}\"\ntoken = \"sesam\"\nsigning_key = \"0123456789abcdef0123456789abcdef\"\ntimeout_seconds = 1\n{more}",
            peer.url("/told")
        )
    };
    for (says, level, what, advice) in [
        (Says::Status(204), FindingLevel::Ok, "it answers", ""),
        (Says::Status(405), FindingLevel::Ok, "it answers", ""),
        (Says::Status(401), FindingLevel::Problem, "answered 401", "compare token_file"),
        (Says::Status(404), FindingLevel::Problem, "answered 404", "correct url"),
        (Says::Nothing, FindingLevel::Problem, "no answer in time", "timeout_seconds"),
    ] {
        peer.says(says);
        has(&check(&hook(&trusted())).await, level, what, advice);
        assert!(peer.asked().iter().all(|question| question.method == "HEAD" && question.body.is_empty()));
    }
    has(&check(&hook("")).await, FindingLevel::Problem, "can't be reached", "ca_file");
    let folder = tempfile::tempdir().expect("a folder");
    let file = |path: &str| format!("[[audit.forward]]\nid = \"x\"\nkind = \"file\"\npath = \"{path}\"\n");
    let path = folder.path().join("audit.jsonl");
    has(&check(&file(&path.display().to_string())).await, FindingLevel::Ok, "can write", "");
    assert!(!path.exists());
    has(&check(&file("/nowhere/audit.jsonl")).await, FindingLevel::Problem, "can't be written", "create the folder");
    let nobody = "[[audit.forward]]\nid = \"x\"\nkind = \"syslog\"\nhost = \"127.0.0.1\"\nport = 1\ntransport = \"tcp\"\n";
    has(&check(nobody).await, FindingLevel::Problem, "can't be reached: Connection refused", "check that this machine can reach it");
    has(
        &check(&nobody.replace("127.0.0.1", "192.0.2.1").replace("port = 1", "timeout_seconds = 1")).await,
        FindingLevel::Warning,
        "in clear",
        "\"tls\"",
    );
    has(
        &check(&nobody.replace("tcp", "tls").replace("port = 1", "host2 = 1").replace("host2 = 1", "")).await,
        FindingLevel::Problem,
        "can't be reached",
        "",
    );
}

/// All problems of a target's configuration.
fn problems(more: &str) -> String {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("config.toml");
    crate::service::write_private(&path, Setup { more: more.to_owned().leak(), ..Setup::default() }.text(dir.path(), "127.0.0.1:0"))
        .expect("written");
    config::load(&path, std::iter::empty()).expect_err("refused").to_string()
}

#[test]
fn a_wrong_target_is_refused_with_what_to_do() {
    let ca = environment().fact("CA_FILE");
    for (more, told) in [
        ("[[audit.forward]]\nkind = \"file\"\npath = \"/x\"\n".to_owned(), "audit.forward[0].id: missing"),
        ("[[audit.forward]]\nid = \"A b\"\nkind = \"file\"\npath = \"/x\"\n".to_owned(), "1 to 32 of a-z"),
        ("[[audit.forward]]\nid = \"a\"\n".to_owned(), "audit.forward \"a\".kind: missing"),
        ("[[audit.forward]]\nid = \"a\"\nkind = \"mail\"\n".to_owned(), "audit.forward[0].kind: has to be"),
        ("[[audit.forward]]\nid = \"a\"\nkind = \"file\"\npath = \"x\"\n".to_owned(), "has to begin with /"),
        ("[[audit.forward]]\nid = \"a\"\nkind = \"file\"\npath = \"/x\"\nhost = \"y\"\n".to_owned(), "host: is not for this kind"),
        ("[[audit.forward]]\nid = \"a\"\nkind = \"file\"\npath = \"/x\"\n[[audit.forward]]\nid = \"a\"\nkind = \"file\"\npath = \"/y\"\n".to_owned(), "two targets have this id"),
        ("[[audit.forward]]\nid = \"a\"\nkind = \"syslog\"\n".to_owned(), "host: missing"),
        ("[[audit.forward]]\nid = \"a\"\nkind = \"syslog\"\nhost = \"x:514\"\ntimeout_seconds = 60\n".to_owned(), "timeout_seconds: has to be 1 to 30"),
        (format!("[[audit.forward]]\nid = \"a\"\nkind = \"syslog\"\nhost = \"x\"\ntransport = \"tcp\"\nca_file = \"{ca}\"\n"), "ca_file: is not for this kind"),
        ("[[audit.forward]]\nid = \"a\"\nkind = \"hook\"\nurl = \"http://elsewhere/\"\nsigning_key = \"0123456789abcdef0123456789abcdef\"\n".to_owned(), "https://"),
        ("[[audit.forward]]\nid = \"a\"\nkind = \"hook\"\nurl = \"https://x/\"\n".to_owned(), "signing_key: missing"),
        ("[[audit.forward]]\nid = \"a\"\nkind = \"hook\"\nurl = \"https://x/\"\nsigning_key = \"short\"\n".to_owned(), "32 characters"),
        ("[[audit.forward]]\nid = \"a\"\nkind = \"hook\"\nurl = \"https://x/\"\nsigning_key = \"0123456789abcdef0123456789abcdef\"\nnotices = [\"x\"]\n".to_owned(), "holds an unknown word"),
        ("[[audit.forward]]\nid = \"a\"\nkind = \"hook\"\nurl = \"https://x/\"\nsigning_key = \"0123456789abcdef0123456789abcdef\"\nnotices = []\n".to_owned(), "is empty"),
        ("[[audit.forward]]\nid = \"a\"\nkind = \"file\"\npath = \"/x\"\npaht = 1\n".to_owned(), "unknown key"),
        ("[audit.alerts]\nwindow_minutes = 0\n".to_owned(), "audit.alerts.window_minutes: has to be 1 to 1440"),
        ("[audit.alerts]\nresets_by_one_helper = 1\n".to_owned(), "2 to 10000, or 0"),
    ] {
        let problems = problems(&more);
        assert!(problems.contains(told), "{told:?} in {problems}\nof {more}");
        assert!(!problems.contains("0123456789abcdef") && !problems.contains("short"), "no secret");
    }
}
