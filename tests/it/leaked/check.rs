//! Findings of the check command about leaked passwords.

use std::{fs, sync::Arc, time::SystemTime};

use os2nykode::{
    check::{Id, Report, leaked},
    clock::{Clock, ShiftedClock},
    config,
    leaked::HashKind,
};

use super::{
    config_file,
    download::{Workshop, entries, filler, lines},
    range_api::{Behaviour, RangeApi},
};

async fn check(keys: &str, clock: &Arc<dyn Clock>) -> Report {
    let folder = tempfile::tempdir().expect("a folder");
    let path = config_file(folder.path(), keys);
    let settings = config::load(&path, std::iter::empty()).expect("complete").policy.leaked;
    let mut report = Report::default();
    leaked::check(&settings, clock.as_ref(), &mut report).await;
    report
}

fn ids(report: &Report) -> Vec<Id> {
    report.findings.iter().filter_map(|finding| finding.id).collect()
}

#[tokio::test]
async fn the_list_is_told_by_age_and_number_and_everything_wrong_with_it_by_an_id() {
    let workshop = Workshop::new();
    let clock = Arc::new(ShiftedClock::default());
    let asked: Arc<dyn Clock> = clock.clone();
    let keys = format!("file = \"{}\"", workshop.target().display());
    assert_eq!(ids(&check(&keys, &asked).await), [Id::LeakedListMissing]);
    let refusing = format!("{keys}\nwhen_unavailable = \"refuse\"");
    assert_eq!(ids(&check(&refusing, &asked).await), [Id::LeakedListMissing, Id::LeakedRefusesAll]);
    let source = workshop.write("download", lines(&entries(HashKind::Sha1, 3000), "\n").as_bytes());
    let begun = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_600_000_000);
    fs::File::options().write(true).open(&source).and_then(|file| file.set_modified(begun)).expect("set");
    workshop.import(&source).expect("imported");
    let report = check(&refusing, &asked).await;
    assert_eq!(ids(&report), [Id::LeakedListOld]);
    assert!(report.findings[0].what.starts_with("3011 hashes (SHA-1), downloaded "), "{report}");
    let fresh = workshop.write("fresh", lines(&entries(HashKind::Nt, 3000), "\n").as_bytes());
    workshop.import(&fresh).expect("imported");
    assert_eq!(ids(&check(&keys, &asked).await), []);
    clock.shift_to(366 * 24 * 3600);
    assert_eq!(ids(&check(&keys, &asked).await), [Id::LeakedListOld]);
    clock.shift_to(0);
    workshop.import_part(&fresh).expect("imported");
    assert_eq!(ids(&check(&keys, &asked).await), [Id::LeakedListPart]);
    let wrong: String = {
        let mut digests: Vec<String> = (0..500).map(|number| filler(number, HashKind::Sha1)).collect();
        digests.sort();
        digests.iter().map(|digest| format!("{digest}:1\n")).collect()
    };
    workshop.import(&workshop.write("wrong", wrong.as_bytes())).expect("imported");
    assert_eq!(ids(&check(&keys, &asked).await), [Id::LeakedListWrong]);
    let bytes = fs::read(workshop.target()).expect("a list");
    fs::write(workshop.target(), &bytes[..bytes.len() - 7]).expect("cut");
    assert_eq!(ids(&check(&keys, &asked).await), [Id::LeakedListUnreadable]);
}

#[tokio::test]
async fn the_service_is_tried_with_a_password_that_everybody_knows() {
    let clock: Arc<dyn Clock> = Arc::new(ShiftedClock::default());
    let api = RangeApi::start().await;
    let keys = format!("online = true\naddress = {:?}\nwhen_unavailable = \"refuse\"", api.address());
    let report = check(&keys, &clock).await;
    assert!(ids(&report).is_empty() && report.findings[0].what.contains("9659365"), "{report}");
    for (behaviour, id) in [
        (Behaviour::OnlyPadding, Id::LeakedOnlineUnknowing),
        (Behaviour::Status(500), Id::LeakedOnlineFailed),
        (Behaviour::Html, Id::LeakedOnlineFailed),
        (Behaviour::Redirect, Id::LeakedOnlineFailed),
    ] {
        api.behave(behaviour);
        assert_eq!(ids(&check(&keys, &clock).await), [id, Id::LeakedRefusesAll], "{behaviour:?}");
    }
    assert!(api.asked().iter().all(|asked| asked.uri == "/range/5BAA6"));
    let clear = "online = true\naddress = \"http://192.0.2.1\"\nallow_http = true";
    assert_eq!(ids(&check(clear, &clock).await), [Id::LeakedOnlineInClear, Id::LeakedOnlineFailed]);
    assert!(ids(&check("", &clock).await).is_empty());
}
