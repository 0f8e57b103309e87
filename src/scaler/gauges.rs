//! What the scaler publishes of itself and of every target. Labels of a target's gauges: `target`
//! (its id), `rule`, `name` and `target_instance` (its own `instance`; a scrape would overwrite
//! `instance`), and nothing that a target's owner can multiply.

mod arms;
mod counters;
mod forecast;
pub mod seeds;
#[cfg(test)]
mod tests;

use std::fmt::Error;
use std::path::Path;
use std::sync::{Arc, RwLock};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeMetric, LabelSetEncoder, MetricEncoder,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

pub use counters::LoopMetrics;

use super::engine::{Engine, TargetState};
use crate::exporter::Process;
use crate::guard::ClipReason;
use crate::target::Signal;

/// A registry of the loop's own metrics and of every target of `engine`.
pub fn registry(metrics: &LoopMetrics, engine: Arc<RwLock<Engine>>) -> Registry {
    let mut registry = Registry::default();
    metrics.register(&mut registry);
    registry.register_collector(Box::new(TargetGauges(engine)));
    registry
}

/// Adds the gauges and counters of the third seed.
pub fn register_seeds(registry: &mut Registry, metrics: &LoopMetrics, engine: Arc<RwLock<Engine>>) {
    registry.register_collector(Box::new(seeds::SeedGauges(engine)));
    metrics.register_seeds(registry);
}

/// Reads the engine at each scrape.
struct TargetGauges(Arc<RwLock<Engine>>);

impl std::fmt::Debug for TargetGauges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TargetGauges")
    }
}

/// The labels of one series: the target's own, and those of the family.
struct SeriesLabels<'a> {
    target: [(&'static str, &'a str); 4],
    more: &'a [(&'static str, &'a str)],
}

impl EncodeLabelSet for SeriesLabels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder) -> Result<(), Error> {
        self.target.as_slice().encode(encoder)?;
        self.more.encode(encoder)
    }
}

/// One family under way.
struct Series<'e> {
    encoder: MetricEncoder<'e>,
}

impl Series<'_> {
    fn put(
        &mut self,
        rule: &str,
        state: &TargetState,
        more: &[(&'static str, &str)],
        value: f64,
    ) -> Result<(), Error> {
        let label = |name: &str| state.target.labels.get(name).map_or("", String::as_str);
        let target = [
            ("target", state.target.id.as_str()),
            ("rule", rule),
            ("name", label("name")),
            ("target_instance", label("instance")),
        ];
        ConstGauge::new(value).encode(self.encoder.encode_family(&SeriesLabels { target, more })?)
    }
}

impl Collector for TargetGauges {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), Error> {
        // A poisoned lock means a panic in a tick; the last good state is still worth reading.
        let engine = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        for family in FAMILIES.iter().chain(&forecast::FAMILIES).chain(&arms::FAMILIES) {
            let metric =
                encoder.encode_descriptor(family.name, family.help, None, MetricType::Gauge)?;
            let mut series = Series { encoder: metric };
            for (rule, _, state) in engine.targets() {
                (family.put)(&mut series, rule, state)?;
            }
        }
        let mut metric = encoder.encode_descriptor(
            "loadline_targets",
            "Targets a rule knows, by mode",
            None,
            MetricType::Gauge,
        )?;
        for (rule, mode, count) in engine.rules() {
            let labels = [("rule", rule.as_ref()), ("mode", mode.name())];
            ConstGauge::new(count as f64).encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

/// One family of per-target gauges.
struct TargetFamily {
    name: &'static str,
    help: &'static str,
    put: fn(&mut Series<'_>, &str, &TargetState) -> Result<(), Error>,
}

const FAMILIES: [TargetFamily; 11] = [
    TargetFamily {
        name: "loadline_anomaly_score",
        help: "How unusual the target is now, from 0 to 1",
        put: |s, rule, t| match &t.assessment {
            Some(a) => s.put(rule, t, &[], a.score),
            None => Ok(()),
        },
    },
    TargetFamily {
        name: "loadline_anomaly_alert_score",
        help: "What of the score is worth an alert, from 0 to 1; 0 while an earlier moment was worth more",
        put: |s, rule, t| match &t.assessment {
            Some(a) => s.put(rule, t, &[], a.alert_score),
            None => Ok(()),
        },
    },
    TargetFamily {
        name: "loadline_anomaly_last_alert_timestamp_seconds",
        help: "When the alert score last reached the threshold, in seconds since the Unix epoch",
        put: |s, rule, t| match t.alerted_at {
            Some(at) => s.put(rule, t, &[], at.millis() as f64 / 1000.0),
            None => Ok(()),
        },
    },
    TargetFamily {
        name: "loadline_anomaly_threshold",
        help: "The score from which the target counts as anomalous, and the alert score from which it alerts",
        put: |s, rule, t| match &t.assessment {
            Some(a) => s.put(rule, t, &[], a.threshold),
            None => Ok(()),
        },
    },
    TargetFamily {
        name: "loadline_anomalous",
        help: "Whether the target counts as anomalous",
        put: |s, rule, t| match &t.assessment {
            Some(a) => s.put(rule, t, &[], f64::from(u8::from(a.anomalous))),
            None => Ok(()),
        },
    },
    TargetFamily {
        name: "loadline_feature_contribution",
        help: "Share of a feature in an anomalous score, from 0 to 1; the strongest features only",
        put: |s, rule, t| {
            let anomalous = t.assessment.iter().filter(|a| a.anomalous);
            for c in anomalous.flat_map(|a| &a.contributors) {
                s.put(rule, t, &[("feature", &c.feature)], c.share)?;
            }
            Ok(())
        },
    },
    TargetFamily {
        name: "loadline_desired",
        help: "The size decided on, in cores, bytes or replicas",
        put: |s, rule, t| {
            for (dimension, state) in &t.dimensions {
                if let Some(size) = state.decision.as_ref().and_then(|d| d.desired) {
                    s.put(rule, t, &[("dimension", dimension.name())], size)?;
                }
            }
            Ok(())
        },
    },
    TargetFamily {
        name: "loadline_current",
        help: "The limit in force in cores or bytes, or the replicas there are; absent where there is none or it is not known",
        put: |s, rule, t| {
            for (dimension, state) in &t.dimensions {
                let current = state.decision.as_ref().and_then(|d| d.current);
                if let Some(size) = current.and_then(|c| c.value()) {
                    s.put(rule, t, &[("dimension", dimension.name())], size)?;
                }
            }
            Ok(())
        },
    },
    TargetFamily {
        name: "loadline_replicas_ready",
        help: "Replicas that serve, at the last evaluation",
        put: |s, rule, t| match t.measured(Signal::ReplicasReady) {
            Some(count) => s.put(rule, t, &[], count),
            None => Ok(()),
        },
    },
    TargetFamily {
        name: "loadline_decision_clipped",
        help: "Whether the guard changed or held the last proposal, by reason",
        put: |s, rule, t| {
            for (dimension, state) in &t.dimensions {
                let Some(decision) = &state.decision else { continue };
                for reason in ClipReason::ALL {
                    let clipped = decision.clips.iter().any(|c| c.reason == reason);
                    let labels = [("dimension", dimension.name()), ("reason", reason.name())];
                    s.put(rule, t, &labels, f64::from(u8::from(clipped)))?;
                }
            }
            Ok(())
        },
    },
    TargetFamily {
        name: "loadline_input_freshness_seconds",
        help: "Age of the target's newest sample at the last evaluation",
        put: |s, rule, t| match (t.sampled_at, t.evaluated_at()) {
            (Some(sampled), Some(now)) => s.put(rule, t, &[], now.since(sampled).as_secs_f64()),
            _ => Ok(()),
        },
    },
];

/// What every exporter says of its own process, under the names that all of them use.
#[derive(Debug)]
struct OwnProcess;

impl Collector for OwnProcess {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), Error> {
        let process = Process::read(Path::new("/proc"));
        let seconds = |ns: Option<u64>| ns.map(|ns| ns as f64 / 1e9);
        let whole = |n: Option<u64>| n.map(|n| n as f64);
        if let Some(cpu) = seconds(process.cpu_ns) {
            let help = "Total user and system CPU time spent in seconds";
            let metric = encoder.encode_descriptor(
                "process_cpu_seconds",
                help,
                None,
                MetricType::Counter,
            )?;
            ConstCounter::new(cpu).encode(metric)?;
        }
        let gauges = [
            ("process_max_fds", "Maximum number of open file descriptors", whole(process.max_fds)),
            ("process_open_fds", "Number of open file descriptors", whole(process.open_fds)),
            (
                "process_resident_memory_bytes",
                "Resident memory size in bytes",
                whole(process.resident_bytes),
            ),
            (
                "process_start_time_seconds",
                "Start time of the process since unix epoch in seconds",
                seconds(process.start_ns),
            ),
            (
                "process_virtual_memory_bytes",
                "Virtual memory size in bytes",
                whole(process.virtual_bytes),
            ),
        ];
        for (name, help, value) in gauges {
            if let Some(value) = value {
                let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
                ConstGauge::new(value).encode(metric)?;
            }
        }
        let help = "Always 1; the labels tell the build";
        let mut metric =
            encoder.encode_descriptor("loadline_build_info", help, None, MetricType::Gauge)?;
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        ConstGauge::new(1.0).encode(metric.encode_family(&version)?)
    }
}

/// Adds what is known of this process and its build. The exporter's part of `loadline up` has it already.
pub fn register_own_process(registry: &mut Registry) {
    registry.register_collector(Box::new(OwnProcess));
}
