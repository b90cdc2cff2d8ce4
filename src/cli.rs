//! The commands.

use std::{io::Write, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use ring::rand::{SecureRandom, SystemRandom};

use crate::{
    check,
    clock::SystemClock,
    config::{self, Config, Secret},
    serve, telemetry,
};

/// Unusable arguments or configuration; 1 is "a problem was found".
const UNUSABLE: u8 = 2;

/// Self-service password change for Active Directory.
#[derive(Debug, Parser)]
#[command(name = "os2nykode", version, about)]
pub struct Cli {
    /// The configuration.
    #[arg(long, global = true, env = "OS2NYKODE_CONFIG", default_value = "/etc/os2nykode/config.toml")]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the service until it is asked to stop.
    Serve,
    /// Tries out the whole set-up and says what to do about what does not work.
    Check {
        /// Prints JSON.
        #[arg(long)]
        json: bool,
        /// The account (sAMAccountName) to look at the service account's rights by; else any ordinary one.
        #[arg(long)]
        account: Option<String>,
    },
    /// Things to do with the configuration itself.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Prints a new value for server.secret.
    Secret,
    /// Reads the configuration and lists everything that is wrong with it.
    Check,
}

/// Runs the command. Exit codes: 0 all is well, 1 a problem was found or the service failed, 2 unusable arguments or configuration.
pub async fn run(cli: Cli) -> ExitCode {
    if let Err(error) = telemetry::harden() {
        return complain(&format!("core dumps can't be switched off: {error}\n"), ExitCode::FAILURE);
    }
    match cli.command {
        Command::Config { command: ConfigCommand::Secret } => new_secret(),
        Command::Config { command: ConfigCommand::Check } => match read(&cli.config) {
            Ok(_) => say("The configuration is complete and without contradictions.\n", ExitCode::SUCCESS),
            Err(code) => code,
        },
        Command::Check { json, account } => match read(&cli.config) {
            Ok(config) => {
                let report = check::run(&config, &check::Options { account }, &SystemClock).await;
                let code = if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
                let text = if json { report.json() + "\n" } else { report.to_string() };
                say(&text, code)
            }
            Err(code) => code,
        },
        Command::Serve => match read(&cli.config) {
            Ok(config) => run_service(config).await,
            Err(code) => code,
        },
    }
}

async fn run_service(config: Config) -> ExitCode {
    telemetry::init(&config.log);
    match serve::serve(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the service could not go on");
            ExitCode::FAILURE
        }
    }
}

fn read(path: &std::path::Path) -> Result<Config, ExitCode> {
    let environment = std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
    config::load(path, environment)
        .map_err(|problems| complain(&format!("The configuration can't be used:\n{problems}"), ExitCode::from(UNUSABLE)))
}

fn new_secret() -> ExitCode {
    let mut bytes = [0; 32];
    if SystemRandom::new().fill(&mut bytes).is_err() {
        return complain("this machine gives no random numbers\n", ExitCode::FAILURE);
    }
    say(&format!("{}\n", *Secret::from_bytes(bytes).encoded()), ExitCode::SUCCESS)
}

fn say(text: &str, code: ExitCode) -> ExitCode {
    if std::io::stdout().write_all(text.as_bytes()).is_ok() { code } else { ExitCode::FAILURE }
}

fn complain(text: &str, code: ExitCode) -> ExitCode {
    let _ = std::io::stderr().write_all(text.as_bytes()); // nobody is left to be told
    code
}
