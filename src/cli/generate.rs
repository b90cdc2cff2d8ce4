//! `os2nykode generate`: man pages and shell completions, for those who make packages.

use std::{fs, io, path::Path, process::ExitCode};

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::{Cli, UNUSABLE, complain, say};

/// Writes `man/*.1` and `completions/*` below the folder.
pub(super) fn run(dir: &Path) -> ExitCode {
    match write(dir) {
        Ok(written) => say(&format!("{written} files are in {}\n", dir.display()), ExitCode::SUCCESS),
        Err(error) => complain(&format!("{}: {error}\n", dir.display()), ExitCode::from(UNUSABLE)),
    }
}

fn write(dir: &Path) -> io::Result<usize> {
    let (man, completions) = (dir.join("man"), dir.join("completions"));
    fs::create_dir_all(&man)?;
    fs::create_dir_all(&completions)?;
    clap_mangen::generate_to(Cli::command(), &man)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut Cli::command(), "os2nykode", &completions)?;
    }
    Ok(files(&man)? + files(&completions)?)
}

fn files(dir: &Path) -> io::Result<usize> {
    Ok(fs::read_dir(dir)?.count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_a_man_page_and_hidden_ones_have_none() {
        let dir = tempfile::tempdir().expect("a folder");
        let written = write(dir.path()).expect("written");
        let there = |file: &str| dir.path().join(file).exists();
        assert!(written > 20 && there("man/os2nykode.1") && there("man/os2nykode-audit-verify.1"), "{written}");
        assert!(!there("man/os2nykode-generate.1"));
        for file in ["os2nykode.bash", "_os2nykode", "os2nykode.fish"] {
            let text = fs::read_to_string(dir.path().join("completions").join(file)).expect(file);
            assert!(text.contains("keygen"), "{file}");
        }
    }
}
