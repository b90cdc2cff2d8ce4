//! Costs of the service against the same LDAP operations done directly, in one run on one machine.
//!
//! Run by scripts/bench against the test environment. The load stays on loopback and is bounded in time.

#[path = "../tests/it/environment.rs"]
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
mod environment;
#[path = "../tests/it/people.rs"]
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
mod people;

use std::{
    collections::HashSet,
    net::SocketAddr,
    path::Path,
    process::{Child, Command},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, Mod, StdStream};
use os2nykode::{clock::SystemClock, config, store};
use reqwest::{Client, redirect};
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
};

use environment::environment;
use people::{Admin, PASSWORD, Person, utf16};

const ROUND: Duration = Duration::from_secs(5);
const ROUNDS: usize = 3;
const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

#[allow(clippy::print_stdout, reason = "a program that prints a table")]
fn say(line: &str) {
    println!("{line}");
}

/// A password not used before in this process.
fn fresh() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("Maaling-{:08}-Kvist", NEXT.fetch_add(1, Ordering::Relaxed))
}

struct Service {
    child: Child,
    address: SocketAddr,
    started: Duration,
    dir: tempfile::TempDir,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configuration(dir: &Path, address: SocketAddr) -> String {
    let fact = |key| environment().fact(key);
    format!(
        // The passwords of this program differ by a number only, so the limit of guessability is off.
        "[policy.default]\nmin_guesses = 0\n[site]\nname = \"M\"\ncontact = {{ da = \"x\" }}\n[server]\nlisten = \"{address}\"\npublic_url = \"https://localhost\"\nsecret = \"{SECRET}\"\n\
         tls = {{ certificate_file = \"{}\", key_file = \"{}\" }}\nmax_concurrent_requests = 1000\n[store]\nurl = \"sqlite://{}/bench.db\"\n\
         [directory]\ncontrollers = [{{ name = \"{}\", address = \"{}\" }}]\nca_file = \"{}\"\nbase_dn = \"{}\"\nbind_user = \"{}\"\nbind_password = \"{}\"\n\
         [rate_limit.address]\nattempts_before_delay = 1000\n[log]\nlevel = \"warn\"\n",
        fact("WEB_CERT"),
        fact("WEB_KEY"),
        dir.display(),
        fact("DC_NAME"),
        fact("DC_IP"),
        fact("CA_FILE"),
        fact("BASE_DN"),
        fact("SERVICE_UPN"),
        fact("SERVICE_PASSWORD"),
    )
}

fn client() -> Client {
    let tls = os2nykode::tls::client_config(Some(environment().fact("CA_FILE").as_ref())).expect("the test CA");
    Client::builder()
        .tls_backend_preconfigured((*tls).clone())
        .cookie_store(true)
        .redirect(redirect::Policy::none())
        .build()
        .expect("a client")
}

async fn start() -> Service {
    let dir = tempfile::tempdir().expect("a folder");
    let address = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound");
    environment::write_private(dir.path().join("config.toml"), configuration(dir.path(), address)).expect("written");
    let program = std::env::var_os("OS2NYKODE_PROGRAM").expect("run scripts/bench");
    let begun = Instant::now();
    let child = Command::new(program).arg("--config").arg(dir.path().join("config.toml")).arg("serve").spawn().expect("started");
    let client = client();
    let url = format!("https://localhost:{}/health/ready", address.port());
    while !client.get(&url).send().await.is_ok_and(|a| a.status() == 200) {
        assert!(begun.elapsed() < Duration::from_secs(10), "it becomes ready");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Service { child, address, started: begun.elapsed(), dir }
}

/// A connection to the controller for direct LDAP operations. As in the service, all share one TLS configuration, so TLS sessions resume.
async fn connect() -> Ldap {
    static TLS: LazyLock<Arc<rustls::ClientConfig>> =
        LazyLock::new(|| os2nykode::tls::client_config(Some(environment().fact("CA_FILE").as_ref())).expect("the test CA"));
    let stream = tokio::net::TcpStream::connect((environment().fact("DC_IP"), 636)).await.expect("the controller listens");
    stream.set_nodelay(true).expect("a TCP stream");
    let stream = StdStream::Tcp(stream.into_std().expect("a TCP stream"));
    let settings = LdapConnSettings::new().set_config(TLS.clone()).set_std_stream(stream);
    let url = format!("ldaps://{}:636", environment().fact("DC_NAME"));
    let (driver, ldap) = LdapConnAsync::with_settings(settings, &url).await.expect("TLS");
    tokio::spawn(driver.drive());
    ldap
}

/// CPU time of a process so far.
fn processor(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("running");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().expect("utime") + fields[12].parse::<u64>().expect("stime");
    Duration::from_millis(ticks * 10) // 100 ticks a second on Linux
}

fn memory_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("running");
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).expect("a line");
    line.split_whitespace().nth(1).expect("a number").parse().expect("a number")
}

/// A person and the current password.
struct Worker {
    person: Person,
    password: String,
    client: Client,
    base: String,
    form: (String, String),
    ldap: Ldap,
}

fn attribute(html: &str, after: &str) -> String {
    html.split(after).nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned()
}

impl Worker {
    async fn new(admin: &mut Admin, group: &str, service: &Service) -> Self {
        let person = admin.person_named(&environment::unique("b"), "Maaler", "Maalersen").await;
        admin.add_to_group(group, &person.dn).await;
        let client = client();
        let base = format!("https://localhost:{}", service.address.port());
        let html = client.get(format!("{base}/login")).send().await.expect("a page").text().await.expect("text");
        let token = attribute(&html, "name=\"csrf\" value=\"");
        let sent = client.post(format!("{base}/login")).form(&[("csrf", token.as_str()), ("name", &person.sam), ("password", PASSWORD)]);
        let sent = sent.send().await.expect("an answer");
        let path = format!("{}/password", sent.headers().get("location").expect("logged in").to_str().expect("text"));
        let html = client.get(format!("{base}{path}")).send().await.expect("a page").text().await.expect("text");
        let token = attribute(&html, "action=\"/logout\"><input type=\"hidden\" name=\"csrf\" value=\"");
        let mut ldap = connect().await;
        ldap.simple_bind(environment().fact("SERVICE_UPN"), environment().fact("SERVICE_PASSWORD"))
            .await
            .expect("sent")
            .success()
            .expect("bound");
        Self { person, password: PASSWORD.to_owned(), client, base, form: (path, token), ldap }
    }

    /// Sends the form and fetches the result page.
    async fn change_by_http(&mut self) {
        let new = fresh();
        let attempt = uuid::Uuid::from_u128(u128::from(new[8..16].parse::<u64>().expect("a number"))).simple().to_string();
        let (path, token) = &self.form;
        let fields = [("csrf", token.as_str()), ("attempt", &attempt), ("current", &self.password), ("new", &new), ("repeat", &new)];
        let sent = self.client.post(format!("{}{path}", self.base)).form(&fields).send().await.expect("an answer");
        assert_eq!(sent.status(), 303, "{}", sent.text().await.unwrap_or_default());
        let result = format!("{}{path}/{attempt}", self.base);
        let page = self.client.get(result).send().await.expect("an answer").text().await.expect("text");
        assert!(page.contains("alert-success"), "{page}");
        self.password = new;
    }

    /// One modify on the worker's own connection, and a bind with the new password on a fresh one.
    async fn change_raw(&mut self) {
        let new = fresh();
        let attribute = b"unicodePwd".to_vec();
        let change =
            vec![Mod::Delete(attribute.clone(), HashSet::from([utf16(&self.password)])), Mod::Add(attribute, HashSet::from([utf16(&new)]))];
        self.ldap.modify(&self.person.dn, change).await.expect("sent").success().expect("changed");
        connect().await.simple_bind(&self.person.dn, &new).await.expect("sent").success().expect("proven");
        self.password = new;
    }
}

#[derive(Default)]
struct Figures {
    times: Vec<Duration>,
    elapsed: Duration,
    /// Rate of each round, which shows the spread.
    rates: Vec<f64>,
}

impl Figures {
    #[allow(clippy::cast_precision_loss, reason = "counts are small")]
    fn rate(&self) -> f64 {
        self.times.len() as f64 / self.elapsed.as_secs_f64()
    }

    fn percentile(&mut self, percent: usize) -> f64 {
        self.times.sort_unstable();
        let at = (self.times.len() * percent / 100).min(self.times.len().saturating_sub(1));
        self.times.get(at).copied().unwrap_or_default().as_secs_f64() * 1000.0
    }
}

async fn round(workers: &mut [Worker], http: bool, figures: &mut Figures) {
    let begun = Instant::now();
    let work = workers.iter_mut().map(|worker| async move {
        let mut times = Vec::new();
        while begun.elapsed() < ROUND {
            let started = Instant::now();
            if http {
                worker.change_by_http().await;
            } else {
                worker.change_raw().await;
            }
            times.push(started.elapsed());
        }
        times
    });
    let times: Vec<Duration> = futures_util::future::join_all(work).await.into_iter().flatten().collect();
    let this = Figures { times, elapsed: begun.elapsed(), rates: Vec::new() };
    figures.rates.push(this.rate());
    figures.times.extend(this.times);
    figures.elapsed += this.elapsed;
}

async fn changes(service: &Service, admin: &mut Admin) {
    let group = admin.dn("Bench").await;
    let mut workers = Vec::new();
    for _ in 0..32 {
        workers.push(Worker::new(admin, &group, service).await);
    }
    say(
        "changes (modify + proof)    raw/s    p50    p99 ms |  http/s    p50    p99 ms | http/raw (of the rounds)      | service CPU ms/change",
    );
    for at_once in [1, 8, 32] {
        let (mut raw, mut http, mut cpu) = (Figures::default(), Figures::default(), Duration::ZERO);
        for _ in 0..ROUNDS {
            round(&mut workers[..at_once], false, &mut raw).await;
            let before = processor(service.child.id());
            round(&mut workers[..at_once], true, &mut http).await;
            cpu += processor(service.child.id()).saturating_sub(before);
        }
        #[allow(clippy::cast_precision_loss, reason = "counts are small")]
        let each = cpu.as_secs_f64() * 1000.0 / http.times.len() as f64;
        let ratios: Vec<f64> = http.rates.iter().zip(&raw.rates).map(|(http, raw)| http / raw).collect();
        say(&format!(
            "{at_once:>3} in flight              {:>6.1} {:>6.0} {:>6.0}    | {:>7.1} {:>6.0} {:>6.0}    | {:>8.2} {ratios:.2?} | {each:>6.2}   ({} raw, {} http)",
            raw.rate(),
            raw.percentile(50),
            raw.percentile(99),
            http.rate(),
            http.percentile(50),
            http.percentile(99),
            http.rate() / raw.rate(),
            raw.times.len(),
            http.times.len(),
        ));
    }
}

async fn front_page(service: &Service) {
    let url = format!("https://localhost:{}/", service.address.port());
    let first = client().get(&url).send().await.expect("an answer");
    let (version, size) = (first.version(), first.bytes().await.expect("a body").len());
    let before = processor(service.child.id());
    let begun = Instant::now();
    let work = (0..16).map(|_| {
        let (client, url) = (client(), url.clone());
        tokio::spawn(async move {
            let mut times = Vec::new();
            while begun.elapsed() < ROUND {
                let started = Instant::now();
                let answer = client.get(&url).send().await.expect("an answer");
                assert_eq!(answer.status(), 200);
                let page = answer.bytes().await.expect("a body");
                times.push(started.elapsed());
                assert!(page.ends_with(b"</html>") || page.ends_with(b"</html>\n"), "a whole page");
            }
            times
        })
    });
    let mut figures = Figures::default();
    for worker in futures_util::future::join_all(work).await {
        figures.times.extend(worker.expect("joined"));
    }
    figures.elapsed = begun.elapsed();
    let busy = processor(service.child.id()).saturating_sub(before).as_secs_f64();
    #[allow(clippy::cast_precision_loss, reason = "counts are small")]
    let each = busy * 1e6 / figures.times.len() as f64;
    say(&format!(
        "front page ({size} bytes, {version:?}), 16 connections: {:.0} requests/s, p50 {:.1} ms, p99 {:.1} ms; service CPU {each:.0} us/request",
        figures.rate(),
        figures.percentile(50),
        figures.percentile(99)
    ));
}

/// Puts 10,000 sessions into the service's store and uses each of them over HTTP.
async fn sessions(service: &Service) {
    let before = memory_kib(service.child.id());
    let config = config::load(&service.dir.path().join("config.toml"), std::iter::empty()).expect("right");
    let store = store::Store::open(&format!("sqlite://{}/bench.db", service.dir.path().display())).await.expect("opened");
    let keys = store::DerivedKeys::new(config.server.secret.bytes());
    let sessions = store::sessions::Sessions::new(&store, &keys, &config.session, Arc::new(SystemClock));
    let mut cookies = Vec::new();
    for n in 1..=10_000_u128 {
        let account = uuid::Uuid::from_u128(n);
        let identity = serde_json::json!({ "proof": { "ad_password": { "account": account, "account_name": "maaler" } }, "name": "Maaler Maalersen",
            "at": "2026-11-23T08:10:00Z", "visit": account });
        let data = [("identity".to_owned(), identity), (store::sessions::SUBJECT.to_owned(), account.to_string().into())].into();
        let id = Id(i128::try_from(n).expect("small"));
        let mut record = Record { id, data, expiry_date: time::OffsetDateTime::UNIX_EPOCH };
        sessions.create(&mut record).await.expect("stored");
        cookies.push((account, format!("__Host-os2nykode={}", record.id)));
    }
    let url = format!("https://localhost:{}/account", service.address.port());
    let users = cookies.chunks(cookies.len() / 16).map(|cookies| {
        let (client, url, cookies) = (client(), url.clone(), cookies.to_vec());
        tokio::spawn(async move {
            for (account, cookie) in cookies {
                let answer = client.get(&url).header("cookie", cookie).send().await.expect("an answer");
                // Without a live session the status is the same, but the redirect goes to the login.
                assert_eq!(answer.headers()["location"], format!("/accounts/{account}"));
            }
        })
    });
    for user in futures_util::future::join_all(users).await {
        user.expect("every session is live");
    }
    let after = memory_kib(service.child.id());
    say(&format!("memory: {:.1} MB before, {:.1} MB with 10,000 live sessions, each just used", mb(before), mb(after)));
}

#[allow(clippy::cast_precision_loss, reason = "small")]
fn mb(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

#[tokio::main]
async fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut admin = Admin::new().await;
    let mut starts = Vec::new();
    for _ in 0..5 {
        starts.push(start().await.started.as_secs_f64() * 1000.0);
    }
    starts.sort_by(f64::total_cmp);
    say(&format!("start to ready (new database, first connection to the controller): median {:.0} ms of {starts:.0?}", starts[2]));
    let program = std::env::var("OS2NYKODE_PROGRAM").expect("run scripts/bench");
    say(&format!("stripped program: {:.1} MB", mb(std::fs::metadata(program).expect("built").len() / 1024)));
    let service = start().await;
    say(&format!("memory at start: {:.1} MB", mb(memory_kib(service.child.id()))));
    front_page(&service).await;
    changes(&service, &mut admin).await;
    let service = start().await;
    sessions(&service).await;
}
