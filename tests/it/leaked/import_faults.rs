//! Invalid and truncated sources: the list in use stays, and no other file is left.

use std::{fs, path::Path};

use os2nykode::leaked::{HashKind, ImportError};
use rustix::fs::{FileType, Mode};

use super::download::{Workshop, entries, gzip, holds_the_vectors, job, lines};

/// A workshop whose list is in use.
fn in_use() -> (Workshop, Vec<u8>) {
    let workshop = Workshop::new();
    let source = workshop.write("good", lines(&entries(HashKind::Sha1, 100), "\n").as_bytes());
    workshop.import(&source).expect("imported");
    let bytes = fs::read(workshop.target()).expect("a list");
    (workshop, bytes)
}

#[tokio::test]
async fn a_source_that_is_no_whole_list_in_order_changes_nothing() {
    let (workshop, before) = in_use();
    let good = entries(HashKind::Sha1, 3000);
    let text = lines(&good, "\n");
    let sha1 = good.keys().next().expect("one").clone();
    let unsorted: String = text.lines().rev().map(|line| format!("{line}\n")).collect();
    let twice = text.lines().flat_map(|line| [line, line]).map(|line| format!("{line}\n")).collect::<String>();
    let first_half: String = text.lines().take(1500).map(|line| format!("{line}\n")).collect();
    let second_half: String = text.lines().skip(1500).map(|line| format!("{line}\n")).collect();
    let compressed = gzip(text.as_bytes());
    let mut damaged = compressed.clone();
    damaged[compressed.len() / 2] ^= 0x55;
    let nt_among = format!("{text}FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF:1\n");
    for (what, bytes, expected) in [
        ("empty", Vec::new(), "holds no hash"),
        ("blank lines", b"\r\n\n\n".to_vec(), "holds no hash"),
        ("only padding", format!("{sha1}:0\n").into_bytes(), "holds no hash"),
        ("a zip archive", b"PK\x03\x04\x14\x00\x00\x00".repeat(1000), "line 1 is not a hash"),
        ("a 7z archive", b"7z\xbc\xaf\x27\x1c\x00\x04".to_vec(), "line 1 is not a hash"),
        ("HTML", b"<!doctype html><title>Log in</title>".to_vec(), "line 1 is not a hash"),
        ("no line ends", vec![b'A'; 3_000_000], "line 1 is not a hash"),
        ("the passwords themselves", b"hemmelig1\npassword\n".to_vec(), "line 1 is not a hash"),
        ("SHA-256", format!("{}:3\n", "A".repeat(64)).into_bytes(), "line 1 is not a hash"),
        ("two kinds", nt_among.into_bytes(), "is not a hash"),
        ("not in order", unsorted.into_bytes(), "line 2 is not in order"),
        ("ordered by count, same hash twice", twice.into_bytes(), "line 2 is not in order"),
        ("cut in a line", text.as_bytes()[..text.len() / 2 / 10 * 10 + 3].to_vec(), ""),
        ("cut between lines", first_half.into_bytes(), "is cut off"),
        ("without its beginning", second_half.into_bytes(), "is cut off"),
        ("gzip cut off", compressed[..compressed.len() - 100].to_vec(), "can't be read"),
        ("gzip damaged", damaged, ""),
    ] {
        let source = workshop.write("bad", &bytes);
        let error = workshop.import(&source).expect_err(what).to_string();
        assert!(error.contains(expected), "{what}: {error}");
        assert!(!error.contains("hemmelig") && !error.contains(&sha1[..10]), "{what}: {error}");
        assert_eq!(fs::read(workshop.target()).expect("a list"), before, "{what}");
        assert!(workshop.is_tidy(), "{what}");
    }
    holds_the_vectors(&workshop.offline()).await;
}

#[test]
fn a_part_of_a_list_is_taken_where_it_is_said_to_be_one() {
    let (workshop, _) = in_use();
    let text = lines(&entries(HashKind::Sha1, 3000), "\n");
    let first_half: String = text.lines().take(1500).map(|line| format!("{line}\n")).collect();
    let imported = workshop.import_part(&workshop.write("part", first_half.as_bytes())).expect("imported");
    assert!(imported.header.partial && imported.header.hashes == 1500);
}

#[test]
fn range_files_that_are_twice_there_empty_or_in_no_order_are_refused() {
    let (workshop, before) = in_use();
    let folder = |files: &[(&str, &str)]| {
        let folder = workshop.path("ranges");
        let _ = fs::remove_dir_all(&folder); // it does not exist at first
        fs::create_dir(&folder).expect("a folder");
        for (name, text) in files {
            fs::write(folder.join(name), text).expect("written");
        }
        folder
    };
    let suffix = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";
    let after = "1E4C9B93F3F0682250B6CF8331B7EE68FD9";
    for (files, expected) in [
        (vec![], "holds no range files"),
        (vec![("readme", "x")], "holds no range files"),
        (vec![("0000A.txt", suffix), ("0000a.gz", suffix)], "holds range 0000A twice"),
        (vec![("00000.txt", "<html>")], "00000.txt: line 1 is not a hash"),
        (vec![("00000", &format!("{after}:1\n{suffix}:1\n"))], "00000: line 2 is not in order"),
        (vec![("00000", &format!("5BAA6{suffix}:1\n"))], "00000: line 1 is not a hash"),
    ] {
        let error = workshop.import_part(&folder(&files)).expect_err("refused").to_string();
        assert!(error.contains(expected), "{error}");
        assert_eq!(fs::read(workshop.target()).expect("a list"), before);
    }
}

#[test]
fn only_a_list_is_replaced() {
    let workshop = Workshop::new();
    let source = workshop.write("good", lines(&entries(HashKind::Sha1, 10), "\n").as_bytes());
    let import = |target: &Path| {
        let job = job(&source, target);
        os2nykode::leaked::import(&job, jiff::Timestamp::UNIX_EPOCH, &ring::rand::SystemRandom::new(), &mut |_| ())
    };
    let precious = workshop.write("config.toml", b"[policy]");
    assert!(matches!(import(&precious), Err(ImportError::TargetForeign)));
    assert!(matches!(import(&source), Err(ImportError::TargetForeign)));
    assert!(matches!(import(workshop.folder.path()), Err(ImportError::TargetForeign)));
    assert!(matches!(import(&workshop.path("none/leaked.list")), Err(ImportError::Target(_))));
    assert_eq!(fs::read(&precious).expect("a file"), b"[policy]");
    import(&workshop.write("empty.list", b"")).expect("an empty file is nobody's");
}

#[test]
fn a_source_that_is_no_file_is_refused_without_waiting_for_it() {
    let workshop = Workshop::new();
    let pipe = workshop.path("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
    assert!(workshop.import(&pipe).expect_err("refused").to_string().contains("is neither a file nor a folder"));
    assert!(workshop.import(&workshop.path("none")).expect_err("refused").to_string().contains("can't be read"));
}

#[test]
fn one_import_into_a_file_at_a_time() {
    let workshop = Workshop::new();
    let source = workshop.write("good", lines(&entries(HashKind::Sha1, 10), "\n").as_bytes());
    let other = fs::File::create(workshop.path("leaked.list.part")).expect("a file");
    other.try_lock().expect("alone");
    assert!(matches!(workshop.import(&source), Err(ImportError::Busy)));
    assert!(workshop.path("leaked.list.part").exists(), "the other import's file is left alone");
    drop(other);
    workshop.import(&source).expect("imported");
}

#[test]
fn a_link_beside_the_list_is_not_followed() {
    let workshop = Workshop::new();
    let source = workshop.write("good", lines(&entries(HashKind::Sha1, 10), "\n").as_bytes());
    let precious = workshop.write("precious", b"precious");
    for name in ["leaked.list.part", "leaked.list.part.json"] {
        std::os::unix::fs::symlink(&precious, workshop.path(name)).expect("a link");
    }
    assert!(matches!(workshop.import(&source), Err(ImportError::Target(_))));
    assert_eq!(fs::read(&precious).expect("a file"), b"precious");
}
