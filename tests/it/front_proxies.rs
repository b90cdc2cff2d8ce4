//! The proxies of packaging/proxies, each in front of the program: a login through it, the client's address in the audit log, limits.

use std::{
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use sqlx::{Connection, SqliteConnection};

use crate::{
    environment::environment,
    people::{Admin, PASSWORD},
    process::{PROGRAM, free_address},
    service::{Setup, write_private},
    visitor::{Visitor, client},
};

/// An address of loopback that is not in `trusted_proxies`.
const CLIENT: &str = "127.0.0.77";

struct Ports {
    http: SocketAddr,
    https: SocketAddr,
    service: SocketAddr,
}

/// A program that ends with the test.
struct ChildProcess(Child);

impl Drop for ChildProcess {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The published configuration with each of these texts, which it has to hold, replaced.
fn published(file: &str, replacements: &[(&str, String)]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/proxies").join(file);
    replacements.iter().fold(std::fs::read_to_string(path).expect(file), |text, (from, to)| {
        assert!(text.contains(from), "{file} has {from}");
        text.replace(from, to)
    })
}

fn certificate() -> (String, String) {
    (environment().fact("WEB_CERT").to_owned(), environment().fact("WEB_KEY").to_owned())
}

fn nginx(dir: &Path, ports: &Ports) -> Command {
    let (certificate, key) = certificate();
    let site = published(
        "nginx.conf",
        &[
            ("listen [::]:80;", String::new()),
            ("listen [::]:443 ssl http2;", String::new()),
            ("listen 80;", format!("listen {};", ports.http)),
            ("listen 443 ", format!("listen {} ", ports.https)),
            ("/etc/ssl/certs/adgangskode.pem", certificate),
            ("/etc/ssl/private/adgangskode.key", key),
            ("127.0.0.1:8080", ports.service.to_string()),
        ],
    );
    let d = dir.display();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|name| format!("{name}_temp_path {d}/{name};")).concat();
    let whole = format!("daemon off; master_process off; pid {d}/pid; events {{}}\nhttp {{ access_log off; {temporary}\n{site}}}\n");
    std::fs::write(dir.join("nginx.conf"), whole).expect("written");
    let mut command = Command::new("/usr/sbin/nginx");
    command.args(["-e", "stderr", "-p"]).arg(dir).arg("-c").arg(dir.join("nginx.conf"));
    command
}

fn apache(dir: &Path, ports: &Ports) -> Command {
    let (certificate, key) = certificate();
    let site = published(
        "apache.conf",
        &[
            ("*:80>", format!("{}>", ports.http)),
            ("*:443>", format!("{}>", ports.https)),
            ("/etc/ssl/certs/adgangskode.pem", certificate),
            ("/etc/ssl/private/adgangskode.key", key),
            ("127.0.0.1:8080", ports.service.to_string()),
        ],
    );
    let modules = ["mpm_event", "authz_core", "alias", "ssl", "socache_shmcb", "proxy", "proxy_http", "headers"];
    let load = modules.map(|module| format!("LoadModule {module}_module /usr/lib/apache2/modules/mod_{module}.so\n")).concat();
    let d = dir.display();
    let whole = format!(
        "{load}ServerName localhost\nServerRoot {d}\nDefaultRuntimeDir {d}\nPidFile {d}/pid\nErrorLog {d}/error.log\nUser www-data\nGroup www-data\n\
         Listen {}\nListen {}\n{site}",
        ports.http, ports.https
    );
    std::fs::write(dir.join("apache.conf"), whole).expect("written");
    let mut command = Command::new("/usr/sbin/apache2");
    command.arg("-DFOREGROUND").arg("-f").arg(dir.join("apache.conf"));
    command
}

fn haproxy(dir: &Path, ports: &Ports) -> Command {
    let (certificate, key) = certificate();
    let read = |file: &str| std::fs::read_to_string(file).expect("PEM");
    write_private(dir.join("both.pem"), read(&certificate) + &read(&key)).expect("written");
    let text = published(
        "haproxy.cfg",
        &[
            ("bind :80", format!("bind {}", ports.http)),
            ("bind :443", format!("bind {}", ports.https)),
            ("/etc/haproxy/adgangskode.pem", dir.join("both.pem").display().to_string()),
            ("127.0.0.1:8080", ports.service.to_string()),
        ],
    );
    std::fs::write(dir.join("haproxy.cfg"), format!("global\n    maxconn 100\n{text}")).expect("written");
    let mut command = Command::new("/usr/sbin/haproxy");
    command.args(["-db", "-f"]).arg(dir.join("haproxy.cfg"));
    command
}

fn caddy(dir: &Path, ports: &Ports) -> Command {
    let (certificate, key) = certificate();
    let site = published(
        "Caddyfile",
        &[
            ("adgangskode.kommune.dk {", "localhost {\n\tbind 127.0.0.1".to_owned()),
            ("/etc/ssl/certs/adgangskode.pem", certificate),
            ("/etc/ssl/private/adgangskode.key", key),
            ("127.0.0.1:8080", ports.service.to_string()),
        ],
    );
    let global = format!("{{\n\tadmin off\n\thttp_port {}\n\thttps_port {}\n}}\n", ports.http.port(), ports.https.port());
    std::fs::write(dir.join("Caddyfile"), global + &site).expect("written");
    let mut command = Command::new("/usr/bin/caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(dir.join("Caddyfile"));
    command.env("HOME", dir).env("XDG_DATA_HOME", dir).env("XDG_CONFIG_HOME", dir);
    command
}

/// Starts a program, and waits until it listens.
async fn run(mut command: Command, log: &Path, listens: SocketAddr) -> ChildProcess {
    let file = std::fs::File::create(log).expect("a log");
    let child =
        command.stdin(Stdio::null()).stdout(file.try_clone().expect("a log")).stderr(file).spawn().expect("the program is installed");
    let running = ChildProcess(child);
    let started = Instant::now();
    while TcpStream::connect(listens).is_err() {
        let told = std::fs::read_to_string(log).unwrap_or_default();
        assert!(started.elapsed() < Duration::from_secs(15), "it listens: {told}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    running
}

/// The program without TLS of its own, which trusts the proxies' address only.
async fn service(dir: &Path, address: SocketAddr) -> ChildProcess {
    let setup = Setup { server: "trusted_proxies = [\"127.0.0.1/32\"]\n", ..Setup::default() };
    let text = setup.text(dir, &address.to_string());
    let plain: String = text.lines().filter(|line| !line.starts_with("tls = ")).flat_map(|line| [line, "\n"]).collect();
    write_private(dir.join("config.toml"), plain).expect("written");
    let mut command = Command::new(PROGRAM);
    command.arg("--config").arg(dir.join("config.toml")).arg("serve");
    run(command, &dir.join("log"), address).await
}

async fn addresses(database: &Path) -> Vec<String> {
    let mut database = SqliteConnection::connect(&format!("sqlite://{}", database.display())).await.expect("opened");
    sqlx::query_scalar("SELECT DISTINCT client FROM audit WHERE kind = 'sign_in'").fetch_all(&mut database).await.expect("read")
}

async fn a_login_through(name: &str, command: fn(&Path, &Ports) -> Command) {
    let (dir, proxy_folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let proxy_dir = proxy_folder.path();
    let ports = Ports { http: free_address(), https: free_address(), service: free_address() };
    let _service = service(dir.path(), ports.service).await;
    let _proxy = run(command(proxy_dir, &ports), &proxy_dir.join("proxy.log"), ports.https).await;
    let from = client().cookie_store(true).local_address(Some(CLIENT.parse().expect("an address"))).build().expect("a client");
    let visitor = Visitor { client: from, ..Visitor::new(ports.https) };

    let person = Admin::new().await.person().await;
    let account = visitor.logged_in(&person.sam, PASSWORD).await;
    account.says(&person.sam);
    let token = visitor.get("/login").await.token();
    let forged = visitor.request(reqwest::Method::POST, "/login").header("sec-fetch-site", "same-origin");
    let fields = [("csrf", token.as_str()), ("name", person.sam.as_str()), ("password", "Helt-Forkert-99")];
    let forged = forged.header("x-forwarded-for", "192.0.2.66").form(&fields).send().await.expect("an answer");
    assert_eq!(forged.status(), 422, "{name}");
    assert_eq!(addresses(&dir.path().join("os2nykode.db")).await, [CLIENT], "{name}: the client's address, whatever the client claims");

    // The proxy refuses it, or the service does: then the connection may end while the client still sends.
    let large = visitor.request(reqwest::Method::POST, "/saml/acs").body(vec![b'x'; 2 * 1024 * 1024]).send().await;
    assert!(large.as_ref().map_or(true, |answer| answer.status().as_u16() >= 400), "{name}: {large:?}");
    let plain =
        client().build().expect("a client").get(format!("http://localhost:{}/login", ports.http.port())).send().await.expect("an answer");
    assert!(
        plain.status().is_redirection() && plain.headers()["location"].to_str().expect("text").starts_with("https://"),
        "{name}: {plain:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_through_nginx_has_the_clients_address() {
    a_login_through("nginx", nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_through_apache_has_the_clients_address() {
    a_login_through("apache", apache).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_through_haproxy_has_the_clients_address() {
    a_login_through("haproxy", haproxy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_through_caddy_has_the_clients_address() {
    a_login_through("caddy", caddy).await;
}
