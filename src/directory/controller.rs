//! One domain controller: its pool of service connections, and whether it is passed over for now.

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

use super::{Connection, Endpoint, Fault, Pinned, RootDse, ServiceAccount, readable, root_dse::Remembered};
use crate::{config, telemetry::Seldom};

/// AD ends a connection that is idle for 900 s (MaxConnIdleTime); ours end well before.
const LONGEST_IDLE: Duration = Duration::from_mins(2);
/// No connection gets older, so that a controller that takes no new ones, a renewed certificate or a changed service account is noticed.
const LONGEST_LIFE: Duration = Duration::from_mins(5);
/// Longest wait for a place: whoever waits longer is told to come again.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// One controller.
#[derive(Debug)]
pub struct Controller {
    endpoint: Arc<Endpoint>,
    account: Arc<ServiceAccount>,
    pool: Pool<Connections>,
    places: Arc<Semaphore>,
    root_dse: Remembered,
    pub(super) counts: readable::Known,
    down_until: Mutex<Option<Instant>>,
    retry_after: Duration,
    said_no_hints: AtomicBool,
    passed_over: Seldom,
}

/// A connection of the service account, on loan from the pool.
pub(crate) type Loan = managed::Object<Connections>;
/// The right to have one piece of work done by a controller. Waiting for it says nothing of the controller.
pub(crate) type Place = Arc<OwnedSemaphorePermit>;

/// Makes connections of the service account and throws the old and broken ones away.
#[derive(Debug)]
pub(crate) struct Connections {
    endpoint: Arc<Endpoint>,
    account: Arc<ServiceAccount>,
}

impl managed::Manager for Connections {
    type Type = Connection;
    type Error = Fault;

    async fn create(&self) -> Result<Connection, Fault> {
        Connection::open_as_service(&self.endpoint, &self.account).await
    }

    async fn recycle(&self, connection: &mut Connection, metrics: &Metrics) -> RecycleResult<Fault> {
        let fresh = metrics.age() < LONGEST_LIFE && metrics.last_used() < LONGEST_IDLE;
        if fresh && connection.is_usable() { Ok(()) } else { Err(RecycleError::message("old or broken")) }
    }
}

impl Controller {
    pub(super) fn new(endpoint: Endpoint, config: &config::Directory, account: Arc<ServiceAccount>) -> Self {
        let endpoint = Arc::new(endpoint);
        // Places are waited for, connections never: who has a place may need a second connection, in place of one that was lost.
        let pool = Pool::builder(Connections { endpoint: endpoint.clone(), account: account.clone() })
            .max_size(config.pool_size * 2)
            .runtime(deadpool::Runtime::Tokio1)
            .timeouts(Timeouts { wait: Some(config.timeout), create: None, recycle: None })
            .build()
            .expect("a runtime is given, which is all that the time-out of the pool needs");
        Self {
            endpoint,
            account,
            pool,
            places: Arc::new(Semaphore::new(config.pool_size)),
            root_dse: Remembered::default(),
            counts: readable::Known::default(),
            down_until: Mutex::default(),
            retry_after: Duration::from_secs(config.retry_after_seconds),
            said_no_hints: AtomicBool::new(false),
            passed_over: Seldom::default(),
        }
    }

    /// The name in the configuration, which is the one on its certificate.
    pub fn name(&self) -> &str {
        &self.endpoint.name
    }

    /// Where it is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(super) fn account(&self) -> &ServiceAccount {
        &self.account
    }

    pub(super) fn is_up(&self) -> bool {
        let down_until = *self.down_until.lock().unwrap_or_else(PoisonError::into_inner);
        down_until.is_none_or(|until| Instant::now() >= until)
    }

    /// Asks it last until its retry time has come.
    pub(super) fn mark_down(&self, fault: &Fault) {
        if let Some(times) = self.passed_over.due() {
            warn!(controller = self.name(), error = %fault, times, "controller passed over for now");
        }
        gauge!("ldap_controller_up", "controller" => self.name().to_owned()).set(0.0);
        *self.down_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + self.retry_after);
        // What is open may be all that still works there; a new connection shows it.
        self.pool.retain(|_, _| false);
    }

    fn mark_up(&self) {
        let was_down = self.down_until.lock().unwrap_or_else(PoisonError::into_inner).take().is_some();
        if was_down {
            tracing::info!(controller = self.name(), "controller answers again");
        }
        gauge!("ldap_controller_up", "controller" => self.name().to_owned()).set(1.0);
    }

    /// A place, as soon as one is free. It is only too much work where there is none in time, never the controller's fault.
    pub(super) async fn place(&self) -> Result<Place, Fault> {
        match tokio::time::timeout(LONGEST_WAIT, self.places.clone().acquire_owned()).await {
            Ok(Ok(permit)) => Ok(Arc::new(permit)),
            Ok(Err(_)) | Err(_) => Err(Fault::Busy),
        }
    }

    /// A place, if one is free at this moment.
    pub(super) fn free_place(&self) -> Option<Place> {
        self.places.clone().try_acquire_owned().ok().map(Arc::new)
    }

    /// A pooled connection, or a new one. A read-only controller is none for us: a password can't be written there.
    pub(super) async fn connect(self: &Arc<Self>, place: Place) -> Result<Pinned, Fault> {
        let loan = self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(fault) => fault,
            PoolError::Timeout(_) | PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => Fault::Busy,
        })?;
        let mut pinned = Pinned::new(self.clone(), loan, place);
        let read_only = self.root_dse(pinned.connection()).await?.is_read_only();
        if read_only { Err(Fault::ReadOnlyController) } else { Ok(pinned) }
    }

    /// Runs a read. A pooled connection that turns out to have died meanwhile is no fault of the controller: the read is done once more on a new one.
    pub(super) async fn attempt<T, F>(self: &Arc<Self>, place: Place, work: &impl Fn(Pinned) -> F) -> Result<(T, Pinned), Fault>
    where
        F: Future<Output = (Result<T, Fault>, Pinned)>,
    {
        let (mut outcome, mut pinned) = work(self.connect(place.clone()).await?).await;
        if let Err(Fault::ConnectionLost(_)) = outcome
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

    /// What it says of itself, with its invocation id; kept for some minutes.
    pub(super) async fn root_dse(&self, connection: &mut Connection) -> Result<Arc<RootDse>, Fault> {
        if let Some(root) = self.root_dse.fresh(Instant::now()) {
            return Ok(root);
        }
        let mut root = connection.root_dse().await?;
        root.invocation_id = connection.invocation_id(&root.settings_dn).await?;
        let root = Arc::new(root);
        self.root_dse.keep(Instant::now(), root.clone());
        Ok(root)
    }

    pub(super) fn root_dse_if_known(&self) -> Option<Arc<RootDse>> {
        self.root_dse.any()
    }

    /// True the first time only.
    pub(super) fn first_word_about_hints(&self) -> bool {
        !self.said_no_hints.swap(true, Ordering::Relaxed)
    }
}
