//! Reading a new password: from a terminal without echo, or from a pipe.

use std::{
    fs::File,
    io::{IsTerminal, Read, Write},
    os::fd::AsFd,
};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::model::credential::password::{NotAPassword, Password};

/// Longest line in bytes: four for each character of a password, and some to detect a line that is too long.
const LONGEST: usize = 4 * Password::MAX_CHARS + 16;

/// Why there is no password.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoPassword {
    #[error("no password: type it, or pass it as the first line of standard input")]
    Empty,
    #[error("a password has at most 256 characters")]
    TooLong,
    #[error("the password is not UTF-8, or contains a control character")]
    Unusable,
    #[error("the two passwords differ")]
    Different,
    #[error("standard input cannot be read: {0}")]
    Input(#[from] std::io::Error),
}

/// Reads a password: typed twice at a terminal, else from the first line of standard input.
pub(super) fn new_password() -> Result<Password, NoPassword> {
    let stdin = std::io::stdin();
    let mut input = File::from(stdin.as_fd().try_clone_to_owned()?); // past its buffer, which is not wiped
    if !stdin.is_terminal() {
        return read(&mut input);
    }
    let _quiet = Quiet::new(&input)?;
    let first = asked(&mut input, "New password: ")?;
    if asked(&mut input, "Repeat the password: ")? == first { Ok(first) } else { Err(NoPassword::Different) }
}

/// A terminal stops echoing until the value is dropped. `None`: the input is no terminal.
pub(super) fn without_echo(input: &File) -> std::io::Result<Option<Quiet>> {
    input.is_terminal().then(|| Quiet::new(input)).transpose()
}

fn asked(input: &mut File, question: &str) -> Result<Password, NoPassword> {
    let mut told = std::io::stderr();
    told.write_all(question.as_bytes())?;
    let password = read(input);
    told.write_all(b"\n")?; // without echo, the typed line end shows nothing
    password
}

fn read(input: &mut impl Read) -> Result<Password, NoPassword> {
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
    let mut byte = Zeroizing::new([0]);
    while input.read(&mut *byte)? == 1 && byte[0] != b'\n' {
        if line.len() == LONGEST {
            return Err(NoPassword::TooLong);
        }
        line.push(byte[0]);
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    let text = std::str::from_utf8(&line).map_err(|_| NoPassword::Unusable)?;
    if text.chars().any(char::is_control) {
        return Err(NoPassword::Unusable);
    }
    Password::parse(text.to_owned()).map_err(|bad| match bad {
        NotAPassword::Empty => NoPassword::Empty,
        NotAPassword::TooLong => NoPassword::TooLong,
        NotAPassword::Nul => NoPassword::Unusable,
    })
}

/// A terminal without echo, until this is dropped.
pub(super) struct Quiet {
    terminal: File,
    before: Termios,
}

impl Quiet {
    fn new(terminal: &File) -> std::io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ECHOE | LocalModes::ECHOK | LocalModes::ECHONL);
        tcsetattr(terminal, OptionalActions::Flush, &quiet)?;
        Ok(Self { terminal: terminal.try_clone()?, before })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.terminal, OptionalActions::Flush, &self.before); // the terminal is gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &[u8]) -> Result<String, String> {
        read(&mut &text[..]).map(|password| password.expose().to_owned()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_first_line_is_the_password_as_it_is() {
        for text in ["rød grød 12 \n", "rød grød 12 \r\nmore\n", "rød grød 12 "] {
            assert_eq!(read_text(text.as_bytes()).as_deref(), Ok("rød grød 12 "), "{text:?}");
        }
        let mut two: &[u8] = b"first-password\nsecond-password\n";
        assert_eq!(read(&mut two).expect("one").expose(), "first-password");
        assert_eq!(read(&mut two).expect("another").expose(), "second-password");
    }

    #[test]
    fn what_is_no_password_is_refused_without_being_told() {
        for (text, expected) in [
            (&b""[..], "no password"),
            (b"\nabc\n", "no password"),
            (b"hemmelig\xe6\n", "not UTF-8"),
            (b"hemmelig\x03\n", "control character"),
            (&[b'x'; 257], "at most 256"),
            (&[b'x'; 10_000], "at most 256"),
        ] {
            let told = read_text(text).expect_err("refused");
            assert!(told.contains(expected) && !told.contains("hemmelig"), "{told}");
        }
    }
}
