//! One line a run.

use crate::simulate::{Run, Spread};

/// The columns of `metrics_summary.csv`, in order.
pub const COLUMNS: [&str; 31] = [
    "policy",
    "forecaster",
    "replica_hours",
    "under_time_percent",
    "under_volume_percent",
    "over_percent",
    "actions",
    "max_replicas",
    "cost",
    "slo_violations_percent",
    "theta_under_percent",
    "theta_over_percent",
    "tau_under_percent",
    "tau_over_percent",
    "instability_percent",
    "deviation",
    "over_time_percent",
    "under_events",
    "slack_percent",
    "cpu_mean_percent",
    "latency_mean_ms",
    "latency_p50_ms",
    "latency_p95_ms",
    "latency_p99_ms",
    "response_mean_ms",
    "response_p50_ms",
    "response_p95_ms",
    "response_p99_ms",
    "refused_percent",
    "steps",
    "clips",
];

/// The line of a run: every figure in full.
pub fn record(run: &Run) -> Vec<String> {
    let of = &run.figures;
    let clips: Vec<String> =
        of.clips.iter().map(|(reason, count)| format!("{}={count}", reason.name())).collect();
    let number = |value: f64| if value.is_finite() { value.to_string() } else { String::new() };
    let mut cells = vec![run.policy.clone(), run.forecaster.clone()];
    let first = [of.replica_hours, of.under_time_percent, of.under_volume_percent, of.over_percent];
    cells.extend(first.map(number));
    cells.extend([of.actions.to_string(), of.max_replicas.to_string()]);
    let shares = [
        of.cost,
        of.slo_violations_percent,
        of.theta_under,
        of.theta_over,
        of.tau_under,
        of.tau_over,
        of.instability,
        of.deviation(),
        of.over_time_percent,
    ];
    cells.extend(shares.map(number));
    cells.push(of.under_events.to_string());
    cells.extend([of.slack_percent, of.cpu_percent].map(number));
    let spread = |of: Spread| [of.mean, of.p50, of.p95, of.p99].map(number);
    cells.extend(spread(of.latency_ms));
    cells.extend(spread(of.response_ms));
    cells.extend([number(of.refused_percent), of.steps.to_string(), clips.join(";")]);
    cells
}
