//! The names of the metrics that rules and dashboards may use.

use std::collections::BTreeSet;
use std::sync::{Arc, RwLock};

use loadline::config::{Detection, Forecast};
use loadline::policy::Action;
use loadline::scaler::engine::Engine;
use loadline::scaler::gauges::{LoopMetrics, registry};
use loadline::target::Dimension;

/// What Prometheus makes itself.
const PROMETHEUS: [&str; 4] = ["up", "ALERTS", "scrape_duration_seconds", "scrape_samples_scraped"];

/// What the scaler publishes, as scraped: read from what it writes.
pub fn of_scaler() -> BTreeSet<String> {
    let metrics = LoopMetrics::default();
    // A family without a series is not written.
    metrics.begin_at_zero(["shop"]);
    metrics.decided(Dimension::Cpu, Action::NoScaling);
    let engine = Engine::new(Detection::default(), Forecast::default(), 1);
    let registry = registry(&metrics, Arc::new(RwLock::new(engine)));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).expect("in memory");
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let names = types.map(|(name, kind)| match kind {
        "counter" => format!("{name}_total"),
        _ => name.to_owned(),
    });
    let names: BTreeSet<String> = names.collect();
    assert!(names.contains("loadline_forecast") && names.contains("loadline_decisions_total"));
    names
}

/// All of them, the exporter's from its own table.
pub fn known() -> BTreeSet<String> {
    let exporter = loadline::exporter::table::families().map(|(_, family)| family.name);
    let others = exporter.chain(PROMETHEUS).map(str::to_owned);
    let known: BTreeSet<String> = others.chain(of_scaler()).collect();
    assert!(known.contains("container_cpu_usage_seconds_total"), "the exporter's table was read");
    known
}
