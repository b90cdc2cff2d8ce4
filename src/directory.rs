//! Active Directory over LDAPS. This is the only module that speaks LDAP.
//!
//! Invariants:
//! - No LDAP message is sent before TLS has authenticated the controller.
//! - Every operation has a timeout.
//! - The service account's connections are pooled; a person's bind has its own connection.
//! - AD's result codes keep their meaning.

pub mod answer;
mod bind;
mod choice;
mod connection;
mod controller;
mod cpr;

mod domain_names;
mod entry;
mod fault;
mod groups;
mod inspect;
mod list;
mod lockout;
mod lookup;
mod named;
mod names;
mod password;
mod pinned;
mod policy;
mod readable;
mod recent;
mod root_dse;
pub mod security_descriptor;
mod service_account;

pub use bind::BindFault;
pub use connection::{Connection, Endpoint};
pub use controller::Controller;

pub use fault::Fault;
pub use inspect::{Attribute, Inspection, OwnAccount, Pso, Sample};
pub use list::{Members, Within};
pub use lookup::LoginMatch;
pub use password::{BindAnswer, POLICY_HINTS, POLICY_HINTS_OLD, Reset, WriteAnswer};
pub use pinned::Pinned;
pub use policy::AdPolicy;
pub use root_dse::RootDse;
pub(crate) use service_account::ServiceAccount;

use std::{sync::Arc, time::Duration};

use crate::{config, tls};

/// The controllers of one domain, with caches of what was read from them.
#[derive(Debug)]
pub struct Directory {
    controllers: Vec<Arc<Controller>>,
    account: Arc<ServiceAccount>,
    base_dn: String,
    search_bases: Vec<String>,
    netbios_domain: Option<String>,
    domain_names: domain_names::Cache,
    timeout: Duration,
    policies: policy::Cache,
    groups: groups::Cache,
    lists: list::Cache,
    names: names::Names,
    pdc: lockout::PdcCache,
    writes: recent::RecentWrites,
}

impl Directory {
    /// Reads the CA file and prepares the pools. It opens no connection.
    pub fn new(config: &config::Directory) -> Result<Self, tls::TlsSetupError> {
        let tls = tls::client_config(config.ca_file.as_deref())?;
        let account = Arc::new(ServiceAccount::new(config));
        let controllers = config
            .controllers
            .iter()
            .map(|c| Arc::new(Controller::new(Endpoint::new(c, config, tls.clone()), config, account.clone())))
            .collect();
        Ok(Self {
            controllers,
            account,
            base_dn: config.base_dn.clone(),
            search_bases: config.search_bases.clone(),
            netbios_domain: config.netbios_domain.clone(),
            domain_names: domain_names::Cache::default(),
            timeout: config.timeout,
            policies: policy::Cache::default(),
            groups: groups::Cache::default(),
            lists: list::Cache::default(),
            names: names::Names::default(),
            pdc: lockout::PdcCache::default(),
            writes: recent::RecentWrites::default(),
        })
    }

    /// Sets the service account's password for new connections. `false`: the password is the current one.
    pub fn renew_password(&self, password: &str) -> bool {
        self.account.renew(password)
    }

    /// The controllers, in order of preference.
    pub fn controllers(&self) -> &[Arc<Controller>] {
        &self.controllers
    }

    /// Whether a controller accepts a new connection and the service account's bind on it.
    ///
    /// A pooled connection would prove less, because every login needs a new one. A failure marks no controller as down.
    pub async fn ready(&self) -> Result<(), Fault> {
        let mut last = Fault::NoController;
        for controller in &self.controllers {
            let work = async { Connection::open_as_service(controller.endpoint(), controller.account()).await?.root_dse().await };
            match tokio::time::timeout(self.timeout, work).await {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(fault)) => last = fault,
                Err(_) => last = Fault::TimedOut,
            }
        }
        Err(last)
    }

    /// A session on the first controller that accepts a connection.
    pub async fn any(&self) -> Result<Pinned, Fault> {
        Ok(self.read(|pinned| async move { (Ok(()), pinned) }).await?.1)
    }
}
