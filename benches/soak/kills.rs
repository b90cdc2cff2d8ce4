//! SIGKILL in the middle of changes: afterwards AD, the log and the page agree.

use std::time::{Duration, Instant};

use crate::{
    environment::unique,
    number,
    people::{Admin, PASSWORD, Person, bind},
    program::Program,
    say,
    visitor::{Told, Visitor, fresh},
};

/// Changes under way at each kill.
const AT_ONCE: usize = 8;

pub async fn measure() {
    let kills = number("OS2NYKODE_SOAK_KILLS", 125);
    let dir = tempfile::tempdir().expect("a folder");
    let mut admin = Admin::new().await;
    let group = admin.dn("Bench").await;
    let mut program = Program::start(dir.path(), None).await;
    let mut people: Vec<(Person, String)> = Vec::new();
    for _ in 0..AT_ONCE {
        let person = admin.person_named(&unique("k"), "Maaler", "Maalersen").await;
        admin.add_to_group(&group, &person.dn).await;
        people.push((person, PASSWORD.to_owned()));
    }
    let (mut changed, mut not, mut unanswered) = (0, 0, 0);
    for round in 0..kills {
        let mut under_way = Vec::new();
        for (person, password) in &people {
            let mut visitor = Visitor::new(9, program.url(""));
            assert!(visitor.log_in(&person.sam, password).await, "{} logs in, in round {round}", person.sam);
            under_way.push((visitor, format!("Maaling-{}-Kvist", fresh())));
        }
        let sending: Vec<_> = under_way
            .into_iter()
            .zip(&people)
            .map(|((mut visitor, new), (_, old))| {
                let old = old.clone();
                tokio::spawn(async move {
                    let result = visitor.change(&old, &new).await.expect("a form").0;
                    (visitor, new, result)
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis((20 + round * 7 % 500) as u64)).await; // another moment of the change in each round
        program = program.again().await;
        for ((person, password), sent) in people.iter_mut().zip(futures_util::future::join_all(sending).await) {
            let (mut visitor, new, result) = sent.expect("joined");
            let in_ad = bind(&person.dn, &new).await.is_ok();
            let told = settled(&mut visitor, &result).await;
            match told {
                Some(told) => assert_eq!(told == Told::Done, in_ad, "round {round}: the page and AD about {}", person.sam),
                None => assert!(!in_ad, "round {round}: AD has changed what was never begun, of {}", person.sam),
            }
            changed += usize::from(in_ad);
            not += usize::from(!in_ad && told.is_some());
            unanswered += usize::from(told.is_none());
            if in_ad {
                *password = new;
            }
        }
    }
    say(&format!(
        "{kills} kills with {AT_ONCE} changes under way at each: {changed} changed and told so, {not} not changed and told so, {unanswered} never begun; {}",
        program.verify()
    ));
}

/// The final result page; `None` if the change never began.
async fn settled(visitor: &mut Visitor, result: &str) -> Option<Told> {
    let began = Instant::now();
    loop {
        if let Some(told) = visitor.result(result).await {
            return Some(told);
        }
        let page = visitor.get(result).await.unwrap_or_default();
        let open = page.contains("er ved at blive skiftet") || page.contains("<h1>Vi ved ikke");
        if !open && began.elapsed() > Duration::from_secs(2) {
            return None;
        }
        assert!(began.elapsed() < Duration::from_secs(90), "it is settled: {page}");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}
