//! The composition root: the only module that names every adapter.

use std::sync::{Arc, PoisonError, RwLock};

use uuid::Uuid;

use crate::{
    audit::{self, log::cpr::Vault},
    clock::Clock,
    config::{self, Config, Secret},
    directory::Directory,
    forward,
    http_client::HttpSetupError,
    identity::{
        local::hash::Hasher,
        oidc::{self, OidcError},
        saml::{self, SamlError},
    },
    leaked::LeakedPasswords,
    limits::{
        api_rates::ApiRates, code_probes::CodeProbes, readiness::Readiness, register_limit::RegisterLimit, reported_delays::ReportedDelays,
    },
    model::ad::dn::dns_name,
    registers::{self, Family, Lookups},
    store::{
        self, Store, StoreError, codes::Codes, cursors::Cursors, leases::Leases, local_accounts::LocalAccounts, rate_limit::RateLimits,
        sessions::Sessions, single_use::SingleUse, tokens::ApiTokens,
    },
    tls::TlsSetupError,
};

/// The service's state, built once at start.
#[derive(Debug)]
pub struct App {
    /// The configuration as read and checked at start.
    pub config: Config,
    /// `[policy]` as last read. Its word lists may change while the service runs.
    policy: RwLock<Arc<config::PolicyConfig>>,
    /// The lists of `[policy.leaked]`, as last opened.
    leaked: RwLock<Arc<LeakedPasswords>>,
    /// The only source of time.
    pub clock: Arc<dyn Clock>,
    /// Keys derived from `server.secret`.
    pub keys: store::DerivedKeys,
    /// Holder id of this instance's leases, new at each start.
    pub instance: Uuid,
    pub directory: Directory,
    pub store: Store,
    pub sessions: Sessions,
    /// Rate limits by name, address, account and browser.
    pub rate_limits: RateLimits,
    /// Account locks and the leases of jobs.
    pub leases: Leases,
    /// Ids that count only once, such as SAML assertions.
    pub used: SingleUse,
    pub codes: Codes,
    /// Places for comparisons with one-time codes.
    pub code_hasher: Hasher,
    pub local_accounts: LocalAccounts,
    /// Places for the password checks of local accounts.
    pub hasher: Hasher,
    /// Like `hasher`, for browsers that their owners have used.
    pub hasher_for_known: Hasher,
    /// Places for decoy comparisons where there is no code.
    pub decoy_hasher: Hasher,
    /// SAML identity providers; `None` where none is configured.
    pub saml: Option<Arc<saml::SamlProviders>>,
    /// OpenID Connect providers; `None` where none is configured.
    pub oidc: Option<Arc<oidc::OidcProviders>>,
    /// Registers that map CPR numbers to accounts.
    pub registers: Lookups,
    /// Family service; `None` where none is configured.
    pub family: Option<Family>,
    /// Limits on requests to registers and the family service for one person.
    pub register_limit: RegisterLimit,
    pub audit: audit::AuditLog,
    /// The end of the audit chain, as this instance has last seen it.
    pub sealed: audit::chain::sealer::ChainMemory,
    /// [`Clock::elapsed`] at the start.
    pub started: std::time::Duration,
    /// The audit log as the API and log forwarding read it.
    pub feed: audit::export::feed::Feed,
    /// Tokens of the audit API.
    pub tokens: ApiTokens,
    /// Rate limits of the audit API.
    pub api_rates: ApiRates,
    /// Targets of log forwarding.
    pub forward_targets: Vec<Arc<forward::ForwardTarget>>,
    /// Cursors of log forwarding and alerts.
    pub cursors: Cursors,
    /// The last result of the readiness check.
    pub readiness: Readiness,
    /// Recent one-time codes of each network.
    pub code_probes: CodeProbes,
    /// Rate-limit delays that the audit log already mentions.
    pub reported_delays: ReportedDelays,
}

/// Why the service could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The CA certificates of the controllers.
    #[error(transparent)]
    Tls(#[from] TlsSetupError),
    #[error("the store could not be opened: {0}")]
    Store(#[from] StoreError),
    #[error(transparent)]
    Saml(#[from] SamlError),
    #[error(transparent)]
    Oidc(#[from] OidcError),
    /// Registers or the family service.
    #[error("[registers] or [parents]: {0}")]
    People(#[from] registers::SetupError),
    /// The client of the range API.
    #[error("[policy.leaked]: {0}")]
    Leaked(HttpSetupError),
    /// Targets of log forwarding.
    #[error(transparent)]
    Push(#[from] forward::SetupError),
}

impl App {
    /// The municipality's password rules, as last read.
    pub fn policy(&self) -> Arc<config::PolicyConfig> {
        self.policy.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the municipality's password rules.
    pub fn renew_policy(&self, policy: config::PolicyConfig) {
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
    }

    /// The lists of leaked passwords, as last opened.
    pub fn leaked(&self) -> Arc<LeakedPasswords> {
        self.leaked.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Opens the lists of leaked passwords again. On an error, and for a file that can't be opened, the present ones stay.
    pub async fn renew_leaked(&self, settings: &config::LeakedConfig) -> Result<(), HttpSetupError> {
        let before = self.leaked();
        let fresh = LeakedPasswords::open(settings, self.clock.clone(), Some(&before)).await?;
        *self.leaked.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
        Ok(())
    }

    /// Opens the store and prepares the adapters. Needs no controller.
    pub async fn start(config: Config, clock: Arc<dyn Clock>) -> Result<Arc<Self>, StartError> {
        let keys = store::DerivedKeys::new(config.server.secret.bytes());
        let instance = Uuid::from_bytes(keys.random().map_err(|_| StoreError::NoRandomness)?);
        let directory = Directory::new(&config.directory)?;
        let saml = saml::SamlProviders::start(&config.saml, &config.server.public_url, clock.now())?.map(Arc::new);
        let oidc = oidc::OidcProviders::start(&config.oidc, &config.server.public_url)?.map(Arc::new);
        let registers = Lookups::new(&config.registers)?;
        let family = config.parents.as_ref().map(Family::new).transpose()?;
        let hostname = config.server.public_url.split_once("://").map_or("", |(_, host)| host);
        let targets =
            config.audit.forward.iter().map(|forward_targets| forward::ForwardTarget::new(forward_targets, hostname).map(Arc::new));
        let forward_targets = targets.collect::<Result<Vec<_>, _>>()?;
        let domain = dns_name(&config.directory.base_dn);
        let known = config.audit.signer.as_ref().map(|signer| signer.known().clone()).unwrap_or_default();
        let store = Store::open(secrecy::ExposeSecret::expose_secret(&config.store.url)).await?;
        let leaked = Box::pin(LeakedPasswords::open(&config.policy.leaked, clock.clone(), None)).await.map_err(StartError::Leaked)?;
        let vault = Vault::new(config.audit.cpr_keys.iter().map(Secret::bytes));
        let audit = audit::AuditLog::new(&store, &keys).with(vault, &domain).knowing(&known).anchored(config.audit.anchor.as_deref());
        Ok(Arc::new(Self {
            sessions: Sessions::new(&store, &keys, &config.session, clock.clone()),
            rate_limits: RateLimits::new(&store),
            leases: Leases::new(&store),
            used: SingleUse::new(&store),
            codes: Codes::new(&store, &keys),
            code_hasher: Hasher::default(),
            local_accounts: LocalAccounts::new(&store, &keys),
            hasher: Hasher::default(),
            hasher_for_known: Hasher::default(),
            decoy_hasher: Hasher::default(),
            saml,
            oidc,
            registers,
            family,
            register_limit: RegisterLimit::default(),
            sealed: audit::chain::sealer::ChainMemory::default(),
            started: clock.elapsed(),
            feed: audit::export::feed::Feed::new(&store).judged_by(&audit),
            audit,
            tokens: ApiTokens::new(&store),
            api_rates: ApiRates::default(),
            cursors: Cursors::new(&store, &keys),
            forward_targets,
            readiness: Readiness::default(),
            code_probes: CodeProbes::default(),
            reported_delays: ReportedDelays::default(),
            leaked: RwLock::new(Arc::new(leaked)),
            policy: RwLock::new(Arc::new(config.policy.clone())),
            config,
            clock,
            instance,
            keys,
            directory,
            store,
        }))
    }
}
