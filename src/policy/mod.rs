//! Signals, scores and alerts → a proposal. Pure.

mod ahead;
mod autopilot;
mod aws;
mod ceiling;
mod cloud;
#[cfg(test)]
pub(crate) mod fixtures;
mod histogram;
mod hpa;
mod keda;
mod knative;
mod ladder;
mod limit;
mod pause;
pub mod plant;
pub mod safety_net;
mod senpai;
mod service;
pub mod shadow;
pub mod size;
mod static_count;
mod step;
#[cfg(test)]
mod tests;
mod threshold;
mod thresholds;
pub mod vertical_shadow;
mod vpa;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config;
use crate::detect::Assessment;
use crate::forecast::Forecast;
use crate::promql::Freshness;
use crate::target::{Dimension, TargetId};
use crate::units::{Limit, Timestamp};

/// Everything that one decision reads: one target, one dimension, one moment.
/// Amounts are in the dimension's unit: cores, bytes or replicas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Situation {
    /// The moment.
    pub at: Timestamp,
    /// The target.
    pub target: TargetId,
    /// What of it is moved.
    pub dimension: Dimension,
    /// The limit in force, or the replicas that were asked for; `None` where it is not known.
    pub current: Option<Limit<f64>>,
    /// What is used now: CPU cores, or working-set bytes; of replicas, the load of all of them together.
    pub usage: Option<f64>,
    /// The most that was used within the guard's `peak_window`.
    #[serde(default)]
    pub peak: Option<f64>,
    /// Share of enforcement periods with throttling, 0–1 (CPU only).
    #[serde(default)]
    pub throttled_ratio: Option<f64>,
    /// Share of time in which some task waited for this resource (PSI), 0–1.
    #[serde(default)]
    pub pressure_ratio: Option<f64>,
    /// Processes killed for lack of memory since the last tick (memory only).
    #[serde(default)]
    pub oom_kills: Option<f64>,
    /// The worst freshness of what this decision rests on.
    pub freshness: Freshness,
    /// What the detector thinks of this moment; `None` while it has no model.
    #[serde(default)]
    pub assessment: Option<Assessment>,
    /// The alerts that stand for this target and dimension.
    #[serde(default)]
    pub alerts: Vec<AlertSignal>,
    /// What only replicas have.
    #[serde(default)]
    pub workload: Option<Workload>,
    /// What is expected of `usage`; `None` while no model knows enough.
    #[serde(default)]
    pub forecast: Option<Arc<Forecast>>,
}

/// What a decision about replicas reads besides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// The load that one replica carries, in the unit of [`Situation::usage`].
    pub capacity: f64,
    /// Replicas that serve; `None` where it is not known. Those that `current` has beyond are starting.
    #[serde(default)]
    pub ready: Option<f64>,
    /// How long a new replica takes until it serves.
    #[serde(with = "crate::units::duration", default)]
    pub startup_delay: Duration,
    /// How long an answer takes, at a high quantile.
    #[serde(default)]
    pub latency_seconds: Option<f64>,
    /// The mean use of the replicas' CPU, 0–1.
    #[serde(default)]
    pub cpu_ratio: Option<f64>,
    /// The mean use of the replicas' memory, 0–1.
    #[serde(default)]
    pub memory_ratio: Option<f64>,
    /// The share of requests that fail, 0–1.
    #[serde(default)]
    pub error_ratio: Option<f64>,
}

impl Workload {
    /// A workload of which nothing is measured.
    pub fn new(capacity: f64, startup_delay: Duration) -> Self {
        Self {
            capacity,
            ready: None,
            startup_delay,
            latency_seconds: None,
            cpu_ratio: None,
            memory_ratio: None,
            error_ratio: None,
        }
    }
}

impl Situation {
    /// A fresh, quiet moment in which so much was used; what there was of it is not known.
    pub fn of_usage(at: Timestamp, target: TargetId, dimension: Dimension, usage: f64) -> Self {
        Self {
            at,
            target,
            dimension,
            current: None,
            usage: Some(usage),
            peak: None,
            throttled_ratio: None,
            pressure_ratio: None,
            oom_kills: None,
            freshness: Freshness::Fresh,
            assessment: None,
            alerts: Vec::new(),
            workload: None,
            forecast: None,
        }
    }

    /// The same of a service under this load.
    pub fn of_load(at: Timestamp, target: TargetId, load: f64, workload: Workload) -> Self {
        let workload = Some(workload);
        Self { workload, ..Self::of_usage(at, target, Dimension::Replicas, load) }
    }

    /// The limit in force, unless it is not a positive, finite number.
    pub fn limit(&self) -> Option<Limit<f64>> {
        self.current.filter(|limit| match limit {
            Limit::At(size) => size.is_finite() && *size > 0.0,
            Limit::Max => true,
        })
    }

    /// What is used in the unit of the limit: of replicas, how many of them the load fills.
    /// `None` where it is not known.
    pub fn used(&self) -> Option<f64> {
        let usage = known(self.usage)?;
        match self.dimension {
            Dimension::Cpu | Dimension::Memory => Some(usage),
            Dimension::Replicas => {
                let capacity = known(Some(self.workload.as_ref()?.capacity))?;
                known(Some(usage / capacity))
            }
        }
    }

    /// Whether the detector calls this moment unusual; without a model nothing is.
    pub fn anomalous(&self) -> bool {
        self.assessment.as_ref().is_some_and(|a| a.anomalous)
    }

    /// The alerts that are not forgotten yet.
    pub fn standing_alerts(&self) -> impl Iterator<Item = &AlertSignal> {
        self.alerts.iter().filter(|alert| alert.expires_at > self.at)
    }

    /// How many processes were killed for lack of memory since the last tick; zero for the CPU.
    pub fn memory_kills(&self) -> f64 {
        match self.dimension {
            Dimension::Cpu | Dimension::Replicas => 0.0,
            Dimension::Memory => known(self.oom_kills).unwrap_or(0.0),
        }
    }
}

/// A measured amount, unless it is negative or not finite.
pub fn known(amount: Option<f64>) -> Option<f64> {
    amount.filter(|v| v.is_finite() && *v >= 0.0)
}

/// An alert as a policy sees it: a weight that expires, never a command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertSignal {
    /// The alert's name.
    pub alertname: String,
    /// Alertmanager's fingerprint of its labels.
    pub fingerprint: String,
    /// How much it counts; from 1 on, the alerts of a target ask for growth by themselves.
    pub weight: f64,
    /// When it is forgotten without a word from Alertmanager.
    pub expires_at: Timestamp,
}

/// The direction of a proposal, in the words of the seeds' logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Raise the limit.
    #[serde(rename = "Scale Up")]
    ScaleUp,
    /// Lower the limit.
    #[serde(rename = "Scale Down")]
    ScaleDown,
    /// Leave it.
    #[serde(rename = "No Scaling")]
    NoScaling,
}

/// What a policy wants, before the guard has looked at it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// The direction.
    pub action: Action,
    /// The wanted size, absolute; `None` where the policy knows too little to name one.
    pub desired: Option<f64>,
    /// Why, one sentence a cause.
    pub reasons: Vec<String>,
}

/// What a policy remembers of one target and dimension from tick to tick.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyState {
    /// The need that a shrink rests on: cores or bytes. `None` before the first known usage.
    pub smoothed_need: Option<f64>,
    /// The pause of `step`.
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<Box<pause::Pause>>,
    /// The windows of `hpa`.
    #[serde(skip_serializing_if = "Option::is_none")]
    hpa: Option<Box<hpa::State>>,
    /// The pause of `cloud` and `ladder`, and the use that their confidence rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    cloud: Option<Box<cloud::State>>,
    /// The points of `target_tracking` and `step_scaling`.
    #[serde(skip_serializing_if = "Option::is_none")]
    aws: Option<Box<aws::State>>,
    /// The windows of `knative`.
    #[serde(skip_serializing_if = "Option::is_none")]
    knative: Option<Box<knative::State>>,
    /// The last work that `keda` saw, and its HPA.
    #[serde(skip_serializing_if = "Option::is_none")]
    keda: Option<Box<keda::State>>,
    /// The services that `default` keeps in shadow.
    #[serde(skip_serializing_if = "Option::is_none")]
    shadow: Option<Box<shadow::Shadow>>,
    /// The limits that `default` keeps in shadow.
    #[serde(skip_serializing_if = "Option::is_none")]
    vertical_shadow: Option<Box<vertical_shadow::State>>,
    /// The histogram of `vpa`.
    #[serde(skip_serializing_if = "Option::is_none")]
    vpa: Option<Box<vpa::State>>,
    /// The window of `autopilot`.
    #[serde(skip_serializing_if = "Option::is_none")]
    autopilot: Option<Box<autopilot::State>>,
    /// The interval of `senpai`.
    #[serde(skip_serializing_if = "Option::is_none")]
    senpai: Option<Box<senpai::State>>,
}

impl PolicyState {
    /// Which rule the policy `default` obeys, and what that rests on; `None` before it obeys one.
    pub fn standing(&self) -> Option<shadow::Standing> {
        self.shadow.as_ref().and_then(|shadow| shadow.standing())
    }

    /// The same where it sizes the limit of `dimension`; `None` before it obeys a rule.
    pub fn limit_standing(&self, dimension: Dimension) -> Option<vertical_shadow::Standing> {
        self.vertical_shadow.as_ref().and_then(|state| state.standing(dimension))
    }
}

/// What `policy` wants in this situation. The state is that of this target and dimension.
///
/// Amounts that are negative or not finite count as unknown, and no answer ever holds one.
pub fn propose(
    policy: &config::Policy,
    situation: &Situation,
    state: &mut PolicyState,
) -> Proposal {
    use config::Policy;
    let proposal = match policy {
        Policy::Shadow(policy) if situation.dimension.resource().is_some() => {
            vertical_shadow::propose(&policy.limits, situation, &mut state.vertical_shadow)
        }
        Policy::Shadow(policy) => shadow::propose(policy, situation, &mut state.shadow),
        Policy::Threshold(policy) => threshold::propose(policy, situation, state),
        Policy::Static(policy) => static_count::propose(policy, situation),
        Policy::SimpleCeiling(_) => ceiling::simple(situation),
        Policy::Buffered(policy) => ceiling::buffered(policy, situation),
        Policy::ConfidenceAware(policy) => ceiling::confidence_aware(policy, situation),
        Policy::Step(policy) => step::propose(policy, situation, &mut state.step),
        Policy::Thresholds(policy) => thresholds::propose(policy, situation),
        Policy::Cloud(policy) => cloud::propose(policy, situation, &mut state.cloud),
        Policy::Ladder(policy) => ladder::propose(policy, situation, &mut state.cloud),
        Policy::TargetTracking(policy) => {
            aws::target_tracking::propose(policy, situation, &mut state.aws)
        }
        Policy::StepScaling(policy) => {
            aws::step_scaling::propose(policy, situation, &mut state.aws)
        }
        Policy::Hpa(policy) => hpa::propose(policy, situation, &mut state.hpa),
        Policy::Knative(policy) => knative::propose(policy, situation, &mut state.knative),
        Policy::Keda(policy) => keda::propose(policy, situation, &mut state.keda),
        Policy::Vpa(policy) => vpa::propose(policy, situation, &mut state.vpa),
        Policy::Autopilot(policy) => autopilot::propose(policy, situation, &mut state.autopilot),
        Policy::Senpai(policy) => senpai::propose(policy, situation, &mut state.senpai),
    };
    match policy.safety_net() {
        Some(net) => safety_net::apply(net, situation, proposal),
        None => proposal,
    }
}

/// What `policy` wants while it still lives through the past elsewhere, and its state knows little: of
/// replicas that the load is carried, of a limit what it wants but no less than there is.
pub fn wait(policy: &config::Policy, situation: &Situation, state: &mut PolicyState) -> Proposal {
    if situation.dimension == Dimension::Replicas {
        return shadow::wait(situation);
    }
    let proposal = propose(policy, situation, state);
    match proposal.action {
        Action::ScaleDown => service::hold(situation, LEARNING),
        Action::ScaleUp | Action::NoScaling => proposal,
    }
}

/// Why nothing is lowered yet.
const LEARNING: &str = "the policy still learns from the past: nothing is lowered";

/// Takes in a moment of the past, from which nothing follows: a policy that learns goes to school, and one
/// that looks back over a window has seen it.
pub fn recall(policy: &config::Policy, situation: &Situation, state: &mut PolicyState) {
    use config::Policy;
    match policy {
        Policy::Shadow(policy) if situation.dimension.resource().is_some() => {
            vertical_shadow::recall(&policy.limits, situation, &mut state.vertical_shadow);
        }
        Policy::Shadow(policy) => shadow::recall(policy, situation, &mut state.shadow),
        // Their windows hold what was found and wished for, whether or not anybody did it.
        Policy::Hpa(_)
        | Policy::Keda(_)
        | Policy::Knative(_)
        | Policy::Vpa(_)
        | Policy::Autopilot(_) => {
            propose(policy, situation, state);
        }
        _ => {}
    }
}
