//! The names of the metrics that rules and dashboards may use.

use std::collections::BTreeSet;

/// What the scaler publishes, as scraped.
const SCALER: [&str; 17] = [
    "loadline_anomaly_score",
    "loadline_anomaly_alert_score",
    "loadline_anomaly_last_alert_timestamp_seconds",
    "loadline_anomaly_threshold",
    "loadline_anomalous",
    "loadline_feature_contribution",
    "loadline_desired",
    "loadline_current",
    "loadline_decision_clipped",
    "loadline_input_freshness_seconds",
    "loadline_decisions_total",
    "loadline_actions_total",
    "loadline_webhooks_total",
    "loadline_query_failures_total",
    "loadline_targets",
    "loadline_config_reload_success",
    "loadline_tick_duration_seconds",
];

/// What Prometheus makes itself.
const PROMETHEUS: [&str; 4] = ["up", "ALERTS", "scrape_duration_seconds", "scrape_samples_scraped"];

/// All of them, the exporter's from its own table.
pub fn known() -> BTreeSet<String> {
    let exporter = loadline::exporter::table::families().map(|(_, family)| family.name);
    let known: BTreeSet<String> =
        exporter.chain(SCALER).chain(PROMETHEUS).map(str::to_owned).collect();
    assert!(known.contains("container_cpu_usage_seconds_total"), "the exporter's table was read");
    known
}
