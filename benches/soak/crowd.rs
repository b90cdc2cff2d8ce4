//! Many people in mixed roles: one in ten types a wrong password, one in twenty chooses a weak one.
//!
//! On SQLite with one instance, and on PostgreSQL with two instances behind a proxy, one of which is killed midway.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use sqlx::{AnyConnection, AssertSqlSafe, Connection};
use tokio::net::{TcpListener, TcpStream};

use crate::{
    environment::{environment, unique},
    number,
    people::{Admin, PASSWORD, Person, bind},
    program::Program,
    say,
    visitor::{Got, Told, Visitor, fresh, summary},
};

struct Member {
    person: Person,
    password: String,
    /// Possible password after a change without a result page.
    perhaps: Option<String>,
    visitor: Visitor,
    done: usize,
}

pub async fn measure() {
    let dir = tempfile::tempdir().expect("a folder");
    let program = Program::start(dir.path(), None).await;
    let address = program.address;
    run("SQLite, one instance", address, vec![program], false).await;
    let (dir, store) = (tempfile::tempdir().expect("a folder"), database().await);
    let (first, second) = (Program::start(dir.path(), Some(&store)).await, Program::start(dir.path(), Some(&store)).await);
    let proxy = proxy([first.address, second.address]).await;
    run("PostgreSQL, two instances, one killed", proxy, vec![first, second], true).await;
}

async fn database() -> String {
    sqlx::any::install_default_drivers();
    let server = environment().fact("PG_URL");
    let name = unique("soak");
    let mut admin = AnyConnection::connect(server).await.expect("PostgreSQL answers");
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut admin).await.expect("a database");
    let (host, _) = server.rsplit_once('/').expect("a database in the URL");
    format!("{host}/{name}")
}

/// Connects clients to the instances in turn, and to the other one if the first does not accept.
async fn proxy(instances: [SocketAddr; 2]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let next = Arc::new(AtomicUsize::new(0));
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let turn = next.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                for instance in [instances[turn % 2], instances[(turn + 1) % 2]] {
                    if let Ok(mut server) = TcpStream::connect(instance).await {
                        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                        return;
                    }
                }
            });
        }
    });
    address
}

async fn run(what: &str, address: SocketAddr, mut programs: Vec<Program>, kill: bool) {
    let (seconds, count) = (number("OS2NYKODE_SOAK_SECONDS", 600), number("OS2NYKODE_SOAK_PEOPLE", 500));
    let mut admin = Admin::new().await;
    let group = admin.dn("Bench").await;
    let ends = Duration::from_secs(seconds as u64);
    let mut crowd = Vec::new();
    for number in 0..count {
        let person = admin.person_named(&unique("s"), "Maaler", "Maalersen").await;
        admin.add_to_group(&group, &person.dn).await;
        let visitor = Visitor::new(u8::try_from(number % 200 + 2).expect("small"), format!("https://localhost:{}", address.port()));
        crowd.push(Member { person, password: PASSWORD.to_owned(), perhaps: None, visitor, done: 0 });
    }
    let (memory, begun) = (programs.last().expect("one").memory(), Instant::now());
    let work = crowd.into_iter().enumerate().map(|(number, member)| tokio::spawn(live(member, number, begun + ends)));
    let work: Vec<_> = work.collect();
    if kill {
        tokio::time::sleep(ends / 2).await;
        programs[0].kill();
    }
    let crowd: Vec<Member> = futures_util::future::join_all(work).await.into_iter().map(|member| member.expect("joined")).collect();
    tokio::time::sleep(Duration::from_secs(45)).await; // the other instance reconciles the changes that the killed one had begun
    let program = programs.last().expect("one");
    let (mut wrong, mut done) = (0, 0);
    for member in &crowd {
        let now = bind(&member.person.dn, &member.password).await.is_ok();
        let later = match &member.perhaps {
            Some(perhaps) => bind(&member.person.dn, perhaps).await.is_ok(),
            None => false,
        };
        wrong += usize::from(!now && !later);
        done += member.done;
    }
    let seen: Vec<_> = crowd.iter().flat_map(|member| member.visitor.seen.iter().copied()).collect();
    let failed = seen.iter().filter(|(_, got)| matches!(got, Got::Status(500..))).count();
    say(&format!(
        "{what}: {count} people, {seconds} s, {done} changes; {}; {failed} of them 5xx; {wrong} with a password that nobody told of; memory {memory} to {} KiB, {} descriptors; {}",
        summary(&seen),
        program.memory(),
        program.descriptors(),
        program.verify()
    ));
    assert_eq!(wrong, 0, "AD holds what the pages say");
}

/// Logs in, changes the password, and repeats this until the end.
async fn live(mut member: Member, number: usize, ends: Instant) -> Member {
    tokio::time::sleep(Duration::from_millis(number as u64 * 37 % 20_000)).await;
    let mut round = number;
    while Instant::now() < ends {
        round += 1;
        if round.is_multiple_of(10) {
            member.visitor.log_in(&member.person.sam, "Helt-Forkert-99").await;
        }
        if member.visitor.log_in(&member.person.sam, &member.password).await {
            let new = if round % 20 == 1 { "abc".to_owned() } else { format!("Maaling-{}-Kvist", fresh()) };
            if let Some((result, _)) = member.visitor.change(&member.password, &new).await {
                match member.visitor.result(&result).await {
                    Some(Told::Done) => (member.password, member.perhaps, member.done) = (new, None, member.done + 1),
                    Some(Told::Not) => {}
                    None if new == "abc" => {}
                    None => member.perhaps = Some(new),
                }
            }
        } else if let Some(perhaps) = member.perhaps.take() {
            // The change had no result page, so AD decides.
            if bind(&member.person.dn, &perhaps).await.is_ok() {
                member.password = perhaps;
            }
        }
        tokio::time::sleep(Duration::from_secs(5 + (round % 10) as u64)).await;
    }
    member
}
