//! Two real controllers that replicate (`tests/env/pair`). One test at a time may stop, freeze or separate them.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tokio::sync::{Mutex, MutexGuard};

use crate::{
    environment::{environment, unique},
    people::{Admin, PASSWORD, Person, bind_on},
    proxy::Proxy,
    service::{Service, Setup},
};

/// Names on their certificates, which the configuration uses.
pub const NAMES: [&str; 2] = ["dc1.kommune.test", "dc2.kommune.test"];

static ALONE: Mutex<()> = Mutex::const_new(());

/// Exclusive use of both controllers, numbered 1 and 2, until it is dropped.
pub struct Pair {
    _alone: MutexGuard<'static, ()>,
    ips: [String; 2],
    dir: PathBuf,
}

impl Pair {
    /// Waits for exclusive use and resets the pair: both run and replicate, and 1 is the PDC emulator.
    pub async fn take() -> Self {
        let alone = ALONE.lock().await;
        let dir = environment().dir().to_owned();
        script("pair", &dir, &["up"]);
        script("pair", &dir, &["reset"]);
        let facts = std::fs::read_to_string(dir.join("pair/env")).expect("the pair is up");
        let fact =
            |key: &str| facts.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).expect("the pair tells it").to_owned();
        Self { _alone: alone, ips: [fact("DC_IP"), fact("DC2_IP")], dir }
    }

    pub fn ip(&self, n: usize) -> &str {
        &self.ips[n - 1]
    }

    pub fn address(&self, n: usize) -> SocketAddr {
        SocketAddr::new(self.ip(n).parse().expect("an address"), 636)
    }

    pub async fn admin(&self, n: usize) -> Admin {
        Admin::on(self.ip(n)).await
    }

    pub async fn proxy(&self, n: usize) -> Proxy {
        Proxy::before(self.ip(n)).await
    }

    /// A service with these controllers in order of preference: number and address.
    pub async fn service(&self, order: [(usize, SocketAddr); 2], setup: Setup) -> Service {
        let dir = tempfile::tempdir().expect("a folder");
        let mut config = Setup { controllers: order.iter().map(|(_, address)| *address).collect(), ..setup }.config(dir.path());
        for ((n, _), controller) in order.iter().zip(&mut config.directory.controllers) {
            NAMES[n - 1].clone_into(&mut controller.name);
        }
        Service::of(config, dir).await
    }

    /// The same without proxies. `first` is preferred.
    pub async fn service_preferring(&self, first: usize, setup: Setup) -> Service {
        let second = 3 - first;
        self.service([(first, self.address(first)), (second, self.address(second))], setup).await
    }

    /// An ordinary person with [`PASSWORD`], ten days old, replicated to both controllers.
    pub async fn person(&self) -> Person {
        let person = self.admin(1).await.person_named(&unique("p"), "Testa", "Prøvesen").await;
        script("age", &self.dir.join("pair"), &[&person.sam, "10"]);
        self.agree(&person.sam, "pwdLastSet").await;
        person
    }

    /// Waits until both controllers have the same value.
    pub async fn agree(&self, sam: &str, attribute: &str) {
        let (mut one, mut two) = (self.admin(1).await, self.admin(2).await);
        for _ in 0..150 {
            let value = one.value_if_known(sam, attribute).await;
            if value.is_some() && value == two.value_if_known(sam, attribute).await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{attribute} of {sam} is not the same on both");
    }

    /// Controller `n` accepts connections and never answers.
    pub fn freeze(&self, n: usize) {
        self.tell(&["freeze", &n.to_string()]);
    }

    pub fn kill(&self, n: usize) {
        self.tell(&["kill", &n.to_string()]);
    }

    /// Starts controller `n` after a kill, or ends its freeze.
    pub fn start(&self, n: usize) {
        self.tell(&["start", &n.to_string()]);
    }

    /// Denies the service account access to the account's badPwdCount, on controller 1.
    pub fn deny(&self, sam: &str) {
        self.tell(&["deny", sam]);
    }

    pub fn part(&self) {
        self.tell(&["replication", "off"]);
    }

    pub fn replicate(&self) {
        self.tell(&["replication", "on"]);
    }

    fn tell(&self, arguments: &[&str]) {
        script("pair", &self.dir, arguments);
    }

    pub fn make_pdc(&self, n: usize) {
        self.tell(&["pdc", &n.to_string()]);
    }
}

fn script(name: &str, dir: &Path, arguments: &[&str]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/env").join(name);
    let done = Command::new(script).arg(dir).args(arguments).output().expect("the script runs");
    assert!(done.status.success(), "tests/env/{name} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_helpers_do_to_the_pair_is_so() {
    let pair = Pair::take().await;
    let person = pair.person().await;
    let proxy = pair.proxy(1).await;
    let service = pair.service([(1, proxy.address), (2, pair.address(2))], Setup::default()).await;
    service.visitor().logged_in(&person.sam, PASSWORD).await;
    assert!(proxy.operations() > 0, "the first one is asked");
    pair.part();
    pair.admin(2).await.must_change(&person).await;
    assert_eq!(bind_on(pair.ip(2), &person.dn, PASSWORD).await, Err("773".into()));
    assert_eq!(bind_on(pair.ip(1), &person.dn, PASSWORD).await, Ok(()), "parted");
    pair.replicate();
    pair.agree(&person.sam, "pwdLastSet").await;
    assert_eq!(bind_on(pair.ip(1), &person.dn, PASSWORD).await, Err("773".into()));
    pair.make_pdc(2);
    let preferring = pair.service_preferring(2, Setup::default()).await;
    assert_eq!(preferring.app.directory.controllers()[0].name(), NAMES[1]);
    pair.kill(1);
    assert!(std::net::TcpStream::connect(pair.address(1)).is_err(), "nobody listens there");
    pair.start(1);
    pair.freeze(1);
    let frozen = std::net::TcpStream::connect(pair.address(1)).expect("it still takes connections");
    drop(frozen);
    pair.start(1);
    assert_eq!(bind_on(pair.ip(1), &person.dn, PASSWORD).await, Err("773".into()), "it goes on");
}
