//! The commands `os2nykode leaked import` and `leaked info`.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use os2nykode::leaked::HashKind;

use super::{
    config_file,
    download::{Workshop, entries, holds_the_vectors, lines},
};

fn config(workshop: &Workshop) -> PathBuf {
    config_file(workshop.folder.path(), &format!("file = \"{}\"", workshop.target().display()))
}

fn run(config: &Path, arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_os2nykode");
    Command::new(program).arg("--config").arg(config).args(arguments).stdin(Stdio::null()).output().expect("run")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[tokio::test]
async fn the_list_is_imported_told_of_and_replaced() {
    let workshop = Workshop::new();
    let config = config(&workshop);
    let source = workshop.write("download", lines(&entries(HashKind::Sha1, 70_000), "\n").as_bytes());
    let source = source.to_str().expect("a path");
    let before = run(&config, &["leaked", "info"]);
    assert_eq!(before.status.code(), Some(1), "{}", text(&before));
    for _ in 0..2 {
        let imported = run(&config, &["leaked", "import", source]);
        assert!(imported.status.success() && text(&imported).contains("70011 hashes (SHA-1)"), "{}", text(&imported));
        assert!(text(&imported).contains("systemctl reload") && text(&imported).contains("importing ["), "{}", text(&imported));
    }
    let info = run(&config, &["leaked", "info", "--verify"]);
    assert!(info.status.success() && text(&info).contains("every page is sound"), "{}", text(&info));
    let json: serde_json::Value = serde_json::from_slice(&run(&config, &["leaked", "info", "--json"]).stdout).expect("JSON");
    assert_eq!((&json["hashes"], &json["kind"], &json["partial"]), (&70_011.into(), &"sha1".into(), &false.into()));
    holds_the_vectors(&workshop.offline()).await;
}

#[test]
fn what_cannot_be_done_is_told_by_the_exit_code() {
    let workshop = Workshop::new();
    let other = tempfile::tempdir().expect("a folder");
    let nowhere = config_file(other.path(), "");
    let config = config(&workshop);
    let bad = workshop.write("bad", b"PK\x03\x04");
    let bad = bad.to_str().expect("a path");
    for (config, arguments, code) in [
        (&nowhere, &["leaked", "info"][..], 2),
        (&nowhere, &["leaked", "import", bad], 2),
        (&config, &["leaked", "import", bad], 1),
        (&config, &["leaked", "import", "/none/at/all"], 1),
        (&config, &["leaked", "import", bad, "--sha256", "abc"], 2),
        (&config, &["leaked", "info"], 1),
    ] {
        let output = run(config, arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output));
        assert!(!text(&output).is_empty());
    }
    let elsewhere = workshop.path("elsewhere.list");
    let source = workshop.write("download", lines(&entries(HashKind::Nt, 10), "\n").as_bytes());
    let arguments = ["leaked", "import", source.to_str().expect("a path"), "--to", elsewhere.to_str().expect("a path")];
    assert!(run(&nowhere, &arguments).status.success() && elsewhere.exists());
}

/// A limit of 64 KB per file looks like a full disk to the program.
#[tokio::test]
async fn a_full_disk_leaves_the_list_in_use() {
    let workshop = Workshop::new();
    let config = config(&workshop);
    let small = workshop.write("small", lines(&entries(HashKind::Nt, 100), "\n").as_bytes());
    assert!(run(&config, &["leaked", "import", small.to_str().expect("a path")]).status.success());
    let source = workshop.write("download", lines(&entries(HashKind::Sha1, 70_000), "\n").as_bytes());
    let script = "trap '' XFSZ; ulimit -f 64; exec \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh", env!("CARGO_BIN_EXE_os2nykode"), "--config"]).arg(&config).args(["leaked", "import"]).arg(&source);
    let full = command.output().expect("run");
    assert_eq!(full.status.code(), Some(1), "{}", text(&full));
    assert!(text(&full).contains("the list can't be written"), "{}", text(&full));
    holds_the_vectors(&workshop.offline()).await;
    assert!(run(&config, &["leaked", "import", source.to_str().expect("a path")]).status.success());
    let json: serde_json::Value = serde_json::from_slice(&run(&config, &["leaked", "info", "--json"]).stdout).expect("JSON");
    assert_eq!(json["hashes"], 70_011);
}
