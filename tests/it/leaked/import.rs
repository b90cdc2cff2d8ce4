//! Import of every format of the public download.

use std::fs;

use os2nykode::{
    clock::{Clock, SystemClock},
    leaked::{HashKind, Import, ImportError, Progress, Step, import, verify},
    model::credential::password::Password,
};
use ring::{digest, rand::SystemRandom};

use super::{
    download::{Workshop, entries, filler, gzip, holds_the_vectors, job, lines},
    password,
};

#[tokio::test]
async fn a_text_is_imported_whatever_its_digest_its_line_ends_and_its_compression() {
    for kind in [HashKind::Sha1, HashKind::Nt] {
        let text = lines(&entries(kind, 5000), "\n");
        let forms = [
            text.clone().into_bytes(),
            text.replace('\n', "\r\n").to_lowercase().into_bytes(),
            format!("\u{feff}{}", text.trim_end()).into_bytes(),
            gzip(text.as_bytes()),
            [gzip(&text.as_bytes()[..9000]), gzip(&text.as_bytes()[9000..])].concat(), // gzip in two members
        ];
        for form in forms {
            let workshop = Workshop::new();
            let imported = workshop.import(&workshop.write("download", &form)).expect("imported");
            assert_eq!((imported.header.hashes, imported.header.kind, imported.resumed), (5011, kind, false));
            assert!(workshop.is_tidy());
            holds_the_vectors(&workshop.offline()).await;
            assert_eq!(verify(&workshop.target(), &mut |_| ()).expect("sound"), imported.header);
        }
    }
}

#[tokio::test]
async fn a_folder_of_range_files_is_imported_whatever_their_names_and_padding_is_left_out() {
    for kind in [HashKind::Sha1, HashKind::Nt] {
        let workshop = Workshop::new();
        let folder = workshop.path("ranges");
        fs::create_dir(&folder).expect("a folder");
        for (number, (digest, count)) in entries(kind, 300).iter().enumerate() {
            let (prefix, suffix) = digest.split_at(5);
            let text = format!("{suffix}:{count}\r\n{}:0", "0".repeat(suffix.len()));
            let (name, bytes) = match number % 4 {
                0 => (format!("{prefix}.txt"), text.into_bytes()),
                1 => (prefix.to_lowercase(), text.to_lowercase().into_bytes()),
                2 => (format!("{prefix}.txt.gz"), gzip(text.as_bytes())),
                _ => (format!("{prefix}.gz"), gzip(text.as_bytes())),
            };
            fs::write(folder.join(name), bytes).expect("written");
        }
        fs::write(folder.join("README.txt"), "not a range").expect("written");
        assert!(matches!(workshop.import(&folder), Err(ImportError::MissingRanges(missing)) if missing > 1_048_000));
        let imported = workshop.import_part(&folder).expect("imported");
        assert_eq!((imported.header.hashes, imported.header.kind, imported.header.partial), (311, kind, true));
        holds_the_vectors(&workshop.offline()).await;
    }
}

#[tokio::test]
async fn every_hash_of_a_large_list_is_found_with_its_count_and_no_other() {
    let workshop = Workshop::new();
    let mut all = entries(HashKind::Sha1, 0);
    // Digests of passwords, so that look-ups by password work.
    for number in 0..60_000_u64 {
        let text = format!("kodeord-{number}");
        let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
        all.insert(data_encoding::HEXUPPER.encode(digest.as_ref()), number * number + 1);
    }
    workshop.import(&workshop.write("download", lines(&all, "\n").as_bytes())).expect("imported");
    let offline = workshop.offline();
    for number in (0..60_000_u64).step_by(7) {
        let ask = |text: String| Password::parse(text).expect("a password");
        assert_eq!(offline.look_up(&ask(format!("kodeord-{number}"))).await.expect("an answer"), Some(number * number + 1));
        assert_eq!(offline.look_up(&ask(format!("Kodeord-{number}"))).await.expect("an answer"), None);
    }
    holds_the_vectors(&offline).await;
}

#[tokio::test]
async fn digests_that_share_their_first_64_bits_are_both_kept_and_the_higher_count_is_told() {
    let workshop = Workshop::new();
    let twin = "5BAA61E4C9B93F3F0000000000000000000000AA";
    let text = format!("{twin}:99999999\n5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:3\n");
    let imported = workshop.import(&workshop.write("download", text.as_bytes())).expect("imported");
    assert_eq!(imported.header.hashes, 2);
    assert_eq!(workshop.offline().look_up(&password("password")).await.expect("an answer"), Some(99_999_999));
}

#[test]
fn progress_goes_from_nothing_to_everything_in_two_steps() {
    let workshop = Workshop::new();
    let source = workshop.write("download", lines(&entries(HashKind::Sha1, 400_000), "\n").as_bytes());
    let target = workshop.target();
    let mut seen: Vec<Progress> = Vec::new();
    import(&job(&source, &target), SystemClock.now(), &SystemRandom::new(), &mut |progress| seen.push(progress)).expect("imported");
    let shares = |step| seen.iter().filter(|progress| progress.step == step).map(|progress| progress.share).collect::<Vec<_>>();
    let reading = shares(Step::Import);
    assert!(
        reading.len() >= 6 && reading.is_sorted() && reading[0] > 0.0 && reading.last().is_some_and(|last| *last <= 1.0),
        "{reading:?}"
    );
}

#[test]
fn a_sha256_that_was_given_has_to_be_the_sources() {
    let workshop = Workshop::new();
    for (name, bytes) in [
        ("text", lines(&entries(HashKind::Sha1, 50), "\n").into_bytes()),
        ("gzip", gzip(lines(&entries(HashKind::Nt, 50), "\n").as_bytes())),
    ] {
        let source = workshop.write(name, &bytes);
        let target = workshop.path(&format!("{name}.list"));
        let right: [u8; 32] = digest::digest(&digest::SHA256, &bytes).as_ref().try_into().expect("32 bytes");
        let run = |sha256| {
            let job = Import { sha256: Some(sha256), ..job(&source, &target) };
            import(&job, SystemClock.now(), &SystemRandom::new(), &mut |_| ())
        };
        assert!(matches!(run([0; 32]), Err(ImportError::OtherDigest)) && !target.exists(), "{name}");
        run(right).expect("imported");
    }
    let job = Import { sha256: Some([0; 32]), ..job(workshop.folder.path(), workshop.folder.path()) };
    fs::write(workshop.path("00000"), filler(1, HashKind::Sha1)).expect("written");
    assert!(matches!(import(&job, SystemClock.now(), &SystemRandom::new(), &mut |_| ()), Err(ImportError::DigestOfFolder)));
}
