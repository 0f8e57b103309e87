//! The feature set `kubernetes`: what a service's metrics say of the replicas it needs.
//!
//! One [`Record`] a service and moment; [`Extractor`] turns the records of one service, in the order of
//! their time, into feature vectors. Files and live metrics go through the same extractor, so a model is
//! asked about what it has learnt.

use std::collections::VecDeque;
use std::f64::consts::TAU;
use std::sync::{Arc, LazyLock};

use super::pace::{Follows, OutOfOrder, Pace};
use super::rolling::{deviation, quantile};
use super::{Features, Schema};
use crate::units::Timestamp;

/// The metrics of a record, in order.
pub const METRICS: [&str; 18] = [
    "cpu_usage_percent",
    "cpu_usage_percent_last_5_min",
    "cpu_usage_percent_slope",
    "ram_usage_percent",
    "ram_usage_percent_last_5_min",
    "ram_usage_percent_slope",
    "request_count_per_second",
    "request_count_per_second_last_5_min",
    "response_time_ms",
    "cpu_request",
    "cpu_limit",
    "ram_request",
    "ram_limit",
    "queue_length",
    "error_rate",
    "pod_restart_count",
    "node_cpu_pressure_flag",
    "node_memory_pressure_flag",
];

/// What is made of them, in order.
pub const ENGINEERED: [&str; 15] = [
    "hour_sin",
    "hour_cos",
    "cpu_utilization_ratio",
    "ram_utilization_ratio",
    "cpu_change_rate",
    "ram_change_rate",
    "request_change_rate",
    "cpu_rolling_std",
    "ram_rolling_std",
    "request_rolling_max",
    "response_time_rolling_p95",
    "cpu_per_replica",
    "ram_per_replica",
    "requests_per_replica",
    "system_pressure",
];

/// The columns of a CSV file of records.
pub const COLUMNS: [&str; 23] = {
    let mut columns = ["timestamp"; 23];
    columns[1] = "service_name";
    let mut i = 0;
    while i < METRICS.len() {
        columns[2 + i] = METRICS[i];
        i += 1;
    }
    columns[20] = "replica_count";
    columns[21] = "is_holiday";
    columns[22] = "is_weekend";
    columns
};

/// How many samples the rolling features look at: five minutes of records every 30 seconds.
pub const WINDOW: usize = 10;

/// Above these a service is under pressure.
pub mod pressure {
    /// In percent.
    pub const CPU: f64 = 70.0;
    /// In percent.
    pub const RAM: f64 = 75.0;
    /// In milliseconds.
    pub const RESPONSE_TIME: f64 = 500.0;
    /// A ratio, 0–1.
    pub const ERROR_RATE: f64 = 0.05;
}

static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(|| {
    let names = METRICS.iter().chain(&ENGINEERED);
    Arc::new(Schema::new(names.map(|name| (*name).to_owned()).collect()))
});

/// The names of the features: the metrics, then what is made of them.
pub fn schema() -> Arc<Schema> {
    Arc::clone(&SCHEMA)
}

/// The metrics of [`METRICS`], by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Metric {
    /// CPU in use, in percent.
    Cpu = 0,
    /// The mean of the CPU in use.
    CpuMean = 1,
    /// Its slope, in percent a sample.
    CpuSlope = 2,
    /// Memory in use, in percent.
    Ram = 3,
    /// The mean of the memory in use.
    RamMean = 4,
    /// Its slope, in percent a sample.
    RamSlope = 5,
    /// Requests a second.
    Requests = 6,
    /// Their mean.
    RequestsMean = 7,
    /// The 95th percentile of the response time, in milliseconds.
    ResponseTime = 8,
    /// CPU asked for.
    CpuRequest = 9,
    /// CPU allowed.
    CpuLimit = 10,
    /// Memory asked for.
    RamRequest = 11,
    /// Memory allowed.
    RamLimit = 12,
    /// Requests that wait.
    QueueLength = 13,
    /// Requests that failed, as a ratio.
    ErrorRate = 14,
    /// Restarts.
    Restarts = 15,
    /// 1 where the node has too little CPU.
    NodeCpuPressure = 16,
    /// 1 where the node has too little memory.
    NodeMemoryPressure = 17,
}

/// One row: what was measured of a service at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The moment.
    pub at: Timestamp,
    /// The service.
    pub service: Arc<str>,
    /// The metrics in the order of [`METRICS`]; `None` where nothing was measured.
    pub metrics: [Option<f64>; METRICS.len()],
    /// How many replicas there are.
    pub replicas: Option<f64>,
    /// Whether it is a holiday where the users are.
    pub is_holiday: Option<bool>,
    /// Whether it is a weekend there.
    pub is_weekend: Option<bool>,
}

impl Record {
    /// A record of which nothing was measured.
    pub fn empty(at: Timestamp, service: Arc<str>) -> Self {
        let metrics = [None; METRICS.len()];
        Self { at, service, metrics, replicas: None, is_holiday: None, is_weekend: None }
    }

    /// The value of `metric`.
    pub fn get(&self, metric: Metric) -> Option<f64> {
        self.metrics[metric as usize]
    }

    /// Sets the value of `metric`.
    pub fn set(&mut self, metric: Metric, value: f64) {
        self.metrics[metric as usize] = Some(value);
    }
}

/// The records of one service → feature vectors, looking at the past only.
///
/// A mean or slope that a record brings along counts; one that it lacks is computed by the formula of
/// those who bring it: over the last [`WINDOW`] records, this one among them. After a pause the windows
/// start anew. What is missing stays missing.
#[derive(Clone, Debug, Default)]
pub struct Extractor {
    pace: Pace,
    /// The last [`WINDOW`] records, the current one last.
    recent: VecDeque<Record>,
}

impl Extractor {
    /// The features of the next record. A record of the same instant as the one before replaces it.
    ///
    /// # Errors
    /// A record older than the one before it; then nothing has changed.
    pub fn push(&mut self, record: Record) -> Result<Features, OutOfOrder> {
        match self.pace.step(record.at)? {
            Follows::Anew => self.recent.clear(),
            Follows::Again => drop(self.recent.pop_back()),
            Follows::Next if self.recent.len() == WINDOW => drop(self.recent.pop_front()),
            Follows::Next => {}
        }
        let mut metrics = record.metrics;
        let engineered_at = record.at;
        self.recent.push_back(record);
        for (metric, mean, slope) in [
            (Metric::Cpu, Metric::CpuMean, Some(Metric::CpuSlope)),
            (Metric::Ram, Metric::RamMean, Some(Metric::RamSlope)),
            (Metric::Requests, Metric::RequestsMean, None),
        ] {
            let (computed_mean, computed_slope) = self.trend(metric);
            metrics[mean as usize] = metrics[mean as usize].or(computed_mean);
            if let Some(slope) = slope {
                metrics[slope as usize] = metrics[slope as usize].or(computed_slope);
            }
        }
        let engineered = self.engineered(engineered_at);
        Ok(Features::new(schema(), metrics.into_iter().chain(engineered)))
    }

    /// Whether the newest record is the first one, or the first after a pause.
    pub fn begins_anew(&self) -> bool {
        self.recent.len() <= 1
    }

    /// The last values of `metric`, the current one last.
    fn values(&self, metric: Metric) -> impl Iterator<Item = Option<f64>> + '_ {
        self.recent.iter().map(move |record| record.get(metric))
    }

    fn known(&self, metric: Metric) -> Vec<f64> {
        self.values(metric).flatten().collect()
    }

    /// Mean, and least-squares slope a record.
    fn trend(&self, metric: Metric) -> (Option<f64>, Option<f64>) {
        let points: Vec<(f64, f64)> = self
            .values(metric)
            .enumerate()
            .filter_map(|(place, value)| Some((place as f64, value?)))
            .collect();
        let sum: f64 = points.iter().map(|(_, value)| value).sum();
        let mean = (!points.is_empty()).then(|| sum / points.len() as f64);
        (mean, super::rolling::slope(&points))
    }

    /// The features of [`ENGINEERED`].
    fn engineered(&self, at: Timestamp) -> [Option<f64>; ENGINEERED.len()] {
        let now = |metric| self.values(metric).last().flatten();
        let change = |metric| {
            let before = self.recent.len().checked_sub(2)?;
            Some(now(metric)? - self.recent[before].get(metric)?)
        };
        // A limit of nothing is no limit.
        let utilization = |usage, limit| {
            let limit = now(limit).filter(|limit| *limit > 0.0)?;
            Some(now(usage)? / (limit + 1e-6))
        };
        let replicas = self.recent.back().and_then(|record| record.replicas);
        let per_replica = |metric| Some(now(metric)? / (replicas? + 1.0));
        let percentile = |metric| {
            let mut known = self.known(metric);
            known.sort_unstable_by(f64::total_cmp);
            (!known.is_empty()).then(|| quantile(&known, 0.95))
        };
        let angle = TAU * hour_of_day(at) / 24.0;
        [
            Some(angle.sin()),
            Some(angle.cos()),
            utilization(Metric::Cpu, Metric::CpuLimit),
            utilization(Metric::Ram, Metric::RamLimit),
            change(Metric::Cpu),
            change(Metric::Ram),
            change(Metric::Requests),
            deviation(&self.known(Metric::Cpu)),
            deviation(&self.known(Metric::Ram)),
            self.known(Metric::Requests).into_iter().reduce(f64::max),
            percentile(Metric::ResponseTime),
            per_replica(Metric::Cpu),
            per_replica(Metric::Ram),
            per_replica(Metric::Requests),
            self.recent.back().and_then(system_pressure),
        ]
    }
}

/// How many signs of pressure there are; those that were not measured do not count. `None` where none was
/// measured.
fn system_pressure(record: &Record) -> Option<f64> {
    let above = |metric, limit: f64| record.get(metric).map(|value| f64::from(value > limit));
    let signs = [
        above(Metric::Cpu, pressure::CPU),
        above(Metric::Ram, pressure::RAM),
        above(Metric::ResponseTime, pressure::RESPONSE_TIME),
        above(Metric::ErrorRate, pressure::ERROR_RATE),
        record.get(Metric::NodeCpuPressure),
        record.get(Metric::NodeMemoryPressure),
    ];
    signs.into_iter().flatten().reduce(|sum, sign| sum + sign)
}

/// The full hour of the day in UTC, 0–23.
pub(super) fn hour_of_day(at: Timestamp) -> f64 {
    at.millis().div_euclid(3_600_000).rem_euclid(24) as f64
}

#[cfg(test)]
mod tests;
