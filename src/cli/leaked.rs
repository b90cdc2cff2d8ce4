//! `os2nykode leaked …`: makes the list of leaked passwords, and prints facts about it.

use std::{
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Subcommand;
use data_encoding::HEXLOWER_PERMISSIVE;
use ring::rand::SystemRandom;
use tokio::task::spawn_blocking;

use super::{UNUSABLE, complain, say};
use crate::{
    check::leaked::facts,
    clock::{Clock, SystemClock},
    leaked::{CHECKPOINT_PAGES, Import, List, ListError, ListHeader, Progress, Step, import, verify},
};

/// How often the progress line changes on a terminal, and how often a new one is written elsewhere.
const ON_TERMINAL: Duration = Duration::from_millis(200);
const ELSEWHERE: Duration = Duration::from_secs(30);

#[derive(Debug, Subcommand)]
pub(super) enum LeakedCommand {
    /// Makes policy.leaked.file of the public download. An import that was cut off goes on where it was; the service keeps the old list until SIGHUP.
    Import {
        /// The download: the text ordered by hash (SHA-1 or NT), or the folder of range files; gzip or not.
        source: PathBuf,
        /// Writes the list there instead of policy.leaked.file.
        #[arg(long)]
        to: Option<PathBuf>,
        /// The source is known to be a part of the whole list.
        #[arg(long)]
        partial: bool,
        /// The SHA-256 that the source (a single file) has to have, 64 hexadecimal digits.
        #[arg(long, value_parser = sha256)]
        sha256: Option<[u8; 32]>,
        /// Begins anew instead of going on.
        #[arg(long)]
        restart: bool,
    },
    /// Prints how old the list is and how many hashes it holds.
    Info {
        /// Reads the whole list and checks every page.
        #[arg(long)]
        verify: bool,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
}

fn sha256(text: &str) -> Result<[u8; 32], String> {
    let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| "64 hexadecimal digits".to_owned())
}

/// Exit code 0: done; 1: not done; 2: it can't be done in this way.
pub(super) async fn run(file: Option<&Path>, command: LeakedCommand) -> ExitCode {
    let to = if let LeakedCommand::Import { to, .. } = &command { to.clone() } else { None };
    let Some(file) = to.or_else(|| file.map(Path::to_owned)) else {
        return complain("policy.leaked.file is not set: it says where the list is\n", ExitCode::from(UNUSABLE));
    };
    let done = spawn_blocking(move || match command {
        LeakedCommand::Import { source, to: _, partial, sha256, restart } => {
            run_import(&Import { source: &source, target: &file, partial, sha256, restart, checkpoint_pages: CHECKPOINT_PAGES })
        }
        LeakedCommand::Info { verify, json } => run_info(&file, verify, json),
    });
    done.await.unwrap_or(ExitCode::FAILURE)
}

fn run_import(job: &Import<'_>) -> ExitCode {
    let mut line = ProgressLine::new();
    let done = import(job, SystemClock.now(), &SystemRandom::new(), &mut |progress| line.show(progress));
    line.end();
    match done {
        Ok(imported) => {
            let how = if imported.resumed { "An earlier import went on. " } else { "" };
            let now = SystemClock.now();
            let text = format!(
                "{how}{} holds {}; {} bytes.\nA running service opens it at SIGHUP: systemctl reload os2nykode\n",
                job.target.display(),
                facts(&imported.header, now),
                imported.header.file_bytes()
            );
            say(&text, ExitCode::SUCCESS)
        }
        Err(error) => complain(&format!("{error}\n"), ExitCode::FAILURE),
    }
}

fn run_info(file: &Path, whole: bool, json: bool) -> ExitCode {
    let mut line = ProgressLine::new();
    let read = if whole {
        verify(file, &mut |share| line.show(Progress { step: Step::Verify, share, hashes: 0 }))
    } else {
        List::open(file).map(|list| list.header().clone())
    };
    line.end();
    match read {
        Ok(header) => say(&told(&header, whole, json), ExitCode::SUCCESS),
        Err(error) => {
            let advice = match &error {
                ListError::Io(_) => "",
                ListError::NotAList
                | ListError::Version(_)
                | ListError::Length { .. }
                | ListError::HeaderDamaged
                | ListError::Damaged(_) => "; import it again",
            };
            complain(&format!("{}: {error}{advice}\n", file.display()), ExitCode::FAILURE)
        }
    }
}

fn told(header: &ListHeader, verified: bool, json: bool) -> String {
    if json {
        let value = serde_json::json!({
            "kind": header.kind,
            "hashes": header.hashes,
            "partial": header.partial,
            "bytes": header.file_bytes(),
            "source_modified": header.source_modified,
            "imported": header.imported,
            "verified": verified,
        });
        return format!("{value:#}\n");
    }
    let part = if header.partial { "a part of the whole list\n" } else { "" };
    let sound = if verified { "every page is sound\n" } else { "" };
    let imported = header.imported.strftime("%Y-%m-%d %H:%M UTC");
    format!("{}\n{} bytes, imported {imported}\n{part}{sound}", facts(header, SystemClock.now()), header.file_bytes())
}

/// One line that changes on a terminal; a line now and then elsewhere. On standard error.
struct ProgressLine {
    terminal: bool,
    begun: Instant,
    shown: Option<Instant>,
    step: Option<Step>,
}

impl ProgressLine {
    fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), begun: Instant::now(), shown: None, step: None }
    }

    fn show(&mut self, progress: Progress) {
        let every = if self.terminal { ON_TERMINAL } else { ELSEWHERE };
        let same_step = self.step == Some(progress.step);
        if same_step && self.shown.is_some_and(|shown| shown.elapsed() < every) {
            return;
        }
        if !same_step {
            self.begun = Instant::now();
            self.step = Some(progress.step);
        }
        self.shown = Some(Instant::now());
        let text = progress_text(progress, self.begun.elapsed());
        let text = if self.terminal { format!("\r\x1b[K{text}") } else { format!("{text}\n") };
        let _ = std::io::stderr().write_all(text.as_bytes()); // a closed terminal is no reason to stop
    }

    fn end(&self) {
        if self.terminal && self.shown.is_some() {
            let _ = std::io::stderr().write_all(b"\n"); // as above
        }
    }
}

fn progress_text(progress: Progress, taken: Duration) -> String {
    const WIDTH: usize = 30;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of 0 to 1 of a small number")]
    let of = |whole: f64| (progress.share.clamp(0.0, 1.0) * whole) as usize;
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let done = of(WIDTH as f64);
    let name = match progress.step {
        Step::Import => "importing",
        Step::Verify => "verifying",
    };
    let bar = "#".repeat(done) + &".".repeat(WIDTH - done);
    let left =
        if progress.share > 0.0 { taken.mul_f64((1.0 - progress.share).max(0.0) / progress.share.max(1e-6)) } else { Duration::ZERO };
    let minutes = left.as_secs().div_ceil(60);
    format!("{name} [{bar}] {:3} %  {} hashes  about {minutes} min left", of(100.0), progress.hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_progress_line_tells_share_hashes_and_the_time_left() {
        let text = progress_text(Progress { step: Step::Import, share: 0.25, hashes: 7 }, Duration::from_mins(1));
        assert_eq!(text, "importing [#######.......................]  25 %  7 hashes  about 3 min left");
        for share in [-1.0, 0.0, 1.0, 7.0, f64::NAN] {
            assert!(progress_text(Progress { step: Step::Verify, share, hashes: 0 }, Duration::from_mins(1)).contains(" % "));
        }
    }

    #[test]
    fn a_sha256_is_64_hexadecimal_digits_in_either_case() {
        assert_eq!(sha256(&"aB".repeat(32)), Ok([0xab; 32]));
        assert!(sha256(&"a".repeat(63)).is_err() && sha256("").is_err() && sha256(&"g".repeat(64)).is_err());
    }
}
