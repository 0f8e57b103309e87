//! `loadline exporter`: per-container metrics of this host.
//!
//! * `GET /metrics` -- the metrics, at the path of `--web.telemetry-path`; `?collect[]=NAME` asks for
//!   some sets, `?exclude[]=NAME` for all but some
//! * `GET /healthz`, `/-/healthy` -- 200
//! * `GET /-/ready` -- 200 once the host was read
//! * `GET /` -- links to the above

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use clap::Args;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tracing::{debug, info};

use super::collectors::{self, Collectors};
use super::paths::Paths;
use super::shown::Shown;
use super::web::{Listen, Scrapes, TelemetryPath};
use super::{CommandResult, block_on};
use crate::exporter::{Collector, Options, Scrape};
use crate::scaler::now;
use crate::units::duration;
use crate::web::{
    Error, Format, Link, Ready, exposition, health, landing, max_requests, scrape_timeout,
};

/// The command line.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    listen: Listen<10101>,
    /// Path of the metrics
    #[arg(long = "web.telemetry-path", value_name = "PATH", default_value = "/metrics")]
    telemetry_path: TelemetryPath,
    #[command(flatten)]
    scrapes: Scrapes,
    #[command(flatten)]
    paths: Paths,
    #[command(flatten)]
    shown: Shown,
    #[command(flatten)]
    collectors: Collectors,
    /// How often the writable layers of containers are walked in the background to find their size, for
    /// the set `disk`; 0 is never
    #[arg(long = "disk.walk-interval", value_name = "DURATION", default_value = "0", value_parser = duration::parse)]
    disk_walk_interval: Duration,
}

impl Arguments {
    /// Runs it until it is asked to end.
    pub fn run(self) -> CommandResult {
        let sets = self.collectors.sets(self.shown.default_sets());
        let options = Options {
            sets,
            disk_walk_interval: self.disk_walk_interval,
            ..self.shown.into_options(self.paths.into_options())
        };
        let mut host = Host { collector: Collector::new(options)? };
        host.collector.collect(now());
        for missing in host.collector.missing_details() {
            info!(missing, "some metrics are missing");
        }
        let ready = Ready::waiting_for("the host to be read");
        ready.set();
        let router = router(host, ready, &self.telemetry_path, &self.scrapes);
        block_on(2, self.listen.serve(router))
    }
}

/// The host, as one scrape at a time sees it.
struct Host {
    collector: Collector,
}

fn router(host: Host, ready: Ready, telemetry_path: &TelemetryPath, scrapes: &Scrapes) -> Router {
    let links = [
        Link::new(telemetry_path.as_str(), "metrics, for Prometheus"),
        Link::new("/-/healthy", "whether this answers at all"),
        Link::new("/-/ready", "whether the host was read"),
    ];
    let sentence = "CPU, memory, pressure and I/O of every container and service of this host";
    let front = async move || landing("loadline exporter", sentence, &links);
    let offset = scrapes.timeout_offset;
    let scrape = async move |State(host): State<Arc<Mutex<Host>>>,
                             Query(parameters): Query<Vec<(String, String)>>,
                             headers: HeaderMap| {
        let sets = match collectors::asked(&parameters) {
            Ok(sets) => sets,
            Err(message) => return Error::bad_request(message).into_response(),
        };
        let limit = scrape_timeout(&headers, offset);
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        scrape(host, headers, Scrape { sets, deadline }).await
    };
    let metrics = Router::new().route(telemetry_path.as_str(), get(scrape));
    max_requests(metrics, scrapes.max_requests)
        .with_state(Arc::new(Mutex::new(host)))
        .route("/", get(front))
        .route("/healthz", get(async || "ok"))
        .merge(health(ready))
}

/// Where the deadline passes before the scrape can begin, nobody waits for it any more.
async fn scrape(host: Arc<Mutex<Host>>, headers: HeaderMap, scrape: Scrape) -> Response {
    // Waiting here costs no thread, and ends with the request.
    let limit = scrape.deadline.map(|at| at.saturating_duration_since(Instant::now()));
    let host = match timeout(limit.unwrap_or(Duration::MAX), host.lock_owned()).await {
        Ok(host) => host,
        Err(_) => {
            let message = "another scrape took all the time that this one had";
            return Error::unavailable(message).into_response();
        }
    };
    let answer = spawn_blocking(move || {
        let mut host = host;
        exposition(&headers, |format, out| host.read(&scrape, format, out))
    });
    answer.await.unwrap_or_else(|_| Error::internal("the scrape broke off").into_response())
}

impl Host {
    fn read(&mut self, scrape: &Scrape, format: Format, out: &mut dyn Write) -> Result<(), Error> {
        self.collector.collect_for(now(), scrape);
        for problem in self.collector.problems() {
            debug!(%problem, "cannot read");
        }
        let broken = |error| Error::internal(format!("cannot write the metrics: {error}"));
        self.collector.render(format, out).map_err(broken)
    }
}
