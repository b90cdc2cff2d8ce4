//! Limits on the duration and size of requests, and on concurrent requests. They cover health checks and static files too, so that an
//! overload shows in monitoring.
//!
//! Invariants:
//! - A request takes a place in the concurrency limit only after it has arrived whole, so that a slow sender holds none.
//! - One address has at most half of the places.
//! - The queue is bounded, in total and by address.
//! - Work that outlives its request keeps the request's place.

pub(crate) mod arrival;
mod begins;

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use metrics::counter;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

use crate::http::middleware::limits::begins::Begins;

use crate::http::{
    middleware::client::{Client, network},
    page::failure::PageError,
};
use crate::{app::App, clock::Clock, flow::run_to_completion::RequestSlot};

/// Longest wait for a place. After it the request is answered with 503.
const WAIT: Duration = Duration::from_secs(10);
/// Requests present at once (arriving, waiting or running), as a multiple of the places.
const HERE: usize = 8;
/// Same for one address. With the default of 256 places that is 768, enough for a school whose pupils all start at once.
const HERE_EACH: usize = 3;

/// Shared state of the limits.
#[derive(Debug, Clone)]
pub(crate) struct RequestLimits(Arc<SharedLimits>);

#[derive(Debug)]
struct SharedLimits {
    places: Arc<Semaphore>,
    most_places: usize,
    longest: Duration,
    /// Longest wait for a place; [`WAIT`] outside tests.
    wait: Duration,
    large: Semaphore,
    begins: Begins,
    clock: Arc<dyn Clock>,
    here: Mutex<Here>,
}

/// Requests between their first and last byte, with the work that outlives them.
#[derive(Debug, Default)]
struct Here {
    all: usize,
    by_address: HashMap<IpAddr, Address>,
}

#[derive(Debug)]
struct Address {
    here: usize,
    places: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

/// When the request times out. Content that is kept nowhere, such as new passwords, must be sent before that.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends(pub Instant);

impl RequestLimits {
    pub(crate) fn new(app: &App) -> Self {
        let config = &app.config.server;
        let most_places = config.max_concurrent_requests;
        Self(Arc::new(SharedLimits {
            places: Arc::new(Semaphore::new(most_places)),
            most_places,
            longest: Duration::from_secs(config.request_timeout_seconds),
            wait: WAIT,
            large: Semaphore::new(crate::http::middleware::limits::arrival::LARGE_AT_ONCE),
            begins: Begins::default(),
            clock: app.clock.clone(),
            here: Mutex::default(),
        }))
    }

    fn here(&self) -> MutexGuard<'_, Here> {
        self.0.here.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a request; `None` where a limit is reached.
    fn admit(&self, address: IpAddr) -> Option<Admitted> {
        let most = self.0.most_places;
        let mut here = self.here();
        let new = || Address {
            here: 0,
            places: Arc::new(Semaphore::new(most.div_ceil(2))),
            large: Arc::new(Semaphore::new(crate::http::middleware::limits::arrival::LARGE_EACH)),
        };
        if here.all >= most * HERE {
            return None;
        }
        let of_address = here.by_address.entry(address).or_insert_with(new);
        if of_address.here >= most * HERE_EACH {
            return None;
        }
        of_address.here += 1;
        let (places, large) = (of_address.places.clone(), of_address.large.clone());
        here.all += 1;
        Some(Admitted { limits: self.clone(), address, places, large })
    }
}

/// A registered request. Dropping it ends the registration.
#[derive(Debug)]
struct Admitted {
    limits: RequestLimits,
    address: IpAddr,
    /// Places of its address.
    places: Arc<Semaphore>,
    /// Large messages of its address that may arrive at once.
    large: Arc<Semaphore>,
}

impl Admitted {
    /// Waits for a place of the address, then for one of all.
    async fn place(self) -> Option<RequestSlot> {
        let ends = Instant::now() + self.limits.0.wait;
        let own: OwnedSemaphorePermit = timeout_at(ends, self.places.clone().acquire_owned()).await.ok()?.ok()?;
        let of_all: OwnedSemaphorePermit = timeout_at(ends, self.limits.0.places.clone().acquire_owned()).await.ok()?.ok()?;
        Some(RequestSlot::held_by((own, of_all, self)))
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut here = self.limits.here();
        here.all -= 1;
        if let Some(of_address) = here.by_address.get_mut(&self.address) {
            of_address.here -= 1;
            if of_address.here == 0 {
                here.by_address.remove(&self.address);
            }
        }
    }
}

fn busy(stage: &'static str) -> Response {
    counter!("os2nykode_requests_refused_total", "stage" => stage).increment(1);
    StatusCode::SERVICE_UNAVAILABLE.into_response()
}

/// Enforces the limits: a request beyond them is answered with 503. A panic becomes an error page of its request only.
pub(crate) async fn limit(State(limits): State<RequestLimits>, request: Request, next: Next) -> Response {
    let address = request.extensions().get::<Client>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |client| network(client.0));
    if let Err(stage) = limits.0.begins.allow(address, request.method(), request.uri(), limits.0.clock.now()) {
        return busy(stage);
    }
    let Some(admitted) = limits.admit(address) else { return busy("arriving") };
    let mut request = match crate::http::middleware::limits::arrival::arrived(request, [&admitted.large, &limits.0.large]).await {
        Ok(request) => request,
        Err(StatusCode::SERVICE_UNAVAILABLE) => return busy("large"),
        Err(status) => return status.into_response(),
    };
    let Some(place) = admitted.place().await else { return busy("waiting") };
    let ends = Instant::now() + limits.0.longest;
    request.extensions_mut().insert(Ends(ends));
    let work = futures_util::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(place.hold(next.run(request))));
    match timeout_at(ends, work).await {
        Ok(Ok(response)) => response,
        Ok(Err(_panic)) => PageError::new("a handler panicked").into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use crate::http::middleware::limits::*;

    fn limits(places: usize) -> RequestLimits {
        RequestLimits(Arc::new(SharedLimits {
            places: Arc::new(Semaphore::new(places)),
            most_places: places,
            longest: Duration::from_secs(30),
            wait: Duration::from_millis(200),
            large: Semaphore::new(1),
            begins: Begins::default(),
            clock: Arc::new(crate::clock::SystemClock),
            here: Mutex::default(),
        }))
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[tokio::test]
    async fn one_address_never_takes_all_places_and_what_waits_is_bounded() {
        let limits = limits(4);
        let mut held = Vec::new();
        for _ in 0..2 {
            held.push(limits.admit(address(1)).expect("here").place().await.expect("a place"));
        }
        let waiting: Vec<_> = (0..10).map(|_| limits.admit(address(1)).expect("waits")).collect();
        assert!(limits.admit(address(1)).is_none(), "twelve of one address at most");
        let other = limits.admit(address(2)).expect("here").place().await;
        assert!(other.is_some(), "another address has places");
        let mut waiting = waiting.into_iter();
        assert!(waiting.next().expect("one").place().await.is_none(), "in time it is told to try again");
        held.pop();
        assert!(waiting.next().expect("one").place().await.is_some(), "a place that is given back goes to who waits");
        drop((held, waiting, other));
        assert!(limits.here().by_address.is_empty() && limits.here().all == 0, "nothing is left behind");
        assert_eq!(limits.0.places.available_permits(), 4);
    }

    #[test]
    fn all_addresses_together_are_bounded() {
        let limits = limits(1);
        let here: Vec<_> = (0..8).map(|last| limits.admit(address(last)).expect("here")).collect();
        assert!(limits.admit(address(9)).is_none());
        drop(here);
        assert!(limits.admit(address(9)).is_some());
    }
}
