//! All registers that map a CPR number to accounts, queried at the same time.
//!
//! Invariant: an error of one register fails the whole lookup, because a part of the accounts looks like all of them.

use futures_util::future::join_all;
use metrics::counter;

use crate::registers::{RegisterError, RegisterErrorCause, SetupError, rest::Rest, sql::Sql, sql_server::SqlServer};
use crate::{
    config::{self, Database},
    model::{account::reference::AccountRef, cpr::Cpr},
};

/// The configured registers; may be none.
#[derive(Debug)]
pub struct Lookups {
    registers: Vec<Register>,
}

#[derive(Debug)]
enum Register {
    Sql(Sql),
    SqlServer(SqlServer),
    Rest(Box<Rest>),
}

/// Result of a query with a CPR number that no person has.
#[derive(Debug)]
pub struct Probe {
    /// `id` in the configuration.
    pub id: String,
    /// Number of accounts in the answer.
    pub named: Result<usize, RegisterErrorCause>,
}

impl Lookups {
    /// Prepares the clients without connecting: a register that is down does not keep the service from starting.
    pub fn new(config: &config::RegistersConfig) -> Result<Self, SetupError> {
        let sql = config.sql.iter().map(|source| match source.database {
            Database::SqlServer => Ok(Register::SqlServer(SqlServer::new(source))),
            Database::Postgres | Database::MySql | Database::Sqlite => Ok(Register::Sql(Sql::new(source))),
        });
        let rest = config.rest.iter().map(|source| Ok(Register::Rest(Box::new(Rest::new(source)?))));
        Ok(Self { registers: sql.chain(rest).collect::<Result<_, SetupError>>()? })
    }

    pub fn is_empty(&self) -> bool {
        self.registers.is_empty()
    }

    /// References to the person's accounts from all registers, without duplicates. AD decides whether the accounts exist.
    pub async fn accounts_of(&self, cpr: &Cpr) -> Result<Vec<AccountRef>, RegisterError> {
        let asked = self.registers.iter().map(async |register| counted(register.id(), register.accounts_of(cpr).await));
        let mut all = Vec::new();
        for named in join_all(asked).await {
            for reference in named? {
                if !all.contains(&reference) {
                    all.push(reference);
                }
            }
        }
        Ok(all)
    }

    /// Queries each register with a CPR number that no person has. Errors may quote the database's message, which cannot concern a person
    /// here.
    pub async fn probe(&self) -> Vec<Probe> {
        let asked = self.registers.iter().map(async |register| Probe { id: register.id().to_owned(), named: register.probe().await });
        join_all(asked).await
    }
}

impl Register {
    fn id(&self) -> &str {
        match self {
            Self::Sql(sql) => sql.id(),
            Self::SqlServer(server) => server.id(),
            Self::Rest(rest) => rest.id(),
        }
    }

    async fn accounts_of(&self, cpr: &Cpr) -> Result<Vec<AccountRef>, RegisterErrorCause> {
        match self {
            Self::Sql(sql) => sql.accounts_of(cpr).await,
            Self::SqlServer(server) => server.accounts_of(cpr).await,
            Self::Rest(rest) => rest.accounts_of(cpr).await,
        }
    }

    async fn probe(&self) -> Result<usize, RegisterErrorCause> {
        match self {
            Self::Sql(sql) => sql.accounts_of_nobody().await,
            Self::SqlServer(server) => server.accounts_of_nobody().await,
            Self::Rest(rest) => rest.accounts_of_nobody().await,
        }
    }
}

/// Counts the query and its outcome.
pub(crate) fn counted<T>(register: &str, outcome: Result<T, RegisterErrorCause>) -> Result<T, RegisterError> {
    let word = if outcome.is_ok() { "answered" } else { "failed" };
    counter!("os2nykode_register_questions_total", "register" => register.to_owned(), "outcome" => word).increment(1);
    outcome.map_err(|trouble| trouble.of(register))
}
