//! A domain controller: its pool of service connections, its slots, and its state up or down.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use deadpool::managed::{self, Metrics, Pool, PoolError, RecycleError, RecycleResult, Timeouts};
use metrics::gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::warn;

use crate::directory::{
    Connection, ControllerEndpoint, ControllerSession, DirectoryError, RootDse, ServiceAccount, password::bad_pwd_count,
    session::root_dse::CachedRootDse,
};
use crate::{config, telemetry::Seldom};

/// Longest idle time of a pooled connection. AD closes one after 900 s (MaxConnIdleTime).
const LONGEST_IDLE: Duration = Duration::from_mins(2);
/// Longest life of a pooled connection. It bounds the time in which a refusal of new connections, a renewed certificate or a changed
/// service account stays unnoticed.
const LONGEST_LIFE: Duration = Duration::from_mins(5);
/// Longest wait for a slot. After it the request fails with [`DirectoryError::Busy`].
const LONGEST_WAIT: Duration = Duration::from_secs(15);

#[derive(Debug)]
pub struct Controller {
    endpoint: Arc<ControllerEndpoint>,
    account: Arc<ServiceAccount>,
    pool: Pool<ConnectionManager>,
    places: Arc<Semaphore>,
    root_dse: CachedRootDse,
    pub(crate) counts: bad_pwd_count::CountReadability,
    down_until: Mutex<Option<Instant>>,
    retry_after: Duration,
    said_no_hints: AtomicBool,
    passed_over: Seldom,
}

/// A connection of the service account, borrowed from the pool.
pub(crate) type Loan = managed::Object<ConnectionManager>;
/// A slot: the right to run one operation on a controller. Waiting for it never marks the controller as down.
pub(crate) type ControllerSlot = Arc<OwnedSemaphorePermit>;

/// Pool manager: opens connections of the service account, and drops old and broken ones.
#[derive(Debug)]
pub(crate) struct ConnectionManager {
    endpoint: Arc<ControllerEndpoint>,
    account: Arc<ServiceAccount>,
}

impl managed::Manager for ConnectionManager {
    type Type = Connection;
    type Error = DirectoryError;

    async fn create(&self) -> Result<Connection, DirectoryError> {
        Connection::open_as_service(&self.endpoint, &self.account).await
    }

    async fn recycle(&self, connection: &mut Connection, metrics: &Metrics) -> RecycleResult<DirectoryError> {
        let fresh = metrics.age() < LONGEST_LIFE && metrics.last_used() < LONGEST_IDLE;
        if fresh && connection.is_usable() { Ok(()) } else { Err(RecycleError::message("old or broken")) }
    }
}

impl Controller {
    pub(crate) fn new(endpoint: ControllerEndpoint, config: &config::DirectoryConfig, account: Arc<ServiceAccount>) -> Self {
        let endpoint = Arc::new(endpoint);
        // Operations wait for slots, never for connections. An operation with a slot may need a second connection in place of a lost one,
        // so the pool is twice as large.
        let pool = Pool::builder(ConnectionManager { endpoint: endpoint.clone(), account: account.clone() })
            .max_size(config.pool_size * 2)
            .runtime(deadpool::Runtime::Tokio1)
            .timeouts(Timeouts { wait: Some(config.timeout), create: None, recycle: None })
            .build()
            .expect("the timeout of the pool needs a runtime, which is given");
        Self {
            endpoint,
            account,
            pool,
            places: Arc::new(Semaphore::new(config.pool_size)),
            root_dse: CachedRootDse::default(),
            counts: bad_pwd_count::CountReadability::default(),
            down_until: Mutex::default(),
            retry_after: Duration::from_secs(config.retry_after_seconds),
            said_no_hints: AtomicBool::new(false),
            passed_over: Seldom::default(),
        }
    }

    /// The configured name, which is also the name on its certificate.
    pub fn name(&self) -> &str {
        &self.endpoint.name
    }

    pub fn endpoint(&self) -> &ControllerEndpoint {
        &self.endpoint
    }

    pub(crate) fn account(&self) -> &ServiceAccount {
        &self.account
    }

    pub fn is_up(&self) -> bool {
        let down_until = *self.down_until.lock().unwrap_or_else(PoisonError::into_inner);
        down_until.is_none_or(|until| Instant::now() >= until)
    }

    /// Marks the controller as down: until its retry time it is asked after the others.
    pub(crate) fn mark_down(&self, fault: &DirectoryError) {
        if let Some(times) = self.passed_over.due() {
            warn!(controller = self.name(), error = %fault, times, "controller marked as down");
        }
        gauge!("os2nykode_ldap_controller_up", "controller" => self.name().to_owned()).set(0.0);
        *self.down_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + self.retry_after);
        // Open connections may be all that still works there. Only a new connection proves that it is up.
        self.pool.retain(|_, _| false);
    }

    fn mark_up(&self) {
        let was_down = self.down_until.lock().unwrap_or_else(PoisonError::into_inner).take().is_some();
        if was_down {
            tracing::info!(controller = self.name(), "controller up again");
        }
        gauge!("os2nykode_ldap_controller_up", "controller" => self.name().to_owned()).set(1.0);
    }

    /// Waits for a slot. A timeout means overload here, not a fault of the controller.
    pub(crate) async fn place(&self) -> Result<ControllerSlot, DirectoryError> {
        match tokio::time::timeout(LONGEST_WAIT, self.places.clone().acquire_owned()).await {
            Ok(Ok(permit)) => Ok(Arc::new(permit)),
            Ok(Err(_)) | Err(_) => Err(DirectoryError::Busy),
        }
    }

    /// A slot, if one is free now.
    pub(crate) fn free_place(&self) -> Option<ControllerSlot> {
        self.places.clone().try_acquire_owned().ok().map(Arc::new)
    }

    /// A session on a pooled or new connection. A read-only controller is an error, because it can't write passwords.
    pub(crate) async fn connect(self: &Arc<Self>, place: ControllerSlot) -> Result<ControllerSession, DirectoryError> {
        let loan = self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(fault) => fault,
            PoolError::Timeout(_) | PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
                DirectoryError::Busy
            }
        })?;
        let mut pinned = ControllerSession::new(self.clone(), loan, place);
        let read_only = self.root_dse(pinned.connection()).await?.is_read_only();
        if read_only { Err(DirectoryError::ReadOnlyController) } else { Ok(pinned) }
    }

    /// Runs a read. If a pooled connection turns out to be dead, the read is repeated once on a new one, and the controller stays up.
    pub(crate) async fn attempt<T, F>(
        self: &Arc<Self>,
        place: ControllerSlot,
        work: &impl Fn(ControllerSession) -> F,
    ) -> Result<(T, ControllerSession), DirectoryError>
    where
        F: Future<Output = (Result<T, DirectoryError>, ControllerSession)>,
    {
        let (mut outcome, mut pinned) = work(self.connect(place.clone()).await?).await;
        if let Err(DirectoryError::ConnectionLost(_)) = outcome
            && pinned.was_pooled()
        {
            drop(pinned);
            self.pool.retain(|_, _| false);
            (outcome, pinned) = work(self.connect(place).await?).await;
        }
        let value = outcome?;
        self.mark_up();
        Ok((value, pinned))
    }

    /// The rootDSE with the invocationId, cached for [`crate::directory::session::root_dse`]'s period.
    pub(crate) async fn root_dse(&self, connection: &mut Connection) -> Result<Arc<RootDse>, DirectoryError> {
        if let Some(root) = self.root_dse.fresh(Instant::now()) {
            return Ok(root);
        }
        let mut root = connection.root_dse().await?;
        root.invocation_id = connection.invocation_id(&root.settings_dn).await?;
        let root = Arc::new(root);
        self.root_dse.keep(Instant::now(), root.clone());
        Ok(root)
    }

    pub(crate) fn root_dse_if_known(&self) -> Option<Arc<RootDse>> {
        self.root_dse.any()
    }

    /// `true` at the first call only, so that the warning is logged once.
    pub(crate) fn first_word_about_hints(&self) -> bool {
        !self.said_no_hints.swap(true, Ordering::Relaxed)
    }
}
