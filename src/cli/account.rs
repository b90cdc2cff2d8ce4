//! `os2nykode account …`: local accounts.
//!
//! Invariant: a password is never an argument, and a secret goes to standard output only.

use std::{os::unix::fs::MetadataExt, path::PathBuf, process::ExitCode, sync::Arc};

use clap::Subcommand;
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::{UNUSABLE, complain, say, terminal};
use crate::{
    admin::local_accounts::{LocalAccountAdmin, LocalAccountError},
    audit::AuditLog,
    clock::SystemClock,
    config::Config,
    directory::{Directory, LoginMatch},
    identity::local::{hash::Hasher, totp::TotpSecret},
    model::{
        account::name::LoginName,
        ad::guid::ObjectGuid,
        audit::Party,
        credential::local_account::{Role, StaffAccount, roles_code},
    },
    store::{self, DerivedKeys, Store, StoreError, local_accounts::LocalAccounts, sessions::Sessions},
};

#[derive(Debug, Subcommand)]
pub(super) enum AccountCommand {
    /// Create an account. Its password is typed twice, or read from the first line of standard input.
    Add {
        /// The login name.
        name: String,
        /// The person's full name.
        #[arg(long = "name", value_name = "FULL NAME")]
        full_name: String,
        /// A role of the account: helpdesk or auditor. May be given several times.
        #[arg(long = "role", required = true, value_parser = role)]
        roles: Vec<Role>,
    },
    /// List all accounts.
    List,
    /// Disable logins with an account, and end its sessions.
    Disable {
        /// The account's login name.
        name: String,
    },
    /// Enable a disabled account.
    Enable {
        /// The account's login name.
        name: String,
    },
    /// Give an account a new password and a new secret for the authenticator app, and end its sessions.
    Reset {
        /// The account's login name.
        name: String,
    },
    /// End all sessions of an account: a local one, or one in AD by its login name or objectGUID.
    EndSessions {
        /// The account's login name or objectGUID.
        name: String,
    },
    /// Remove an account, and end its sessions. Its entries stay in the audit log.
    Remove {
        /// The account's login name.
        name: String,
    },
}

fn role(text: &str) -> Result<Role, String> {
    Role::from_code(text).ok_or_else(|| "helpdesk or auditor".to_owned())
}

/// Exit code 0: done; 1: not done; 2: not possible in this way.
pub(super) async fn run(config: &Config, command: AccountCommand) -> ExitCode {
    let url = config.store.url.expose_secret();
    if let Some(problem) = anothers(url, "account") {
        return complain(&problem, ExitCode::from(UNUSABLE));
    }
    let (desk, store) = match open(config, url).await {
        Ok(opened) => opened,
        Err(error) => return complain(&format!("the store could not be opened: {error}\n"), ExitCode::FAILURE),
    };
    let done = work(config, &desk, command).await;
    store.close().await;
    match done {
        Ok(text) => say(&text, ExitCode::SUCCESS),
        Err(problem) => complain(&format!("{problem}\n"), ExitCode::FAILURE),
    }
}

async fn work(config: &Config, desk: &LocalAccountAdmin, command: AccountCommand) -> Result<Zeroizing<String>, String> {
    let text = |error: LocalAccountError| error.to_string();
    let said = |what: &str| Ok(Zeroizing::new(what.to_owned()));
    match command {
        AccountCommand::Add { name, full_name, roles } => {
            desk.is_free(&name).await.map_err(text)?; // before the password is typed
            let password = terminal::new_password().map_err(|error| error.to_string())?;
            let secret = desk.add(&name, &full_name, roles.into_iter().collect(), &password).await.map_err(text)?;
            Ok(told(config, "The account is created.", &secret, &name))
        }
        AccountCommand::Reset { name } => {
            let account = desk.find(&name).await.map_err(text)?;
            let password = terminal::new_password().map_err(|error| error.to_string())?;
            let secret = desk.reset(&name, &password).await.map_err(text)?;
            Ok(told(config, "The account has a new password and a new secret.", &secret, &account.name))
        }
        AccountCommand::List => Ok(Zeroizing::new(desk.all().await.map_err(text)?.iter().map(line).collect())),
        AccountCommand::Disable { name } => {
            desk.disable(&name).await.map_err(text)?;
            said("The account is disabled and logged out.\n")
        }
        AccountCommand::Enable { name } => {
            desk.enable(&name).await.map_err(text)?;
            said("The account is enabled.\n")
        }
        AccountCommand::EndSessions { name } => {
            let ended = end_sessions(config, desk, &name).await?;
            Ok(Zeroizing::new(format!("{ended} sessions are ended.\n")))
        }
        AccountCommand::Remove { name } => {
            desk.remove(&name).await.map_err(text)?;
            said("The account is removed and logged out.\n")
        }
    }
}

/// Ends the sessions of each account of this name, here and in AD.
async fn end_sessions(config: &Config, desk: &LocalAccountAdmin, name: &str) -> Result<u64, String> {
    let mut owners = Vec::new();
    if let Some(guid) = ObjectGuid::parse(name) {
        owners.push(Party { guid, account_name: String::new(), name: String::new() });
    } else {
        if let Ok(account) = desk.find(name).await {
            owners.push(Party { guid: account.id.into(), account_name: account.name, name: account.full_name });
        }
        let directory = Directory::new(&config.directory).map_err(|error| error.to_string())?;
        let login = LoginName::parse(name).ok_or("there is no account with this name")?;
        match directory.find(&login).await {
            Ok(LoginMatch::Account(account, _)) => {
                owners.push(Party { guid: account.guid, account_name: account.sam.clone(), name: account.name().to_owned() });
            }
            Ok(LoginMatch::Nobody(_)) => {}
            Err(fault) if owners.is_empty() => return Err(format!("{fault}; an objectGUID works without a controller")),
            Err(fault) => complain_softly(&fault.to_string()),
        }
    }
    if owners.is_empty() {
        return Err("no local account and no AD account has this name".to_owned());
    }
    let mut ended = 0;
    for owner in owners {
        ended += desk.end_sessions(owner).await.map_err(|error| error.to_string())?;
    }
    Ok(ended)
}

fn complain_softly(text: &str) {
    complain(&format!("AD was not searched: {text}\n"), ExitCode::SUCCESS);
}

fn told(config: &Config, what: &str, secret: &TotpSecret, name: &str) -> Zeroizing<String> {
    let off = if config.local_accounts.enabled { "" } else { "Logins with it are disabled: local_accounts.enabled is false.\n" };
    Zeroizing::new(format!(
        "{what}\n{off}Secret for the authenticator app, shown only now:\n{}\nor to type by hand: {}\n",
        *secret.uri(&config.site.name, name.trim()),
        *secret.base32()
    ))
}

fn line(account: &StaffAccount) -> String {
    let state = if account.disabled { "disabled" } else { "enabled" };
    let made = account.created.strftime("%Y-%m-%d");
    format!("{}\t{}\t{}\t{state}\t{made}\n", account.name, account.full_name, roles_code(&account.roles))
}

async fn open(config: &Config, url: &str) -> Result<(LocalAccountAdmin, Store), StoreError> {
    let store = Store::open(url).await?;
    let keys = DerivedKeys::new(config.server.secret.bytes());
    let clock = Arc::new(SystemClock);
    let desk = LocalAccountAdmin {
        staff: LocalAccounts::new(&store, &keys),
        sessions: Sessions::new(&store, &keys, &config.session, clock.clone()),
        audit: AuditLog::new(&store, &keys),
        hasher: Hasher::default(),
        clock,
        keys,
    };
    Ok((desk, store))
}

/// An error where the database file belongs to another user: the service could not use files that this command creates
/// beside it.
pub(super) fn anothers(url: &str, command: &str) -> Option<String> {
    let file: PathBuf = store::file(url)?;
    let there = [Some(file.as_path()), file.parent()].into_iter().flatten().find_map(|path| std::fs::metadata(path).ok())?;
    let owner = there.uid();
    let us = rustix::process::geteuid().as_raw();
    (owner != us).then(|| {
        format!(
            "{} belongs to another user: run this command as the service's user, such as `sudo -u os2nykode os2nykode {command} …`\n",
            file.display()
        )
    })
}
