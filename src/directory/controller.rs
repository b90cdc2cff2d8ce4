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
use tracing::warn;

use super::{Connection, Endpoint, Fault, Pinned, RootDse, ServiceAccount, root_dse::Remembered};
use crate::{config, telemetry::Seldom};

/// AD ends a connection that is idle for 900 s (MaxConnIdleTime); ours end well before.
const LONGEST_IDLE: Duration = Duration::from_mins(5);
/// No connection gets older, so that a renewed certificate or a changed service account is noticed.
const LONGEST_LIFE: Duration = Duration::from_mins(30);

/// One controller.
#[derive(Debug)]
pub struct Controller {
    endpoint: Arc<Endpoint>,
    account: Arc<ServiceAccount>,
    pool: Pool<Connections>,
    root_dse: Remembered,
    down_until: Mutex<Option<Instant>>,
    retry_after: Duration,
    said_no_hints: AtomicBool,
    passed_over: Seldom,
}

/// A connection of the service account, on loan from the pool.
pub(crate) type Loan = managed::Object<Connections>;

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
        let pool = Pool::builder(Connections { endpoint: endpoint.clone(), account: account.clone() })
            .max_size(config.pool_size)
            .runtime(deadpool::Runtime::Tokio1)
            .timeouts(Timeouts { wait: Some(config.timeout), create: None, recycle: None })
            .build()
            .expect("a runtime is given, which is all that the time-out of the pool needs");
        Self {
            endpoint,
            account,
            pool,
            root_dse: Remembered::default(),
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

    pub(super) fn mark_down(&self, fault: &Fault) {
        if let Some(times) = self.passed_over.due() {
            warn!(controller = self.name(), error = %fault, times, "controller passed over for now");
        }
        gauge!("ldap_controller_up", "controller" => self.name().to_owned()).set(0.0);
        *self.down_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + self.retry_after);
    }

    fn mark_up(&self) {
        let was_down = self.down_until.lock().unwrap_or_else(PoisonError::into_inner).take().is_some();
        if was_down {
            tracing::info!(controller = self.name(), "controller answers again");
        }
        gauge!("ldap_controller_up", "controller" => self.name().to_owned()).set(1.0);
    }

    /// A pooled connection, or a new one.
    pub(super) async fn connect(self: &Arc<Self>) -> Result<Pinned, Fault> {
        let loan = self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(fault) => fault,
            PoolError::Timeout(_) | PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => Fault::Busy,
        })?;
        Ok(Pinned::new(self.clone(), loan))
    }

    /// Runs a read. A pooled connection that turns out to have died meanwhile is no fault of the controller: the read is done once more on a new one.
    pub(super) async fn attempt<T, F>(self: &Arc<Self>, work: &impl Fn(Pinned) -> F) -> Result<(T, Pinned), Fault>
    where
        F: Future<Output = (Result<T, Fault>, Pinned)>,
    {
        let (mut outcome, mut pinned) = work(self.connect().await?).await;
        if let Err(Fault::ConnectionLost(_)) = outcome
            && pinned.was_pooled()
        {
            drop(pinned);
            self.pool.retain(|_, _| false);
            (outcome, pinned) = work(self.connect().await?).await;
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
