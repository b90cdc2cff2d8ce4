//! Active Directory over LDAPS. This is the only module that speaks LDAP.
//!
//! Invariants:
//! - No LDAP message is sent before TLS has authenticated the controller.
//! - Every operation has a timeout.
//! - The service account's connections are pooled; a person's bind has its own connection.
//! - AD's result codes keep their meaning.

mod error;
mod inspect;
mod lookup;
pub mod password;
pub mod security_descriptor;
pub mod session;

pub use crate::directory::password::bind::BindFault;
pub use crate::directory::session::connection::{Connection, ControllerEndpoint};
pub use crate::directory::session::controller::Controller;

pub use crate::directory::error::DirectoryError;
pub use crate::directory::lookup::class_groups::ClassPlace;
pub use crate::directory::lookup::members::{Members, Within};
pub use crate::directory::password::policy::AdPolicy;
pub use crate::directory::session::pinned::ControllerSession;
pub use crate::directory::session::root_dse::RootDse;
pub(crate) use crate::directory::session::service_account::ServiceAccount;
pub use inspect::{Attribute, ControllerInspection, OwnAccount, Pso, Sample};
pub use lookup::LoginMatch;
pub use password::{BindAnswer, POLICY_HINTS, POLICY_HINTS_OLD, ResetOptions, WriteAnswer};

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
    domain_names: crate::directory::lookup::login_domains::LoginDomainCache,
    timeout: Duration,
    policies: crate::directory::password::policy::PolicyCache,
    groups: crate::directory::lookup::groups::GroupCache,
    lists: crate::directory::lookup::members::MemberCache,
    names: crate::directory::lookup::name_index::NameIndex,
    pdc: crate::directory::password::lockout::PdcCache,
    writes: crate::directory::session::recent_writes::RecentWrites,
}

impl Directory {
    /// Reads the CA file and prepares the pools. It opens no connection.
    pub fn new(config: &config::DirectoryConfig) -> Result<Self, tls::TlsSetupError> {
        let tls = tls::client_config(config.ca_file.as_deref())?;
        let account = Arc::new(ServiceAccount::new(config));
        let controllers = config
            .controllers
            .iter()
            .map(|c| Arc::new(Controller::new(ControllerEndpoint::new(c, config, tls.clone()), config, account.clone())))
            .collect();
        Ok(Self {
            controllers,
            account,
            base_dn: config.base_dn.clone(),
            search_bases: config.search_bases.clone(),
            netbios_domain: config.netbios_domain.clone(),
            domain_names: crate::directory::lookup::login_domains::LoginDomainCache::default(),
            timeout: config.timeout,
            policies: crate::directory::password::policy::PolicyCache::default(),
            groups: crate::directory::lookup::groups::GroupCache::default(),
            lists: crate::directory::lookup::members::MemberCache::default(),
            names: crate::directory::lookup::name_index::NameIndex::default(),
            pdc: crate::directory::password::lockout::PdcCache::default(),
            writes: crate::directory::session::recent_writes::RecentWrites::default(),
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
    pub async fn ready(&self) -> Result<(), DirectoryError> {
        let mut last = DirectoryError::NoController;
        for controller in &self.controllers {
            let work = async { Connection::open_as_service(controller.endpoint(), controller.account()).await?.root_dse().await };
            match tokio::time::timeout(self.timeout, work).await {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(fault)) => last = fault,
                Err(_) => last = DirectoryError::TimedOut,
            }
        }
        Err(last)
    }

    /// A session on the first controller that accepts a connection.
    pub async fn any(&self) -> Result<ControllerSession, DirectoryError> {
        Ok(self.read(|pinned| async move { (Ok(()), pinned) }).await?.1)
    }
}
