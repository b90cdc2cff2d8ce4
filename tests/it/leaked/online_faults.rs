//! A range API that is unreachable, slow or wrong: its answers are not used or cached, and the wait is bounded.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use os2nykode::{
    clock::ShiftedClock,
    http_client::HttpError,
    leaked::{ONLINE_LIMIT, Online, OnlineError},
};

use super::{online::start, password, range_api::Behaviour};

/// Longest wait of a person: the limit, with a margin for a busy machine.
const PATIENCE: Duration = Duration::from_millis(2500);

#[tokio::test]
async fn no_answer_is_made_of_a_fault_and_the_next_question_is_asked_again() {
    for (behaviour, expected) in [
        (Behaviour::Stall, OnlineError::Http(HttpError::TimedOut)),
        (Behaviour::StallInside, OnlineError::Http(HttpError::TimedOut)),
        (Behaviour::Slow(4000), OnlineError::Http(HttpError::TimedOut)),
        (Behaviour::Status(500), OnlineError::Status(500)),
        (Behaviour::Status(503), OnlineError::Status(503)),
        (Behaviour::Status(403), OnlineError::Status(403)),
        (Behaviour::Status(404), OnlineError::Status(404)),
        (Behaviour::Status(204), OnlineError::Status(204)),
        (Behaviour::Redirect, OnlineError::Status(302)),
        (Behaviour::Huge, OnlineError::Http(HttpError::TooLarge(1024 * 1024))),
    ] {
        let (api, online, _) = start().await;
        api.behave(behaviour);
        let begun = Instant::now();
        assert_eq!(online.look_up(&password("password")).await, Err(expected), "{behaviour:?}");
        assert!(begun.elapsed() < PATIENCE, "{behaviour:?}: {:?}", begun.elapsed());
        assert_eq!(online.remembered(), 0);
        api.behave(Behaviour::Well);
        let count = online.look_up(&password("password")).await.map(|found| found.count);
        assert_eq!(count, Ok(Some(9_659_365)), "after {behaviour:?}");
    }
}

#[tokio::test]
async fn what_is_no_range_is_not_believed() {
    for behaviour in [Behaviour::Html, Behaviour::Empty, Behaviour::Nt, Behaviour::WholeHashes] {
        let (api, online, _) = start().await;
        api.behave(behaviour);
        let error = online.look_up(&password("password")).await.expect_err("no range");
        assert!(matches!(error, OnlineError::NotRange(_)), "{behaviour:?}: {error}");
        assert_eq!(online.remembered(), 0);
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_none() {
    let (api, online, _) = start().await;
    api.behave(Behaviour::BreakOff);
    let error = online.look_up(&password("password")).await.expect_err("half");
    assert!(matches!(error, OnlineError::Http(HttpError::Unreachable(_))), "{error}");
    assert!(!error.to_string().contains("5BAA6") && !error.to_string().contains("range/"), "{error}");
}

#[tokio::test]
async fn a_service_that_gives_the_same_range_to_every_question_is_not_believed() {
    let (api, online, _) = start().await;
    api.behave(Behaviour::SameRange);
    assert!(online.look_up(&password("Velkommen1234")).await.is_ok(), "one answer alone can't be told from a right one");
    assert_eq!(online.look_up(&password("andrew")).await, Err(OnlineError::SameAnswer));
    assert_eq!(online.remembered(), 0, "the first one was no truer");
    let (api, online, _) = start().await;
    api.behave(Behaviour::OnlyPadding);
    assert_eq!(online.probe().await, Err(OnlineError::Unknowing));
    api.behave(Behaviour::Well);
    assert_eq!(online.probe().await, Ok(9_659_365));
}

#[tokio::test]
async fn a_service_that_asks_for_a_pause_gets_one() {
    let (api, online, clock) = start().await;
    api.behave(Behaviour::Pause(30));
    assert_eq!(online.look_up(&password("password")).await, Err(OnlineError::Pause));
    api.behave(Behaviour::Well);
    for seconds in [0, 15, 28] {
        clock.shift_to(seconds);
        assert_eq!(online.look_up(&password("andrew")).await, Err(OnlineError::Pause), "after {seconds} s");
    }
    assert_eq!(api.asked().len(), 1);
    clock.shift_to(31);
    assert!(online.look_up(&password("andrew")).await.is_ok());
    api.behave(Behaviour::Pause(86_400));
    assert_eq!(online.look_up(&password("password")).await, Err(OnlineError::Pause));
    api.behave(Behaviour::Well);
    clock.shift_to(31 + 62);
    assert!(online.look_up(&password("password")).await.is_ok(), "a day is too long");
}

#[tokio::test]
async fn nobody_there_is_a_fault_at_once_and_an_address_that_swallows_everything_in_time() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let clock = Arc::new(ShiftedClock::default());
    let online = Online::new(&format!("http://{free}"), None, clock.clone()).expect("a client");
    let error = online.look_up(&password("password")).await.expect_err("nobody");
    assert!(matches!(error, OnlineError::Http(HttpError::Unreachable(_))), "{error}");
    // The system accepts connections into the queue, but no program reads from them.
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let online = Online::new(&format!("http://{}", deaf.local_addr().expect("an address")), None, clock).expect("a client");
    let begun = Instant::now();
    assert_eq!(online.look_up(&password("password")).await, Err(OnlineError::Http(HttpError::TimedOut)));
    assert!(begun.elapsed() >= ONLINE_LIMIT && begun.elapsed() < PATIENCE);
}

#[tokio::test]
async fn a_flood_of_questions_is_bounded() {
    let (api, online, _) = start().await;
    api.behave(Behaviour::Stall);
    let tasks: Vec<_> = (0..300)
        .map(|number| {
            let online = online.clone();
            tokio::spawn(async move { online.look_up(&password(&format!("flood {number}"))).await })
        })
        .collect();
    let begun = Instant::now();
    let mut busy = 0;
    for task in tasks {
        match task.await.expect("ended") {
            Err(OnlineError::Busy) => busy += 1,
            Err(OnlineError::Http(HttpError::TimedOut)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    assert_eq!(busy, 300 - 64);
    assert!(api.asked().len() <= 16, "{} requests: eight at once, and some in the last moment", api.asked().len());
}
