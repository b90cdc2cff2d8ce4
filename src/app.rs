//! The composition root: the only place that names every adapter.

use std::sync::{Arc, PoisonError, RwLock};

use uuid::Uuid;

use crate::{
    audit::{self, cpr::Vault},
    clock::Clock,
    config::{self, Config, Secret},
    directory::Directory,
    flow::{audit_api::Rates, codes::Probes, health::Readiness, outside::Outside, waits::Waits},
    identity::{
        local::hash::Hasher,
        oidc::{self, OidcError},
        saml::{self, SamlError},
    },
    model::dn::dns_name,
    people::{self, Family, Lookups},
    push,
    store::{
        self, Store, StoreError, codes::Codes, cursors::Cursors, leases::Leases, sessions::Sessions, staff::Staff, throttle::Throttles,
        tokens::Tokens, used::Used,
    },
    tls::TlsSetupError,
};

/// Everything that a request may need. Made once at start.
#[derive(Debug)]
pub struct App {
    /// As read and checked at start.
    pub config: Config,
    /// `[policy]` as it was last read: its word lists may change while the service runs.
    policy: RwLock<Arc<config::Policy>>,
    /// The only source of time.
    pub clock: Arc<dyn Clock>,
    /// Keys derived from the configured secret.
    pub keys: store::Keys,
    /// What this instance holds leases by for as long as it runs.
    pub instance: Uuid,
    /// Active Directory.
    pub directory: Directory,
    /// The database.
    pub store: Store,
    /// Sessions of people who are logged in.
    pub sessions: Sessions,
    /// Failure counts by name and address.
    pub throttles: Throttles,
    /// One password try at a time per account.
    pub leases: Leases,
    /// What counts only once.
    pub used: Used,
    /// One-time codes.
    pub codes: Codes,
    /// Places for comparing them.
    pub code_hasher: Hasher,
    /// Local staff accounts.
    pub staff: Staff,
    /// Places for checking their passwords.
    pub hasher: Hasher,
    /// The same for browsers that their owners have used.
    pub hasher_for_known: Hasher,
    /// Places for what is compared with no code at all.
    pub decoy_hasher: Hasher,
    /// SAML identity providers; `None` where none is configured.
    pub saml: Option<Arc<saml::Providers>>,
    /// OpenID Connect providers; `None` where none is configured.
    pub oidc: Option<Arc<oidc::Providers>>,
    /// Registers that know which accounts belong to a CPR number.
    pub people: Lookups,
    /// The service that knows whose parent somebody is; `None` where none is configured.
    pub family: Option<Family>,
    /// How much they are asked for one person.
    pub outside: Outside,
    /// Who did what.
    pub audit: audit::Log,
    /// The end of its chain, as this instance has last seen it.
    pub sealed: audit::sealer::Memory,
    /// The same, as programs outside read it.
    pub feed: audit::feed::Feed,
    /// Who of them may.
    pub tokens: Tokens,
    /// How often they do.
    pub api_rates: Rates,
    /// Where it is sent.
    pub push: Vec<Arc<push::Target>>,
    /// How far it was.
    pub cursors: Cursors,
    /// The last answer to "can the service do its work?".
    pub readiness: Readiness,
    /// How many codes each network has typed of late.
    pub code_probes: Probes,
    /// Which waits were told of in the log.
    pub waits: Waits,
}

/// Why the service can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Trust in the controllers can't be set up.
    #[error(transparent)]
    Tls(#[from] TlsSetupError),
    /// The store can't be opened.
    #[error("the store can't be opened: {0}")]
    Store(#[from] StoreError),
    /// The identity providers can't be prepared.
    #[error(transparent)]
    Saml(#[from] SamlError),
    /// The same, of those that speak OpenID Connect.
    #[error(transparent)]
    Oidc(#[from] OidcError),
    /// The registers can't be prepared.
    #[error("[people] or [parents]: {0}")]
    People(#[from] people::SetupError),
    /// What the log is sent to can't be prepared.
    #[error(transparent)]
    Push(#[from] push::SetupError),
}

impl App {
    /// The municipality's own rules of passwords, as they are now.
    pub fn policy(&self) -> Arc<config::Policy> {
        self.policy.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes over new ones.
    pub fn renew_policy(&self, policy: config::Policy) {
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
    }

    /// Opens the store and prepares the directory. No controller has to be up for that.
    pub async fn start(config: Config, clock: Arc<dyn Clock>) -> Result<Arc<Self>, StartError> {
        let keys = store::Keys::new(config.server.secret.bytes());
        let instance = Uuid::from_bytes(keys.random().map_err(|_| StoreError::NoRandomness)?);
        let directory = Directory::new(&config.directory)?;
        let saml = saml::Providers::start(&config.saml, &config.server.public_url, clock.now())?.map(Arc::new);
        let oidc = oidc::Providers::start(&config.oidc, &config.server.public_url)?.map(Arc::new);
        let people = Lookups::new(&config.people)?;
        let family = config.parents.as_ref().map(Family::new).transpose()?;
        let hostname = config.server.public_url.split_once("://").map_or("", |(_, host)| host);
        let targets = config.audit.push.iter().map(|push| push::Target::new(push, hostname).map(Arc::new));
        let push = targets.collect::<Result<Vec<_>, _>>()?;
        let domain = dns_name(&config.directory.base_dn);
        let known = config.audit.signer.as_ref().map(|signer| signer.known().clone()).unwrap_or_default();
        let store = Store::open(secrecy::ExposeSecret::expose_secret(&config.store.url)).await?;
        let vault = Vault::new(config.audit.cpr_keys.iter().map(Secret::bytes));
        let audit = audit::Log::new(&store, &keys).with(vault, &domain).knowing(&known);
        Ok(Arc::new(Self {
            sessions: Sessions::new(&store, &keys, &config.session, clock.clone()),
            throttles: Throttles::new(&store),
            leases: Leases::new(&store),
            used: Used::new(&store),
            codes: Codes::new(&store, &keys),
            code_hasher: Hasher::default(),
            staff: Staff::new(&store, &keys),
            hasher: Hasher::default(),
            hasher_for_known: Hasher::default(),
            decoy_hasher: Hasher::default(),
            saml,
            oidc,
            people,
            family,
            outside: Outside::default(),
            sealed: audit::sealer::Memory::default(),
            feed: audit::feed::Feed::new(&store).judged_by(&audit),
            audit,
            tokens: Tokens::new(&store),
            api_rates: Rates::default(),
            cursors: Cursors::new(&store, &keys),
            push,
            readiness: Readiness::default(),
            code_probes: Probes::default(),
            waits: Waits::default(),
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
