//! Many logins at the same moment: no login ends in a fault, and every refusal for overload has a waiting time.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::{
    environment::unique,
    number,
    people::{Admin, PASSWORD},
    program::Program,
    say,
    visitor::{Entry, Visitor, percentile},
};

/// Longest total wait of a person.
const PATIENCE: Duration = Duration::from_mins(3);

/// Result of one person's login.
struct Fared {
    /// From the first attempt to the login; `None` if the person gave up.
    took: Option<Duration>,
    /// Number of answers that asked for a wait because of overload.
    waits: usize,
    /// Number of delays by the rate limit, although no attempt had failed.
    delays: usize,
    /// Statuses that are neither a login nor a wait.
    faults: Vec<u16>,
    /// Duration of each answer.
    answers: Vec<Duration>,
}

pub async fn measure() {
    let count = number("OS2NYKODE_SOAK_AT_ONCE", 500);
    let dir = tempfile::tempdir().expect("a folder");
    let program = Program::start(dir.path(), None).await;
    let mut admin = Admin::new().await;
    let mut names = Vec::new();
    for _ in 0..count {
        names.push(admin.person_named(&unique("o"), "Maaler", "Maalersen").await.sam);
    }
    run("from 200 addresses", &program, &names, |number| u8::try_from(number % 200 + 2).expect("small")).await;
    run("from one address", &program, &names, |_| 9).await;
    say(&program.verify());
}

async fn run(what: &str, program: &Program, names: &[String], address: impl Fn(usize) -> u8) {
    let mut ready = JoinSet::new();
    for (number, name) in names.iter().enumerate() {
        let (mut visitor, name) = (Visitor::new(address(number), program.url("")), name.clone());
        ready.spawn(async move {
            let token = visitor.login_form().await.expect("a form");
            (visitor, name, token)
        });
    }
    let ready = ready.join_all().await;
    let mut all = JoinSet::new();
    for (visitor, name, token) in ready {
        all.spawn(persist(visitor, name, token));
    }
    let all = all.join_all().await;
    let mut took: Vec<_> = all.iter().filter_map(|fared| fared.took).collect();
    let mut answers: Vec<_> = all.iter().flat_map(|fared| fared.answers.iter().copied()).collect();
    took.sort_unstable();
    answers.sort_unstable();
    let (waits, longest) = (all.iter().map(|fared| fared.waits).sum::<usize>(), took.last().copied().unwrap_or_default());
    let delays: usize = all.iter().map(|fared| fared.delays).sum();
    let faults: Vec<_> = all.iter().flat_map(|fared| fared.faults.iter().copied()).collect();
    say(&format!(
        "{} logins at once {what}: {} are in, p50 {:.0?}, p99 {:.0?}, the last {longest:.0?}; {waits} times told to wait, {delays} times by the rate limit; one answer p50 {:.0?}, p99 {:.0?}; \
         faults {faults:?}",
        names.len(),
        took.len(),
        percentile(&took, 50),
        percentile(&took, 99),
        percentile(&answers, 50),
        percentile(&answers, 99),
    ));
    assert!(faults.is_empty() && took.len() == names.len(), "everybody gets in");
}

/// Repeats the login until it succeeds, after the waits that the answers ask for.
async fn persist(mut visitor: Visitor, name: String, token: String) -> Fared {
    let begun = Instant::now();
    let mut fared = Fared { took: None, waits: 0, delays: 0, faults: Vec::new(), answers: Vec::new() };
    while begun.elapsed() < PATIENCE {
        let entry = visitor.send_login(&token, &name, PASSWORD).await;
        fared.answers.extend(visitor.seen.last().map(|seen| seen.0));
        match entry {
            Entry::In(_) => {
                fared.took = Some(begun.elapsed());
                break;
            }
            Entry::Wait(seconds) => {
                fared.waits += 1;
                tokio::time::sleep(Duration::from_secs(seconds)).await;
            }
            Entry::Delayed(seconds) => {
                fared.delays += 1;
                tokio::time::sleep(Duration::from_secs(seconds)).await;
            }
            Entry::Not(status) => {
                fared.faults.push(status);
                break;
            }
        }
    }
    fared
}
