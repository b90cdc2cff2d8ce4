//! `os2nykode account …` in operation, beside a running service.

use std::{
    io::{Read, Write},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use super::*;
use crate::process::{PROGRAM, free_address, start, write_config};

/// The command with its configuration, as a child process with pipes.
fn command(dir: &Path, arguments: &[&str]) -> Child {
    let config = dir.join("config.toml");
    let mut command = Command::new(PROGRAM);
    command.arg("--config").arg(config).arg("account").args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started")
}

/// Runs the command with this standard input.
fn run(dir: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = command(dir, arguments);
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes()); // it may have ended before
    child.wait_with_output().expect("ended")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The app with the printed secret. Asserts that the printed link has the same secret.
fn app(output: &Output) -> App {
    let text = said(output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let typed = text.lines().find_map(|line| line.strip_prefix("or to type by hand: ")).expect("a secret");
    let uri = text.lines().find(|line| line.starts_with("otpauth://totp/Pr%C3%B8ve%20Kommune:")).expect("a link");
    assert!(uri.contains(&format!("?secret={typed}&issuer=Pr%C3%B8ve%20Kommune&algorithm=SHA1&digits=6&period=30")), "{uri}");
    App(data_encoding::BASE32_NOPAD.decode(typed.as_bytes()).expect("base32"))
}

fn now() -> Timestamp {
    os2nykode::clock::SystemClock.now()
}

/// Waits for the first code after `used`.
async fn next_code(app: &App, used: &str) -> String {
    loop {
        let code = app.code(now());
        if code != used {
            return code;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_made_used_disabled_enabled_reset_and_removed() {
    let dir = tempfile::tempdir().expect("a folder");
    let address = free_address();
    write_config(dir.path(), &on(), address);
    let running = start(dir.path(), address).await;
    let add = ["add", "vagt.åse", "--name", "Åse Bech-Øst", "--role", "helpdesk", "--role", "auditor"];
    let made = run(dir.path(), &add, &format!("{PASSWORD}\n"));
    let phone = app(&made);
    assert!(!said(&made).contains(PASSWORD));
    let browser = Visitor::new(address);
    let code = phone.code(now());
    assert_eq!(log_in(&browser, "Vagt.Åse", PASSWORD, &code).await.path, "/delegation");
    let list = said(&run(dir.path(), &["list"], ""));
    assert!(list.starts_with("vagt.åse\tÅse Bech-Øst\thelpdesk,auditor\tenabled\t20"), "{list}");
    // A command in another process disables the account and ends its sessions at once.
    assert_eq!(run(dir.path(), &["disable", "VAGT.ÅSE"], "").status.code(), Some(0));
    assert_eq!(browser.get("/delegation").await.path, "/?ended");
    assert!(said(&run(dir.path(), &["list"], "")).contains("\tdisabled\t"));
    let code = next_code(&phone, &code).await;
    assert_eq!(log_in(&browser, "vagt.åse", PASSWORD, &code).await.status, 422);
    assert_eq!(run(dir.path(), &["enable", "vagt.åse"], "").status.code(), Some(0));
    assert_eq!(log_in(&browser, "vagt.åse", PASSWORD, &code).await.path, "/delegation", "what was refused is not used up");
    let new_phone = app(&run(dir.path(), &["reset", "vagt.åse"], &format!("{OTHER}\r\n")));
    assert_ne!(new_phone.0, phone.0);
    assert_eq!(browser.get("/delegation").await.path, "/?ended");
    assert_eq!(log_in(&browser, "vagt.åse", OTHER, &new_phone.code(now())).await.path, "/delegation");
    assert_eq!(run(dir.path(), &["remove", "vagt.åse"], "").status.code(), Some(0));
    assert_eq!(browser.get("/delegation").await.path, "/?ended");
    assert_eq!(said(&run(dir.path(), &["list"], "")), "");
    drop(running);
    told(dir.path()).await;
    nothing_leaked(dir.path(), &[&phone, &new_phone]);
}

/// For local accounts and for accounts in AD, by name and by id.
#[tokio::test(flavor = "multi_thread")]
async fn the_sessions_of_an_account_are_ended_by_a_command() {
    let dir = tempfile::tempdir().expect("a folder");
    let address = free_address();
    write_config(dir.path(), &on(), address);
    let _running = start(dir.path(), address).await;
    let phone = app(&run(dir.path(), &["add", "vagt.ib", "--name", "Ib Bech", "--role", "helpdesk"], &format!("{PASSWORD}\n")));
    let (person, other) = {
        let mut admin = crate::people::Admin::new().await;
        (admin.person().await, admin.person().await)
    };
    let (local, theirs, others) = (Visitor::new(address), Visitor::new(address), Visitor::new(address));
    assert_eq!(log_in(&local, "vagt.ib", PASSWORD, &phone.code(now())).await.path, "/delegation");
    let page = theirs.logged_in(&person.sam, crate::people::PASSWORD).await;
    let untouched = others.logged_in(&other.sam, crate::people::PASSWORD).await;
    assert!(said(&run(dir.path(), &["end-sessions", "vagt.ib"], "")).contains("1 sessions are ended"));
    assert_eq!(local.get("/delegation").await.path, "/?ended");
    assert!(said(&run(dir.path(), &["end-sessions", &person.sam], "")).contains("1 sessions are ended"));
    assert!(theirs.get(&page.path).await.path.starts_with("/?"));
    let page = theirs.logged_in(&person.sam, crate::people::PASSWORD).await;
    page.says("Der blev logget ud");
    let number = page.path.rsplit('/').next().expect("a number").to_owned();
    assert!(said(&run(dir.path(), &["end-sessions", &number], "")).contains("1 sessions are ended"));
    assert!(theirs.get(&page.path).await.path.starts_with("/?"));
    assert_ne!(run(dir.path(), &["end-sessions", "findes-ikke"], "").status.code(), Some(0));
    assert_eq!(others.get(&untouched.path).await.path, untouched.path, "nobody else's");
}

/// Asserts that the audit log has two entries for each command: begun and done.
async fn told(dir: &Path) {
    sqlx::any::install_default_drivers();
    let pool = sqlx::AnyPool::connect(&format!("sqlite://{}/os2nykode.db", dir.display())).await.expect("open");
    let query = "SELECT outcome, reason, target_account FROM audit WHERE kind = 'staff_account' AND actor_guid IS NULL AND client IS NULL ORDER BY seq";
    let entries: Vec<(String, String, String)> = sqlx::query_as(query).fetch_all(&pool).await.expect("read");
    pool.close().await;
    let expected = ["added_helpdesk_auditor", "disabled", "enabled", "reset", "removed"];
    let expected: Vec<_> = expected
        .iter()
        .flat_map(|what| ["started", "succeeded"].map(|outcome| (outcome.to_owned(), (*what).to_owned(), "vagt.åse".to_owned())))
        .collect();
    assert_eq!(entries, expected);
}

/// Asserts that log and database, including its journal, contain no password, no code and no secret of a code.
fn nothing_leaked(dir: &Path, phones: &[&App]) {
    let mut read = 0;
    for entry in std::fs::read_dir(dir).expect("the folder").map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file()) {
        let bytes = std::fs::read(&entry).expect("read");
        let holds = |secret: &[u8]| bytes.windows(secret.len()).any(|window| window == secret);
        for secret in [PASSWORD, OTHER] {
            assert!(!holds(secret.as_bytes()), "{} holds a password", entry.display());
        }
        for phone in phones {
            let text = data_encoding::BASE32_NOPAD.encode(&phone.0);
            assert!(!holds(&phone.0) && !holds(text.as_bytes()), "{} holds a secret", entry.display());
        }
        read += 1;
    }
    assert!(read >= 3, "the configuration, the log, the database");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_done_is_said_and_not_done() {
    let dir = tempfile::tempdir().expect("a folder");
    write_config(dir.path(), &Setup::default(), free_address());
    let add = |name: &'static str, person: &'static str| ["add", name, "--name", person, "--role", "helpdesk"];
    let made = run(dir.path(), &add("vagt", "Åse Bech"), &format!("{PASSWORD}\nmore\n"));
    assert!(said(&made).contains("local_accounts.enabled is false"), "{}", said(&made));
    for (arguments, input, code, expected) in [
        (&add("VAGT", "Åse Bech")[..], PASSWORD, 1, "already"),
        (&add("a:b", "Åse Bech"), PASSWORD, 1, "a name has 2 to 64"),
        (&add("vagt2", " "), PASSWORD, 1, "--name"),
        (&add("vagt2", "Åse Bech"), "", 1, "no password"),
        (&add("vagt2", "Åse Bech"), "\n", 1, "no password"),
        (&add("vagt2", "Åse Bech"), "elleve-tegn\n", 1, "12 characters"),
        (&add("vagt2", "Åse Bech"), "min-b3ch-kode-99\n", 1, "holds the account's name"),
        (&add("vagt2", "Åse Bech"), "min-VAGT2-kode-99\n", 1, "holds the account's name"),
        (&["add", "vagt2", "--name", "Åse Bech"], PASSWORD, 2, "--role"),
        (&["add", "vagt2", "--name", "Åse Bech", "--role", "admin"], PASSWORD, 2, "helpdesk or auditor"),
        (&["add", "vagt2", "--name", "Åse Bech", "--role", "helpdesk", "--password", PASSWORD], "", 2, "--password"),
        (&["reset", "ukendt"], PASSWORD, 1, "no account"),
        (&["disable", "ukendt"], "", 1, "no account"),
        (&["enable", "' OR 1=1 --"], "", 1, "no account"),
        (&["remove", "ukendt"], "", 1, "no account"),
    ] {
        let output = run(dir.path(), arguments, input);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(text.contains(expected), "{arguments:?}: {text}");
        assert!(!text.contains("otpauth") && !text.contains("b3ch"), "{text}");
    }
    let list = said(&run(dir.path(), &["list"], ""));
    assert_eq!(list.lines().count(), 1, "{list}");
    std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("set");
    std::os::unix::fs::chown(dir.path().join("os2nykode.db"), Some(65534), Some(65534)).expect("tests run as root");
    let anothers = run(dir.path(), &["list"], "");
    assert_eq!(anothers.status.code(), Some(2));
    assert!(said(&anothers).contains("belongs to another user"), "{}", said(&anothers));
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_waits_for_the_password_nobody_sees_it() {
    let dir = tempfile::tempdir().expect("a folder");
    write_config(dir.path(), &on(), free_address());
    let mut child = command(dir.path(), &["add", "vagt", "--name", "Åse Bech", "--role", "helpdesk"]);
    let mut input = child.stdin.take().expect("a pipe");
    let id = child.id();
    let of = |file: &str| std::fs::read(format!("/proc/{id}/{file}")).unwrap_or_default();
    // `spawn` returns before the new program's arguments are readable.
    while of("cmdline").is_empty() {
        assert!(child.try_wait().expect("asked").is_none(), "it waits");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    input.write_all(&PASSWORD.as_bytes()[..10]).expect("written");
    for file in ["cmdline", "environ"] {
        assert!(!String::from_utf8_lossy(&of(file)).contains("Rolig-Cyke"), "{file}");
    }
    assert!(String::from_utf8_lossy(&of("cmdline")).contains("vagt"), "it still waits");
    input.write_all(&PASSWORD.as_bytes()[10..]).expect("written");
    drop(input);
    app(&child.wait_with_output().expect("ended"));
}

/// The command at a terminal of its own.
struct Terminal {
    child: Child,
    output: std::process::ChildStdout,
    seen: String,
}

impl Terminal {
    fn new(dir: &Path, arguments: &str) -> Self {
        let line = format!("{PROGRAM} --config {}/config.toml account {arguments}", dir.display());
        let mut child = Command::new("script")
            .args(["--quiet", "--return", "--echo", "always", "--command", &line, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script, of util-linux");
        let output = child.stdout.take().expect("a pipe");
        Self { child, output, seen: String::new() }
    }

    /// Reads until the output ends with this text.
    fn wait_for(&mut self, text: &str) {
        let mut byte = [0];
        while !self.seen.ends_with(text) {
            assert_eq!(self.output.read(&mut byte).expect("read"), 1, "ended before {text:?}: {}", self.seen);
            self.seen.push(char::from(byte[0]));
        }
    }

    fn type_in(&mut self, text: &str) {
        self.child.stdin.as_mut().expect("a pipe").write_all(text.as_bytes()).expect("typed");
    }

    /// Reads the rest. Returns the output and the exit code.
    fn end(mut self) -> (String, Option<i32>) {
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).expect("read");
        (self.seen + &rest, self.child.wait().expect("ended").code())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_a_terminal_the_password_is_typed_twice_and_not_shown() {
    let dir = tempfile::tempdir().expect("a folder");
    write_config(dir.path(), &on(), free_address());
    for (again, code) in [("Rolig-Cykel-Havre-473", 1), ("Rolig-Cykel-Havre-472", 0)] {
        let mut terminal = Terminal::new(dir.path(), "add vagt --name Bech --role helpdesk");
        terminal.wait_for("New password: ");
        terminal.type_in("Rolig-Cykel-Havre-472\n");
        terminal.wait_for("Repeat the password: ");
        terminal.type_in(&format!("{again}\n"));
        let (seen, ended) = terminal.end();
        assert_eq!(ended, Some(code), "{seen}");
        assert!(!seen.contains("Havre"), "{seen}");
        assert_eq!(seen.contains("otpauth://"), code == 0, "{seen}");
        assert_eq!(seen.contains("the two passwords differ"), code == 1, "{seen}");
    }
}
