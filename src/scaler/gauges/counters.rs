//! What the loop counts of itself.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::policy::Action;
use crate::target::Dimension;

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

    pub(super) fn register(&self, registry: &mut Registry) {
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

    /// Those of the third seed.
    pub(super) fn register_seeds(&self, registry: &mut Registry) {
        registry.register(
            "ml_predictions",
            "Decisions about replicas, by what is left of them",
            self.predictions.clone(),
        );
        registry.register(
            "ml_prediction_errors",
            "Decisions about replicas that could not be taken",
            self.prediction_errors.clone(),
        );
    }
}
