//! A service whose requests cost CPU time and memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use rand::RngExt;
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::{Held, random_at, spin};
use crate::web::{Error, Link, encode_registry, exposition, landing};

/// What a request costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Cost {
    /// CPU time, on average.
    pub cpu_time: Duration,
    /// How far a single request strays from that at most, as a ratio (0–1) of it.
    pub cpu_spread: f64,
    /// Memory taken, in bytes.
    pub memory_bytes: usize,
    /// How long the memory is kept after the answer.
    pub memory_hold: Duration,
    /// Requests worked on at once; each keeps one core busy.
    pub concurrency: usize,
    /// Requests that may wait for their turn. Further ones get 503.
    pub queue: usize,
    /// Decides what is left to chance.
    pub seed: u64,
}

/// The service: its costs, its places, its metrics.
///
/// * `POST /predict` -- a number out of thin air, at [`Cost`]
/// * `GET /health` -- 200
/// * `GET /metrics` -- `workload_*`
pub struct Service {
    cost: Cost,
    /// One permit for each request worked on.
    places: Arc<Semaphore>,
    /// Numbers the requests: with the seed it decides what each costs.
    next: AtomicU64,
    requests: Family<[(&'static str, &'static str); 1], Counter>,
    latency: Histogram,
    in_flight: Gauge,
    registry: Registry,
}

#[derive(Serialize)]
struct Prediction {
    /// Between 0 and 1.
    prediction: f64,
    /// The CPU time that it took.
    cpu_seconds: f64,
}

impl Service {
    /// A service at rest.
    pub fn new(cost: Cost) -> Self {
        let mut service = Self {
            places: Arc::new(Semaphore::new(cost.concurrency)),
            next: AtomicU64::new(0),
            requests: Family::default(),
            latency: Histogram::new(exponential_buckets(0.005, 2.0, 12)),
            in_flight: Gauge::default(),
            registry: Registry::with_prefix("workload"),
            cost,
        };
        let registry = &mut service.registry;
        registry.register("requests", "Predictions by status code", service.requests.clone());
        let help = "Time from a prediction's request to its answer";
        registry.register("request_duration_seconds", help, service.latency.clone());
        let help = "Predictions waiting or being worked on";
        registry.register("requests_in_flight", help, service.in_flight.clone());
        service
    }

    /// Its routes.
    pub fn router(self) -> Router {
        let links = [
            Link::new("/health", "whether it lives"),
            Link::new("/metrics", "what it has done, for Prometheus"),
        ];
        let sentence = "Something to scale: POST /predict costs CPU time and memory";
        let front = async move || landing("loadline workload", sentence, &links);
        Router::new()
            .route("/", get(front))
            .route("/predict", post(predict))
            .route("/health", get(async || "ok\n"))
            .route("/metrics", get(metrics))
            .with_state(Arc::new(self))
    }
}

async fn metrics(State(service): State<Arc<Service>>, headers: HeaderMap) -> Response {
    exposition(&headers, |format, out| {
        let broken = || Error::internal("cannot encode the metrics");
        let text = encode_registry(&service.registry, format).map_err(|_| broken())?;
        out.write_all(text.as_bytes()).map_err(|_| broken())
    })
}

async fn predict(State(service): State<Arc<Service>>) -> Result<Json<Prediction>, Error> {
    let mut visit = Visit::enter(&service);
    let limit = service.cost.concurrency + service.cost.queue;
    if service.in_flight.get() > limit as i64 {
        visit.code = "503";
        return Err(Error::unavailable(format!("{limit} requests are waiting already")));
    }
    let answer = work(&service).await;
    visit.code = if answer.is_ok() { "200" } else { "500" };
    answer.map(Json)
}

async fn work(service: &Arc<Service>) -> Result<Prediction, Error> {
    let fail = |_| Error::internal("the work broke off");
    let place = Arc::clone(&service.places).acquire_owned().await.map_err(|_| fail(()))?;
    let cost = &service.cost;
    let mut random = random_at(cost.seed, service.next.fetch_add(1, Ordering::Relaxed));
    let stray = cost.cpu_spread * random.random_range(-1.0..=1.0);
    let cpu_time = cost.cpu_time.mul_f64(1.0 + stray);
    let bytes = cost.memory_bytes;
    let held = tokio::task::spawn_blocking(move || {
        // Given back here, not with the request: a client that has gone does not stop the work.
        let _place = place;
        let held = Held::new(bytes);
        spin(cpu_time);
        held
    });
    let held = held.await.map_err(|_| fail(()))?;
    let hold = cost.memory_hold;
    tokio::spawn(async move {
        tokio::time::sleep(hold).await;
        drop(held);
    });
    Ok(Prediction { prediction: random.random(), cpu_seconds: cpu_time.as_secs_f64() })
}

/// One request, counted when it ends, also where it ends because its client has gone.
struct Visit<'a> {
    service: &'a Service,
    start: Instant,
    code: &'static str,
}

impl<'a> Visit<'a> {
    fn enter(service: &'a Service) -> Self {
        service.in_flight.inc();
        // 499, as nginx calls a request whose client did not wait.
        Self { service, start: Instant::now(), code: "499" }
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        self.service.in_flight.dec();
        self.service.requests.get_or_create(&[("code", self.code)]).inc();
        self.service.latency.observe(self.start.elapsed().as_secs_f64());
    }
}
