//! `os2nykode policy judge`: judges passwords by the configured policy, for operators who tune it.
//!
//! Invariants: passwords come from standard input, never from arguments; none is printed; their buffers are wiped. Neither the store nor,
//! without an account, a controller is needed.

use std::{
    fs::File,
    io::{self, Read},
    os::fd::AsFd,
    process::ExitCode,
    sync::Arc,
};

use clap::Subcommand;
use jiff::Timestamp;
use serde::Serialize;
use zeroize::Zeroizing;

use super::{UNUSABLE, complain, say, terminal};
use crate::{
    clock::{Clock, SystemClock},
    config::Config,
    directory::Directory,
    flow::password_policy,
    leaked::LeakedPasswords,
    model::{
        account::Account,
        credential::password::{NotAPassword, Password},
        leaked::Leaked,
        password_policy::{BrokenRule, Candidate, PasswordPolicy, evaluate, judgement},
    },
};

/// Longest line in bytes: four for each character of a password, and some to detect a line that is too long.
const LONGEST: usize = 4 * Password::MAX_CHARS + 16;

#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Judge passwords from standard input, one a line: prints "accepted" or the codes of the reasons for each, never the password.
    Judge {
        /// The account that would get the password: its names, its groups and AD's own policy count. Asks a controller; otherwise
        /// `[policy.default]` counts, for a person without known attributes.
        #[arg(long)]
        account: Option<String>,
        /// Print one JSON object a line.
        #[arg(long)]
        json: bool,
    },
}

/// Exit code 0: every line was judged; 1: the input or output failed; 2: the account or the configuration is unusable.
pub(super) async fn run(config: &Config, command: PolicyCommand) -> ExitCode {
    let PolicyCommand::Judge { account, json } = command;
    let (account, policy) = match &account {
        None => (Account::unknown(), config.policy.of_member([])),
        Some(name) => match of_account(config, name).await {
            Ok(read) => read,
            Err(error) => return complain(&format!("{error}\n"), ExitCode::from(UNUSABLE)),
        },
    };
    let leaked = match LeakedPasswords::open(&config.policy.leaked, Arc::new(SystemClock), None).await {
        Ok(leaked) => leaked,
        Err(error) => return complain(&format!("policy.leaked: {error}\n"), ExitCode::from(UNUSABLE)),
    };
    let judge = PasswordJudge { config, account, policy, leaked };
    match judge.all(json).await {
        Ok(code) => code,
        Err(error) => complain(&format!("standard input can't be read: {error}\n"), ExitCode::FAILURE),
    }
}

async fn of_account(config: &Config, name: &str) -> Result<(Account, PasswordPolicy), String> {
    let directory = Directory::new(&config.directory).map_err(|error| error.to_string())?;
    password_policy::of_account(config, &directory, name).await.map_err(|error| error.to_string())
}

/// The printed result for one line.
#[derive(Debug, PartialEq, Serialize)]
struct LineVerdict {
    accepted: bool,
    /// Codes of the audit log; those of the judge of guesses stand for `guessable`.
    reasons: Vec<&'static str>,
    /// `None`: the line is no password.
    guesses_log10: Option<f32>,
}

impl LineVerdict {
    fn unusable(reason: &'static str) -> Self {
        Self { accepted: false, reasons: vec![reason], guesses_log10: None }
    }

    fn text(&self, json: bool) -> String {
        if json {
            return serde_json::to_string(self).expect("words and a number") + "\n";
        }
        let what = if self.accepted { "accepted".to_owned() } else { format!("refused: {}", self.reasons.join(", ")) };
        self.guesses_log10.map_or_else(|| format!("{what}\n"), |guesses| format!("{what} (10^{guesses:.1} guesses)\n"))
    }
}

struct PasswordJudge<'a> {
    config: &'a Config,
    account: Account,
    policy: PasswordPolicy,
    leaked: LeakedPasswords,
}

impl PasswordJudge<'_> {
    /// Judges every line of standard input.
    async fn all(&self, json: bool) -> io::Result<ExitCode> {
        let stdin = io::stdin();
        let mut input = File::from(stdin.as_fd().try_clone_to_owned()?); // past its buffer, which is not wiped
        let _quiet = terminal::without_echo(&input)?;
        let mut unchecked = 0_u64;
        while let Some(line) = next_line(&mut input)? {
            let verdict = match line {
                Ok(password) => self.verdict(&password, SystemClock.now(), &mut unchecked).await,
                Err(reason) => LineVerdict::unusable(reason),
            };
            if say(&verdict.text(json), ExitCode::SUCCESS) != ExitCode::SUCCESS {
                return Ok(ExitCode::FAILURE); // the reader has closed the pipe
            }
        }
        if unchecked > 0 {
            complain(&format!("{unchecked} passwords could not be looked up among leaked passwords: os2nykode check\n"), ExitCode::SUCCESS);
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn verdict(&self, new: &Password, now: Timestamp, unchecked: &mut u64) -> LineVerdict {
        let candidate = Candidate { new, current: None, account: &self.account, now };
        let mut broken = evaluate(&self.policy, candidate);
        broken.retain(|rule| !matches!(rule, BrokenRule::TooYoung(_))); // it depends on the account, not on the new password
        if self.leaked.is_on() {
            let answer = self.leaked.ask(new).await;
            let leak = answer.broken(self.config.policy.leaked.when_unavailable);
            *unchecked += u64::from(leak.is_none() && answer.leaked == Leaked::Unknown);
            broken.extend(leak);
        }
        let reasons = broken.iter().flat_map(BrokenRule::codes).filter(|code| *code != "guessable").collect();
        let guesses = judgement(&self.policy, candidate).guesses_log10;
        LineVerdict { accepted: broken.is_empty(), reasons, guesses_log10: Some((guesses * 10.0).round() / 10.0) }
    }
}

/// The next line, or why it is no password; `None` at the end. A line that is too long is read to its end.
fn next_line(input: &mut impl Read) -> io::Result<Option<Result<Password, &'static str>>> {
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
    let mut byte = Zeroizing::new([0]);
    let (mut begun, mut too_long) = (false, false);
    while input.read(&mut *byte)? == 1 {
        begun = true;
        if byte[0] == b'\n' {
            break;
        }
        if line.len() < LONGEST {
            line.push(byte[0]);
        } else {
            too_long = true;
        }
    }
    if !begun {
        return Ok(None);
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    if too_long {
        return Ok(Some(Err("too_long")));
    }
    let Ok(text) = std::str::from_utf8(&line) else { return Ok(Some(Err("not_utf8"))) };
    Ok(Some(Password::parse(text.to_owned()).map_err(|bad| match bad {
        NotAPassword::Empty => "empty",
        NotAPassword::TooLong => "too_long",
        NotAPassword::Nul => "not_typeable",
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(mut text: &[u8]) -> Vec<Result<String, &'static str>> {
        std::iter::from_fn(|| next_line(&mut text).expect("memory")).map(|line| line.map(|password| password.expose().to_owned())).collect()
    }

    #[test]
    fn every_line_is_one_password_as_it_is() {
        let good = |text: &str| Ok(text.to_owned());
        assert_eq!(lines(b""), []);
        assert_eq!(lines(b" a b \r\nlast"), [good(" a b "), good("last")]);
        assert_eq!(lines(b"\n\xe6\na\0b\n"), [Err("empty"), Err("not_utf8"), Err("not_typeable")]);
        let long = [vec![b'x'; 10_000], b"\nnext\n".to_vec()].concat();
        assert_eq!(lines(&long), [Err("too_long"), good("next")]);
        assert_eq!(lines(&[b'x'; 257]), [Err("too_long")]);
    }

    #[test]
    fn a_verdict_is_one_line() {
        let refused = LineVerdict { accepted: false, reasons: vec!["common_word"], guesses_log10: Some(5.2) };
        assert_eq!(refused.text(true), "{\"accepted\":false,\"reasons\":[\"common_word\"],\"guesses_log10\":5.2}\n");
        assert_eq!(refused.text(false), "refused: common_word (10^5.2 guesses)\n");
        assert_eq!(LineVerdict::unusable("empty").text(false), "refused: empty\n");
        assert_eq!(LineVerdict::unusable("empty").text(true), "{\"accepted\":false,\"reasons\":[\"empty\"],\"guesses_log10\":null}\n");
    }
}
