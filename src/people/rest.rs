//! Web services that map a CPR number to accounts.

use super::{SetupError, Trouble, answer, service::Service};
use crate::{
    config,
    model::{account_ref::AccountRef, cpr::Cpr},
};

#[derive(Debug)]
pub struct Rest {
    service: Service,
    config: config::RestSource,
}

impl Rest {
    /// Reads the certificates; does not connect yet.
    pub fn new(config: &config::RestSource) -> Result<Self, SetupError> {
        Ok(Self { service: Service::new(&config.service)?, config: config.clone() })
    }

    /// `id` in the configuration.
    pub fn id(&self) -> &str {
        self.service.id()
    }

    pub async fn accounts_of(&self, cpr: &Cpr) -> Result<Vec<AccountRef>, Trouble> {
        self.ask(&cpr.written(self.service.cpr_format())).await
    }

    /// Number of accounts for a CPR number that no person has, for the check of the configuration.
    pub async fn accounts_of_nobody(&self) -> Result<usize, Trouble> {
        Ok(self.ask(self.service.cpr_format().nobody()).await?.len())
    }

    async fn ask(&self, cpr: &str) -> Result<Vec<AccountRef>, Trouble> {
        match self.service.ask(cpr).await? {
            Some(found) => answer::accounts(&found, &self.config),
            None => Ok(Vec::new()),
        }
    }
}
