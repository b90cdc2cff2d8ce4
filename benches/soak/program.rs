//! An instance of the measured program.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::{environment::environment, visitor::client};

const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

pub struct Program {
    child: Child,
    pub address: SocketAddr,
    pub config: PathBuf,
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

pub fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound")
}

fn program() -> String {
    std::env::var("OS2NYKODE_PROGRAM").expect("run scripts/soak")
}

fn configuration(dir: &Path, address: SocketAddr, store: &str) -> String {
    let fact = |key| environment().fact(key);
    format!(
        // The passwords of this program differ by a number only, so the limit of guessability is off.
        "[policy.default]\nmin_guesses = 0\n[site]\nname = \"M\"\ncontact = {{ da = \"x\" }}\n[server]\nlisten = \"{address}\"\npublic_url = \"https://localhost\"\nsecret = \"{SECRET}\"\n\
         tls = {{ certificate_file = \"{}\", key_file = \"{}\" }}\n[store]\nurl = \"{store}\"\n\
         [directory]\ncontrollers = [{{ name = \"{}\", address = \"{}\" }}]\nca_file = \"{}\"\nbase_dn = \"{}\"\nbind_user = \"{}\"\nbind_password = \"{}\"\n\
         [rate_limit.name]\nattempts_before_delay = 1000\n[rate_limit.address]\nattempts_before_delay = 1000\n[audit]\nsigning_key_file = \"{}\"\n[log]\nlevel = \"warn\"\n",
        fact("WEB_CERT"),
        fact("WEB_KEY"),
        fact("DC_NAME"),
        fact("DC_IP"),
        fact("CA_FILE"),
        fact("BASE_DN"),
        fact("SERVICE_UPN"),
        fact("SERVICE_PASSWORD"),
        dir.join("audit.key").display(),
    )
}

impl Program {
    /// Without `store`, the instance has its own database in the folder.
    pub async fn start(dir: &Path, store: Option<&str>) -> Self {
        let own = format!("sqlite://{}/soak.db", dir.display());
        if !dir.join("audit.key").exists() {
            let made = Command::new(program()).args(["audit", "keygen"]).arg(dir.join("audit.key")).stdout(Stdio::null()).status();
            assert!(made.expect("run").success(), "a key for the log");
        }
        let address = free_address();
        let config = dir.join(format!("config-{}.toml", address.port()));
        crate::environment::write_private(&config, configuration(dir, address, store.unwrap_or(&own))).expect("written");
        Self::run(config, address).await
    }

    async fn run(config: PathBuf, address: SocketAddr) -> Self {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(config.with_extension("log")).expect("a log");
        let mut command = Command::new(program());
        command.arg("--config").arg(&config).arg("serve").stdout(log.try_clone().expect("a log")).stderr(log);
        let running = Self { child: command.spawn().expect("started"), address, config };
        let (client, begun) = (client(1), Instant::now());
        while !client.get(running.url("/health/ready")).send().await.is_ok_and(|answer| answer.status() == 200) {
            assert!(begun.elapsed() < Duration::from_mins(1), "it becomes ready");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        running
    }

    /// Kills the instance and starts it again at the same address with the same database.
    pub async fn again(mut self) -> Self {
        self.kill();
        Self::run(self.config.clone(), self.address).await
    }

    /// Sends SIGKILL.
    pub fn kill(&mut self) {
        let _ = self.child.kill(); // it may have ended already
        let _ = self.child.wait();
    }

    pub fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }

    /// Resident memory in KiB.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("running");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a line");
        line.split_whitespace().nth(1).expect("a number").parse().expect("a number")
    }

    /// Number of open files and connections.
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("running").count()
    }

    /// Output of `audit verify`, which includes the number of entries.
    pub fn verify(&self) -> String {
        let output = Command::new(program()).arg("--config").arg(&self.config).args(["audit", "verify"]).output().expect("run");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "the log is whole: {text}");
        text.lines().next().unwrap_or_default().to_owned()
    }
}
