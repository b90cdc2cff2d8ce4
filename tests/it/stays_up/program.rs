//! The program: signals, a database that is late, notifications to systemd, counters and log.

use std::{
    net::SocketAddr,
    os::unix::net::UnixDatagram,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use os2nykode::clock::{Clock, SystemClock};
use sqlx::{AnyConnection, Connection};

use super::{behind_a_proxy, until};
use crate::{
    environment::environment,
    people::{Admin, PASSWORD},
    process::{PROGRAM, free_address},
    service::Setup,
    store::postgres_database,
};

/// The program, possibly not ready.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Program {
    fn start(dir: &Path, variables: &[(&str, &str)]) -> Self {
        let log = std::fs::File::create(dir.join("log")).expect("a log");
        let mut command = Command::new(PROGRAM);
        command.arg("--config").arg(dir.join("config.toml")).arg("serve").stdin(Stdio::null());
        command.envs(variables.iter().copied()).stdout(log.try_clone().expect("a log")).stderr(log);
        Self(command.spawn().expect("started"))
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.0.id().to_string()]).status().expect("kill").success());
    }

    fn is_alive(&mut self) -> bool {
        self.0.try_wait().expect("asked").is_none()
    }
}

fn log(dir: &Path) -> String {
    std::fs::read_to_string(dir.join("log")).unwrap_or_default()
}

async fn logged(dir: &Path, words: &str) {
    until(&format!("{words:?} in the log"), 30, async || log(dir).contains(words)).await;
}

async fn answers(address: SocketAddr, path: &str, status: u16) {
    until(&format!("{path} answers {status}"), 30, async || {
        reqwest::get(format!("http://{address}{path}")).await.is_ok_and(|answer| answer.status() == status)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sighup_reads_again_what_can_be_read_again_and_ends_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let (address, config) = (free_address(), dir.path().join("config.toml"));
    let right = behind_a_proxy(&Setup::default(), dir.path(), address);
    let wrong = right.replace(environment().fact("SERVICE_PASSWORD"), "Et-Gammelt-Kodeord-1");
    assert_ne!(right, wrong);
    crate::service::write_private(&config, &wrong).expect("written");
    let mut program = Program::start(dir.path(), &[]);
    answers(address, "/health/live", 200).await;
    answers(address, "/health/ready", 503).await;
    // The service account's password has been changed in AD, and now in the configuration.
    crate::service::write_private(&config, right.replace("[server]\n", "[server]\nrequest_timeout_seconds = 20\n")).expect("written");
    program.signal("-HUP");
    answers(address, "/health/ready", 200).await;
    logged(dir.path(), "\"taken\":\"policy, directory.bind_password\"").await;
    logged(dir.path(), "\"sections\":\"server\"").await;
    // An invalid file changes nothing.
    crate::service::write_private(&config, "[site]\nnam = 1\n").expect("written");
    program.signal("-HUP");
    logged(dir.path(), "configuration rejected").await;
    assert!(program.is_alive());
    answers(address, "/health/ready", 200).await;
    assert!(!log(dir.path()).contains(environment().fact("SERVICE_PASSWORD")));
}

#[tokio::test(flavor = "multi_thread")]
async fn sighup_reads_a_renewed_certificate_and_keeps_the_old_one_where_that_is_broken() {
    let dir = tempfile::tempdir().expect("a folder");
    let (address, certificate) = (free_address(), dir.path().join("tls.pem"));
    std::fs::copy(environment().fact("WEB_CERT"), &certificate).expect("copied");
    let text = Setup::default().text(dir.path(), &address.to_string());
    let text = text.replace(
        &format!("certificate_file = \"{}\"", environment().fact("WEB_CERT")),
        &format!("certificate_file = \"{}\"", certificate.display()),
    );
    crate::service::write_private(dir.path().join("config.toml"), text).expect("written");
    let mut program = Program::start(dir.path(), &[]);
    logged(dir.path(), "\"message\":\"started\"").await;
    program.signal("-HUP");
    logged(dir.path(), "certificate reloaded").await;
    std::fs::write(&certificate, "no certificate").expect("written");
    program.signal("-HUP");
    logged(dir.path(), "new certificate unusable; previous one stays in use").await;
    let page = super::from(1).get(format!("https://localhost:{}/", address.port())).send().await.expect("an answer");
    assert!(page.status() == 200 && program.is_alive());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_policy_counts_after_sighup() {
    let dir = tempfile::tempdir().expect("a folder");
    let (address, metrics) = (free_address(), free_address());
    let text = |more: &'static str| {
        let text = behind_a_proxy(&Setup { more, ..Setup::default() }, dir.path(), address);
        text.replace("[server]\n", &format!("[server]\nmetrics_listen = \"{metrics}\"\n"))
            .replace("[store]", "[log]\nformat = \"text\"\n[store]")
    };
    crate::service::write_private(dir.path().join("config.toml"), text("[policy.default]\nmin_length = 9\n")).expect("written");
    let program = Program::start(dir.path(), &[]);
    answers(address, "/health/ready", 200).await;
    crate::service::write_private(dir.path().join("config.toml"), text("[policy.default]\nmin_length = 17\n")).expect("written");
    program.signal("-HUP");
    logged(dir.path(), "taken=\"policy\"").await;
    assert!(!log(dir.path()).contains("need a restart"), "nothing else has changed");
    assert!(!log(dir.path()).contains('\x1b'), "no colours in a file");
    // Counters start at zero, so that the first event is an increase.
    let told = reqwest::get(format!("http://{metrics}/metrics")).await.expect("metrics").text().await.expect("text");
    for line in [
        "os2nykode_errors_total 0",
        "os2nykode_outages_total{what=\"directory\"} 0",
        "os2nykode_connections_failed_total{step=\"tls\"} 0",
        "os2nykode_rate_limited_total 0",
        "os2nykode_ldap_controller_up",
    ] {
        assert!(told.contains(line), "{line} in {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_service_accounts_password_is_a_metric_and_a_warning_when_it_is_near() {
    let mut admin = Admin::new().await;
    let account = admin.person().await;
    // 100 ns since 1601: ten days from now.
    let end = (SystemClock.now().as_second() + 11_644_473_600 + 864_000) * 10_000_000;
    admin.replace(&account.dn, "accountExpires", &end.to_string()).await;
    let dir = tempfile::tempdir().expect("a folder");
    let (address, metrics) = (free_address(), free_address());
    let environment = environment();
    let text = behind_a_proxy(&Setup::default(), dir.path(), address)
        .replace("[server]\n", &format!("[server]\nmetrics_listen = \"{metrics}\"\n"))
        .replace(environment.fact("SERVICE_UPN"), &account.dn)
        .replace(environment.fact("SERVICE_PASSWORD"), PASSWORD);
    crate::service::write_private(dir.path().join("config.toml"), text).expect("written");
    let _program = Program::start(dir.path(), &[]);
    logged(dir.path(), "ends soon; then nobody can log in").await;
    let told = reqwest::get(format!("http://{metrics}/metrics")).await.expect("metrics").text().await.expect("text");
    let left = |what: &str| {
        let line = format!("os2nykode_ldap_service_account_expiry_seconds{{what=\"{what}\"}} ");
        let value = told.lines().find_map(|told| told.strip_prefix(&line)).unwrap_or_else(|| panic!("{line} in {told}"));
        value.parse::<f64>().expect("a number")
    };
    assert!((863_000.0..864_001.0).contains(&left("account")), "{}", left("account"));
    // The domain's passwords last for 90 days, and this one is ten days old.
    assert!((79.0 * 86_400.0..81.0 * 86_400.0).contains(&left("password")), "{}", left("password"));
}

/// Receiver of the notifications to systemd.
struct Ear(UnixDatagram);

impl Ear {
    fn at(dir: &Path) -> (Self, String) {
        let path = dir.join("notify");
        let ear = UnixDatagram::bind(&path).expect("a socket");
        ear.set_read_timeout(Some(Duration::from_secs(30))).expect("set");
        (Self(ear), path.display().to_string())
    }

    fn hears(&self) -> String {
        let mut bytes = [0; 512];
        let length = self.0.recv(&mut bytes).expect("something is told");
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_comes_late_is_waited_for_and_only_then_the_service_is_there() {
    let dir = tempfile::tempdir().expect("a folder");
    let (address, url) = (free_address(), postgres_database().await);
    let sockets = dir.path().join("sockets");
    let real = environment().fact("PG_SOCKET");
    let encoded = |path: &str| path.replace('/', "%2F");
    assert!(url.contains(&encoded(real)), "{url}");
    let late = url.replace(&encoded(real), &encoded(&sockets.display().to_string()));
    crate::service::write_private(
        dir.path().join("config.toml"),
        behind_a_proxy(&Setup { store: Some(late), ..Setup::default() }, dir.path(), address),
    )
    .expect("written");
    let (ear, path) = Ear::at(dir.path());
    let mut program = Program::start(dir.path(), &[("NOTIFY_SOCKET", &path), ("WATCHDOG_USEC", "3000000")]);
    // The watchdog's task and the start run side by side: either message may come first.
    let first = [ear.hears(), ear.hears()].concat();
    assert!(first.contains("WATCHDOG=1\n"), "{first}");
    assert!(first.contains("STATUS=waiting for the database") && first.contains("EXTEND_TIMEOUT_USEC="), "{first}");
    logged(dir.path(), "database not available yet").await;
    program.signal("-HUP"); // as a reload during boot would
    tokio::time::sleep(Duration::from_millis(500)).await; // longer than the signal would take to end the process
    assert!(program.is_alive());
    assert!(reqwest::get(format!("http://{address}/health/live")).await.is_err(), "nobody listens yet");
    std::os::unix::fs::symlink(real, &sockets).expect("the database is there");
    let told = tokio::task::spawn_blocking(move || {
        loop {
            let told = ear.hears();
            if told.contains("READY=1") {
                return told;
            }
        }
    });
    let told = told.await.expect("joined");
    assert!(reqwest::get(format!("http://{address}/health/live")).await.is_ok(), "it listens: {told}");
    program.signal("-TERM");
    until("it stops", 20, async || log(dir.path()).contains("\"stopped\"")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_does_not_let_us_in_is_not_waited_for_and_a_stop_ends_a_wait() {
    let dir = tempfile::tempdir().expect("a folder");
    let address = free_address();
    let unknown = environment().fact("PG_URL").replace("nykode@", "ingen@");
    crate::service::write_private(
        dir.path().join("config.toml"),
        behind_a_proxy(&Setup { store: Some(unknown), ..Setup::default() }, dir.path(), address),
    )
    .expect("written");
    let mut program = Program::start(dir.path(), &[]);
    until("it ends", 20, async || log(dir.path()).contains("service terminated with an error")).await;
    assert_eq!(program.0.wait().expect("ended").code(), Some(1));
    let nobody = Setup { store: Some("postgres://nykode@127.0.0.1:1/x?sslmode=disable".to_owned()), ..Setup::default() };
    crate::service::write_private(dir.path().join("config.toml"), behind_a_proxy(&nobody, dir.path(), address)).expect("written");
    let mut program = Program::start(dir.path(), &[]);
    logged(dir.path(), "database not available yet").await;
    program.signal("-TERM");
    assert!(tokio::task::spawn_blocking(move || program.0.wait().expect("ended").success()).await.expect("joined"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_can_not_listen_has_not_started() {
    let dir = tempfile::tempdir().expect("a folder");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let text = behind_a_proxy(&Setup::default(), dir.path(), taken.local_addr().expect("bound"));
    crate::service::write_private(dir.path().join("config.toml"), text).expect("written");
    let mut program = Program::start(dir.path(), &[]);
    let code = tokio::task::spawn_blocking(move || program.0.wait().expect("ended").code()).await.expect("joined");
    assert_eq!(code, Some(1), "{}", log(dir.path()));
    sqlx::any::install_default_drivers();
    let mut database = AnyConnection::connect(&format!("sqlite://{}/os2nykode.db", dir.path().display())).await.expect("open");
    let entries: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM audit").fetch_one(&mut database).await.expect("counted");
    assert_eq!(entries, 0, "nothing was begun");
    database.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_of_open_files_is_raised() {
    let dir = tempfile::tempdir().expect("a folder");
    let address = free_address();
    crate::service::write_private(dir.path().join("config.toml"), behind_a_proxy(&Setup::default(), dir.path(), address)).expect("written");
    let mut program = Program::start(dir.path(), &[]);
    answers(address, "/health/live", 200).await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", program.0.id())).expect("limits");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("a line");
    let numbers: Vec<&str> = line.split_whitespace().skip(3).take(2).collect();
    assert_eq!(numbers[0], numbers[1], "as many as are allowed");
    assert!(program.is_alive());
}
