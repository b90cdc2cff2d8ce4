//! The command line: arguments, commands and exit codes.

mod account;
mod audit;
mod generate;
mod import;
mod leaked;
mod policy;
mod terminal;
mod token;

use std::{
    ffi::OsString,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use ring::rand::{SecureRandom, SystemRandom};

use crate::{
    check,
    clock::{Clock, SystemClock},
    config::{self, Config, Problem, Problems, Secret},
    directory::Directory,
    flow::delegation::explain,
    identity::{
        keys::{self, KeysError, ProviderKeys},
        oidc::client_auth,
        saml::sp_metadata::{self, OwnAddresses},
    },
    model::{authorization::Action, identity::level::AssuranceLevel},
    serve, telemetry,
};

/// Exit code for unusable arguments or configuration; 1 means that a problem was found.
const UNUSABLE: u8 = 2;

/// Self-service password change for Active Directory.
#[derive(Debug, Parser)]
#[command(name = "os2nykode", version, about)]
pub struct Cli {
    /// The configuration file.
    #[arg(long, global = true, env = "OS2NYKODE_CONFIG", default_value = "/etc/os2nykode/config.toml")]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service until it is stopped.
    Serve,
    /// Test the whole setup, and print each problem with its remedy.
    Check {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// The account (sAMAccountName) on which the service account's rights are tested; otherwise any ordinary
        /// account.
        #[arg(long)]
        account: Option<String>,
        /// Test one identity provider only, by its id, and print the required claims of a login there.
        #[arg(long)]
        provider: Option<String>,
    },
    /// Keys and metadata for SAML identity providers.
    Saml {
        #[command(subcommand)]
        command: SamlCommand,
    },
    /// Keys for OpenID Connect providers.
    Oidc {
        #[command(subcommand)]
        command: OidcCommand,
    },
    /// Local accounts, for use when no identity provider is available.
    Account {
        #[command(subcommand)]
        command: account::AccountCommand,
    },
    /// The audit log: its keys, export and verification.
    Audit {
        #[command(subcommand)]
        command: audit::AuditCommand,
    },
    /// Tokens of the audit API.
    Token {
        #[command(subcommand)]
        command: token::TokenCommand,
    },
    /// The password policy.
    Policy {
        #[command(subcommand)]
        command: policy::PolicyCommand,
    },
    /// The list of leaked passwords on this machine.
    Leaked {
        #[command(subcommand)]
        command: leaked::LeakedCommand,
    },
    /// The authorization policy.
    Delegation {
        #[command(subcommand)]
        command: DelegationCommand,
    },
    /// The configuration.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Write man pages and shell completions below a folder.
    #[command(hide = true)]
    Generate {
        /// The folder.
        dir: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum SamlCommand {
    /// Create keys in saml.keys_dir. If there are keys, create the next ones, which are published beside them.
    Keygen,
    /// Put the next keys in use. The old ones still decrypt messages that providers encrypt to them.
    Rollover,
    /// Print the metadata, for a provider that cannot read it from /saml/metadata.
    Metadata,
}

#[derive(Debug, Subcommand)]
enum OidcCommand {
    /// Create keys in oidc.keys_dir. If there are keys, create the next ones, which are published beside them.
    Keygen,
    /// Put the next keys in use. The old ones still decrypt messages that providers encrypt to them.
    Rollover,
    /// Print the public keys (JWKS), for a provider that cannot read them from /oidc/jwks.
    Jwks,
}

#[derive(Debug, Subcommand)]
enum DelegationCommand {
    /// Explain which actions one account may take on another, and why.
    Explain {
        /// The account that acts.
        actor: String,
        /// The account that is acted on.
        target: String,
        /// Assurance level of the actor's login: none, low, substantial or high.
        #[arg(long, default_value = "substantial", value_parser = level)]
        level: AssuranceLevel,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print a new value for server.secret.
    Secret,
    /// Read the configuration and list its problems.
    Check,
    /// Translate the settings of the first OS2nykode (Java, Docker) and report what became of each.
    Import {
        /// Its docker-compose.yml, environment file or custom.properties.
        file: PathBuf,
        /// Existing folder for config.toml and the secrets' files. Otherwise the configuration is printed, without secrets.
        #[arg(long)]
        into: Option<PathBuf>,
    },
}

/// Runs the command. Exit codes: 0 success, 1 a problem was found or the service failed, 2 unusable arguments or
/// configuration.
pub async fn run(cli: Cli) -> ExitCode {
    if let Err(error) = telemetry::harden() {
        return complain(&format!("core dumps could not be disabled: {error}\n"), ExitCode::FAILURE);
    }
    match cli.command {
        Command::Config { command: ConfigCommand::Secret } => new_secret(),
        Command::Config { command: ConfigCommand::Check } => match read(&cli.config) {
            Ok(_) => say("The configuration is complete and without contradictions.\n", ExitCode::SUCCESS),
            Err(code) => code,
        },
        Command::Config { command: ConfigCommand::Import { file, into } } => import::run(&file, into.as_deref()),
        Command::Generate { dir } => generate::run(&dir),
        Command::Saml { command } => match read(&cli.config) {
            Ok(config) => run_saml(&config, &command),
            Err(code) => code,
        },
        Command::Oidc { command } => match read(&cli.config) {
            Ok(config) => run_oidc(&config, &command),
            Err(code) => code,
        },
        Command::Account { command } => match read(&cli.config) {
            Ok(config) => account::run(&config, command).await,
            Err(code) => code,
        },
        Command::Audit { command: audit::AuditCommand::Keygen { file } } => audit::keygen(&file),
        Command::Audit { command: audit::AuditCommand::Verify { export: Some(export), database: _, public_keys, checkpoint } }
            if !public_keys.is_empty() =>
        {
            audit::verify_alone(Some(&export), "", &public_keys, checkpoint.as_deref()).await
        }
        Command::Audit { command: audit::AuditCommand::Verify { export: None, database: Some(url), public_keys, checkpoint } }
            if !public_keys.is_empty() =>
        {
            audit::verify_alone(None, &url, &public_keys, checkpoint.as_deref()).await
        }
        Command::Audit { command } => match read(&cli.config) {
            Ok(config) => audit::run(&config, command).await,
            Err(code) => code,
        },
        Command::Token { command } => match read(&cli.config) {
            Ok(config) => token::run(&config, command).await,
            Err(code) => code,
        },
        Command::Policy { command } => match read(&cli.config) {
            Ok(config) => policy::run(&config, command).await,
            Err(code) => code,
        },
        Command::Leaked { command } => match read(&cli.config) {
            Ok(config) => leaked::run(config.policy.leaked.file.as_deref(), command).await,
            Err(code) => code,
        },
        Command::Delegation { command: DelegationCommand::Explain { actor, target, level } } => match read(&cli.config) {
            Ok(config) => explain(&config, &actor, &target, level).await,
            Err(code) => code,
        },
        Command::Check { json, account, provider } => match read(&cli.config) {
            Ok(config) => run_check(&config, json, check::Options { account, provider }).await,
            Err(code) => code,
        },
        Command::Serve => Box::pin(run_service(cli.config)).await, // boxed: a large future
    }
}

/// Exit code 0: no problem; 1: a problem. Findings are printed as they come, JSON at the end.
async fn run_check(config: &Config, json: bool, options: check::Options) -> ExitCode {
    if let Some(id) = options.provider.as_deref().filter(|id| !config.providers().any(|provider| provider.id.as_str() == *id)) {
        return complain(&format!("the configuration has no provider {id:?}\n"), ExitCode::from(UNUSABLE));
    }
    let mut report = if json {
        check::Report::default()
    } else {
        check::Report::telling(|finding| {
            say(&format!("{finding}\n"), ExitCode::SUCCESS);
        })
    };
    check::run_into(config, &options, &SystemClock, &mut report).await;
    let code = if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    let text = if json { report.json() } else { format!("\n{}", report.summary()) };
    say(&(text + "\n"), code)
}

fn run_saml(config: &Config, command: &SamlCommand) -> ExitCode {
    let Some(dir) = &config.saml.keys_dir else {
        return complain("saml.keys_dir, the folder of the keys, is not set\n", ExitCode::from(UNUSABLE));
    };
    ended(match command {
        SamlCommand::Keygen => generate(config, dir),
        SamlCommand::Rollover => rollover(dir),
        SamlCommand::Metadata => ProviderKeys::read(dir).and_then(|keys| {
            let at = OwnAddresses::of(&config.saml, &config.server.public_url);
            Ok(sp_metadata::document(&at, &keys, &config.saml, &config.site.name)? + "\n")
        }),
    })
}

fn run_oidc(config: &Config, command: &OidcCommand) -> ExitCode {
    let Some(dir) = &config.oidc.keys_dir else {
        return complain("oidc.keys_dir, the folder of the keys, is not set\n", ExitCode::from(UNUSABLE));
    };
    ended(match command {
        OidcCommand::Keygen => generate(config, dir),
        OidcCommand::Rollover => rollover(dir),
        OidcCommand::Jwks => ProviderKeys::read(dir).map(|keys| format!("{:#}\n", client_auth::published(&keys))),
    })
}

fn generate(config: &Config, dir: &Path) -> Result<String, KeysError> {
    let host = config.server.public_url.split_once("://").map_or(config.server.public_url.as_str(), |(_, host)| host);
    keys::generate(dir, host, SystemClock.now()).map(|files| format!("Written:\n{}\n", files.join("\n")))
}

fn rollover(dir: &Path) -> Result<String, KeysError> {
    keys::rollover(dir).map(|()| "The next keys are in use after a restart of the service.\n".to_owned())
}

fn ended(done: Result<String, KeysError>) -> ExitCode {
    match done {
        Ok(text) => say(&text, ExitCode::SUCCESS),
        Err(error) => complain(&format!("{error}\n"), ExitCode::FAILURE),
    }
}

async fn run_service(file: PathBuf) -> ExitCode {
    // First of all: reading the configuration takes time, and a signal without a handler ends the process.
    let signals = match serve::Signals::install() {
        Ok(signals) => signals,
        Err(error) => return complain(&format!("signal handlers could not be installed: {error}\n"), ExitCode::FAILURE),
    };
    let config = match read(&file) {
        Ok(config) => config,
        Err(code) => return code,
    };
    telemetry::init(&config.log);
    let again = move || environment(std::env::vars_os()).and_then(|environment| config::load(&file, environment.into_iter()));
    match serve::serve(config, signals, again).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "service terminated with an error");
            ExitCode::FAILURE
        }
    }
}

fn read(path: &std::path::Path) -> Result<Config, ExitCode> {
    environment(std::env::vars_os())
        .and_then(|environment| config::load(path, environment.into_iter()))
        .map_err(|problems| complain(&format!("The configuration is unusable:\n{problems}"), ExitCode::from(UNUSABLE)))
}

/// The environment as text. An override that is not UTF-8 is a problem: it may be a password typed in another encoding.
fn environment(variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Vec<(String, String)>, Problems> {
    let mut problems = Problems::default();
    let mut read = Vec::new();
    for (name, value) in variables {
        match (name.into_string(), value.into_string()) {
            (Ok(name), Ok(value)) => read.push((name, value)),
            (Ok(name), Err(_)) => problems.0.push(Problem { key: name, what: "its value is not UTF-8".to_owned() }),
            (Err(name), Ok(_) | Err(_)) => {
                problems.0.push(Problem { key: name.to_string_lossy().into_owned(), what: "its name is not UTF-8".to_owned() });
            }
        }
    }
    problems.0.retain(|problem| problem.key.starts_with(config::PREFIX)); // other variables are not ours
    if problems.0.is_empty() { Ok(read) } else { Err(problems) }
}

fn level(text: &str) -> Result<AssuranceLevel, String> {
    AssuranceLevel::from_code(text).ok_or_else(|| "none, low, substantial or high".to_owned())
}

/// Exit code 0: the actor may set a password or issue a code; 1: neither.
async fn explain(config: &Config, actor: &str, target: &str, level: AssuranceLevel) -> ExitCode {
    let directory = match Directory::new(&config.directory) {
        Ok(directory) => directory,
        Err(error) => return complain(&format!("{error}\n"), ExitCode::from(UNUSABLE)),
    };
    match explain::explain(config, &directory, actor, target, level, SystemClock.now()).await {
        Ok(explanation) => {
            let acts =
                |(action, judged): &(Action, Result<_, _>)| matches!(action, Action::SetPassword | Action::IssueCode) && judged.is_ok();
            let code = if explanation.judged.iter().any(acts) { ExitCode::SUCCESS } else { ExitCode::FAILURE };
            say(&explanation.to_string(), code)
        }
        Err(error) => complain(&format!("{error}\n"), ExitCode::from(UNUSABLE)),
    }
}

fn new_secret() -> ExitCode {
    let mut bytes = [0; 32];
    if SystemRandom::new().fill(&mut bytes).is_err() {
        return complain("this machine provides no random numbers\n", ExitCode::FAILURE);
    }
    say(&format!("{}\n", *Secret::from_bytes(bytes).encoded()), ExitCode::SUCCESS)
}

fn say(text: &str, code: ExitCode) -> ExitCode {
    if std::io::stdout().write_all(text.as_bytes()).is_ok() { code } else { ExitCode::FAILURE }
}

fn complain(text: &str, code: ExitCode) -> ExitCode {
    let _ = std::io::stderr().write_all(text.as_bytes()); // there is no other place to report to
    code
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn an_override_that_is_no_utf8_is_refused_without_its_value_and_other_variables_are_not_looked_at() {
        let latin1 = || OsString::from_vec(b"hemmelig-\xe6".to_vec());
        let ours = (OsString::from("OS2NYKODE__DIRECTORY__BIND_PASSWORD"), latin1());
        let told = environment([ours].into_iter()).expect_err("refused").to_string();
        assert!(told.contains("OS2NYKODE__DIRECTORY__BIND_PASSWORD: ") && !told.contains("hemmelig"), "{told}");
        let theirs = [(OsString::from("LANG"), latin1()), (OsString::from("OS2NYKODE__LOG__LEVEL"), OsString::from("warn"))];
        let read = environment(theirs.into_iter()).expect("read");
        assert_eq!(read, [("OS2NYKODE__LOG__LEVEL".to_owned(), "warn".to_owned())]);
    }
}
