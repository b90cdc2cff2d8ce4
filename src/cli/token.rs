//! `os2nykode token …`: tokens of the audit API.
//!
//! Invariant: a token goes to standard output only, once.

use std::{process::ExitCode, sync::Arc};

use clap::Subcommand;
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::{UNUSABLE, account::anothers, complain, say};
use crate::{
    admin::api_tokens::{ApiTokenAdmin, ApiTokenError},
    audit::AuditLog,
    clock::SystemClock,
    config::Config,
    model::credential::api_token::{ApiToken, TokenScope},
    store::{DerivedKeys, Store, StoreError, tokens::ApiTokens},
};

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Create a token and print it. It is not shown again.
    Add {
        /// Name of the token: the program that uses it.
        name: String,
        /// Scope of the token: audit:read (the whole log) or audit:head (only its highest number).
        #[arg(long, value_parser = scope)]
        scope: TokenScope,
        /// Validity in days, 1 to 400.
        #[arg(long)]
        days: u32,
    },
    /// List all tokens, revoked and expired ones included. The secrets are not stored.
    List,
    /// Revoke a token at once.
    Revoke {
        /// The token's name.
        name: String,
    },
}

fn scope(text: &str) -> Result<TokenScope, String> {
    TokenScope::from_code(text).ok_or_else(|| TokenScope::ALL.map(TokenScope::code).join(" or "))
}

/// Exit code 0: done; 1: not done; 2: not possible in this way.
pub(super) async fn run(config: &Config, command: TokenCommand) -> ExitCode {
    let url = secrecy::ExposeSecret::expose_secret(&config.store.url);
    if let Some(problem) = anothers(url, "token") {
        return complain(&problem, ExitCode::from(UNUSABLE));
    }
    let (desk, store) = match open(config, url).await {
        Ok(opened) => opened,
        Err(error) => return complain(&format!("the store could not be opened: {error}\n"), ExitCode::FAILURE),
    };
    let done = work(&desk, command).await;
    store.close().await;
    match done {
        Ok(text) => say(&text, ExitCode::SUCCESS),
        Err(problem) => complain(&format!("{problem}\n"), ExitCode::FAILURE),
    }
}

async fn work(desk: &ApiTokenAdmin, command: TokenCommand) -> Result<Zeroizing<String>, ApiTokenError> {
    match command {
        TokenCommand::Add { name, scope, days } => {
            let (token, expires) = desk.add(&name, scope, days).await?;
            let until = expires.strftime("%Y-%m-%d %H:%M UTC");
            let text = format!("The token is created, valid until {until}.\nIt is shown only now:\n{}\n", *token.written());
            Ok(Zeroizing::new(text))
        }
        TokenCommand::List => {
            let now = desk.clock.now();
            Ok(Zeroizing::new(desk.all().await?.iter().map(|token| line(token, now)).collect()))
        }
        TokenCommand::Revoke { name } => {
            desk.revoke(&name).await?;
            Ok(Zeroizing::new("The token is revoked.\n".to_owned()))
        }
    }
}

fn line(token: &ApiToken, now: Timestamp) -> String {
    let day = |at: Timestamp| at.strftime("%Y-%m-%d");
    let state = match token.revoked {
        Some(at) => format!("revoked {}", day(at)),
        None if now >= token.expires => "expired".to_owned(),
        None => "valid".to_owned(),
    };
    format!("{}\t{}\t{state}\tcreated {}\tvalid until {}\n", token.name, token.scope.code(), day(token.created), day(token.expires))
}

async fn open(config: &Config, url: &str) -> Result<(ApiTokenAdmin, Store), StoreError> {
    let store = Store::open(url).await?;
    let keys = DerivedKeys::new(config.server.secret.bytes());
    let desk = ApiTokenAdmin { tokens: ApiTokens::new(&store), audit: AuditLog::new(&store, &keys), keys, clock: Arc::new(SystemClock) };
    Ok((desk, store))
}
