//! An interrupted import resumes, and makes the same list as an uninterrupted one.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use os2nykode::{
    clock::{Clock, SystemClock},
    leaked::{HashKind, Import, ImportedList, import, verify},
};
use ring::{digest, rand::SystemRandom};

use super::download::{Workshop, entries, gzip, holds_the_vectors, job, lines};

/// Ends without any clean-up, as a power cut does.
fn cut_off(workshop: &Workshop, source: &Path) {
    let target = workshop.target();
    let job = Import { partial: true, ..job(source, &target) };
    let mut reports = 0;
    let ended = catch_unwind(AssertUnwindSafe(|| {
        import(&job, SystemClock.now(), &SystemRandom::new(), &mut |_| {
            reports += 1;
            assert!(reports < 2, "the power is cut");
        })
    }));
    assert!(ended.is_err() && !target.exists() && workshop.path("leaked.list.part.json").exists());
}

fn go_on(workshop: &Workshop, source: &Path, change: impl FnOnce(Import<'_>) -> Import<'_>) -> ImportedList {
    let target = workshop.target();
    let job = change(Import { partial: true, ..job(source, &target) });
    import(&job, SystemClock.now(), &SystemRandom::new(), &mut |_| ()).expect("imported")
}

#[tokio::test]
async fn an_import_that_was_cut_off_goes_on_and_makes_the_whole_list() {
    let all = entries(HashKind::Sha1, 200_000);
    let text = lines(&all, "\r\n");
    for bytes in [text.clone().into_bytes(), gzip(text.as_bytes())] {
        let workshop = Workshop::new();
        let source = workshop.write("download", &bytes);
        cut_off(&workshop, &source);
        let imported = go_on(&workshop, &source, |job| job);
        assert!(imported.resumed);
        assert_eq!(imported.header.hashes, all.len() as u64);
        assert_eq!(verify(&workshop.target(), &mut |_| ()).expect("sound"), imported.header);
        holds_the_vectors(&workshop.offline()).await;
        assert!(workshop.is_tidy());
        assert!(!go_on(&workshop, &source, |job| job).resumed, "the next one begins anew");
    }
}

#[tokio::test]
async fn a_folder_goes_on_too() {
    let workshop = Workshop::new();
    let folder = workshop.path("ranges");
    fs::create_dir(&folder).expect("a folder");
    let all = entries(HashKind::Sha1, 200_000);
    let mut ranges: std::collections::BTreeMap<&str, String> = std::collections::BTreeMap::new();
    for (digest, count) in &all {
        // Several hundred of the ranges.
        let (prefix, suffix) = digest.split_at(5);
        if prefix.ends_with("00") {
            ranges.entry(prefix).or_default().push_str(&format!("{suffix}:{count}\n"));
        }
    }
    // Enough data for two progress reports, all in one range.
    let long: String = (0..150_000_u64).map(|number| format!("{number:035X}:{}\n", number % 9 + 1)).collect();
    ranges.insert("80001", long);
    for (prefix, text) in &ranges {
        fs::write(folder.join(format!("{prefix}.txt")), text).expect("written");
    }
    cut_off(&workshop, &folder);
    let imported = go_on(&workshop, &folder, |job| job);
    let expected: usize = ranges.values().map(|text| text.lines().count()).sum();
    assert!(imported.resumed);
    assert_eq!(imported.header.hashes, expected as u64);
    verify(&workshop.target(), &mut |_| ()).expect("sound");
}

#[test]
fn an_import_begins_anew_where_going_on_would_be_wrong() {
    let all = entries(HashKind::Sha1, 200_000);
    let text = lines(&all, "\n");
    let cut = || {
        let workshop = Workshop::new();
        let source = workshop.write("download", text.as_bytes());
        cut_off(&workshop, &source);
        (workshop, source)
    };
    let (workshop, source) = cut();
    assert!(!go_on(&workshop, &source, |job| Import { restart: true, ..job }).resumed, "as asked for");
    let (workshop, source) = cut();
    fs::write(&source, lines(&entries(HashKind::Sha1, 199_999), "\n")).expect("another download");
    assert!(!go_on(&workshop, &source, |job| job).resumed, "the source is another");
    let (workshop, source) = cut();
    let part = workshop.path("leaked.list.part");
    let mut bytes = fs::read(&part).expect("an unfinished list");
    bytes[5000] ^= 1;
    fs::write(&part, bytes).expect("damaged");
    assert!(!go_on(&workshop, &source, |job| job).resumed, "a page is damaged");
    let (workshop, source) = cut();
    fs::File::options().write(true).open(part_of(&workshop)).and_then(|file| file.set_len(9000)).expect("cut");
    assert!(!go_on(&workshop, &source, |job| job).resumed, "pages are missing");
    let (workshop, source) = cut();
    fs::write(workshop.path("leaked.list.part.json"), "{").expect("damaged");
    let imported = go_on(&workshop, &source, |job| job);
    assert!(!imported.resumed && imported.header.hashes == all.len() as u64, "the checkpoint is damaged");
}

fn part_of(workshop: &Workshop) -> std::path::PathBuf {
    workshop.path("leaked.list.part")
}

#[test]
fn a_sha256_is_checked_over_the_whole_source_even_where_an_import_goes_on() {
    let workshop = Workshop::new();
    let text = lines(&entries(HashKind::Sha1, 200_000), "\n");
    let source = workshop.write("download", text.as_bytes());
    cut_off(&workshop, &source);
    let sha256: [u8; 32] = digest::digest(&digest::SHA256, text.as_bytes()).as_ref().try_into().expect("32 bytes");
    assert!(go_on(&workshop, &source, |job| Import { sha256: Some(sha256), ..job }).resumed);
}
