//! `loadline up`: exporter and scaler in one process, without a Prometheus: the host's own cgroups are
//! the source, the window is in memory, nothing is ever changed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use clap::Args;
use tokio::time::MissedTickBehavior;

use super::paths::Paths;
use super::web::Listen;
use super::{CommandResult, block_on};
use crate::config::{Detection, Forecast, Guard};
use crate::exporter::{self, Collector};
use crate::identity::Runtime;
use crate::page::{self, Frame};
use crate::scaler::api::{self, Readable};
use crate::scaler::engine::{DimensionSettings, Engine, Quiet, RuleSettings};
use crate::scaler::gauges::{self, LoopMetrics};
use crate::scaler::local::{LocalSource, RULE, Sighting};
use crate::scaler::now;
use crate::target::{Dimension, Mode};
use crate::units::duration;
use crate::web::{self, Ready, health};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    listen: Listen<10102>,
    #[command(flatten)]
    paths: Paths,
    /// How often every container is looked at
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = interval)]
    evaluation_interval: Duration,
    /// How much of the past is kept in memory
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = interval)]
    history: Duration,
}

fn interval(text: &str) -> Result<Duration, String> {
    match duration::parse(text) {
        Ok(parsed) if parsed.is_zero() => Err("expected more than zero".to_owned()),
        other => other,
    }
}

impl Arguments {
    pub fn run(self) -> CommandResult {
        let mut collector = Collector::new(self.paths.into_options())?;
        collector.collect(now());
        let mut notices =
            vec!["Nothing is changed here: sizes are advice. Sizes aim at half used.".to_owned()];
        for missing in collector.missing_details() {
            tracing::warn!("less detail: {missing}");
            notices.push(format!("Less detail: {missing}."));
        }
        let rows = self.history.as_secs_f64() / self.evaluation_interval.as_secs_f64();
        let mut engine =
            Engine::new(Detection::default(), Forecast::default(), (rows.ceil() as usize).max(1));
        engine.set_rules([(RULE.into(), advice())])?;
        let host = Host {
            collector: Arc::new(Mutex::new(collector)),
            engine: Arc::new(RwLock::new(engine)),
            metrics: LoopMetrics::default(),
        };
        block_on(2, serve(self.listen, host, notices, self.evaluation_interval))
    }
}

/// Advice on every dimension, without bounds; a limit may be proposed where there is none.
fn advice() -> RuleSettings {
    // Advice may change its mind: half a minute of calm is enough to speak of a shrink.
    let guard = Guard {
        introduce_limits: true,
        stabilization_down: Duration::from_secs(30),
        ..Guard::default()
    };
    let of =
        |dimension| (dimension, DimensionSettings::new(dimension, None, None, Some(guard.clone())));
    RuleSettings {
        mode: Mode::Observe,
        dimensions: Dimension::LIMITS.into_iter().map(of).collect(),
        workload: None,
        step: RuleSettings::SHORTEST_STEP,
    }
}

/// The host and what is thought of it.
#[derive(Clone)]
struct Host {
    collector: Arc<Mutex<Collector>>,
    engine: Arc<RwLock<Engine>>,
    metrics: LoopMetrics,
}

impl Host {
    fn collector(&self) -> MutexGuard<'_, Collector> {
        self.collector.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at every container and service once, and decides.
    fn tick(&self, source: &mut LocalSource) {
        let at = now();
        let observed = {
            let mut collector = self.collector();
            let snapshot = collector.collect(at);
            let watched = snapshot.entries().filter(is_watched);
            source.observe(at, watched.map(sighting))
        };
        let mut engine = self.engine.write().unwrap_or_else(PoisonError::into_inner);
        for decision in engine.tick(RULE, at, observed, &Quiet) {
            self.metrics.decided(decision.dimension, decision.action);
        }
    }
}

fn is_watched(entry: &exporter::Entry<'_>) -> bool {
    let runtime = entry.identity.runtime;
    runtime.is_container() || (runtime == Runtime::Systemd && entry.path.ends_with(".service"))
}

fn sighting<'a>(entry: exporter::Entry<'a>) -> Sighting<'a> {
    let last = entry.path.rsplit('/').next().unwrap_or(entry.path);
    // Docker's full ids are for machines; twelve digits are what its own tools show.
    let short = if last.len() == 64 { &last[..12] } else { last };
    Sighting {
        path: entry.path,
        inode: entry.inode,
        name: entry.identity.name.as_deref().unwrap_or(short),
        reading: entry.reading,
    }
}

async fn serve(
    listen: Listen<10102>,
    host: Host,
    notices: Vec<String>,
    every: Duration,
) -> CommandResult {
    let registry = Arc::new(gauges::registry(&host.metrics, host.engine.clone()));
    let for_metrics = host.clone();
    let readable = api::readable(Readable {
        engine: host.engine.clone(),
        metrics: Arc::new(move |format| {
            let mut body = containers(&for_metrics, format)?;
            body.extend(api::registry_body(&registry, format)?);
            Ok(body)
        }),
        page: Arc::new(move |engine| {
            let frame = Frame { title: "loadline up", notices: &notices, refresh_seconds: 5 };
            page::render(engine, &frame)
        }),
    });
    let ready = Ready::waiting_for("the first look at the host");
    let router = readable.merge(health(ready.clone()));
    let watch = tokio::spawn(watch(host, ready, every));
    let served = listen.serve(router).await;
    watch.abort();
    served
}

/// The exporter's part of `/metrics`, without the mark of the end: the scaler's part follows.
fn containers(host: &Host, format: web::Format) -> Result<Vec<u8>, web::Error> {
    let mut body = Vec::new();
    let mut collector = host.collector();
    collector.collect(now());
    let broken = |error| web::Error::internal(format!("cannot write the metrics: {error}"));
    collector.render(format, &mut body).map_err(broken)?;
    let end = b"# EOF\n";
    if body.ends_with(end) {
        body.truncate(body.len() - end.len());
    }
    Ok(body)
}

async fn watch(host: Host, ready: Ready, every: Duration) {
    let mut clock = tokio::time::interval(every);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut source = LocalSource::default();
    loop {
        clock.tick().await;
        let host = host.clone();
        let looked = tokio::task::spawn_blocking(move || {
            host.tick(&mut source);
            source
        });
        match looked.await {
            Ok(back) => source = back,
            Err(error) => {
                tracing::error!("a look at the host failed, beginning anew: {error}");
                source = LocalSource::default();
            }
        }
        ready.set();
    }
}
