//! A disk that hangs: a reader that waits for a word stands in for it, since no real disk hangs on request.

use std::{
    fs, io,
    os::unix::fs::FileExt,
    sync::{
        Condvar, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Instant,
};

use jiff::Timestamp;

use super::*;
use crate::leaked::{HashKind, ReadAt, writer};

/// A file whose reads wait while it hangs.
#[derive(Clone)]
struct Hanging(Arc<Disk>);

struct Disk {
    file: fs::File,
    hangs: Mutex<bool>,
    word: Condvar,
    waiting: AtomicUsize,
}

impl Hanging {
    fn hang(&self, hangs: bool) {
        *self.0.hangs.lock().unwrap_or_else(PoisonError::into_inner) = hangs;
        self.0.word.notify_all();
    }
}

impl ReadAt for Hanging {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let mut hangs = self.0.hangs.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.waiting.fetch_add(1, SeqCst);
        while *hangs {
            hangs = self.0.word.wait(hangs).unwrap_or_else(PoisonError::into_inner);
        }
        drop(hangs);
        self.0.waiting.fetch_sub(1, SeqCst);
        FileExt::read_exact_at(&self.0.file, buffer, offset)
    }
}

fn password(text: &str) -> Password {
    Password::parse(text.to_owned()).expect("a password")
}

fn hanging() -> (Hanging, Offline) {
    let file = tempfile::tempfile().expect("a file");
    let mut list = writer::ListWriter::begin(file.try_clone().expect("the same file"), [1; 16]).expect("begun");
    list.push(Digest::of_text("password", HashKind::Sha1).key(), 7).expect("written");
    let facts =
        writer::Facts { kind: HashKind::Sha1, partial: true, source_modified: Timestamp::UNIX_EPOCH, imported: Timestamp::UNIX_EPOCH };
    let header = list.finish(&facts).expect("finished");
    let disk = Hanging(Arc::new(Disk { file, hangs: Mutex::new(false), word: Condvar::new(), waiting: AtomicUsize::new(0) }));
    let list = List::over(Box::new(disk.clone()), header.file_bytes()).expect("open");
    (disk, Offline::over(list))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_hangs_is_given_up_in_time_and_holds_few_threads() {
    let (disk, offline) = hanging();
    assert_eq!(offline.look_up(&password("password")).await.expect("well"), Some(7));
    disk.hang(true);
    let begun = Instant::now();
    let password = Arc::new(password("password"));
    let offline = Arc::new(offline);
    let asked: Vec<_> = (0..40)
        .map(|_| {
            let (offline, password) = (Arc::clone(&offline), Arc::clone(&password));
            tokio::spawn(async move { offline.look_up(&password).await })
        })
        .collect();
    for task in asked {
        assert!(matches!(task.await.expect("ended"), Err(OfflineError::TimedOut)));
    }
    assert!(begun.elapsed() < LIMIT * 4, "{:?}", begun.elapsed());
    assert_eq!(disk.0.waiting.load(SeqCst), PLACES);
    // Opening again at a SIGHUP takes no further thread, and the list before stays in use.
    let (again, opened) = timeout(OPEN_LIMIT * 2, Offline::open(Path::new("/dev/null"), Some(&offline))).await.expect("in time");
    assert!(matches!(opened, Err(OfflineError::TimedOut)) && again.header().is_some());
    assert_eq!(disk.0.waiting.load(SeqCst), PLACES);
    disk.hang(false);
    assert_eq!(again.look_up(&password).await.expect("well again"), Some(7));
}
