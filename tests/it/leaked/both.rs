//! Look-ups by the use cases: the order of the sources, the consequences, and the entries in log and metrics.

use std::{
    fs, io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use os2nykode::{
    clock::SystemClock,
    config,
    leaked::{HashKind, LeakedPasswords},
    model::{
        leaked::{DecidedBy, Leaked, LeakedAnswer, WhenUnavailable},
        password_policy::BrokenRule,
    },
};
use tracing_subscriber::fmt::MakeWriter;

use super::{
    download::{Workshop, entries, lines},
    password,
    range_api::{Behaviour, RangeApi},
    vectors::VECTORS,
};

fn settings(file: Option<PathBuf>, api: Option<&RangeApi>, min_count: u64) -> config::LeakedConfig {
    let online = api.map(|api| config::LeakedOnline { address: api.address().to_owned(), ca_file: None });
    config::LeakedConfig { file, online, min_count, when_unavailable: WhenUnavailable::Accept }
}

async fn open(settings: &config::LeakedConfig, before: Option<&LeakedPasswords>) -> LeakedPasswords {
    LeakedPasswords::open(settings, Arc::new(SystemClock), before).await.expect("set up")
}

/// A list on disk with this kind of hash.
fn made(kind: HashKind) -> Workshop {
    let workshop = Workshop::new();
    workshop.import(&workshop.write("download", lines(&entries(kind, 3000), "\n").as_bytes())).expect("imported");
    workshop
}

fn yes(count: u64, decided_by: DecidedBy) -> LeakedAnswer {
    LeakedAnswer { leaked: Leaked::Yes { count }, decided_by }
}

#[tokio::test]
async fn where_the_file_answers_the_service_is_never_asked() {
    for kind in [HashKind::Sha1, HashKind::Nt] {
        let (workshop, api) = (made(kind), RangeApi::start().await);
        let leaked = open(&settings(Some(workshop.target()), Some(&api), 1), None).await;
        for vector in VECTORS {
            assert_eq!(leaked.ask(&password(vector.text)).await, yes(vector.count, DecidedBy::File), "{}", vector.text);
        }
        let no = LeakedAnswer { leaked: Leaked::No, decided_by: DecidedBy::File };
        assert_eq!(leaked.ask(&password("correct horse battery staple")).await, no);
        assert_eq!((api.asked().len(), api.connections()), (0, 0));
    }
}

#[tokio::test]
async fn where_the_file_gives_no_answer_the_service_is_asked() {
    let (workshop, api) = (made(HashKind::Sha1), RangeApi::start().await);
    fs::remove_file(workshop.target()).expect("removed");
    let leaked = open(&settings(Some(workshop.target()), Some(&api), 1), None).await;
    assert_eq!(leaked.ask(&password("andrew")).await, yes(228_451, DecidedBy::Online));
    api.behave(Behaviour::Status(500));
    let unknown = leaked.ask(&password("password")).await;
    assert_eq!(unknown, LeakedAnswer::UNKNOWN);
    assert_eq!(unknown.broken(WhenUnavailable::Accept), None);
    assert_eq!(unknown.broken(WhenUnavailable::Refuse), Some(BrokenRule::LeakUnchecked));
}

#[tokio::test]
async fn the_threshold_holds_for_the_file_and_for_the_service() {
    let (workshop, api) = (made(HashKind::Sha1), RangeApi::start().await);
    for (settings, decided_by) in
        [(settings(Some(workshop.target()), None, 13), DecidedBy::File), (settings(None, Some(&api), 13), DecidedBy::Online)]
    {
        let leaked = open(&settings, None).await;
        assert_eq!(leaked.ask(&password("password1104")).await, LeakedAnswer { leaked: Leaked::No, decided_by }, "seen 12 times");
        assert_eq!(leaked.ask(&password("946399")).await, yes(31, decided_by));
    }
}

#[tokio::test]
async fn without_file_and_service_nothing_is_on() {
    let leaked = open(&settings(None, None, 1), None).await;
    assert!(!leaked.is_on());
    assert_eq!(leaked.ask(&password("password")).await, LeakedAnswer::UNKNOWN);
}

#[tokio::test]
async fn a_new_list_is_opened_at_sighup_and_a_bad_one_is_not() {
    let workshop = made(HashKind::Sha1);
    let settings = settings(Some(workshop.target()), None, 1);
    let first = open(&settings, None).await;
    let mut more = entries(HashKind::Sha1, 10);
    more.insert("ABF7AAD6438836DBE526AA231ABDE2D0EEF74D42".to_owned(), 77); // "correct horse battery staple"
    workshop.import(&workshop.write("next", lines(&more, "\n").as_bytes())).expect("imported");
    let new = "correct horse battery staple";
    assert_eq!(first.ask(&password(new)).await.leaked, Leaked::No);
    let second = open(&settings, Some(&first)).await;
    assert_eq!(second.ask(&password(new)).await, yes(77, DecidedBy::File));
    fs::write(workshop.path("bad"), "no list").expect("written");
    fs::rename(workshop.path("bad"), workshop.target()).expect("replaced");
    let third = open(&settings, Some(&second)).await;
    assert_eq!(third.ask(&password(new)).await, yes(77, DecidedBy::File));
}

/// Captured log output.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

fn counts(snapshotter: &Snapshotter) -> Vec<(String, u64)> {
    let named = snapshotter.snapshot().into_vec().into_iter().filter_map(|(key, _, _, value)| {
        let labels: Vec<String> = key.key().labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        match value {
            DebugValue::Counter(count) => Some((format!("{} {}", key.key().name(), labels.join(" ")), count)),
            DebugValue::Gauge(_) | DebugValue::Histogram(_) => None,
        }
    });
    named.filter(|(_, count)| *count > 0).collect()
}

/// Captures the metrics and the log of this thread.
#[tokio::test]
async fn neither_password_nor_hash_nor_prefix_is_logged_and_what_fails_is_counted() {
    let log = Log::default();
    let filter = tracing_subscriber::EnvFilter::new("os2nykode=trace,error");
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(log.clone()).with_ansi(false).finish();
    let _logged = tracing::subscriber::set_default(subscriber);
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _counted = metrics::set_default_local_recorder(&recorder);
    os2nykode::leaked::begin_metrics();
    let (workshop, api) = (made(HashKind::Sha1), RangeApi::start().await);
    let well = open(&settings(Some(workshop.target()), Some(&api), 1), None).await;
    let missing = open(&settings(Some(workshop.path("none")), Some(&api), 1), None).await;
    for vector in VECTORS {
        well.ask(&password(vector.text)).await;
    }
    for behaviour in [Behaviour::Well, Behaviour::Html, Behaviour::Nt, Behaviour::Huge, Behaviour::BreakOff, Behaviour::Status(429)] {
        api.behave(behaviour);
        for vector in &VECTORS[..3] {
            missing.ask(&password(vector.text)).await;
        }
        missing.ask(&password(&format!("hemmelig {behaviour:?}"))).await;
    }
    let text = log.text();
    assert!(text.contains("list of leaked passwords opened") && text.contains("leaked passwords can't be looked up"), "{text}");
    for vector in VECTORS {
        assert!(!text.contains(vector.text.trim()) || vector.text.trim().is_empty() || vector.text == "password", "{text}");
        let upper = text.to_uppercase();
        assert!(!upper.contains(&vector.sha1[..5]) && !upper.contains(&vector.nt[..5]), "{text}");
    }
    assert!(!text.contains("hemmelig"), "{text}");
    let counts = counts(&snapshotter);
    let count = |name: &str| counts.iter().find(|(key, _)| key == name).map_or(0, |(_, count)| *count);
    let leaked = VECTORS.len() as u64;
    assert_eq!(count("os2nykode_leaked_lookups_total decided_by=file outcome=leaked"), leaked, "{counts:?}");
    assert_eq!(count("os2nykode_leaked_unavailable_total source=file"), 24, "{counts:?}");
    assert_eq!(count("os2nykode_leaked_unavailable_total source=online"), 5, "{counts:?}");
    assert_eq!(count("os2nykode_leaked_lookups_total decided_by=nobody outcome=unknown"), 5, "{counts:?}");
}
