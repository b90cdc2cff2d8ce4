//! A list on disk that is damaged, of the wrong kind, or replaced during use.

use std::{fs, io::Write, os::unix::fs::FileExt, path::Path};

use os2nykode::leaked::{HashKind, List, ListError, Offline, OfflineError, verify};
use rustix::fs::{FileType, Mode};

use super::{
    download::{Workshop, entries, filler, holds_the_vectors, lines},
    password,
    vectors::VECTORS,
};

const PAGE: usize = 4096;

fn made(fillers: u64) -> Workshop {
    let workshop = Workshop::new();
    let source = workshop.write("download", lines(&entries(HashKind::Sha1, fillers), "\n").as_bytes());
    workshop.import(&source).expect("imported");
    workshop
}

#[test]
fn a_list_that_is_cut_off_or_longer_or_another_file_is_not_opened() {
    let workshop = made(20_000);
    let bytes = fs::read(workshop.target()).expect("a list");
    let open = |bytes: &[u8]| List::open(&workshop.write("tried", bytes)).expect_err("refused");
    for length in [PAGE, PAGE * 2, bytes.len() / 2, bytes.len() - PAGE, bytes.len() - 1] {
        assert!(matches!(open(&bytes[..length]), ListError::Length { .. }), "{length} bytes");
    }
    assert!(matches!(open(&[&bytes[..], &[0]].concat()), ListError::Length { .. }));
    for foreign in [&b""[..], b"5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:3\n", &[0; PAGE * 3], b"\x1f\x8b"] {
        assert!(matches!(open(foreign), ListError::NotAList));
    }
    let mut newer = bytes.clone();
    newer[8] = 9;
    assert!(matches!(open(&newer), ListError::Version(9)));
    let mut damaged = bytes.clone();
    damaged[40] ^= 1;
    assert!(matches!(open(&damaged), ListError::HeaderDamaged));
    let mut root = bytes.clone();
    *root.last_mut().expect("a byte") ^= 1;
    assert!(matches!(open(&root), ListError::Damaged(_)));
}

#[test]
fn what_is_no_file_is_refused_without_waiting_for_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
    for path in [folder.path(), &pipe, Path::new("/dev/zero")] {
        assert!(matches!(List::open(path), Err(ListError::NotAList)), "{}", path.display());
    }
    assert!(matches!(List::open(&folder.path().join("none")), Err(ListError::Io(_))));
}

#[tokio::test]
async fn a_damaged_page_gives_no_answer_and_never_a_wrong_one() {
    let workshop = made(20_000);
    let sound = fs::read(workshop.target()).expect("a list");
    let mut seen = 0;
    for page in 1..sound.len() / PAGE - 1 {
        let mut bytes = sound.clone();
        let at = page * PAGE + (page * 37) % PAGE;
        bytes[at] ^= 1 << (page % 8);
        let path = workshop.write("damaged", &bytes);
        assert!(matches!(verify(&path, &mut |_| ()), Err(ListError::Damaged(damaged)) if damaged.page == page as u64), "page {page}");
        let offline = Offline::over(List::open(&path).expect("its header and root are sound"));
        for vector in VECTORS {
            match offline.look_up(&password(vector.text)).await {
                Ok(found) => assert_eq!(found, Some(vector.count), "page {page}, {}", vector.text),
                Err(OfflineError::List(ListError::Damaged(damaged))) => {
                    assert_eq!(damaged.page, page as u64);
                    seen += 1;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
    assert!(seen >= VECTORS.len(), "each vector stands in a page that was damaged: {seen}");
}

#[test]
fn verification_finds_pages_that_were_changed_with_each_other() {
    let workshop = made(20_000);
    let mut bytes = fs::read(workshop.target()).expect("a list");
    let (a, b) = bytes[PAGE..PAGE * 3].split_at_mut(PAGE);
    a.swap_with_slice(b);
    assert!(matches!(verify(&workshop.write("swapped", &bytes), &mut |_| ()), Err(ListError::Damaged(damaged)) if damaged.page == 1));
}

#[tokio::test]
async fn a_new_list_takes_the_name_while_the_old_one_answers_and_is_opened_when_asked_for() {
    let workshop = made(3000);
    let (old, opened) = Offline::open(&workshop.target(), None).await;
    opened.expect("open");
    let mut more = entries(HashKind::Nt, 3000);
    more.insert(filler(99_999, HashKind::Nt), 5);
    workshop.import(&workshop.write("next", lines(&more, "\n").as_bytes())).expect("imported");
    holds_the_vectors(&old).await;
    assert_eq!(old.header().expect("open").kind, HashKind::Sha1, "the old file is read to the end");
    let (new, opened) = Offline::open(&workshop.target(), Some(&old)).await;
    opened.expect("open");
    holds_the_vectors(&new).await;
    assert_eq!(new.header().expect("open").hashes, old.header().expect("open").hashes + 1);
}

#[tokio::test]
async fn a_new_list_that_cannot_be_used_leaves_the_old_one_in_use() {
    let workshop = made(3000);
    let (old, _) = Offline::open(&workshop.target(), None).await;
    let half = fs::read(workshop.target()).expect("a list");
    workshop.write("half", &half[..half.len() / 2]);
    fs::rename(workshop.path("half"), workshop.target()).expect("copied by hand");
    let (still, opened) = Offline::open(&workshop.target(), Some(&old)).await;
    assert!(matches!(opened, Err(OfflineError::List(ListError::Length { .. }))));
    holds_the_vectors(&still).await;
    let (alone, opened) = Offline::open(&workshop.target(), None).await;
    assert!(opened.is_err() && alone.header().is_none());
    assert!(matches!(alone.look_up(&password("password")).await, Err(OfflineError::NotOpen)));
}

#[tokio::test]
async fn a_list_that_is_overwritten_in_place_gives_no_wrong_answer() {
    let workshop = made(3000);
    let (open, _) = Offline::open(&workshop.target(), None).await;
    let other = made(3000);
    let bytes = fs::read(other.target()).expect("a list");
    let file = fs::File::options().write(true).open(workshop.target()).expect("open");
    file.write_all_at(&bytes, 0).expect("as cp does it");
    assert!(matches!(open.look_up(&password("password")).await, Err(OfflineError::List(ListError::Damaged(_)))));
    file.set_len(PAGE as u64).expect("cut");
    assert!(matches!(open.look_up(&password("password")).await, Err(OfflineError::List(ListError::Io(_)))));
    (&file).write_all(b"").expect("nothing");
}
