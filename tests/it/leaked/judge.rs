//! The command `os2nykode policy judge`.

use std::{
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use os2nykode::leaked::HashKind;

use super::{
    config_file,
    download::{Workshop, entries, lines},
};
use crate::{
    people::Admin,
    service::{Setup, write_private},
};

fn judge(config: &Path, arguments: &[&str], passwords: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_os2nykode"));
    command.arg("--config").arg(config).args(["policy", "judge"]).args(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    child.stdin.take().expect("piped").write_all(passwords.as_bytes()).expect("written");
    child.wait_with_output().expect("ended")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn each_line_is_judged_without_controller_and_store_and_none_is_printed() {
    let workshop = Workshop::new();
    workshop.import(&workshop.write("download", lines(&entries(HashKind::Sha1, 100), "\n").as_bytes())).expect("imported");
    let config = config_file(workshop.folder.path(), &format!("file = \"{}\"", workshop.target().display()));
    let passwords = "Leverpostej2026!\nRolig-Cykel-Havre-472\nVelkommen1234\n\nkort\n";
    let plain = judge(&config, &[], passwords);
    assert!(plain.status.success(), "{}", text(&plain));
    let shown = text(&plain);
    let verdicts: Vec<&str> = shown.lines().map(|line| line.split(" (").next().unwrap_or_default()).collect();
    assert_eq!(verdicts[..2], ["refused: common_word, date", "accepted"], "{shown}");
    assert!(verdicts[2].starts_with("refused: ") && verdicts[2].ends_with(", leaked"), "{shown}");
    assert_eq!(verdicts[3], "refused: empty");
    assert!(verdicts[4].starts_with("refused: too_short"), "{shown}");
    let json = judge(&config, &["--json"], passwords);
    let values: Vec<serde_json::Value> =
        String::from_utf8_lossy(&json.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(values.len(), 5);
    assert_eq!((&values[0]["accepted"], &values[0]["reasons"]), (&false.into(), &serde_json::json!(["common_word", "date"])));
    assert!(values[0]["guesses_log10"].as_f64().is_some_and(|guesses| guesses < 10.0) && values[1]["accepted"] == true, "{values:?}");
    for password in passwords.lines().filter(|line| !line.is_empty()) {
        assert!(!shown.contains(password) && !text(&json).contains(password));
    }
}

#[test]
fn what_could_not_be_looked_up_is_counted() {
    let workshop = Workshop::new();
    for (more, expected) in [("", "accepted"), ("\nwhen_unavailable = \"refuse\"", "refused: leak_unchecked")] {
        let config = config_file(workshop.folder.path(), &format!("file = \"/none/at/all\"{more}"));
        let judged = judge(&config, &[], "Rolig-Cykel-Havre-472\n");
        assert!(text(&judged).starts_with(expected), "{}", text(&judged));
        assert_eq!(text(&judged).contains("1 passwords could not be looked up"), more.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_an_account_its_names_count() {
    let person = Admin::new().await.person().await;
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("config.toml");
    write_private(&path, Setup::default().text(dir.path(), "127.0.0.1:0")).expect("written");
    let password = format!("{}-Havre-Xkv7!Q\n", person.sam);
    assert!(text(&judge(&path, &[], &password)).starts_with("accepted"));
    let judged = judge(&path, &["--account", &person.sam], &password);
    assert!(text(&judged).contains("holds_name") && !text(&judged).contains(&person.sam), "{}", text(&judged));
    let unknown = judge(&path, &["--account", "findes-ikke"], &password);
    assert_eq!(unknown.status.code(), Some(2), "{}", text(&unknown));
}
