//! `loadline exporter`: per-container metrics of this host.
//!
//! * `GET /metrics` -- the metrics, at the path of `--web.telemetry-path`; `?collect[]=NAME` asks for
//!   some sets, `?exclude[]=NAME` for all but some
//!   `?target=host` or `?target=PATH` for a part of the host
//! * `GET /sd` -- targets for `http_sd_configs`: the host and each container
//! * `GET /healthz`, `/-/healthy` -- 200
//! * `GET /-/ready` -- 200 once the host was read
//! * `GET /` -- links to the above

use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{OriginalUri, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use clap::Args;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tracing::{debug, info};

use super::collectors::{self, Collectors};
use super::discovery::{self, Discovery, TargetFile};
use super::paths::Paths;
use super::shown::Shown;
use super::web::{Listen, Scrapes, TelemetryPath};
use super::{CommandResult, block_on};
use crate::exporter::{Collector, Options, Scope, Scrape, TARGET_PARAMETER};
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
    #[command(flatten)]
    discovery: Discovery,
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
        let targets = self.discovery.into_file(self.telemetry_path.as_str());
        let mut host = Host { collector: Collector::new(options)?, targets };
        host.collector.collect(now());
        if let Some(file) = &mut host.targets {
            file.write(&host.collector)?;
        }
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
    targets: Option<TargetFile>,
}

fn router(host: Host, ready: Ready, telemetry_path: &TelemetryPath, scrapes: &Scrapes) -> Router {
    let links = [
        Link::new(telemetry_path.as_str(), "metrics, for Prometheus"),
        Link::new("/sd", "targets, one a container, for http_sd_configs"),
        Link::new("/-/healthy", "whether this answers at all"),
        Link::new("/-/ready", "whether the host was read"),
    ];
    let sentence = "CPU, memory, pressure and I/O of every container and service of this host";
    let front = async move || landing("loadline exporter", sentence, &links);
    let offset = scrapes.timeout_offset;
    let scrape = async move |State(host): State<Arc<Mutex<Host>>>,
                             Query(parameters): Query<Vec<(String, String)>>,
                             headers: HeaderMap| {
        let limit = scrape_timeout(&headers, offset);
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        match asked(&parameters, deadline) {
            Ok(asked) => scrape(host, headers, asked).await,
            Err(message) => Error::bad_request(message).into_response(),
        }
    };
    let metrics_path = telemetry_path.as_str().to_owned();
    let targets = async move |State(host): State<Arc<Mutex<Host>>>,
                              uri: OriginalUri,
                              query: Query<HashMap<String, String>>,
                              headers: HeaderMap| {
        let mut host = host.lock_owned().await;
        host.discover();
        discovery::answer(&host.collector, &metrics_path, &uri, &query, &headers)
    };
    let metrics =
        Router::new().route(telemetry_path.as_str(), get(scrape)).route("/sd", get(targets));
    max_requests(metrics, scrapes.max_requests)
        .with_state(Arc::new(Mutex::new(host)))
        .route("/", get(front))
        .route("/healthz", get(async || "ok"))
        .merge(health(ready))
}

/// What the parameters of a scrape ask for.
///
/// # Errors
/// Names the parameter that makes no sense.
fn asked(parameters: &[(String, String)], deadline: Option<Instant>) -> Result<Scrape, String> {
    let sets = collectors::asked(parameters)?;
    let target = parameters.iter().find(|(name, _)| name == TARGET_PARAMETER);
    let scope = target.map_or(Ok(Scope::Everything), |(_, value)| value.parse())?;
    Ok(Scrape { sets, deadline, scope })
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
    fn discover(&mut self) {
        self.collector.discover();
        self.tell_targets();
    }

    /// Brings the file of targets up to date, where there is one.
    fn tell_targets(&mut self) {
        if let Some(file) = &mut self.targets {
            file.refresh(&self.collector);
        }
    }

    fn read(&mut self, scrape: &Scrape, format: Format, out: &mut dyn Write) -> Result<(), Error> {
        if self.collector.collect_for(now(), scrape).entries().next().is_none()
            && let Scope::Below(path) = &scrape.scope
        {
            let message = format!("no cgroup is shown at {path}: see /sd for what there is");
            return Err(Error::new(StatusCode::NOT_FOUND, message));
        }
        self.tell_targets();
        for problem in self.collector.problems() {
            debug!(%problem, "cannot read");
        }
        let broken = |error| Error::internal(format!("cannot write the metrics: {error}"));
        self.collector.render(format, out).map_err(broken)
    }
}
