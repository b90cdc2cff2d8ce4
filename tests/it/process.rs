//! The program in operation: start, kill, stop, printed configuration.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use crate::{
    environment::environment,
    people::{Admin, PASSWORD, bind},
    proxy::{MODIFY, MODIFY_ANSWER, Mischief, Proxy},
    service::Setup,
    visitor::Visitor,
};

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_os2nykode");

pub struct Running {
    pub child: Child,
    address: SocketAddr,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound")
}

pub fn write_config(dir: &Path, setup: &Setup, address: SocketAddr) {
    crate::service::write_private(dir.join("config.toml"), setup.text(dir, &address.to_string())).expect("written");
}

pub async fn start(dir: &Path, address: SocketAddr) -> Running {
    start_by(Command::new(PROGRAM), dir, address).await
}

/// Starts the program by a command that receives the program's arguments.
pub async fn start_by(mut command: Command, dir: &Path, address: SocketAddr) -> Running {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(dir.join("log")).expect("a log");
    let child =
        command.arg("--config").arg(dir.join("config.toml")).arg("serve").stdout(log.try_clone().expect("a log")).stderr(log).spawn();
    let running = Running { child: child.expect("started"), address };
    let visitor = Visitor::new(address);
    for _ in 0..200 {
        if visitor.request(reqwest::Method::GET, "/health/ready").send().await.is_ok_and(|a| a.status() == 200) {
            return running;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("not ready: {}", std::fs::read_to_string(dir.join("log")).unwrap_or_default());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_middle_of_a_change_leaves_a_log_that_is_settled_at_the_next_start() {
    let dir = tempfile::tempdir().expect("a folder");
    let proxy = Proxy::start().await;
    let address = free_address();
    let setup =
        Setup { controllers: vec![proxy.address], directory: "write_timeout_seconds = 5\ntimeout_seconds = 1\n", ..Setup::default() };
    write_config(dir.path(), &setup, address);
    let mut running = start(dir.path(), address).await;
    let person = Admin::new().await.person().await;
    let visitor = Visitor::new(address);
    let account = visitor.logged_in(&person.sam, PASSWORD).await;
    let path = format!("{}/password", account.account_path());
    let form = visitor.get(&path).await;
    let (token, attempt) = (form.token(), form.attempt());
    proxy.set(Mischief::KeepAnswer(MODIFY_ANSWER));
    let sending = tokio::spawn({
        let (visitor, path, token, attempt) = (visitor.clone(), path.clone(), token.clone(), attempt.clone());
        async move {
            let fields = [
                ("csrf", token.as_str()),
                ("attempt", &attempt),
                ("current", PASSWORD),
                ("new", "Blå-Sejlbåd-4711"),
                ("repeat", "Blå-Sejlbåd-4711"),
            ];
            visitor.request(reqwest::Method::POST, &path).form(&fields).send().await.map(|a| a.status())
        }
    });
    let started = Instant::now();
    while bind(&person.dn, "Blå-Sejlbåd-4711").await.is_err() {
        assert!(started.elapsed() < Duration::from_secs(4), "AD has changed it");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    running.child.kill().expect("killed"); // SIGKILL between AD's change and the logged outcome
    running.child.wait().expect("ended");
    assert!(sending.await.expect("joined").is_err());
    proxy.set(Mischief::None);
    let again = start(dir.path(), address).await;
    assert_eq!(again.address, address);
    // The session survives in the store. The log has an unknown outcome first, and later AD's.
    let result = format!("{path}/{attempt}");
    visitor.get(&result).await.says("Din adgangskode er ved at blive skiftet");
    visitor.get(&account.path).await.says("vi ved endnu ikke, om det lykkedes");
    let started = Instant::now();
    loop {
        let page = visitor.get(&result).await;
        if page.text.contains("Din adgangskode er skiftet") {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(40), "settled from pwdLastSet: {}", page.text);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    visitor.get(&result).await.says("Vi har ikke prøvet den af");
    visitor.get(&account.path).await.says("Adgangskoden blev skiftet");
    let log = std::fs::read_to_string(dir.path().join("log")).expect("the log");
    for secret in [PASSWORD, "Sejlb", person.sam.as_str(), environment().fact("SERVICE_PASSWORD"), &attempt, "127.0.0.1:0"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_before_ad_was_asked_is_not_credited_with_what_an_administrator_set() {
    const THEIRS: &str = "Røde-Tagsten-5522";
    let dir = tempfile::tempdir().expect("a folder");
    let (proxy, address) = (Proxy::start().await, free_address());
    let directory = "write_timeout_seconds = 5\ntimeout_seconds = 1\n";
    write_config(dir.path(), &Setup { controllers: vec![proxy.address], directory, ..Setup::default() }, address);
    let mut running = start(dir.path(), address).await;
    let mut admin = Admin::new().await;
    let person = admin.person().await;
    let visitor = Visitor::new(address);
    let account = visitor.logged_in(&person.sam, PASSWORD).await;
    let path = format!("{}/password", account.account_path());
    let form = visitor.get(&path).await;
    let (token, attempt) = (form.token(), form.attempt());
    proxy.set(Mischief::HoldRequest(MODIFY));
    let sending = tokio::spawn({
        let (visitor, path, attempt) = (visitor.clone(), path.clone(), attempt.clone());
        async move {
            let new = "Blå-Sejlbåd-4711";
            let fields = [("csrf", token.as_str()), ("attempt", &attempt), ("current", PASSWORD), ("new", new), ("repeat", new)];
            visitor.request(reqwest::Method::POST, &path).form(&fields).send().await.map(|a| a.status())
        }
    });
    let started = Instant::now();
    while proxy.count(MODIFY) == 0 {
        assert!(started.elapsed() < Duration::from_secs(4), "the attempt is on disk");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let held = Instant::now();
    running.child.kill().expect("killed");
    running.child.wait().expect("ended");
    assert!(sending.await.expect("joined").is_err());
    // The second change comes over a second later, because AD's times could not distinguish them within the same second.
    tokio::time::sleep(Duration::from_millis(1200).saturating_sub(held.elapsed())).await;
    admin.set_password(&person, THEIRS).await;
    proxy.set(Mischief::None);
    let _again = start(dir.path(), address).await;
    let result = format!("{path}/{attempt}");
    let started = Instant::now();
    loop {
        let page = visitor.get(&result).await;
        assert!(!page.text.contains("er skiftet"), "nobody has seen that: {}", page.text);
        if page.text.contains("AD viser ikke, om det var dit skift") {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(40), "settled: {}", page.text);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    // The account lock of the settled attempt is free, although it was never released.
    Visitor::new(address).logged_in(&person.sam, THEIRS).await;
}

/// Complaints of Prometheus' linter (promtool) about the metrics.
fn complaints_of_promtool(metrics: &str) -> String {
    let mut linter = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed");
    std::io::Write::write_all(&mut linter.stdin.take().expect("piped"), metrics.as_bytes()).expect("written");
    let Output { status, stdout, stderr } = linter.wait_with_output().expect("ended");
    let told = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
    if status.success() { told } else { format!("{told}{status}") }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_starts_fast_logs_json_serves_metrics_and_stops_gracefully() {
    let dir = tempfile::tempdir().expect("a folder");
    let (address, metrics) = (free_address(), free_address());
    let proxy = Proxy::start().await;
    let text = Setup { controllers: vec![proxy.address], ..Setup::default() }
        .text(dir.path(), &address.to_string())
        .replace("[server]\n", &format!("[server]\nmetrics_listen = \"{metrics}\"\n"));
    crate::service::write_private(dir.path().join("config.toml"), text).expect("written");
    let mut running = start(dir.path(), address).await;
    let visitor = Visitor::new(address);
    visitor.log_in("ukendt-maaling", "Helt-Forkert-99").await;
    let told = reqwest::get(format!("http://{metrics}/metrics")).await.expect("metrics").text().await.expect("text");
    for name in [
        "os2nykode_http_requests_total{route=\"/login\",status=\"422\"}",
        "os2nykode_ldap_operations_total{operation=\"search\"}",
        "os2nykode_ldap_controller_up",
        "os2nykode_http_request_duration_seconds",
    ] {
        assert!(told.contains(name), "{name} in {told}");
    }
    assert!(!told.contains("ukendt") && !told.contains("127.0.0.1"), "no personal data");
    assert_eq!(complaints_of_promtool(&told), "", "{told}");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", running.child.id())).expect("limits");
    let core = limits.lines().find(|l| l.starts_with("Max core file size")).expect("a line");
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"]);
    let cmdline = std::fs::read(format!("/proc/{}/cmdline", running.child.id())).unwrap_or_default();
    assert!(!String::from_utf8_lossy(&cmdline).contains(environment().fact("SERVICE_PASSWORD")));
    proxy.set(Mischief::Slow(Duration::from_millis(300)));
    proxy.forget();
    let slow = tokio::spawn({
        let visitor = visitor.clone();
        async move { visitor.log_in("ukendt-maaling", "Helt-Forkert-99").await.status }
    });
    let begun = Instant::now();
    while proxy.operations() == 0 {
        assert!(begun.elapsed() < Duration::from_secs(20), "the login asks the controller");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(Command::new("kill").arg(running.child.id().to_string()).status().expect("kill").success());
    assert_eq!(slow.await.expect("joined"), 422, "what is under way is finished");
    let ended = tokio::task::spawn_blocking(move || running.child.wait().expect("ended")).await.expect("joined");
    assert!(ended.success());
    let log = BufReader::new(std::fs::File::open(dir.path().join("log")).expect("the log"));
    let lines: Vec<serde_json::Value> = log.lines().map(|l| serde_json::from_str(&l.expect("a line")).expect("JSON")).collect();
    assert!(lines.iter().any(|l| l["message"] == "stopped"));
    assert!(lines.iter().any(|l| l["route"] == "/login" && l["request"].is_string()));
}

fn run(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).stdin(Stdio::null()).output().expect("run")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_tell_scripts_how_it_went() {
    let dir = tempfile::tempdir().expect("a folder");
    let config = dir.path().join("config.toml");
    let path = config.to_str().expect("text");
    write_config(dir.path(), &Setup::default(), free_address());
    let good = run(&["--config", path, "check", "--json", "--account", "anna"]);
    assert_eq!(good.status.code(), Some(0), "{}", String::from_utf8_lossy(&good.stdout));
    serde_json::from_slice::<serde_json::Value>(&good.stdout).expect("JSON");
    assert_eq!(run(&["--config", path, "config", "check"]).status.code(), Some(0));
    write_config(dir.path(), &Setup { controllers: vec![free_address()], ..Setup::default() }, free_address());
    let bad = run(&["--config", path, "check"]);
    assert_eq!(bad.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&bad.stdout).contains("PROBLEM"));
    crate::service::write_private(&config, "[site]\nnam = 1\n").expect("written");
    let unusable = run(&["--config", path, "serve"]);
    assert_eq!(unusable.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unusable.stderr).contains("site.nam"));
    let secret = run(&["config", "secret"]);
    assert_eq!(data_encoding::BASE64.decode(secret.stdout.trim_ascii()).expect("base64").len(), 32);
    assert_ne!(secret.stdout, run(&["config", "secret"]).stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_log_in_a_file_holds_no_colours() {
    let dir = tempfile::tempdir().expect("a folder");
    let address = free_address();
    write_config(dir.path(), &Setup { more: "[log]\nformat = \"text\"\n", ..Setup::default() }, address);
    drop(start(dir.path(), address).await);
    let log = std::fs::read_to_string(dir.path().join("log")).expect("a log");
    assert!(log.contains("started") && !log.contains('\u{1b}'), "{log:?}");
}
