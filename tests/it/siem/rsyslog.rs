//! Debian's rsyslog over TLS with client certificates, stopped and killed during forwarding.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use os2nykode::jobs::forward::start;
use serde_json::Value;

use super::{EVIL, event, kept, seal, until, with, write};
use crate::{environment::environment, registers::peer::certificate};

const RSYSLOG: &str = "/usr/sbin/rsyslogd";

struct Rsyslog {
    dir: PathBuf,
    child: Option<Child>,
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Rsyslog {
    /// Listens on this port and writes each message as a line of `out`.
    fn new(dir: &Path, port: u16, tls: bool) -> Self {
        let environment = environment();
        assert!(Path::new(RSYSLOG).exists(), "rsyslog is missing: run scripts/setup");
        let module = if tls {
            "module(load=\"imtcp\" StreamDriver.Name=\"gtls\" StreamDriver.Mode=\"1\" StreamDriver.AuthMode=\"x509/name\" PermittedPeer=[\"os2nykode.kommune.test\"])"
        } else {
            "module(load=\"imtcp\")"
        };
        let config = format!(
            "global(workDirectory=\"{dir}\" maxMessageSize=\"16k\" parser.escapeControlCharactersOnReceive=\"off\" \
             defaultNetstreamDriverCAFile=\"{}\" defaultNetstreamDriverCertFile=\"{}\" defaultNetstreamDriverKeyFile=\"{}\")\n\
             {module}\n\
             template(name=\"whole\" type=\"string\" string=\"%pri% %hostname% %app-name% %msgid% %msg%\\n\")\n\
             input(type=\"imtcp\" port=\"{port}\" address=\"127.0.0.1\" ruleset=\"all\")\n\
             ruleset(name=\"all\" queue.type=\"direct\") {{ action(type=\"omfile\" file=\"{dir}/out\" template=\"whole\" flushOnTXEnd=\"on\") }}\n",
            environment.fact("CA_FILE"),
            environment.fact("WEB_CERT"),
            environment.fact("WEB_KEY"),
            dir = dir.display(),
        );
        std::fs::write(dir.join("rsyslog.conf"), config).expect("written");
        Self { dir: dir.to_owned(), child: None }
    }

    fn start(&mut self) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.dir.join("log")).expect("a log");
        let mut command = Command::new(RSYSLOG);
        command.arg("-n").arg("-f").arg(self.dir.join("rsyslog.conf")).arg("-i").arg(self.dir.join("pid"));
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a log")).stderr(log);
        self.child = Some(command.spawn().expect("started"));
    }

    /// Sends SIGKILL: unwritten messages are lost.
    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = std::fs::remove_file(self.dir.join("pid"));
    }

    fn got(&self) -> Vec<(String, Value)> {
        let text = std::fs::read_to_string(self.dir.join("out")).unwrap_or_default();
        // The last line may be incomplete.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole
            .lines()
            .map(|line| {
                let (head, body) = line.split_once(" {").unwrap_or_else(|| panic!("no body in {line}"));
                (head.to_owned(), serde_json::from_str(&format!("{{{body}")).unwrap_or_else(|error| panic!("{error}: {line}")))
            })
            .collect()
    }

    fn numbers(&self) -> Vec<i64> {
        let mut numbers: Vec<_> = self.got().iter().filter_map(|(_, body)| body["number"].as_i64()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }
}

fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}

fn target(port: u16, tls: &str) -> String {
    format!("[[audit.forward]]\nid = \"siem\"\nkind = \"syslog\"\nhost = \"localhost\"\nport = {port}\ntimeout_seconds = 3\n{tls}\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_reaches_rsyslog_over_tls_though_it_is_killed_and_comes_back() {
    let dir = tempfile::tempdir().expect("a folder");
    let port = port();
    let mut rsyslog = Rsyslog::new(dir.path(), port, true);
    let ca = environment().fact("CA_FILE");
    let service = with(target(port, &format!("ca_file = \"{ca}\"\n{}", certificate("client")))).await;
    let mut evil =
        event(&*service.clock, os2nykode::model::audit::EventKind::SignIn, os2nykode::model::audit::AuditOutcome::Refused, None, Some(1));
    evil.note = Some(EVIL.to_owned());
    service.app.audit.append(&evil).await.expect("written");
    write(&service, 99).await;
    start(&service.app).detach_all(); // the receiver does not run yet
    tokio::time::sleep(Duration::from_millis(1500)).await;
    rsyslog.start();
    until("the first hundred", async || rsyslog.numbers().len() >= 100).await;
    let got = rsyslog.got();
    assert_eq!(got[0].0, "85 localhost os2nykode sign_in", "as rsyslog reads the head: {}", rsyslog.log());
    assert_eq!(got[0].1["note"], kept(EVIL));
    assert_eq!(
        got.iter().filter_map(|(_, body)| body["number"].as_i64()).collect::<Vec<_>>(),
        (1..=100).collect::<Vec<_>>(),
        "once, in order"
    );
    // Killed while many messages are on their way.
    let writing = async {
        for _ in 0..8 {
            write(&service, 100).await;
        }
    };
    let killing = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        rsyslog.kill();
        tokio::time::sleep(Duration::from_millis(500)).await;
    };
    tokio::join!(writing, killing);
    rsyslog.start();
    until("all of them", async || rsyslog.numbers().len() >= 900).await;
    assert_eq!(rsyslog.numbers(), (1..=900).collect::<Vec<_>>(), "none is lost");
    assert_eq!(seal(&service.app.audit).await, 900);
}

#[tokio::test(flavor = "multi_thread")]
async fn rsyslog_takes_plain_tcp_and_refuses_who_has_no_certificate_or_trusts_another() {
    let dir = tempfile::tempdir().expect("a folder");
    let (plain_port, tls_port) = (port(), port());
    let mut plain = Rsyslog::new(dir.path(), plain_port, false);
    plain.start();
    let service = with(target(plain_port, "transport = \"tcp\"")).await;
    write(&service, 50).await;
    start(&service.app).detach_all();
    until("fifty", async || plain.numbers().len() >= 50).await;
    let secure = tempfile::tempdir().expect("a folder");
    let mut rsyslog = Rsyslog::new(secure.path(), tls_port, true);
    rsyslog.start();
    until("it listens", async || std::net::TcpStream::connect(("127.0.0.1", tls_port)).is_ok()).await;
    let ca = environment().fact("CA_FILE");
    let other = environment().tls("other-ca.pem");
    for tls in [
        format!("ca_file = \"{ca}\""),
        format!("ca_file = \"{ca}\"\n{}", certificate("foreign-client")),
        format!("ca_file = \"{ca}\"\n{}", certificate("family-client")), // from the right CA, with a name that the receiver does not permit
        format!("ca_file = \"{}\"\n{}", other.display(), certificate("client")),
    ] {
        let service = with(target(tls_port, &tls)).await;
        write(&service, 3).await;
        let mut sender = os2nykode::jobs::forward::Sender::new(&service.app);
        let round = sender.round(&service.app, &service.app.forward_targets[0]).await.expect("no fault of ours");
        assert!(matches!(round, os2nykode::jobs::forward::Round::Failed(_)), "{tls}: {round:?}");
        assert_eq!(service.app.cursors.get("push:siem").await.expect("read").map_or(0, |at| at.number), 0);
    }
    assert!(rsyslog.got().is_empty(), "{:?}", rsyslog.got());
}
