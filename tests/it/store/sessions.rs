//! Sessions.

use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use os2nykode::{
    clock::Clock,
    config,
    store::{
        DerivedKeys, Store,
        sessions::{SUBJECT, Sessions},
    },
};
use sqlx::Row;
use time::OffsetDateTime;
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
};

use super::{
    log::{account, at},
    place::{Place, each_store},
};

/// A clock that stands still until it is set.
#[derive(Debug)]
struct Set(Mutex<Timestamp>);

impl Set {
    fn to(&self, minutes: f64) {
        *self.0.lock().expect("a clock") = at(0) + SignedDuration::from_secs_f64(minutes * 60.0);
    }
}

impl Clock for Set {
    fn now(&self) -> Timestamp {
        *self.0.lock().expect("a clock")
    }
}

fn sessions(store: &Store, secret: u8) -> (Sessions, Arc<Set>) {
    let clock = Arc::new(Set(Mutex::new(at(0))));
    let limits = config::SessionConfig { idle_minutes: 10, absolute_minutes: 30 };
    (Sessions::new(store, &DerivedKeys::new(&[secret; 32]), &limits, clock.clone()), clock)
}

fn record(secret: &str) -> Record {
    let data = [(SUBJECT.to_owned(), account(1).to_string().into()), ("secret".to_owned(), secret.into())].into();
    Record { id: Id::default(), data, expiry_date: OffsetDateTime::UNIX_EPOCH }
}

async fn begin(sessions: &Sessions, secret: &str) -> Record {
    let mut record = record(secret);
    sessions.create(&mut record).await.expect("created");
    record
}

async fn lives(sessions: &Sessions, record: &Record) -> bool {
    sessions.load(&record.id).await.expect("an answer").is_some()
}

async fn rows(place: &Place) -> i64 {
    sqlx::query("SELECT COUNT(*) FROM sessions").fetch_one(&mut place.intruder().await).await.expect("counted").get(0)
}

#[tokio::test]
async fn a_session_comes_back_as_it_was_saved() {
    each_store(async |store, _| {
        let (sessions, _) = sessions(&store, 1);
        let mut record = begin(&sessions, "en").await;
        record.data.insert("flere".to_owned(), "æøå".into());
        sessions.save(&record).await.expect("saved");
        assert_eq!(sessions.load(&record.id).await.expect("an answer").expect("there").data, record.data);
        assert!(sessions.load(&Id(7)).await.expect("an answer").is_none());
    })
    .await;
}

#[tokio::test]
async fn an_unused_session_ends_after_the_idle_limit_and_a_used_one_after_the_absolute() {
    each_store(async |store, place| {
        let (sessions, clock) = sessions(&store, 1);
        let (unused, used) = (begin(&sessions, "a").await, begin(&sessions, "b").await);
        for minute in [5.0, 9.9, 15.0, 24.0, 29.9] {
            clock.to(minute);
            assert!(lives(&sessions, &used).await, "{minute}");
        }
        assert!(!lives(&sessions, &unused).await);
        assert_eq!(rows(place).await, 1, "what has ended is deleted");
        clock.to(0.0);
        assert!(!lives(&sessions, &unused).await, "and does not come back with the clock");
        clock.to(30.0);
        sessions.save(&used).await.expect("without effect on the limit");
        assert!(!lives(&sessions, &used).await);
    })
    .await;
}

#[tokio::test]
async fn saving_does_not_put_off_the_idle_limit_beyond_the_absolute_and_the_expired_are_deleted() {
    each_store(async |store, place| {
        let (sessions, clock) = sessions(&store, 1);
        begin(&sessions, "a").await;
        clock.to(5.0);
        begin(&sessions, "b").await;
        let delete =
            async |minute: f64| sessions.delete_expired(at(0) + SignedDuration::from_secs_f64(minute * 60.0)).await.expect("deleted");
        assert_eq!(delete(9.0).await, 0);
        assert_eq!(delete(11.0).await, 1);
        assert_eq!(delete(16.0).await, 1);
        assert_eq!(rows(place).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_session_from_the_future_is_not_believed() {
    each_store(async |store, _| {
        let (sessions, clock) = sessions(&store, 1);
        clock.to(60.0);
        let record = begin(&sessions, "a").await;
        clock.to(0.0);
        assert!(!lives(&sessions, &record).await);
    })
    .await;
}

#[tokio::test]
async fn a_session_that_was_ended_does_not_come_back() {
    each_store(async |store, place| {
        let (sessions, _) = sessions(&store, 1);
        let record = begin(&sessions, "a").await;
        let in_another_request = sessions.load(&record.id).await.expect("an answer").expect("there");
        sessions.delete(&record.id).await.expect("logged out");
        sessions.save(&in_another_request).await.expect("without effect");
        assert!(!lives(&sessions, &record).await);
        assert_eq!(rows(place).await, 0);
    })
    .await;
}

#[tokio::test]
async fn all_sessions_of_an_account_can_be_ended() {
    each_store(async |store, _| {
        let (sessions, _) = sessions(&store, 1);
        let (mine, here) = (begin(&sessions, "a").await, begin(&sessions, "b").await);
        let mut other = record("c");
        other.data.insert(SUBJECT.to_owned(), account(2).to_string().into());
        sessions.create(&mut other).await.expect("created");
        let mut nobodys = Record { data: [].into(), ..record("d") };
        sessions.create(&mut nobodys).await.expect("created");
        assert_eq!(sessions.end_all_of(account(1), Some(here.id.into())).await.expect("ended"), 1);
        assert!(!lives(&sessions, &mine).await && lives(&sessions, &here).await && lives(&sessions, &other).await);
        assert_eq!(sessions.end_all_of(account(1), None).await.expect("ended"), 1);
        assert!(!lives(&sessions, &here).await && lives(&sessions, &other).await && lives(&sessions, &nobodys).await);
    })
    .await;
}

#[tokio::test]
async fn the_database_alone_shows_neither_ids_nor_contents_nor_whose_they_are() {
    each_store(async |store, place| {
        let (sessions, _) = sessions(&store, 1);
        let record = begin(&sessions, "fortroligt-ord").await;
        let row = sqlx::query("SELECT id, subject, data FROM sessions").fetch_one(&mut place.intruder().await).await.expect("a row");
        let (id, subject, data): (String, String, Vec<u8>) = (row.get(0), row.get(1), row.get(2));
        let account = account(1).to_string();
        for told in ["fortroligt-ord", "secret", &account, &record.id.to_string(), &format!("{:x}", record.id.0)] {
            assert!(!id.contains(told) && !subject.contains(told) && !String::from_utf8_lossy(&data).contains(told), "{told}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_row_that_was_tampered_with_or_copied_or_written_with_another_secret_is_no_session() {
    each_store(async |store, place| {
        let (ours, _) = sessions(&store, 1);
        let (foreign, _) = sessions(&store, 2);
        let record = begin(&ours, "a").await;
        assert!(!lives(&foreign, &record).await && lives(&ours, &record).await, "with another secret it is not even found");

        ours.delete(&record.id).await.expect("gone");

        for position in [0, 11, 12, 40, usize::MAX] {
            let record = begin(&ours, "a").await;
            let (id, mut data) = stored(place).await.remove(0);
            let position = position.min(data.len() - 1);
            data[position] ^= 1;
            set(place, &id, &data).await;
            assert!(!lives(&ours, &record).await, "{position}");
        }
        for length in [0, 11, 12, 28] {
            let record = begin(&ours, "a").await;
            let (id, data) = stored(place).await.remove(0);
            set(place, &id, &data[..length]).await;
            assert!(!lives(&ours, &record).await, "{length} bytes");
        }

        let somebodys = begin(&ours, "somebody's").await;
        let theirs = stored(place).await.remove(0);
        let mine = begin(&ours, "mine").await;
        let (id, _) = stored(place).await.into_iter().find(|(id, _)| *id != theirs.0).expect("mine");
        set(place, &id, &theirs.1).await;
        assert!(!lives(&ours, &mine).await, "another session's data under my id");
        assert!(lives(&ours, &somebodys).await);
    })
    .await;
}

async fn stored(place: &Place) -> Vec<(String, Vec<u8>)> {
    let rows = sqlx::query("SELECT id, data FROM sessions").fetch_all(&mut place.intruder().await).await.expect("rows");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

async fn set(place: &Place, id: &str, data: &[u8]) {
    let update = sqlx::query("UPDATE sessions SET data = $1 WHERE id = $2").bind(data.to_vec()).bind(id.to_owned());
    assert_eq!(update.execute(&mut place.intruder().await).await.expect("set").rows_affected(), 1);
}
