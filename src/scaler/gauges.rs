//! What the scaler publishes of itself and of every target. Labels of a target's gauges: `target`
//! (its id), `rule`, `name` and `target_instance` (its own `instance`; a scrape would overwrite
//! `instance`), and nothing that a target's owner can multiply.

mod arms;
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
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

use super::engine::{Engine, TargetState};
use crate::exporter::Process;
use crate::guard::ClipReason;
use crate::policy::Action;
use crate::target::{Dimension, Signal};

type Labels<const N: usize> = [(&'static str, String); N];

/// Counters and gauges of the loop itself. Cheap to clone: every clone counts into the same cells.
#[derive(Clone, Default)]
pub struct LoopMetrics {
    decisions: Family<Labels<2>, Counter>,
    actions: Family<Labels<2>, Counter>,
    webhooks: Family<Labels<1>, Counter>,
    query_failures: Family<Labels<1>, Counter>,
    predictions: Family<Labels<2>, Counter>,
    prediction_errors: Family<Labels<2>, Counter>,
    /// 1 while the configuration in force is the one on disk at the last reload.
    pub reload_success: Gauge,
    /// How long the last tick took, in seconds.
    pub tick_duration_seconds: Gauge<f64, std::sync::atomic::AtomicU64>,
}

impl LoopMetrics {
    /// Counts a decision.
    pub fn decided(&self, dimension: Dimension, action: Action) {
        let action = match action {
            Action::ScaleUp => "scale_up",
            Action::ScaleDown => "scale_down",
            Action::NoScaling => "hold",
        };
        self.decisions
            .get_or_create(&[
                ("dimension", dimension.name().to_owned()),
                ("action", action.to_owned()),
            ])
            .inc();
    }

    /// Counts a decision about the replicas of a service, as the third seed does. One without a size is an
    /// error: nothing was known.
    pub fn predicted(&self, service: &str, action: Action, desired: Option<f64>) {
        let (family, name, value) = match (desired, action) {
            (None, _) => (&self.prediction_errors, "error_type", "no_data"),
            (_, Action::ScaleUp) => (&self.predictions, "action", "scale_up"),
            (_, Action::ScaleDown) => (&self.predictions, "action", "scale_down"),
            (_, Action::NoScaling) => (&self.predictions, "action", "no_change"),
        };
        let labels = [("service", service.to_owned()), (name, value.to_owned())];
        family.get_or_create(&labels).inc();
    }

    /// Counts an action by its result: `applied`, `rolled_back`, `failed` or `superseded`.
    pub fn acted(&self, dimension: Dimension, result: &'static str) {
        self.actions
            .get_or_create(&[
                ("dimension", dimension.name().to_owned()),
                ("result", result.to_owned()),
            ])
            .inc();
    }

    /// Counts a webhook by its result (`alerts::Host::answered`).
    pub fn webhook(&self, result: &'static str) {
        self.webhooks.get_or_create(&[("result", result.to_owned())]).inc();
    }

    /// Counts a query that failed.
    pub fn query_failed(&self, rule: &str) {
        self.query_failures.get_or_create(&[("rule", rule.to_owned())]).inc();
    }

    /// Makes every series that may count failures exist at zero: `increase()` misses the first event
    /// of a series that did not exist before it.
    pub fn begin_at_zero<'a>(&self, rules: impl IntoIterator<Item = &'a str>) {
        for dimension in Dimension::ALL {
            for result in ["applied", "rolled_back", "failed", "superseded"] {
                let labels =
                    [("dimension", dimension.name().to_owned()), ("result", result.to_owned())];
                let _ = self.actions.get_or_create(&labels);
            }
        }
        for result in ["accepted", "malformed", "too_large", "unavailable"] {
            let _ = self.webhooks.get_or_create(&[("result", result.to_owned())]);
        }
        for rule in rules {
            let _ = self.query_failures.get_or_create(&[("rule", rule.to_owned())]);
        }
    }

    fn register(&self, registry: &mut Registry) {
        let mut counter = |name: &str, help: &str, family: Family<Labels<2>, Counter>| {
            registry.register(name, help, family);
        };
        counter("loadline_decisions", "Decisions by what is left of them", self.decisions.clone());
        counter("loadline_actions", "Changes attempted, by result", self.actions.clone());
        registry.register(
            "loadline_webhooks",
            "Alertmanager webhooks received, by result",
            self.webhooks.clone(),
        );
        registry.register(
            "loadline_query_failures",
            "Queries that brought no answer",
            self.query_failures.clone(),
        );
        registry.register(
            "loadline_config_reload_success",
            "Whether the last reload of the configuration succeeded",
            self.reload_success.clone(),
        );
        registry.register(
            "loadline_tick_duration_seconds",
            "How long the last evaluation of all targets took",
            self.tick_duration_seconds.clone(),
        );
    }
}

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
    registry.register(
        "ml_predictions",
        "Decisions about replicas, by what is left of them",
        metrics.predictions.clone(),
    );
    registry.register(
        "ml_prediction_errors",
        "Decisions about replicas that could not be taken",
        metrics.prediction_errors.clone(),
    );
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
