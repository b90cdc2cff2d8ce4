//! Web services that map a CPR number to accounts.

use crate::registers::{RegisterErrorCause, SetupError, answer, service::RegisterService};
use crate::{
    config,
    model::{account::reference::AccountRef, cpr::Cpr},
};

#[derive(Debug)]
pub struct Rest {
    service: RegisterService,
    config: config::RestSource,
}

impl Rest {
    /// Reads the certificates; does not connect yet.
    pub fn new(config: &config::RestSource) -> Result<Self, SetupError> {
        Ok(Self { service: RegisterService::new(&config.service)?, config: config.clone() })
    }

    /// `id` in the configuration.
    pub fn id(&self) -> &str {
        self.service.id()
    }

    pub async fn accounts_of(&self, cpr: &Cpr) -> Result<Vec<AccountRef>, RegisterErrorCause> {
        self.ask(&cpr.written(self.service.cpr_format())).await
    }

    /// Number of accounts for a CPR number that no person has, for the check of the configuration.
    pub async fn accounts_of_nobody(&self) -> Result<usize, RegisterErrorCause> {
        Ok(self.ask(self.service.cpr_format().nobody()).await?.len())
    }

    async fn ask(&self, cpr: &str) -> Result<Vec<AccountRef>, RegisterErrorCause> {
        match self.service.ask(cpr).await? {
            Some(found) => answer::accounts(&found, &self.config),
            None => Ok(Vec::new()),
        }
    }
}
