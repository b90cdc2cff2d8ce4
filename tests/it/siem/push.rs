//! Log forwarding: no message is lost or out of order, regardless of the receiver's behaviour.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use os2nykode::{
    forward::DeliveryError,
    jobs::forward::{Round, Sender, start},
    model::audit::{AuditEvent, AuditOutcome, EventKind},
    store::{
        DerivedKeys,
        cursors::{Cursor, Cursors},
    },
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::{EVIL, checkpoint, event, place, seal, until, with, write};
use crate::{
    service::{Service, Setup},
    store::{place::each_store, postgres_database},
};

/// Behaviour of a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Reads until the sender closes, then closes.
    Honest,
    /// Closes every connection without reading.
    ClosesAtOnce,
    /// Closes after so many bytes.
    ClosesAfter(usize),
    /// Reads so many bytes, closes its sending side, and shortly after that the connection.
    SaysGoodbyeAfter(usize),
    /// Accepts connections and reads nothing.
    Stalls,
    /// Reads everything and never closes.
    NeverCloses,
    /// Sends data all the time.
    Babbles,
}

/// A receiver of syslog over TCP.
#[derive(Clone)]
struct Receiver {
    address: SocketAddr,
    mind: Arc<Mutex<(Manner, Vec<u8>)>>,
}

impl Receiver {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let receiver =
            Self { address: listener.local_addr().expect("an address"), mind: Arc::new(Mutex::new((Manner::Honest, Vec::new()))) };
        let serving = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let receiver = serving.clone();
                tokio::spawn(async move { receiver.serve(stream).await });
            }
        });
        receiver
    }

    async fn serve(&self, mut stream: tokio::net::TcpStream) {
        let manner = self.mind.lock().expect("alone").0;
        let mut bytes = Vec::new();
        match manner {
            Manner::Honest => {
                if stream.read_to_end(&mut bytes).await.is_ok() {
                    self.mind.lock().expect("alone").1.extend(bytes);
                }
            }
            Manner::ClosesAtOnce => {}
            Manner::ClosesAfter(count) => {
                let _ = stream.take(count as u64).read_to_end(&mut bytes).await;
            }
            Manner::SaysGoodbyeAfter(count) => {
                let _ = (&mut stream).take(count as u64).read_to_end(&mut bytes).await;
                let _ = stream.shutdown().await;
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            Manner::Stalls => tokio::time::sleep(Duration::from_secs(30)).await,
            Manner::NeverCloses => {
                let _ = stream.read_to_end(&mut bytes).await;
                tokio::time::sleep(Duration::from_secs(30)).await;
            }
            Manner::Babbles => while stream.write_all(&[b'x'; 4096]).await.is_ok() {},
        }
    }

    fn is(&self, manner: Manner) {
        self.mind.lock().expect("alone").0 = manner;
    }

    /// The completely received messages.
    fn got(&self) -> Vec<(String, Value)> {
        frames(&self.mind.lock().expect("alone").1)
    }
}

/// Head and body of each message, split by the octet count of its frame.
fn frames(mut bytes: &[u8]) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let space = bytes.iter().position(|byte| *byte == b' ').expect("a length");
        let length: usize = std::str::from_utf8(&bytes[..space]).expect("digits").parse().expect("a length");
        let message = std::str::from_utf8(&bytes[space + 1..space + 1 + length]).expect("UTF-8");
        assert!(!message.contains(['\n', '\r', '\0', '\u{1b}']), "one line: {message}");
        let (head, body) = message.split_once(" - {").expect("a body");
        found.push((head.to_owned(), serde_json::from_str(&format!("{{{body}")).expect("JSON")));
        bytes = &bytes[space + 1 + length..];
    }
    found
}

fn numbers(got: &[(String, Value)]) -> Vec<i64> {
    got.iter().filter_map(|(_, body)| body["number"].as_i64()).collect()
}

fn tcp(receiver: &Receiver) -> String {
    format!(
        "[[audit.forward]]\nid = \"siem\"\nkind = \"syslog\"\nhost = \"127.0.0.1\"\nport = {}\ntransport = \"tcp\"\ntimeout_seconds = 1\n",
        receiver.address.port()
    )
}

async fn round(service: &Service) -> Round {
    Sender::new(&service.app).round(&service.app, &service.app.forward_targets[0]).await.expect("no fault of ours")
}

async fn stands(service: &Service) -> Option<Cursor> {
    service.app.cursors.get("push:siem").await.expect("read")
}

/// Releases the lease, so that another sender can take over.
async fn release(service: &Service) {
    place(service).run("UPDATE leases SET until = 0").await.expect("released");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_receiver_did_not_read_to_the_end_is_sent_again_and_nothing_else() {
    let receiver = Receiver::start().await;
    let service = with(tcp(&receiver)).await;
    write(&service, 150).await;
    for manner in [
        Manner::ClosesAtOnce,
        Manner::ClosesAfter(1),
        Manner::ClosesAfter(5000),
        Manner::SaysGoodbyeAfter(0),
        Manner::SaysGoodbyeAfter(5000),
        Manner::Stalls,
        Manner::NeverCloses,
        Manner::Babbles,
    ] {
        receiver.is(manner);
        release(&service).await;
        let trouble = match round(&service).await {
            Round::Failed(trouble) => trouble,
            other @ (Round::NotOurs | Round::Done | Round::More) => panic!("{manner:?}: {other:?}"),
        };
        let patient = matches!(manner, Manner::Stalls | Manner::NeverCloses | Manner::Babbles);
        assert_eq!(trouble == DeliveryError::TimedOut, patient, "{manner:?}: {trouble}");
        assert_eq!(stands(&service).await.map_or(0, |at| at.number), 0, "{manner:?}");
    }
    receiver.is(Manner::Honest);
    release(&service).await;
    assert!(matches!(round(&service).await, Round::Done));
    assert_eq!(numbers(&receiver.got()), (1..=150).collect::<Vec<_>>());
    assert_eq!(stands(&service).await, Some(Cursor { number: 150, checkpoint: 0 }));
    // The connection ends in the middle of the next messages.
    write(&service, 150).await;
    receiver.is(Manner::ClosesAfter(30_000));
    release(&service).await;
    assert!(matches!(round(&service).await, Round::Failed(_)));
    receiver.is(Manner::Honest);
    release(&service).await;
    assert!(matches!(round(&service).await, Round::Done));
    assert_eq!(numbers(&receiver.got()), (1..=300).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_away_gets_everything_when_it_comes_back_and_requests_do_not_wait() {
    let receiver = Receiver::start().await;
    let nobody = tcp(&receiver).replace(&receiver.address.port().to_string(), "1").leak();
    let service = Setup { more: nobody, store: Some(postgres_database().await), ..Setup::default() }.start().await;
    write(&service, 20).await;
    start(&service.app).detach_all();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let page = service.visitor().get("/").await;
    assert_eq!(page.status, 200);
    // A service on the same database with the receiver's right address: another instance, or a restart after the fix of the configuration.
    let shared = place(&service).url;
    let mended = Setup { more: tcp(&receiver).leak(), store: Some(shared), ..Setup::default() }.start().await;
    until("everything has come", async || {
        release(&mended).await;
        let _ = round(&mended).await;
        numbers(&receiver.got()).len() >= 20
    })
    .await;
    assert_eq!(numbers(&receiver.got())[..20], (1..=20).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_one_frame_whatever_is_in_it_and_checkpoints_follow_what_they_cover() {
    let receiver = Receiver::start().await;
    let service = with(tcp(&receiver)).await;
    let evil = |kind, outcome| {
        let text = Some(EVIL.repeat(40));
        AuditEvent {
            note: text.clone(),
            ticket: text.clone(),
            user_agent: text.clone(),
            authority: text.clone(),
            controller: text.clone(),
            assertion: text.clone(),
            reason: EVIL.to_owned(),
            unknown_name: text,
            ..event(&*service.clock, kind, outcome, Some(1), Some(2))
        }
    };
    for (kind, outcome) in [
        (EventKind::ResetOutcome, AuditOutcome::Succeeded),
        (EventKind::SignIn, AuditOutcome::Refused),
        (EventKind::ChangeOutcome, AuditOutcome::Failed),
        (EventKind::AlertRaised, AuditOutcome::Succeeded),
    ] {
        service.app.audit.append(&evil(kind, outcome)).await.expect("written");
    }
    let place = place(&service);
    let forged =
        "INSERT INTO audit (at, visit, kind, outcome, reason, note) VALUES (1, 'x', 'a b\nc', 'succeeded', 'x\n<0>1 forged', 'x\ny')";
    place.run(forged).await.expect("an intruder");
    seal(&service.app.audit).await;
    checkpoint(&place, 2).await;
    checkpoint(&place, 5).await;
    checkpoint(&place, 9).await; // above the sent entries, so it is not sent
    assert!(matches!(round(&service).await, Round::Done));
    let got = receiver.got();
    let heads: Vec<_> =
        got.iter().map(|(head, _)| head.split_once('>').map(|(priority, _)| priority.to_owned()).expect("a priority")).collect();
    assert_eq!(heads, ["<86", "<85", "<84", "<81", "<81", "<86", "<86"], "authpriv; info, notice, warning, alert");
    assert!(got[0].0.ends_with(" localhost os2nykode - reset_outcome") && got[0].0.contains(">1 20"), "{}", got[0].0);
    assert!(got[4].0.ends_with(" os2nykode - abc"), "{}", got[4].0);
    assert_eq!((&got[4].1["authentic"], &got[4].1["note"]), (&false.into(), &"x\ny".into()));
    assert_eq!(got[0].1["cut"], true);
    assert!(got.iter().all(|(head, body)| head.len() + body.to_string().len() < 8192));
    let checkpoints: Vec<_> = got.iter().filter_map(|(_, body)| body["checkpoint"]["number"].as_i64()).collect();
    assert_eq!(checkpoints, [2, 5]);
    assert_eq!(stands(&service).await, Some(Cursor { number: 5, checkpoint: 5 }));
    release(&service).await;
    assert!(matches!(round(&service).await, Round::Done));
    assert_eq!(receiver.got().len(), 7, "nothing twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_gets_every_line_once_over_rotations_and_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("audit.jsonl");
    let more = || format!("[[audit.forward]]\nid = \"siem\"\nkind = \"file\"\npath = \"{}\"\n", path.display());
    let first = Setup { more: more().leak(), store: Some(postgres_database().await), ..Setup::default() }.start().await;
    start(&first.app).detach_all();
    let lines = |name: &str| -> Vec<Value> {
        let text = std::fs::read_to_string(folder.path().join(name)).unwrap_or_default();
        // Reads complete lines only, as a program that follows the file does. The last line may be incomplete.
        text.split_inclusive('\n')
            .filter(|line| line.ends_with('\n'))
            .map(|line| serde_json::from_str(line).expect("whole lines"))
            .collect()
    };
    write(&first, 300).await;
    until("300 lines", async || lines("audit.jsonl").len() >= 300).await;
    std::fs::rename(&path, folder.path().join("audit.jsonl.1")).expect("rotated");
    write(&first, 50).await;
    checkpoint(&place(&first), 320).await;
    until("51 lines", async || lines("audit.jsonl").len() >= 51).await;
    let shared = place(&first).url;
    release(&first).await;
    let second = Setup { more: more().leak(), store: Some(shared), ..Setup::default() }.start().await;
    start(&second.app).detach_all();
    write(&second, 25).await;
    until("76 lines", async || lines("audit.jsonl").len() >= 76).await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let all: Vec<Value> = lines("audit.jsonl.1").into_iter().chain(lines("audit.jsonl")).collect();
    let numbers: Vec<_> = all.iter().filter_map(|line| line["number"].as_i64()).collect();
    assert_eq!(numbers, (1..=375).collect::<Vec<_>>(), "in order, none twice");
    let checkpoints: Vec<_> = all.iter().filter_map(|line| line["checkpoint"]["number"].as_i64()).collect();
    assert_eq!(checkpoints, [320]);
    assert!(std::fs::read_to_string(&path).expect("the file").ends_with('\n'), "no half line is left");
}

#[tokio::test]
async fn a_cursor_only_goes_forward_and_an_alert_is_raised_again_when_its_time_is_over() {
    each_store(async |store, place| {
        let cursors = Cursors::new(&store, &DerivedKeys::new(&[1; 32]));
        let at = |number, checkpoint| Cursor { number, checkpoint };
        assert_eq!(cursors.get("a").await.expect("read"), None);
        for (to, now) in [(at(0, 0), at(0, 0)), (at(7, 3), at(7, 3)), (at(5, 4), at(7, 4)), (at(8, 1), at(8, 4))] {
            cursors.advance("a", to).await.expect("saved");
            assert_eq!(cursors.get("a").await.expect("read"), Some(now));
        }
        assert_eq!(cursors.get("b").await.expect("read"), None);
        // A cursor that was moved or copied from another target counts as missing, so that no message is skipped.
        for tampering in ["UPDATE audit_cursors SET number = 9000000000000000000", "UPDATE audit_cursors SET mac = NULL"] {
            place.run(tampering).await.expect("done");
            assert_eq!(cursors.get("a").await.expect("read"), None, "{tampering}");
            cursors.advance("a", at(2, 1)).await.expect("saved");
            assert_eq!(cursors.get("a").await.expect("read"), Some(at(2, 1)));
        }
        place.run("INSERT INTO audit_cursors SELECT 'b', number, checkpoint, mac FROM audit_cursors").await.expect("copied");
        assert_eq!(cursors.get("b").await.expect("read"), None);
        let time = |second: i64| jiff::Timestamp::from_second(1_800_000_000 + second).expect("in range");
        assert!(!cursors.is_raised("x", time(0), time(1000)).await.expect("read"));
        cursors.raised("x", time(60)).await.expect("saved");
        assert!(
            cursors.is_raised("x", time(59), time(1000)).await.expect("read")
                && !cursors.is_raised("x", time(60), time(1000)).await.expect("read")
        );
        cursors.raised("x", time(120)).await.expect("saved");
        assert!(cursors.is_raised("x", time(60), time(1000)).await.expect("read"));
        assert!(!cursors.is_raised("x", time(60), time(119)).await.expect("read"), "nobody of ours has put off an alert for so long");
        assert_eq!(cursors.delete_stale(time(120 + 86_401)).await.expect("deleted"), 1);
    })
    .await;
}
